"""Values of the marts as they are printed in an appendix."""

from __future__ import annotations

import datetime as dt

from linli.settings import SHANGHAI


def printed(value: object) -> str:
    """A value of an answer: instants in local time to the minute, lists by their items, doubles to six digits, nothing for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return value.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return "、".join(map(printed, value))
    return str(value)
