"""What the tests of a build came to, from the nodes that dbt tells of."""

from __future__ import annotations

import pytest

from linli.register import Answer
from linli.warehouse.dbt import NodeResult
from linli.warehouse.tested import answers_of

MODEL = NodeResult("mart_a", "model", "success", 0.1)
HOOK = NodeResult("linli-on-run-end-0", "operation", "success", 0.1)
ALONE = NodeResult("points_add_up", "test", "pass", 0.1)


@pytest.mark.parametrize(
    ("results", "asked", "answers"),
    [
        ([MODEL, ALONE, HOOK], {"grain_a": 0, "sound_a": 0}, [Answer("tests", "passed", "问了 3 项，0 项不通过")]),
        # a test of several models fails, those after it are skipped; one that cannot be asked is not passed
        (
            [
                MODEL,
                ALONE,
                NodeResult("scores_follow", "test", "fail", 0.1, "", 2),
                NodeResult("volume_counted", "test", "error", 0.1),
                NodeResult("mart_b", "model", "skipped", 0.0),
                NodeResult("levels_add_up", "test", "skipped", 0.0),
                NodeResult("linli-on-run-end-0", "operation", "error", 0.1, "checks failed: sound_a"),
            ],
            {"grain_a": 0, "sound_a": 5},
            [
                Answer("tests", "broken", "问了 5 项，3 项不通过"),
                Answer("scores_follow", "broken", "2 行不符"),
                Answer("sound_a", "broken", "5 行不符"),
                Answer("volume_counted", "broken", "没有跑成"),
            ],
        ),
        # a model fails: what is behind it was not asked
        (
            [NodeResult("mart_a", "model", "error", 0.1), ALONE, HOOK],
            {},
            [Answer("tests", "broken", "问了 1 项，0 项不通过；建模没有完成"), Answer("mart_a", "broken", "没有建成")],
        ),
        ([], {}, [Answer("tests", "broken", "问了 0 项，0 项不通过；建模没有完成")]),
    ],
)
def test_one_answer_for_all_and_one_for_each_that_is_broken(
    results: list[NodeResult], asked: dict[str, int], answers: list[Answer]
) -> None:
    assert answers_of(results, asked) == answers
