"""One source after the other goes wrong; the others are loaded, the release says how far each one is, and the next night catches up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import pytest
from typer.testing import CliRunner

from linli import cli, pipeline, publication
from linli.publication import open_published
from linli.register import Register
from linli.settings import Settings, as_of
from linli.sources import rest
from night.systems import Row, Silence, Systems, at

EARLIER, FIRST, SECOND, THIRD = (dt.date(2026, 10, day) for day in (19, 20, 21, 22))
COMPOUND = "340405-C01-X01"


def case(no: int, day: int) -> Row:
    return {
        "case_no": f"340405-2026-{no:06d}", "district_code": "340405", "compound_code": COMPOUND,
        "station_code": "340405-S01", "channel": "居民来电", "phase": "应诉即办", "item_code": "1-01", "title": "楼道堆物",
        "lead_department": "城管", "officer_no": "E001",
        "on_scene": False, "status": "处置中", "reported_at": at(day), "created_at": at(day), "updated_at": at(day),
    }  # fmt: skip


def step(no: int, day: int, kind: str, hour: int) -> Row:
    return {"step_id": no * 10 + hour, "case_no": f"340405-2026-{no:06d}", "round_no": 1, "step": kind, "stepped_at": at(day, hour),
            "officer_no": "E001", "created_at": at(day, hour)}  # fmt: skip


def whistle(no: int, day: int) -> Row:
    return {"whistle_id": no, "case_no": f"340405-2026-{no:06d}", "level": "执法", "blown_by": "社区", "blown_at": at(day, 11),
            "departments_called": ["城管"], "updated_at": at(day, 11)}  # fmt: skip


def callback(no: int, day: int) -> str:
    """The values of a row nobody can use: an outcome that does not exist."""
    return (
        f"({no}, '340405-2026-{no:06d}', 1, '居民', '居民', '{at(day)}', '占线', true, 5, 4, '', '测试', '{at(day)}')"
    )


def snap(no: int, day: int) -> Row:
    moment = at(day).isoformat()
    return {"snap_id": f"S-{no:06d}", "district_code": "340405", "compound_code": COMPOUND, "resident_no": "R00001", "item_code": "1-01",
            "taken_at": moment, "status": "采纳", "case_no": None, "updated_at": moment, "deleted": False}  # fmt: skip


def dispute(no: int, day: int) -> Row:
    moment = at(day).isoformat()
    return {"dispute_id": f"D-{no:06d}", "district_code": "340405", "compound_code": COMPOUND, "volunteer_no": "V0001", "officer_no": None,
            "topic": "楼上漏水", "raised_at": moment, "defused_at": None, "updated_at": moment, "deleted": False}  # fmt: skip


def resident(no: int, day: int) -> Row:
    return {"resident_no": f"R{no:05d}", "district_code": "340405", "compound_code": COMPOUND, "household_no": f"H{no}",
            "name": "测试", "phone": None, "birth_year": 1980, "kind": "其他",
            "is_lead": False, "joined_on": at(1).date(), "updated_at": at(day)}  # fmt: skip


def meeting(no: int) -> Row:
    return {"meeting_no": f"HY{no:04d}", "meeting_type": "三方议事会", "compound_code": COMPOUND, "met_on": "2026-10-08",
            "started_time": "09:00", "host_unit": "春晖社区", "departments": "城管", "officer_nos": "E001", "resident_count": 12,
            "has_enforcement": "是"}  # fmt: skip


@dataclass
class Told:
    """One night: what the command line made of it, and what its release says of each feed."""

    exit_code: int
    output: str
    feeds: dict[str, tuple[str, dt.datetime | None]]
    landed: dict[str, int]
    content_hash: str


@dataclass
class Story:
    """The first night with everything wrong, the second one with all mended, a home that has only known the second, and what came there
    after it: a night of callbacks nobody can use, and a reconciliation without the ledger."""

    wrong: Told
    mended: Told
    only: Told
    accepted: dict[str, int]
    accepted_only: dict[str, int]
    stopped: Told
    reconciled: tuple[int, str, str, dict[str, str]]
    pages: dict[dt.date, str]


def tell(env: dict[str, str], day: dt.date) -> Told:
    done = CliRunner().invoke(cli.app, ["night", "--day", day.isoformat()], env=env)
    settings = Settings.load(env)
    con = open_published(settings)
    rows = con.execute("select source || '.' || feed, state, source_as_of from main.published_at").fetchall()
    con.close()
    with Register(settings.register_path) as register:
        run_id = register.publications(1)[0]["run_id"]
        landed = {status.feed: status.landed for status in register.source_statuses(register.run(run_id))}
    said = {name: (state, moment) for name, state, moment in rows}
    return Told(done.exit_code, done.output, said, landed, publication.content_hash(settings.published))


def accepted(env: dict[str, str]) -> dict[str, int]:
    """Rows of staging: every accepted key once."""
    with duckdb.connect(str(Settings.load(env).work_file), read_only=True) as con:
        names = [name for (name,) in con.execute("select table_name from duckdb_tables() where schema_name = 'staging'").fetchall()]
        return {name: (con.execute(f"select count(*) from staging.{name}").fetchone() or (0,))[0] for name in sorted(names)}


def reconcile(env: dict[str, str], day: dt.date) -> tuple[int, str, str, dict[str, str]]:
    """Exit code and output of a reconciliation, the state of its run, and what became of each feed."""
    done = CliRunner().invoke(cli.app, ["reconcile", "--day", day.isoformat()], env=env)
    with Register(Settings.load(env).register_path) as register:
        [newest] = [run for run in register.runs(20) if run["kind"] == "reconcile"]
        states = {f"{s.source}.{s.feed}": s.state for s in register.source_statuses(register.run(newest["run_id"]))}
    return done.exit_code, done.output, newest["state"], states


def page(env: dict[str, str], *days: dt.date) -> str:
    """The quality page of a day, or of the newest night."""
    done = CliRunner().invoke(cli.app, ["quality", *(f"--day={day}" for day in days)], env=env)
    assert done.exit_code == 0, done.output
    written = sorted((Settings.load(env).home / "quality").glob("2*.html"))[-1].read_text(encoding="utf-8")
    again = CliRunner().invoke(cli.app, ["quality", *(f"--day={day}" for day in days)], env=env)
    assert again.exit_code == 0
    assert sorted((Settings.load(env).home / "quality").glob("2*.html"))[-1].read_text(encoding="utf-8") == written
    return written


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("fail")
    patch = pytest.MonkeyPatch()
    patch.setitem(rest.RestSource.__init__.__kwdefaults__, "backoff", 0.01)
    patch.setattr(rest, "_TIMEOUTS", (0.5, 0.5))
    patch.setattr(rest, "TRIES", 2)
    systems, silence = Systems(folder), Silence()
    try:
        numbers = range(1, 61)
        systems.load({
            "case_system.cases": [case(no, 1 + no % 21) for no in numbers],
            "case_system.case_steps": [step(no, 1 + no % 21, *first) for no in numbers for first in (("上报", 9), ("受理核实", 10))],
            "case_system.whistles": [whistle(no, 1 + no % 21) for no in numbers],
            "points_ledger.residents": [resident(no, 1 + no % 21) for no in numbers],
        })  # fmt: skip
        systems.api.items["/v1/snaps"] = sorted((snap(no, 1 + no % 21) for no in numbers), key=lambda item: str(item["updated_at"]))
        systems.api.items["/v1/disputes"] = sorted((dispute(no, 1 + no % 21) for no in numbers), key=lambda item: str(item["updated_at"]))
        systems.drop("340405-C01_202610_会议.xlsx", {"会议": [meeting(1)]}, title="八公山区春晖社区2026年10月会议台账", dropped_at=at(19))
        for name, value in systems.env.items():
            patch.setenv(name, value)
        env = systems.env | {"LINLI_HOME": str(folder / "home")}
        settings = Settings.load(env)
        before = pipeline.begin(settings, EARLIER)
        pipeline.extract_feed(settings, before.run_id, pipeline.FeedRef("points_ledger", "residents"))
        systems.execute("case_system", "alter table whistles rename column level to rank")
        systems.execute("case_system", "alter table consultations alter column expert_kind type integer using 1")
        systems.api.faults |= {"/v1/snaps": "cut", "/v1/disputes": "silent", "/v1/patrols": "shapeless"}
        silent = f"postgresql://reader@127.0.0.1:{silence.port}/points_ledger?connect_timeout=2"
        wrong = tell(env | {"LINLI_POINTS_LEDGER_URL": silent, "LINLI_MEETING_INBOX": ""}, FIRST)
        systems.execute("case_system", "alter table whistles rename column rank to level")
        systems.execute("case_system", "alter table consultations alter column expert_kind type text using '律师'")
        systems.api.faults.clear()
        mended = tell(env, SECOND)
        other = systems.env | {"LINLI_HOME": str(folder / "other"), "LINLI_KEY_RING": str(Settings.load(env).key_ring)}
        only = tell(other, SECOND)
        counts = accepted(env), accepted(other)
        columns = "callback_id, case_no, round_no, side, respondent_role, called_at, outcome, solved, department_score, officer_score,"
        rows = ", ".join(callback(no, 22) for no in numbers)
        systems.execute("case_system", f"insert into callbacks ({columns} comment, called_by, updated_at) values {rows}")
        stopped = tell(other, THIRD)
        reconciled = reconcile(other | {"LINLI_POINTS_LEDGER_URL": silent}, THIRD)
        pages = {FIRST: page(env, FIRST), THIRD: page(other)}
        yield Story(wrong, mended, only, *counts, stopped, reconciled, pages)
    finally:
        patch.undo()
        silence.close()
        systems.close()


FAILED = {
    "case_system.whistles", "case_system.consultations", "patrol_app.patrols", "patrol_app.snaps", "patrol_app.disputes",
    "points_ledger.residents", "points_ledger.ledger_entries",
}  # fmt: skip


def test_the_others_are_loaded_and_the_release_says_so(story: Story) -> None:
    assert {feed for feed, (state, _) in story.wrong.feeds.items() if state == "failed"} == FAILED
    assert {feed for feed, said in story.wrong.feeds.items() if said == ("not_configured", None)} == {"meeting_returns.returns"}
    loaded = {feed: moment for feed, (state, moment) in story.wrong.feeds.items() if state == "loaded"}
    assert loaded == dict.fromkeys(("case_system.cases", "case_system.case_steps", "case_system.callbacks"), as_of(FIRST))
    known = {feed: story.wrong.feeds[feed][1] for feed in FAILED}
    assert known == dict.fromkeys(FAILED) | {"points_ledger.residents": as_of(EARLIER)}


def test_the_night_is_degraded(story: Story) -> None:
    assert (story.wrong.exit_code, story.mended.exit_code, story.only.exit_code) == (3, 0, 0), story.wrong.output[-2000:]
    assert [("降级" in told.output, "▲" in told.output) for told in (story.wrong, story.mended)] == [(True, True), (False, False)]


def test_half_an_answer_is_none(story: Story) -> None:
    assert {feed: rows for feed, rows in story.wrong.landed.items() if rows} == {"cases": 58, "case_steps": 116}


def test_the_next_night_catches_up(story: Story) -> None:
    assert {state for state, _ in story.mended.feeds.values()} == {"loaded"}
    assert {moment for _, moment in story.mended.feeds.values()} == {as_of(SECOND)}
    assert story.accepted == story.accepted_only
    assert story.accepted["stg_case_system__whistles"] == story.accepted["stg_patrol_app__snaps"] == 60
    assert story.accepted["stg_meeting_returns__meetings"] == 1
    assert story.mended.content_hash == story.only.content_hash


def test_every_feed_is_told_of(story: Story) -> None:
    declared = {f"{ref.source}.{ref.feed}" for ref in pipeline.feeds(Settings.load())}
    assert set(story.wrong.feeds) == set(story.mended.feeds) == declared


def test_a_feed_of_which_the_gate_let_nothing_in_is_not_loaded(story: Story) -> None:
    assert story.stopped.feeds["case_system.callbacks"] == ("stopped", as_of(SECOND) - Settings.load().lookback)
    assert {state for feed, (state, _) in story.stopped.feeds.items() if feed != "case_system.callbacks"} == {"loaded"}
    assert story.stopped.exit_code == 3
    assert "整批停在关口" in story.stopped.output


def test_a_reconciliation_goes_on_without_a_source_and_does_not_succeed(story: Story) -> None:
    exit_code, output, state, states = story.reconciled
    assert (exit_code, state) == (1, "degraded"), output
    assert {feed for feed, said in states.items() if said == "failed"} == {"points_ledger.residents", "points_ledger.ledger_entries"}
    assert {feed for feed, said in states.items() if said == "loaded"} == {
        f"case_system.{name}" for name in ("cases", "case_steps", "whistles", "callbacks", "consultations")
    }
    assert "points_ledger.residents 未核对" in output.replace("\n", "")


def test_the_quality_page_says_what_was_not_loaded_and_why(story: Story) -> None:
    wrong, stopped = story.pages[FIRST], story.pages[THIRD]
    assert "案件系统、巡查应用、积分台账有数据没有载入" in wrong and "3/10 路数据已载入" in wrong
    assert wrong.count('<td class=" bad">未载入</td>') == len(FAILED)
    assert "回访多数不合格，整批停在关口" in stopped
    assert "至今待改 60 行，最久 0 天" in stopped
    # the strip of days: one night of thirty, its states in the order of the declarations
    assert stopped.count('<i class="doubtful"') == 1 and stopped.count('<i class="good"') >= 10
