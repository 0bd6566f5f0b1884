"""How long the DAG files take to parse, warm: each is parsed a few times in one process and the median is printed.

    python benchmarks/dag_parse.py [--times 5]
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

LIMIT_SECONDS = 0.5
PROJECT = Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5)
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"AIRFLOW_HOME": home, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
        logging.disable(logging.WARNING)
        from airflow.dag_processing.dagbag import DagBag

        sys.path.insert(0, str(PROJECT / "dags"))
        slowest = 0.0
        ignored = (PROJECT / "dags" / ".airflowignore").read_text(encoding="utf-8").split()
        for path in sorted((PROJECT / "dags").glob("*.py")):
            if path.name in ignored:
                continue
            took = []
            for _ in range(times + 1):
                began = time.perf_counter()
                bag = DagBag(str(path))
                took.append(time.perf_counter() - began)
                if bag.import_errors or not bag.dags:
                    print(f"{path.name}: cannot be parsed")
                    return 1
            warm = statistics.median(took[1:])
            slowest = max(slowest, warm)
            print(f"{path.name}: {warm:.3f} s warm ({took[0]:.3f} s cold), limit {LIMIT_SECONDS} s")
    return 0 if slowest < LIMIT_SECONDS else 1


if __name__ == "__main__":
    raise SystemExit(main())
