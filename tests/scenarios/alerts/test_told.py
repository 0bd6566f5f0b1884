"""What is told of a deployment: of its nights, its quarantine, its cases; once, and again when it has changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linli.alerts import NotSilenced
from linli.pipeline import alerts
from linli.pipeline.declared import NotDeclared
from linli.pipeline.steps import catalog
from linli.pipeline.waivers import today, unwaive, waive
from linli.register import Answer, Batch, Decision, QuarantineEntry, Register, SourceStatus, Verdict
from linli.settings import SHANGHAI, Settings, as_of
from unit.alerts.doubles import StoppedClock

DAY = dt.date(2026, 11, 13)
NIGHT = dt.datetime(2026, 11, 14, 2, 30, tzinfo=SHANGHAI)
STATION, COMPOUND, COMMUNITY = "340405-S01", "340405-C01-X01", "340405-C01"


class Deployment:
    """A home with a register and a release, filled by hand, and what its outbox says."""

    def __init__(self, folder: Path) -> None:
        env = {"LINLI_HOME": str(folder), "LINLI_MEETING_INBOX": str(folder)}
        self.settings = Settings.load(env)
        self.register = Register(self.settings.register_path)
        self.clock = StoppedClock(NIGHT)
        self._batches = 0
        self._read = 0

    def night(self, day: dt.date = DAY, state: str = "succeeded", *statuses: SourceStatus, kind: str = "night") -> str:
        """A run of `day` that ended so; published unless it failed."""
        run = self.register.begin_run(day, as_of(day), kind=kind)
        for status in statuses:
            self.register.set_source_status(run, status)
        if state == "failed":
            self.register.note_answers(run, "audit", [Answer("levels_add_up", "broken", "mart_clock_257 有 2 个层级合计与全区不符")])
        elif kind == "night":
            with self.register.publishing(run):
                self.register.note_publication(run.run_id, run, "hash", dt.datetime.now(dt.UTC))
        self.register.end_run(run, state)
        return run.run_id

    def returned(self, record: str, keys: dict[str, Sequence[str]], submitter: str | None = STATION, *, closed: Sequence[str] = ()) -> None:
        """Rows of `record` are quarantined with the rules they break; keys in `closed` are accepted instead."""
        source, name = record.split(".")
        run = self.register.begin_run(DAY, as_of(DAY))
        self._batches += 1
        batch_id, path = f"b{self._batches}", Path("lake") / f"b{self._batches}.parquet"
        (self.settings.home / "lake").mkdir(exist_ok=True)
        called = [dt.datetime(2026, 9 + n % 2, 5, tzinfo=dt.UTC) for n in range(len(keys))]
        columns = {"called_at": called} if name == "callbacks" else {}
        rows = pa.table({"_batch_id": [batch_id] * len(keys), "_row_no": pa.array(range(len(keys)), pa.int32()), **columns})
        pq.write_table(rows, self.settings.home / path)
        batch = Batch(batch_id, source, name, "window", str(path), max(len(keys), 1), None, as_of(DAY), as_of(DAY), run.run_id)
        self.register.add_batches([batch])
        now = dt.datetime.now(dt.UTC)
        entries = [
            QuarantineEntry(source, name, key, tuple(rules), submitter, batch_id, n, None, now)
            for n, (key, rules) in enumerate(keys.items())
        ]
        verdict = Verdict(batch_id, 1, None, batch.rows, batch.rows - len(keys), len(keys), 0, 0, False, run.run_id, now)
        ended = [(source, name, key, "accepted") for key in closed]
        self.register.add_decisions([Decision(verdict, quarantined=entries, closed=ended)], [], run)
        self.register.end_run(run, "succeeded")

    def published(self, reach: dt.date = DAY, *, due: Sequence[dict[str, Any]] = (), vanished: Sequence[str] = (), owed: int = 0) -> None:
        """A release that reaches to the end of a day."""
        self.settings.warehouse.mkdir(exist_ok=True)
        self.settings.published.unlink(missing_ok=True)
        with duckdb.connect(self.settings.published) as con:
            con.execute("set TimeZone='Asia/Shanghai'; create schema mart; create schema ref")
            con.execute(f"create table published_at as select timestamptz '{as_of(reach).isoformat()}' as as_of")
            con.execute(
                f"""create table ref.dim_level_key as from (values ('station', '340405', '{STATION}', '春晖花苑综合执法工作站'),
                ('compound', '340405', '{COMPOUND}', '春晖花苑'), ('community', '340405', '{COMMUNITY}', '春晖社区'),
                ('district', '340405', '340405', '八公山区')) as named(level, district_code, key, key_name);
                create table ref.dim_compound as select '{COMPOUND}' as compound_code, '{STATION}' as station_code;
                create table ref.dim_district as select '340405' as district_code, '八公山区' as district_name;
                create table ref.code_lists (code_list varchar, code varchar, code_name varchar);
                create table ref.phases (phase_code varchar, phase_name varchar);
                create table ref.ledger_kinds (kind_code varchar, kind_name varchar);
                create table mart.mart_data_completeness (district_code varchar, source varchar, record varchar, category varchar,
                  key varchar, month date, is_vanished boolean, last_seen_on date, came_back_on date, missing_workdays integer);
                create table mart.mart_return_completeness (district_code varchar, community_code varchar, month date, sheet varchar,
                  is_expected boolean, state varchar);
                create table mart.mart_due_step (case_no varchar, step varchar, station_code varchar, compound_code varchar,
                  district_code varchar, due_on date, state varchar)"""
            )
            for row in due:
                given = {"step": "resolve", "station_code": STATION, "compound_code": COMPOUND, "state": "overdue"} | row
                columns = ("case_no", "step", "station_code", "compound_code", "due_on", "state")
                con.execute("insert into mart.mart_due_step values (?,?,?,?,'340405',?,?)", [given[name] for name in columns])
            for record in vanished:
                con.execute(
                    "insert into mart.mart_data_completeness values ('340405','patrol_app',?,'all','all',?,true,?,null,15)",
                    [record, reach.replace(day=1), reach - dt.timedelta(days=20)],
                )
            for n in range(owed):
                month = dt.date(2026, 10 - n, 1)
                con.execute("insert into mart.mart_return_completeness values ('340405',?,?,'meetings',true,'missing')", [COMMUNITY, month])

    def told(self) -> list[str]:
        """The texts that have come to the outbox since last asked."""
        outbox = self.settings.alerts / "outbox"
        texts = [path.read_text(encoding="utf-8") for path in sorted(outbox.glob("*.txt"), key=lambda path: path.name.split("-")[1])]
        new, self._read = texts[self._read :], len(texts)
        return new

    def send(self) -> list[str]:
        """What a sending tells anew; an hour passes."""
        alerts.send_alerts(self.settings, clock=self.clock)
        self.clock.pass_by(hours=1)
        return self.told()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Deployment]:
    deployment = Deployment(tmp_path / "home")
    yield deployment
    deployment.register.close()


def titles(texts: Sequence[str]) -> list[str]:
    return [text.splitlines()[0] for text in texts]


SILENT = "数据库没有应答，电话 13812345678"
FAILED = SourceStatus("case_system", "cases", "failed", f"case_system.cases：{SILENT}", as_of(dt.date(2026, 11, 11)), 0)
ALSO = SourceStatus("case_system", "callbacks", "failed", f"case_system.callbacks：{SILENT}", FAILED.as_of, 0)


def test_before_anything_has_run_there_is_nothing_to_tell(tmp_path: Path) -> None:
    settings = Settings.load({"LINLI_HOME": str(tmp_path / "home"), "LINLI_MEETING_INBOX": str(tmp_path)})
    sent = alerts.send_alerts(settings, clock=StoppedClock())
    assert (sent.tally.told, sent.delivered.delivered) == (0, 0) and not settings.register_path.exists()


def test_a_night_without_trouble_is_quiet(home: Deployment) -> None:
    home.night()
    assert home.send() == []


def test_a_degraded_night_says_which_source_why_and_how_far(home: Deployment) -> None:
    home.night(DAY, "degraded", FAILED, ALSO)
    [text] = home.send()
    lines = text.splitlines()
    assert lines[0] == "【警告】2026-11-13 夜间载入不全：案件系统缺数据"
    assert lines[1] == "  案件系统·案件、回访 未载入，数据截至 2026-11-12 00:00：数据库没有应答，电话 [电话]"
    assert "linli night --day 2026-11-13" in text and "数据截至 2026-11-14 00:00" in lines[-1]


def test_the_same_trouble_next_night_is_quiet_another_is_not_and_its_end_is_told(home: Deployment) -> None:
    home.night(DAY, "degraded", FAILED)
    assert len(home.send()) == 1
    home.night(DAY + dt.timedelta(days=1), "degraded", FAILED)
    assert home.send() == []
    home.night(DAY + dt.timedelta(days=2), "degraded", FAILED, ALSO)
    assert len(home.send()) == 1
    home.night(DAY + dt.timedelta(days=3))
    assert titles(home.send()) == ["【提示】夜间载入已恢复：2026-11-16 完整"]
    assert home.send() == []


def test_every_failed_night_is_told_with_what_was_broken(home: Deployment) -> None:
    home.night(DAY, "failed")
    [text] = home.send()
    assert titles([text]) == ["【严重】2026-11-13 夜间载入失败，没有发布新数据"]
    assert "检查未通过：mart_clock_257 有 2 个层级合计与全区不符（levels_add_up）" in text
    assert home.send() == []
    home.night(DAY + dt.timedelta(days=1), "failed")
    assert titles(home.send()) == ["【严重】2026-11-14 夜间载入失败，没有发布新数据"]


def test_an_older_day_run_again_makes_no_failed_night_good(home: Deployment) -> None:
    home.night(DAY, "failed")
    assert len(home.send()) == 1
    home.night(dt.date(2026, 11, 10))
    assert home.send() == []
    home.night(dt.date(2026, 11, 9), "failed")
    assert titles(home.send()) == ["【严重】2026-11-09 夜间载入失败，没有发布新数据"]
    home.night(dt.date(2026, 11, 10))
    assert titles(home.send()) == ["【严重】2026-11-13 夜间载入失败，没有发布新数据"]
    home.night(DAY)
    home.night(dt.date(2026, 11, 10))
    assert titles(home.send()) == ["【提示】夜间载入已恢复：2026-11-13 完整"]
    assert home.send() == []


def test_a_reconciliation_that_failed_is_told_apart(home: Deployment) -> None:
    home.night(DAY)
    home.night(DAY, "degraded", FAILED, kind="reconcile")
    assert titles(home.send()) == ["【警告】2026-11-13 与来源核对不全：案件系统缺数据"]


# ---- quarantine ------------------------------------------------------------------------------------------------------


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
    with pytest.raises(NotSilenced, match="没有编码为 X9"):
        alerts.add_silence(home.settings, source="", submitter="X9", **later)  # type: ignore[arg-type]


# ---- the heartbeat ---------------------------------------------------------------------------------------------------


def beat(home: Deployment, day: int, hour: int, minute: int = 0) -> list[str]:
    at = dt.datetime(2026, 11, day, hour, minute, tzinfo=SHANGHAI)
    home.clock.at = at
    alerts.heartbeat(home.settings, at=at, clock=home.clock)
    return titles(home.told())


def test_a_load_that_is_there_by_seven_is_not_spoken_of(home: Deployment) -> None:
    home.night(DAY)
    assert beat(home, 14, 7) == []


def test_one_that_is_not_is_told_once_a_day_and_when_it_has_come(home: Deployment) -> None:
    home.night(dt.date(2026, 11, 12))
    assert beat(home, 14, 6, 59) == []
    assert beat(home, 14, 7) == ["【严重】到 11-14 07:00，2026-11-13 的数据还没有载入并发布"]
    assert beat(home, 14, 8) == []
    assert beat(home, 15, 7) == ["【严重】到 11-15 07:00，2026-11-14 的数据还没有载入并发布"]
    home.night(dt.date(2026, 11, 14), "degraded", FAILED)
    assert beat(home, 15, 9) == ["【提示】2026-11-14 的数据已载入并发布"]
    home.night(dt.date(2026, 11, 1))
    assert beat(home, 15, 10) == []


def test_a_failed_or_running_night_is_no_load(home: Deployment) -> None:
    home.night(dt.date(2026, 11, 12))
    home.night(DAY, "failed")
    home.clock.at = NIGHT
    alerts.heartbeat(home.settings, at=dt.datetime(2026, 11, 14, 7, tzinfo=SHANGHAI), clock=home.clock)
    [text] = home.told()
    assert "最新发布的是 2026-11-12" in text and "最近一次运行：2026-11-13，" in text and "失败" in text


def test_where_nothing_was_ever_loaded_the_heartbeat_says_so(tmp_path: Path) -> None:
    settings = Settings.load({"LINLI_HOME": str(tmp_path / "home"), "LINLI_MEETING_INBOX": str(tmp_path)})
    alerts.heartbeat(settings, clock=StoppedClock())
    [path] = (settings.alerts / "outbox").iterdir()
    assert "还没有发布过" in path.read_text(encoding="utf-8") and not settings.register_path.exists()


def test_where_the_sources_have_a_time_of_their_own_it_counts(tmp_path: Path) -> None:
    (tmp_path / "clock").write_text("2026-10-31")
    env = {"LINLI_HOME": str(tmp_path / "home"), "LINLI_MEETING_INBOX": str(tmp_path), "LINLI_CLOCK": str(tmp_path / "clock")}
    home = Deployment(tmp_path / "home")
    home.settings = Settings.load(env)
    home.night(dt.date(2026, 10, 31))
    assert beat(home, 14, 9) == []
    home.register.close()


# ---- the published marts -----------------------------------------------------------------------------------------------


def morning(home: Deployment, hour: int = 7, day: int = 14) -> list[str]:
    at = dt.datetime(2026, 11, day, hour, tzinfo=SHANGHAI)
    home.clock.at = at
    alerts.morning(home.settings, at=at, clock=home.clock)
    return home.told()


def test_each_morning_a_station_hears_what_is_due_and_overdue_by_number(home: Deployment) -> None:
    due = [{"case_no": f"340405-2026-{n:06d}", "due_on": dt.date(2026, 11, 1 + n % 10)} for n in range(12)]
    due += [{"case_no": "A", "due_on": dt.date(2026, 11, 14), "state": "due_today", "step": "accept"}]
    due += [{"case_no": "B", "due_on": dt.date(2026, 11, 14), "state": "due_today", "station_code": "none"}]
    home.published(due=due)
    assert morning(home, hour=6) == []
    texts = morning(home)
    assert titles(texts) == [
        "【提示】春晖花苑：11-14 到期 1 项，已逾期 0 项",
        "【警告】春晖花苑综合执法工作站：11-14 到期 1 项，已逾期 12 项",
    ]
    lines = texts[1].splitlines()
    assert lines[1] == "  2日核实 11-14 到期：A：1 项"
    assert lines[2].startswith("  5日办结 已逾期（最早 2026-11-01 到期）：340405-2026-000000、340405-2026-000010、340405-2026-000001")
    assert lines[2].endswith("等：12 项") and lines[2].count("340405-2026-") == 10
    assert "数据截至 2026-11-14 00:00" in lines[-1]
    assert morning(home, hour=8) == []


def test_of_a_release_a_day_old_it_is_said_that_it_is(home: Deployment) -> None:
    home.published(due=[{"case_no": "A", "due_on": dt.date(2026, 11, 3)}])
    [text] = morning(home, day=15)
    assert "数据没有更新到昨天，其后办理的没有计入" in text
    home.published(dt.date(2026, 11, 14), due=[{"case_no": "A", "due_on": dt.date(2026, 11, 3)}])
    [text] = morning(home, day=15, hour=9)
    assert "没有更新到昨天" not in text


def test_a_kind_of_record_that_stopped_is_told_once(home: Deployment) -> None:
    home.night()
    home.published(vanished=["patrols"])
    [text] = home.send()
    assert titles([text]) == ["【警告】八公山区 巡查应用：1 类一向都有的记录没有了"]
    assert "巡查应用·巡查：2026-10-24 之后至今没有，已 15 个工作日" in text
    home.published(dt.date(2026, 11, 14), vanished=["patrols"])
    with duckdb.connect(home.settings.published) as con:
        con.execute("update mart.mart_data_completeness set last_seen_on = '2026-10-24', missing_workdays = 16")
    assert home.send() == []
    home.published(dt.date(2026, 11, 14), vanished=["patrols", "snaps"])
    assert titles(home.send()) == ["【警告】八公山区 巡查应用：2 类一向都有的记录没有了"]


def test_returns_that_have_not_come_are_told_to_their_community(home: Deployment) -> None:
    home.night()
    home.published(owed=2)
    [text] = home.send()
    assert titles([text]) == ["【警告】春晖社区：2 个月的台账到期没有收到"]
    assert text.splitlines()[1:3] == ["  2026-10：会议", "  2026-09：会议"]
    assert home.send() == []


def test_a_month_loaded_to_its_end_waits_for_approval(home: Deployment) -> None:
    home.published(dt.date(2026, 10, 31))
    assert home.send() == []
    run = home.register.begin_run(dt.date(2026, 10, 1), as_of(dt.date(2026, 10, 1)))
    first = Batch("w", "case_system", "cases", "window", "x", 0, None, as_of(dt.date(2026, 10, 1)), as_of(DAY), run.run_id)
    home.register.add_batches([first])
    home.register.end_run(run, "succeeded")
    [text] = home.send()
    assert titles([text]) == ["【提示】2026年10月已载入完，等待批准结账"]
    assert "linli month close 2026-10 --approved-by" in text
    home.published(dt.date(2026, 11, 12))
    assert home.send() == []


def test_what_cannot_be_read_stops_no_delivery(home: Deployment) -> None:
    home.night(DAY, "degraded", FAILED)
    home.published()
    with duckdb.connect(home.settings.published) as con:
        con.execute("drop table ref.dim_level_key")
    with pytest.raises(duckdb.CatalogException):
        home.send()
    assert titles(home.told()) == ["【警告】2026-11-13 夜间载入不全：案件系统缺数据"]


def test_a_release_from_before_these_marts_is_no_failure(home: Deployment) -> None:
    home.night()
    home.published()
    with duckdb.connect(home.settings.published) as con:
        for mart in ("mart_due_step", "mart_return_completeness", "mart_data_completeness"):
            con.execute(f"drop table mart.{mart}")
    assert home.send() == [] and morning(home) == []


def test_a_channel_that_was_mended_and_tried_gets_at_once_what_waits(home: Deployment, tmp_path: Path) -> None:
    drop = tmp_path / "drop"
    (home.settings.home / "alerts.yml").write_text(f"channels: {{drop: {{kind: folder, path: {drop}}}}}", encoding="utf-8")
    home.night(DAY, "degraded", FAILED)
    alerts.send_alerts(home.settings, clock=home.clock)
    assert alerts.try_channel(home.settings, "drop", clock=home.clock)[0].state == "unreachable"
    drop.mkdir()
    alerts.send_alerts(home.settings, clock=home.clock)
    assert list(drop.iterdir()) == []
    assert alerts.try_channel(home.settings, "drop", clock=home.clock)[0].state == "delivered"
    alerts.send_alerts(home.settings, clock=home.clock)
    assert sorted(path.name.rpartition("-")[2] for path in drop.iterdir()) == ["night_degraded.txt", "test.txt"]
