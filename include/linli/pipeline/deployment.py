"""What this deployment is: its declarations, its code, its register, and the feeds it loads."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from linli import __version__, contracts
from linli.contracts import Catalog, Feed, SourceDecl
from linli.register import Register
from linli.settings import Settings

CODE_FOLDERS = ("include/linli", "expectations", "dbt_project/models", "dbt_project/macros")


@dataclass(frozen=True)
class FeedRef:
    """A feed by its names, small enough to travel between tasks."""

    source: str
    feed: str


@functools.cache
def catalog_of(folder: Path) -> Catalog:
    """The declarations, read once per process."""
    return contracts.load(folder)


def catalog(settings: Settings) -> Catalog:
    """The catalog of this deployment."""
    return catalog_of(settings.project / "expectations")


@functools.cache
def code_version(project: Path) -> str:
    """Package version and a hash of everything that decides a figure."""
    total = hashlib.sha256()
    for folder in CODE_FOLDERS:
        for path in sorted((project / folder).rglob("*")):
            if path.suffix in (".py", ".sql", ".yml"):
                total.update(path.relative_to(project).as_posix().encode())
                total.update(path.read_bytes())
    return f"{__version__}+{total.hexdigest()[:12]}"


@contextmanager
def register_of(settings: Settings) -> Iterator[Register]:
    """The register, closed again at the end of the step."""
    with Register(settings.register_path) as register:
        yield register


def feeds(settings: Settings) -> list[FeedRef]:
    """Every declared feed, configured or not."""
    return [FeedRef(source.name, feed.name) for source in catalog(settings).sources.values() for feed in source.feeds]


def configured_feeds(settings: Settings) -> list[FeedRef]:
    """The feeds of the sources this deployment has an address for."""
    return [ref for ref in feeds(settings) if settings.connection(ref.source)]


def reconcilable_feeds(settings: Settings) -> list[FeedRef]:
    """Configured feeds whose transport can list its keys (databases)."""
    sources = catalog(settings).sources
    return [ref for ref in configured_feeds(settings) if sources[ref.source].transport in ("postgres", "mysql")]


def feed_of(settings: Settings, ref: FeedRef) -> tuple[SourceDecl, Feed]:
    """What is declared of a feed, and of its source."""
    source = catalog(settings).sources[ref.source]
    return source, source.feed(ref.feed)


def is_of_demo(settings: Settings) -> bool | None:
    """Whether what has landed here is of a demo district; None as long as nothing has."""
    if not settings.register_path.exists():
        return None
    with register_of(settings) as register:
        return register.is_of_demo()


def loaded_sources(settings: Settings) -> set[str]:
    """The sources of which something has landed here."""
    if not settings.register_path.exists():
        return set()
    with register_of(settings) as register:
        return {ref.source for ref in feeds(settings) if register.window_end(ref.source, feed_of(settings, ref)[1].root.name)}


def newest_day(settings: Settings) -> dt.date | None:
    """The newest day any night has published; None before the first."""
    if not settings.register_path.exists():
        return None
    with register_of(settings) as register:
        return register.history.newest_day_published()
