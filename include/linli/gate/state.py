"""The gate's own in-memory DuckDB: reference seeds, landed rows, and what has been accepted so far.

`versions."<source>.<record>"` holds the newest accepted version of every key: the staging table of the working file,
and on top of it the accepted rows of verdicts that no build has taken in yet. `accepted` has those without deleted ones
that the rows being judged can ask for: what a night costs does not grow with what has been accepted in all the years.
`found` keeps what was read of the staging table for that, `asked` the values it was searched for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from linli.contracts import META, SQL_TYPES, Catalog, RecordDecl
from linli.gate.compile import Reference, Scalar, ident, literal
from linli.locks import locked
from linli.register import Register, Verdict
from linli.settings import Settings

META_TYPES = {
    "_batch_id": "varchar",
    "_row_no": "integer",
    "_snapshot_at": "timestamp with time zone",
    "_deleted": "boolean",
    "_source_ref": "varchar",
    "_parent_version": "varchar",
    "_unreadable": "varchar[]",
    "_raw": "varchar",
}
assert list(META_TYPES) == META.names


def words(*texts: str | None) -> set[str]:
    """Every identifier-like word of some SQL; a superset of the columns it names."""
    return {word for text in texts if text for word in re.findall(r"\w+", text)}


def column_types(record: RecordDecl) -> dict[str, str]:
    """SQL type of every landed column: the declared ones, then META."""
    return {column.name: SQL_TYPES[column.type] for column in record.columns} | META_TYPES


def files(paths: Sequence[Path]) -> str:
    """A table function reading these Parquet files as one."""
    return f"read_parquet([{', '.join(literal(str(path)) for path in paths)}], union_by_name = true)"


def same_key(record: RecordDecl, left: str, right: str) -> str:
    """Join condition on the record's key."""
    return " and ".join(f"{left}.{ident(name)} = {right}.{ident(name)}" for name in record.key)


def _staging(record: RecordDecl) -> str:
    """The record's staging table in the working file."""
    return f"work.staging.{ident('stg_' + record.table)}"


def _typed(record: RecordDecl, names: Sequence[str], built: str | None = None) -> str:
    """A select of these columns of the rows `s` of the staging table, or of a table made of it, in the types of what has landed."""
    types = column_types(record)
    columns = ", ".join(f"s.{ident(name)}::{types[name]} as {ident(name)}" for name in names)
    return f"select {columns} from {built or _staging(record)} s"


Scope: TypeAlias = Sequence[tuple[str, str]]
"""(column of what is accepted, column of the batch) pairs: a row with a value in one that a row of the batch has in the other"""


class ContextBroken(RuntimeError):
    """The context of a record cannot be carried out, or gives more than one row for a row."""


def scope(record: RecordDecl, of: str) -> Scope:
    """The columns by which the context of `record` asks for the accepted rows of `of`, as it says on a line `-- of: column, …`."""
    found = re.search(rf"^-- {re.escape(of)}: (.+)$", record.context_sql or "", re.MULTILINE)
    if found is None:
        raise ContextBroken(f"{record.full_name}: its context reads {of} without a line `-- {of}: column, …`")
    pairs = [part.strip().partition("=") for part in found.group(1).split(",")]
    return [(column, other or column) for column, _, other in pairs]


def asks(record: RecordDecl) -> dict[str, Scope]:
    """What the context of `record` asks for, and by which columns: names of records, and `standing`."""
    context = record.context_sql or ""
    names = [*dict.fromkeys(re.findall(r'accepted\."([^"]+)"', context)), *({"standing"} & words(context))]
    return {name: scope(record, name) for name in names}


def _is_asked(row: str, asked_by: Scope) -> str:
    """SQL, true for a `row` that some row of the batch asks for."""
    asked = (
        f"{row}.{ident(column)} in (select b.{ident(other)} from batch b where b.{ident(other)} is not null)" for column, other in asked_by
    )
    return f"({' or '.join(asked)})"


