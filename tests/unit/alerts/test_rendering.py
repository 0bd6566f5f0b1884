"""How a message reads in each channel: golden texts, cut at the ends of lines, and nothing from data is markup."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import pytest

from linli.alerts import Letter, Line, Message, as_text
from linli.alerts.rendering import as_dingtalk, as_feishu, as_wecom, plain, unmarked
from linli.alerts.webhooks import DingTalk, Feishu, WeCom
from payloads import PAYLOADS
from unit.alerts.letters import MORNING, RETURNED, letter

CHATS = (
    "<@all>",
    "@all @所有人 @13800000000",
    '<at user_id="all">所有人</at>',
    "[点这里](https://evil.example)",
    "![](https://evil.example/x.png)",
    "https://evil.example www.evil.com evil.com",
    "**粗** *斜* __粗__ _斜_ ~~删~~ `码` # 题 > 引",
    "# 标题",
    "- 项",
    "+ 项",
    "--- ===",
    '<font color="warning">红</font>',
    "&lt;@all&gt; &#64;all \\<@all\\>",
    "行一\n# 行二\r\n> 行三\u2028# 行四",
    "\u202e倒\u200b零\x00空",
    "|a|b|",
    "{{ 模板 }} {% if %} ${jndi}",
)
TEXTS = [*PAYLOADS, *CHATS]


def test_golden_text() -> None:
    assert as_text(letter()) == (
        "【警告】案件系统·春晖花苑综合执法工作站：退回 3 条待改\n"
        "  退回待改：3 条\n"
        "  回访：回访结果不在规定选项内。请从以下选项中选择：接通、无人接听：2 条\n"
        "  案件：案件状态不在规定选项内：1 条\n"
        "→ 逐条查看：linli quarantine list --source case_system\n"
        "邻里：数据截至 2026-11-14 00:00，编号 12，2026-11-14 07:00\n"
    )


def test_golden_wecom() -> None:
    assert as_wecom(letter(), 4096) == (
        "**【警告】案件系统·春晖花苑综合执法工作站：退回 3 条待改**\n"
        "> 退回待改：3 条\n"
        "> 回访：回访结果不在规定选项内。请从以下选项中选择：接通、无人接听：2 条\n"
        "> 案件：案件状态不在规定选项内：1 条\n"
        "→ 逐条查看：linli quarantine list --source case_system\n"
        '<font color="comment">邻里：数据截至 2026-11-14 00:00，编号 12，2026-11-14 07:00</font>'
    )


def test_golden_dingtalk() -> None:
    assert as_dingtalk(letter(), 20_000) == (
        "### 【警告】案件系统·春晖花苑综合执法工作站：退回 3 条待改\n\n"
        "- 退回待改：3 条\n"
        "- 回访：回访结果不在规定选项内。请从以下选项中选择：接通、无人接听：2 条\n"
        "- 案件：案件状态不在规定选项内：1 条\n\n"
        "→ 逐条查看：linli quarantine list --source case_system\n\n"
        "邻里：数据截至 2026-11-14 00:00，编号 12，2026-11-14 07:00"
    )


def test_golden_feishu() -> None:
    assert as_feishu(letter(), 10_000) == [
        "退回待改：3 条",
        "回访：回访结果不在规定选项内。请从以下选项中选择：接通、无人接听：2 条",
        "案件：案件状态不在规定选项内：1 条",
        "→ 逐条查看：linli quarantine list --source case_system",
        "邻里：数据截至 2026-11-14 00:00，编号 12，2026-11-14 07:00",
    ]


def test_a_message_without_lines_has_no_gap() -> None:
    assert "\n\n\n" not in as_dingtalk(letter(lines=(), remedy=()), 20_000)
    assert as_text(letter(lines=(), remedy=(), as_of=None)).splitlines()[1] == "邻里：编号 12，2026-11-14 07:00"


def test_what_may_have_arrived_already_says_so() -> None:
    doubtful = replace(letter(), is_doubtful=True, remarks=("本应发往 group，被拒收：40058 too long",))
    for said in (as_text(doubtful), as_wecom(doubtful, 4096), as_dingtalk(doubtful, 9999), "\n".join(as_feishu(doubtful, 9999))):
        assert "可能是重复的一份" in said and "本应发往 group" in said


@pytest.mark.parametrize("count", [0, 1, 30, 3000])
def test_long_messages_are_cut_at_the_end_of_a_line_and_say_how_much_is_left_out(count: int) -> None:
    lines = tuple(Line(f"第 {n} 条：" + "超出规定选项" * 8, n) for n in range(count))
    long = letter(lines=lines, title="题" * 500, remedy=("办法" * 300,) * 2)
    said = {
        "wecom": as_wecom(long, WeCom.limit),
        "dingtalk": as_dingtalk(long, DingTalk.limit),
        "feishu": "\n".join(as_feishu(long, Feishu.limit // 2)),
    }
    for name, text in said.items():
        limit = WeCom.limit if name == "wecom" else DingTalk.limit
        assert len(text.encode()) <= limit
        shown = sum(line.endswith(" 条") for line in text.replace("> ", "").splitlines())
        left_out = f"……另有 {count - shown} 行，见 linli alerts show 12"
        assert (left_out in text) == (shown < count)
        assert text.splitlines()[-1].removesuffix("</font>").endswith("编号 12，2026-11-14 07:00")
    assert count < 3000 or all("另有" in text for text in said.values())


def test_the_whole_request_to_feishu_stays_below_its_limit() -> None:
    long = letter(lines=tuple(Line("逾期" * 100, n) for n in range(500)))
    channel = Feishu("f", "https://open.feishu.cn", lambda: "t", lambda: "s")
    assert len(json.dumps(channel.call(long, "t", "s", MORNING).payload).encode()) <= Feishu.limit


@pytest.mark.parametrize("text", TEXTS)
def test_nothing_from_data_is_markup_a_mention_or_a_link(text: str) -> None:
    hostile = letter(title=text, lines=(Line(text, 1, text), Line(text)), remedy=(text,))
    wecom = as_wecom(hostile, 4096)
    assert wecom.count("<") == 2 and wecom.count("**") == 2
    ours = ["**", "> ", "> ", "→ ", '<font color="comment">邻里']
    assert [line[: len(begin)] for line, begin in zip(wecom.splitlines(), ours, strict=True)] == ours
    dingtalk = as_dingtalk(hostile, 20_000)
    assert [line[:2] for line in dingtalk.splitlines() if line] == ["##", "- ", "- ", "→ ", "邻里"]
    paragraphs = as_feishu(hostile, 10_000)
    assert len(paragraphs) == 4
    for said in (wecom.removesuffix("</font>").replace('<font color="comment">', ""), dingtalk.removeprefix("###"), *paragraphs):
        inside = said.replace("\n> ", "\n").replace("**", "")
        assert not set("<[]`@&\\|~!#*") & set(inside), inside
        assert "://" not in inside and "www.e" not in inside
    assert "\r" not in as_text(hostile) and "://" not in as_text(hostile) and len(as_text(hostile).splitlines()) == 5


def shape(value: object) -> object:
    """What a request says besides its texts."""
    if isinstance(value, dict):
        return {name: shape(part) for name, part in value.items()}
    return [shape(part) for part in value] if isinstance(value, list) else "" if isinstance(value, str) else value


def texts(value: object) -> list[str]:
    if isinstance(value, dict | list):
        return [text for part in (value.values() if isinstance(value, dict) else value) for text in texts(part)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("channel", [WeCom, DingTalk, Feishu])
def test_no_text_changes_what_a_request_asks_for(channel: type[WeCom | DingTalk | Feishu]) -> None:
    robot = channel("r", "https://robot.example", lambda: "t", None if channel is WeCom else lambda: "s")
    harmless, *hostile = [
        robot.call(letter(title=text, lines=(Line(text, 1, text),), remedy=(text,)), "t", "s", MORNING) for text in ["x", *TEXTS]
    ]
    for call in hostile:
        assert (call.url, call.query) == (harmless.url, harmless.query)
        assert shape(call.payload) == shape(harmless.payload)
        titles = [text for text in texts(call.payload) if text.startswith("【")]
        assert not set("<[]`@&\\|~!#*") & set("".join(titles))


def test_names_and_commands_stay_as_they_are() -> None:
    command = "linli month close 2026-10 --approved-by 区综合执法办"
    for text in (command, "LINLI_CASE_SYSTEM_URL", "案件 340405-2026-000437", "mart_due_step"):
        assert unmarked(text) == text == plain(text)


def test_a_message_survives_as_json() -> None:
    assert Message.from_json(RETURNED.to_json()) == RETURNED
    bare = Message("test", "info", "t", "", "标题")
    assert Message.from_json(bare.to_json()) == bare


def test_moments_are_told_in_local_time() -> None:
    told = Letter(1, RETURNED, dt.datetime(2026, 11, 13, 23, 0, tzinfo=dt.UTC))
    assert as_text(told).endswith("2026-11-14 07:00\n")
