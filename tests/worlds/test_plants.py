"""What is planted in calm districts and among 100,000 texts is found, and nothing else is credited. More seeds: `tests.worlds.plants`."""

from __future__ import annotations

from pathlib import Path

import pytest

from worlds.plants import Found, built, district, of_marts, of_texts


@pytest.mark.parametrize("seed", [1])
def test_one_problem_in_five_compounds_among_many_texts(seed: int) -> None:
    found = of_texts(seed, 100_000)
    assert (found.planted, found.found, found.credited) == (2, 2, 0), found


def test_hot_spots_campaigns_and_made_up_times(tmp_path: Path) -> None:
    districts = [district(seed) for seed in (1, 2, 3)]
    answers = list(of_marts(built(tmp_path, districts), districts))
    assert all(each.is_right for each in answers), answers
    assert [each.planted for each in answers] == [6, 3, 3, 3] and all(each.could_be > 0 for each in answers)


def test_what_is_not_found_or_credited_without_cause_is_seen() -> None:
    for could_be, chance, allowed in ((10, 0.05, 4), (801, 5e-6, 1), (100_000, 1e-6, 2), (1_000_000, 1e-6, 5)):
        assert Found("", 2, 2, allowed, could_be, chance).is_right and not Found("", 2, 2, allowed + 1, could_be, chance).is_right
        assert not Found("", 2, 1, 0, could_be, chance).is_right
