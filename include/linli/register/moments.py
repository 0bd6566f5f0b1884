"""Instants as the register writes them: ISO 8601 in UTC with microseconds, so that text sorts as time does."""

from __future__ import annotations

import datetime as dt


def as_text(moment: dt.datetime | None) -> str | None:
    """An instant as written; None for none."""
    return None if moment is None else moment.astimezone(dt.UTC).isoformat(timespec="microseconds")


def as_moment(text: str | None) -> dt.datetime | None:
    """A written instant; None for none."""
    return None if text is None else dt.datetime.fromisoformat(text)
