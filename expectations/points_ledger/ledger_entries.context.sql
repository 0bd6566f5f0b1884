-- An entry against the resident's account as it stands. Entries of one moment follow each other by entry_id.
-- What was accepted before is not called in question by what comes later: the newcomer is.
-- points_ledger.residents: resident_no
-- standing: resident_no, entry_id=reverses_entry_id, reverses_entry_id
with accounts as (
    select s.entry_id, s.resident_no, s.kind, s.points, s.reference_kind, s.reference_no, s.reverses_entry_id, s.entered_at, s.is_accepted
    from standing s
    where exists (select 1 from batch b where b.resident_no = s.resident_no)
),
residents as (
    select r.resident_no, r.compound_code
    from accepted."points_ledger.residents" r
    where exists (select 1 from batch b where b.resident_no = r.resident_no)
),
-- Entries named by a reversal may stand on somebody else's account.
named as (
    select s.entry_id, s.resident_no, s.kind, s.points
    from standing s
    where exists (select 1 from batch b where b.reverses_entry_id = s.entry_id and b.entry_id <> s.entry_id)
),
reversals as (
    select s.entry_id, s.reverses_entry_id, s.entered_at, s.is_accepted
    from standing s
    where s.kind = '冲正' and s.reverses_entry_id is not null
        and (
            exists (select 1 from batch b where b.reverses_entry_id = s.reverses_entry_id)
            or exists (select 1 from accounts a where a.entry_id = s.reverses_entry_id)
        )
),
reversed_before as (
    select b._batch_id, b._row_no, min(v.entry_id) as entry_id
    from batch b
    join reversals v
        on v.reverses_entry_id = b.reverses_entry_id
        and v.entry_id <> b.entry_id
        and (v.is_accepted or v.entered_at < b.entered_at or (v.entered_at = b.entered_at and v.entry_id < b.entry_id))
    where b.kind = '冲正'
    group by b._batch_id, b._row_no
),
-- An act whose entry has been reversed may be entered again.
earned_before as (
    select b._batch_id, b._row_no, min(a.entry_id) as entry_id
    from batch b
    join accounts a
        on a.resident_no = b.resident_no and a.reference_kind = b.reference_kind and a.reference_no = b.reference_no
        and a.entry_id <> b.entry_id
        and (a.is_accepted or a.entered_at < b.entered_at or (a.entered_at = b.entered_at and a.entry_id < b.entry_id))
    where b.kind in ('调解', '议事', '隐患上报', '随手拍') and a.kind in ('调解', '议事', '隐患上报', '随手拍')
        and not exists (select 1 from reversals v where v.reverses_entry_id = a.entry_id and (v.entered_at <= b.entered_at or a.entered_at > b.entered_at))
    group by b._batch_id, b._row_no
),
-- What has been accepted, and what is not a redemption, is there already for every redemption that is judged now.
movements as (
    select
        resident_no,
        entered_at,
        entry_id,
        points,
        is_accepted or kind not in ('兑换实物', '兑换代办', '兑换活动') as is_firm,
        is_accepted and kind in ('兑换实物', '兑换代办', '兑换活动') as is_spent,
        null as _batch_id,
        null as _row_no
    from accounts
    union all
    select resident_no, entered_at, entry_id, 0, true, false, _batch_id, _row_no
    from batch
    where kind in ('兑换实物', '兑换代办', '兑换活动')
),
running as (
    select
        *,
        coalesce(sum(points) filter (is_firm) over upto, 0) as firm,
        coalesce(sum(points) filter (not is_firm) over before, 0) as redeemed_before
    from movements
    window
        upto as (partition by resident_no order by entered_at, entry_id range between unbounded preceding and current row),
        before as (
            partition by resident_no order by entered_at, entry_id
            range between unbounded preceding and current row exclude group
        )
),
-- A redemption must be covered when it is made, and must leave the redemptions accepted after it covered.
balances as (
    select
        _batch_id,
        _row_no,
        redeemed_before + least(
            firm,
            min(firm) filter (is_spent) over (
                partition by resident_no order by entered_at, entry_id
                range between current row and unbounded following
            )
        ) as lowest
    from running
)
select
    b.*,
    r.compound_code as ctx_submitter,
    r.resident_no as ctx_resident_no,
    case when b.kind = '冲正' and b.reverses_entry_id is not null then n.entry_id else b.entry_id end as ctx_reversed_entry_id,
    case when b.kind = '冲正' and b.reverses_entry_id = b.entry_id then b.entry_id end as ctx_reverses_itself,
    case when b.kind = '冲正' and n.kind = '冲正' then n.entry_id end as ctx_reversed_reversal,
    case when b.kind = '冲正' and n.resident_no <> b.resident_no then n.resident_no end as ctx_reversed_resident,
    case when b.kind = '冲正' then nullif(n.points::bigint + b.points, 0) end as ctx_reversal_rest,
    v.entry_id as ctx_reversed_before,
    e.entry_id as ctx_earned_before,
    case
        when b.kind in ('兑换实物', '兑换代办', '兑换活动') and r.resident_no is not null and l.lowest + b.points < 0
            then l.lowest + b.points
    end as ctx_overdrawn
from batch b
left join residents r on r.resident_no = b.resident_no
left join named n on n.entry_id = b.reverses_entry_id and n.entry_id <> b.entry_id
left join reversed_before v on v._batch_id = b._batch_id and v._row_no = b._row_no
left join earned_before e on e._batch_id = b._batch_id and e._row_no = b._row_no
left join balances l on l._batch_id = b._batch_id and l._row_no = b._row_no
