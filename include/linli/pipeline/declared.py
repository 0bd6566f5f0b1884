"""Sources and records by the names somebody types."""

from __future__ import annotations

from linli.contracts import Catalog, RecordDecl
from linli.failures import Refusal


class NotDeclared(Refusal):
    """A source or record of that name is not declared; the message says which are, or how it is written."""


def check_source(declared: Catalog, name: str | None) -> None:
    """Raises NotDeclared for the name of no source; none given is in order."""
    if name is not None and name not in declared.sources:
        raise NotDeclared(f"没有声明过名为 {name} 的来源，已声明的是 {'、'.join(declared.sources)}")


def record_of(declared: Catalog, full_name: str) -> RecordDecl:
    """The record `source.name`. Raises NotDeclared."""
    try:
        return declared.record(full_name)
    except KeyError:
        raise NotDeclared(f"没有声明过名为 {full_name} 的记录，应写作 case_system.callbacks 这样的全名") from None
