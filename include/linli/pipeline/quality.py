"""The quality page of a day: what the register says of its night, of the thirty days up to it, and of what is still open."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linli import publication
from linli import quality as pages
from linli.contracts import Catalog
from linli.durable import write_whole
from linli.failures import Refusal
from linli.pipeline.deployment import catalog, register_of
from linli.pipeline.missing import missing_returns, stopped_records
from linli.pipeline.places import Places, places_of
from linli.pipeline.quarantined import rule_words
from linli.pipeline.report import feed_remarks, in_declared_order
from linli.pipeline.waivers import waived_entries
from linli.pipeline.words import STATES, moment
from linli.quality import Bar, Cell, Page, Strip, Table, Trend
from linli.register import Register, Run, SourceStatus
from linli.settings import Settings, as_of

DAYS = 30
AGES = ((2, "2 天内"), (7, "3–7 天"), (30, "8–30 天"), (None, "30 天以上"))
"""how long rows have been open: up to so many days, in words"""

_MARKS = {"loaded": "good", "stopped": "doubtful", "failed": "bad"}
_RUNS = {"succeeded": Cell("完成", "good"), "degraded": Cell("不全", "doubtful"), "failed": Cell("失败", "bad")}
_LATER = "补写的旧页：提交方按现在所知，不列暂准与应有而没有的"
_LONG = 2
"""from which of the ages on rows have been open too long"""
_SHOWN = 25
_NAMED = 3
_DEFINITIONS = (
    "到货：这一夜从来源读到的行，与此前相同而再次读到的计入重复；到货 = 入库 + 退回 + 等待 + 重复。入库：通过全部规则。"
    "退回：违反至少一条规则，改好之前不计入任何数字。等待：所依附的记录还没有入库，补齐后自动放行。退回率 = 退回 ÷（到货 − 重复）。"
    "待改：截至当日仍未了结的退回，含暂准的；天数自退回之日起。暂准：经批准暂时容许的退回，仍不入库。"
)


class NoNight(Refusal):
    """No night has ended yet, or none of that day."""


@dataclass(frozen=True)
class _Asked:
    """What the page of a day is made from."""

    settings: Settings
    register: Register
    declared: Catalog
    places: Places
    run: Run
    state: str
    is_newest: bool

    @property
    def first(self) -> dt.date:
        return self.run.day - dt.timedelta(days=DAYS - 1)

    @property
    def until(self) -> dt.datetime:
        return as_of(self.run.day)

    @property
    def days(self) -> list[dt.date]:
        return [self.first + dt.timedelta(days=n) for n in range(DAYS)]


def quality(settings: Settings, day: dt.date | None = None) -> Path:
    """Writes the quality page of `day` (None: of the newest night that has ended) and the list of pages; returns the page's path.

    The same state of the register and the same release give the same bytes. Raises NoNight.
    """
    with register_of(settings) as register:
        ended = [row for row in register.runs(1000) if row["kind"] == "night" and row["state"] in _RUNS]
        chosen = next((row for row in ended if day is None or row["day"] == day.isoformat()), None)
        if chosen is None:
            raise NoNight(f"{day} 没有结束的一夜" if day else "还没有结束过的一夜：请先运行 linli night 或 make run")
        run = register.run(chosen["run_id"])
        asked = _Asked(settings, register, catalog(settings), places_of(settings), run, chosen["state"], chosen is ended[0])
        page = _page(asked)
    path = settings.quality / f"{asked.run.day}.html"
    write_whole(path, pages.render(page))
    write_whole(settings.quality / "index.html", _contents(settings, {row["day"]: row["state"] for row in reversed(ended)}))
    return path


def newest_quality(settings: Settings) -> Path | None:
    """The quality page of the newest night that has ended, written; None before the first one."""
    try:
        return quality(settings)
    except NoNight:
        return None


def _contents(settings: Settings, states: Mapping[str, str]) -> bytes:
    there = sorted(settings.quality.glob("[0-9]*.html"), reverse=True)
    return pages.contents([(dt.date.fromisoformat(p.stem), p.name, _RUNS[states[p.stem]].text if p.stem in states else "") for p in there])


def _page(asked: _Asked) -> Page:
    statuses = in_declared_order(asked.register.source_statuses(asked.run), asked.declared)
    accounts = _newest(asked.register.history.accounts(asked.first, asked.until), "source", "record")
    tonight = asked.register.accounts(asked.run.run_id)
    totals = {name: sum(row[name] for row in tonight) for name in ("landed", "accepted", "quarantined", "held", "duplicates")}
    still_open = asked.register.history.open_quarantine(asked.until)
    # what is tolerated and what is missing is known of the newest night alone
    waived = len(waived_entries(asked.settings, asked.run.day + dt.timedelta(days=1))) if asked.is_newest else 0
    waiting = sum(row["entries"] for row in still_open)
    oldest = max(((asked.run.day - dt.date.fromisoformat(row["opened_on"])).days for row in still_open), default=0)
    expected = [status for status in statuses if status.state == "loaded" or status.is_missing]
    lacking = [status for status in expected if status.is_missing]
    by_day = _by_day(accounts, asked.days)
    return Page(
        day=asked.run.day,
        subtitle=f"{asked.run.day:%Y年%m月%d日} 的一夜",
        remarks=[f"数据截至 {moment(asked.run.as_of)}", f"运行 {asked.run.run_id}", *([] if asked.is_newest else [_LATER])],
        conclusion=_conclusion(asked, totals, lacking, waiting, oldest),
        tiles=[
            ("这一夜", _RUNS[asked.state], f"{len(expected) - len(lacking)}/{len(expected)} 路数据已载入"),
            ("到货", Cell(f"{totals['landed']:,}"), f"其中重复 {totals['duplicates']:,}"),
            ("入库", Cell(f"{totals['accepted']:,}"), ""),
            ("退回", Cell(f"{totals['quarantined']:,}", "bad" if totals["quarantined"] else ""), _share(totals)),
            ("等待", Cell(f"{totals['held']:,}"), "依附的记录还没有入库"),
            ("待改", Cell(f"{waiting:,}"), f"最久 {oldest} 天" + (f"，其中暂准 {waived}" if waived else "")),
        ],
        tables=[
            _sources(asked, statuses),
            _records(asked, tonight),
            _rules(asked),
            _submitters(asked, still_open),
            _tests(asked),
        ],
        trends=[
            Trend("每夜到货", [_bar(day, rows["landed"] if rows else None, "{:,.0f} 行") for day, rows in by_day]),
            Trend("退回率", [_bar(day, _rate(rows) if rows else None, "{:.1%}") for day, rows in by_day]),
        ],
        days=asked.days,
        strips=_strips(asked),
        missing=_missing(asked) if asked.is_newest else [],
        definitions=_DEFINITIONS,
    )


def _newest(rows: Iterable[Mapping[str, Any]], *names: str) -> list[Mapping[str, Any]]:
    """Of several runs of one day, what the newest says of each."""
    return list({(row["day"], *(row[name] for name in names)): row for row in rows}.values())


def _by_day(accounts: Sequence[Mapping[str, Any]], days: Sequence[dt.date]) -> list[tuple[dt.date, dict[str, int] | None]]:
    found: dict[str, dict[str, int]] = {}
    for row in accounts:
        sums = found.setdefault(row["day"], defaultdict(int))
        for name in ("landed", "quarantined", "duplicates"):
            sums[name] += row[name]
    return [(day, found.get(day.isoformat())) for day in days]


def _rate(counts: Mapping[str, int]) -> float | None:
    judged = counts["landed"] - counts["duplicates"]
    return counts["quarantined"] / judged if judged else None


def _share(counts: Mapping[str, int]) -> str:
    rate = _rate(counts)
    return "" if rate is None else f"退回率 {rate:.1%}"


def _bar(day: dt.date, value: float | None, form: str) -> Bar:
    return Bar(day, value, f"{day:%m-%d} " + ("没有运行" if value is None else form.format(value)))


def _conclusion(asked: _Asked, totals: Mapping[str, int], lacking: Sequence[SourceStatus], waiting: int, oldest: int) -> list[Cell]:
    said = [Cell("这一夜失败，没有发布新数据。", "bad")] if asked.state == "failed" else []
    labels = "、".join(dict.fromkeys(asked.declared.sources[status.source].label for status in lacking))
    said += [Cell(f"{labels}有数据没有载入，", "bad") if lacking else Cell("配置的来源全部载入，", "good")]
    said += [Cell(f"到货 {totals['landed']:,} 行，入库 {totals['accepted']:,} 行，退回 {totals['quarantined']:,} 行。")]
    return [*said, Cell(f"至今待改 {waiting:,} 行，最久 {oldest} 天。" if waiting else "没有待改的退回。")]


def _sources(asked: _Asked, statuses: Sequence[SourceStatus]) -> Table:
    remarks = {(each.source, feed): each.text for each in feed_remarks(statuses, asked.declared) for feed in each.feeds}
    rows = []
    for status in statuses:
        source = asked.declared.sources[status.source]
        feed = source.feed(status.feed).root.label
        behind = (asked.until - status.as_of).days if status.as_of else None
        rows.append([
            Cell(source.label), Cell(feed), Cell(STATES[status.state], _MARKS.get(status.state, "dim")), Cell(moment(status.as_of)),
            Cell("—" if behind is None else f"{behind} 天" if behind > 0 else "当日", "doubtful" if behind else ""),
            Cell(f"{status.landed:,}"), Cell(remarks.get((status.source, feed), "").strip(), "dim"),
        ])  # fmt: skip
    columns = [("系统", ""), ("数据", ""), ("状态", ""), ("数据截至", ""), ("落后", "right"), ("到货", "right"), ("说明", "")]
    return Table("来源：载入了没有，为什么", columns, rows, "没有配置任何来源")


def _records(asked: _Asked, tonight: Sequence[Mapping[str, Any]]) -> Table:
    order = {r.full_name: n for n, r in enumerate(r for source in asked.declared.sources.values() for r in source.records)}
    names = ("landed", "accepted", "quarantined", "held", "duplicates")
    rows = []
    for row in sorted(tonight, key=lambda row: order[f"{row['source']}.{row['record']}"]):
        label = asked.declared.record(f"{row['source']}.{row['record']}").label
        counts = [Cell(f"{row[name]:,}", "bad" if name == "quarantined" and row[name] else "") for name in names]
        stopped = Cell("整批停在关口", "doubtful") if row["stopped"] else Cell("")
        rate = Cell(_share(row).removeprefix("退回率 "))
        rows.append([Cell(asked.declared.sources[row["source"]].label), Cell(label), *counts, rate, stopped])
    labels = ("到货", "入库", "退回", "等待", "重复", "退回率")
    columns = [("系统", ""), ("记录", ""), *((label, "right") for label in labels), ("", "")]
    return Table("记录：到货与去向", columns, rows, "这一夜没有到货")


def _rules(asked: _Asked) -> Table:
    found = [row for row in asked.register.history.checks(asked.run.day, asked.until) if row["token"] == asked.run.token]
    submitters = asked.register.history.submitters_of(asked.run.run_id)
    rows = []
    for row in sorted(found, key=lambda row: (-row["unexpected"], row["source"], row["record"], row["rule"])):
        record = asked.declared.record(f"{row['source']}.{row['record']}")
        counted: Counter[str] = Counter()
        for submitter, count in submitters.get((row["source"], row["record"], row["rule"]), []):
            counted[asked.places.code(submitter)] += count
        by = counted.most_common()
        told = "、".join(f"{asked.places.name(submitter)} {count}" for submitter, count in by[:_NAMED])
        told += f" 等 {len(by)} 个" if len(by) > _NAMED else ""
        severity = {"critical": Cell("关键", "bad"), "warning": Cell("退回"), "info": Cell("提示", "dim")}[row["severity"]]
        words = rule_words(record, row["rule"])
        counts = (row["unexpected"], row["evaluated"], sum(count for _, count in by))
        cells = [Cell(record.label), Cell(words.message), severity, *(Cell(f"{count:,}") for count in counts)]
        rows.append([*cells, Cell(told, "dim")])
    labels = ("不合格", "共查", "今夜到货中")
    columns = [("记录", ""), ("违反的规则", ""), ("后果", ""), *((label, "right") for label in labels), ("提交方", "")]
    note = "不合格、共查含以前退回而今夜重新判定的行" + _more(rows, "；")
    return Table("规则：这一夜违反了哪些，谁", columns, rows[:_SHOWN], "没有违反任何规则", note)


def _more(rows: Sequence[object], before: str = "") -> str:
    return f"{before}共 {len(rows)} 项，列出前 {_SHOWN} 项" if len(rows) > _SHOWN else ""


def _submitters(asked: _Asked, still_open: Sequence[Mapping[str, Any]]) -> Table:
    ages: dict[tuple[str, str], list[int]] = {}
    for row in still_open:
        days = (asked.run.day - dt.date.fromisoformat(row["opened_on"])).days
        at = next(n for n, (most, _) in enumerate(AGES) if most is None or days <= most)
        ages.setdefault((row["source"], asked.places.code(row["submitter"])), [0] * len(AGES))[at] += row["entries"]
    rows = [
        [
            Cell(asked.declared.sources[source].label),
            Cell(asked.places.name(submitter)),
            *(Cell(f"{count:,}" if count else "", "bad" if n >= _LONG and count else "") for n, count in enumerate(counts)),
            Cell(f"{sum(counts):,}"),
        ]
        for (source, submitter), counts in sorted(ages.items(), key=lambda item: (-sum(item[1]), item[0]))
    ]
    columns = [("系统", ""), ("提交方", ""), *((label, "right") for _, label in AGES), ("合计", "right")]
    return Table("待改：各提交方还有多少，多久了", columns, rows[:_SHOWN], "没有待改的退回", _more(rows))


def _tests(asked: _Asked) -> Table:
    answers = [row for row in asked.register.history.answers(asked.run.day, asked.until) if row["run_id"] == asked.run.run_id]
    stages = {"build": "建模", "audit": "发布前核对"}
    broken = [row for row in answers if row["state"] == "broken"]
    rows = [[Cell(stages.get(row["stage"], row["stage"])), Cell(row["rule"]), Cell(row["detail"] or "不通过", "bad")] for row in broken]
    passed = "；".join(f"{stages.get(row['stage'], row['stage'])}：{row['detail'] or '通过'}" for row in answers if row["rule"] == "tests")
    return Table("核对：仓库自身的检查", [("阶段", ""), ("检查", ""), ("结果", "")], rows, f"全部通过。{passed}" if answers else "没有建模")


def _strips(asked: _Asked) -> list[Strip]:
    found = {
        (row["source"], row["feed"], row["day"]): row["state"]
        for row in _newest(asked.register.history.sources(asked.first, asked.until), "source", "feed")
    }
    strips = []
    for source in asked.declared.sources.values():
        for feed in source.feeds:
            states = [found.get((source.name, feed.name, day.isoformat()), "") for day in asked.days]
            told = zip(asked.days, states, strict=True)
            said = [(_MARKS.get(state, ""), f"{day:%m-%d} {STATES.get(state, '没有运行')}") for day, state in told]
            strips.append(Strip(f"{source.label}·{feed.root.label}", said))
    return strips


def _missing(asked: _Asked) -> list[str]:
    """Kinds of records that have stopped and returns that are overdue, as the newest release says."""
    settings = asked.settings
    try:
        stopped = stopped_records(settings, asked.run.day.replace(day=1)) if publication.holds(settings, "mart_data_completeness") else []
        returns = missing_returns(settings) if publication.holds(settings, "mart_return_completeness") else []
    except publication.NothingPublished:
        return []
    stopped = [each for each in stopped if each.came_back_on is None]
    returns = [each for each in returns if each.month >= asked.first.replace(day=1)]
    owed = [
        f"{asked.places.name(each.community_code)}：{each.month:%Y-%m} 台账到期没有收到（{'、'.join(each.sheets)}）" for each in returns
    ]
    lines = [each.in_words(asked.declared) for each in stopped] + owed
    return [*lines[:_SHOWN], f"其余 {len(lines) - _SHOWN} 项略"] if len(lines) > _SHOWN else lines
