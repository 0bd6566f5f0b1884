"""Which channels there are and which message goes where: one YAML file. Secrets are never in it, only where they are to be read."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from linli.alerts.channels import Channel
from linli.alerts.folder import Folder
from linli.alerts.mail import Mail, Security, Server
from linli.alerts.messages import KINDS, SEVERITIES, Message
from linli.alerts.webhooks import DingTalk, Feishu, WeCom
from linli.contracts import DeclarationError, read_mapping
from linli.failures import Refusal

OUTBOX = "outbox"
"""the folder that is always there: for a message that has nowhere else to go"""

_OF_A_SOURCE = re.compile(r"LINLI_.+_(URL|TOKEN|INBOX)")
_PORTS = {"starttls": 587, "ssl": 465, "none": 25}
_WORDS = {
    "extra_forbidden": "不认识的键，请检查拼写",
    "missing": "缺少",
    "union_tag_invalid": "kind 应为 wecom、dingtalk、feishu、email 或 folder",
    "union_tag_not_found": "缺少 kind（wecom、dingtalk、feishu、email 或 folder）",
    "model_type": "应为若干个键；密钥不写在这里，应写作 {env: 变量名} 或 {file: 文件}",
    "tuple_type": "应为一个列表，如 [a, b]",
    "string_type": "应为文字，数字要加引号，如 \"340405\"",
    "too_short": "不能为空",
}


class ConfigurationError(Refusal):
    """The file of channels and routes cannot be used; the message names the file and the key."""


class NoSuchChannel(Refusal):
    """No channel of that name is configured."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Secret(_Strict):
    """Where a secret is read: a variable of the environment, or a file of one line."""

    env: str | None = None
    file: Path | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Secret:
        if (self.env is None) == (self.file is None):
            raise ValueError("应写明 env 或 file 之一")
        if self.env and _OF_A_SOURCE.fullmatch(self.env):
            raise ValueError("LINLI_…_URL、LINLI_…_TOKEN、LINLI_…_INBOX 是来源的设置，请换一个变量名，如 LINLI_ALERTS_GROUP")
        return self

    def read(self) -> str:
        """The secret. Raises LookupError with words that say where it is missing."""
        if self.env is not None:
            found = os.environ.get(self.env, "").strip()
            where = f"环境变量 {self.env} 没有设置"
        else:
            assert self.file is not None
            where = f"密钥文件 {self.file} 读不到，或是空的"
            try:
                found = self.file.expanduser().read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                raise LookupError(where) from None
        if not found:
            raise LookupError(where)
        return found


class _WeCom(_Strict):
    kind: Literal["wecom"]
    key: Secret
    base: str = "https://qyapi.weixin.qq.com"

    def open(self, name: str) -> Channel:
        return WeCom(name, self.base, self.key.read)


class _Signed(_Strict):
    token: Secret
    secret: Secret | None = None

    def _signing(self) -> Callable[[], str] | None:
        return self.secret.read if self.secret else None


class _DingTalk(_Signed):
    kind: Literal["dingtalk"]
    base: str = "https://oapi.dingtalk.com"

    def open(self, name: str) -> Channel:
        return DingTalk(name, self.base, self.token.read, self._signing())


class _Feishu(_Signed):
    kind: Literal["feishu"]
    base: str = "https://open.feishu.cn"

    def open(self, name: str) -> Channel:
        return Feishu(name, self.base, self.token.read, self._signing())


class _Email(_Strict):
    kind: Literal["email"]
    host: str
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    security: Security = "starttls"
    sender: Annotated[str, Field(pattern=r"^[^@\s<>]+@[^@\s<>]+$")]
    recipients: Annotated[tuple[Annotated[str, Field(pattern=r"^[^@\s<>]+@[^@\s<>]+$")], ...], Field(min_length=1)]
    user: str = ""
    password: Secret | None = None
    authority: Path | None = None

    def open(self, name: str) -> Channel:
        server = Server(
            host=self.host,
            port=self.port or _PORTS[self.security],
            security=self.security,
            sender=self.sender,
            user=self.user,
            password=self.password.read if self.password else None,
            authority=str(self.authority.expanduser()) if self.authority else "",
        )
        return Mail(name, server, self.recipients)


class _Folder(_Strict):
    kind: Literal["folder"]
    path: Path
    has_data: bool = False

    def open(self, name: str) -> Channel:
        return Folder(name, self.path.expanduser(), has_data=self.has_data)


