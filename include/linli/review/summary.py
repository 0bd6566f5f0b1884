"""How a page begins: the conclusion in sentences, and six numbers."""

from __future__ import annotations

from collections.abc import Iterator

from linli.review.blocks import Span, Tile, marked
from linli.review.questions import FEW_RESIDENTS
from linli.review.reading import BEYOND_WORKDAYS, GAP, Reading, Row
from linli.review.words import count, rate


def conclusion(reading: Reading) -> Iterator[Span]:
    """The month in a few sentences."""
    words, volume = reading.words, reading.of("volume", reading.month)
    if not volume.get("received_count"):
        yield Span(words("nothing"))
    else:
        yield from _volume_in_words(reading, volume)
    yield from _on_time_in_words(reading)
    yield from _satisfaction_in_words(reading)
    yield Span(words("stop"))
    yield from _worst_in_words(reading)
    yield from _year_in_words(reading)


def _volume_in_words(reading: Reading, volume: Row) -> Iterator[Span]:
    words, change = reading.words, reading.received_change()
    yield from marked(words("received", count="\0"), count(volume["received_count"]), "volume")
    if change is not None:
        name = "more" if change > 0 else "fewer" if change < 0 else "as_many"
        yield Span(words(name, count=count(abs(change))), ask="volume")


def _on_time_in_words(reading: Reading) -> Iterator[Span]:
    words, clock = reading.words, reading.clock("resolve", reading.month)
    if not clock.get("judged_count"):
        return
    text = words("on_time", rate="\0", part=count(clock["on_time_count"]), whole=count(clock["judged_count"]))
    yield from marked(text, rate(clock["on_time_rate"]), "clock")
    change = reading.on_time_change("resolve")
    if clock["is_small_sample"]:
        yield Span(words("of_few", few=reading.few), ask="clock")
    if change:
        yield Span(words("higher" if change > 0 else "lower", points=words.points(change)), ask="clock")


def _satisfaction_in_words(reading: Reading) -> Iterator[Span]:
    words, said = reading.words, reading.of("satisfaction", reading.month)
    if said.get("is_hidden"):
        yield Span(words("satisfied_hidden", few=FEW_RESIDENTS), ask="satisfaction")
        return
    if not said.get("double_called_count"):
        yield Span(words("nobody_called", matured=count(said.get("matured_count", 0))), ask="satisfaction")
        return
    part, whole = count(said["double_satisfied_count"]), count(said["double_called_count"])
    if said["is_small_sample"]:
        yield Span(words("satisfied_few", part=part, whole=whole, few=reading.few), ask="satisfaction")
    else:
        low, high = rate(said["satisfaction_low"]), rate(said["satisfaction_high"])
        text = words("satisfied", rate="\0", part=part, whole=whole, low=low, high=high)
        yield from marked(text, rate(said["satisfaction_rate"]), "satisfaction")
    if said["coverage_rate"] is not None:
        text = words("covered", rate=rate(said["coverage_rate"]), part=whole, whole=count(said["matured_count"]))
        yield Span(text, ask="satisfaction")


def _worst_in_words(reading: Reading) -> Iterator[Span]:
    words, sentences = reading.words, []
    judged = [row for row in reading.answers["departments"].rows if row["on_time_rate"] is not None and not row["is_small_sample"]]
    worst = min(judged, key=lambda row: (row["on_time_rate"], row["key"]), default=None)
    whole = reading.clock("resolve", reading.month).get("on_time_rate")
    if worst and whole is not None and worst["on_time_rate"] < whole - GAP:
        counts = {"part": count(worst["on_time_count"]), "whole": count(worst["judged_count"])}
        text = words("lowest", name=worst["key_name"], rate=rate(worst["on_time_rate"]), **counts)
        sentences.append([Span(worst["key_name"], "bad", "departments"), Span(text.removeprefix(worst["key_name"]), "", "departments")])
    ranked = [row for row in reading.answers["problems"].rows if row["case_count"]][:2]
    if len(ranked) == 2 and (reading.of("volume", reading.month).get("case_count") or 0) >= reading.few:
        names = words("joined").join(row["item_name"] for row in ranked)
        spans = list(marked(words("most_frequent", items=names, rate="\0"), rate(ranked[1]["cumulative_rate"]), "problems"))
        proposed = {name for row in reading.answers["proposals"].rows[:1] for name in row["item_names"]}
        if {row["item_name"] for row in ranked} <= proposed:
            spans.append(Span(words("proposed"), ask="proposals"))
        sentences.append(spans)
    for number, spans in enumerate(sentences):
        yield from ([Span(words("then"))] if number else []) + spans
    if sentences:
        yield Span(words("stop"))


def _year_in_words(reading: Reading) -> Iterator[Span]:
    said = reading.answers["programme"].only
    change = said.get("complaint_change_year_to_date_rate")
    if change is not None and (said["complaint_count_year_to_date_last_year"] or 0) >= reading.few:
        whole = reading.words(
            "before_year", count=count(said["complaint_count_year_to_date"]), change=reading.words.change(round(change * 100, 1), "%")
        )
        yield Span(whole, ask="programme")


def tiles(reading: Reading) -> Iterator[Tile]:
    """The month in six numbers."""
    words, volume = reading.words, reading.of("volume", reading.month)
    change = reading.received_change()
    remark = words("on_last_month", change=words.change(change)) if change is not None else ""
    yield Tile(words("tile.received"), count(volume.get("received_count", 0)), remark, "volume")
    for step in ("accept", "resolve", "follow_up"):
        yield _clock_tile(reading, step)
    said = reading.of("agreement", reading.month)
    few, remark = bool(said.get("is_small_sample_of_resident")), ""
    if said.get("is_resident_hidden"):
        remark = words("hidden", few=FEW_RESIDENTS)
    elif said.get("resident_reached_count"):
        interval = words("interval", low=f"{said['resident_satisfied_low'] * 100:.0f}", high=rate(said["resident_satisfied_high"]))
        remark = _counted(reading, said["resident_satisfied_count"], said["resident_reached_count"], few, interval)
    yield Tile(words("tile.resident"), rate(said.get("resident_satisfied_rate")), remark, "agreement", "dim" if few else "")
    ages = [row for row in reading.answers["backlog"].rows if row["month"] == reading.month]
    beyond = sum(row["open_count"] for row in ages if row["from_workdays"] >= BEYOND_WORKDAYS)
    remark = words("beyond", count=count(beyond))
    yield Tile(
        words("tile.backlog_now" if reading.is_running else "tile.backlog"),
        count(sum(row["open_count"] for row in ages)),
        remark,
        "backlog",
        "bad" if beyond else "",
    )


def _clock_tile(reading: Reading, step: str) -> Tile:
    words, now = reading.words, reading.clock(step, reading.month)
    few, remark = bool(now.get("is_small_sample")), ""
    if now.get("judged_count"):
        remark = _counted(reading, now["on_time_count"], now["judged_count"], few, _moved(reading, step))
    return Tile(words(f"tile.{step}"), rate(now.get("on_time_rate")), remark, "clock", "dim" if few else "")


def _moved(reading: Reading, step: str) -> str:
    change = reading.on_time_change(step)
    if change is None:
        return ""
    return ("▲" if change > 0 else "▼" if change < 0 else "＝") + reading.words("tile.points", points=f"{abs(change) * 100:.1f}")


def _counted(reading: Reading, part: int, whole: int, few: bool, more: str) -> str:
    """A rate's two counts, and that they are too few, or more about it."""
    return f"{count(part)}/{count(whole)}　{reading.words('few', few=reading.few) if few else more}".rstrip("　")
