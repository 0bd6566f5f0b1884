-- An invented history, every record of the four sources, a window at a time: what a source would give of the rows that
-- changed at or after `from_at` and before `to_at`. Everything follows from the running number n of a case, which is
-- reported `gap` microseconds after the one before it, so that any window of any history can be made alone.
-- Variables: first_at, from_at, to_at (timestamptz), gap, places and items (bigint, how many there are). Tables from the seeds:
-- places, items, officers, departments.

create or replace macro roll(n, what, sides) as cast(hash(n, what) % sides as integer);
create or replace macro number_at(moment) as
  greatest(epoch_us(moment) - epoch_us(getvariable('first_at')), 0) // getvariable('gap');
create or replace macro in_window(moment) as moment >= getvariable('from_at') and moment < getvariable('to_at');
create or replace macro resident_no(nth) as 'R' || lpad(cast(nth as varchar), 8, '0');
create or replace macro place_of_resident(nth) as (nth // 10) % getvariable('places');
create or replace macro letter(item, slot, n, place) as chr(19968 + (hash(item, slot, n, place) % 2500)::int);
create or replace macro word(item, slot, n) as letter(item, slot, n, 'first') || letter(item, slot, n, 'second');

create or replace temp table made as
with numbered as (
  select n, getvariable('first_at') + to_microseconds(n * getvariable('gap')) as reported_at
  from range(number_at(getvariable('from_at') - interval 45 day), number_at(getvariable('to_at')) + 1) t(n)
)
select n, reported_at, p.*, i.item_code, i.department_name, o.officer_no,
  p.district_code || '-' || strftime(reported_at, '%Y') || '-' || lpad(cast(n as varchar), 8, '0') as case_no,
  lag(case_no) over (order by n) as case_before,
  roll(n, 'ending', 40) as ending,
  reported_at + to_minutes(60 + roll(n, 'accepted', 3800)) as accepted_at,
  reported_at + to_minutes(4000 + roll(n, 'resolved', 6500)) as resolved_at
from numbered
join places p on p.place_no = roll(n, 'place', getvariable('places'))
join items i on i.item_no = roll(n, 'item', getvariable('items'))
join officers o on o.district_code = p.district_code and o.nth = roll(n, 'officer', 22);

create or replace temp table "case_system.cases" as
with versions as (
  select *, reported_at as updated_at, '处置中' as status from made
  union all
  select *, resolved_at + interval 5 minute, case when ending < 37 then '已办结' else ['已撤诉', '已作废', '重复件'][ending - 36] end from made
)
select case_no, district_code, compound_code, null::varchar as station_code,
  ['居民来电', '队员直诉', '网格上报', '巡查发现', '议事会', '随手拍', '12345热线'][roll(n, 'channel', 7) + 1] as channel,
  ['未诉先办', '应诉即办', '应诉即办', '结诉复办'][roll(n, 'phase', 4) + 1] as phase, item_code,
  word(item_code, 0, roll(n, 'title', 3)) || '问题' as title,
  roll(n, 'door', 90) || '号楼' || word(item_code, 0, roll(n, 'a', 3)) || word(item_code, 1, roll(n, 'b', 3))
    || word(item_code, 2, hash(same, 1) % 40) || word(item_code, 3, hash(same, 2) % 40)
    || word(item_code, 4, hash(same, 3) % 40) || word(item_code, 5, hash(same, 4) % 40) || '，请尽快处理' as description,
  'p1_name' || roll(n, 'name', 5000) as reporter_name, 'p1_phone' || roll(n, 'phone', 9000) as reporter_phone,
  null::varchar as reporter_id_no, null::varchar as reporter_address, department_name as lead_department,
  null::varchar[] as assisting_departments, officer_no, roll(n, 'scene', 5) = 0 as on_scene, status, case when status = '重复件' then case_before end as duplicate_of,
  reported_at, reported_at as created_at, updated_at
from (
  -- a tenth of the complaints repeat one of three hot problems of their district and month
  select *, case when roll(n, 'hot', 10) = 0 then hash(roll(n, 'which', 3), district_code, date_trunc('month', reported_at)) else hash(n, 'said') end as same
  from versions
)
where in_window(updated_at)
qualify row_number() over (partition by n order by updated_at desc) = 1;

create or replace temp table "case_system.case_steps" as
with taken as (
  select n, case_no, officer_no, 0 as k, 1 as round_no, '上报' as step, reported_at as stepped_at from made
  union all select n, case_no, officer_no, 1, 1, '受理核实', accepted_at from made
  union all select n, case_no, officer_no, 2, 1, '办结反馈', resolved_at from made where ending < 37
  union all select n, case_no, officer_no, 2, 1, ['撤诉', '作废', '判重'][ending - 36], resolved_at from made where ending >= 37
  union all select n, case_no, officer_no, 3, 1, '挂起', accepted_at + interval 1 minute from made where ending in (0, 1)
  union all select n, case_no, officer_no, 4, 1, '恢复', resolved_at - interval 1 minute from made where ending in (0, 1)
  union all select n, case_no, officer_no, 5, 2, '重办', resolved_at + interval 5 day from made where ending in (2, 3)
  union all select n, case_no, officer_no, 6, 2, '受理核实', resolved_at + interval 6 day from made where ending in (2, 3)
  union all select n, case_no, officer_no, 7, 2, '办结反馈', resolved_at + interval 8 day from made where ending in (2, 3)
)
select n * 10 + k as step_id, case_no, round_no, step, stepped_at, officer_no,
  case when step = '挂起' then '等待法律意见' end as reason, stepped_at as created_at
from taken where in_window(stepped_at);

create or replace temp table "case_system.whistles" as
with blown as (
  select *, roll(n, 'level', 4) as level_no, accepted_at + interval 10 minute as blown_at from made where roll(n, 'whistle', 7) = 0
)
select n as whistle_id, case_no, ['宣传', '应急', '执法', '攻坚'][level_no + 1] as level, ['社区', '网格', '小区支部'][roll(n, 'blower', 3) + 1] as blown_by, blown_at,
  [department_name] as departments_called, blown_at + interval 4 minute as answered_at,
  blown_at + to_minutes(6 + roll(n, 'arrived', 15)) as arrived_at, blown_at + interval 40 minute as updated_at
from blown where in_window(blown_at + interval 40 minute);

-- who did not answer is called once more, after the term; a few are never reached
create or replace temp table "case_system.callbacks" as
with called as (
  select *, k, 1 as round_no, 0 as attempt, roll(n * 2 + k, 'outcome', 12) > 0 as is_reached,
    resolved_at + to_minutes(300 + roll(n * 2 + k, 'called', 3000)) as called_at
  from made, range(2) s(k) where ending < 37
  union all
  select *, k, 1, 1, roll(n * 2 + k, 'second outcome', 12) > 0, resolved_at + interval 12 day
  from made, range(2) s(k) where ending < 37 and roll(n * 2 + k, 'outcome', 12) = 0 and ending not in (2, 3)
  union all
  select *, k, 2, 2, true, resolved_at + interval 9 day from made, range(2) s(k) where ending in (2, 3)
)
select (n * 2 + k) * 3 + attempt as callback_id, case_no, round_no, ['组织', '居民'][k + 1] as side, ['网格员', '居民'][k + 1] as respondent_role,
  called_at, case when is_reached then '接通' else '无人接听' end as outcome,
  case when is_reached then roll(n * 2 + k, 'solved', 11) > 0 end as solved,
  case when is_reached then 3 + roll(n * 2 + k, 'department', 3) end as department_score,
  case when is_reached then 3 + roll(n * 2 + k, 'officer', 3) end as officer_score,
  case when roll(n * 2 + k, 'says', 9) = 0 then '处理得很快，' || word(item_code, 9, roll(n, 'praise', 60)) end as comment,
  officer_no as called_by, called_at as updated_at
from called where in_window(called_at);

create or replace temp table "case_system.consultations" as
select n as consultation_id, case_no, ['法官', '检察官', '警官', '律师', '五老', '调解员'][roll(n, 'expert', 6) + 1] as expert_kind,
  accepted_at + interval 6 hour as consulted_at, ['低', '中', '高'][roll(n, 'risk', 3) + 1] as legal_risk, null::varchar as opinion,
  accepted_at + interval 7 hour as updated_at
from made where roll(n, 'consulted', 40) = 0 and in_window(accepted_at + interval 7 hour);

-- a patrol is given once more when what it could not settle is: nine days later
create or replace temp table patrols as
select *, reported_at as started_at, reported_at + interval 50 minute as ended_at, roll(n, 'patrol', 16) = 0 as is_joint,
  'P-' || district_code || '-' || n as patrol_id, reported_at + interval 51 minute + to_days(again * 9) as updated_at,
  again = 1 as is_again
from made, range(2) t(again)
where roll(n, 'patrol', 4) = 0 and (again = 0 or roll(n, 'patrol', 16) = 0)
  and in_window(reported_at + interval 51 minute + to_days(again * 9))
qualify again = max(again) over (partition by n);

create or replace temp table "patrol_app.patrols" as
select patrol_id, case when is_joint then '联勤' else '志愿' end as kind, district_code, compound_code,
  case when not is_joint then ['事前预警', '事中劝导', '事后监督'][roll(n, 'duty', 3) + 1] end as duty, started_at, ended_at, updated_at
from patrols;

create or replace temp table "patrol_app.patrol_participants" as
select patrol_id, k + 1 as participant_no, case when is_joint and k < 3 then '队员' else '志愿者' end as role,
  case when is_joint and k < 3 then o.officer_no end as officer_no,
  case when is_joint and k < 3 then o.department_name end as department,
  case when not (is_joint and k < 3) then 'V' || roll(n * 4 + k, 'volunteer', 900) end as volunteer_no, updated_at
from patrols cross join range(4) t(k)
join officers o on o.district_code = patrols.district_code and o.nth = (roll(n, 'crew', 22) + k * 7) % 22;

create or replace temp table "patrol_app.patrol_checklists" as
select patrol_id, kind, roll(n, kind, 20) > 0 as completed, 12 as items_checked, 1 as problems, updated_at
from patrols, (values ('安全隐患'), ('环境卫生'), ('违规经营')) t(kind) where is_joint;

create or replace temp table "patrol_app.patrol_findings" as
with found as (
  select p.* exclude (item_code), i.item_code, k, ['当场解决', '提交共议', '转办立案'][roll(n * 2 + k, 'disposition', 3) + 1] as disposition,
    started_at + to_minutes(10 + 15 * k) as found_at
  from patrols p cross join range(2) t(k)
  join items i on i.item_no = roll(n * 2 + k, 'found', getvariable('items')) where is_joint
)
select patrol_id || '-' || k as finding_id, patrol_id, ['安全隐患', '环境卫生', '违规经营'][roll(n * 2 + k, 'checklist', 3) + 1] as checklist,
  item_code, ['一般', '较重', '紧急'][roll(n * 2 + k, 'severity', 3) + 1] as severity, disposition,
  case when disposition = '转办立案' then case_no end as case_no, found_at,
  case when disposition = '当场解决' then found_at + interval 5 minute
    when disposition = '提交共议' and is_again and roll(n * 2 + k, 'fixed', 10) > 0 then found_at + interval 9 day end as fixed_at, updated_at
from found;

create or replace temp table "patrol_app.snaps" as
select 'S-' || district_code || '-' || n as snap_id, district_code, compound_code,
  resident_no(roll(n, 'snapper', n // 25 + 1)) as resident_no, item_code, reported_at as taken_at,
  ['采纳', '采纳', '不采纳', '转办'][roll(n, 'status', 4) + 1] as status,
  case when roll(n, 'status', 4) = 3 then case_no end as case_no, reported_at + interval 2 hour as updated_at
from made where roll(n, 'snap', 3) = 0 and in_window(reported_at + interval 2 hour);

create or replace temp table "patrol_app.disputes" as
select 'D-' || district_code || '-' || n as dispute_id, district_code, compound_code, 'V' || roll(n, 'volunteer', 900) as volunteer_no,
  officer_no, ['楼上漏水', '夜间噪音', '车位争执'][roll(n, 'topic', 3) + 1] as topic, reported_at as raised_at,
  case when roll(n, 'defused', 5) > 0 then reported_at + interval 2 hour end as defused_at, reported_at + interval 3 hour as updated_at
from made where roll(n, 'dispute', 10) = 0 and in_window(reported_at + interval 3 hour);

create or replace temp table "points_ledger.residents" as
select resident_no(n // 25) as resident_no, p.district_code, p.compound_code, 'H' || n // 75 as household_no, 'p1_name' || n as name,
  'p1_phone' || n as phone, 1940 + roll(n, 'born', 65) as birth_year, ['退休党员', '学生', '其他'][roll(n, 'kind', 3) + 1] as kind,
  n // 25 % 10 = 0 as is_lead, case when n // 25 % 10 > 0 then resident_no(n // 250 * 10) end as brought_by,
  cast(reported_at as date) as joined_on, reported_at + interval 1 hour as updated_at
from made join places p on p.place_no = place_of_resident(n // 25) where n % 25 = 0 and in_window(reported_at + interval 1 hour);

-- whoever joins begins with some points, so that no redemption takes more than there is
create or replace temp table "points_ledger.ledger_entries" as
with entries as (
  select n, n * 10 as entry_id, roll(n, 'who', n // 25 + 1) as nth, roll(n, 'entry', 10) as what, 2 + roll(n, 'points', 8) as points,
    reported_at + interval 90 minute as entered_at
  from made where roll(n, 'entered', 2) = 0
  union all
  select n, n * 10 + 1, n // 25, 1, 80, reported_at + interval 80 minute from made where n % 25 = 0
), kinds as (
  select *, case when what < 8 then ['调解', '议事', '隐患上报', '随手拍'][what % 4 + 1] else ['兑换实物', '兑换活动'][what - 7] end as kind from entries
), all_entries as (
  select entry_id, nth, kind, case when what < 8 then points else -1 end as points,
    case when what < 8 then ['case', 'meeting', 'finding', 'snap'][what % 4 + 1] end as reference_kind,
    case when what < 8 then 'A-' || entry_id end as reference_no, null::bigint as reverses_entry_id, entered_at
  from kinds
  union all
  select entry_id + 5, nth, '冲正', -points, null, null, entry_id, entered_at + interval 5 day from kinds where what < 8 and roll(n, 'undone', 60) = 0
)
select entry_id, resident_no(nth) as resident_no, kind, points, reference_kind, reference_no, reverses_entry_id, entered_at,
  entered_at as created_at
from all_entries where in_window(entered_at);

-- each community files the sheets of a month once, on its own day of the month after
create or replace temp table filed as
select c.community_no, c.community_code, c.district_code, cast(month as date) as month_on, sheet,
  'sha-' || c.community_code || strftime(month, '%Y%m') as file_sha,
  month + interval 1 month + to_days(cast(c.community_no % 28 as integer)) + interval 10 hour as received_at
from (select distinct community_no, community_code, district_code from places) c,
  (select unnest(generate_series(date_trunc('month', getvariable('from_at') - interval 2 month), getvariable('to_at'), interval 1 month)) as month),
  (values ('会议'), ('议题'), ('普法')) t(sheet)
where in_window(month + interval 1 month + to_days(cast(c.community_no % 28 as integer)) + interval 10 hour);

create or replace temp table "meeting_returns.returns" as
select file_sha, sheet, 'X' as file_label, district_code, community_code, month_on, received_at, 2 as row_count, true as is_complete,
  null::varchar as problem from filed;

create or replace temp table rows_filed as
select filed.*, nth, place.compound_code, item.item_code, item.department_name, cast(hash(file_sha, nth) % 1000 as integer) as h, file_sha as _parent_version
from filed cross join range(2) t(nth)
join (select community_no, min(compound_code) as compound_code from places group by community_no) place using (community_no)
join items item on item.item_no = hash(file_sha, nth) % getvariable('items');

create or replace temp table "meeting_returns.meetings" as
select 'M' || strftime(month_on, '%Y%m') || nth as meeting_no, ['党建联席会议', '三方议事会', '片区会商', '会谈'][h % 4 + 1] as meeting_type, compound_code,
  month_on + h % 25 as met_on, '14:30' as started_time, department_name as host_unit, [department_name] as departments,
  null::varchar[] as officer_nos, 12 as resident_count, true as has_enforcement, community_code, month_on, _parent_version
from rows_filed where sheet = '会议';

create or replace temp table "meeting_returns.matters" as
select 'T' || nth as matter_no, 'M' || strftime(month_on, '%Y%m') || nth as meeting_no, compound_code, item_code, '占道' as content,
  ['居民', '社区', '物业', '部门'][h % 4 + 1] as raised_by, month_on + h % 25 as heard_on, department_name as department,
  case when h % 20 > 0 then month_on + h % 25 + 2 end as solved_on, null::varchar as case_no, community_code, month_on, _parent_version
from rows_filed where sheet = '议题';

create or replace temp table "meeting_returns.publicity_events" as
select 'E' || nth as event_no, compound_code, month_on + h % 27 as held_on,
  ['执法开放日', '普法讲座', '以案说法', '入户宣传'][h % 4 + 1] as event_type, null::varchar as speaker_kind, 30 as attendee_count,
  community_code, month_on, _parent_version
from rows_filed where sheet = '普法';
