"""The answer to a proposal, and what becomes of the month."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from linli import pipeline
from linli.pipeline import months
from linli.pipeline.proposals import NotProposed, ProposedCampaign
from linli.settings import Settings

OCTOBER = dt.date(2026, 10, 1)
CAMPAIGNS = [
    ProposedCampaign(number=number, district_code="340405", words=words, month_on="2026-11-01", department_code="", item_codes="",
                     compound_codes="")
    for number, words in (("1", "消防安全"), ("2", "环境卫生"))
]  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load({"LINLI_HOME": str(tmp_path)})


@pytest.fixture(autouse=True)
def closed(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What months were closed with."""
    found: list[dict[str, Any]] = []

    def close(settings: Settings, month: dt.date, **named: Any) -> SimpleNamespace:
        found.append({"month": month, **named})
        return SimpleNamespace(content_hash="hash")

    monkeypatch.setattr(months, "close_month", close)
    return found


def answered(settings: Settings, campaign: str, campaigns: Sequence[ProposedCampaign] = CAMPAIGNS) -> str:
    asked_at = "2026-11-02T09:00:00+08:00"
    return pipeline.close_as_answered(settings, OCTOBER, campaigns, approved_by="李主任", campaign=campaign, asked_at=asked_at)


def test_the_choice_is_kept_in_words(settings: Settings, closed: list[dict[str, Any]]) -> None:
    assert [answered(settings, given) for given in ("1", "２", "0", "")] == ["hash"] * 4
    assert [each["campaign"].words for each in closed] == ["消防安全", "环境卫生", "不开展", ""]
    assert {each["approved_by"] for each in closed} == {"李主任"}


def test_a_form_left_as_it_was_chooses_nothing_where_nothing_is_proposed(settings: Settings, closed: list[dict[str, Any]]) -> None:
    answered(settings, " 1", [])
    assert [each["campaign"].words for each in closed] == [""]


def test_a_month_closed_by_hand_meanwhile_stays_whatever_was_answered(settings: Settings, closed: list[dict[str, Any]]) -> None:
    with pytest.raises(NotProposed):
        answered(settings, "4")
    (settings.closed / "2026-10").mkdir(parents=True)
    assert "2026-10 已经结账" in answered(settings, "4") and not closed
