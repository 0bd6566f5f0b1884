"""A reading of a source lands: personal values protected on the way, a filled-in return slip completed first."""

from __future__ import annotations

from linli.contracts.model import Feed
from linli.landing.amendment import amended
from linli.landing.batches import Interval, Part, Reading, land_together
from linli.privacy import KeyRing, protect, scrub
from linli.register import Batch, Register, Run
from linli.settings import Settings


def land_reading(
    settings: Settings,
    register: Register,
    feed: Feed,
    reading: Reading,
    *,
    ring: KeyRing,
    window: Interval,
    run: Run,
    kind: str | None = None,
) -> list[Batch]:
    """The records of a reading of `feed`, personal values protected on the way; `kind` is by default 'file' for a file's, else 'window'.

    A record the reading has no table for (a sheet the file has not) gets no batch.
    """
    if reading.amends:
        completed = amended(settings, register, feed, reading, ring=ring)
        return land_together(
            settings,
            register,
            completed.parts,
            kind=kind or "file",
            window=window,
            snapshot_at=completed.snapshot_at,
            run=run,
            file=reading.file,
        )
    parts = [
        Part(
            record,
            protect(reading.tables[record.name], record, ring),
            reading.expected_rows.get(record.name),
            {"new_columns": [scrub(name) for name in new]} if (new := reading.new_columns.get(record.name)) else {},
        )
        for record in feed.records
        if record.name in reading.tables
    ]
    return land_together(
        settings,
        register,
        parts,
        kind=kind or ("file" if reading.file else "window"),
        window=window,
        snapshot_at=reading.snapshot_at,
        run=run,
        file=reading.file,
    )
