"""The blocks of a page below its beginning, and which of them a unit has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby, repeat

from linli.calendar import previous_month
from linli.review import charts
from linli.review.blocks import Block, Cell, Chart, Column, Lines, Span, Square, Table, Tone, marked
from linli.review.charts import Estimate
from linli.review.questions import PROGRAMME
from linli.review.reading import BEYOND_WORKDAYS, GAP, Reading, Row
from linli.review.words import count, rate

PROBLEMS = 8
COMPOUNDS = 26
ITEMS = 10
LINES = 4
_HEADLINES = {
    "mart_two_callback_satisfaction": "satisfaction_rate", "mart_clock_257": "on_time_rate", "mart_case_volume": "received_count",
    "mart_monthly_review": "complaint_count_year_to_date", "mart_callback_agreement": "resident_satisfied_rate",
    "mart_backlog": "open_count", "mart_stage_blame": "broken_rate", "mart_frequent_problem": "case_count",
    "mart_patrol": "fulfilled_patrol_count", "mart_meeting": "meeting_count", "mart_matter": "solved_count", "mart_lead": "lead_count",
    "mart_points": "earned_points",
}  # fmt: skip
"""marts, the most prominent first, each with the figure it is known by"""


def sections(reading: Reading) -> Iterator[Sequence[Block]]:
    """The rows of one or two blocks that a unit of this level has."""
    level = reading.unit.level
    if level == "district":
        yield [_departments(reading), _both_sides(reading)]
    # how the two sides answered, and which clock broke, says how many were called
    yield [_months(reading), _backlog(reading) if reading.is_for_outside else _two_by_two(reading)]
    if level in ("district", "community", "station"):
        yield [_matrix(reading)]
    if level == "compound":
        yield [_problems(reading, "problems"), _programme(reading)]
    elif level == "department":
        yield [_problems(reading, "own_problems"), _stages(reading)]
        yield [_backlog(reading)]
    elif level != "district":
        yield [_programme(reading)]
    yield [_next_month(reading)]
    yield [_restatements(reading)]


def _departments(reading: Reading) -> Table:
    words, rows = reading.words, []
    whole = reading.clock("resolve", reading.month).get("on_time_rate")
    for row in reading.answers["departments"].rows:
        value, few = row["on_time_rate"], row["is_small_sample"]
        tone: Tone = "bad" if _is_low(value, few, whole) else ""
        change = None if reading.is_running else row["received_change"]
        rows.append(
            [
                Cell(row["key_name"]),
                Cell(count(row["received_count"] or 0)),
                Cell("" if change is None else words.change(change), "dim"),
                Cell("", tone, bar=value),
                Cell(_bracketed(value, few), tone or ("dim" if few else "")),
                Cell(count(row["overdue_count"] or 0), "bad" if row["overdue_count"] else "dim"),
            ]
        )
    columns = [
        Column(words("column.department"), "left", 1.5), Column(words("column.received")), Column(words("column.change")),
        Column(words("column.on_time"), "left", 2.2), Column("", width=1.4), Column(words("column.overdue")),
    ]  # fmt: skip
    return Table(words("departments"), words("departments.note"), columns, rows, "departments")


def _both_sides(reading: Reading) -> Chart:
    words, rows, said = reading.words, [], []
    for row in reading.answers["departments"].rows:
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
    return Chart(words("both_sides"), words("both_sides.note", few=reading.few), drawing, words("then").join(said), "departments")


def _months(reading: Reading) -> Chart:
    words = reading.words
    months = sorted(accumulate(repeat(reading.month, 12), lambda month, _: previous_month(month)))
    counts = [reading.of("volume", month).get("received_count") for month in months]
    clocks = [reading.clock("resolve", month) for month in months]
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
    return Chart(words("months"), words("months.note", few=reading.few), charts.months(labels, counts, estimates), said, "clock")


def _two_by_two(reading: Reading) -> Square:
    words, said = reading.words, reading.of("satisfaction", reading.month)

    def cell(column: str, meaning: str, tone: Tone = "") -> tuple[str, str, Tone]:
        number = said.get(column, 0)
        return count(number), words(meaning) if meaning and number else "", tone if number else ""

    kappa = None if said.get("is_small_sample") else said.get("cohen_kappa")
    note = words("two_by_two.note", n=count(said.get("double_called_count", 0)))
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
        "satisfaction",
    )


def _matrix(reading: Reading) -> Table:
    words = reading.words
    ranked = [row for row in reading.answers["problems"].rows if row["case_count"]][:PROBLEMS]
    by_place = {(row["compound_code"], row["item_code"]): row["case_count"] for row in reading.answers["problems_by_compound"].rows}
    compounds = reading.answers["compounds"].rows
    most = max(by_place.values(), default=1)
    whole = (
        reading.clock("resolve", reading.month).get("on_time_rate"),
        reading.of("satisfaction", reading.month).get("satisfaction_rate"),
    )
    rows = []
    for row in compounds[:COMPOUNDS]:
        cells = [Cell(row["compound_name"])]
        for problem in ranked:
            number = by_place.get((row["compound_code"], problem["item_code"]), 0)
            cells.append(Cell(count(number) if number else "", heat=number / most if number else None))
        cells.append(Cell(count(row["received_count"]), "strong"))
        cells.append(_compared(row["on_time_rate"], row["is_small_sample"], whole[0]))
        cells.append(_compared(row["satisfaction_rate"], row["is_small_sample_of_satisfaction"], whole[1]))
        done, owed = row["fulfilled_patrol_count"], row["required_patrol_count"]
        cells.append(Cell("—" if owed is None else f"{done}/{owed}", "bad" if owed and done < owed and not reading.is_running else ""))
        rows.append(cells)
    columns = [
        Column(words("column.compound"), "left", 1.7), *(Column(row["item_name"], "center", 1.1) for row in ranked),
        Column(words("column.total"), "center", 0.8), Column(words("column.on_time"), "center"),
        Column(words("column.satisfied"), "center"), Column(words("column.patrols"), "center", 0.8),
    ]  # fmt: skip
    note = words("matrix.note", unit=words(f"unit.{reading.unit.level}"), gap=int(GAP * 100), few=reading.few)
    rest = len(compounds) - len(rows)
    title = words("matrix", count=len(compounds), problems=len(ranked))
    return Table(title, note + (words("matrix.rest", count=rest) if rest > 0 else ""), columns, rows, "compounds")


def _compared(value: float | None, few: bool | None, whole: float | None) -> Cell:
    is_low = _is_low(value, few, whole)
    text = "—" if value is None else f"{value * 100:.0f}%"
    return Cell(f"({text})" if few and value is not None else text, "bad" if is_low else "dim" if few or value is None else "")


def _is_low(value: float | None, few: bool | None, whole: float | None) -> bool:
    return value is not None and not few and whole is not None and value < whole - GAP


def _bracketed(value: float | None, few: bool | None) -> str:
    return f"({rate(value)})" if few and value is not None else rate(value)


def _problems(reading: Reading, name: str) -> Table:
    words, rows = reading.words, []
    found = [row for row in reading.answers[name].rows if row["case_count"]]
    few = (reading.of("volume", reading.month).get("case_count") or 0) < reading.few
    most = max((row["case_count"] for row in found), default=1)
    for row in found[:ITEMS]:
        again = f"{row['recurrence_count']}/{row['watched_count']}" if row["watched_count"] else "—"
        rows.append(
            [
                Cell(row["item_name"]), Cell("", bar=row["case_count"] / most), Cell(count(row["case_count"]), "strong"),
                Cell(_bracketed(row["share_rate"], few), "dim" if few else ""),
                Cell(again, "bad" if row["recurrence_count"] and not row["is_small_sample"] else "dim"),
            ]
        )  # fmt: skip
    columns = [
        Column(words("column.item"), "left", 3), Column("", "left", 1.8), Column(words("column.cases")),
        Column(words("column.share"), width=1.2), Column(words("column.recurrence")),
    ]  # fmt: skip
    return Table(words(name), words("problems.note"), columns, rows, name)


def _programme(reading: Reading) -> Table:
    words, said = reading.words, reading.answers["programme"].only
    rows = []
    if said.get("compound_count"):
        done = f"{said['compliant_compound_count']}/{said['compound_count']}"
        rows.append(
            [
                Cell(words("programme.patrols")),
                Cell(done, "bad" if said["compliant_compound_count"] < said["compound_count"] and not reading.is_running else ""),
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


def _stages(reading: Reading) -> Table:
    words, said = reading.words, reading.answers["blame"].only
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


def _backlog(reading: Reading) -> Table:
    words, rows = reading.words, []
    found = [row for row in reading.answers["backlog"].rows if row["month"] == reading.month]
    whole = sum(row["open_count"] for row in found)
    for row in found:
        tone: Tone = "bad" if row["from_workdays"] >= BEYOND_WORKDAYS else ""
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
    return Table(words("backlog_now" if reading.is_running else "backlog"), words("backlog.note"), columns, rows, "backlog")


def _next_month(reading: Reading) -> Lines:
    words, lines = reading.words, []
    if reading.unit.level == "department":
        said = reading.answers["duty"].only
        given = {"convened": "convened_count", "adopted": "adopted_matter_count", "solved": "solved_matter_count",
                 "tough": "tough_whistle_count", "tough_solved": "solved_tough_whistle_count"}  # fmt: skip
        text = words("duty.text", **{name: count(said[column]) for name, column in given.items()}) if said else words("duty.none")
        lines.append([Span(text, ask="duty")])
        lines += _look_back(reading)
        return Lines(words("duty"), "", lines, "duty", True)
    chosen = reading.answers["closed"].only.get("campaign")
    if chosen and reading.unit.level == "district":
        lines.append([Span(words("campaign.chosen", text=chosen), "strong", "closed")])
    for row in reading.answers["proposals"].rows[:3]:
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
        lines.append(list(marked(text, row["category_name"], "proposals", "strong")))
    if not lines:
        lines.append([Span(words("campaign.none"), ask="proposals")])
    lines += [[Span(_effect(reading, row), ask="effect")] for row in reading.answers["effect"].rows[:2]]
    for row in reading.answers["clusters"].rows[:1]:
        given = {"item": row["item_name"], "count": row["compound_count"], "cases": row["case_count"], "open": row["open_count"]}
        lines.append([Span(words("cluster.line", lead=row["lead_compound_name"], **given), ask="clusters")])
    lines += _look_back(reading)
    title = words("campaign" if reading.unit.level == "district" else "campaign.of_district")
    return Lines(title, words("campaign.note"), lines, "proposals", True)


def _look_back(reading: Reading) -> list[list[Span]]:
    number = reading.of("satisfaction", reading.month).get("org_yes_resident_no_count")
    listed = reading.words("look_back.listed") if reading.answers["disagreements"].rows else ""
    return [[Span(reading.words("look_back.line", count=number) + listed, "bad", "satisfaction")]] if number else []


def _effect(reading: Reading, row: Row) -> str:
    words = reading.words
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


def _restatements(reading: Reading) -> Lines:
    """A line for each mart of each restated month: the figure it is known by, or else its first, and how many there are."""
    words, lines = reading.words, []
    groups = {
        key: list(rows)
        for key, rows in groupby(reading.answers["restatements"].rows, lambda row: (row["month"], row["restatement_no"], row["mart"]))
    }
    headline_first = sorted(groups.items(), key=lambda group: (-group[0][0].toordinal(), -group[0][1], *_prominence(group[0][2])))
    for (month, _, mart), rows in headline_first[:LINES]:
        first = min(rows, key=lambda row: row["metric"] != _HEADLINES.get(row["mart"]))
        old, new = words.values(mart, first["metric"], first["old_value"], first["new_value"])
        text = words(
            "restatement.line" if len(rows) == 1 else "restatement.lines",
            month=f"{month:%Y-%m}",
            mart=words.mart(mart),
            metric=" ".join(part for part in (words.grain(mart, first["grain"]), words.figure(mart, first["metric"])) if part),
            old=old,
            new=new,
            cause=words.cause(first["cause"], first["record_count"]),
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
    return (list(_HEADLINES).index(mart) if mart in _HEADLINES else len(_HEADLINES), mart)
