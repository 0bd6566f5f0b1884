"""What a person is asked at the close of a month: the headline figures, what is missing, what has been restated, and the campaigns
proposed for the next month; and what the answer chooses."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from linli import closing, publication
from linli.alerts import unmarked
from linli.calendar import next_month
from linli.failures import Refusal
from linli.pipeline.deployment import catalog, configured_feeds, feeds, register_of
from linli.pipeline.missing import missing_at_the_close
from linli.pipeline.words import STEPS, moment, restated_in_words
from linli.register import now
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
        cast(proposal.proposal_rank as varchar), proposal.district_code, districts.district_name, category.key_name,
        array_to_string(array(
            select item.key_name from named as item
            where item.level = 'item' and item.district_code = proposal.district_code
              and item.key in (proposal.item_1_code, proposal.item_2_code, proposal.item_3_code) order by item.key
        ), '、'),
        array_to_string(array(
            select compound.key_name from named as compound
            where compound.level = 'compound' and compound.district_code = proposal.district_code
              and compound.key in (select unnest(string_split(proposal.compound_codes, ';'))) order by compound.key
        ), '、'),
        cast(proposal.month as varchar),
        case
            when proposal.duty_department_code = 'none'
                then (select items.lead_department_code from ref.enforcement_items as items where items.item_code = proposal.item_1_code)
            else proposal.duty_department_code
        end,
        concat_ws(';', proposal.item_1_code, proposal.item_2_code, proposal.item_3_code), proposal.compound_codes
    from mart.mart_campaign_proposal as proposal
    inner join ref.dim_district as districts on proposal.district_code = districts.district_code
    left join named as category
        on category.level = 'category' and category.district_code = proposal.district_code and category.key = proposal.category_code
    where proposal.month = cast($month as date) + interval 1 month
    order by proposal.proposal_rank, proposal.district_code
"""

FILLED_IN = "1"
"""the answer the form of `monthly_review` is filled in with: the first proposal"""
NONE = "0"
"""the answer that no campaign is run"""

_BY_DISTRICT = re.compile(r"([0-9]{6})=([0-9]+)")
_RESTATED_SHOWN = 12
_LINE_CHARACTERS = 2_000
_ITEM = "- "


class NotProposed(Refusal):
    """The number chosen is that of no proposal."""


class ProposedCampaign(TypedDict):
    """A campaign proposed under `number` in its district: in words, and as the relation `campaigns` has it."""

    number: str
    district_code: str
    words: str
    month_on: str
    department_code: str
    item_codes: str
    compound_codes: str


@dataclass(frozen=True)
class Choice:
    """What was chosen for the next month: in words, and the campaigns among the proposals it means."""

    words: str
    campaigns: Sequence[ProposedCampaign] = ()


@dataclass(frozen=True)
class Proposal:
    """The question whether a month may be closed, in Chinese: `subject`, `body` (Markdown), the campaigns proposed for the
    next month, when it was put (ISO), which data do not reach the end of the month, what else of the month is missing, and what of earlier
    months was restated."""

    subject: str
    body: str
    campaigns: Sequence[ProposedCampaign]
    asked_at: str
    lagging: Sequence[str] = ()
    missing: Sequence[str] = ()
    restated: Sequence[str] = ()


def proposal(settings: Settings, month: dt.date) -> Proposal:
    """The question about `month`, from the published marts of one release. Raises NothingPublished."""
    with publication.one_release(settings) as ask:
        return _question(settings, ask, month)


def _question(settings: Settings, ask: publication.Ask, month: dt.date) -> Proposal:
    [(published_to,)] = ask("select max(as_of) from main.published_at")
    lines = [f"数据截至 {published_to.astimezone(SHANGHAI):%Y-%m-%d}（不含当日）。冻结的是截至月末的数字，之后的更正列为重述。", ""]
    of_month = {"month": month}
    lines += [
        f"- {STEPS[step]}：按期 {on_time} / {judged}，未到期 {still_open}"
        for step, on_time, judged, still_open in ask(_CLOCK, of_month)
    ]
    [(satisfied, called, pending)] = ask(_CALLED, of_month)
    lines += [f"- 一案双回访：双满意 {satisfied} / 双回访 {called}，未到期 {pending}"] if called else []
    if skipped := closing.out_of_order(settings.closed, month):
        lines += ["", f"注意：{skipped}。"]
    lagging = _lagging(settings, as_of(next_month(month) - dt.timedelta(days=1)), published_to)
    lines += ["", "没有到月末的数据（结账后补来的列为重述）：", *(f"- {text}" for text in lagging)] if lagging else []
    missing = missing_at_the_close(settings, ask, month)
    lines += ["", *missing] if missing else []
    restated = _restated(settings, month)
    lines += ["", *restated] if restated else []
    campaigns = _campaigns(ask, month)
    lines += ["", "下月专项整治建议：", *(f"- {each['number']}：{each['words']}" for each in campaigns)] if campaigns else []
    districts = list(dict.fromkeys(each["district_code"] for each in campaigns))
    if len(districts) > 1:
        lines += ["", f"只填序号时各区都取该项；分区选择写作 {'；'.join(f'{code}=1' for code in districts)}，0 为不开展。"]
    subject = f"{month:%Y年%m月} 综合执法回头看：请批准结账"
    return Proposal(subject, "\n".join(map(_as_markdown, lines)), campaigns, now().isoformat(), lagging, missing, restated)


