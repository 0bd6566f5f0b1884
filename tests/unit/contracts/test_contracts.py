"""The declarations: strict to read, and everything derived from them up to date."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from linli import contracts
from linli.contracts import Catalog
from linli.contracts.derive import derived_files

PROJECT = Path(__file__).resolve().parents[3]


def _copy(tmp_path: Path, *sources: str) -> Path:
    for source in sources:
        shutil.copytree(PROJECT / "expectations" / source, tmp_path / "expectations" / source)
    return tmp_path / "expectations"


def test_every_record_of_the_four_systems_is_declared(catalog: Catalog) -> None:
    assert sorted(catalog.sources) == ["case_system", "meeting_returns", "patrol_app", "points_ledger"]
    names = {r.full_name for r in catalog.records}
    assert {"case_system.callbacks", "patrol_app.patrol_findings", "meeting_returns.matters", "points_ledger.ledger_entries"} <= names


def test_parents_come_before_their_children(catalog: Catalog) -> None:
    seen: set[str] = set()
    for record in catalog.records:
        assert all(parent in seen or parent == record.full_name for parent in record.parents)
        seen.add(record.full_name)


def test_one_feed_reads_an_endpoint_once(catalog: Catalog) -> None:
    app = catalog.sources["patrol_app"]
    assert [[r.name for r in f.records] for f in app.feeds] == [
        ["patrols", "patrol_participants", "patrol_checklists", "patrol_findings"],
        ["snaps"],
        ["disputes"],
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("label: 吹哨\n", "lable: 吹哨\n", "case_system/whistles.yml: lable: is not a known key"),
        ("key: [whistle_id]", "key: [whistle_no]", "key: no column whistle_no"),
        ("type: int64", "type: int46", "case_system/whistles.yml: columns.0.type"),
        ("label: 吹哨\n", "label: 吹哨\nlabel: 哨\n", "case_system/whistles.yml: line 2: the key label is given twice"),
        ("parents: [case_system.cases]", "parents: [case_system.case]", "parents"),
    ],
)
def test_a_typo_names_file_and_key(tmp_path: Path, old: str, new: str, said: str) -> None:
    folder = _copy(tmp_path, "case_system")
    path = folder / "case_system" / "whistles.yml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(contracts.DeclarationError) as error:
        contracts.load(folder)
    assert said in str(error.value)


def test_a_record_file_must_be_listed(tmp_path: Path) -> None:
    folder = _copy(tmp_path, "case_system")
    shutil.copy(folder / "case_system" / "whistles.yml", folder / "case_system" / "whistle2.yml")
    with pytest.raises(contracts.DeclarationError, match="whistle2"):
        contracts.load(folder)


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("returns", 'sheet: "*"', "sheet: 文件", "_source.yml: records: one of them registers the files"),
        ("returns", "type: int32", "type: int64", "returns.yml: columns: a register of files has file_sha"),
        ("meetings", "{sheet: 会议}", "{endpoint: /v1/meetings}", "meetings.yml: extract: sheet"),
        ("matters", "parents: [meeting_returns.returns, ", "parents: [", "matters.yml: parents: the first is meeting_returns.returns"),
        ("meetings", "key: [community_code, month_on, meeting_no]", "key: [meeting_no]", "meetings.yml: key: it is community_code"),
        ("matters", ", headers: [关联案件编号, 案件编号]", "", "matters.yml: columns: no headers are given for case_no"),
        ("matters", "[关联案件编号, 案件编号]", "[案件编号, 处理]", "matters.yml: columns: the headers 处理 are those of a return slip"),
    ],
)
def test_a_source_of_files_has_a_register_and_sheets_under_it(tmp_path: Path, name: str, old: str, new: str, said: str) -> None:
    path = _copy(tmp_path, "meeting_returns", "case_system") / "meeting_returns" / f"{name}.yml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(contracts.DeclarationError) as error:
        contracts.load(path.parents[1])
    assert f"meeting_returns/{said}" in str(error.value)


def test_a_fifth_source_needs_no_python(tmp_path: Path) -> None:
    folder = _copy(tmp_path, *(path.parent.name for path in (PROJECT / "expectations").glob("*/_source.yml")))
    fifth = folder / "hotline"
    fifth.mkdir()
    (fifth / "_source.yml").write_text("label: 热线\ntransport: rest\nrecords: [calls]\n", encoding="utf-8")
    (fifth / "calls.yml").write_text(
        "label: 来电\ngrain: one row a call\nkey: [call_id]\nextract: {endpoint: /v1/calls, cursor: updated_at}\n"
        "columns:\n  - {name: call_id, label: 来电编号}\n  - {name: updated_at, label: 更新时间, type: timestamp}\n",
        encoding="utf-8",
    )
    record = contracts.load(folder).record("hotline.calls")
    assert record.landing_schema().names[:3] == ["call_id", "updated_at", "_batch_id"]
    assert [check.rule for check in record.checks] == ["updated_at_readable"]


def test_personal_columns_are_text(catalog: Catalog) -> None:
    for record in catalog.records:
        for column in record.columns:
            assert column.personal is None or column.type == "string"


def test_derived_files_are_up_to_date(catalog: Catalog) -> None:
    for path, expected in derived_files(catalog).items():
        found = (PROJECT / path).read_text(encoding="utf-8")
        lacking = sorted(set(expected.splitlines()) - set(found.splitlines()))[:10]
        extra = sorted(set(found.splitlines()) - set(expected.splitlines()))[:10]
        assert found == expected, f"run `linli contracts write`; {path} lacks {lacking} and has too much {extra}"
