"""From spool to servers that misbehave: all delivered once, none lost, none reported as sent when refused, also across kill -9."""

from __future__ import annotations

import collections
import datetime as dt
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from linli.alerts import OUTBOX, Clock, Configuration, Delivered, Message, Spool, deliver, load
from scenarios.alerts.servers import HANGS, HANGS_UP, HANGS_UP_AFTER, Answer, Call, Robots, free_port, mail_server, robots
from unit.alerts.doubles import StoppedClock
from unit.alerts.letters import MORNING, message

MESSAGES = 24
OK: Answer = (200, {}, {"errcode": 0, "code": 0})
DOUBT = "可能是重复的一份"
SENDER = Path(__file__).with_name("sender.py")

FILE = """
channels:
  wecom: {{kind: wecom, base: "{url}/wecom", key: {{env: LINLI_TEST_KEY}}}}
  dingtalk: {{kind: dingtalk, base: "{url}/dingtalk", token: {{env: LINLI_TEST_KEY}}, secret: {{env: LINLI_TEST_KEY}}}}
  feishu: {{kind: feishu, base: "{url}/feishu", token: {{env: LINLI_TEST_KEY}}}}
  mail: {{kind: email, host: 127.0.0.1, port: {port}, security: none, sender: l@example.org, recipients: [a@example.org, b@example.org]}}
"""


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spool]:
    monkeypatch.setenv("LINLI_TEST_KEY", "key-of-the-test")
    monkeypatch.setattr("linli.alerts.webhooks.TIMEOUTS", (0.2, 0.2))
    with Spool(tmp_path / "spool.sqlite") as opened:
        yield opened


def configured(folder: Path, url: str, port: int) -> Configuration:
    (folder / "alerts.yml").write_text(FILE.format(url=url, port=port), encoding="utf-8")
    return load(folder / "alerts.yml", folder / "outbox")


def told(spool: Spool, route: Callable[[Message], list[tuple[str, str]]], count: int = MESSAGES, at: dt.datetime = MORNING) -> None:
    spool.tell("watch", [message(topic=f"t{n:02d}", title=f"第 {n} 件") for n in range(count)], at=at, route=route)


def settled(spool: Spool, configuration: Configuration, clock: StoppedClock, rounds: int = 60) -> Delivered:
    """Deliveries until nothing waits any more, half an hour after each other."""
    total = Delivered()
    for _ in range(rounds):
        found = deliver(spool, configuration.channels, fallback=OUTBOX, clock=clock)
        total = Delivered(total.delivered + found.delivered, total.refused + found.refused, total.given_up + found.given_up, found.waiting)
        if not found.waiting:
            break
        clock.pass_by(minutes=30)
    return total


def number_in(text: str) -> int:
    found = re.search(r"编号 (\d+)", text)
    assert found, text
    return int(found[1])


def kind_of(call: Call) -> str:
    return call.path.split("/")[1]


def taken_by(server: Robots, kind: str) -> dict[int, list[bool]]:
    """The numbers of the messages a robot has taken, with whether each copy says that it may be a second one."""
    found: dict[int, list[bool]] = collections.defaultdict(list)
    for call in server.taken:
        if kind_of(call) == kind:
            text = str(call.payload)
            found[number_in(text)].append(DOUBT in text)
    return found


def test_all_arrive_once_where_nothing_goes_wrong(spool: Spool, tmp_path: Path) -> None:
    with robots(lambda *_: OK) as server, mail_server() as mails:
        configuration = configured(tmp_path, server.url, mails.port)
        told(spool, configuration.route)
        assert settled(spool, configuration, StoppedClock()) == Delivered(MESSAGES * 5, 0, 0, 0)
    for kind in ("wecom", "dingtalk", "feishu"):
        assert taken_by(server, kind) == {n: [False] for n in range(1, MESSAGES + 1)}
    assert collections.Counter(to for to, _ in mails.mails) == {"a@example.org": MESSAGES, "b@example.org": MESSAGES}
    assert not (tmp_path / "outbox").exists()


