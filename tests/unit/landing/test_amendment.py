"""A slip completed from landed rows: what is hidden on it stays as it landed, what is typed anew is protected once."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from linli.contracts import Catalog, Feed, RecordDecl
from linli.contracts.slip import HIDDEN, IS_WITHDRAWN, SLIP_ROW, SlipTitle, kept
from linli.landing import land_reading
from linli.privacy import KeyRing
from linli.register import Batch, Register
from linli.settings import Settings, as_of
from linli.sources import FileRef, Reading, Window
from linli.sources.grids import Grid
from linli.sources.slips import read_slip

ROOT = Path(__file__).parents[3]
DAY, OCTOBER = dt.date(2026, 10, 31), dt.date(2026, 10, 1)
PLACES = ["a.xlsx 会议!第3行", "a.xlsx 会议!第4行"]
HEAD = [
    "会议编号",
    "会议类型",
    "小区编码",
    "会议日期",
    "开始时间",
    "主持人单位",
    "参会执法部门",
    "参会队员编号",
    "居民代表人数",
    "是否有执法部门参加",
]


@pytest.fixture(scope="module")
def feed(catalog: Catalog) -> Feed:
    """The returns, their meetings with a column of names."""
    [found] = catalog.sources["meeting_returns"].feeds

    def with_names(record: RecordDecl) -> RecordDecl:
        columns = [c.model_copy(update={"personal": "name"}) if c.name == "host_unit" else c for c in record.columns]
        return record.model_copy(update={"columns": tuple(columns)})

    return found.model_copy(update={"records": tuple(with_names(r) for r in found.records)})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load({"LINLI_HOME": str(tmp_path / "home")})


def registered(feed: Feed, sha: str, rows: int) -> pa.Table:
    values = {"file_sha": sha, "sheet": "会议", "community_code": "340405-C01", "month_on": OCTOBER, "row_count": rows, "is_complete": True}
    return pa.Table.from_pylist([values], feed.root.declared_schema())


def reading(feed: Feed, tables: dict[str, pa.Table], sha: str, hour: int, *, amends: bool) -> Reading:
    at = dt.datetime(2026, 10, 31, hour, tzinfo=dt.UTC)
    file = FileRef(Path("x"), sha, "x", at, is_complete=True)
    return Reading(at, {name: table.to_reader() for name, table in tables.items()}, {}, file=file, amends=amends)


def whole(feed: Feed) -> Reading:
    record = next(r for r in feed.records if r.name == "meetings")
    of_file = {"community_code": "340405-C01", "month_on": OCTOBER}
    rows = [{"meeting_no": f"HY{n}", "host_unit": name} | of_file for n, name in enumerate(("张小三", "李小四"))]
    table = pa.Table.from_pylist(rows, record.declared_schema())
    table = table.append_column("_source_ref", pa.array(PLACES)).append_column("_parent_version", pa.array(["sha-a"] * 2))
    return reading(feed, {"returns": registered(feed, "sha-a", 2), "meetings": table}, "sha-a", 9, amends=False)


def slip(feed: Feed, hosts: list[str], hour: int = 10) -> Reading:
    said = SlipTitle("20261031-ABCDEF", "会议", "340405-C01", OCTOBER)
    pairs = enumerate(zip(PLACES, hosts, strict=True))
    cells = [[place, "", f"HY{n}", "会谈", "", "", "", host, "", "", "", ""] for n, (place, host) in pairs]
    grid = Grid("会议 2026-10", [[said.text()], ["原位置", "处理", *HEAD], *cells, ["合计"]])
    kinds = [record for record in feed.records if record is not feed.root]
    [sheet] = read_slip([grid], kinds, "sha-b", dt.datetime(2026, 10, 31, hour, tzinfo=dt.UTC))
    tables = {"returns": registered(feed, sheet.version, 2), "meetings": sheet.table}
    return reading(feed, tables, "sha-b", hour, amends=True)


def landed(settings: Settings, feed: Feed, *readings: Reading) -> list[tuple[Batch, list[dict[str, Any]]]]:
    """The meetings of each reading as they landed."""
    ring = KeyRing.load_or_create(settings.key_ring)
    found = []
    with Register(settings.register_path) as register, duckdb.cursor() as con:
        run = register.begin_run(DAY, as_of(DAY))
        for each in readings:
            batches = land_reading(settings, register, feed, each, ring=ring, window=Window(None, run.as_of), run=run)
            [batch] = [b for b in batches if b.record == "meetings"]
            rows = con.sql(f"from read_parquet('{settings.home / batch.path}') order by _row_no").to_arrow_table().to_pylist()
            found.append((batch, rows))
    return found


def test_a_hidden_value_stays_as_it_landed_and_a_new_one_is_protected_once(settings: Settings, feed: Feed) -> None:
    (_, before), (_, after) = landed(settings, feed, whole(feed), slip(feed, [HIDDEN, "张小三"]))
    assert after[0]["host_unit"] == before[0]["host_unit"] != before[1]["host_unit"]
    # the same name is the same pseudonym, whichever way it came
    assert after[1]["host_unit"] == before[0]["host_unit"]
    assert [row["meeting_type"] for row in after] == ["会谈", "会谈"]


def test_a_version_is_later_than_the_one_it_is_made_from(settings: Settings, feed: Feed) -> None:
    """Also when the slip was saved on a machine whose clock is behind."""
    (first, _), (second, _) = landed(settings, feed, whole(feed), slip(feed, [HIDDEN, HIDDEN], hour=8))
    assert second.snapshot_at > first.snapshot_at
    assert second.meta["amends"] == [first.batch_id]


def test_nothing_of_a_slip_is_left_in_what_lands(settings: Settings, feed: Feed) -> None:
    (first, _), (second, rows) = landed(settings, feed, whole(feed), slip(feed, [HIDDEN, ""]))
    assert first.rows == second.rows == 2 and rows[1]["host_unit"] is None
    assert {SLIP_ROW, IS_WITHDRAWN, kept("host_unit")}.isdisjoint(rows[0])
    assert [row["_source_ref"] for row in rows] == PLACES