class Route(_Strict):
    """Messages that meet every condition given go to these channels."""

    to: Annotated[tuple[str, ...], Field(min_length=1)]
    severities: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    submitters: tuple[str, ...] = ()
    stations: tuple[str, ...] = ()
    districts: tuple[str, ...] = ()

    @field_validator("severities")
    @classmethod
    def _known_severities(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        return _known(given, list(SEVERITIES))

    @field_validator("kinds")
    @classmethod
    def _known_kinds(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        return _known(given, list(KINDS))

    def takes(self, message: Message) -> bool:
        """Whether the message meets every condition."""
        subject = message.subject
        asked = (
            (self.severities, message.severity),
            (self.kinds, message.kind),
            (self.sources, subject.source),
            (self.submitters, subject.submitter),
            (self.stations, subject.station),
            (self.districts, subject.district),
        )
        return all(not wanted or value in wanted for wanted, value in asked)


def _known(given: tuple[str, ...], known: Sequence[str]) -> tuple[str, ...]:
    if unknown := [name for name in given if name not in known]:
        raise ValueError(f"“{unknown[0]}”不认识，可选 {'、'.join(known)}")
    return given


class _File(_Strict):
    load_by: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "07:00"
    channels: dict[
        Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")],
        Annotated[_WeCom | _DingTalk | _Feishu | _Email | _Folder, Field(discriminator="kind")],
    ] = Field(default_factory=dict)
    routes: tuple[Route, ...] = ()

    @model_validator(mode="after")
    def _channels_exist(self) -> _File:
        if OUTBOX in self.channels:
            raise ValueError(f"channels：{OUTBOX} 是缺省的文件夹，请换一个名字")
        for number, route in enumerate(self.routes):
            for name in route.to:
                if name != OUTBOX and name not in self.channels:
                    raise ValueError(f"routes.{number}.to：没有名为 {name} 的渠道")
        return self


class Configuration:
    """Channels and routes of one deployment. Without routes every message goes to every channel; what no route takes goes to the outbox."""

    def __init__(self, file: _File, outbox: Path) -> None:
        hours, minutes = file.load_by.split(":")
        self.load_by = dt.time(int(hours), int(minutes))
        self.channels: dict[str, Channel] = {name: each.open(name) for name, each in file.channels.items()}
        self.channels[OUTBOX] = Folder(OUTBOX, outbox, is_own=True)
        self._routes = file.routes or (Route(to=tuple(file.channels) or (OUTBOX,)),)

    def route(self, message: Message) -> list[tuple[str, str]]:
        """The (channel, recipient) a message goes to, each once."""
        names = dict.fromkeys(name for route in self._routes if route.takes(message) for name in route.to) or {OUTBOX: None}
        return [(name, recipient) for name in names for recipient in self.channels[name].recipients]

    def conditions(self) -> set[tuple[str, str]]:
        """The (condition, name) of sources, submitters, stations and districts that routes ask for; whether there are such is not known
        here."""
        asked = ("sources", "submitters", "stations", "districts")
        return {(condition, name) for route in self._routes for condition in asked for name in getattr(route, condition)}

    def channel(self, name: str) -> Channel:
        """The channel of that name. Raises NoSuchChannel."""
        if name not in self.channels:
            raise NoSuchChannel(f"没有名为 {name} 的渠道，已配置的是 {'、'.join(self.channels)}")
        return self.channels[name]


def load(path: Path | None, outbox: Path) -> Configuration:
    """The configuration in `path`; the outbox alone for None. Raises ConfigurationError naming the file and the key."""
    if path is None:
        return Configuration(_File(), outbox)
    try:
        return Configuration(_File.model_validate(read_mapping(path)), outbox)
    except DeclarationError as error:
        raise ConfigurationError(f"{path.name}：不是正确的 YAML，或一个键写了两次（{error}）") from None
    except FileNotFoundError:
        away = "请改正 LINLI_ALERTS；不设它时用 LINLI_HOME 下的 alerts.yml，连它也没有就只写入 outbox"
        raise ConfigurationError(f"{path}：没有这个文件，消息发不出去。{away}") from None
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"{path}：读不到，应为 UTF-8 的 YAML 文件，且本用户可读") from None
    except ValidationError as error:
        told = map(partial(_explained, path), error.errors(include_url=False, include_input=False))
        raise ConfigurationError("\n".join(["渠道文件有误", *told])) from None


def _explained(path: Path, problem: object) -> str:
    assert isinstance(problem, dict)
    place = [str(part) for part in problem["loc"]]
    if place[:1] == ["channels"] and len(place) > 2:
        # pydantic names the kind of the channel as a step on the way
        del place[2]
    what = str(problem["msg"]).removeprefix("Value error, ")
    words = _WORDS.get(problem["type"], what if problem["type"] == "value_error" else f"值不合要求（{what}）")
    return f"{path.name}：{'.'.join(place)}：{words}" if place else f"{path.name}：{words}"
