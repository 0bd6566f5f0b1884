"""The robots of WeCom, DingTalk and Feishu: one POST a message. HTTP 200 says nothing yet, the code in the answer does."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import requests

from linli.alerts import rendering
from linli.alerts.channels import Outcome, Pace, State, missing_of, scrubbed
from linli.alerts.messages import Letter

TIMEOUTS = (5.0, 15.0)
"""seconds to connect, and between two parts of the answer"""

_THROTTLED = 429
_TOO_LATE = (408, 504)
_OF_THE_MESSAGE = (400, 413, 422)
_LONGEST_WAIT = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Call:
    """Where and what to post."""

    url: str
    payload: Mapping[str, Any]
    query: Mapping[str, str] = field(default_factory=dict)


class Webhook(ABC):
    """What the three have in common. `token` and `secret` are read when they are needed: one missing is a problem of this channel alone."""

    recipients = ("",)
    paces: ClassVar[tuple[Pace, ...]]
    codes: ClassVar[Mapping[int, State]]
    """what an answer's code means; any other one refuses the message"""
    code_names: ClassVar[Sequence[str]] = ("errcode",)
    words_names: ClassVar[Sequence[str]] = ("errmsg",)
    """under which names an answer has its code and its words, the first that is there counts"""
    throttled_for: ClassVar[dt.timedelta]

    def __init__(self, name: str, base: str, token: Callable[[], str], secret: Callable[[], str] | None = None) -> None:
        self.name, self._base = name, base.rstrip("/")
        self._token, self._secret = token, secret

    @abstractmethod
    def call(self, letter: Letter, token: str, secret: str | None, at: dt.datetime) -> Call:
        """The request that says `letter`."""

    def problem(self) -> str:
        return missing_of(self._token, self._secret)

    def send(self, letter: Letter, recipient: str, at: dt.datetime) -> Outcome:
        if problem := self.problem():
            return Outcome("misconfigured", problem)
        token, secret = self._token(), self._secret() if self._secret else None
        call = self.call(letter, token, secret, at)
        try:
            answer = requests.post(call.url, json=call.payload, params=call.query, timeout=TIMEOUTS, allow_redirects=False)
        # The words of these errors hold the address and with it the token: they are not repeated.
        except (requests.exceptions.ConnectTimeout, requests.exceptions.SSLError, requests.exceptions.ProxyError):
            return Outcome("unreachable", "连接不上（超时、证书或代理）")
        except requests.exceptions.ConnectionError as error:
            is_begun = "NewConnectionError" not in repr(error) and "NameResolutionError" not in repr(error)
            return Outcome("unreachable", "连接中断" if is_begun else "连接不上", is_doubtful=is_begun)
        except requests.exceptions.Timeout:
            return Outcome("unreachable", "没有及时回答", is_doubtful=True)
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema):
            return Outcome("misconfigured", "地址写法不对，应以 http:// 或 https:// 开头")
        except requests.exceptions.RequestException:
            return Outcome("unreachable", "回答没有传完", is_doubtful=True)
        return self._judged(answer, (token, secret or ""))

    def _judged(self, answer: requests.Response, secrets: tuple[str, ...]) -> Outcome:
        status = answer.status_code
        if status == _THROTTLED:
            return Outcome("throttled", "HTTP 429", self._wait(answer))
        if status >= 500 or status in _TOO_LATE:
            return Outcome("unreachable", f"HTTP {status}", is_doubtful=status in _TOO_LATE)
        if status != 200:
            return Outcome("refused" if status in _OF_THE_MESSAGE else "misconfigured", f"HTTP {status}")
        try:
            said = answer.json()
        except requests.exceptions.JSONDecodeError:
            said = None
        code = _first(said, self.code_names) if isinstance(said, dict) else None
        if not isinstance(said, dict) or not isinstance(code, int):
            return Outcome("misconfigured", "回答不是约定的 JSON，地址可能不是机器人的")
        if code == 0:
            return Outcome("delivered")
        words = f"{code} {_first(said, self.words_names) or ''}"
        state = self.codes.get(code, "refused")
        if state == "refused" and "too many request" in words.lower():
            # Feishu's 9499 is a bad request, or too many of them
            state = "throttled"
        return Outcome(state, scrubbed(words, secrets), self._wait(answer) if state == "throttled" else None)

    def _wait(self, answer: requests.Response) -> dt.timedelta:
        given = answer.headers.get("Retry-After", "")
        return min(dt.timedelta(seconds=int(given)), _LONGEST_WAIT) if given.isdecimal() else self.throttled_for


