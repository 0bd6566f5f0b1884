"""WeCom, DingTalk and Feishu against servers that answer like them: what is said is judged by its code, not by HTTP 200."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import pytest

from linli.alerts import Outcome
from linli.alerts.webhooks import DingTalk, Feishu, Webhook, WeCom
from scenarios.alerts.servers import HANGS, HANGS_UP, Answer, Call, free_port, robots
from unit.alerts.letters import MORNING, letter

TOKEN, SECRET = "token-0123-abcd", "SEC0123456789"
OPEN: dict[str, Callable[[str], Webhook]] = {
    "wecom": lambda url: WeCom("w", url, lambda: TOKEN),
    "dingtalk": lambda url: DingTalk("d", url + "/", lambda: TOKEN, lambda: SECRET),
    "feishu": lambda url: Feishu("f", url, lambda: TOKEN, lambda: SECRET),
}
TAKEN = {"wecom": {"errcode": 0, "errmsg": "ok"}, "dingtalk": {"errcode": 0, "errmsg": "ok"}, "feishu": {"code": 0, "msg": "success"}}
ALL = pytest.mark.parametrize("kind", list(OPEN))


def sent(kind: str, answer: Callable[[int, Call], Answer | str] | Answer | str) -> tuple[Outcome, list[Call]]:
    """What became of one message at a server that answers so, and what the server got."""
    with robots(answer if callable(answer) else lambda *_: answer) as server:
        return OPEN[kind](server.url).send(letter(), "", MORNING), server.calls


def signed(key: str, text: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


def test_wecom_gets_markdown_under_its_key() -> None:
    outcome, [call] = sent("wecom", (200, {}, TAKEN["wecom"]))
    assert outcome == Outcome("delivered")
    assert (call.path, call.query) == ("/cgi-bin/webhook/send", {"key": TOKEN})
    assert call.payload["msgtype"] == "markdown" and call.payload["markdown"]["content"].startswith("**【警告】案件系统·春晖花苑")


def test_dingtalk_gets_markdown_signed_in_the_address() -> None:
    outcome, [call] = sent("dingtalk", (200, {}, TAKEN["dingtalk"]))
    timestamp = str(int(MORNING.timestamp() * 1000))
    assert outcome == Outcome("delivered") and call.path == "/robot/send"
    assert call.query == {"access_token": TOKEN, "timestamp": timestamp, "sign": signed(SECRET, f"{timestamp}\n{SECRET}")}
    assert call.payload["msgtype"] == "markdown" and call.payload["at"] == {"isAtAll": False}
    assert call.payload["markdown"]["title"].startswith("【警告】") and call.payload["markdown"]["text"].startswith("### 【警告】")


def test_feishu_gets_a_post_signed_in_the_body() -> None:
    outcome, [call] = sent("feishu", (200, {}, TAKEN["feishu"]))
    timestamp = str(int(MORNING.timestamp()))
    assert outcome == Outcome("delivered") and (call.path, call.query) == (f"/open-apis/bot/v2/hook/{TOKEN}", {})
    assert (call.payload["timestamp"], call.payload["sign"]) == (timestamp, signed(f"{timestamp}\n{SECRET}", ""))
    post = call.payload["content"]["post"]["zh_cn"]
    assert post["title"].startswith("【警告】") and post["content"][0] == [{"tag": "text", "text": "退回待改：3 条"}]


@pytest.mark.parametrize(
    ("kind", "said", "state", "words"),
    [
        ("wecom", {"errcode": 45009, "errmsg": "api freq out of limit"}, "throttled", "45009 api freq out of limit"),
        ("wecom", {"errcode": 93000, "errmsg": f"invalid webhook url {TOKEN}"}, "misconfigured", "93000 invalid webhook url ***"),
        ("wecom", {"errcode": 40058, "errmsg": "markdown.content exceed max length"}, "refused", "40058 markdown.content exceed"),
        ("wecom", {"errcode": -1, "errmsg": "system busy"}, "unreachable", "-1 system busy"),
        ("dingtalk", {"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"}, "throttled", "130101 send too fast"),
        ("dingtalk", {"errcode": 410100, "errmsg": "发送速度太快而限流"}, "throttled", "410100"),
        ("dingtalk", {"errcode": 310000, "errmsg": "sign not match"}, "misconfigured", "310000 sign not match"),
        ("dingtalk", {"errcode": 430104, "errmsg": "内容不合适"}, "refused", "430104 内容不合适"),
        ("feishu", {"code": 11232, "msg": "frequency limited psm"}, "throttled", "11232"),
        ("feishu", {"code": 9499, "msg": "too many request"}, "throttled", "9499"),
        ("feishu", {"code": 9499, "msg": "Bad Request"}, "refused", "9499 Bad Request"),
        ("feishu", {"code": 19021, "msg": "sign match fail or timestamp is not within one hour"}, "misconfigured", "19021"),
        ("feishu", {"StatusCode": 19001, "StatusMessage": "param invalid"}, "misconfigured", "19001 param invalid"),
        ("wecom", {"errcode": "0"}, "misconfigured", "回答不是约定的 JSON"),
        ("wecom", ["ok"], "misconfigured", "回答不是约定的 JSON"),
        ("feishu", "<html>请先登录</html>", "misconfigured", "回答不是约定的 JSON"),
    ],
)
def test_http_200_says_nothing_the_code_does(kind: str, said: Any, state: str, words: str) -> None:
    outcome, calls = sent(kind, (200, {}, said))
    assert (outcome.state, len(calls)) == (state, 1)
    assert words in outcome.said and TOKEN not in outcome.said and not outcome.is_doubtful
    assert (outcome.wait is not None) == (state == "throttled")


def test_old_answers_of_feishu_are_understood() -> None:
    assert sent("feishu", (200, {}, {"StatusCode": 0, "StatusMessage": "success"}))[0] == Outcome("delivered")


@ALL
@pytest.mark.parametrize(
    ("answer", "state", "is_doubtful"),
    [
        ((500, {}, "oops"), "unreachable", False),
        ((502, {}, "bad gateway"), "unreachable", False),
        ((504, {}, "gateway timeout"), "unreachable", True),
        ((404, {}, "nothing here"), "misconfigured", False),
        ((403, {}, "who are you"), "misconfigured", False),
        ((302, {"Location": "http://127.0.0.1/login"}, ""), "misconfigured", False),
        ((413, {}, "too long"), "refused", False),
        (HANGS_UP, "unreachable", True),
        (HANGS, "unreachable", True),
    ],
    ids=["500", "502", "504", "404", "403", "redirect", "413", "hangs-up", "hangs"],
)
def test_what_is_not_an_answer_of_the_robot(
    kind: str, answer: Answer | str, state: str, is_doubtful: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linli.alerts.webhooks.TIMEOUTS", (0.3, 0.3))
    outcome, calls = sent(kind, answer)
    assert (outcome.state, outcome.is_doubtful, len(calls)) == (state, is_doubtful, 1)
    assert TOKEN not in outcome.said and SECRET not in outcome.said and "127.0.0.1" not in outcome.said


@ALL
def test_http_429_waits_as_long_as_it_says(kind: str) -> None:
    assert sent(kind, (429, {"Retry-After": "7"}, ""))[0].wait == dt.timedelta(seconds=7)
    assert sent(kind, (429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, ""))[0].wait == OPEN[kind]("").throttled_for
    assert sent(kind, (429, {"Retry-After": "99999999"}, ""))[0].wait == dt.timedelta(hours=1)


@ALL
def test_where_nobody_listens_nothing_has_arrived(kind: str) -> None:
    outcome = OPEN[kind](f"http://127.0.0.1:{free_port()}").send(letter(), "", MORNING)
    assert outcome == Outcome("unreachable", "连接不上")


@ALL
def test_an_address_that_is_none_is_a_mistake_of_the_configuration(kind: str) -> None:
    assert OPEN[kind]("gateway.example/robots").send(letter(), "", MORNING).state == "misconfigured"


def test_without_its_secret_nothing_is_sent() -> None:
    def missing() -> str:
        raise LookupError("环境变量 LINLI_WECOM_KEY 没有设置")

    with robots(lambda *_: (200, {}, TAKEN["wecom"])) as server:
        outcome = WeCom("w", server.url, missing).send(letter(), "", MORNING)
    assert outcome == Outcome("misconfigured", "环境变量 LINLI_WECOM_KEY 没有设置") and not server.calls
