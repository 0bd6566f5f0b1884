"""Publication: one audited generation becomes one read-only file behind a symlink."""

from linli.publication.audit import AuditFailed, audit
from linli.publication.content import PUBLISHED_SCHEMAS
from linli.publication.reader import SCHEMAS, Ask, NothingPublished, ask, holds, one_release, open_published, open_with_closed, tables_of
from linli.publication.release import OLDEST_CLIENT, Release, content_hash, export_alone, publish

__all__ = [
    "OLDEST_CLIENT",
    "PUBLISHED_SCHEMAS",
    "SCHEMAS",
    "Ask",
    "AuditFailed",
    "NothingPublished",
    "Release",
    "ask",
    "audit",
    "content_hash",
    "export_alone",
    "holds",
    "one_release",
    "open_published",
    "open_with_closed",
    "publish",
    "tables_of",
]
