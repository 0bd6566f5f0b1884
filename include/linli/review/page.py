"""What one unit's review of one month says, as blocks without a format: every renderer prints the same page.

Numbers are those of the answers; the only arithmetic is a difference of two of them, for "on last month", and a sum over the ages of the
backlog. Whatever is too small a sample is said to be one and compared with nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal

from linli.calendar import next_month
from linli.review import charts
from linli.review.charts import Estimate
from linli.review.questions import FEW_RESIDENTS, PROGRAMME, Answer, Unit
from linli.review.words import Words, count, rate
from linli.settings import SHANGHAI, as_of

Tone = Literal["", "strong", "bad", "dim"]
Row = Mapping[str, Any]

GAP = 0.05
"""a rate this much below that of the unit as a whole is marked"""
PROBLEMS = 8
COMPOUNDS = 26
ITEMS = 10
LINES = 4
_BEYOND_WORKDAYS = 8
_HEADLINES = ("mart_two_callback_satisfaction", "mart_clock_257", "mart_case_volume", "mart_monthly_review")


@dataclass(frozen=True)
class Span:
    """Words of one tone. `ask` names the question the number in them answers."""

    text: str
    tone: Tone = ""
    ask: str = ""


@dataclass(frozen=True)
class Tile:
    """A number with its name above and a remark below."""

    label: str
    value: str
    remark: str
    ask: str
    tone: Tone = ""


@dataclass(frozen=True)
class Cell:
    """A cell of a table; `heat` and `bar` are in 0..1."""

    text: str
    tone: Tone = ""
    heat: float | None = None
    bar: float | None = None


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, how its cells stand, its share of the width."""

    label: str
    align: Literal["left", "right", "center"] = "right"
    width: float = 1.0


@dataclass(frozen=True)
class Table:
    """Rows of cells under their columns."""

    title: str
    note: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    ask: str
    kind: str = "table"


@dataclass(frozen=True)
class Chart:
    """A drawing. `said` is the same in words, for whoever cannot see it and for an office that edits it."""

    title: str
    note: str
    drawing: charts.Drawing
    said: str
    ask: str
    kind: str = "chart"


@dataclass(frozen=True)
class Square:
    """The 2 × 2 of the two sides: (number, what it means, tone) by organisation and resident."""

    title: str
    note: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[tuple[str, str, Tone]]]]
    ask: str
    kind: str = "square"


@dataclass(frozen=True)
class Lines:
    """Numbered sentences."""

    title: str
    note: str
    lines: Sequence[Sequence[Span]]
    ask: str
    is_marked: bool = False
    kind: str = "lines"


Block = Table | Chart | Square | Lines


@dataclass(frozen=True)
class Page:
    """A page: its head, its conclusion, tiles, rows of one or two blocks, definitions; and the answers its numbers come from."""

    unit: Unit
    month: dt.date
    language: str
    title: str
    subtitle: str
    remarks: Sequence[str]
    conclusion: Sequence[Span]
    tiles: Sequence[Tile]
    rows: Sequence[Sequence[Block]]
    definitions: str
    as_of: dt.datetime
    answers: Mapping[str, Answer] = field(repr=False)


def page(unit: Unit, month: dt.date, answers: Mapping[str, Answer], words: Words, *, small_sample_n: int) -> Page:
    """The page of a unit. `answers` are those of `linli.review.questions.ask`."""
    return _Writer(unit, month, answers, words, small_sample_n).page()


