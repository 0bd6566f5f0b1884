"""How a page begins: the conclusion in sentences, and six numbers."""

from __future__ import annotations

from collections.abc import Iterator

from linli.review.blocks import Span, Tile, marked
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
    if not said and reading.is_for_outside:
        yield Span(words("satisfied_not_closed" if reading.is_closed else "satisfied_once_closed"), ask="satisfaction")
        return
    called = said.get("double_called_count", 0)
    if said and (called is None or said["double_satisfied_count"] is None or (not called and said["matured_count"] is None)):
        yield Span(words("satisfied_withheld"), ask="satisfaction")
        return
    if not called:
        late = said.get("both_reached_count")
        yield Span(words("nobody_called", matured=count(said.get("matured_count", 0))), ask="satisfaction")
        if late:
            yield Span(words("called_late", count=count(late)), ask="satisfaction")
        return
    part, whole = count(said["double_satisfied_count"]), count(called)
    if said["is_small_sample"]:
        yield Span(words("satisfied_few", part=part, whole=whole, few=reading.few), ask="satisfaction")
    else:
        low, high = rate(said["satisfaction_low"]), rate(said["satisfaction_high"])
        text = words("satisfied", rate="\0", part=part, whole=whole, low=low, high=high)
        yield from marked(text, rate(said["satisfaction_rate"]), "satisfaction")
        today = rate(reading.of("satisfaction_today", reading.month).get("satisfaction_rate"))
        if not reading.is_for_outside and (changed := _today(reading, rate(said["satisfaction_rate"]), today)):
            yield Span(words("meanwhile", changed=changed), ask="satisfaction_today")
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
    said = reading.answers["year"].only
    change = said.get("complaint_change_year_to_date_rate")
    if change is not None and (said["complaint_count_year_to_date_last_year"] or 0) >= reading.few:
        whole = reading.words(
            "before_year", count=count(said["complaint_count_year_to_date"]), change=reading.words.change(round(change * 100, 1), "%")
        )
        yield Span(whole, ask="year")


def tiles(reading: Reading) -> Iterator[Tile]:
    """The month in six numbers."""
    yield _received_tile(reading)
    yield _clock_tile(reading, "accept")
    yield _clock_tile(reading, "resolve")
    yield _told_follow_up_tile(reading) if reading.is_for_outside else _clock_tile(reading, "follow_up")
    yield _both_sides_tile(reading) if reading.is_for_outside else _resident_tile(reading)
    yield _backlog_tile(reading)


def _received_tile(reading: Reading) -> Tile:
    words, change = reading.words, reading.received_change()
    now, today = (reading.of(name, reading.month).get("received_count", 0) for name in ("volume", "volume_today"))
    remark = words("on_last_month", change=words.change(change)) if change is not None else ""
    return Tile(words("tile.received"), count(now), remark, "volume", more=_today(reading, count(now), count(today)))


def _clock_tile(reading: Reading, step: str) -> Tile:
    words, now = reading.words, reading.clock(step, reading.month)
    few, remark = bool(now.get("is_small_sample")), ""
    if now.get("judged_count"):
        remark = _counted(reading, now["on_time_count"], now["judged_count"], few, _moved(reading, reading.on_time_change(step)))
    value, today = (rate(row.get("on_time_rate")) for row in (now, reading.of("clock_today", reading.month, step=step)))
    return Tile(words(f"tile.{step}"), value, remark, "clock", "dim" if few else "", _today(reading, value, today))


def _told_follow_up_tile(reading: Reading) -> Tile:
    """The follow-up clock outside the team: how many were called in time is what the callbacks tell, or withhold."""
    told = reading.of("follow_up", reading.month)
    value, remark = (f"{told['on_time_rate']:.0%}", "") if told else ("—", _untold(reading))
    return Tile(reading.words("tile.follow_up"), value, remark, "follow_up")


def _untold(reading: Reading) -> str:
    """Why nothing is told of the callbacks of a place."""
    if reading.of("satisfaction", reading.month):
        return reading.words("withheld")
    return reading.words("not_among_closed" if reading.is_closed else "once_closed")


def _resident_tile(reading: Reading) -> Tile:
    words, said = reading.words, reading.of("agreement", reading.month)
    few, remark = bool(said.get("is_small_sample_of_resident")), ""
    if said.get("resident_reached_count"):
        interval = words("interval", low=f"{said['resident_satisfied_low'] * 100:.0f}", high=rate(said["resident_satisfied_high"]))
        remark = _counted(reading, said["resident_satisfied_count"], said["resident_reached_count"], few, interval)
    change = _moved(reading, reading.rate_change("agreement", "resident_satisfied_rate", "is_small_sample_of_resident"))
    value, today = (rate(row.get("resident_satisfied_rate")) for row in (said, reading.of("agreement_today", reading.month)))
    more = "　".join(part for part in (change, _today(reading, value, today)) if part)
    return Tile(words("tile.resident"), value, remark, "agreement", "dim" if few else "", more)


def _both_sides_tile(reading: Reading) -> Tile:
    words, said = reading.words, reading.of("satisfaction", reading.month)
    value, few = said.get("satisfaction_rate"), bool(said.get("is_small_sample"))
    if not said or said["double_called_count"] is None or said["double_satisfied_count"] is None:
        remark = _untold(reading)
    elif not said["double_called_count"]:
        remark = words("none_called")
    else:
        remark = _counted(reading, said["double_satisfied_count"], said["double_called_count"], few, "")
    more = _moved(reading, reading.rate_change("satisfaction", "satisfaction_rate"))
    return Tile(words("tile.both_sides"), rate(value), remark, "satisfaction", "dim" if few else "", more)


def _backlog_tile(reading: Reading) -> Tile:
    words, change = reading.words, reading.open_change()
    ages = [row for row in reading.answers["backlog"].rows if row["month"] == reading.month]
    beyond = sum(row["open_count"] for row in ages if row["from_workdays"] >= BEYOND_WORKDAYS)
    value, today = (count(reading.open_rounds(reading.month, name) or 0) for name in ("backlog", "backlog_today"))
    compared = words("on_last_month", change=words.change(change)) if change is not None else ""
    more = "　".join(part for part in (compared, _today(reading, value, today)) if part)
    name = words("tile.backlog_now" if reading.is_running else "tile.backlog")
    return Tile(name, value, words("beyond", count=count(beyond)), "backlog", "bad" if beyond else "", more)


def _today(reading: Reading, approved: str, today: str) -> str:
    """What the marts make of an approved figure by now, where that reads otherwise."""
    return reading.words("today", value=today) if reading.is_closed and today != approved else ""


def _moved(reading: Reading, change: float | None) -> str:
    if change is None:
        return ""
    return ("▲" if change > 0 else "▼" if change < 0 else "＝") + reading.words("tile.points", points=f"{abs(change) * 100:.1f}")


def _counted(reading: Reading, part: int, whole: int, few: bool, more: str) -> str:
    """A rate's two counts, and that they are too few, or more about it."""
    return f"{count(part)}/{count(whole)}　{reading.words('few', few=reading.few) if few else more}".rstrip("　")
