"""What a person is asked at the close of a month: the headline figures, and the campaigns proposed for the next month."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from linli import publication
from linli.calendar import next_month
from linli.failures import Refusal
from linli.pipeline.steps import catalog, configured_feeds, feeds, register_of
from linli.pipeline.words import STEPS, moment
from linli.settings import SHANGHAI, Settings, as_of

_CLOCK = """
    select step, sum(on_time_count), sum(judged_count), sum(open_count)
    from mart.mart_clock_257 where level = 'district' and month = $month
    group by step order by array_position(['accept', 'resolve', 'follow_up'], step)
"""
_CALLED = """
    select sum(double_satisfied_count), sum(double_called_count), sum(pending_count)
    from mart.mart_two_callback_satisfaction where level = 'district' and month = $month
"""
_PROPOSED = """
    with named as (
        select district_code, level, key, key_name from ref.dim_level_key
    )

    select
        proposal.proposal_rank, districts.district_name, category.key_name,
        array_to_string(array(
            select item.key_name from named as item
            where item.level = 'item' and item.district_code = proposal.district_code
              and item.key in (proposal.item_1_code, proposal.item_2_code, proposal.item_3_code) order by item.key
        ), '、'),
        array_to_string(array(
            select compound.key_name from named as compound
            where compound.level = 'compound' and compound.district_code = proposal.district_code
              and compound.key in (select unnest(string_split(proposal.compound_codes, ';'))) order by compound.key
        ), '、')
    from mart.mart_campaign_proposal as proposal
    inner join ref.dim_district as districts on proposal.district_code = districts.district_code
    left join named as category
        on category.level = 'category' and category.district_code = proposal.district_code and category.key = proposal.category_code
    where proposal.month = cast($month as date) + interval 1 month
    order by proposal.proposal_rank, proposal.district_code
"""



FILLED_IN = "1"
"""the answer the form of `monthly_review` is filled in with: the first proposal"""


class NotProposed(Refusal):
    """The number chosen is that of no proposal."""


@dataclass(frozen=True)
class Proposal:
    """The question whether a month may be closed, in Chinese: `subject`, `body` (Markdown), the campaigns proposed for the
    next month, by rank, and which data do not reach the end of the month."""

    subject: str
    body: str
    campaigns: Mapping[str, str]
    lagging: Sequence[str] = ()


def proposal(settings: Settings, month: dt.date) -> Proposal:
    """The question about `month`, from the published marts. Raises NothingPublished."""
    [(published_to,)] = _asked(settings, "select max(as_of) from main.published_at")
    lines = [f"数据截至 {published_to.astimezone(SHANGHAI):%Y-%m-%d}（不含当日）。冻结的是截至月末的数字，之后的更正列为重述。", ""]
    lines += [
        f"- {STEPS[step]}：按期 {on_time} / {judged}，未到期 {still_open}"
        for step, on_time, judged, still_open in _asked(settings, _CLOCK, month)
    ]
    [(satisfied, called, pending)] = _asked(settings, _CALLED, month)
    lines += [f"- 一案双回访：双满意 {satisfied} / 双回访 {called}，未到期 {pending}"] if called else []
    lagging = _lagging(settings, as_of(next_month(month) - dt.timedelta(days=1)), published_to)
    lines += ["", "没有到月末的数据（结账后补来的列为重述）：", *(f"- {text}" for text in lagging)] if lagging else []
    campaigns = _campaigns(settings, month)
    lines += ["", "下月专项整治建议：", *(f"- {rank}：{text}" for rank, text in campaigns.items())] if campaigns else []
    return Proposal(f"{month:%Y年%m月} 综合执法回头看：请批准结账", "\n".join(lines), campaigns, lagging)


def chosen_campaign(campaigns: Mapping[str, str], answer: str) -> str:
    """What was chosen, in words: the proposal of that rank as it was shown, or the answer itself. Raises NotProposed."""
    answer = answer.strip()
    if answer.isdecimal():
        # also 01 and full-width digits
        answer = str(int(answer))
    if answer.isdecimal() and int(answer) and answer not in campaigns:
        shown = "、".join(campaigns) or "本月没有建议"
        raise NotProposed(f"专项整治建议里没有第 {answer} 项（{shown}）：请填其中的序号、0（不开展）或一句话")
    return campaigns.get(answer) or ("不开展" if answer == "0" else answer)


def _lagging(settings: Settings, month_end: dt.datetime, published_to: dt.datetime) -> list[str]:
    """The feeds that are loaded here and not up to the end of the month; the release itself where it is of an earlier day."""
    found = [f"已发布的数字（下列各数）：只到 {moment(published_to)}"] if published_to < month_end else []
    configured = configured_feeds(settings)
    with register_of(settings) as register:
        for ref in feeds(settings):
            declared = catalog(settings).sources[ref.source]
            feed = declared.feed(ref.feed)
            loaded_to = register.window_end(ref.source, feed.root.name)
            if (loaded_to or ref in configured) and (loaded_to is None or loaded_to < month_end):
                found.append(f"{declared.label}·{feed.root.label}：" + (f"只到 {moment(loaded_to)}" if loaded_to else "从未载入"))
    return found


def _campaigns(settings: Settings, month: dt.date) -> dict[str, str]:
    by_rank: dict[str, list[str]] = {}
    for rank, district, theme, items, compounds in _asked(settings, _PROPOSED, month):
        by_rank.setdefault(str(rank), []).append(f"{district} {theme}（{items}），{compounds}")
    return {rank: "；".join(texts) for rank, texts in by_rank.items()}


def _asked(settings: Settings, sql: str, month: dt.date | None = None) -> list[tuple[Any, ...]]:
    con = publication.open_published(settings)
    try:
        return con.execute(sql, {"month": month} if month else None).fetchall()
    finally:
        con.close()