def test_robots_are_never_sent_more_than_they_allow(spool: Spool, tmp_path: Path) -> None:
    clock = StoppedClock()
    moments: dict[str, list[float]] = collections.defaultdict(list)

    def noted(_: int, call: Call) -> Answer:
        moments[kind_of(call)].append(clock.now().timestamp())
        return OK

    with robots(noted) as server, mail_server() as mails:
        configuration = configured(tmp_path, server.url, mails.port)
        told(spool, configuration.route, 50)
        settled(spool, configuration, clock)
    for kind, count, seconds in (("wecom", 20, 60), ("dingtalk", 20, 60), ("feishu", 5, 1), ("feishu", 100, 60)):
        at = moments[kind]
        assert len(at) == 50 and all(later - first >= seconds for first, later in zip(at, at[count:], strict=False)), kind


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_robots_answer_none_is_lost_and_none_said_to_be_sent_that_was_refused(spool: Spool, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    refused_for_good: dict[str, set[int]] = collections.defaultdict(set)
    throttled = {"wecom": {"errcode": 45009}, "dingtalk": {"errcode": 130101}, "feishu": {"code": 11232}}
    broken = {"wecom": {"errcode": 93000}, "dingtalk": {"errcode": 310000}, "feishu": {"code": 19021}}

    def answered(_: int, call: Call) -> Answer | str:
        kind, number = kind_of(call), number_in(str(call.payload))
        if number % 7 == 0:
            refused_for_good[kind].add(number)
            return 200, {}, {"errcode": 40058, "code": 9499, "msg": "Bad Request", "errmsg": "bad content"}
        trouble: list[Answer | str] = [
            (200, {}, throttled[kind]), (200, {}, broken[kind]), (429, {"Retry-After": "3"}, ""), (500, {}, ""), (200, {}, "<html>"),
            HANGS, HANGS_UP, HANGS_UP_AFTER,
        ]  # fmt: skip
        return chance.choice(trouble) if chance.random() < 0.3 else OK

    with robots(answered) as server, mail_server() as mails:
        configuration = configured(tmp_path, server.url, mails.port)
        told(spool, configuration.route)
        clock = StoppedClock()
        assert settled(spool, configuration, clock, rounds=300).waiting == 0
    poison = {7, 14, 21}
    for kind in ("wecom", "dingtalk", "feishu"):
        taken = taken_by(server, kind)
        states = {row["number"]: row["state"] for row in spool.deliveries(limit=1000) if row["channel"] == kind}
        assert refused_for_good[kind] == poison == {number for number, state in states.items() if state == "refused"}
        assert set(taken) == set(states) - poison == {number for number, state in states.items() if state == "delivered"}
        for copies in taken.values():
            assert copies[0] in (True, False) and all(copies[1:]), "a second copy says that it may be one"
    outbox = [number_in(path.read_text(encoding="utf-8")) for path in (tmp_path / "outbox").iterdir()]
    assert sorted(outbox) == sorted(poison)
    said = {row["said"] for row in spool.deliveries(limit=1000) if row["state"] == "refused"}
    assert said == {"40058 bad content", "9499 Bad Request"}


def test_a_gateway_that_is_down_and_comes_back_gets_all_of_it_once(spool: Spool, tmp_path: Path) -> None:
    port, clock = free_port(), StoppedClock()
    with mail_server() as mails:
        configuration = configured(tmp_path, f"http://127.0.0.1:{port}", mails.port)
        told(spool, configuration.route)
        down = deliver(spool, configuration.channels, fallback=OUTBOX, clock=clock)
        assert (down.delivered, down.waiting) == (MESSAGES * 2, MESSAGES * 3)
        assert set(spool.troubles()) == {"wecom", "dingtalk", "feishu"}
        clock.pass_by(minutes=5)
        with robots(lambda *_: OK, port=port) as server:
            assert settled(spool, configuration, clock).delivered == MESSAGES * 3
    for kind in ("wecom", "dingtalk", "feishu"):
        assert taken_by(server, kind) == {n: [False] for n in range(1, MESSAGES + 1)}
    assert not spool.troubles() and len(mails.mails) == MESSAGES * 2


# ---- killed ----------------------------------------------------------------------------------------------------------


def started(home: Path, url: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.Popen([sys.executable, str(SENDER), str(home), url], env=environment)


def to_robot(_: Message) -> list[tuple[str, str]]:
    return [("robot", "")]


@pytest.mark.parametrize("is_taken", [True, False], ids=["taken", "not-taken"])
def test_killed_between_sending_and_noting_the_one_in_doubt_is_sent_again_with_a_word(spool: Spool, tmp_path: Path, is_taken: bool) -> None:
    told(spool, to_robot, 6, Clock().now())
    killed: list[subprocess.Popen[bytes]] = []
    is_started = threading.Event()

    def answered(number: int, _: Call) -> Answer | str:
        if number == 3:
            assert is_started.wait(30)
            killed[0].send_signal(signal.SIGKILL)
            killed[0].wait()
            return HANGS_UP_AFTER if is_taken else HANGS_UP
        return OK

    with robots(answered) as server:
        killed.append(started(tmp_path, server.url))
        is_started.set()
        assert killed[0].wait(60) == -signal.SIGKILL
        assert spool.counts() == {"delivered": 2, "sending": 1, "waiting": 3}
        assert started(tmp_path, server.url).wait(60) == 0
    copies: dict[int, list[bool]] = collections.defaultdict(list)
    for call in server.taken:
        copies[number_in(str(call.payload))].append(DOUBT in str(call.payload))
    assert copies == {1: [False], 2: [False], 3: [False, True] if is_taken else [True], 4: [False], 5: [False], 6: [False]}
    assert spool.counts() == {"delivered": 6}


def test_killed_at_any_moment_none_is_lost_and_every_second_copy_says_so(spool: Spool, tmp_path: Path) -> None:
    told(spool, to_robot, 80, Clock().now())
    chance = random.Random(7)

    def slowly(_: int, __: Call) -> Answer:
        time.sleep(0.004)
        return OK

    with robots(slowly) as server:
        for _ in range(3):
            before = len(server.calls)
            sender = started(tmp_path, server.url)
            for _ in range(6000):
                if len(server.calls) >= before + chance.randint(3, 12) or sender.poll() is not None:
                    break
                time.sleep(0.005)
            time.sleep(chance.random() * 0.01)
            sender.kill()
            sender.wait()
            assert spool.counts().get("delivered", 0) <= len(server.taken)
        assert started(tmp_path, server.url).wait(60) == 0
    copies: dict[int, list[bool]] = collections.defaultdict(list)
    for call in server.taken:
        copies[number_in(str(call.payload))].append(DOUBT in str(call.payload))
    assert set(copies) == set(range(1, 81)) and spool.counts() == {"delivered": 80}
    assert all(all(of_one[1:]) for of_one in copies.values()) and sum(map(len, copies.values())) <= 80 + 3


def test_two_senders_at_a_time_send_each_once(spool: Spool, tmp_path: Path) -> None:
    told(spool, to_robot, 30, Clock().now())
    with robots(lambda *_: OK) as server:
        senders = [started(tmp_path, server.url) for _ in range(2)]
        assert [sender.wait(60) for sender in senders] == [0, 0]
    assert sorted(number_in(str(call.payload)) for call in server.taken) == list(range(1, 31))
