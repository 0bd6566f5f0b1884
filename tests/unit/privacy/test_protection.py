"""What leaves `protect` holds no personal value; what is not personal is untouched."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from linli.contracts.model import Column, Extract, RecordDecl
from linli.privacy import KeyRing, protect, scrub
from linli.privacy.pseudonyms import normalise

RECORD = RecordDecl(
    source="s", name="r", label="r", grain="one row", key=("no",), extract=Extract(relation="r", cursor="no"),
    columns=(
        Column(name="no", label="no"), Column(name="who", label="who", personal="name"),
        Column(name="phone", label="phone", personal="phone"), Column(name="id_no", label="id_no", personal="id_no"),
        Column(name="home", label="home", personal="address"), Column(name="story", label="story", personal="text"),
        Column(name="officers", label="officers", type="list<string>"),
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return KeyRing.load_or_create(tmp_path_factory.mktemp("keys") / "ring.json")


def table(**columns: list[Any]) -> pa.Table:
    rows = max(map(len, columns.values()))
    names = [column.name for column in RECORD.columns]
    given = {**{name: [None] * rows for name in names}, "no": [str(n) for n in range(rows)], **columns}
    return pa.table({column.name: pa.array(given[column.name], column.arrow_type) for column in RECORD.columns})


def test_one_person_has_one_pseudonym_however_written(ring: KeyRing) -> None:
    people = table(
        who=["申屠测试", "申屠 测试", "申屠测试　", None, "别人"],
        phone=["13900001234", "139-0000-1234", "+86 １３９ ０００0 1234", "没有", "13900001235"],
        id_no=["34040519800101123x", "34040519800101123X", "340405 19800101 123Ｘ", "", None],
    )
    safe = protect(people, RECORD, ring).read_all().to_pydict()
    for column in ("who", "phone", "id_no"):
        assert len(set(safe[column][:3])) == 1
        assert safe[column][0].startswith("p1_")
        assert len(safe[column][0]) == 29
        assert safe[column][3] is None
    assert safe["who"][4] not in (None, safe["who"][0])
    assert safe["phone"][4] not in (None, safe["phone"][0])
    assert safe["id_no"][4] is None
    assert safe["who"][0] in ring.pseudonyms_of("name", "申屠测试")


def test_the_rows_own_values_leave_its_text(ring: KeyRing) -> None:
    people = table(
        who=["申屠测试", "王", "李四"],
        phone=["6683221", None, None],
        home=["春晖花苑3号楼101室", None, None],
        story=["申屠测试住春晖花苑3号楼101室，打6683221找申屠测试", "姓王的人", "申屠测试也在"],
    )
    safe = protect(people, RECORD, ring).read_all()
    assert safe.column("story").to_pylist() == ["[姓名]住[住址]，打[电话]找[姓名]", "姓王的人", "申屠测试也在"]
    assert safe.column("no").to_pylist() == ["0", "1", "2"]


def test_raw_cells_are_text_too(ring: KeyRing) -> None:
    people = table(who=["申屠测试"]).append_column("_raw", pa.array(['{"met_on": "问申屠测试13900001234"}']))
    assert protect(people, RECORD, ring).read_all().column("_raw").to_pylist() == ['{"met_on": "问[姓名][电话]"}']


def test_pseudonyms_do_not_depend_on_batches_or_on_what_is_remembered(ring: KeyRing, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"人{n % 700}" for n in range(2_000)]
    at_once = protect(table(who=names), RECORD, ring).read_all().column("who").to_pylist()
    monkeypatch.setattr("linli.privacy.pseudonyms.CACHED_VALUES", 100)
    source = table(who=names)
    pieces = pa.RecordBatchReader.from_batches(source.schema, source.to_batches(max_chunksize=60))
    assert protect(pieces, RECORD, ring).read_all().column("who").to_pylist() == at_once
    assert len(set(at_once)) == 700


def test_phones_of_eleven_digits_have_the_pseudonym_of_their_digits(ring: KeyRing) -> None:
    phones = ["13900001234", "00000000000", None, "00000000001", "139000012345", "1390000123x", "-1390000123", "13900001234", "05546683221"]
    source = table(phone=["x", *phones])
    first = source.slice(1, 4).to_batches()[0]
    pieces = pa.RecordBatchReader.from_batches(source.schema, [first, *source.slice(5).to_batches()])
    safe = protect(pieces, RECORD, ring).read_all().column("phone").to_pylist()
    digits = ["13900001234", "00000000000", None, "00000000001", "139000012345", "1390000123", "1390000123", "13900001234", "05546683221"]
    assert safe == [ring.pseudonyms_of("phone", number)[0] if number else None for number in digits]


def test_numbers_do_not_run_on_into_the_next_text(ring: KeyRing) -> None:
    stories = ["编号1390", "0001234", "号码139 0000 １２３４", "", None, "6号", "13900001234"]
    cleaned = ["编号1390", "0001234", "号码[电话]", "", None, "6号", "[电话]"]
    for first in range(len(stories)):
        safe = protect(table(story=stories).slice(first), RECORD, ring).read_all()
        assert safe.column("story").to_pylist() == cleaned[first:]


def test_a_number_that_is_not_the_rows_own_goes_too(ring: KeyRing) -> None:
    people = table(phone=["13900001234"], story=["打13900001234或13900001235，证34040519800101123X"])
    assert protect(people, RECORD, ring).read_all().column("story").to_pylist() == ["打[电话]或[电话]，证[证件号]"]


def test_full_width_digits_are_found_across_blocks_of_bytes(ring: KeyRing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linli.privacy.freetext._BLOCK_BYTES", 8)
    stories = ["邻" * n + wide for n in range(9) for wide in ("１３９００００１２３４", "13900001234", "，！：")]
    safe = protect(table(story=stories), RECORD, ring).read_all().column("story").to_pylist()
    assert safe == ["邻" * n + wide for n in range(9) for wide in ("[电话]", "[电话]", "，！：")]


def test_an_empty_reading_passes(ring: KeyRing) -> None:
    assert protect(table(who=[]), RECORD, ring).read_all().num_rows == 0
    assert protect(table(who=["甲乙"]).slice(0, 0).to_reader(), RECORD, ring).read_all().num_rows == 0


def test_phones_lose_the_country_code_only_before_a_mobile_number() -> None:
    assert normalise("phone", pa.array(["008613900001234", "8655412", "0554-6683221"])).to_pylist() == [
        "13900001234",
        "8655412",
        "05546683221",
    ]


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("电话13900001234。", "电话[电话]。"),
        ("139-0000-1234 和 139 0000 1235", "[电话] 和 [电话]"),
        ("１３９００００１２３４", "[电话]"),
        ("+86 139 0000 1234", "[电话]"),
        ("0554-6683221", "[电话]"),
        ("(0554) 6683221", "[电话]"),
        ("联系电话：6683221", "联系电话：[电话]"),
        ("身份证34040519800101123X", "身份证[证件号]"),
        ("340405 19800101 1234", "[证件号]"),
        ("３４０４０５１９８００１０１１２３Ｘ", "[证件号]"),
        ("旧证340405800101123。", "旧证[证件号]。"),
        ("1 3 9 0 0 0 0 1 2 3 4", "[电话]"),
        ("见 13900001234 340405198001011230", "见 [电话] [证件号]"),
        ("340405198001011230-13900001234", "[证件号]-[电话]"),
        ("13900001234　34040519800101123X", "[电话]　[证件号]"),
        ("13900001234 13900001235", "[电话] [电话]"),
    ],
)
def test_numbers_of_people_leave_any_text(text: str, cleaned: str, ring: KeyRing) -> None:
    assert scrub(text) == cleaned
    assert protect(table(story=[text, None, "无"]), RECORD, ring).read_all().column("story").to_pylist() == [cleaned, None, "无"]


@pytest.mark.parametrize(
    "text",
    [
        "340405-2026-000139 和 340405-2026-000140",
        "2026-10-13 18:30",
        "P-340405-000001",
        "3号楼2单元1301室",
        "已持续21天，共120户",
        "340405-C01-X02",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    assert scrub(text) == text


NUMBERS_IN_CODES = {
    "E001、王五13912345678": "E001、王五[电话]",
    "１３９１２３４５６７８": "[电话]",
    "居民0554-6663388": "居民[电话]",
    "居民139 1234 5678": "居民[电话]",
    "139-1234-5678": "[电话]",
    "+86 13912345678": "+[电话]",
    "340405-19800101-1237": "[证件号]",
    "340405 1980 0101 1237找": "[证件号]找",
    "05546663388": "[电话]",
    "8613912345678找我": "[电话]找我",
    "008613912345678": "[电话]",
    "138 12345678": "[电话]",
    "1381234-5678": "[电话]",
    "tel13812345678": "tel[电话]",
    "A13812345678": "A[电话]",
    "0554 6643210": "[电话]",
    "(0554)6643210": "([电话]",
    "13812345678 13912345678、13712345678": "[电话] [电话]、[电话]",
    "0554-6643210/0554-6643211": "[电话]/[电话]",
    "340405198001011237": "[证件号]",
    "11010519491231002x，340405198001011237": "[证件号]，[证件号]",
}
CODES = [
    "130405-2026-000123", "340405-2026-0000001", "340405-2026-01012345", "130405-C01-X02", "R00001", "20261031000012",
    "9f13812345678aa1", "1730000000000", "锦绣花园", "026-0000001", "", "09:00:00", "340405202610050012", "340405261005001",
    "0002345678", "0012345678", "13812345678901", "340405-0554-6643210",
]  # fmt: skip


def test_a_number_typed_into_a_code_does_not_land(ring: KeyRing) -> None:
    given = [*NUMBERS_IN_CODES, *CODES]
    safe = protect(table(no=given), RECORD, ring).read_all().column("no").to_pylist()
    assert [value.partition("#")[0] for value in safe] == [*NUMBERS_IN_CODES.values(), *CODES]
    marks = [value.partition("#")[2] for value in safe[: len(NUMBERS_IN_CODES)]]
    assert marks == [ring.pseudonyms_of("code", value)[0] for value in NUMBERS_IN_CODES]
    assert safe[len(NUMBERS_IN_CODES) :] == CODES


def test_a_number_is_found_among_values_of_its_own_shape(ring: KeyRing) -> None:
    """Columns of one shape throughout are looked at only once."""
    for value, clean in NUMBERS_IN_CODES.items():
        safe = protect(table(no=[value, value]), RECORD, ring).read_all().column("no").to_pylist()
        assert [found.partition("#")[0] for found in safe] == [clean, clean]


def test_numbers_in_lists_of_codes_do_not_land(ring: KeyRing) -> None:
    given = [["E001"], None, [], ["E002", "139", "1234", "5678", None], ["E003", None]]
    mark = ring.pseudonyms_of("code", "E002 139 1234 5678 ")[0]
    clean = [["E001"], None, [], [f"E002 [电话] #{mark}"], ["E003", None]]
    people = table(no=list("abcde"), officers=given)
    for first, count in ((0, 5), (1, 4), (2, 2)):
        safe = protect(people.slice(first, count), RECORD, ring).read_all()
        assert safe.column("officers").to_pylist() == clean[first : first + count]
