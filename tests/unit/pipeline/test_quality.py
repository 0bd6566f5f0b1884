"""The quality page out of a hand-filled register: ages, reruns, waivers, what is missing, a night that failed."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from linli import fonts, pipeline, quality
from linli.pipeline.quality import NoNight
from linli.quality import Page
from linli.register import Answer, Batch, CheckResult, Decision, QuarantineEntry, Register, SourceStatus, Verdict
from linli.settings import Settings, as_of

FIRST, DAY = dt.date(2026, 10, 20), dt.date(2026, 10, 31)
RULE = "outcome_listed"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load({"LINLI_HOME": str(tmp_path)})


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> list[Page]:
    """The pages as they are handed over to be rendered."""
    found: list[Page] = []
    monkeypatch.setattr(quality, "render", lambda page: found.append(page) or b"")
    return found


def night(settings: Settings, day: dt.date, bad: Mapping[str, str], *, state: str = "succeeded", closed: tuple[str, ...] = ()) -> None:
    """A night of callbacks: ten rows, of which those in `bad` (submitter by key) break a rule; `closed` are accepted by now."""
    with Register(settings.register_path) as register:
        run = register.begin_run(day, as_of(day))
        said = ("failed", "连接不上", as_of(FIRST), 0) if state == "degraded" else ("loaded", "", run.as_of, 10)
        register.set_source_status(run, SourceStatus("case_system", "callbacks", *said))
        batch_id = f"b-{run.token}"
        register.add_batches([Batch(batch_id, "case_system", "callbacks", "window", batch_id, 10, None, run.as_of, run.as_of, run.run_id)])
        at = dt.datetime.now(dt.UTC)
        verdict = Verdict(batch_id, 1, None, 10, 10 - len(bad), len(bad), 0, 0, False, run.run_id, at)
        rows = enumerate(bad.items())
        entries = [QuarantineEntry("case_system", "callbacks", key, (RULE,), who, batch_id, n, None, at) for n, (key, who) in rows]
        ended = [("case_system", "callbacks", key, "accepted") for key in closed]
        result = CheckResult("case_system", "callbacks", RULE, "warning", 10, len(bad), "FAIL" if bad else "PASS")
        register.add_decisions([Decision(verdict, quarantined=entries, closed=ended)], [result], run)
        if state == "failed":
            register.note_answers(run, "audit", [Answer("levels_add_up", "broken", "2 个层级")])
        register.end_run(run, state)


def table(page: Page, title: str) -> list[list[str]]:
    [found] = [each for each in page.tables if each.title.startswith(title)]
    return [[cell.text for cell in row] for row in found.rows]


def tile(page: Page, label: str) -> tuple[str, str]:
    [(value, remark)] = [(value.text, remark) for name, value, remark in page.tiles if name == label]
    return value, remark


def test_before_the_first_night_there_is_no_page(settings: Settings) -> None:
    with pytest.raises(NoNight, match="make run"):
        pipeline.quality(settings)
    assert pipeline.newest_quality(settings) is None


def test_what_is_open_by_submitter_and_age(settings: Settings, pages: list[Page]) -> None:
    night(settings, FIRST, {"1": "340405-S01", "2": "340405-S01", "3": "340405-S02"})
    night(settings, dt.date(2026, 10, 27), {"4": "340405-S01"}, closed=("3",))
    night(settings, DAY, {"5": "340405-S03", "6": "张三 3", "7": "李四"})
    assert pipeline.quality(settings).name == "2026-10-31.html"
    [page] = pages
    # 11 days, 4 days, today; what was mended is not open
    assert table(page, "待改") == [
        ["案件系统", "340405-S01", "", "1", "2", "", "3"],
        # whatever stands there in place of a code is repeated nowhere
        ["案件系统", "提交方不明", "2", "", "", "", "2"],
        ["案件系统", "340405-S03", "1", "", "", "", "1"],
    ]
    assert tile(page, "待改") == ("6", "最久 11 天")
    assert table(page, "记录") == [["案件系统", "回访", "10", "7", "3", "0", "0", "30.0%", ""]]
    assert [row[3:] for row in table(page, "规则")] == [["3", "10", "3", "提交方不明 2、340405-S03 1"]]
    assert [bar.value for bar in page.trends[0].bars if bar.value is not None] == [10, 10, 10]

    # the page of a day that is past knows of no mending that came later
    pipeline.quality(settings, FIRST)
    assert tile(pages[-1], "待改") == ("3", "最久 0 天")
    assert any("补写" in remark for remark in pages[-1].remarks) and not any("补写" in remark for remark in page.remarks)


def test_of_several_runs_of_a_day_the_newest_counts(settings: Settings, pages: list[Page]) -> None:
    night(settings, DAY, {"1": "340405-S01", "2": "340405-S01"}, state="failed")
    night(settings, DAY, {}, state="degraded")
    pipeline.quality(settings)
    [page] = pages
    assert tile(page, "这一夜") == ("不全", "0/1 路数据已载入")
    assert [bar.value for bar in page.trends[1].bars][-1] == 0
    assert [strip.days[-1][0] for strip in page.strips if strip.label == "案件系统·回访"] == ["bad"]
    [source] = table(page, "来源")
    assert source == ["案件系统", "回访", "未载入", "2026-10-21 00:00", "11 天", "0", "未载入，数据截至 2026-10-21 00:00：连接不上"]


def test_a_night_that_failed_has_its_page(settings: Settings, pages: list[Page]) -> None:
    night(settings, DAY, {"1": "340405-S01"}, state="failed")
    assert pipeline.newest_quality(settings) is not None
    [page] = pages
    assert page.conclusion[0].text == "这一夜失败，没有发布新数据。"
    assert table(page, "核对") == [["发布前核对", "levels_add_up", "2 个层级"]]
    assert "失败" in (settings.quality / "index.html").read_text(encoding="utf-8")


def test_what_is_tolerated_is_said(settings: Settings, pages: list[Page]) -> None:
    night(settings, DAY, {"1": "340405-S01", "2": "340405-S01"})
    on = DAY + dt.timedelta(days=1)
    given = {"submitter": "340405-S01", "ceiling": 2, "reason": "名录待更新", "owner": "区数据组", "until": on, "on": on}
    pipeline.waive(settings, "case_system.callbacks", RULE, **given)  # type: ignore[arg-type]
    pipeline.quality(settings)
    assert tile(pages[-1], "待改") == ("2", "最久 0 天，其中暂准 2")
    # an earlier night knows of no waiver
    night(settings, on, {})
    pipeline.quality(settings, DAY)
    assert tile(pages[-1], "待改") == ("2", "最久 0 天")


def test_the_same_state_gives_the_same_bytes(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "subset", lambda characters: "".join(sorted(characters)).encode())
    night(settings, DAY, {"1": "340405-S01"})
    first = pipeline.quality(settings).read_bytes()
    assert pipeline.quality(settings).read_bytes() == first
    assert re.search(rb"<h1>\S+</h1>", first)