class WeCom(Webhook):
    """企业微信群机器人: the key is part of the address, nothing is signed."""

    paces = (Pace(20, 60),)
    throttled_for = dt.timedelta(minutes=1)
    limit = 4096
    codes: ClassVar[Mapping[int, State]] = {
        -1: "unreachable",
        45009: "throttled",
        45033: "throttled",
        93000: "misconfigured",  # invalid webhook url
        93008: "misconfigured",  # not in the group
        60020: "misconfigured",  # address of the caller not allowed
    }

    def call(self, letter: Letter, token: str, secret: str | None, at: dt.datetime) -> Call:
        content = rendering.as_wecom(letter, self.limit)
        return Call(f"{self._base}/cgi-bin/webhook/send", {"msgtype": "markdown", "markdown": {"content": content}}, {"key": token})


class DingTalk(Webhook):
    """钉钉自定义机器人: signed with timestamp and secret, where the robot asks for it."""

    paces = (Pace(20, 60),)
    throttled_for = dt.timedelta(minutes=10)
    """who sends too fast is shut out for ten minutes"""
    limit = 20_000
    codes: ClassVar[Mapping[int, State]] = {
        -1: "unreachable",
        130101: "throttled",
        410100: "throttled",
        300001: "misconfigured",  # token does not exist
        310000: "misconfigured",  # signature, keyword or address of the caller
        400013: "misconfigured",  # the group is dissolved
        400101: "misconfigured",  # token does not exist
        400102: "misconfigured",  # the robot is stopped
        400106: "misconfigured",  # the robot does not exist
    }

    def call(self, letter: Letter, token: str, secret: str | None, at: dt.datetime) -> Call:
        query = {"access_token": token}
        if secret:
            timestamp = str(int(at.timestamp() * 1000))
            query |= {"timestamp": timestamp, "sign": signature(secret, f"{timestamp}\n{secret}")}
        content = {"title": rendering.unmarked(rendering.heading(letter)), "text": rendering.as_dingtalk(letter, self.limit - 1000)}
        payload = {"msgtype": "markdown", "markdown": content, "at": {"isAtAll": False}}
        return Call(f"{self._base}/robot/send", payload, query)


class Feishu(Webhook):
    """飞书自定义机器人: a post of plain paragraphs; signed in the body, the text to sign being the key."""

    paces = (Pace(5, 1), Pace(100, 60))
    throttled_for = dt.timedelta(minutes=1)
    limit = 20_000
    """bytes of the whole request; older manuals say 30 KB"""
    codes: ClassVar[Mapping[int, State]] = {
        2200: "unreachable",
        11232: "throttled",
        99991400: "throttled",
        19001: "misconfigured",  # token does not exist
        19021: "misconfigured",  # signature
        19022: "misconfigured",  # address of the caller
        19024: "misconfigured",  # keyword
    }
    code_names = ("code", "StatusCode")
    words_names = ("msg", "StatusMessage")

    def call(self, letter: Letter, token: str, secret: str | None, at: dt.datetime) -> Call:
        # requests writes other than ASCII as escapes, six bytes a character of three
        paragraphs = rendering.as_feishu(letter, (self.limit - 1000) // 2)
        content = [[{"tag": "text", "text": paragraph}] for paragraph in paragraphs]
        post = {"zh_cn": {"title": rendering.unmarked(rendering.heading(letter)), "content": content}}
        payload: dict[str, Any] = {"msg_type": "post", "content": {"post": post}}
        if secret:
            timestamp = str(int(at.timestamp()))
            payload |= {"timestamp": timestamp, "sign": signature(f"{timestamp}\n{secret}", "")}
        return Call(f"{self._base}/open-apis/bot/v2/hook/{token}", payload)


def _first(answer: Mapping[str, Any], names: Sequence[str]) -> object:
    return next((answer[name] for name in names if name in answer), None)


def signature(key: str, text: str) -> str:
    """HMAC-SHA256 of `text` under `key`, in Base64."""
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()
