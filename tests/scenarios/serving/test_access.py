"""Who sees what is decided by the columns a table has: nothing that names a case or an officer is open to readers, now or later."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from linli.publication.content import Table
from linli.serving.access import open_columns
from linli.serving.load import UnknownType, served_type
from linli.warehouse import descriptions

PROJECT = Path(__file__).resolve().parents[3]
CLOSED = {"dim_officer", "mart_disagreement_case", "mart_due_step", "mart_signal_case", "mart_similar_case", "officers"}
WITHOUT = {"mart_ledger_integrity": ["first_broken_entry_id"], "mart_similar_cluster": ["lead_case_no"]}
UNPUBLISHED = ("dim_resident", "dim_household")


def declared() -> dict[str, Table]:
    """Every mart, dimension and seed of the project that is published, with its columns."""
    found = {}
    for name, (_, columns) in descriptions(PROJECT).items():
        path = "mart" if name.startswith("mart_") else "ref"
        if not name.startswith(("stg_", "int_", "fct_")) and name not in UNPUBLISHED:
            found[name] = Table(path, name, tuple((column, "VARCHAR") for column in columns))
    return found


def test_tables_of_single_cases_and_officers_are_closed_and_no_others() -> None:
    tables = declared()
    assert {name for name, table in tables.items() if not open_columns(table)} == CLOSED
    partly = {name: [c for c, _ in table.columns if c not in open_columns(table)] for name, table in tables.items() if name not in CLOSED}
    assert {name: hidden for name, hidden in partly.items() if hidden} == WITHOUT
    assert len(tables) > 60


@pytest.mark.parametrize("column", ["case_no", "group_case_no", "officer_no", "best_officer_no", "entry_id", "last_entry_id", "records"])
def test_a_new_table_that_names_one_is_closed_until_somebody_has_looked(column: str) -> None:
    assert open_columns(Table("mart", "mart_new", (("month", "DATE"), (column, "VARCHAR")))) == []
    assert open_columns(Table("mart", "mart_new", (("month", "DATE"), (f"{column}_count", "BIGINT")))) == ["month", f"{column}_count"]


@pytest.mark.parametrize(
    ("kind", "served"),
    [("DECIMAL(18,6)", "numeric(18,6)"), ("VARCHAR[]", "text[]"), ("TIMESTAMP WITH TIME ZONE", "timestamptz"), ("SMALLINT", "smallint")],
)
def test_types_without_loss(kind: str, served: str) -> None:
    assert served_type(Table("mart", "t", ()), "c", kind) == served


@pytest.mark.parametrize("kind", ["HUGEINT", "STRUCT(a BIGINT)", "DECIMAL(9,2)[]", "TIME", "VARCHAR[][]"])
def test_a_type_that_is_not_known_is_refused_by_name(kind: str) -> None:
    with pytest.raises(UnknownType, match=r"mart\.t 的 c 是"):
        served_type(Table("mart", "t", ()), "c", kind)


def test_what_no_model_makes_is_described_beside_the_package() -> None:
    from linli import closing, serving

    account = serving.of_the_account()
    assert all(said.text and all(said.columns.values()) for said in account.values())
    assert list(account["restatement"].columns) == closing.restatement.COLUMNS.names
    assert not set(account) & set(descriptions(PROJECT))
    assert yaml.safe_load((PROJECT / "include/linli/serving/account.yml").read_text(encoding="utf-8")).keys() == account.keys()
