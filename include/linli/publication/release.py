"""Writing a release: a file with the marts, fsynced, fenced by the run's token, and switched in by a symlink.

It begins as a copy of the release before it, of which only the months that read otherwise are written anew.
"""

from __future__ import annotations

import datetime as dt
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow as pa

from linli.durable import sync
from linli.figures import figure_name
from linli.publication.audit import ReleaseNotWhole, audit, refuse_broken
from linli.publication.content import PUBLISHED_SCHEMAS, Part, Parts, Table, content_hash_of, digests, fingerprints, tables
from linli.register import SHOWN, Answer, Register, Run, SourceStatus, now
from linli.settings import Settings

AUDIT = "audit"
"""the stage whose answers are those of the audit"""
_OF_RUNS = "service"
"""schema of the tables that tell of runs: published in main, outside the hash"""
OLDEST_CLIENT = "1.2.0"
"""the oldest DuckDB that reads a release; analysts are promised it, and benchmarks/older_client.py asks one"""
_PARTS = "content_parts"
_PART_COLUMNS = ("table_name", "month", "row_count", "fingerprint", "digest")
_PART_SCHEMA = pa.schema(zip(_PART_COLUMNS, (pa.string(), pa.date32(), pa.int64(), pa.string(), pa.string()), strict=True))
_RAGGED_FROM = 3
"""a release is written from the beginning when a third of the one before it is empty"""
_NAMES = "select table_name from information_schema.tables where table_catalog=? and table_schema=? order by 1"


@dataclass(frozen=True)
class Release:
    """A published generation. `version` is also in its file name; `content_hash` leaves out who published it and when."""

    version: str
    path: Path
    content_hash: str
    as_of: dt.datetime


def content_hash(path: Path) -> str:
    """The content hash of a published file: equal for equal figures, whoever built them and how often."""
    con = duckdb.connect()
    try:
        con.execute("set TimeZone='Asia/Shanghai'")
        con.execute(f"attach '{path.resolve()}' as release (read_only)")
        return content_hash_of({table: digests(con, f"release.{table}", table) for table in tables(con, "release")})
    finally:
        con.close()


def _previous_rows(settings: Settings) -> int:
    if not settings.published.exists():
        return 0
    con = duckdb.connect(str(settings.published.resolve()), read_only=True)
    try:
        found = con.execute("select count(*) from mart.mart_clock_257").fetchone()
        return int(found[0]) if found else 0
    finally:
        con.close()


def export(con: duckdb.DuckDBPyConnection, work_file: Path, target: Path, base: Path | None = None) -> str:
    """Writes the marts, dimensions and reference data of a built file into the fresh file `target`; returns their content hash.

    `base` is a release to begin with: of its tables only the months that read otherwise are written anew. Leaves `target` attached to
    `con` as `release`. Raises ReleaseNotWhole when the tables do not hold the rows they should.
    """
    con.execute("set TimeZone='Asia/Shanghai'")
    con.execute(f"attach if not exists '{work_file}' as work (read_only)")
    held = _begin(con, target, base)
    con.execute("begin")
    parts = {table: _write(con, source, table, held.get(table, {})) for source, table in _exported(con)}
    for gone in {str(table) for table in held} - {str(table) for table in parts}:
        con.execute(f"drop table release.{gone}")
    _check_rows(con, parts)
    _note_parts(con, parts)
    con.execute("commit")
    return content_hash_of({table: {month: part.digest for month, part in of_table.items()} for table, of_table in parts.items()})


def _exported(con: duckdb.DuckDBPyConnection) -> list[tuple[str, Table]]:
    """What is published of the working file: its place there, and the table it becomes."""
    core = [each for each in tables(con, "work", ("core",)) if each.name.startswith("dim_")]
    return [(f"work.{t}", t) for t in tables(con, "work")] + [(f"work.{t}", replace(t, schema="ref")) for t in core]


def _begin(con: duckdb.DuckDBPyConnection, target: Path, base: Path | None) -> dict[Table, Parts]:
    """Attaches `target` as `release` and returns what it holds already: what a copy of `base` does, if that is worth it."""
    if base:
        shutil.copyfile(base, target)
        con.execute(f"attach '{target}' as release")
        held = _noted_parts(con)
        if held and not _is_ragged(con):
            for (name,) in con.execute(_NAMES, ["release", "main"]).fetchall():
                con.execute(f"drop table release.main.{name}")
            con.execute("drop schema if exists release.closed cascade")
            return held
        con.execute("detach release")
        target.unlink()
    con.execute(f"attach '{target}' as release (storage_version 'v{OLDEST_CLIENT}')")
    for schema in PUBLISHED_SCHEMAS:
        con.execute(f"create schema release.{schema}")
    return {}


