"""The register: the one mutable book of batches, verdicts, quarantine, runs and publications.

Files in the lake and under verdicts/ are immutable; a file counts only once the register names it, so every
stage has one commit point: one SQLite transaction here. It holds keys and rule names, never the rows themselves.
"""

from linli.register.book import Register
from linli.register.entries import (
    Answer,
    Batch,
    CheckResult,
    Decision,
    HeldRow,
    OtherOrigin,
    QuarantineEntry,
    RegisterError,
    Run,
    SourceStatus,
    SupersededRun,
    Verdict,
    now,
)
from linli.register.history import SHOWN
from linli.register.waivers import Waiver

__all__ = [
    "SHOWN",
    "Answer",
    "Batch",
    "CheckResult",
    "Decision",
    "HeldRow",
    "OtherOrigin",
    "QuarantineEntry",
    "Register",
    "RegisterError",
    "Run",
    "SourceStatus",
    "SupersededRun",
    "Verdict",
    "Waiver",
    "now",
]
