"""The newest release into PostgreSQL, for many analysts."""

from __future__ import annotations

from collections.abc import Callable

from linli import publication, serving, warehouse
from linli.failures import Refusal
from linli.pipeline.night import silent
from linli.settings import SERVING_SETTING, Settings


class NotServing(Refusal):
    """No database is configured."""


def serve(settings: Settings, *, again: bool = False, progress: Callable[[str, int, int], None] = silent) -> serving.Served:
    """Publishes the newest release into the database at LINLI_SERVING_URL; does nothing when it is there already, unless `again`.

    Raises NotServing, NothingPublished, and what `serving.serve` raises; the release served before is then still there.
    """
    if not settings.serving_url:
        raise NotServing(f"没有配置 {SERVING_SETTING}（postgresql://账号:密码@主机:5432/库名），见 docs/howto/serve-analysts.md")
    con = publication.open_published(settings)
    try:
        return serving.serve(settings.serving_url, con, publication.tables_of(con), _descriptions(settings), again=again, progress=progress)
    finally:
        con.close()


def served_version(settings: Settings) -> str | None:
    """The version the database holds, None before the first. Nothing is changed. Raises what a publication would be refused with."""
    return serving.standing(settings.serving_url, publication.SCHEMAS)


def _descriptions(settings: Settings) -> dict[str, serving.Description]:
    of_models = {name: serving.Description(*said) for name, said in warehouse.descriptions(settings.project).items()}
    return of_models | serving.of_the_account()
