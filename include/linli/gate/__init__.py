"""The gate: judges landed batches row by row and as a whole; what it lets through is what staging may read."""

from linli.gate.again import COLUMN_MISSING
from linli.gate.compile import UnknownReference
from linli.gate.judge import GateDisagreement, make_ready
from linli.gate.stage import GateReport, RecordReport, RowsUnaccounted, gate
from linli.gate.state import ContextBroken

__all__ = [
    "COLUMN_MISSING",
    "ContextBroken",
    "GateDisagreement",
    "GateReport",
    "RecordReport",
    "RowsUnaccounted",
    "UnknownReference",
    "gate",
    "make_ready",
]
