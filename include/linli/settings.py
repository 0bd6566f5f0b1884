"""Every setting of a deployment, in one frozen object read from the environment."""

from __future__ import annotations

import datetime as dt
import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from linli.failures import Refusal

SHANGHAI = ZoneInfo("Asia/Shanghai")

SOURCE_SETTINGS: Mapping[str, str] = {
    "case_system": "LINLI_CASE_SYSTEM_URL",
    "patrol_app": "LINLI_PATROL_APP_URL",
    "meeting_returns": "LINLI_MEETING_INBOX",
    "points_ledger": "LINLI_POINTS_LEDGER_URL",
}

RETIRED = "off"
"""in place of an address: the source is loaded no longer, on purpose"""

SERVING_SETTING = "LINLI_SERVING_URL"
"""ends like the address of a source, but is where releases go to"""


_OTHERS = (
    "HOME", "PROJECT", "REFERENCE", "KEY_RING", "ALERTS", "CLOCK", "LOOKBACK_DAYS", "INBOX_QUIET_SECONDS", "MOSTLY_BAD_SHARE",
    "MOSTLY_BAD_MIN_ROWS", "SATISFIED_MIN_SCORE", "SMALL_SAMPLE_N", "KEEP_RELEASES", "THREADS", "MEMORY_LIMIT", "RETRY_SECONDS",
    "WAREHOUSE_POOL", "DEMO_HOME", "DEMO_LEDGER", "DEMO_FAULT_RATE",
)  # fmt: skip


def misspelled(env: Mapping[str, str]) -> dict[str, str]:
    """The variables of `env` that are no setting but read much like one, each with the setting that may be meant."""
    known = [f"LINLI_{name}" for name in _OTHERS] + [*SOURCE_SETTINGS.values(), SERVING_SETTING]
    others = [name for name in env if name.startswith("LINLI_") and name not in known and not name.endswith(("_URL", "_INBOX", "_TOKEN"))]
    return {name: close[0] for name in others if (close := difflib.get_close_matches(name, known, 1, 0.85))}


def variable_of(source: str) -> str:
    """The variable that holds the address of `source`."""
    return SOURCE_SETTINGS.get(source, f"LINLI_{source.upper()}_URL")


class SettingsError(Refusal):
    """A setting cannot be used; the message names the variable and what it should look like."""


def as_of(day: dt.date) -> dt.datetime:
    """The instant at which `day` has ended: local midnight after it, with its offset."""
    return dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), tzinfo=SHANGHAI)


def _project() -> Path:
    """The folder that holds expectations/ and dbt_project/: LINLI_PROJECT, else found upwards from here and the working folder."""
    for start in (Path(__file__).resolve(), Path.cwd() / "x"):
        for folder in start.parents:
            if (folder / "expectations").is_dir() and (folder / "dbt_project").is_dir():
                return folder
    raise SettingsError("LINLI_PROJECT：没有找到含有 expectations/ 和 dbt_project/ 的文件夹，请设为项目所在的文件夹")


def _by_source(env: Mapping[str, str], suffix: str) -> dict[str, str]:
    """What the environment gives each source under LINLI_<SOURCE><suffix>; the inbox of the meeting returns has its own name."""
    named = {variable: source for source, variable in SOURCE_SETTINGS.items()}
    found = {}
    for variable, value in env.items():
        if variable.startswith("LINLI_") and variable.endswith(suffix) and value and variable != SERVING_SETTING:
            found[named.get(variable, variable.removeprefix("LINLI_").removesuffix(suffix).lower())] = value
    return found


