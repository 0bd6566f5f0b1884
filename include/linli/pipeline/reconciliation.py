"""Reconciles what has landed with what the sources still hold: a run of its own kind beside the nights."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import suppress

from linli.failures import SourceContractBroken, SourceUnavailable
from linli.pipeline.deployment import FeedRef, feed_of, reconcilable_feeds, register_of
from linli.pipeline.steps import begin, finish
from linli.register import SourceStatus
from linli.settings import Settings


def reconcile_feed(settings: Settings, run_id: str, ref: FeedRef, *, with_hashes: bool) -> dict[str, int]:
    """Compares a feed's keys with what has landed; lands what is missing or stale and a tombstone for what is gone.

    Raises SourceUnavailable or SourceContractBroken, noted in the register first.
    """
    from linli import landing, privacy, sources

    declaration, feed = feed_of(settings, ref)
    with register_of(settings) as register:
        run = register.run(run_id)
        try:
            ring = privacy.KeyRing.load_or_create(settings.key_ring)
            source = sources.open_source(declaration, settings)
            if not isinstance(source, sources.Reconcilable):
                raise SourceContractBroken(f"{ref.source}：这类来源不能列出键，无法核对")
            found = landing.reconcile(settings, register, source, feed, run, ring=ring)
            refetched = found.refetched
            if with_hashes:
                refetched += landing.compare_hashes(settings, register, source, feed, run, ring=ring).refetched
        except (SourceUnavailable, SourceContractBroken) as error:
            register.set_source_status(run, SourceStatus(ref.source, ref.feed, "failed", str(error), None, 0))
            raise
        register.set_source_status(run, SourceStatus(ref.source, ref.feed, "loaded", "", run.as_of, refetched + found.deleted))
        return {"keys": found.keys, "refetched": refetched, "deleted": found.deleted}


def reconcile(
    settings: Settings, day: dt.date, *, with_hashes: bool, progress: Callable[[str, int, int], None]
) -> Iterator[tuple[str, dict[str, int]]]:
    """Reconciles every feed that can be, whatever becomes of the others; yields (feed, counts of keys, refetched and deleted rows).

    Raises NightIncomplete at the end when a feed could not be.
    """
    run = begin(settings, day, kind="reconcile")
    refs = reconcilable_feeds(settings)
    for done, ref in enumerate(refs):
        progress(f"{ref.source}.{ref.feed}", done, len(refs))
        with suppress(SourceUnavailable, SourceContractBroken):
            yield f"{ref.source}.{ref.feed}", reconcile_feed(settings, run.run_id, ref, with_hashes=with_hashes)
    finish(settings, run.run_id)
