"""The inbox: which files are there to be read, and what may be said of a file's name."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import time
import unicodedata
from pathlib import Path

_TEMPORARY = re.compile(r"^(~\$|\.)|\.(part|tmp|temp|crdownload|filepart|lock)$", re.IGNORECASE)
_COMMUNITY = re.compile(r"(?<!\d)\d{6}-?C\d{2,3}(?!\d)", re.IGNORECASE)
_MONTH = re.compile(r"(?<!\d)(20\d{2})\s*[-_.年]?\s*(1[0-2]|0[1-9]|[1-9])(?:月|(?!\d))")
_KINDS = re.compile(r"会议|议题|普法")
_CORRECTION = re.compile(r"更正|修正|补报|(?<![A-Za-z])v\d{1,2}(?!\d)|第\d{1,2}版|\(\d{1,2}\)", re.IGNORECASE)


def dropped(inbox: Path, quiet_seconds: float, before: dt.datetime) -> tuple[list[Path], list[Path]]:
    """The files of the inbox, oldest first: those dropped before `before` that nobody has touched for `quiet_seconds`, and those whose
    turn comes later; temporary names are passed over. A file from a machine whose clock is ahead is not one being written."""
    now = time.time()
    ready: list[tuple[float, str, Path]] = []
    later: list[tuple[float, str, Path]] = []
    for path in inbox.rglob("*"):
        hidden = any(_TEMPORARY.search(part) for part in path.relative_to(inbox).parts)
        if not hidden and path.is_file():
            changed = path.stat().st_mtime
            (ready if abs(now - changed) >= quiet_seconds and changed < before.timestamp() else later).append((changed, path.name, path))
    return [path for _, _, path in sorted(ready)], [path for _, _, path in sorted(later)]


def sha256(content: bytes) -> str:
    """The checksum a file is known by."""
    return hashlib.sha256(content).hexdigest()


def safe_label(name: str, sha: str) -> str:
    """A file name of its recognisable parts only, because people put names into file names: community, month, sheet, correction, and
    eight digits of the checksum; '340405-C01_202610_会议(更正)-1a2b3c4d.xlsx'."""
    plain = unicodedata.normalize("NFKC", name)
    parts = [found.upper() for found in _COMMUNITY.findall(plain)[:1]]
    rest = _COMMUNITY.sub(" ", plain)
    parts += [f"{year}{int(month):02d}" for year, month in _MONTH.findall(rest)[:1]]
    parts += list(dict.fromkeys(_KINDS.findall(plain)))
    marks = "".join(f"({mark.strip('()')})" for mark in dict.fromkeys(_CORRECTION.findall(rest)))
    suffix = Path(plain).suffix.lower()
    return f"{'_'.join(parts) or '台账'}{marks}-{sha[:8]}{suffix if re.fullmatch(r'[.][a-z0-9]{1,5}', suffix) else ''}"


def community_in(text: str) -> str | None:
    """The community code a text holds, e.g. '340405-C01'."""
    found = _COMMUNITY.search(unicodedata.normalize("NFKC", text))
    if not found:
        return None
    code = found.group().upper()
    return code if "-" in code else f"{code[:6]}-{code[6:]}"


def month_in(text: str) -> tuple[int, int] | None:
    """Year and month a text names ('202610', '2026年10月'); the date of filling it in is not meant."""
    plain = _COMMUNITY.sub(" ", unicodedata.normalize("NFKC", text))
    plain = re.sub(r"填[报表]\s*(?:日期|时间)\s*[::]?\s*[\d年月日./\-]+", " ", plain)
    found = _MONTH.search(plain)
    return (int(found.group(1)), int(found.group(2))) if found else None