def _number(env: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    text = env.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        raise SettingsError(f"{name}：应为 {low:,.10g} 到 {high:,.10g} 之间的数") from None
    if not low <= value <= high:
        raise SettingsError(f"{name}：应为 {low:,.10g} 到 {high:,.10g} 之间的数")
    return value


def _size(env: Mapping[str, str], name: str, default: str) -> str:
    text = env.get(name, "").strip() or default
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?\s*[KMGT]i?B", text, re.IGNORECASE):
        raise SettingsError(f"{name}：应为带单位的大小，如 4GB、512MB")
    return text


@dataclass(frozen=True)
class Settings:
    """Paths, connections and thresholds of one deployment. Connections never appear in its repr."""

    home: Path
    project: Path
    reference: Path
    key_ring: Path
    alerts_file: Path | None = None
    """channels and routes of the alerts, where they are not in home; a file that is named must be there"""
    clock: Path | None = None
    """a file with the newest day that is over, where the sources have a time of their own; None: this machine's clock"""
    connections: Mapping[str, str] = field(default_factory=dict, repr=False)
    """address by source: a URL, or a folder; only the sources that are loaded here"""
    retired: frozenset[str] = frozenset()
    """sources that are loaded no longer, on purpose: lacking them is no failure"""
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    """API token by source"""
    is_demo: bool = False
    """whether the sources are those of a demo district"""
    serving_url: str = field(default="", repr=False)
    """the PostgreSQL database releases are published into besides; empty: none"""
    lookback: dt.timedelta = dt.timedelta(days=3)
    inbox_quiet_seconds: float = 30.0
    mostly_bad_share: float = 0.5
    mostly_bad_min_rows: int = 20
    satisfied_min_score: int = 4
    small_sample_n: int = 10
    keep_releases: int = 3
    threads: int = 2
    memory_limit: str = "4GB"

    @classmethod
    def load(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Settings from `env` (default: the process environment).

        Raises SettingsError naming the variable that cannot be used.
        """
        env = os.environ if env is None else env
        project = Path(env["LINLI_PROJECT"]).resolve() if env.get("LINLI_PROJECT") else _project()
        home = Path(env.get("LINLI_HOME") or project / "var").expanduser().resolve()
        addresses = _by_source(env, "_URL") | _by_source(env, "_INBOX")
        return cls(
            home=home,
            project=project,
            reference=Path(env.get("LINLI_REFERENCE") or project / "dbt_project" / "seeds").expanduser().resolve(),
            key_ring=Path(env.get("LINLI_KEY_RING") or home / "keys" / "ring.json").expanduser().resolve(),
            alerts_file=Path(env["LINLI_ALERTS"]).expanduser().resolve() if env.get("LINLI_ALERTS") else None,
            clock=Path(env["LINLI_CLOCK"]).expanduser().resolve() if env.get("LINLI_CLOCK") else None,
            connections={source: address for source, address in addresses.items() if address != RETIRED},
            retired=frozenset(source for source, address in addresses.items() if address == RETIRED),
            tokens=_by_source(env, "_TOKEN"),
            is_demo=env.get("LINLI_DEMO", "") not in ("", "0"),
            serving_url=env.get(SERVING_SETTING, "").strip(),
            lookback=dt.timedelta(days=_number(env, "LINLI_LOOKBACK_DAYS", 3, 0, 60)),
            inbox_quiet_seconds=_number(env, "LINLI_INBOX_QUIET_SECONDS", 30, 0, 86_400),
            mostly_bad_share=_number(env, "LINLI_MOSTLY_BAD_SHARE", 0.5, 0, 1),
            mostly_bad_min_rows=int(_number(env, "LINLI_MOSTLY_BAD_MIN_ROWS", 20, 1, 1e9)),
            satisfied_min_score=int(_number(env, "LINLI_SATISFIED_MIN_SCORE", 4, 1, 5)),
            small_sample_n=int(_number(env, "LINLI_SMALL_SAMPLE_N", 10, 1, 1e6)),
            keep_releases=int(_number(env, "LINLI_KEEP_RELEASES", 3, 1, 1000)),
            threads=int(_number(env, "LINLI_THREADS", 2, 1, 256)),
            memory_limit=_size(env, "LINLI_MEMORY_LIMIT", "4GB"),
        )

    def newest_day(self) -> dt.date:
        """The newest day that is over. Raises SettingsError when LINLI_CLOCK names no file with a day in it."""
        if self.clock is None:
            return dt.datetime.now(SHANGHAI).date() - dt.timedelta(days=1)
        try:
            return dt.date.fromisoformat(self.clock.read_text().strip())
        except (OSError, ValueError):
            raise SettingsError(f"LINLI_CLOCK：{self.clock} 应为只写有一个日期（如 2026-10-31）的文件") from None

    def connection(self, source: str) -> str | None:
        """The configured address of `source`, or None when that source is not loaded here."""
        return self.connections.get(source)

    @property
    def lake(self) -> Path:
        return self.home / "lake"

    @property
    def verdicts(self) -> Path:
        return self.home / "verdicts"

    @property
    def register_path(self) -> Path:
        return self.home / "register.sqlite"

    @property
    def warehouse(self) -> Path:
        return self.home / "warehouse"

    @property
    def work_file(self) -> Path:
        return self.warehouse / "work.duckdb"

    @property
    def writer_lock(self) -> Path:
        """Held alone by who writes the working file, shared by who reads it."""
        return self.warehouse / ".writer.lock"

    @property
    def closed(self) -> Path:
        """Closed months and their restatements."""
        return self.home / "closed"

    @property
    def reviews(self) -> Path:
        """The packs of the monthly reviews."""
        return self.home / "reviews"

    @property
    def copies(self) -> Path:
        """Copies of the closed months for those outside the team."""
        return self.home / "copies"

    @property
    def quality(self) -> Path:
        """The quality pages, one a day."""
        return self.home / "quality"

    @property
    def alerts(self) -> Path:
        """What has been told and waits to be delivered, and the outbox."""
        return self.home / "alerts"

    @property
    def channels(self) -> Path | None:
        """The file of channels and routes: the one that is named, else alerts.yml in home; None where that is not there: outbox alone."""
        own = self.home / "alerts.yml"
        return self.alerts_file or (own if own.exists() else None)

    @property
    def slips(self) -> Path:
        """The return slips."""
        return self.home / "slips"

    @property
    def releases(self) -> Path:
        return self.warehouse / "releases"

    @property
    def published(self) -> Path:
        return self.warehouse / "linli.duckdb"
