"""The gate: judges landed batches row by row and as a whole; what it lets through is what staging may read."""

from linli.gate.compile import UnknownReference
from linli.gate.enrich import ContextBroken
from linli.gate.gate import COLUMN_MISSING, GateReport, RecordReport, RowsUnaccounted, gate
from linli.gate.judge import GateDisagreement

__all__ = [
    "COLUMN_MISSING",
    "ContextBroken",
    "GateDisagreement",
    "GateReport",
    "RecordReport",
    "RowsUnaccounted",
    "UnknownReference",
    "gate",
]
