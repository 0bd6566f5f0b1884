"""The declarations of every record kind and what is derived from them."""

from linli.contracts.load import DeclarationError, load, read_mapping
from linli.contracts.model import (
    ARROW_TYPES,
    META,
    SQL_TYPES,
    Catalog,
    Check,
    Column,
    Expect,
    Extract,
    Feed,
    Hold,
    RecordDecl,
    SourceDecl,
    Where,
)

__all__ = [
    "ARROW_TYPES",
    "META",
    "SQL_TYPES",
    "Catalog",
    "Check",
    "Column",
    "DeclarationError",
    "Expect",
    "Extract",
    "Feed",
    "Hold",
    "RecordDecl",
    "SourceDecl",
    "Where",
    "load",
    "read_mapping",
]
