"""What can go wrong with a source, told apart by whether trying again helps. Light to import: DAG files name these classes."""

from __future__ import annotations


class SourceUnavailable(RuntimeError):
    """An outage: down, slow, refusing for now. Trying again later may help. The message holds no values."""


class SourceContractBroken(RuntimeError):
    """The source answers, but not as agreed. Trying again changes nothing. The message holds no values."""
