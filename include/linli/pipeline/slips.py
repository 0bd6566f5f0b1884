"""Return slips of what is open now: read from the register and the lake, put into words, handed to the stage that writes them."""

from __future__ import annotations

import csv
import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from linli import slips as returned
from linli.contracts import RecordDecl
from linli.contracts.slip import HIDDEN
from linli.durable import name_of
from linli.pipeline.declared import check_source
from linli.pipeline.deployment import catalog
from linli.pipeline.night import silent
from linli.pipeline.places import Places, places_of
from linli.pipeline.quarantined import RowBehind, as_landed, loaded, rows_behind
from linli.pipeline.report import latest_day
from linli.pipeline.waivers import today, waived_entries
from linli.pipeline.words import readable
from linli.publication import NothingPublished
from linli.register import QuarantineEntry, Register
from linli.settings import Settings
from linli.slips import Slip, SlipSheet

_STOPPED = "batch_stopped"
_LONGEST_SHEET = 5_000
"""rows of one record and submitter that somebody can be expected to correct at a time"""


@dataclass(frozen=True)
class WrittenSlips:
    """The folder and the slips in it; `waived` open entries are tolerated and on none of them."""

    folder: Path
    slips: Sequence[Slip]
    waived: int


def write_slips(
    settings: Settings,
    *,
    source: str | None = None,
    submitter: str | None = None,
    into: Path | None = None,
    on: dt.date | None = None,
    progress: Callable[[str, int, int], None] = silent,
) -> WrittenSlips:
    """Writes a slip for each submitter and source with open entries, those waived on `on` (by default today) left out. Rows of which it
    is not known who submitted them are on one slip of the source.

    They lie in `into`, or under slips/ in a folder named after the day of the newest release (and after what was chosen), which takes the
    place of an earlier one. Raises NothingPublished, NotDeclared for a source, NoSuchSubmitter, FileExistsError
    where something else lies in the folder.
    """
    day = latest_day(settings)
    if day is None:
        raise NothingPublished("还没有发布过数据，请先运行 make run 或 linli night --day 日期")
    check_source(catalog(settings), source)
    waived = waived_entries(settings, on or today(settings))
    reference, places = _reference(settings.reference), places_of(settings)
    with loaded(settings) as register:
        places.check_submitter(submitter, {e.submitter for e in register.quarantine(include_closed=True)})
        known = [replace(e, submitter=places.code(e.submitter) or None) for e in register.quarantine(source=source)]
        asked = [e for e in known if submitter in (None, e.submitter)]
        told = [e for e in asked if (e.source, e.record, e.key) not in waived]
        progress("读取退回的记录", 0, 0)
        found = list(_slips(settings, register, told, reference, places, day))
    folder = into or settings.slips / "-".join([f"{day}", *(part for part in (source, submitter and name_of(submitter)) if part)])
    returned.write_folder(folder, found, progress)
    return WrittenSlips(folder, found, len(asked) - len(told))


def _reference(folder: Path) -> returned.Reference:
    found = {}
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            found[path.stem] = list(csv.DictReader(file))
    return found


def _slips(
    settings: Settings, register: Register, entries: Sequence[QuarantineEntry], reference: returned.Reference, places: Places, day: dt.date
) -> Iterator[Slip]:
    """One for each source and submitter, in the order of the declarations."""
    for source in catalog(settings).sources.values():
        sheets: dict[str | None, list[SlipSheet]] = {}
        left_off: Counter[str | None] = Counter()
        of_source = [entry for entry in entries if entry.source == source.name]
        for record in source.records:
            mine = _by_submitter(entry for entry in of_source if entry.record == record.name and entry.rules != (_STOPPED,))
            left_off.update({submitter: max(0, len(theirs) - _LONGEST_SHEET) for submitter, theirs in mine.items()})
            told = [entry for theirs in mine.values() for entry in theirs[:_LONGEST_SHEET]]
            for submitter, sheet in _sheets(settings, register, record, told, reference):
                sheets.setdefault(submitter, []).append(sheet)
        stopped = Counter(entry.submitter for entry in of_source if entry.rules == (_STOPPED,))
        for submitter in sorted(sheets, key=lambda who: who or ""):
            ordered = sorted(sheets[submitter], key=lambda sheet: sheet.month_on is None)
            name = places.name(submitter)
            yield Slip(
                source.name, source.label, submitter, "" if name == submitter else name, day, ordered, source.transport == "files",
                stopped[submitter], left_off[submitter],
            )  # fmt: skip


def _by_submitter(entries: Iterable[QuarantineEntry]) -> dict[str | None, list[QuarantineEntry]]:
    found: dict[str | None, list[QuarantineEntry]] = {}
    for entry in entries:
        found.setdefault(entry.submitter, []).append(entry)
    return found


def _sheets(
    settings: Settings, register: Register, record: RecordDecl, entries: Sequence[QuarantineEntry], reference: returned.Reference
) -> Iterator[tuple[str | None, SlipSheet]]:
    """The sheets of one record by submitter; of rows that can be handed back one a month, oldest first."""
    registers = [r for r in catalog(settings).sources[record.source].records if r.extract.sheet == "*"]
    refused = {entry.key for r in registers for entry in register.quarantine(source=r.source, record=r.name)}
    groups: dict[tuple[str | None, dt.date | None], list[RowBehind]] = {}
    for behind in rows_behind(settings, register, record, entries):
        groups.setdefault((behind.entry.submitter, _month(record, behind, refused)), []).append(behind)
    for (submitter, month_on), rows in sorted(groups.items(), key=lambda group: group[0][1] or dt.date.min):
        choices = returned.choices(record, reference, submitter) if month_on else {}
        yield submitter, SlipSheet(record, [_row(record, behind) for behind in _in_order(rows)], month_on, choices)


def _month(record: RecordDecl, behind: RowBehind, refused: set[str]) -> dt.date | None:
    """The month of the sheet that a row can be handed back for; None for one that cannot: a system's, or one that comes again with its
    file, which was refused as a whole (`refused` has the keys of those)."""
    sheet, month_on = record.extract.sheet, behind.row.get("month_on")
    if sheet in (None, "*") or behind.entry.submitter is None or f"{behind.row.get('_parent_version')}|{sheet}" in refused:
        return None
    return month_on if isinstance(month_on, dt.date) else None


def _in_order(rows: Sequence[RowBehind]) -> list[RowBehind]:
    """Each row once, as they landed: two entries may have the same row behind them."""
    once = {(b.row.get("_batch_id", b.entry.batch_id), b.row.get("_row_no", b.entry.row_no)): b for b in rows}
    return [once[place] for place in sorted(once)]


def _row(record: RecordDecl, behind: RowBehind) -> returned.BadRow:
    values = {}
    for column in record.columns:
        text = as_landed(behind.row, column.name)
        values[column.name] = HIDDEN if text and column.personal not in (None, "text") else text
    faults = [returned.Fault(word.rule, word.message, word.fix, word.columns) for word in behind.words]
    return returned.BadRow(str(behind.row.get("_source_ref") or readable(behind.entry.key)), values, faults)
