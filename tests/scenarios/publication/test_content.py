"""A release made out of the one before it holds what one written from the beginning does, whatever has changed in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import pytest

from linli.publication import AuditFailed, content_hash, release

Rows = Sequence[tuple[Any, ...]]
MONTHS = [f"2026-{month:02d}-01" for month in range(1, 9)]
FIRST = {
    "mart.mart_monthly": [(month, key, n, n / 3) for month in MONTHS for n, key in enumerate("abc")],
    "mart.mart_list": [("x", 1), ("y", 2)],
    "core.dim_place": [("X1", "春晖花苑")],
}
COLUMNS = {
    "mart.mart_monthly": "month date, key varchar, n bigint, share double",
    "mart.mart_list": "key varchar, n bigint",
    "mart.mart_more": "month date, n bigint",
    "core.dim_place": "place_code varchar, place_name varchar",
    "core.fct_hidden": "n bigint",
}


def built(path: Path, tables: Mapping[str, Rows], columns: Mapping[str, str] = COLUMNS) -> Path:
    """A working file with these tables and one that is not published."""
    with duckdb.connect(str(path)) as con:
        con.execute("create schema mart; create schema core; create schema ref")
        for name, rows in {**tables, "core.fct_hidden": [(1,)]}.items():
            con.execute(f"create table {name} ({columns[name]})")
            if rows:
                con.executemany(f"insert into {name} values ({', '.join('?' * len(columns[name].split(',')))})", list(rows))
    return path


def exported(folder: Path, tables: Mapping[str, Rows], base: Path | None = None, columns: Mapping[str, str] = COLUMNS) -> tuple[Path, str]:
    """A release of these tables, and the hash it was given."""
    number = len(list(folder.iterdir()))
    target = folder / f"{number}.release"
    with duckdb.connect() as con:
        digest = release.export(con, built(folder / f"{number}.work", tables, columns), target, base)
        con.execute("checkpoint release")
        con.execute("detach release")
    return target, digest


def content(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    with duckdb.connect(str(path), read_only=True) as con:
        asked = "select table_schema || '.' || table_name from information_schema.tables where table_schema <> 'main'"
        names = con.execute(asked).fetchall()
        return {name: con.execute(f"select * from {name} order by all").fetchall() for (name,) in sorted(names)}


def changed(**rows: Rows) -> dict[str, Rows]:
    return FIRST | {name.replace("__", "."): its for name, its in rows.items()}


CASES: dict[str, dict[str, Rows]] = {
    "nothing": dict(FIRST),
    "one month": changed(mart__mart_monthly=[*FIRST["mart.mart_monthly"][:-1], (MONTHS[-1], "c", 9, 9.5)]),
    "a month more": changed(mart__mart_monthly=[*FIRST["mart.mart_monthly"], ("2026-09-01", "a", 1, None)]),
    "a month less": changed(mart__mart_monthly=FIRST["mart.mart_monthly"][3:]),
    "a row twice": changed(mart__mart_monthly=[*FIRST["mart.mart_monthly"], FIRST["mart.mart_monthly"][0]]),
    "every month": changed(mart__mart_monthly=[(month, key, n + 1, share) for month, key, n, share in FIRST["mart.mart_monthly"]]),
    "all rows gone": changed(mart__mart_monthly=[]),
    "what has no months": changed(mart__mart_list=[("x", 1), ("y", 3)], core__dim_place=[("X1", "和畅佳园")]),
    "a table more": changed(mart__mart_more=[("2026-08-01", 1)]),
    "a table less": {name: rows for name, rows in FIRST.items() if name != "mart.mart_list"},
}


@pytest.mark.parametrize("name", CASES)
def test_a_release_upon_another_is_as_good_as_a_fresh_one(name: str, tmp_path: Path) -> None:
    first, before = exported(tmp_path, FIRST)
    upon, digest = exported(tmp_path, CASES[name], first)
    fresh, of_fresh = exported(tmp_path, CASES[name])
    assert content(upon) == content(fresh)
    assert digest == of_fresh == content_hash(upon) == content_hash(fresh)
    assert (digest == before) == (name == "nothing")
    again, of_again = exported(tmp_path, FIRST, upon)
    assert content(again) == content(first) and of_again == before == content_hash(again)


def test_other_columns_are_another_table(tmp_path: Path) -> None:
    first, _ = exported(tmp_path, FIRST)
    columns = COLUMNS | {"mart.mart_monthly": "month date, key varchar, count bigint, share double"}
    upon, digest = exported(tmp_path, FIRST, first, columns)
    assert (content_hash(upon), exported(tmp_path, FIRST, None, columns)[1]) == (digest, digest)


def test_only_what_reads_otherwise_is_written(tmp_path: Path) -> None:
    first, _ = exported(tmp_path, FIRST)
    with mock.patch.object(release, "digests", wraps=release.digests) as written:
        exported(tmp_path, CASES["one month"], first)
    assert [(str(call.args[2]), call.args[3:]) for call in written.call_args_list] == [
        ("mart.mart_monthly", ("month in (date '2026-08-01')",))
    ]


def test_a_release_that_does_not_tell_its_parts_is_not_built_upon(tmp_path: Path) -> None:
    first, digest = exported(tmp_path, FIRST)
    with duckdb.connect(str(first)) as con:
        con.execute("update mart.mart_list set n = 99; drop table main.content_parts")
    upon, of_upon = exported(tmp_path, FIRST, first)
    assert of_upon == digest == content_hash(upon)


def test_a_table_with_other_rows_than_it_should_have_is_not_published(tmp_path: Path) -> None:
    first, _ = exported(tmp_path, FIRST)
    with duckdb.connect(str(first)) as con:
        con.execute("delete from mart.mart_monthly where month = date '2026-02-01' and key = 'a'")
    with pytest.raises(AuditFailed, match=r"mart\.mart_monthly 写出 23 行，应为 24 行"):
        exported(tmp_path, FIRST, first)
