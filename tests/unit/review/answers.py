"""The answers of an invented district in October 2026, as the marts would give them, to be changed by each test."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from linli.review.blocks import Page
from linli.review.page import page
from linli.review.questions import PROGRAMME, QUESTIONS, Answer, Unit
from linli.review.words import Language, Words

OCTOBER, SEPTEMBER = dt.date(2026, 10, 1), dt.date(2026, 9, 1)
AS_OF = dt.datetime(2026, 11, 12, tzinfo=dt.timezone(dt.timedelta(hours=8)))
DISTRICT = Unit("340405", "district", "340405", "八公山区")
Rows = dict[str, list[dict[str, Any]]]


def clock(month: dt.date, step: str, on_time: int, judged: int, overdue: int = 0) -> dict[str, Any]:
    rate = on_time / judged if judged else None
    return {
        "month": month, "step": step, "due_count": judged, "on_time_count": on_time, "late_count": judged - on_time - overdue,
        "overdue_count": overdue, "open_count": 0, "judged_count": judged, "on_time_rate": rate, "on_time_low": rate and rate * 0.9,
        "on_time_high": rate and min(1.0, rate * 1.05), "is_small_sample": judged < 10, "closed_only_rate": rate,
    }  # fmt: skip


def sides(organisation: tuple[int, int], resident: tuple[int, int]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for side, (satisfied, reached) in {"organisation": organisation, "resident": resident}.items():
        rate = satisfied / reached if reached else None
        found |= {
            f"{side}_reached_count": reached, f"{side}_satisfied_count": satisfied, f"{side}_satisfied_rate": rate,
            f"{side}_satisfied_low": rate and rate * 0.8, f"{side}_satisfied_high": rate and min(1.0, rate * 1.1),
            f"is_small_sample_of_{side}": reached < 10,
        }  # fmt: skip
    return found


def satisfaction(month: dt.date, satisfied: int, called: int, matured: int, late: int = 0) -> dict[str, Any]:
    rate = satisfied / called if called else None
    return {
        "month": month, "matured_count": matured, "pending_count": 1, "both_reached_count": called + late,
        "double_called_count": called, "double_satisfied_count": satisfied,
        "coverage_rate": called / matured if matured else None, "satisfaction_rate": rate, "satisfaction_low": rate and rate * 0.8,
        "satisfaction_high": rate and min(1.0, rate * 1.1), "strict_satisfaction_rate": rate, "is_small_sample": called < 10,
        "org_yes_resident_no_count": 2, "org_no_resident_yes_count": 3, "neither_satisfied_count": 2, "cohen_kappa": 0.364,
    }  # fmt: skip


def department(key: str, name: str, received: int, on_time: int, judged: int) -> dict[str, Any]:
    return {
        "key": key, "key_name": name, "received_count": received, "received_change": 2,
        "on_time_count": on_time, "judged_count": judged, "overdue_count": judged - on_time, "on_time_rate": on_time / judged,
        "on_time_low": 0.5, "on_time_high": 1.0, "is_small_sample": judged < 10, **sides((8, 10), (7, 10)),
    }  # fmt: skip


def rows() -> Rows:
    """The rows of every answer."""
    volume = {"case_count": 52, "complaint_count": 20, "before_complaint_count": 25, "handled_count": 50, "on_scene_count": 9}
    programme: dict[str, Any] = {"month": OCTOBER, "is_complete": True}
    programme |= {name: 10 + n for n, name in enumerate(PROGRAMME)} | {f"{name}_previous_month": 9 + n for n, name in enumerate(PROGRAMME)}
    programme |= {
        "compliance_rate": 0.5, "compound_count": 2, "compliant_compound_count": 1,
    }  # fmt: skip
    return {
        "release": [
            {
                "content_hash": "9f3a00112233c41e", "code_version": "0.1.0", "as_of": AS_OF, "behind_count": 0, "behind_at": None,
                "restatement_no": 0,
            }
        ],
        "closed": [],
        "volume": [
            {"month": SEPTEMBER, "received_count": 50, **volume},
            {"month": OCTOBER, "received_count": 1284, **volume},
        ],
        "clock": [
            clock(month, step, on_time, judged)
            for month, on_time, judged in ((SEPTEMBER, 46, 50), (OCTOBER, 54, 56))
            for step in ("accept", "resolve", "follow_up")
        ],
        "follow_up": [{"month": OCTOBER, "on_time_rate": 0.96}],
        "satisfaction": [satisfaction(OCTOBER, 28, 35, 46)],
        "agreement": [
            {
                "month": OCTOBER, "agreement_rate": 0.86, "agreement_low": 0.7, "agreement_high": 0.94, **sides((30, 35), (31, 37)),
                "worst_rate": 0.6, "best_rate": 0.9, "silence_as_satisfied_rate": 0.95,
            }
        ],
        "backlog": [
            {"month": OCTOBER, "age_name": "2个工作日以内", "from_workdays": 0, "open_count": 10, "suspended_count": 2},
            {"month": OCTOBER, "age_name": "8至15个工作日", "from_workdays": 8, "open_count": 3, "suspended_count": 1},
            {"month": OCTOBER, "age_name": "15个工作日以上", "from_workdays": 16, "open_count": 1, "suspended_count": 0},
        ],
        "blame": [
            {
                "month": OCTOBER, "judged_count": 55, "kept_count": 38, "broken_count": 17, "broken_accept_count": 3,
                "broken_resolve_count": 1, "broken_follow_up_count": 13, "broken_rate": 0.3, "broken_low": 0.2, "broken_high": 0.4,
                "is_small_sample": False,
            }
        ],
        "departments": [
            department("urban_management", "城管", 30, 30, 30), department("housing", "住建", 12, 10, 12),
            department("fire", "消防", 5, 1, 5),
        ],
        "compounds": [
            {
                "compound_code": f"340405-C0{n}-X01", "compound_name": name, "received_count": 20 - n, "on_time_count": 9,
                "judged_count": judged, "on_time_rate": 9 / judged, "is_small_sample": judged < 10, "double_satisfied_count": 5,
                "double_called_count": 10, "satisfaction_rate": 0.5, "is_small_sample_of_satisfaction": False,
                "fulfilled_patrol_count": n, "required_patrol_count": 2,
            }
            for n, name, judged in ((1, "春晖花苑", 9), (2, "和畅佳园", 12))
        ],
        "problems": [
            {
                "item_code": f"4-0{n}", "item_name": name, "category_code": "4", "case_count": cases, "share_rate": cases / 52,
                "cumulative_rate": total / 52, "item_rank": n, "is_vital": True, "watched_count": 6, "recurrence_count": 2,
                "recurrence_rate": 1 / 3, "is_small_sample": True,
            }
            for n, name, cases, total in ((1, "占用消防通道", 12, 12), (2, "飞线充电", 7, 19))
        ],
        "own_problems": [],
        "problems_by_compound": [{"compound_code": "340405-C01-X01", "item_code": "4-01", "case_count": 8}],
        "programme": [programme],
        "year": [
            {
                "complaint_count_year_to_date": 196, "complaint_count_year_to_date_last_year": 245,
                "complaint_change_year_to_date_rate": -0.2,
            }
        ],
        "duty": [],
        "proposals": [
            {
                "proposal_rank": 1, "category_name": "消防安全", "case_count": 21, "score": 70, "compound_count": 2,
                "compound_case_count": 11, "item_names": ["占用消防通道", "飞线充电"], "compound_names": ["春晖花苑", "和畅佳园"],
                "duty_department_name": "消防",
            }
        ],
        "effect": [
            {
                "campaign_month": SEPTEMBER, "department_code": "fire", "department_name": "消防", "treated_before_rate": 1.0,
                "treated_after_rate": 0.8, "control_before_rate": 1.0, "control_after_rate": 1.0, "rate_ratio": 0.8, "ratio_low": 0.5,
                "ratio_high": 1.25, "verdict": "no_measurable_effect",
            }
        ],
        "clusters": [
            {
                "cluster_id": "c1", "item_name": "噪声扰民", "lead_compound_name": "和畅佳园", "compound_count": 4, "case_count": 6,
                "open_count": 2,
            }
        ],
        "disagreements": [
            {
                "case_no": "340405-2026-000430", "round_no": 1, "compound_name": "春晖花苑", "item_name": "占用消防通道",
                "department_name": "消防", "resolved_at": AS_OF,
            }
        ],
        "restatements": [],
        "returned": [{"source": "points_ledger", "record": "ledger_entries", "opened_count": 57, "closed_count": 3}],
        **{question.name: [] for question in QUESTIONS if question.is_of_today},
    }  # fmt: skip


def restated(mart: str, metric: str, old: str | None, new: str, number: int = 1, month: dt.date = OCTOBER) -> dict[str, Any]:
    return {
        "month": month, "restatement_no": number, "mart": mart, "grain": "", "metric": metric, "old_value": old, "new_value": new,
        "cause": "late_record", "record_count": 1, "records": ["fct_case_round 340405-2026-1/1"],
    }  # fmt: skip


def closed() -> dict[str, Any]:
    return {"month": OCTOBER, "closed_at": AS_OF, "approved_by": "李主任", "content_hash": "x", "campaign": "消防", "is_of_district": True}


def answered(found: Mapping[str, list[dict[str, Any]]]) -> dict[str, Answer]:
    """Answers with these rows, to questions that need not be asked."""
    return {
        question.name: Answer(
            question.name, "select 1", list(next(iter(found[question.name]), {})), found[question.name], question.closed_marts is not None
        )
        for question in QUESTIONS
    }


def written(found: Rows | None = None, unit: Unit = DISTRICT, language: Language = "zh") -> Page:
    """The page with these rows."""
    return page(unit, OCTOBER, answered(found or rows()), Words(language), small_sample_n=10, satisfied_min_score=4)
