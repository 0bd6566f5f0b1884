"""What can go wrong and is not a fault of ours: refusals. Light to import: DAG files name these classes."""

from __future__ import annotations


class Refusal(RuntimeError):
    """Something that an operator can mend. The message says in Chinese what, where and how, and holds no values; it needs no traceback."""


class SourceUnavailable(Refusal):
    """An outage: down, slow, refusing for now. Trying again later may help."""


class SourceContractBroken(Refusal):
    """The source answers, but not as agreed. Trying again changes nothing."""
