"""What is told of quarantined rows: reasons counted and no value, again when it has changed, and when all are settled."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import pytest

from linli.pipeline import alerts
from linli.pipeline.declared import NotDeclared
from linli.pipeline.deployment import catalog
from linli.pipeline.places import NoSuchSubmitter
from linli.pipeline.waivers import today, unwaive, waive
from linli.settings import as_of
from scenarios.alerts.deployment import COMPOUND, DAY, NIGHT, STATION, Deployment, titles


def test_one_message_for_a_source_and_submitter_reasons_counted_no_value(home: Deployment) -> None:
    home.published()
    home.returned("case_system.callbacks", {"1": ["outcome_listed"], "2": ["outcome_listed", "side_listed"]})
    home.returned("case_system.cases", {"340405-2026-1": ["status_listed"]})
    home.returned("patrol_app.patrols", {"p": ["batch_stopped"]}, COMPOUND)
    home.returned("patrol_app.snaps", {"s": ["taken_at_not_future"]}, None)
    texts = home.send()
    assert titles(texts) == [
        "【警告】案件系统·春晖花苑综合执法工作站：退回 3 条待改",
        "【警告】巡查应用·提交方不明：退回 1 条待改",
        "【警告】巡查应用·春晖花苑：退回 1 条待改",
    ]
    assert texts[0].splitlines()[1:5] == [
        "  退回待改：3 条",
        "  回访：回访结果不在规定选项内。请从以下选项中选择：接通、无人接听、拒访、空号错号：2 条",
        "  回访：回访对象不在规定选项内。请从以下选项中选择：组织、居民：1 条",
        "  案件：案件状态不在规定选项内。请从以下选项中选择：待受理、处置中、已挂起、已办结、已回访、已作废、已撤诉、重复件：1 条",
    ]
    assert "整批多数记录不合格，已整批停在关口" in texts[2]
    assert not any("340405-2026-1" in text or "{" in text for text in texts)


def test_a_submitter_that_is_no_code_is_not_repeated(home: Deployment, tmp_path: Path) -> None:
    (tmp_path / "drop").mkdir()
    route = f"channels: {{drop: {{kind: folder, path: {tmp_path / 'drop'}, has_data: true}}}}"
    (home.settings.home / "alerts.yml").write_text(route, encoding="utf-8")
    home.published()
    odd = ("张小三;rm -rf x", "13812345678", "340405-S01; x", "")
    for n, submitter in enumerate(odd):
        home.returned("case_system.callbacks", {f"{n}": ["outcome_listed"]}, submitter)
    home.returned("case_system.callbacks", {"known by its form": ["outcome_listed"]}, "340405-S99")

    def written() -> list[str]:
        return [path.read_text(encoding="utf-8") for path in sorted((tmp_path / "drop").iterdir())]

    home.clock.at = dt.datetime.now(dt.UTC)
    home.send()
    texts = [text for text in written() if text.startswith("【")]
    assert sorted(titles(texts)) == ["【警告】案件系统·340405-S99：退回 1 条待改", "【警告】案件系统·提交方不明：退回 4 条待改"]
    assert any("  回访：回访结果不在规定选项内。请从以下选项中选择：接通、无人接听、拒访、空号错号：4 条" in text for text in texts)
    home.register.close_entries([("case_system", "callbacks", f"{n}", "accepted") for n in range(len(odd))], dt.datetime.now(dt.UTC))
    home.night()
    home.send()
    assert any("案件系统·提交方不明：此前退回的 4 条已了结，没有待改的" in text for text in written())
    assert not any(name in text for name in ("张小三", "rm -rf", "13812345678", "S01; x") for text in written())


def test_a_command_names_a_place_of_any_spelling_safely(home: Deployment) -> None:
    home.published()
    with duckdb.connect(home.settings.published) as con:
        con.execute("insert into ref.dim_level_key values ('station', '340405', 'S 01;x', '新工作站')")
    home.returned("case_system.callbacks", {"1": ["outcome_listed"]}, "S 01;x")
    [text] = home.send()
    assert titles([text]) == ["【警告】案件系统·新工作站：退回 1 条待改"]
    assert "linli slips --source case_system --submitter 'S 01;x'" in text


def test_every_rule_of_every_record_has_words_without_values(home: Deployment) -> None:
    from linli.pipeline.quarantined import rule_words

    for record in catalog(home.settings).records:
        for check in record.checks:
            words = rule_words(record, check.rule)
            assert words.message and words.fix
            assert not set("{}") & set(words.message + words.fix)
            assert "“”" not in words.message and "（）" not in words.message, words.message


def test_told_again_when_more_fewer_or_other_rows_are_bad_and_how_many_there_were(home: Deployment) -> None:
    home.published()
    home.returned("case_system.callbacks", {"1": ["outcome_listed"], "2": ["side_listed"]})
    assert len(home.send()) == 1 and home.send() == []
    home.returned("case_system.callbacks", {"3": ["side_listed"]})
    [text] = home.send()
    assert text.splitlines()[:3] == ["【警告】案件系统·春晖花苑综合执法工作站：退回 3 条待改", "  退回待改：3 条", "  上次告知时：2 条"]
    home.returned("case_system.callbacks", {"3": ["outcome_listed"]})
    assert len(home.send()) == 1
    home.returned("case_system.callbacks", {}, closed=["1"])
    assert titles(home.send()) == ["【警告】案件系统·春晖花苑综合执法工作站：退回 2 条待改"]


def test_when_all_are_mended_it_says_how_many_why_and_of_which_months(home: Deployment) -> None:
    home.published()
    home.returned("case_system.callbacks", {"1": ["outcome_listed"], "2": ["side_listed"], "3": ["side_listed"]})
    # entries close by the wall clock, which the register keeps for itself
    home.clock.at = dt.datetime.now(dt.UTC)
    assert len(home.send()) == 1
    home.clock.at = dt.datetime.now(dt.UTC)
    home.returned("case_system.callbacks", {}, closed=["1", "2"])
    assert len(home.send()) == 1
    home.register.close_entries([("case_system", "callbacks", "3", "deleted")], dt.datetime.now(dt.UTC))
    home.night()
    [text] = home.send()
    assert text.splitlines()[:4] == [
        "【提示】案件系统·春晖花苑综合执法工作站：此前退回的 3 条已了结，没有待改的",
        "  已改好入库：2 条",
        "  来源已删除：1 条",
        "  涉及月份：2026-10、2026-09；这些月份的数字已随之更新，已结账的月列为重述",
    ]
    assert home.send() == []


def test_a_night_that_published_nothing_has_changed_no_figure(home: Deployment) -> None:
    home.night()
    home.published()
    home.returned("case_system.callbacks", {"1": ["outcome_listed"]})
    home.clock.at = dt.datetime.now(dt.UTC)
    assert len(home.send()) == 1
    home.register.close_entries([("case_system", "callbacks", "1", "accepted")], dt.datetime.now(dt.UTC))
    home.night(DAY + dt.timedelta(days=1), "failed")
    assert titles(home.send()) == ["【严重】2026-11-14 夜间载入失败，没有发布新数据"]
    home.night(DAY + dt.timedelta(days=1))
    assert sorted(titles(home.send())) == [
        "【提示】夜间载入已恢复：2026-11-14 完整",
        "【提示】案件系统·春晖花苑综合执法工作站：此前退回的 1 条已了结，没有待改的",
    ]
    assert home.send() == []


def test_while_rows_are_waived_or_wait_nobody_is_told_that_all_are_settled(home: Deployment) -> None:
    home.published()
    home.returned("case_system.callbacks", {"1": ["outcome_listed"], "2": ["side_listed"], "3": ["side_listed"]})
    home.clock.at = dt.datetime.now(dt.UTC)
    assert len(home.send()) == 1
    home.clock.at = dt.datetime.now(dt.UTC)
    on = today(home.settings)
    given = {"submitter": None, "ceiling": 5, "reason": "名录待更新", "owner": "区数据组", "until": on + dt.timedelta(days=9), "on": on}
    made = [waive(home.settings, "case_system.callbacks", rule, **given) for rule in ("outcome_listed", "side_listed")]  # type: ignore[arg-type]
    home.register.close_entries([("case_system", "callbacks", "1", "accepted")], dt.datetime.now(dt.UTC))
    assert home.send() == []
    unwaive(home.settings, made[1].waiver_id, on)
    home.clock.at = dt.datetime.now(dt.UTC)
    [text] = home.send()
    assert text.splitlines()[:3] == ["【警告】案件系统·春晖花苑综合执法工作站：退回 2 条待改", "  退回待改：2 条", "  上次告知时：3 条"]
    ended = [("case_system", "callbacks", key, reason) for key, reason in (("2", "deleted"), ("3", "held"))]
    home.register.close_entries(ended, dt.datetime.now(dt.UTC))
    home.night()
    [text] = home.send()
    assert titles([text]) == ["【提示】案件系统·春晖花苑综合执法工作站：此前退回的 2 条已了结，没有待改的"]
    assert "转为等待相关数据" not in text


def test_when_all_only_wait_nothing_is_told(home: Deployment) -> None:
    home.published()
    home.returned("case_system.callbacks", {"1": ["outcome_listed"]})
    home.clock.at = dt.datetime.now(dt.UTC)
    assert len(home.send()) == 1
    home.register.close_entries([("case_system", "callbacks", "1", "held")], dt.datetime.now(dt.UTC))
    assert home.send() == []


def test_in_the_midst_of_a_night_nothing_is_said_of_quarantine(home: Deployment) -> None:
    home.returned("case_system.callbacks", {"1": ["outcome_listed"]})
    running = home.register.begin_run(DAY, as_of(DAY))
    home.clock.at = dt.datetime.now(dt.UTC)
    assert home.send() == []
    home.register.end_run(running, "failed")
    assert len(home.send()) == 2


def test_a_night_killed_long_ago_does_not_keep_it_quiet(home: Deployment) -> None:
    home.returned("case_system.callbacks", {"1": ["outcome_listed"]})
    home.register.begin_run(DAY, as_of(DAY))
    home.clock.at = dt.datetime.now(dt.UTC) + dt.timedelta(hours=13)
    assert len(home.send()) == 1


def test_a_silence_of_a_submitter_holds_until_its_day(home: Deployment) -> None:
    home.published()
    given = {"kind": "", "reason": "升级", "owner": "数据组", "until_on": NIGHT.date(), "clock": home.clock}
    alerts.add_silence(home.settings, source="case_system", submitter=STATION, **given)  # type: ignore[arg-type]
    home.returned("case_system.callbacks", {"1": ["outcome_listed"]})
    home.returned("case_system.callbacks", {"2": ["outcome_listed"]}, "340405-S02")
    assert titles(home.send()) == ["【警告】案件系统·340405-S02：退回 1 条待改"]
    home.clock.pass_by(days=1)
    assert titles(home.send()) == ["【警告】案件系统·春晖花苑综合执法工作站：退回 1 条待改"]
    later = given | {"until_on": NIGHT.date() + dt.timedelta(days=2)}
    with pytest.raises(NotDeclared, match="没有声明过名为 foo 的来源，已声明的是 case_system、"):
        alerts.add_silence(home.settings, source="foo", submitter="", **later)  # type: ignore[arg-type]
    with pytest.raises(NoSuchSubmitter, match="没有编码为 X9"):
        alerts.add_silence(home.settings, source="", submitter="X9", **later)  # type: ignore[arg-type]
