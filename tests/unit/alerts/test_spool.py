"""What is told and when it is quiet; silences; deliveries at their pace, each once, none lost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from linli.alerts import Letter, Message, NoSuchMessage, NotSilenced, Outcome, Silence, Spool, Tally, check, deliver
from linli.alerts.channels import Pace, scrubbed
from unit.alerts.doubles import Robot, StoppedClock
from unit.alerts.letters import MORNING, message

DAY = dt.timedelta(days=1)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool(tmp_path / "alerts" / "spool.sqlite") as opened:
        yield opened


def to_robot(_: Message) -> list[tuple[str, str]]:
    return [("robot", "")]


def tell(spool: Spool, *current: Message, at: dt.datetime = MORNING) -> Tally:
    return spool.tell("watch", current, at=at, route=to_robot)


def test_the_same_state_is_told_once_and_again_when_it_changed(spool: Spool) -> None:
    assert tell(spool, message()) == Tally(1, 0, 0)
    assert tell(spool, message(title="words alone do not matter")) == Tally(0, 1, 0)
    assert tell(spool, message(fingerprint="b2")) == Tally(1, 0, 0)
    assert tell(spool, message(fingerprint="b2"), message(topic="other")) == Tally(1, 1, 0)
    assert tell(spool, message(fingerprint="a1")) == Tally(1, 0, 0)


def test_a_state_that_has_ended_is_told_of_once_and_would_be_news_again(spool: Spool) -> None:
    tell(spool, message())
    tell(spool, message(fingerprint="b2"), at=MORNING + DAY)
    ended: list[tuple[str, dt.datetime]] = []

    def well_again(told: object) -> Message:
        ended.append((told.message.fingerprint, told.since_at))  # type: ignore[attr-defined]
        return message(kind="corrected", severity="info")

    for expected in (Tally(1, 0, 0), Tally(0, 0, 0)):
        assert spool.tell("watch", [], at=MORNING + 2 * DAY, route=to_robot, ended=well_again) == expected
    assert ended == [("b2", MORNING)]
    assert tell(spool, message(fingerprint="b2")) == Tally(1, 0, 0)


def test_watches_do_not_end_each_others_states(spool: Spool) -> None:
    tell(spool, message())
    assert spool.tell("another", [], at=MORNING, route=to_robot, ended=lambda _: message()) == Tally(0, 0, 0)
    assert list(spool.standing("watch")) == [message().topic]


def test_what_is_to_be_said_of_an_end_locks_nobody_out(spool: Spool) -> None:
    tell(spool, message())

    def another_tells(_: object) -> Message:
        with Spool(spool.path) as other:
            other._db.execute("pragma busy_timeout=0")
            other.tell("another", [message(topic="meanwhile")], at=MORNING, route=to_robot)
        return message(kind="corrected", severity="info")

    assert spool.tell("watch", [], at=MORNING, route=to_robot, ended=another_tells) == Tally(1, 0, 0)
    assert list(spool.standing("another")) == ["meanwhile"] and spool.standing("watch") == {}


def test_an_end_that_another_process_tells_meanwhile_is_told_once(spool: Spool) -> None:
    tell(spool, message())

    def told_by_another(_: object) -> Message:
        with Spool(spool.path) as other:
            tell(other)
            tell(other, message(fingerprint="b2"))
        return message(kind="corrected", severity="info")

    assert spool.tell("watch", [], at=MORNING, route=to_robot, ended=told_by_another) == Tally(0, 0, 0)
    assert [told.message.fingerprint for told in spool.standing("watch").values()] == ["b2"]


def test_nothing_is_half_told(spool: Spool) -> None:
    def broken(found: Message) -> list[tuple[str, str]]:
        if found.topic == "second":
            raise RuntimeError("no route")
        return to_robot(found)

    with pytest.raises(RuntimeError):
        spool.tell("watch", [message(topic="first"), message(topic="second")], at=MORNING, route=broken)
    assert spool.deliveries() == [] and spool.standing("watch") == {}


# ---- silences --------------------------------------------------------------------------------------------------------


def silenced(**of: object) -> Silence:
    given = {"source": "", "submitter": "", "kind": "", "until_on": MORNING.date(), "reason": "升级", "owner": "数据组"} | of
    return Silence(1, created_at=MORNING, **given)  # type: ignore[arg-type]


def test_a_silence_covers_what_meets_all_its_parts_up_to_the_end_of_its_day() -> None:
    assert silenced(source="case_system", submitter="340405-S01", kind="quarantined").covers(message(), MORNING)
    for other in ({"source": "patrol_app"}, {"source": "case_system", "submitter": "340405-S02"}, {"kind": "corrected"}):
        assert not silenced(**other).covers(message(), MORNING)
    last = MORNING.replace(hour=23, minute=59)
    assert silenced(kind="quarantined").covers(message(), last)
    assert not silenced(kind="quarantined").covers(message(), last + dt.timedelta(minutes=1))


def test_what_is_critical_is_silent_for_seven_days_at_most() -> None:
    long = silenced(source="case_system", until_on=(MORNING + 60 * DAY).date())
    critical = message(severity="critical", kind="night_failed")
    assert long.covers(message(), MORNING + 30 * DAY)
    assert long.covers(critical, MORNING + 6 * DAY) and not long.covers(critical, MORNING + 7 * DAY)


@pytest.mark.parametrize(
    ("of", "days", "said"),
    [
        ({}, 1, "要写明静默什么"),
        ({"kind": "bad"}, 1, "不认识"),
        ({"source": "case_system", "reason": " "}, 1, "--reason 不能空着"),
        ({"source": "case_system", "owner": ""}, 1, "--owner 不能空着"),
        ({"source": "case_system", "reason": "问 13812345678"}, 1, "--reason 里有电话或证件号"),
        ({"source": "case_system", "owner": "数据组 0554-6612345"}, 1, "--owner 里有电话或证件号"),
        ({"source": "case_system"}, -1, "已经过去"),
        ({"source": "case_system"}, 93, "最多静默 92 天"),
        ({"kind": "night_failed"}, 8, "最多静默 7 天，到 2026-11-21 为止"),
        ({"kind": "no_load"}, 8, "最多静默 7 天"),
    ],
)
def test_a_silence_has_a_scope_a_reason_an_owner_and_an_end(of: dict[str, str], days: int, said: str) -> None:
    given = {"source": "", "submitter": "", "kind": "", "reason": "升级", "owner": "数据组"} | of
    with pytest.raises(NotSilenced, match=said) as refused:
        check(**given, until_on=MORNING.date() + days * DAY, at=MORNING)
    assert not any(number in str(refused.value) for number in ("13812345678", "6612345"))


def test_what_was_silenced_is_told_when_the_silence_is_over(spool: Spool) -> None:
    number = spool.silence(source="case_system", submitter="", kind="", until_on=MORNING.date(), reason="升级", owner="数据组", at=MORNING)
    assert tell(spool, message()) == Tally(0, 0, 1)
    assert tell(spool, message(), at=MORNING + DAY) == Tally(1, 0, 0)
    assert tell(spool, message(fingerprint="b2")) == Tally(0, 0, 1)
    spool.unsilence(number, MORNING)
    assert tell(spool, message(fingerprint="b2")) == Tally(1, 0, 0)
    with pytest.raises(NotSilenced, match=f"没有编号为 {number} 的静默"):
        spool.unsilence(number, MORNING)


# ---- delivering ------------------------------------------------------------------------------------------------------


MINUTES = dt.timedelta(minutes=3)


def sent(spool: Spool, clock: StoppedClock, *channels: Robot, patience: dt.timedelta = MINUTES) -> tuple[int, int, int, int]:
    found = deliver(spool, {channel.name: channel for channel in channels}, fallback="outbox", clock=clock, patience=patience)
    return found.delivered, found.refused, found.given_up, found.waiting


def told(spool: Spool, count: int, at: dt.datetime = MORNING) -> None:
    spool.tell("watch", [message(topic=f"t{n:02d}") for n in range(count)], at=at, route=to_robot)


def test_each_is_sent_once_the_oldest_first(spool: Spool) -> None:
    robot, outbox, clock = Robot(), Robot("outbox"), StoppedClock()
    told(spool, 3)
    assert sent(spool, clock, robot, outbox) == (3, 0, 0, 0)
    assert sent(spool, clock, robot, outbox) == (0, 0, 0, 0)
    assert robot.topics == ["t00", "t01", "t02"] and not outbox.letters and not clock.slept


def test_the_pace_of_a_channel_is_kept_also_between_two_deliveries(spool: Spool) -> None:
    robot, outbox, clock = Robot(paces=[Pace(2, 1), Pace(5, 60)]), Robot("outbox"), StoppedClock()
    told(spool, 12)
    assert sent(spool, clock, robot, outbox, patience=dt.timedelta(seconds=30)) == (5, 0, 0, 7)
    assert sent(spool, clock, robot, outbox, patience=dt.timedelta(seconds=150)) == (7, 0, 0, 0)
    moments = [at for _, _, at in robot.letters]
    for count, seconds in ((2, 1), (5, 60)):
        assert all(later - first >= dt.timedelta(seconds=seconds) for first, later in zip(moments, moments[count:], strict=False))
    assert sum(clock.slept) < 130


def test_a_channel_that_is_down_is_tried_again_later_and_later_and_stops_no_other(spool: Spool) -> None:
    down, up, outbox, clock = Robot("down"), Robot("up"), Robot("outbox"), StoppedClock()
    down.answer = lambda _: Outcome("unreachable", "连接不上")
    spool.tell("watch", [message(topic=f"t{n}") for n in range(3)], at=MORNING, route=lambda _: [("down", ""), ("up", "")])
    assert sent(spool, clock, down, up, outbox) == (3, 0, 0, 3)
    tries = []
    for _ in range(12 * 60):
        before = len(down.letters)
        sent(spool, clock, down, up, outbox, patience=dt.timedelta(0))
        if len(down.letters) > before:
            tries.append(clock.now())
        clock.pass_by(minutes=1)
    waits = [later - first for first, later in pairwise(tries)]
    assert waits == sorted(waits) and waits[0] <= dt.timedelta(minutes=1) and waits[-1] == dt.timedelta(hours=1)
    assert spool.troubles()["down"]["said"] == "连接不上" and spool.troubles()["down"]["failures"] == len(down.letters)
    down.answer = lambda _: Outcome("delivered")
    clock.pass_by(hours=1)
    assert sent(spool, clock, down, up, outbox) == (3, 0, 0, 0)
    assert sorted(down.topics[-3:]) == ["t0", "t1", "t2"] and len(up.letters) == 3 and not outbox.letters and not spool.troubles()


def test_no_delivery_waits_for_a_channel_that_is_down(spool: Spool) -> None:
    robot, outbox, clock = Robot(), Robot("outbox"), StoppedClock()
    robot.answer = lambda _: Outcome("unreachable", "连接不上")
    told(spool, 2)
    for _ in range(3):
        assert sent(spool, clock, robot, outbox) == (0, 0, 0, 2)
    assert len(robot.letters) == 1 and not clock.slept
    clock.pass_by(days=-30)
    sent(spool, clock, robot, outbox)
    assert len(robot.letters) == 2


def test_a_channel_that_is_throttled_waits_as_long_as_it_says(spool: Spool) -> None:
    robot, outbox, clock = Robot(), Robot("outbox"), StoppedClock()
    robot.answer = lambda _: Outcome("throttled", "45009", dt.timedelta(minutes=10))
    told(spool, 2)
    assert sent(spool, clock, robot, outbox) == (0, 0, 0, 2)
    robot.answer = lambda _: Outcome("delivered")
    clock.pass_by(minutes=6)
    assert sent(spool, clock, robot, outbox) == (0, 0, 0, 2)
    clock.pass_by(minutes=4)
    assert sent(spool, clock, robot, outbox) == (2, 0, 0, 0)


def test_a_refused_message_blocks_no_other_and_ends_in_the_outbox(spool: Spool) -> None:
    robot, outbox, clock = Robot(), Robot("outbox"), StoppedClock()
    robot.answer = lambda letter: Outcome("refused", "40058 bad") if letter.message.topic == "t01" else Outcome("delivered")
    told(spool, 3)
    assert sent(spool, clock, robot, outbox) == (3, 1, 0, 0)
    assert robot.topics == ["t00", "t01", "t02"] and outbox.topics == ["t01"]
    assert outbox.letters[0][0].remarks == ("本应发往 robot，被拒收：40058 bad",)
    states = {row["channel"]: (row["state"], row["said"]) for row in spool.deliveries(number=2)}
    assert states == {"outbox": ("delivered", ""), "robot": ("refused", "40058 bad")}
    robot.answer = lambda _: Outcome("delivered")
    assert spool.again(2, clock.now()) == 1 and spool.again(1, clock.now()) == 0
    assert sent(spool, clock, robot, outbox) == (1, 0, 0, 0) and robot.topics[-1] == "t01" and len(outbox.letters) == 1
    with pytest.raises(NoSuchMessage, match="没有编号为 99 的消息"):
        spool.again(99, clock.now())


def test_a_message_that_brings_the_channel_down_does_not_stand_before_the_others(spool: Spool) -> None:
    robot, outbox, clock = Robot(), Robot("outbox"), StoppedClock()
    robot.answer = lambda letter: Outcome("unreachable", "HTTP 500") if letter.message.topic == "t00" else Outcome("delivered")
    told(spool, 4)
    for _ in range(5):
        sent(spool, clock, robot, outbox)
        clock.pass_by(hours=1)
    assert {"t01", "t02", "t03"} <= set(robot.topics) and spool.counts() == {"delivered": 3, "waiting": 1}


def test_what_cannot_be_delivered_for_a_week_goes_to_the_outbox_and_is_told_of(spool: Spool) -> None:
    robot, outbox, clock = Robot(), Robot("outbox"), StoppedClock()
    robot.answer = lambda _: Outcome("misconfigured", "93000 invalid webhook url")
    told(spool, 2)
    sent(spool, clock, robot, outbox)
    clock.pass_by(days=6)
    assert sent(spool, clock, robot, outbox)[2:] == (0, 2)
    clock.pass_by(days=2)
    assert sent(spool, clock, robot, outbox) == (2, 0, 2, 0)
    assert outbox.topics == ["t00", "t01"] and outbox.letters[0][0].remarks == ("本应发往 robot，多日没有送达",)
    robot.answer = lambda _: Outcome("delivered")
    assert spool.again(1, clock.now()) == 1
    assert sent(spool, clock, robot, outbox)[0] == 1


def test_a_channel_taken_out_of_the_configuration_leaves_nothing_behind(spool: Spool) -> None:
    outbox, clock = Robot("outbox"), StoppedClock()
    told(spool, 2)
    assert sent(spool, clock, outbox) == (2, 0, 2, 0)
    assert outbox.letters[0][0].remarks == ("本应发往 robot，渠道已不在配置中",)


def test_killed_while_sending_it_is_sent_again_and_says_so(spool: Spool) -> None:
    class Killed(BaseException):
        pass

    def killed(_: Letter) -> Outcome:
        raise Killed

    robot, outbox, clock = Robot(), Robot("outbox"), StoppedClock()
    robot.answer = killed
    told(spool, 2)
    with pytest.raises(Killed):
        sent(spool, clock, robot, outbox)
    assert spool.counts() == {"sending": 1, "waiting": 1}
    robot.answer = lambda _: Outcome("delivered")
    assert sent(spool, clock, robot, outbox) == (2, 0, 0, 0)
    doubts = {letter.message.topic: letter.is_doubtful for letter, _, _ in robot.letters[1:]}
    assert doubts == {"t00": True, "t01": False}


def test_a_doubtful_end_is_remembered_a_certain_one_is_not_in_doubt(spool: Spool) -> None:
    robot, outbox, clock = Robot(), Robot("outbox"), StoppedClock()
    told(spool, 1)
    for is_doubtful in (False, True, False):
        robot.answer = lambda _, is_doubtful=is_doubtful: Outcome("unreachable", "x", is_doubtful=is_doubtful)  # type: ignore[misc]
        sent(spool, clock, robot, outbox)
        clock.pass_by(hours=2)
    robot.answer = lambda _: Outcome("delivered")
    sent(spool, clock, robot, outbox)
    assert [letter.is_doubtful for letter, _, _ in robot.letters] == [False, False, True, True]


def test_what_was_told_long_ago_is_forgotten_but_for_what_stands_or_waits(spool: Spool) -> None:
    robot, outbox, clock = Robot(), Robot("outbox"), StoppedClock()
    tell(spool, message(topic="ended"), message(topic="stands"))
    sent(spool, clock, robot, outbox)
    tell(spool, message(topic="stands"))
    clock.pass_by(days=399)
    sent(spool, clock, robot, outbox)
    assert {row["number"] for row in spool.deliveries()} == {1, 2}
    clock.pass_by(days=2)
    robot.answer = lambda _: Outcome("unreachable", "连接不上")
    tell(spool, message(topic="stands"), message(topic="waits"), at=clock.now())
    sent(spool, clock, robot, outbox)
    assert {row["number"] for row in spool.deliveries()} == {2, 3}
    assert list(spool.standing("watch")) == ["stands", "waits"]


def test_every_recipient_is_a_delivery_of_its_own(spool: Spool) -> None:
    mail, outbox, clock = Robot("mail", recipients=("a", "b")), Robot("outbox"), StoppedClock()
    spool.tell("watch", [message()], at=MORNING, route=lambda _: [("mail", "a"), ("mail", "b")])
    mail.answer = lambda _: Outcome("refused", "550") if len(mail.letters) == 1 else Outcome("delivered")
    assert sent(spool, clock, mail, outbox) == (2, 1, 0, 0)
    assert [(row["recipient"], row["state"]) for row in spool.deliveries() if row["channel"] == "mail"] == [
        ("a", "refused"),
        ("b", "delivered"),
    ]


def test_a_clock_put_back_does_not_stop_the_deliveries(spool: Spool) -> None:
    robot, outbox, clock = Robot(paces=[Pace(1, 60)]), Robot("outbox"), StoppedClock()
    told(spool, 2)
    sent(spool, clock, robot, outbox, patience=dt.timedelta(0))
    clock.pass_by(days=-30)
    assert sent(spool, clock, robot, outbox) == (1, 0, 0, 0)


def test_answers_are_kept_without_secrets_numbers_and_lines() -> None:
    assert scrubbed("93000 bad key=abc-123\nat 13812345678", ("abc-123",)) == "93000 bad key=*** at [电话]"
    assert len(scrubbed("x" * 5000)) == 160
