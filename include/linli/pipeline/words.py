"""Words of the command line: codes as Chinese, values as people read them, commands as they can be typed where one is."""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.markup import escape

from linli.figures import change_printed, figure_name, figure_printed, grain_named, mart_name, value_names
from linli.settings import SHANGHAI

STATES: Mapping[str, str] = {
    "loaded": "已载入",
    "stopped": "整批停在关口",
    "failed": "未载入",
    "retired": "已停载",
    "not_configured": "未配置",
}
"""what became of a feed"""

STEPS: Mapping[str, str] = value_names("step")
"""steps of the clock"""

CLOSED: Mapping[str, str] = {
    "accepted": "已改好入库",
    "deleted": "来源已删除",
    "superseded": "已有更新的文件或版本",
    "context_changed": "相关数据已补齐，重新合格",
    "held": "转为等待相关数据",
    "dismissed": "已作罢",
}
"""why a quarantine entry has ended"""

CAUSES: Mapping[str, str] = {
    "late_record": "补录",
    "removed": "已删除或移出本月",
    "excluded": "计入与否有变",
    "corrected": "更正",
    "definition": "口径或参考数据有变",
    "derived": "由其他数字带出",
}
"""why a figure of a closed month reads otherwise"""

CATEGORIES: Mapping[str, str] = {
    "channel": "来源渠道",
    "phase": "办理阶段",
    "compound": "小区",
    "whistle_level": "吹哨级别",
    "side": "回访对象",
    "outcome": "回访结果",
    "expert_kind": "专家类别",
    "patrol_kind": "巡查类型",
    "checklist": "检查清单",
    "snap_status": "处理结果",
    "meeting_type": "会议类型",
    "community": "社区",
    "event_type": "活动类型",
    "ledger_kind": "积分类型",
}
"""what the rows of a record are told apart by, in `mart_data_completeness`"""

KEYS: Mapping[str, str] = {
    "organisation": "组织",
    "resident": "居民",
    "reached": "接通",
    "no_answer": "无人接听",
    "refused": "拒访",
    "wrong_number": "空号错号",
}
"""codes that no reference table names"""

_MARK = 12
_CHECKSUM = re.compile(rf"\b([0-9a-f]{{{_MARK}}})[0-9a-f]{{{64 - _MARK}}}\b")
_INSTANT = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}(?::?\d{2})?)(?!\d)")
_COMMAND = re.compile(r"(?<![\w./-])linli(?= [a-z])")


def cause_label(cause: str) -> str:
    """The causes of a restatement, joined by '+', in words."""
    return "、".join(CAUSES[name] for name in cause.split("+"))


def restated_in_words(row: Mapping[str, Any]) -> str:
    """A row of `closed.restatement` as a sentence: which figure, from what to what, why, how many records are behind it and one of them."""
    mart, metric = row["mart"], row["metric"]
    named = (f"{row['month']:%Y-%m}", mart_name(mart), row["district_code"], grain_named(mart, row["grain"]), figure_name(mart, metric))
    figure = " ".join(part for part in named if part)
    behind = f"，{row['record_count']} 条记录，如 {row['records'][0]}" if row["records"] else ""
    old, new = changed_in_words(mart, metric, row["old_value"], row["new_value"], nothing="无")
    return f"{figure}：{old} → {new}（{cause_label(row['cause'])}{behind}）"


def changed_in_words(mart: str, metric: str, old: str | None, new: str | None, *, nothing: str) -> tuple[str, str]:
    """What a figure was and is, as they are read; `nothing` where there was or is none."""
    if old and new:
        return change_printed(mart, metric, old, new)
    return figure_printed(mart, metric, old) if old else nothing, figure_printed(mart, metric, new) if new else nothing


def moment(at: dt.datetime | None) -> str:
    """An instant in local time to the minute; a dash for none."""
    return "—" if at is None else at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")


def readable(text: str) -> str:
    """`text` with every instant in local time to the minute and every checksum by its first twelve digits."""
    return _CHECKSUM.sub(r"\1", _INSTANT.sub(lambda found: moment(dt.datetime.fromisoformat(found.group())), text))


def literal(text: str) -> str:
    """`text` as Rich prints it, sign for sign: nothing of it is markup, and what would steer a terminal is a replacement character."""
    return escape("".join("\ufffd" if unicodedata.category(sign)[0] == "C" and sign not in "\n\t" else sign for sign in text))


def shown(value: object) -> str:
    """A landed value as people read it; empty for null."""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list):
        return "、".join(map(shown, value))
    if isinstance(value, dt.datetime):
        return moment(value)
    return "" if value is None else readable(str(value))


def _executable() -> str:
    """How the command line is called from the working folder: by its name when that is the one on the PATH, else by its path."""
    own = Path(sys.executable).with_name("linli")
    found = shutil.which("linli")
    if not own.exists() or (found and Path(found).samefile(own)):
        return "linli"
    return min(os.path.relpath(own), str(own), key=len)


def typeable(text: str) -> str:
    """`text` with every command in it as it can be typed here."""
    return _COMMAND.sub(lambda _: _executable(), text)
