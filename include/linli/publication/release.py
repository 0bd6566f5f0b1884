"""Writing a release: a fresh file with the marts, fsynced, fenced by the run's token, and switched in by a symlink."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from linli.durable import sync
from linli.publication.audit import AuditFailed, audit
from linli.register import Register, Run, SourceStatus, now
from linli.settings import Settings

PUBLISHED_SCHEMAS = ("mart", "ref")
_OF_RUNS = "service"
"""schema of the tables that tell of runs: published in main, outside the hash"""
_STORAGE = "v1.2.0"


@dataclass(frozen=True)
class Release:
    """A published generation. `version` is also in its file name; `content_hash` leaves out who published it and when."""

    version: str
    path: Path
    content_hash: str
    as_of: dt.datetime


def _columns(con: duckdb.DuckDBPyConnection, catalog: str) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Every table, by schema and name, with its columns and their types."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for schema, name, column, kind in con.execute(
        "select table_schema, table_name, column_name, data_type from information_schema.columns where table_catalog=?"
        " order by table_schema, table_name, ordinal_position",
        [catalog],
    ).fetchall():
        found.setdefault((schema, name), []).append((column, kind))
    return found


def _hash(con: duckdb.DuckDBPyConnection, catalog: str) -> str:
    """A hash over all published tables: names, columns and the multiset of rows, independent of file layout and threads."""
    total = hashlib.sha256()
    for (schema, name), columns in _columns(con, catalog).items():
        if schema not in PUBLISHED_SCHEMAS:
            continue
        total.update(f"{schema}.{name} {columns}".encode())
        # Twelve significant digits: a sum of doubles may differ in its last bit with the order of its rows.
        parts = ", ".join(f"printf('%.12g', \"{c}\")" if t == "DOUBLE" else f'cast("{c}" as varchar)' for c, t in columns)
        rows = con.execute(
            f"select sha256(coalesce(string_agg(h, '' order by h), '')) from"
            f" (select sha256(cast(row({parts}) as varchar)) as h from {catalog}.{schema}.{name})"
        ).fetchone()
        total.update(str(rows[0] if rows else "").encode())
    return total.hexdigest()


def content_hash(path: Path) -> str:
    """The content hash of a published file: equal for equal figures, whoever built them and how often."""
    con = duckdb.connect()
    try:
        con.execute("set TimeZone='Asia/Shanghai'")
        con.execute(f"attach '{path.resolve()}' as release (read_only)")
        return _hash(con, "release")
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


def export(con: duckdb.DuckDBPyConnection, work_file: Path, target: Path) -> str:
    """Writes the marts, dimensions and reference data of a built file into the fresh file `target`; returns their content hash.

    Leaves `target` attached to `con` as `release`.
    """
    con.execute("set TimeZone='Asia/Shanghai'")
    con.execute(f"attach if not exists '{work_file}' as work (read_only)")
    con.execute(f"attach '{target}' as release (storage_version '{_STORAGE}')")
    con.execute("begin")
    for schema in PUBLISHED_SCHEMAS:
        con.execute(f"create schema release.{schema}")
    exported = con.execute(
        "select table_schema, table_name from information_schema.tables where table_catalog='work' and"
        f" (table_schema in {PUBLISHED_SCHEMAS} or (table_schema='core' and table_name like 'dim\\_%' escape '\\')) order by 1, 2"
    ).fetchall()
    for schema, name in exported:
        into = "ref" if schema == "core" else schema
        con.execute(f"create table release.{into}.{name} as select * from work.{schema}.{name} order by all")
    digest = _hash(con, "release")
    con.execute("commit")
    return digest


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
    who published it."""
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
        findings = audit(con, register, run, previous_as_of_rows=_previous_rows(settings))
        if findings:
            raise AuditFailed("审核未通过，未发布：" + "；".join(f"{f.detail}（{f.rule}）" for f in findings))
        con.execute("use memory")
        digest = export(con, settings.work_file, fresh)
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
