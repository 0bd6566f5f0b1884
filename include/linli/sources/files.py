"""The inbox as a source: every new file is one reading, its register of sheets and their rows together, or refused as a whole."""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from linli.contracts.model import Feed, RecordDecl
from linli.contracts.slip import SLIP
from linli.settings import variable_of
from linli.sources.base import FileRef, Reading, SourceUnavailable, Window
from linli.sources.grids import Grid, Refused, read_grids, title_of
from linli.sources.inbox import community_in, dropped, month_in, safe_label, sha256
from linli.sources.returns import Sheet, find_sheet, typed
from linli.sources.slips import is_slip, read_slip, slip_label, titles, version_of

WHOLE_FILE = "全部"
"""the sheet of a refused file when neither its name nor its title tells which one it was"""

_ALL_SHEETS = "*"
_COMMUNITY_OF_COMPOUND = r"^(?P<community>\d{6}-C\d{2,3})-X"


class InboxSource:
    """A folder that communities drop files into; nothing in it is moved or changed. `communities` maps names to codes, for titles."""

    def __init__(self, inbox: str | Path, *, quiet_seconds: float = 30.0, communities: Mapping[str, str] | None = None) -> None:
        self._inbox, self._quiet = Path(inbox), quiet_seconds
        self._communities = dict(communities or {})

    def readings(self, feed: Feed, window: Window, *, seen: Callable[[str], bool]) -> Iterator[Reading]:
        """`read_inbox` without those that were refused."""
        return self.read_inbox(feed, window, seen=seen, refused=lambda _: ())

    def read_inbox(
        self, feed: Feed, window: Window, *, seen: Callable[[str], bool], refused: Callable[[str], Collection[str]]
    ) -> Iterator[Reading]:
        """One reading a file not seen before, oldest first: all that was dropped before the window ends, however long ago. What was refused
        because its name does not say whose it is, and has another name now, is a new file."""
        if not self._inbox.is_dir():
            raise SourceUnavailable(f"{feed.source}：收件文件夹不存在，请检查 {variable_of(feed.source)}")
        taken: set[str] = set()
        for path in dropped(self._inbox, self._quiet, window.end)[0]:
            try:
                content, changed = path.read_bytes(), path.stat().st_mtime
            except FileNotFoundError:
                continue
            except OSError:
                raise SourceUnavailable(f"{feed.source}：收件文件夹中有文件无法读取") from None
            sha, before = sha256(content), ""
            label = safe_label(path.name, sha)
            named = refused(sha) if seen(sha) else ()
            if named and label not in named and not any(SLIP in each for each in named):
                before, sha = sha, sha256(f"{sha} {label}".encode())
            if sha not in taken and not seen(sha):
                taken.add(sha)
                received_at = dt.datetime.fromtimestamp(changed, dt.UTC)
                reading = self._reading(feed, path, content, sha, label, received_at)
                assert reading.file is not None
                yield replace(reading, file=replace(reading.file, refused_sha=before))

    def waiting(self, window: Window, *, seen: Callable[[str], bool]) -> int:
        """Files that nobody has taken in yet and that are not of this window: dropped after it, or still being written."""
        found = set()
        for path in dropped(self._inbox, self._quiet, window.end)[1]:
            with contextlib.suppress(OSError):
                found.add(sha256(path.read_bytes()))
        return sum(not seen(sha) for sha in found)

    def _reading(self, feed: Feed, path: Path, content: bytes, sha: str, label: str, received_at: dt.datetime) -> Reading:
        returns = next(record for record in feed.records if record.extract.sheet == _ALL_SHEETS)
        kinds = [record for record in feed.records if record is not returns]
        tables: dict[str, pa.Table] = {}
        try:
            grids = read_grids(path.suffix.lower(), content)
            if is_slip(grids):
                return self._slip(feed, path, grids, sha, received_at)
            sheets = _sheets(path, grids, kinds)
            entries = []
            for sheet in sheets:
                community, month_on = self._whose(sheet.title, path.name, sheet)
                rows = len(sheet.row_numbers)
                given = {"community_code": pa.repeat(pa.scalar(community, pa.string()), rows), "month_on": _repeated_date(month_on, rows)}
                tables[sheet.record.name] = typed(sheet, given, sha, label, month_on, received_at.year)
                entries.append(_Entry(sha, str(sheet.record.extract.sheet), community, month_on, rows))
            file = FileRef(path, sha, label, received_at, is_complete=True)
        except Refused as refusal:
            tables = {}
            title = title_of(path.suffix.lower(), content)
            community, month_on = self._whose(title, path.name)
            entries = [_Entry(sha, _sheet_named(kinds, f"{title} {path.name}"), community, month_on, 0)]
            file = FileRef(path, sha, label, received_at, refusal.is_complete, refusal.problem)
        tables[returns.name] = _register(returns, file, entries)
        return Reading(
            received_at,
            {record.name: tables[record.name].to_reader() for record in feed.records if record.name in tables},
            {name: table.num_rows for name, table in tables.items()},
            file=file,
        )

    def _slip(self, feed: Feed, path: Path, grids: list[Grid], sha: str, received_at: dt.datetime) -> Reading:
        """A filled-in return slip: an amendment of the sheets it names, or refused as a whole for each of them."""
        returns = next(record for record in feed.records if record.extract.sheet == _ALL_SHEETS)
        kinds = [record for record in feed.records if record is not returns]
        said = titles(grids, kinds)
        label = slip_label(said, sha, path.suffix.lower())
        tables: dict[str, list[pa.Table]] = {}
        try:
            filled = read_slip(grids, kinds, sha, received_at)
            for sheet in filled:
                tables.setdefault(sheet.record.name, []).append(sheet.table)
            said = [sheet.said for sheet in filled]
            entries = [_Entry(s.version, s.said.sheet, s.said.community_code, s.said.month_on, s.table.num_rows) for s in filled]
            file = FileRef(path, sha, label, received_at, is_complete=True)
        except Refused as refusal:
            tables = {}
            entries = [_Entry(version_of(sha, title), title.sheet, title.community_code, title.month_on, 0) for title in said]
            community, month_on = self._whose("", path.name)
            entries = entries or [_Entry(sha, WHOLE_FILE, community, month_on, 0)]
            file = FileRef(path, sha, label, received_at, refusal.is_complete, refusal.problem)
        amended = {name: pa.concat_tables(parts) for name, parts in tables.items()}
        given = {returns.name: _register(returns, file, entries)} | amended
        readers = {name: table.to_reader() for name, table in given.items()}
        return Reading(received_at, readers, {returns.name: len(entries)}, file=file, amends=bool(amended))

    def _whose(self, title: str, name: str, sheet: Sheet | None = None) -> tuple[str | None, dt.date | None]:
        """Community and month: the file name and the title say it, else the places in the rows do."""
        month = month_in(title) or month_in(name)
        community = community_in(name) or community_in(title) or (_community_of_rows(sheet) if sheet else None)
        for text in (title, name):
            named = {code for spoken, code in self._communities.items() if spoken in text}
            if community is None and len(named) == 1:
                community = named.pop()
        return community, dt.date(month[0], month[1], 1) if month else None


