"""What the tests of a build came to, as the register keeps it: one answer for all of them, one for each that is broken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from linli.register import Answer
from linli.warehouse.dbt import NodeResult

ALL_TESTS = "tests"
"""the rule that every test of the build holds"""


def answers_of(results: Sequence[NodeResult], asked: Mapping[str, int]) -> list[Answer]:
    """The answers of a build with these nodes, whose generic tests, asked together at its end, have `asked`: rows found by test.

    Without a node dbt has not got that far. What else has failed, a model for instance, has its answer beside the tests.
    """
    alone = [result for result in results if result.kind == "test" and result.status != "skipped"]
    broken = {name: _rows(found) for name, found in asked.items() if found}
    broken |= {result.name: _rows(result.found) if result.status == "fail" else "没有跑成" for result in alone if _failed(result)}
    others = [result.name for result in results if result.kind != "test" and _failed(result) and result.broken == [result.name]]
    is_whole = bool(results) and not others
    whole = f"问了 {len(alone) + len(asked)} 项，{len(broken)} 项不通过" + ("" if is_whole else "；建模没有完成")
    return [
        Answer(ALL_TESTS, "passed" if is_whole and not broken else "broken", whole),
        *(Answer(name, "broken", detail) for name, detail in sorted(broken.items())),
        *(Answer(name, "broken", "没有建成") for name in others),
    ]


def _rows(found: int) -> str:
    return f"{found} 行不符"


def _failed(result: NodeResult) -> bool:
    return result.status in ("error", "fail")
