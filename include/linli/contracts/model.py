"""The strict model of `expectations/`: an unknown or misspelt key is an error that names the file and the key."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, model_validator

ColumnType = Literal["string", "int16", "int32", "int64", "bool", "date", "timestamp", "list<string>"]
Personal = Literal["name", "phone", "id_no", "address", "text"]
Severity = Literal["critical", "warning", "info"]
Transport = Literal["postgres", "mysql", "rest", "files"]
Scalar = str | int | bool

_TIMESTAMP = pa.timestamp("us", tz="UTC")
ARROW_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamp": _TIMESTAMP,
    "list<string>": pa.list_(pa.string()),
}
SQL_TYPES: dict[str, str] = {
    "string": "varchar",
    "int16": "smallint",
    "int32": "integer",
    "int64": "bigint",
    "bool": "boolean",
    "date": "date",
    "timestamp": "timestamp with time zone",
    "list<string>": "varchar[]",
}
META = pa.schema(
    [
        ("_batch_id", pa.string()),
        ("_row_no", pa.int32()),
        ("_snapshot_at", _TIMESTAMP),
        ("_deleted", pa.bool_()),
        ("_source_ref", pa.string()),
        ("_parent_version", pa.string()),
        ("_unreadable", pa.list_(pa.string())),
        ("_raw", pa.string()),
    ]
)

OF_THE_FILE = ("community_code", "month_on")
"""What the transport knows of a file's rows: whom it speaks for, and of when; a newer file about both takes its place"""
REGISTER_OF_FILES: dict[str, ColumnType] = {
    "file_sha": "string",
    "sheet": "string",
    "file_label": "string",
    "district_code": "string",
    "community_code": "string",
    "month_on": "date",
    "received_at": "timestamp",
    "row_count": "int32",
    "is_complete": "bool",
    "problem": "string",
}
"""The columns of the record, of sheet *, in which the transport enters every file it was given"""


class Strict(BaseModel):
    """Base of all declarations: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(Strict):
    """One column as it lands. `personal` says what kind of personal value it holds; it never lands as it is."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    label: str
    type: ColumnType = "string"
    personal: Personal | None = None
    source_name: str | None = None
    headers: tuple[str, ...] = ()
    description: str = ""

    @property
    def at_source(self) -> str:
        """The name the source gives this column (relation column or JSON key)."""
        return self.source_name or self.name

    @property
    def arrow_type(self) -> pa.DataType:
        return ARROW_TYPES[self.type]

    @model_validator(mode="after")
    def _personal_is_text(self) -> Column:
        if self.personal and self.type != "string":
            raise ValueError(f"column {self.name}: a personal column must be of type string")
        return self


class Extract(Strict):
    """Where a record is found in its source."""

    relation: str | None = None
    cursor: str | None = None
    endpoint: str | None = None
    explode: str | None = None
    sheet: str | None = None


class Where(Strict):
    """A row condition: every part given must hold."""

    column: str
    equals: Scalar | None = None
    not_equals: Scalar | None = None
    is_in: tuple[Scalar, ...] | None = None
    is_null: bool | None = None


class Expect(Strict):
    """What a check expects; exactly one of the kinds is given."""

    not_null: Literal[True] | None = None
    null: Literal[True] | None = None
    in_set: tuple[Scalar, ...] | None = None
    in_reference: str | None = None
    min: Scalar | None = None
    max: Scalar | None = None
    matches: str | None = None
    not_matches: str | None = None
    max_length: int | None = None
    unique: tuple[str, ...] | None = None
    at_or_after: str | None = None
    before: str | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Expect:
        given = set(self.model_fields_set)
        if not given or (len(given) > 1 and given != {"min", "max"}):
            raise ValueError(f"expect: give exactly one kind (or min and max), not {sorted(given) or 'none'}")
        return self


class Check(Strict):
    """One rule. critical and warning quarantine the row, info lets it through; all are told to the submitter."""

    rule: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    column: str
    expect: Expect
    where: tuple[Where, ...] = ()
    severity: Severity = "warning"
    reason: str
    message: str
    fix: str

    @property
    def quarantines(self) -> bool:
        return self.severity != "info"


class Hold(Strict):
    """A row whose context `column` is null waits: it is not bad, what it belongs to has not come yet."""

    rule: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    column: str
    reason: str
    message: str