class _Entry:
    """One line of the register of returns."""

    def __init__(self, version: str, sheet: str, community: str | None, month_on: dt.date | None, rows: int) -> None:
        self.version, self.sheet, self.community, self.month_on, self.rows = version, sheet, community, month_on, rows


def communities_of(reference: Path) -> dict[str, str]:
    """Community names that mean one community only, with their codes, from the reference folder."""
    path = reference / "communities.csv"
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        pairs = [(row["community_name"], row["community_code"]) for row in csv.DictReader(file)]
    names = [name for name, _ in pairs]
    return {name: code for name, code in pairs if names.count(name) == 1}


def _sheets(path: Path, grids: list[Grid], kinds: list[RecordDecl]) -> list[Sheet]:
    found: dict[str, Sheet] = {}
    for grid in grids:
        sheet = find_sheet(grid, kinds, grid.sheet or path.name)
        if sheet is None:
            continue
        if sheet.record.name in found:
            raise Refused(f"文件里有两张{sheet.record.extract.sheet}表，请合并为一张")
        found[sheet.record.name] = sheet
    if not found:
        raise Refused(f"没有找到{'、'.join(str(record.extract.sheet) for record in kinds)}表的表头")
    return list(found.values())


def _sheet_named(kinds: list[RecordDecl], text: str) -> str:
    """The one sheet that title and name of a refused file speak of, else WHOLE_FILE."""
    named = [str(record.extract.sheet) for record in kinds if str(record.extract.sheet) in text]
    return named[0] if len(named) == 1 else WHOLE_FILE


def _community_of_rows(sheet: Sheet) -> str | None:
    if "compound_code" not in sheet.columns:
        return None
    parts = pc.extract_regex(pc.utf8_normalize(sheet.columns["compound_code"], "NFKC"), _COMMUNITY_OF_COMPOUND)
    found = pc.unique(pc.struct_field(parts, "community").drop_null()).to_pylist()
    return str(found[0]) if len(found) == 1 else None


def _repeated_date(day: dt.date | None, rows: int) -> pa.Array:
    return pa.repeat(pa.scalar(day, pa.date32()), rows)


def _register(returns: RecordDecl, file: FileRef, entries: list[_Entry]) -> pa.Table:
    columns: dict[str, list[object]] = {
        "file_sha": [entry.version for entry in entries],
        "sheet": [entry.sheet for entry in entries],
        "file_label": [file.label for _ in entries],
        "district_code": [entry.community[:6] if entry.community else None for entry in entries],
        "community_code": [entry.community for entry in entries],
        "month_on": [entry.month_on for entry in entries],
        "received_at": [file.received_at for _ in entries],
        "row_count": [entry.rows for entry in entries],
        "is_complete": [file.is_complete for _ in entries],
        "problem": [file.problem for _ in entries],
    }
    schema = returns.declared_schema()
    table = pa.table([pa.array(columns[column.name], column.type) for column in schema], schema=schema)
    return table.append_column("_source_ref", pa.array([file.label for _ in entries], pa.string()))
