"""Waivers: tolerated up to a ceiling and a day, never let in, told of again when there are more."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from typer.testing import CliRunner

from linli import pipeline
from linli.cli import app, terminal
from linli.pipeline.declared import NotDeclared
from linli.pipeline.waivers import LONGEST, NotToBeWaived
from linli.register import Batch, Decision, QuarantineEntry, Register, RegisterError, Verdict, Waiver, now
from linli.settings import Settings, as_of

ON, UNTIL = dt.date(2026, 11, 3), dt.date(2026, 12, 31)
MEETINGS, TYPE = "meeting_returns.meetings", "meeting_type_listed"


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the terminal is in which the first test looked at it."""
    monkeypatch.setattr(terminal.console, "width", 200)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "clock").write_text("2026-11-02")
    return Settings.load({"LINLI_HOME": str(tmp_path / "home"), "LINLI_CLOCK": str(tmp_path / "clock")})


def open_entries(settings: Settings, *entries: tuple[str, str, tuple[str, ...]]) -> None:
    """Meetings (key, submitter, rules) in quarantine."""
    with Register(settings.register_path) as register:
        run = register.begin_run(ON - dt.timedelta(days=1), as_of(ON - dt.timedelta(days=1)))
        batch = Batch("b1", "meeting_returns", "meetings", "file", "lake/b1", len(entries), None, run.as_of, run.as_of, run.run_id)
        register.add_batches([batch])
        verdict = Verdict("b1", 1, None, len(entries), 0, len(entries), 0, 0, False, run.run_id, now())
        bad = [
            QuarantineEntry("meeting_returns", "meetings", key, rules, submitter, "b1", n, None, now())
            for n, (key, submitter, rules) in enumerate(entries)
        ]
        register.add_decisions([Decision(verdict, quarantined=bad)], [], run)


def waive(settings: Settings, rule: str = TYPE, **other: object) -> Waiver:
    given = {"submitter": None, "ceiling": 2, "reason": "名录待更新", "owner": "区数据组", "until": UNTIL, "on": ON} | other
    return pipeline.waive(settings, MEETINGS, rule, **given)  # type: ignore[arg-type]


def waived(settings: Settings, on: dt.date = ON) -> list[str]:
    return sorted(key for _, _, key in pipeline.waived_entries(settings, on))


def test_an_entry_is_tolerated_when_all_its_rules_are(settings: Settings) -> None:
    both = (TYPE, "met_on_in_month")
    open_entries(settings, ("a", "C01", (TYPE,)), ("b", "C02", both), ("c", "C03", ("started_time_format", "met_on_in_month")))
    waive(settings)
    assert waived(settings) == ["a"]
    waive(settings, "met_on_in_month", submitter="C02")
    assert waived(settings) == ["a", "b"]
    waive(settings, "met_on_in_month")
    # a rule that only tells something needs no waiver
    assert waived(settings) == ["a", "b", "c"]


def test_above_its_ceiling_a_waiver_tolerates_nothing(settings: Settings) -> None:
    open_entries(settings, *((key, "C01", (TYPE,)) for key in "abc"))
    waive(settings)
    [standing] = pipeline.waivers(settings, ON)
    assert (standing.is_in_force, standing.open_entries, standing.is_effective) == (True, 3, False)
    assert waived(settings) == []


