"""Batches are whole or not there: exclusive, registered in one step, adopted or removed after a kill."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linli.contracts.model import Column, Extract, RecordDecl
from linli.landing import LandingError, Part, adopt, land, land_together
from linli.landing.batchfile import read_footer
from linli.register import Batch, Register, Run
from linli.settings import Settings, as_of
from linli.sources import FileRef, Window

DAY = dt.date(2026, 10, 31)
TAKEN_AT = dt.datetime(2026, 10, 31, 18, 0, 5, tzinfo=dt.UTC)
WINDOW = Window(None, as_of(DAY))


def record(name: str) -> RecordDecl:
    return RecordDecl(
        source="s",
        name=name,
        label=name,
        grain="one row",
        key=("no",),
        extract=Extract(relation=name, cursor="at"),
        columns=(Column(name="no", label="no", type="int64"), Column(name="at", label="at", type="timestamp")),
    )


ROOT, CHILD = record("root"), record("child")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load({"LINLI_HOME": str(tmp_path / "home")})


@pytest.fixture
def register(settings: Settings) -> Iterator[Register]:
    with Register(settings.register_path) as register:
        yield register


@pytest.fixture
def run(register: Register) -> Run:
    return register.begin_run(DAY, as_of(DAY))


def rows(count: int, at: dt.datetime = TAKEN_AT) -> pa.Table:
    return pa.table([pa.array(range(count), pa.int64()), pa.repeat(pa.scalar(at, pa.timestamp("us", tz="UTC")), count)], ["no", "at"])


def lone(
    settings: Settings, register: Register, run: Run, reader: pa.Table | pa.RecordBatchReader, expected: int | Future[int] | None = None
) -> Batch:
    return land(settings, register, ROOT, reader, kind="window", window=WINDOW, snapshot_at=TAKEN_AT, run=run, expected_rows=expected)


def files(settings: Settings) -> list[str]:
    return sorted(path.name for path in settings.lake.rglob("*.parquet"))


def test_a_batch_carries_its_own_account(settings: Settings, register: Register, run: Run) -> None:
    batch = lone(settings, register, run, rows(5), 5)
    path = settings.home / batch.path
    assert batch.path == f"lake/s/root/dt=2026-11-01/window-{batch.batch_id}.parquet"
    assert path.stat().st_mode & 0o077 == 0 or path.parent.stat().st_mode & 0o077 == 0
    table = pq.read_table(path, partitioning=None)
    assert table.schema.equals(ROOT.landing_schema())
    assert table.column("_row_no").to_pylist() == [0, 1, 2, 3, 4]
    assert set(table.column("_batch_id").to_pylist()) == {batch.batch_id}
    assert set(table.column("_deleted").to_pylist()) == {False}
    footer = read_footer(path)
    assert footer is not None
    assert (footer["batch_id"], footer["rows"], footer["run_id"], footer["interval_start"]) == (batch.batch_id, 5, run.run_id, None)
    assert register.batches() == [batch]


def test_many_row_groups_keep_their_order(settings: Settings, register: Register, run: Run) -> None:
    source = pa.RecordBatchReader.from_batches(rows(0).schema, rows(300_000).to_batches(max_chunksize=50_000))
    batch = lone(settings, register, run, source, 300_000)
    metadata = pq.read_metadata(settings.home / batch.path)
    assert (batch.rows, metadata.num_row_groups) == (300_000, 2)
    numbers = pq.read_table(settings.home / batch.path, columns=["no", "_row_no"], partitioning=None)
    assert numbers.column("no").cast(pa.int32()).equals(numbers.column("_row_no"))


def test_an_empty_reading_lands_a_batch_without_rows(settings: Settings, register: Register, run: Run) -> None:
    assert lone(settings, register, run, rows(0), 0).rows == 0
    assert len(files(settings)) == 1


def test_a_reading_that_breaks_off_leaves_nothing(settings: Settings, register: Register, run: Run) -> None:
    def breaking() -> Iterator[pa.RecordBatch]:
        yield from rows(10).to_batches()
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        lone(settings, register, run, pa.RecordBatchReader.from_batches(rows(0).schema, breaking()))
    assert (files(settings), register.batches()) == ([], [])


def test_what_the_source_counts_while_it_is_read_is_compared_at_the_end(settings: Settings, register: Register, run: Run) -> None:
    counted: Future[int] = Future()
    with pytest.raises(LandingError, match="来源没有计数"):
        lone(settings, register, run, rows(3), counted)
    counted.set_result(4)
    with pytest.raises(LandingError, match="来源计有 4 行，实到 3 行"):
        lone(settings, register, run, rows(3), counted)
    assert (files(settings), register.batches()) == ([], [])
    assert lone(settings, register, run, rows(4), counted).rows == 4


@pytest.mark.parametrize("at", [dt.datetime(1, 1, 1, tzinfo=dt.UTC), dt.datetime(9999, 1, 1, tzinfo=dt.UTC)])
def test_instants_no_register_holds_are_refused(settings: Settings, register: Register, run: Run, at: dt.datetime) -> None:
    with pytest.raises(LandingError, match="列 at 的时间超出"):
        lone(settings, register, run, rows(3, at))
    assert (files(settings), register.batches()) == ([], [])


def test_records_of_one_reading_land_together_or_not_at_all(settings: Settings, register: Register, run: Run) -> None:
    parts = [Part(ROOT, rows(2), 2), Part(CHILD, rows(3), 4)]
    with pytest.raises(LandingError, match=r"s\.child：来源计有 4 行，实到 3 行"):
        land_together(settings, register, parts, kind="window", window=WINDOW, snapshot_at=TAKEN_AT, run=run)
    assert (files(settings), register.batches()) == ([], [])


def test_a_file_is_noted_with_its_batches(settings: Settings, register: Register, run: Run) -> None:
    file = FileRef(Path("x"), "f" * 64, "台账-ffffffff.xlsx", TAKEN_AT, is_complete=False)
    land(settings, register, ROOT, rows(1), kind="file", window=WINDOW, snapshot_at=TAKEN_AT, run=run, file=file)
    assert register.files.seen("f" * 64)
    assert register.batches()[0].file_sha == "f" * 64


class Killed(BaseException):
    """Stands in for a SIGKILL: nothing of ours catches it."""


def killed_before_registering(
    settings: Settings, register: Register, run: Run, monkeypatch: pytest.MonkeyPatch, file: FileRef | None
) -> None:
    def die(_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(register, "add_batches", die)
        with pytest.raises(Killed):
            land_together(
                settings,
                register,
                [Part(ROOT, rows(2)), Part(CHILD, rows(3))],
                kind="file" if file else "window",
                window=WINDOW,
                snapshot_at=TAKEN_AT,
                run=run,
                file=file,
            )


def test_a_whole_reading_is_adopted(settings: Settings, register: Register, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    file = FileRef(Path("x"), "e" * 64, "台账-eeeeeeee.xlsx", TAKEN_AT, is_complete=True)
    killed_before_registering(settings, register, run, monkeypatch, file)
    assert register.batches() == []
    found = adopt(settings, register)
    assert sorted(found.adopted) == sorted(batch.batch_id for batch in register.batches())
    assert [(batch.record, batch.rows, batch.snapshot_at) for batch in register.batches()] == [
        ("root", 2, TAKEN_AT),
        ("child", 3, TAKEN_AT),
    ]
    assert register.files.seen("e" * 64)
    assert adopt(settings, register).adopted == []


def test_half_a_reading_is_removed(settings: Settings, register: Register, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = lone(settings, register, run, rows(1))
    killed_before_registering(settings, register, run, monkeypatch, None)
    next(settings.lake.glob("s/child/*/*.parquet")).unlink()
    found = adopt(settings, register)
    assert (len(found.removed), found.adopted) == (1, [])
    assert register.batches() == [kept]
    assert files(settings) == [Path(kept.path).name]


def test_old_files_aside_are_swept_and_young_ones_stay(settings: Settings, register: Register) -> None:
    aside = settings.lake / ".aside"
    aside.mkdir(parents=True)
    for name, age in (("old", 2 * 86_400), ("young", 60)):
        (aside / name).write_bytes(b"x")
        os.utime(aside / name, (time.time() - age,) * 2)
    assert adopt(settings, register).swept == 1
    assert [path.name for path in aside.iterdir()] == ["young"]


def test_a_batch_in_its_place_is_never_replaced(settings: Settings, register: Register, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linli.landing.batches.secrets.token_hex", lambda _: "00000000")
    first = lone(settings, register, run, rows(1))
    with pytest.raises(FileExistsError):
        lone(settings, register, run, rows(2))
    assert pq.read_metadata(settings.home / first.path).num_rows == 1
