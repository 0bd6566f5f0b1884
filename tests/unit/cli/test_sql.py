"""`linli sql`: the answers of a release, whose texts are no orders."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from linli.cli import app
from payloads import PAYLOADS, live_in_csv
from unit.cli.environment import ADDRESS, shows, steers
from unit.databases import written


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a home with a published file of two schemas."""
    home = tmp_path_factory.mktemp("published")
    (home / "warehouse").mkdir()
    with written(home / "warehouse" / "linli.duckdb") as con:
        con.execute("create schema mart; create table mart.mart_note as select 7 as n; create table main.published_at as select 1 as run")
        con.execute("create table mart.mart_text (n bigint, said varchar)")
        con.executemany("insert into mart.mart_text values (?, ?)", [[-n, text] for n, text in enumerate(PAYLOADS)])
    return {"LINLI_HOME": str(home), **ADDRESS}


@pytest.mark.parametrize(
    ("query", "exit_code", "said"),
    [
        ("select n * 6 as answer from mart_note", 0, "42"),
        ("select n * 6 as answer from mart.mart_note", 0, "42"),
        ("show tables", 0, "mart_note"),
        ("select 1; select 2", 1, "一次只执行一条 SQL"),
        (" -- nothing", 1, "没有给出 SQL"),
        ("select * from nowhere", 1, "sql \"show tables\""),
        ("copy mart_note to '/tmp/nowhere.csv'", 1, "查询出错"),
    ],
)
def test_queries(published: dict[str, str], query: str, exit_code: int, said: str) -> None:
    done = CliRunner().invoke(app, ["sql", query], env=published)
    assert (done.exit_code, said in done.output) == (exit_code, True), done.output


def test_no_text_of_a_row_is_an_order(published: dict[str, str]) -> None:
    """A formula to a spreadsheet, markup to what prints the table, a sequence that steers the terminal."""
    query = "select n, said, said as \"=said[/x]\" from mart_text order by n desc"
    as_csv = CliRunner().invoke(app, ["sql", "--csv", query], env=published)
    assert (as_csv.exit_code, live_in_csv(as_csv.stdout)) == (0, [])
    as_table = CliRunner().invoke(app, ["sql", "--limit", "500", query], env=published)
    assert as_table.exit_code == 0, as_table.output
    assert steers(as_table.output) == [] and "=said[/x]" in as_table.output
    assert [text for text in PAYLOADS if not shows(as_table.output, text)] == []