class GateState:
    """One gate run's connection and what it knows beyond the rows being judged."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, settings: Settings, register: Register, catalog: Catalog) -> None:
        self.connection = connection
        self.settings = settings
        self.register = register
        self.catalog = catalog
        self._seeds: dict[str, set[str]] = {}
        self._context_words = words(*(record.context_sql for record in catalog.records))
        self._ready: set[str] = set()
        self._batch_paths: dict[str, Path] = {}
        self._work = False
        self._looked_up: set[tuple[str, str]] = set()
        # Columns in which all rows now judged have the same value, and that value as SQL: kept once, not a million times.
        self.same_for_all: dict[str, str] = {}

    def drop(self, kind: str, name: str) -> None:
        """Removes the table or view `name` when it is there as that kind; DuckDB refuses to replace one by the other."""
        found = self.connection.execute(
            "select 1 from information_schema.tables where table_catalog = current_database() and table_schema = 'main'"
            " and table_name = ? and (table_type = 'VIEW') = ?",
            [name, kind == "view"],
        ).fetchall()
        if found:
            self.connection.execute(f"drop {kind} {ident(name)}")

    def load_reference(self) -> None:
        """Every seed as `ref.<name>`, all columns text, empty cells null."""
        self.connection.execute("create schema ref")
        for path in sorted(self.settings.reference.glob("*.csv")):
            self.connection.execute(
                f"create table ref.{ident(path.stem)} as from read_csv(?, header = true, all_varchar = true, delim = ',', quote = '\"')",
                [str(path)],
            )
            columns = self.connection.execute(f"describe ref.{ident(path.stem)}").fetchall()
            self._seeds[path.stem] = {str(row[0]) for row in columns}

    def reference(self, record: RecordDecl) -> Reference:
        """The values behind every `in_reference` of the record's checks."""
        found: dict[str, list[Scalar]] = {}
        for check in record.checks:
            name = check.expect.in_reference
            table, _, column = (name or "").partition(".")
            if name is not None and name not in found and column in self._seeds.get(table, ()):
                rows = self.connection.execute(
                    f"select distinct {ident(column)} from ref.{ident(table)} where {ident(column)} is not null order by all"
                ).fetchall()
                found[name] = [str(row[0]) for row in rows]
        return found

    def path_of(self, batch_id: str) -> Path:
        """Where the file of a registered batch is."""
        if batch_id not in self._batch_paths:
            self._batch_paths[batch_id] = self.settings.home / self.register.batch(batch_id).path
        return self._batch_paths[batch_id]

    def prepare_accepted(self, record: RecordDecl) -> None:
        """Makes `accepted."<name>"` for every record that the context of `record` reads: the rows that `batch` can ask for.

        Raises ContextBroken when the context does not say by which columns it asks for them.
        """
        self.connection.execute("create schema if not exists accepted")
        for name, asked_by in asks(record).items():
            if name != "standing":
                asked = self.accepted_sql(self.catalog.record(name), asked_by)
                self.connection.execute(f'create or replace table accepted."{name}" as {asked}')

    def forget_accepted(self, record: RecordDecl) -> None:
        """To be called when new verdicts about `record` have been registered."""
        self._ready.discard(record.full_name)

    def looked_at(self, record: RecordDecl) -> list[str]:
        """The columns of `record` that some context, key or group names."""
        wanted = {name for other in self.catalog.records for name in other.key} | self._context_words
        wanted |= {"_batch_id", "_row_no", "_snapshot_at", "_deleted"}
        return [name for name in column_types(record) if name in wanted]

    def make_versions(self, record: RecordDecl) -> None:
        """Makes `versions` of `record`."""
        if record.full_name not in self._ready:
            self.connection.execute("create schema if not exists versions")
            found = self.versions_sql(record, self.looked_at(record))
            self.connection.execute(f'create or replace view versions."{record.full_name}" as {found}')
            self._ready.add(record.full_name)

    def accepted_sql(self, record: RecordDecl, asked_by: Scope) -> str:
        """A select of the rows of `record` that are accepted and not deleted, and that `batch` asks for by these columns."""
        names = self.looked_at(record)
        self.make_versions(record)
        built = self._look_up(record, names, asked_by) if self._staged(record, names) else None
        newest = self._newest(record, names, f"pending.{record.full_name}", built)
        return f"select {', '.join(map(ident, names))} from ({newest}) v where not _deleted and {_is_asked('v', asked_by)}"

    def _look_up(self, record: RecordDecl, names: Sequence[str], asked_by: Scope) -> str:
        """The table of the built rows of `record` that were ever asked for, with those that `batch` asks for by these columns.

        Looking for a few rows takes a reading of all years, so what the batches still to be judged will ask for is looked for with them.
        """
        table = f'found."{record.full_name}"'
        self.connection.execute("create schema if not exists found; create schema if not exists asked")
        self.connection.execute(f"create table if not exists {table} as {_typed(record, names)} where false")
        wanted = []
        for column in dict.fromkeys(column for column, _ in asked_by):
            asked, new = f'asked."{record.full_name}.{column}"', f'asked."new.{column}"'
            self.connection.execute(f"create table if not exists {asked} as select {ident(column)} as value from {table} where false")
            values = [f"select {ident(other)} as value from batch" for of, other in asked_by if of == column]
            values += self._waiting_values(record, column)
            self.connection.execute(
                f"create or replace table {new} as select value from ({' union all '.join(values)}) where value is not null"
                f" except select value from {asked}"
            )
            if self.connection.execute(f"insert into {asked} from {new}").fetchall() != [(0,)]:
                wanted.append(f"s.{ident(column)} in (select value from {new})")
        if wanted:
            # texts are looked for in the whole table: in them alone, and the other columns are read where a row lies
            self.connection.execute(
                f"insert into {table} {_typed(record, names)}"
                f" where s.rowid in (select s.rowid from {_staging(record)} s where {' or '.join(wanted)})"
                f" and not exists (select 1 from {table} f where {same_key(record, 'f', 's')})"
            )
        return table

    def _waiting_values(self, record: RecordDecl, column: str) -> list[str]:
        """Selects of what batches without a verdict ask for in this column of `record`; none when that has been looked up before.

        What cannot be read so, be it a file that is broken, is left to when its record is judged.
        """
        if (record.full_name, column) in self._looked_up:
            return []
        self._looked_up.add((record.full_name, column))
        kind = column_types(record)[column]
        selects = []
        for asker in self.catalog.records:
            asked_by = asks(asker).get("standing" if asker is record else record.full_name, ())
            others = [other for of, other in asked_by if of == column]
            for batch in self.register.ungated_batches(asker.source, asker.name) if others else ():
                path = self.path_of(batch.batch_id)
                with suppress(OSError, pa.ArrowInvalid):
                    present = pq.read_schema(path).names
                    selects += [f"select try_cast({ident(other)} as {kind}) from {files([path])}" for other in others if other in present]
        return selects

    def versions_sql(self, record: RecordDecl, names: Sequence[str], pending: str = "pending", within: str = "true") -> str:
        """A select of `names` (with the key and `_snapshot_at`) of the newest accepted version of every key.

        Verdicts not built are read now, into a table named after `pending`, but for versions older than what is built of their key.
        `within` is a condition on the built rows `s`: keys that are not asked for can stay unread.
        """
        staged = self._staged(record, names)
        pending = f"{pending}.{record.full_name}"
        self.connection.execute(f"create or replace table {ident(pending)} as {self._pending_sql(record, names, staged)}")
        if staged:
            # once and not whenever a version is asked for: it takes a reading of all that was ever accepted
            self.connection.execute(
                f"delete from {ident(pending)} p using {_staging(record)} s"
                f" where {same_key(record, 's', 'p')} and s._snapshot_at > p._snapshot_at"
            )
        return self._newest(record, names, pending, _staging(record) if staged else None, within)

    def _newest(self, record: RecordDecl, names: Sequence[str], pending: str, built: str | None, within: str = "true") -> str:
        """The rows of `pending`, none older than what is built of its key, and those of `built` and `within` of all other keys."""
        table = ident(pending)
        columns = ", ".join(ident(name) for name in names)
        if built is None:
            return f"select {columns} from {table}"
        return (
            f"select {columns} from {table} union all {_typed(record, names, built)}"
            f" where {within} and not exists (select 1 from {table} p where {same_key(record, 'p', 's')})"
        )

    def _staged(self, record: RecordDecl, names: Sequence[str]) -> bool:
        """Whether the working file has this record's staging table with every column needed."""
        if not self._work:
            return False
        found = self.connection.execute(
            "select column_name from information_schema.columns"
            " where table_catalog = 'work' and table_schema = 'staging' and table_name = ?",
            [f"stg_{record.table}"],
        ).fetchall()
        return set(names) <= {row[0] for row in found}

    def _pending_sql(self, record: RecordDecl, names: Sequence[str], staged: bool) -> str:
        """The newest accepted version of each key among verdicts not built (all verdicts when nothing is staged)."""
        types = column_types(record)
        verdicts = self._verdicts(record, staged)
        first = [v for v in verdicts if v.n == 1 and v.accepted]
        later = [v for v in verdicts if v.n > 1 and v.path]

        def rows_of(verdicts: Sequence[Verdict]) -> str:
            paths = sorted({self.path_of(v.batch_id) for v in verdicts})
            present = {name for path in paths for name in pq.read_schema(path).names}
            columns = ", ".join(f"{ident(name) if name in present else 'null'}::{types[name]} as {ident(name)}" for name in names)
            return f"select {columns} from {files(paths)} b"

        parts = []
        if first:
            excepted = [self.settings.home / v.path for v in first if v.path]
            anti = (
                f" where not exists (select 1 from {files(excepted)} x where x._batch_id = b._batch_id and x.row_no = b._row_no)"
                if excepted
                else ""
            )
            parts.append(f"{rows_of(first)}{anti}")
        if later:
            changed = files([self.settings.home / v.path for v in later if v.path])
            parts.append(
                f"{rows_of(later)} where exists (select 1 from {changed} x where x._batch_id = b._batch_id"
                " and x.row_no = b._row_no and x.verdict = 'released')"
            )
        if not parts:
            return "select " + ", ".join(f"null::{types[name]} as {ident(name)}" for name in names) + " where false"
        keys = ", ".join(ident(name) for name in record.key)
        return (
            f"select * from ({' union all '.join(parts)}) qualify row_number() over"
            f" (partition by {keys} order by _snapshot_at desc, _batch_id desc, _row_no desc) = 1"
        )

    def _verdicts(self, record: RecordDecl, staged: bool) -> list[Verdict]:
        built: set[str] = set()
        if staged:
            built = {row[0] for row in self.connection.execute("select verdict_id from work.landing.built").fetchall()}
        of_record = {b.batch_id for b in self.register.batches(source=record.source, record=record.name)}
        return [v for v in self.register.verdicts(excluding=built) if v.batch_id in of_record]

    def attach_work(self) -> None:
        """Attaches the working file read-only when there is one."""
        if self.settings.work_file.exists():
            self.connection.execute(f"attach {literal(str(self.settings.work_file))} as work (read_only)")
            self._work = bool(
                self.connection.execute(
                    "select 1 from information_schema.tables where table_catalog = 'work' and table_schema = 'landing'"
                    " and table_name = 'built'"
                ).fetchall()
            )


@contextmanager
def opened(settings: Settings, register: Register, catalog: Catalog) -> Iterator[GateState]:
    """A gate state with the seeds loaded and the working file attached, exclusive among gates and beside no build."""
    with locked(settings.verdicts / ".gate.lock"), locked(settings.writer_lock, shared=True), duckdb.connect() as connection:
        connection.execute("set TimeZone = 'Asia/Shanghai'")
        connection.execute(f"set threads = {settings.threads}")
        connection.execute(f"set memory_limit = {literal(settings.memory_limit)}")
        connection.execute("set enable_progress_bar = false")
        # Whoever needs an order says so; keeping that of the files costs a tenth of every table made.
        connection.execute("set preserve_insertion_order = false")
        state = GateState(connection, settings, register, catalog)
        state.load_reference()
        state.attach_work()
        yield state