def _is_ragged(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether so much of the attached release is empty that it should be written from the beginning."""
    free, total = con.execute("select free_blocks, total_blocks from pragma_database_size() where database_name='release'").fetchall()[0]
    return bool(_RAGGED_FROM * free > total)


def _write(con: duckdb.DuckDBPyConnection, source: str, table: Table, held: Parts) -> Parts:
    """Brings a table of the release, of which it holds these parts, in line with `source`; returns its parts."""
    parts = fingerprints(con, source, table)
    same = {month for month, part in parts.items() if month in held and replace(held[month], digest="") == part}
    changed = (parts.keys() | held.keys()) - same
    written: dict[dt.date | None, str] = {}
    if not held or None in changed or len(same) < len(changed):
        con.execute(f"create or replace table release.{table} as select * from {source} order by all")
        written, same = digests(con, f"release.{table}", table), set()
    elif changed:
        where = "month in (" + ", ".join(f"date '{month}'" for month in changed) + ")"
        con.execute(f"delete from release.{table} where {where}")
        con.execute(f"insert into release.{table} select * from {source} where {where} order by all")
        written = digests(con, f"release.{table}", table, where)
    return {month: replace(part, digest=held[month].digest if month in same else written[month]) for month, part in parts.items()}


def _check_rows(con: duckdb.DuckDBPyConnection, parts: Mapping[Table, Parts]) -> None:
    """Every table holds as many rows as its parts have; whatever went wrong in between is not published."""
    names = list(parts)
    asked = " union all ".join(f"select {n} as n, count(*) as found from release.{table}" for n, table in enumerate(names))
    for n, found in con.execute(asked).fetchall():
        expected = sum(part.rows for part in parts[names[n]].values())
        if found != expected:
            raise ReleaseNotWhole(f"{names[n]} 写出 {found} 行，应为 {expected} 行")


def _noted_parts(con: duckdb.DuckDBPyConnection) -> dict[Table, Parts]:
    """The parts of the attached release as it was published; empty for one that does not tell."""
    if (_PARTS,) not in con.execute(_NAMES, ["release", "main"]).fetchall():
        return {}
    noted: dict[str, Parts] = {}
    for name, month, *part in con.execute(f"select {', '.join(_PART_COLUMNS)} from release.main.{_PARTS}").fetchall():
        noted.setdefault(name, {})[month] = Part(*part)
    return {table: noted[str(table)] for table in tables(con, "release") if str(table) in noted}


def _note_parts(con: duckdb.DuckDBPyConnection, parts: Mapping[Table, Parts]) -> None:
    rows = [(str(table), month, p.rows, p.fingerprint, p.digest) for table, of_table in parts.items() for month, p in of_table.items()]
    con.register("parts", pa.Table.from_pylist([dict(zip(_PART_COLUMNS, row, strict=True)) for row in rows], _PART_SCHEMA))
    con.execute(f"create table release.main.{_PARTS} as select * from parts order by all")
    con.unregister("parts")


def export_alone(work_file: Path, target: Path) -> str:
    """`export` with a connection of its own; `target` is closed and readable when this returns."""
    with duckdb.connect() as con:
        digest = export(con, work_file, target)
        con.execute("detach release")
    return digest


def _add_account(
    con: duckdb.DuckDBPyConnection,
    register: Register,
    run: Run,
    closed: Mapping[str, pa.Table],
    version: str,
    code: str,
    digest: str,
) -> None:
    """What a release says beside its figures and outside their hash: the closed months, how the data were served, every row's account,
    what tests and audits came to, who published it."""
    for (name,) in con.execute(
        "select table_name from information_schema.tables where table_catalog='work' and table_schema=? order by 1", [_OF_RUNS]
    ).fetchall():
        con.execute(f"create table release.main.{name} as select * from work.{_OF_RUNS}.{name} order by all")
    con.execute("create schema release.closed")
    for name, table in closed.items():
        con.register("closed_rows", table)
        con.execute(f"create table release.closed.{name} as select * from closed_rows order by all")
        con.unregister("closed_rows")
    statuses = register.source_statuses(run)
    con.execute(
        "create table release.main.data_account (source varchar, record varchar, batches bigint, landed bigint, accepted bigint,"
        " quarantined bigint, held bigint, duplicates bigint)"
    )
    con.executemany(
        "insert into release.main.data_account values (?,?,?,?,?,?,?,?)",
        [
            [a[k] for k in ("source", "record", "batches", "landed", "accepted", "quarantined", "held", "duplicates")]
            for a in register.accounts()
        ] or [["", "", 0, 0, 0, 0, 0, 0]],
    )  # fmt: skip
    con.execute("delete from release.main.data_account where source=''")
    _add_answers(con, register, run)
    _add_names(con)
    con.execute(
        "create table release.main.published_at (version varchar, run_id varchar, code_version varchar, content_hash varchar,"
        " published_at timestamptz, as_of timestamptz, source varchar, feed varchar, state varchar, source_as_of timestamptz)"
    )
    con.executemany(
        "insert into release.main.published_at values (?,?,?,?,?,?,?,?,?,?)",
        [
            [version, run.run_id, code, digest, now(), run.as_of, s.source, s.feed, s.state, s.as_of]
            for s in sorted(statuses, key=lambda s: (s.source, s.feed)) or [SourceStatus("", "", "not_configured", "", None, 0)]
        ],
    )
    con.execute("checkpoint release")
    con.execute("detach release")


def _add_names(con: duckdb.DuckDBPyConnection) -> None:
    """What the columns of the marts are called in Chinese, those on how the data were served included."""
    columns = con.execute(
        "select table_name, column_name from duckdb_columns()"
        " where database_name = 'release' and starts_with(table_name, 'mart_') order by all"
    ).fetchall()
    con.register("names", pa.table({
        "mart": [mart for mart, _ in columns],
        "column_name": [column for _, column in columns],
        "name": [figure_name(mart, column) for mart, column in columns],
    }))  # fmt: skip
    con.execute("create table release.main.column_names as select * from names")
    con.unregister("names")


def _add_answers(con: duckdb.DuckDBPyConnection, register: Register, run: Run) -> None:
    """What the tests of builds and the audits before publication came to, of the runs up to this one."""
    columns = "day date, run_id varchar, kind varchar, stage varchar, rule varchar, state varchar, detail varchar, asked_at timestamptz"
    con.execute(f"create table release.main.data_audit ({columns})")
    con.execute(
        f"insert into release.main.data_audit select unnest(cast($rows as struct({columns})[]), max_depth := 2)",
        {"rows": register.history.answers(run.day - SHOWN, run.as_of)},
    )


def _switch(settings: Settings, release: Path) -> None:
    link = settings.warehouse / f".linli.{secrets.token_hex(4)}.link"
    link.symlink_to(release.relative_to(settings.warehouse))
    link.replace(settings.published)
    sync(settings.warehouse)


def _prune(settings: Settings) -> None:
    current = settings.published.resolve()
    kept = sorted(settings.releases.glob("linli-*.duckdb"), reverse=True)[: settings.keep_releases]
    for old in settings.releases.glob("linli-*.duckdb"):
        if old not in kept and old != current:
            old.unlink(missing_ok=True)
    for leftover in (*settings.releases.glob(".new-*"), *settings.warehouse.glob(".linli.*.link")):
        leftover.unlink(missing_ok=True)


def publish(settings: Settings, register: Register, run: Run, *, code_version: str, closed: Mapping[str, pa.Table]) -> Release:
    """Audits the working file and publishes its marts, dimensions and reference data as one immutable file.

    `closed` are the tables of the schema `closed`, by name.

    Raises AuditFailed (nothing is published) or SupersededRun when a newer run has begun meanwhile.
    """
    register.check_token(run)
    settings.releases.mkdir(parents=True, exist_ok=True, mode=0o700)
    moment = now()
    version = f"{moment.strftime('%Y%m%dT%H%M%S%f')}-{run.token}"
    fresh = settings.releases / f".new-{version}"
    con = duckdb.connect()
    try:
        con.execute("set TimeZone='Asia/Shanghai'")
        con.execute(f"set threads={settings.threads}")
        con.execute(f"attach '{settings.work_file}' as work (read_only)")
        con.execute("use work")
        answers = audit(con, register, run, previous_as_of_rows=_previous_rows(settings))
        con.execute("use memory")
        try:
            refuse_broken(answers)
            digest = export(con, settings.work_file, fresh, settings.published.resolve() if settings.published.exists() else None)
            answers.append(Answer(ReleaseNotWhole.rule, "passed"))
        except ReleaseNotWhole as torn:
            answers.append(Answer(torn.rule, "broken", torn.detail))
            raise
        finally:
            # a night that is refused is told of by the next one that is published
            register.note_answers(run, AUDIT, answers)
        _add_account(con, register, run, closed, version, code_version, digest)
    finally:
        con.close()
    fresh.chmod(0o400)
    sync(fresh)
    final = settings.releases / f"linli-{version}.duckdb"
    with register.publishing(run):
        fresh.replace(final)
        sync(settings.releases)
        _switch(settings, final)
        register.note_publication(version, run, digest, moment)
    _prune(settings)
    return Release(version, final, digest, run.as_of)
