"""What a command is given, and what is seen of what it says."""

from __future__ import annotations

import unicodedata

ADDRESS = {"LINLI_CASE_SYSTEM_URL": "postgresql://reader@127.0.0.1:1/cases"}


def steers(output: str) -> list[str]:
    """What a terminal would not print but do."""
    return [sign for sign in output if unicodedata.category(sign)[0] == "C" and sign not in "\n"]


def shows(output: str, text: str) -> bool:
    """Whether the words of `text` stand in a table, however it is broken into lines."""
    words = "".join(sign if unicodedata.category(sign)[0] not in "CZ" else " " for sign in text).split()
    return all(word in output for word in words)
