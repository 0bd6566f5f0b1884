"""The four operational systems of an invented district, for real, so that a night has something to load."""

from __future__ import annotations

from linli.demo.books import BadSubmission, Books
from linli.demo.home import DemoError, DemoStatus, books, down, environment, status, tick, up
from linli.demo.reference import write_reference

__all__ = [
    "BadSubmission",
    "Books",
    "DemoError",
    "DemoStatus",
    "books",
    "down",
    "environment",
    "status",
    "tick",
    "up",
    "write_reference",
]