class RecordDecl(Strict):
    """One record kind: everything that is known about it, declared once."""

    source: str
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    label: str
    grain: str
    key: tuple[str, ...]
    parents: tuple[str, ...] = ()
    submitter: str | None = None
    on_repeat: Literal["latest", "reject"] = "latest"
    version_column: str | None = None
    extract: Extract
    columns: tuple[Column, ...]
    checks: tuple[Check, ...] = ()
    holds: tuple[Hold, ...] = ()
    context_sql: str | None = None

    @property
    def full_name(self) -> str:
        return f"{self.source}.{self.name}"

    @property
    def table(self) -> str:
        return f"{self.source}__{self.name}"

    def column(self, name: str) -> Column:
        """The declared column; KeyError when there is none of that name."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.full_name} has no column {name}")

    def declared_schema(self) -> pa.Schema:
        """The declared columns as Arrow fields, without META."""
        return pa.schema([(column.name, column.arrow_type) for column in self.columns])

    def landing_schema(self) -> pa.Schema:
        """What a batch file of this record holds: the declared columns, then META."""
        return pa.schema([*self.declared_schema(), *META])

    @model_validator(mode="after")
    def _consistent(self) -> RecordDecl:
        names = [column.name for column in self.columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"columns declared twice: {twice}")
        known = set(names)
        for what, column in (("key", self.key), ("submitter", (self.submitter,)), ("version_column", (self.version_column,))):
            for name in column:
                if name is not None and name not in known:
                    raise ValueError(f"{what}: no column {name}")
        rules = [check.rule for check in self.checks] + [hold.rule for hold in self.holds]
        again = sorted({rule for rule in rules if rules.count(rule) > 1})
        if again:
            raise ValueError(f"rules declared twice: {again}")
        for check in self.checks:
            named = [check.column, *(w.column for w in check.where), *(check.expect.unique or ())]
            named += [c for c in (check.expect.at_or_after, check.expect.before) if c]
            for name in named:
                if name not in known and not name.startswith("ctx_"):
                    raise ValueError(f"check {check.rule}: no column {name} (context columns begin with ctx_)")
            for place in re.findall(r"\{(\w*)\}", check.message + check.fix):
                if place not in ("value", "row", "column"):
                    raise ValueError(f"check {check.rule}: unknown place {{{place}}} in its message; use value, row or column")
        for hold in self.holds:
            if not hold.column.startswith("ctx_"):
                raise ValueError(f"hold {hold.rule}: {hold.column} is not a context column (ctx_…)")
        return self


class Feed(Strict):
    """The unit of extraction: one relation, one endpoint with what is exploded from it, or one inbox."""

    source: str
    name: str
    records: tuple[RecordDecl, ...]

    @property
    def root(self) -> RecordDecl:
        return self.records[0]


class SourceDecl(Strict):
    """One operational system."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    label: str
    transport: Transport
    records: tuple[RecordDecl, ...] = ()

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """Records grouped by what one extraction reads, in declared order."""
        groups: dict[str, list[RecordDecl]] = {}
        for record in self.records:
            where = record.extract
            place = where.relation or where.endpoint or "inbox"
            groups.setdefault(place, []).append(record)
        feeds = []
        for members in groups.values():
            ordered = sorted(members, key=lambda r: (r.extract.explode is not None, bool(r.parents)))
            feeds.append(Feed(source=self.name, name=ordered[0].name, records=tuple(ordered)))
        return tuple(feeds)

    def feed(self, name: str) -> Feed:
        """The feed of that name; KeyError when there is none."""
        for feed in self.feeds:
            if feed.name == name:
                return feed
        raise KeyError(f"{self.name} has no feed {name}")


class Catalog(Strict):
    """All sources and records of `expectations/`."""

    sources: dict[str, SourceDecl]

    def record(self, full_name: str) -> RecordDecl:
        """The record `source.name`; KeyError when it is not declared."""
        for record in self.records:
            if record.full_name == full_name:
                return record
        raise KeyError(f"no record {full_name} is declared")

    @property
    def records(self) -> list[RecordDecl]:
        """Every record, parents before their children."""
        waiting = [record for source in self.sources.values() for record in source.records]
        done: list[RecordDecl] = []
        names: set[str] = set()
        while waiting:
            ready = [r for r in waiting if all(p in names or p == r.full_name for p in r.parents)]
            if not ready:
                raise ValueError(f"parents form a circle or are unknown: {sorted(r.full_name for r in waiting)}")
            done += ready
            names |= {r.full_name for r in ready}
            waiting = [r for r in waiting if r.full_name not in names]
        return done


def _readable_checks(record: RecordDecl) -> list[Check]:
    """The checks every typed column of a hand-filled or JSON record has by itself: its text could be read as its type."""
    words = {"date": "日期", "timestamp": "时间", "bool": "是/否", "list<string>": "名单"}
    samples = {"date": "如 2026-10-08", "timestamp": "如 2026-10-08 09:30", "bool": "填“是”或“否”", "list<string>": "用顿号分隔"}
    found = []
    for column in record.columns:
        if column.type != "string":
            word = words.get(column.type, "整数")
            found.append(
                Check(
                    rule=f"{column.name}_readable",
                    column=f"ctx_unreadable_{column.name}",
                    expect=Expect(null=True),
                    severity="warning",
                    reason=f"{column.name} must be readable as {column.type}; a value nobody can read is not a value",
                    message=f"{column.label}“{{value}}”不能识别为{word}",
                    fix=f"请把{column.label}改为规范的{word}（{samples.get(column.type, '只填数字')}）",
                )
            )
    return found


def with_readable_checks(record: RecordDecl) -> tuple[Check, ...]:
    """The declared checks of a hand-filled or JSON record and those its typed columns have by themselves.

    A cell that cannot be read lands as null but is not missing: the check that wants the column present leaves it to the other.
    """
    typed = {column.name for column in record.columns if column.type != "string"}
    declared = [
        check.model_copy(update={"where": (*check.where, Where(column=f"ctx_unreadable_{check.column}", is_null=True))})
        if check.expect.not_null and check.column in typed
        else check
        for check in record.checks
    ]
    return (*declared, *_readable_checks(record))


def plain(value: Any) -> Any:
    """A validation input without YAML's own types (dates become ISO text)."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
