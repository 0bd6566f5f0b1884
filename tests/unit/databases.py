"""DuckDB files made by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb


@contextmanager
def written(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The file, written as a database of the DuckDB that is running: to start one takes longer than all that a test writes."""
    con = duckdb.cursor()
    con.execute(f"attach '{path}' as work; use work; begin")
    try:
        yield con
        con.commit()
    except BaseException:
        con.rollback()
        raise
    finally:
        con.execute("use memory; detach work")