class _Writer:
    def __init__(self, unit: Unit, month: dt.date, answers: Mapping[str, Answer], words: Words, few: int) -> None:
        self.unit, self.month, self.answers, self.words, self.few = unit, month, answers, words, few
        self.previous = (month - dt.timedelta(days=1)).replace(day=1)
        self.is_running = answers["release"].only["as_of"] < as_of(next_month(month) - dt.timedelta(days=1))

    def page(self) -> Page:
        words, release = self.words, self.answers["release"].only
        issue = words("issue", year=self.month.year, month=self.month.month, month_name=f"{self.month:%B}")
        returned = self.answers["returned"].rows
        ends = [words("definitions")]
        if returned:
            opened, closed = (sum(row[name] for row in returned) for name in ("opened_count", "closed_count"))
            ends.append(words("returned", opened=opened, closed=closed))
        return Page(
            unit=self.unit,
            month=self.month,
            language=words.language,
            title=words("title"),
            subtitle=f"{self.unit.name}　{issue}",
            remarks=list(self._remarks(release)),
            conclusion=list(self._conclusion()),
            tiles=list(self._tiles()),
            rows=list(self._rows()),
            definitions="".join(ends) if words.language == "zh" else " ".join(ends),
            as_of=release["as_of"],
            answers=self.answers,
        )

    # what the answers say

    def _of(self, name: str, month: dt.date, **where: str) -> Row:
        found = [row for row in self.answers[name].rows if row["month"] == month and all(row[k] == v for k, v in where.items())]
        return found[0] if found else {}

    def _clock(self, step: str, month: dt.date) -> Row:
        return self._of("clock", month, step=step)

    def _remarks(self, release: Row) -> Iterator[str]:
        words, closed = self.words, self.answers["closed"].only
        up_to = words("as_of", moment=f"{release['as_of'].astimezone(SHANGHAI):%Y-%m-%d %H:%M}")
        if release["behind_count"]:
            reach = f"{release['behind_at'].astimezone(SHANGHAI):%Y-%m-%d}" if release["behind_at"] else words("never")
            up_to += words("behind", count=release["behind_count"], reach=reach)
        yield up_to
        if closed:
            yield words("closed", day=f"{closed['closed_at'].astimezone(SHANGHAI):%Y-%m-%d}", by=closed["approved_by"])
        else:
            yield words("running" if self.is_running else "not_closed")
        number = release["restatement_no"]
        digest = str(release["content_hash"])
        yield words("revision", month=f"{self.month:%Y-%m}", number=number, mark=f"{digest[:6]}…{digest[-4:]}")

    def _change(self, name: str, column: str) -> float | None:
        now, before = self._of(name, self.month).get(column), self._of(name, self.previous).get(column)
        return None if self.is_running or now is None or before is None else now - before

    def _rate_change(self, now: Row, before: Row, column: str, small: str = "is_small_sample") -> float | None:
        if self.is_running or not now or not before or now[small] or before[small] or now[column] is None or before[column] is None:
            return None
        return float(now[column] - before[column])

    # the conclusion

    def _conclusion(self) -> Iterator[Span]:
        words, volume = self.words, self._of("volume", self.month)
        if not volume.get("received_count"):
            yield Span(words("nothing"))
        else:
            yield from self._volume_in_words(volume)
        yield from self._on_time_in_words()
        yield from self._satisfaction_in_words()
        yield Span(words("stop"))
        yield from self._worst_in_words()
        yield from self._year_in_words()

    def _volume_in_words(self, volume: Row) -> Iterator[Span]:
        words, change = self.words, self._change("volume", "received_count")
        yield from _marked(words("received", count="\0"), count(volume["received_count"]), "volume")
        if change is not None:
            name = "more" if change > 0 else "fewer" if change < 0 else "as_many"
            yield Span(words(name, count=count(abs(int(change)))), ask="volume")

    def _on_time_in_words(self) -> Iterator[Span]:
        words, clock = self.words, self._clock("resolve", self.month)
        if not clock.get("judged_count"):
            return
        text = words("on_time", rate="\0", part=count(clock["on_time_count"]), whole=count(clock["judged_count"]))
        yield from _marked(text, rate(clock["on_time_rate"]), "clock")
        change = self._rate_change(clock, self._clock("resolve", self.previous), "on_time_rate")
        if clock["is_small_sample"]:
            yield Span(words("of_few", few=self.few), ask="clock")
        if change:
            yield Span(words("higher" if change > 0 else "lower", points=words.points(change)), ask="clock")

    def _satisfaction_in_words(self) -> Iterator[Span]:
        words, said = self.words, self._of("satisfaction", self.month)
        if said.get("is_hidden"):
            yield Span(words("satisfied_hidden", few=FEW_RESIDENTS), ask="satisfaction")
            return
        if not said.get("double_called_count"):
            yield Span(words("nobody_called", matured=count(said.get("matured_count", 0))), ask="satisfaction")
            return
        part, whole = count(said["double_satisfied_count"]), count(said["double_called_count"])
        if said["is_small_sample"]:
            yield Span(words("satisfied_few", part=part, whole=whole, few=self.few), ask="satisfaction")
        else:
            low, high = rate(said["satisfaction_low"]), rate(said["satisfaction_high"])
            text = words("satisfied", rate="\0", part=part, whole=whole, low=low, high=high)
            yield from _marked(text, rate(said["satisfaction_rate"]), "satisfaction")
        if said["coverage_rate"] is not None:
            text = words("covered", rate=rate(said["coverage_rate"]), part=whole, whole=count(said["matured_count"]))
            yield Span(text, ask="satisfaction")

    def _worst_in_words(self) -> Iterator[Span]:
        words, sentences = self.words, []
        judged = [row for row in self.answers["departments"].rows if row["on_time_rate"] is not None and not row["is_small_sample"]]
        worst = min(judged, key=lambda row: (row["on_time_rate"], row["key"]), default=None)
        whole = self._clock("resolve", self.month).get("on_time_rate")
        if worst and whole is not None and worst["on_time_rate"] < whole - GAP:
            counts = {"part": count(worst["on_time_count"]), "whole": count(worst["judged_count"])}
            text = words("lowest", name=worst["key_name"], rate=rate(worst["on_time_rate"]), **counts)
            sentences.append([Span(worst["key_name"], "bad", "departments"), Span(text.removeprefix(worst["key_name"]), "", "departments")])
        ranked = [row for row in self.answers["problems"].rows if row["case_count"]][:2]
        if len(ranked) == 2 and (self._of("volume", self.month).get("case_count") or 0) >= self.few:
            names = words("joined").join(row["item_name"] for row in ranked)
            spans = list(_marked(words("most_frequent", items=names, rate="\0"), rate(ranked[1]["cumulative_rate"]), "problems"))
            proposed = {name for row in self.answers["proposals"].rows[:1] for name in row["item_names"]}
            if {row["item_name"] for row in ranked} <= proposed:
                spans.append(Span(words("proposed"), ask="proposals"))
            sentences.append(spans)
        for number, spans in enumerate(sentences):
            yield from ([Span(words("then"))] if number else []) + spans
        if sentences:
            yield Span(words("stop"))

    def _year_in_words(self) -> Iterator[Span]:
        said = self.answers["programme"].only
        change = said.get("complaint_change_year_to_date_rate")
        if change is not None and (said["complaint_count_year_to_date_last_year"] or 0) >= self.few:
            whole = self.words(
                "before_year", count=count(said["complaint_count_year_to_date"]), change=self.words.change(round(change * 100, 1), "%")
            )
            yield Span(whole, ask="programme")

    # the tiles

    def _tiles(self) -> Iterator[Tile]:
        words, volume = self.words, self._of("volume", self.month)
        change = self._change("volume", "received_count")
        remark = words("on_last_month", change=words.change(change)) if change is not None else ""
        yield Tile(words("tile.received"), count(volume.get("received_count", 0)), remark, "volume")
        for step in ("accept", "resolve", "follow_up"):
            yield self._clock_tile(step)
        said = self._of("agreement", self.month)
        few, remark = bool(said.get("is_small_sample_of_resident")), ""
        if said.get("is_resident_hidden"):
            remark = words("hidden", few=FEW_RESIDENTS)
        elif said.get("resident_reached_count"):
            interval = words("interval", low=f"{said['resident_satisfied_low'] * 100:.0f}", high=rate(said["resident_satisfied_high"]))
            remark = self._counted(said["resident_satisfied_count"], said["resident_reached_count"], few, interval)
        yield Tile(words("tile.resident"), rate(said.get("resident_satisfied_rate")), remark, "agreement", "dim" if few else "")
        ages = [row for row in self.answers["backlog"].rows if row["month"] == self.month]
        beyond = sum(row["open_count"] for row in ages if row["from_workdays"] >= _BEYOND_WORKDAYS)
        remark = words("beyond", count=count(beyond))
        yield Tile(
            words("tile.backlog_now" if self.is_running else "tile.backlog"),
            count(sum(row["open_count"] for row in ages)),
            remark,
            "backlog",
            "bad" if beyond else "",
        )

    def _clock_tile(self, step: str) -> Tile:
        words, now = self.words, self._clock(step, self.month)
        few, remark = bool(now.get("is_small_sample")), ""
        if now.get("judged_count"):
            change = self._rate_change(now, self._clock(step, self.previous), "on_time_rate")
            moved = (
                ""
                if change is None
                else ("▲" if change > 0 else "▼" if change < 0 else "＝") + words("tile.points", points=f"{abs(change) * 100:.1f}")
            )
            remark = self._counted(now["on_time_count"], now["judged_count"], few, moved)
        return Tile(words(f"tile.{step}"), rate(now.get("on_time_rate")), remark, "clock", "dim" if few else "")

    def _counted(self, part: int, whole: int, few: bool, more: str) -> str:
        """A rate's two counts, and that they are too few, or more about it."""
        return f"{count(part)}/{count(whole)}　{self.words('few', few=self.few) if few else more}".rstrip("　")

    # the blocks

    def _rows(self) -> Iterator[Sequence[Block]]:
        level = self.unit.level
        if level == "district":
            yield [self._departments(), self._both_sides()]
        yield [self._months(), self._two_by_two()]
        if level in ("district", "community", "station"):
            yield [self._matrix()]
        if level == "compound":
            yield [self._problems("problems"), self._programme()]
            yield [self._stages(), self._backlog()]
        elif level == "department":
            yield [self._problems("own_problems"), self._stages()]
            yield [self._backlog()]
        elif level != "district":
            yield [self._stages(), self._programme()]
        yield [self._next_month()]
        yield [self._restatements()]

    def _departments(self) -> Table:
        words, rows = self.words, []
        judged = [
            row["on_time_rate"]
            for row in self.answers["departments"].rows
            if row["on_time_rate"] is not None and not row["is_small_sample"]
        ]
        whole = self._clock("resolve", self.month).get("on_time_rate")
        for row in self.answers["departments"].rows:
            value, few = row["on_time_rate"], row["is_small_sample"]
            tone: Tone = "bad" if judged and whole is not None and value is not None and not few and value < whole - GAP else ""
            change = None if self.is_running else row["received_change"]
            rows.append(
                [
                    Cell(row["key_name"]),
                    Cell(count(row["received_count"] or 0)),
                    Cell("" if change is None else words.change(change), "dim"),
                    Cell("", tone, bar=value),
                    Cell(self._bracketed(value, few), tone or ("dim" if few else "")),
                    Cell(count(row["overdue_count"] or 0), "bad" if row["overdue_count"] else "dim"),
                ]
            )
        columns = [
            Column(words("column.department"), "left", 1.5), Column(words("column.received")), Column(words("column.change")),
            Column(words("column.on_time"), "left", 2.2), Column("", width=1.4), Column(words("column.overdue")),
        ]  # fmt: skip
        return Table(words("departments"), words("departments.note"), columns, rows, "departments")

    def _bracketed(self, value: float | None, few: bool | None) -> str:
        return f"({rate(value)})" if few and value is not None else rate(value)

    def _both_sides(self) -> Chart:
        words, rows, said = self.words, [], []
        for row in self.answers["departments"].rows:
            pair = [
                Estimate(
                    row[f"{side}_satisfied_rate"],
                    row[f"{side}_satisfied_low"],
                    row[f"{side}_satisfied_high"],
                    row[f"is_small_sample_of_{side}"],
                )
                if row[f"{side}_satisfied_rate"] is not None
                else None
                for side in ("organisation", "resident")
            ]
            rows.append((row["key_name"], pair))
            sides = [
                f"{words(side)} {rate(row[f'{side}_satisfied_rate'])} (n={row[f'{side}_reached_count'] or 0})"
                for side in ("organisation", "resident")
            ]
            said.append(" ".join([row["key_name"], *sides]))
        drawing = charts.intervals(rows, [words("organisation"), words("resident")])
        return Chart(words("both_sides"), words("both_sides.note", few=self.few), drawing, words("then").join(said), "departments")

    def _months(self) -> Chart:
        words = self.words
        first = self.month.replace(year=self.month.year - 1)
        months = [_months_after(first, number) for number in range(1, 13)]
        counts = [self._of("volume", month).get("received_count") for month in months]
        clocks = [self._clock("resolve", month) for month in months]
        estimates = [
            Estimate(clock["on_time_rate"], clock["on_time_low"], clock["on_time_high"], clock["is_small_sample"])
            if clock.get("on_time_rate") is not None
            else None
            for clock in clocks
        ]
        said = words("then").join(
            f"{month:%Y-%m} {count(received)} {rate(each.value if each else None)}"
            for month, received, each in zip(months, counts, estimates, strict=True)
        )
        labels = [f"{month.month}月" if words.language == "zh" else f"{month:%b}" for month in months]
        return Chart(words("months"), words("months.note", few=self.few), charts.months(labels, counts, estimates), said, "clock")

    def _two_by_two(self) -> Square:
        words, said = self.words, self._of("agreement", self.month)

        def cell(column: str, meaning: str, tone: Tone = "") -> tuple[str, str, Tone]:
            number = None if said.get("is_hidden") else said.get(column, 0)
            return count(number), words(meaning) if meaning and number else "", tone if number else ""

        kappa = None if said.get("is_small_sample") else said.get("cohen_kappa")
        note = words("two_by_two.note", n=count(said.get("double_called_count", 0)))
        if said.get("is_hidden"):
            note = words("hidden", few=FEW_RESIDENTS)
        return Square(
            words("two_by_two"),
            note + (words("two_by_two.kappa", kappa=f"{kappa:.2f}") if kappa is not None else ""),
            [words("two_by_two.yes"), words("two_by_two.no")],
            [
                (
                    f"{words('organisation')} {words('yes')}",
                    [cell("double_satisfied_count", "agree"), cell("org_yes_resident_no_count", "look_back", "bad")],
                ),
                (
                    f"{words('organisation')} {words('no')}",
                    [cell("org_no_resident_yes_count", ""), cell("neither_satisfied_count", "agree_no")],
                ),
            ],
            "agreement",
        )

    def _matrix(self) -> Table:
        words = self.words
        ranked = [row for row in self.answers["problems"].rows if row["case_count"]][:PROBLEMS]
        by_place = {(row["compound_code"], row["item_code"]): row["case_count"] for row in self.answers["problems_by_compound"].rows}
        compounds = self.answers["compounds"].rows
        most = max(by_place.values(), default=1)
        whole = (self._clock("resolve", self.month).get("on_time_rate"), self._of("satisfaction", self.month).get("satisfaction_rate"))
        rows = []
        for row in compounds[:COMPOUNDS]:
            cells = [Cell(row["compound_name"])]
            for problem in ranked:
                number = by_place.get((row["compound_code"], problem["item_code"]), 0)
                cells.append(Cell(count(number) if number else "", heat=number / most if number else None))
            cells.append(Cell(count(row["received_count"]), "strong"))
            cells.append(self._compared(row["on_time_rate"], row["is_small_sample"], whole[0]))
            cells.append(self._compared(row["satisfaction_rate"], row["is_small_sample_of_satisfaction"], whole[1]))
            done, owed = row["fulfilled_patrol_count"], row["required_patrol_count"]
            cells.append(Cell("—" if owed is None else f"{done}/{owed}", "bad" if owed and done < owed and not self.is_running else ""))
            rows.append(cells)
        columns = [
            Column(words("column.compound"), "left", 1.7), *(Column(row["item_name"], "center", 1.1) for row in ranked),
            Column(words("column.total"), "center", 0.8), Column(words("column.on_time"), "center"),
            Column(words("column.satisfied"), "center"), Column(words("column.patrols"), "center", 0.8),
        ]  # fmt: skip
        note = words("matrix.note", unit=words(f"unit.{self.unit.level}"), gap=int(GAP * 100), few=self.few)
        rest = len(compounds) - len(rows)
        title = words("matrix", count=len(compounds), problems=len(ranked))
        return Table(title, note + (words("matrix.rest", count=rest) if rest > 0 else ""), columns, rows, "compounds")

    def _compared(self, value: float | None, few: bool | None, whole: float | None) -> Cell:
        is_low = value is not None and not few and whole is not None and value < whole - GAP
        text = "—" if value is None else f"{value * 100:.0f}%"
        return Cell(f"({text})" if few and value is not None else text, "bad" if is_low else "dim" if few or value is None else "")

    def _problems(self, name: str) -> Table:
        words, rows = self.words, []
        found = [row for row in self.answers[name].rows if row["case_count"]]
        few = (self._of("volume", self.month).get("case_count") or 0) < self.few
        most = max((row["case_count"] for row in found), default=1)
        for row in found[:ITEMS]:
            again = f"{row['recurrence_count']}/{row['watched_count']}" if row["watched_count"] else "—"
            rows.append(
                [
                    Cell(row["item_name"]), Cell("", bar=row["case_count"] / most), Cell(count(row["case_count"]), "strong"),
                    Cell(self._bracketed(row["share_rate"], few), "dim" if few else ""),
                    Cell(again, "bad" if row["recurrence_count"] and not row["is_small_sample"] else "dim"),
                ]
            )  # fmt: skip
        columns = [
            Column(words("column.item"), "left", 3), Column("", "left", 1.8), Column(words("column.cases")),
            Column(words("column.share"), width=1.2), Column(words("column.recurrence")),
        ]  # fmt: skip
        return Table(words(name), words("problems.note"), columns, rows, name)

    def _programme(self) -> Table:
        words, said = self.words, self.answers["programme"].only
        rows = []
        if said.get("compound_count"):
            done = f"{said['compliant_compound_count']}/{said['compound_count']}"
            rows.append(
                [
                    Cell(words("programme.patrols")),
                    Cell(done, "bad" if said["compliant_compound_count"] < said["compound_count"] and not self.is_running else ""),
                    Cell(""),
                ]
            )
        for column in PROGRAMME:
            value = said.get(column)
            if value is None:
                continue
            before = said[f"{column}_previous_month"]
            rows.append(
                [Cell(words(f"programme.{column}")), Cell(count(value), "strong"), Cell("" if before is None else count(before), "dim")]
            )
        columns = [Column(words("column.work"), "left", 2.4), Column(words("column.this_month")), Column(words("column.last_month"))]
        return Table(words("programme"), "", columns, rows, "programme")

    def _stages(self) -> Table:
        words, said = self.words, self.answers["blame"].only
        judged, rows = said.get("judged_count", 0), []
        names = {
            "kept": "kept_count",
            "accept": "broken_accept_count",
            "resolve": "broken_resolve_count",
            "follow_up": "broken_follow_up_count",
        }
        for name, column in names.items():
            number = said.get(column, 0)
            rows.append(
                [
                    Cell(words(f"stages.{name}")),
                    Cell("", "" if name == "kept" else "bad", bar=number / judged if judged else None),
                    Cell(count(number), "strong"),
                ]
            )
        columns = [Column("", "left", 2), Column("", "left", 2.4), Column(words("column.cases"))]
        return Table(words("stages"), words("stages.note", count=count(judged)), columns, rows, "blame")

    def _backlog(self) -> Table:
        words, rows = self.words, []
        found = [row for row in self.answers["backlog"].rows if row["month"] == self.month]
        whole = sum(row["open_count"] for row in found)
        for row in found:
            tone: Tone = "bad" if row["from_workdays"] >= _BEYOND_WORKDAYS else ""
            share = row["open_count"] / whole if whole else None
            rows.append(
                [
                    Cell(row["age_name"]),
                    Cell("", tone, bar=share),
                    Cell(count(row["open_count"]), tone or "strong"),
                    Cell(count(row["suspended_count"]), "dim"),
                ]
            )
        columns = [
            Column(words("column.age"), "left", 2),
            Column("", "left", 2),
            Column(words("column.open")),
            Column(words("column.suspended")),
        ]
        return Table(words("backlog"), words("backlog.note"), columns, rows, "backlog")

    def _next_month(self) -> Lines:
        words, lines = self.words, []
        if self.unit.level == "department":
            said = self.answers["duty"].only
            given = {"convened": "convened_count", "adopted": "adopted_matter_count", "solved": "solved_matter_count",
                     "tough": "tough_whistle_count", "tough_solved": "solved_tough_whistle_count"}  # fmt: skip
            text = words("duty.text", **{name: count(said[column]) for name, column in given.items()}) if said else words("duty.none")
            lines.append([Span(text, ask="duty")])
            lines += self._look_back()
            return Lines(words("duty"), "", lines, "duty", True)
        chosen = self.answers["closed"].only.get("campaign")
        if chosen and self.unit.level == "district":
            lines.append([Span(words("campaign.chosen", text=chosen), "strong", "closed")])
        for row in self.answers["proposals"].rows[:3]:
            duty = words("campaign.duty", name=row["duty_department_name"]) if row["duty_department_name"] else ""
            joined, shown = words("joined"), row["compound_names"][:4]
            given = {
                "theme": "\0",
                "items": joined.join(row["item_names"]),
                "count": count(row["case_count"]),
                "compounds": joined.join(shown) + ("…" if len(row["compound_names"]) > len(shown) else ""),
                "duty": duty,
            }
            text = words("campaign.line" if shown else "campaign.line_findings", **given)
            lines.append(list(_marked(text, row["category_name"], "proposals", "strong")))
        if not lines:
            lines.append([Span(words("campaign.none"), ask="proposals")])
        lines += [[Span(self._effect(row), ask="effect")] for row in self.answers["effect"].rows[:2]]
        for row in self.answers["clusters"].rows[:1]:
            given = {"item": row["item_name"], "count": row["compound_count"], "cases": row["case_count"], "open": row["open_count"]}
            lines.append([Span(words("cluster.line", lead=row["lead_compound_name"], **given), ask="clusters")])
        lines += self._look_back()
        title = words("campaign" if self.unit.level == "district" else "campaign.of_district")
        return Lines(title, words("campaign.note"), lines, "proposals", True)

    def _look_back(self) -> list[list[Span]]:
        number = self._of("agreement", self.month).get("org_yes_resident_no_count")
        listed = self.words("look_back.listed") if self.answers["disagreements"].rows else ""
        return [[Span(self.words("look_back.line", count=number) + listed, "bad", "agreement")]] if number else []

    def _effect(self, row: Row) -> str:
        words = self.words
        given = {
            name: "—" if row[column] is None else f"{row[column]:.2f}"
            for name, column in (("ratio", "rate_ratio"), ("low", "ratio_low"), ("high", "ratio_high"))
        }
        return words(
            "effect.line",
            month=words.month(row["campaign_month"]),
            name=row["department_name"] or "",
            verdict=words(f"effect.{row['verdict']}", **given),
        )

    def _restatements(self) -> Lines:
        """A line for each mart of each restated month: the first of its figures, and how many there are."""
        words, lines = self.words, []
        groups = {
            key: list(rows)
            for key, rows in groupby(self.answers["restatements"].rows, lambda row: (row["month"], row["restatement_no"], row["mart"]))
        }
        headline_first = sorted(groups.items(), key=lambda group: (-group[0][0].toordinal(), -group[0][1], *_prominence(group[0][2])))
        for (month, _, mart), rows in headline_first[:LINES]:
            first = rows[0]
            text = words(
                "restatement.line" if len(rows) == 1 else "restatement.lines",
                month=f"{month:%Y-%m}",
                mart=words(f"mart.{mart}"),
                metric=" ".join(part for part in (first["grain"], first["metric"]) if part),
                old=first["old_value"] or words("missing"),
                new=first["new_value"] or words("missing"),
                cause=words.cause(first["cause"]),
                records=first["record_count"],
                count=count(len(rows)),
            )
            lines.append([Span(text, ask="restatements")])
        if not lines:
            lines = [[Span(words("restatements.none"), "dim", "restatements")]]
        elif len(groups) > LINES:
            rest = sum(len(rows) for _, rows in headline_first[LINES:])
            lines.append([Span(words("restatements.rest", count=count(rest)), "dim", "restatements")])
        return Lines(words("restatements"), "", lines, "restatements")


def _prominence(mart: str) -> tuple[int, str]:
    return (_HEADLINES.index(mart) if mart in _HEADLINES else len(_HEADLINES), mart)


def _marked(text: str, number: str, ask: str, tone: Tone = "strong") -> Iterator[Span]:
    """`text` around the number that stands where it has a null character."""
    before, _, after = text.partition("\0")
    yield from (span for span in (Span(before, ask=ask), Span(number, tone, ask), Span(after, ask=ask)) if span.text)


def _months_after(first: dt.date, number: int) -> dt.date:
    whole = first.year * 12 + first.month - 1 + number
    return dt.date(whole // 12, whole % 12 + 1, 1)
