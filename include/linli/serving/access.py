"""Who sees what: `linli_team` every row, `linli_reader` no row about a single officer and none about a single case.

Row policies on the published tables themselves, so that one name means one table to everybody and a query cannot go round them. What
names a single case, officer or ledger entry is told by its column; a table that has such a column is closed to readers unless it is
known that only the column is in the way.
"""

from __future__ import annotations

import re
from typing import Protocol

from psycopg import sql

TEAM, READER = "linli_team", "linli_reader"

_ONE = "(case_no|officer_no|entry_id|source_key|records)"
"""how columns are named that name a single case, officer or ledger entry: the whole name or the end of it"""
_OF_GROUPS = frozenset({"closed.restatement", "mart.mart_ledger_integrity", "mart.mart_similar_cluster"})
"""tables whose rows are about groups: readers have them without such columns"""
_OPEN_ROWS = {
    "level": "level is distinct from 'officer'",
    "grain": f"coalesce(grain, '') !~ '(^| )([a-z_]+_)?{_ONE}='",
    "metric": f"coalesce(metric, '') !~ '(^|_){_ONE}$'",
}
"""which rows of a table that has the column are open; frozen figures name in `grain` and `metric` what in a mart is a column"""


class Table(Protocol):
    """A published table with its columns, (name, DuckDB type) each, in order."""

    @property
    def schema(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def columns(self) -> tuple[tuple[str, str], ...]: ...


def open_columns(table: Table) -> list[str]:
    """The columns of `table` that readers may see; none where the table is closed to them."""
    names = [name for name, _ in table.columns]
    named = [name for name in names if not re.search(f"(^|_){_ONE}$", name)]
    return named if named == names or f"{table.schema}.{table.name}" in _OF_GROUPS else []


def grants(schema: str, table: Table) -> list[sql.Composable]:
    """The statements that open the table, which lies in `schema` for now, to both roles."""
    place = sql.Identifier(schema, table.name)
    team, reader = sql.Identifier(TEAM), sql.Identifier(READER)
    found: list[sql.Composable] = [sql.SQL("grant select on {} to {}").format(place, team)]
    shown = open_columns(table)
    if len(shown) == len(table.columns):
        found.append(sql.SQL("grant select on {} to {}").format(place, reader))
    elif shown:
        columns = sql.SQL(", ").join(map(sql.Identifier, shown))
        found.append(sql.SQL("grant select ({}) on {} to {}").format(columns, place, reader))
    conditions = [sql.SQL(condition) for column, condition in _OPEN_ROWS.items() if column in shown]
    if conditions:
        found += [
            sql.SQL("alter table {} enable row level security").format(place),
            sql.SQL("create policy everything on {} for select to {} using (true)").format(place, team),
            sql.SQL("create policy nobody_alone on {} for select to {} using ({})").format(
                place, reader, sql.SQL(" and ").join(conditions)
            ),
        ]
    return found
