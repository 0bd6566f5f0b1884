"""A fifth source is a folder of declarations: its files are extracted, landed and judged by the steps of every night."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from linli import pipeline
from linli.demo.reference import write_reference
from linli.register import Register
from linli.settings import SHANGHAI, Settings
from scenarios.gate.lake import PROJECT

DAY = dt.date(2026, 10, 31)
REPAIRS = """
label: 报修单
grain: one row a repair order as reported in one file
key: [community_code, month_on, repair_no]
parents: [property_system.returns]
submitter: compound_code
extract: {sheet: 报修}
columns:
  - {name: repair_no, label: 报修单号, headers: [报修单号]}
  - {name: compound_code, label: 小区编码, headers: [小区编码]}
  - {name: caller_phone, label: 报修电话, personal: phone, headers: [电话]}
  - {name: reported_on, label: 报修日期, type: date, headers: [报修日期, 日期]}
  - {name: community_code, label: 社区编码, description: from the file}
  - {name: month_on, label: 台账月份, type: date, description: from the file}
checks:
  - rule: compound_known
    column: compound_code
    expect: {in_reference: compounds.compound_code}
    reason: a repair in a compound we do not know cannot be counted anywhere
    message: 小区编码“{value}”不在小区名录中
    fix: 请核对小区编码
"""
FILE = """幸福物业2026年10月报修台账
报修单号,小区编码,电话,日期
BX001,340405-C01-X01,13900001234,2026-10-08
BX002,340405-C99-X01,13900001235,2026-10-09
BX003,340405-C01-X02,,十月底
合计,3
"""


def drop(inbox: Path, name: str, content: str, day: dt.date) -> None:
    (inbox / name).write_text(content, encoding="utf-8")
    os.utime(inbox / name, (dt.datetime.combine(day, dt.time(9), SHANGHAI).timestamp(),) * 2)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    declared, inbox = tmp_path / "expectations", tmp_path / "inbox"
    shutil.copytree(PROJECT / "expectations", declared)
    fifth = declared / "property_system"
    fifth.mkdir()
    (fifth / "_source.yml").write_text("label: 物业系统\ntransport: files\nrecords: [returns, repairs]\n", encoding="utf-8")
    (fifth / "repairs.yml").write_text(REPAIRS, encoding="utf-8")
    for name in ("returns.yml", "returns.context.sql"):
        shutil.copyfile(declared / "meeting_returns" / name, fifth / name)
    write_reference(tmp_path / "reference", scale=1)
    inbox.mkdir()
    drop(inbox, "340405-C01_202610.csv", FILE, DAY)
    (tmp_path / "clock").write_text("2026-12-31")
    return Settings.load(
        {
            "LINLI_PROJECT": str(tmp_path),
            "LINLI_HOME": str(tmp_path / "home"),
            "LINLI_REFERENCE": str(tmp_path / "reference"),
            "LINLI_CLOCK": str(tmp_path / "clock"),
            "LINLI_PROPERTY_SYSTEM_URL": str(inbox),
            "LINLI_INBOX_QUIET_SECONDS": "0",
        }
    )


def night(settings: Settings, day: dt.date) -> tuple[int, dict[str, int]]:
    """Extracts what is configured and judges it; returns the rows landed and where they went."""
    run = pipeline.begin(settings, day)
    (ref,) = pipeline.configured_feeds(settings)
    assert ref.source == "property_system"
    return pipeline.extract_feed(settings, run.run_id, ref).landed, pipeline.gate_run(settings, run.run_id)


def quarantined(settings: Settings) -> dict[str, tuple[str | None, tuple[str, ...]]]:
    with Register(settings.register_path) as register:
        return {entry.key: (entry.submitter, entry.rules) for entry in register.quarantine(source="property_system")}


def test_a_declared_source_of_files_is_loaded_and_judged(settings: Settings) -> None:
    landed, went = night(settings, DAY)
    # the file's own line and its three rows
    assert landed == 4 and went == {"landed": 4, "accepted": 2, "quarantined": 2, "held": 0, "duplicates": 0}
    assert quarantined(settings) == {
        "340405-C01|2026-10-01|BX002": ("340405-C99-X01", ("compound_known",)),
        "340405-C01|2026-10-01|BX003": ("340405-C01-X02", ("reported_on_readable",)),
    }
    with Register(settings.register_path) as register:
        (batch,) = register.batches(record="repairs")
    first, *_ = pq.read_table(settings.home / batch.path).to_pylist()
    assert (first["repair_no"], first["reported_on"]) == ("BX001", dt.date(2026, 10, 8))
    assert first["caller_phone"].startswith("p1_") and "13900001234" not in str(first)

    # one row put right, the other taken out
    corrected = "\n".join(line for line in FILE.replace("C99", "C01").splitlines() if "BX003" not in line)
    drop(Path(settings.connections["property_system"]), "340405-C01_202610(更正).csv", corrected, DAY + dt.timedelta(days=1))
    landed, went = night(settings, DAY + dt.timedelta(days=1))
    assert landed == went["accepted"] == 3
    assert quarantined(settings) == {}
