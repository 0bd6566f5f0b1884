"""Every column of every mart has a Chinese name, and every name a column."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from declared import declared
from linli import figures


@pytest.fixture(scope="module")
def columns() -> dict[str, set[str]]:
    """The documented columns of each mart."""
    marts = declared("models/marts").items()
    return {name: {column["name"] for column in model["columns"]} for name, model in marts if name.startswith("mart_")}


def test_every_column_has_a_name(columns: dict[str, set[str]]) -> None:
    unnamed = [(mart, column) for mart, of_mart in columns.items() for column in of_mart if figures.figure_name(mart, column) == column]
    assert len(columns) > 20 and unnamed == []


def test_every_name_has_a_column(columns: dict[str, set[str]]) -> None:
    names = yaml.load(Path(figures.__file__).with_name("names.yml").read_bytes(), yaml.CSafeLoader)
    places = {**columns, "every": set().union(*columns.values())}
    assert [(place, column) for place, of_place in names.items() for column in of_place if column not in places[place]] == []
    # what a mart calls as all do is said once
    assert [column for place, of_place in names.items() if place != "every" for column in of_place.items() & names["every"].items()] == []


def test_two_columns_of_a_mart_do_not_share_a_name(columns: dict[str, set[str]]) -> None:
    for mart, of_mart in columns.items():
        assert len({figures.figure_name(mart, column) for column in of_mart}) == len(of_mart), mart


@pytest.mark.parametrize(
    ("mart", "column", "name"),
    [
        ("mart_clock_257", "open_count", "未到期数"),
        ("mart_matter", "open_count", "月末未解决数"),
        ("mart_monthly_review", "complaint_count_last_year", "投诉件数（去年同月）"),
        ("mart_monthly_review", "satisfaction_rate_previous_month", "双回访满意率（上月）"),
        ("mart_score", "department_high_high", "部门高分率上限"),
        ("mart_two_callback_satisfaction", "satisfaction_low", "双回访满意率下限"),
        ("mart_monthly_review", "is_small_sample_of_coverage", "双回访覆盖率样本少"),
        ("mart_of_tomorrow", "number_of_things", "number_of_things"),
    ],
)
def test_names(mart: str, column: str, name: str) -> None:
    assert figures.figure_name(mart, column) == name


def test_a_grain_is_told_by_its_names() -> None:
    assert (
        figures.grain_named("mart_return_completeness", "community_code=340405-C02 sheet=meetings") == "社区编码=340405-C02 台账表=会议"
    )
    assert figures.grain_named("mart_clock_257", "step=accept") == "环节=2日核实"
    # a deployment's own code stays
    assert figures.grain_named("mart_frequent_problem", "item_code=2-02") == "执法事项=2-02"
    assert figures.grain_named("mart_clock_257", "") == ""


@pytest.mark.parametrize(
    ("mart", "column", "value", "read"),
    [
        ("mart_clock_257", "on_time_rate", "0.8", "80.0%"),
        ("mart_clock_257", "on_time_rate", "1", "100.0%"),
        ("mart_clock_257", "due_count", "12", "12"),
        ("mart_clock_257", "is_small_sample", "true", "是"),
        ("mart_two_callback_satisfaction", "cohen_kappa", "-0.123456789012", "-0.1235"),
        ("mart_campaign_effect", "treated_before_rate", "1.25", "1.25"),
        ("mart_campaign_effect", "treated_before_rate", "12345.25", "12345"),
        ("mart_campaign_effect", "treated_before_rate", "1e-05", "0.00001"),
        ("mart_two_callback_satisfaction", "cohen_kappa", "0.0", "0"),
        ("mart_backlog", "state_on", "2026-09-30", "2026-09-30"),
    ],
)
def test_a_figure_is_printed_as_it_is_read(mart: str, column: str, value: str, read: str) -> None:
    assert figures.figure_printed(mart, column, value) == read


@pytest.mark.parametrize(
    ("column", "old", "new", "read"),
    [
        ("on_time_rate", str(round(1604 / 2005, 12)), str(round(1605 / 2006, 12)), ("80.00%", "80.01%")),
        ("on_time_rate", "0.8", "0.805555555556", ("80.0%", "80.6%")),
        ("median_workdays", "12345.25", "12345.35", ("12345.2", "12345.4")),
        ("median_workdays", "1.00000000001", "1.00000000002", ("1.00000000001", "1.00000000002")),
        ("is_small_sample", "true", "false", ("是", "否")),
    ],
)
def test_two_values_of_a_figure_do_not_read_alike(column: str, old: str, new: str, read: tuple[str, str]) -> None:
    assert figures.change_printed("mart_clock_257", column, old, new) == read


def test_every_mart_has_a_name_in_both_languages(columns: dict[str, set[str]]) -> None:
    assert [mart for mart in columns for language in ("zh", "en") if figures.mart_name(mart, language) == mart] == []
    names = yaml.load(Path(figures.__file__).with_name("marts.yml").read_bytes(), yaml.CSafeLoader)
    assert set(names) == set(columns)


def test_codes_that_have_names_stand_in_some_grain(columns: dict[str, set[str]]) -> None:
    values = yaml.load(Path(figures.__file__).with_name("values.yml").read_bytes(), yaml.CSafeLoader)
    assert set(values) <= set().union(*columns.values())