def _as_markdown(line: str) -> str:
    """A line of the question, of which nothing is markup but that it is an item of a list: names in it come from reference data."""
    begin = _ITEM if line.startswith(_ITEM) else ""
    return begin + unmarked(line.removeprefix(begin), _LINE_CHARACTERS)


def chosen_campaign(campaigns: Sequence[ProposedCampaign], answer: str) -> Choice:
    """What was chosen: by number in every district that has a proposal of that number, by number in each district
    ('340405=1；340406=0'), or in words of the answer's own. Raises NotProposed."""
    said = answer.strip()
    answer = unicodedata.normalize("NFKC", said).strip(" 。.;,、")
    answer = re.sub(r"\s*=\s*", "=", answer.replace(":", "="))
    parts = [_BY_DISTRICT.fullmatch(part) for part in re.split(r"[;,、\s]+", answer) if part]
    if answer.isdecimal():
        chosen = {code: str(int(answer)) for code in dict.fromkeys(each["district_code"] for each in campaigns)}
        if int(answer) and not any(each["number"] == str(int(answer)) for each in campaigns):
            raise _not_proposed(campaigns, str(int(answer)))
    elif parts and all(parts):
        chosen = {part[1]: str(int(part[2])) for part in parts if part}
        if len(chosen) < len(parts):
            raise NotProposed("同一个区选了两次专项整治：每区填一个序号，如 340405=1；340406=0")
        for code, number in chosen.items():
            if number != NONE and not any(each["district_code"] == code and each["number"] == number for each in campaigns):
                raise _not_proposed([each for each in campaigns if each["district_code"] == code], f"{code}={number}")
    elif re.fullmatch(r"[0-9第项=;,、.\s]+", answer):
        raise NotProposed(f"看不懂专项整治的选择“{said}”：请填一个序号、0（不开展）、分区的序号（如 340405=1；340406=0）或一句话")
    else:
        return Choice(said)
    found = [each for each in campaigns if chosen.get(each["district_code"]) == each["number"]]
    return Choice("；".join(each["words"] for each in found) or "不开展", found)


def _not_proposed(campaigns: Sequence[ProposedCampaign], number: str) -> NotProposed:
    shown = "、".join(dict.fromkeys(each["number"] for each in campaigns)) or "本月没有建议"
    return NotProposed(f"专项整治建议里没有第 {number} 项（{shown}）：请填其中的序号、0（不开展）或一句话")


def _restated(settings: Settings, month: dt.date) -> list[str]:
    """What has been restated of months closed before, since the close before this one: the districts' figures, how many others."""
    before = [each for each in closing.closed_months(settings.closed) if each.month < month]
    found = closing.restated_since(settings.closed, before[-1].asked_at or before[-1].closed_at) if before else []
    if not found:
        return []
    of_districts = [row for row in found if row["level"] in (None, "district")]
    rest = "：" if of_districts else "，都见 closed.restatement"
    lines = [f"此前已结账各月的更正（重述）{len(found)} 个数字，其中全区数字 {len(of_districts)} 个{rest}"]
    for row in of_districts[:_RESTATED_SHOWN]:
        lines.append(f"- {restated_in_words(row)}")
    if len(of_districts) > _RESTATED_SHOWN:
        lines.append(f"- 其余 {len(of_districts) - _RESTATED_SHOWN} 个见 closed.restatement")
    return lines


def _lagging(settings: Settings, month_end: dt.datetime, published_to: dt.datetime) -> list[str]:
    """The feeds that are loaded here and not up to the end of the month; the release itself where it is of an earlier day."""
    found = [f"已发布的数字（下列各数）：只到 {moment(published_to)}"] if published_to < month_end else []
    configured = configured_feeds(settings)
    with register_of(settings) as register:
        stopped = register.stopped_windows()
        newest = register.publications(1)
        said = register.source_statuses(register.run(newest[0]["run_id"])) if newest else []
        for status in said:
            if status.state == "loaded" and status.detail:
                found.append(f"{catalog(settings).sources[status.source].label}：{status.detail}")
        for ref in feeds(settings):
            if ref.source in settings.retired:
                continue
            declared = catalog(settings).sources[ref.source]
            feed = declared.feed(ref.feed)
            loaded_to = register.loaded_to(ref.source, ref.feed, feed.root.name)
            for record in feed.records:
                reached = stopped.get((record.source, record.name), month_end)
                if reached is None or reached < month_end:
                    reach = f"只到 {moment(reached)}" if reached else "从未通过"
                    found.append(f"{declared.label}·{record.label}：整批停在关口，{reach}")
            if (loaded_to or ref in configured) and (loaded_to is None or loaded_to < month_end):
                found.append(f"{declared.label}·{feed.root.label}：" + (f"只到 {moment(loaded_to)}" if loaded_to else "从未载入"))
    return found


def _campaigns(ask: publication.Ask, month: dt.date) -> list[ProposedCampaign]:
    return [
        ProposedCampaign(
            number=number,
            district_code=code,
            words=f"{district} {theme}（{items}），{compounds}",
            month_on=month_on,
            department_code=department,
            item_codes=item_codes,
            compound_codes=compound_codes,
        )
        for number, code, district, theme, items, compounds, month_on, department, item_codes, compound_codes in ask(
            _PROPOSED, {"month": month}
        )
    ]
