"""The newest release read by the oldest DuckDB that analysts are promised: `python benchmarks/older_client.py [--version 1.2.0]`.

Reads the published file of LINLI_HOME (after `make run`). Installs that DuckDB from the package index into an environment that is gone
afterwards, has it read every row of every table, and compares them with what the DuckDB of this environment reads. 0 when both read the
same. Needs the network, so it is no part of `make test`; that the file has that version's format is asked there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from linli.publication import OLDEST_CLIENT
from linli.settings import Settings

_READ = """
import hashlib, json, sys, duckdb
con = duckdb.connect(sys.argv[1], read_only=True)
con.execute("set TimeZone = 'Asia/Shanghai'")
found = {}
for schema, name in con.execute("select schema_name, table_name from duckdb_tables() order by all").fetchall():
    rows, total = 0, 0
    read = con.execute(f'select columns(*)::varchar from "{schema}"."{name}"')
    while some := read.fetchmany(10_000):
        rows += len(some)
        total += sum(int.from_bytes(hashlib.sha256(repr(row).encode()).digest()[:8], "big") for row in some)
    found[f"{schema}.{name}"] = [rows, total % 2**64]
print(json.dumps({"version": duckdb.__version__, "tables": found}))
"""
"""rows and their checksum, in whatever order they come, by table"""


def _read(python: str | Path, release: Path) -> tuple[str, dict[str, list[int]]]:
    done = subprocess.run([python, "-c", _READ, release], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"cannot be read: {done.stderr.strip().splitlines()[-1]}")
    said = json.loads(done.stdout)
    return said["version"], said["tables"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", default=OLDEST_CLIENT)
    version = parser.parse_args().version
    published = Settings.load().published
    if not published.exists():
        sys.exit("nothing is published yet: make run")
    release = published.resolve()
    with tempfile.TemporaryDirectory(prefix="linli-older-client-") as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        client = Path(folder) / "bin" / "python"
        subprocess.run([client, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", f"duckdb=={version}"], check=True)
        (older, theirs), (newer, ours) = _read(client, release), _read(sys.executable, release)
    other = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    rows = sum(count for count, _ in ours.values())
    print(f"{release.name}: DuckDB {older} and {newer} read {len(ours)} tables, {rows:,} rows; otherwise: {', '.join(other) or 'none'}")
    return 1 if other else 0


if __name__ == "__main__":
    raise SystemExit(main())