def test_it_ends_by_itself_or_by_hand_and_is_kept(settings: Settings) -> None:
    open_entries(settings, ("a", "C01", (TYPE,)))
    made = waive(settings)
    days = (ON - dt.timedelta(days=1), ON, UNTIL, UNTIL + dt.timedelta(days=1))
    assert [waived(settings, on) for on in days] == [[], ["a"], ["a"], []]
    with pytest.raises(RegisterError, match=f"已有暂准 {made.waiver_id}（到 2026-12-31）"):
        waive(settings)
    pipeline.unwaive(settings, made.waiver_id, dt.date(2026, 11, 10))
    assert [waived(settings, dt.date(2026, 11, day)) for day in (9, 10)] == [["a"], []]
    with pytest.raises(RegisterError, match="已于 2026-11-10 结束"):
        pipeline.unwaive(settings, made.waiver_id, dt.date(2026, 11, 11))
    with pytest.raises(RegisterError, match="没有编号为 99 的暂准"):
        pipeline.unwaive(settings, 99, ON)
    again = waive(settings, on=dt.date(2026, 11, 10))
    assert [standing.waiver.waiver_id for standing in pipeline.waivers(settings, ON)] == [made.waiver_id, again.waiver_id]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"rule": "meeting_no_present"}, "是关键规则，不能暂准"),
        ({"rule": "started_time_format"}, "没有名为 started_time_format 的退回规则，可以暂准的是 key_repeated、"),
        ({"rule": "batch_stopped"}, "没有名为 batch_stopped 的退回规则"),
        ({"until": ON - dt.timedelta(days=1)}, "最长 180 天"),
        ({"until": ON + LONGEST + dt.timedelta(days=1)}, "最长 180 天"),
        ({"owner": " "}, "--owner 不能空着"),
        ({"owner": "数据组 13812345678"}, "--owner 里有电话或证件号"),
        ({"reason": "问 13812345678"}, "--reason 里有电话或证件号"),
    ],
)
def test_what_cannot_be_waived(settings: Settings, given: dict[str, object], said: str) -> None:
    open_entries(settings, ("a", "C01", (TYPE,)))
    with pytest.raises(NotToBeWaived) as refused:
        waive(settings, **given)  # type: ignore[arg-type]
    assert said in str(refused.value) and "13812345678" not in str(refused.value)
    assert pipeline.waivers(settings, ON) == []


def test_a_record_must_be_named_in_full(settings: Settings) -> None:
    given = {"submitter": None, "ceiling": 2, "reason": "名录待更新", "owner": "区数据组", "until": UNTIL, "on": ON}
    with pytest.raises(NotDeclared, match="没有声明过名为 meetings 的记录，应写作"):
        pipeline.waive(settings, "meetings", TYPE, **given)  # type: ignore[arg-type]
    with pytest.raises(NotDeclared, match="没有声明过名为 meetings 的记录，应写作"):
        pipeline.quarantined_row(settings, "meetings", "a")


def test_the_command_line_marks_and_counts_them_apart(settings: Settings) -> None:
    rules = {"340405-C01": TYPE, "340405-C02": "met_on_present"}
    open_entries(settings, *((f"{community}|2026-10-01|HY1", community, (rule,)) for community, rule in rules.items()))
    home = str(settings.home)
    env = {"LINLI_HOME": home, "LINLI_CLOCK": str(settings.clock), "LINLI_MEETING_INBOX": home}

    def said(*arguments: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, ["quarantine", *arguments], env=env)
        assert done.exit_code == code, done.output
        return done.output

    given = ("--rule", TYPE, "--ceiling", "5", "--reason", "名录待更新", "--owner", "区数据组", "--until", "2026-12-31")
    assert "✓ 暂准 1：meeting_returns.meetings 的 meeting_type_listed，最多 5 条，到 2026-12-31 为止" in said("waive", MEETINGS, *given)
    listed = said("list")
    assert "退回 2 条，其中暂准 1 条" in listed and "暂准" in listed and "待改" in listed
    assert "退回 1 条" in (mine := said("list", "--submitter", "340405-C02")) and "暂准" not in mine
    shown = said("waivers")
    assert "1/5" in shown and "有效" in shown and "区数据组" in shown
    assert "暂准 1 已结束" in said("unwaive", "1")
    assert "已于 2026-11-03 结束" in said("waivers")
    assert "已于 2026-11-03 结束" in CliRunner().invoke(app, ["quarantine", "unwaive", "1"], env=env).output
