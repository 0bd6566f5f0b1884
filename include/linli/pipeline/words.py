"""Words of the command line: codes as Chinese, values as people read them, commands as they can be typed where one is."""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from linli.settings import SHANGHAI

STATES: Mapping[str, str] = {"loaded": "已载入", "stopped": "整批停在关口", "failed": "未载入", "not_configured": "未配置"}
"""what became of a feed"""

STEPS: Mapping[str, str] = {"accept": "2日核实", "resolve": "5日办结", "follow_up": "7日回访"}
"""steps of the clock"""

CLOSED: Mapping[str, str] = {
    "accepted": "已改好入库",
    "deleted": "来源已删除",
    "superseded": "已有更新的文件或版本",
    "context_changed": "相关数据已补齐，重新合格",
    "held": "转为等待相关数据",
}
"""why a quarantine entry has ended"""

_MARK = 12
_CHECKSUM = re.compile(rf"\b([0-9a-f]{{{_MARK}}})[0-9a-f]{{{64 - _MARK}}}\b")
_INSTANT = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}(?::?\d{2})?)(?!\d)")
_COMMAND = re.compile(r"(?<![\w./-])linli(?= [a-z])")


def moment(at: dt.datetime | None) -> str:
    """An instant in local time to the minute; a dash for none."""
    return "—" if at is None else at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")


def readable(text: str) -> str:
    """`text` with every instant in local time to the minute and every checksum by its first twelve digits."""
    return _CHECKSUM.sub(r"\1", _INSTANT.sub(lambda found: moment(dt.datetime.fromisoformat(found.group())), text))


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
