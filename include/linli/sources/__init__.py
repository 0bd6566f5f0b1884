"""Transports: how rows come out of an operational system. They know nothing of where the rows go."""

from __future__ import annotations

from linli.contracts.model import SourceDecl
from linli.settings import Settings, variable_of
from linli.sources.base import FileRef, Inbox, Reading, Reconcilable, Source, SourceContractBroken, SourceUnavailable, Window

__all__ = [
    "FileRef",
    "Inbox",
    "Reading",
    "Reconcilable",
    "Source",
    "SourceContractBroken",
    "SourceUnavailable",
    "Window",
    "open_source",
]


def open_source(decl: SourceDecl, settings: Settings) -> Source:
    """The transport of a declared source at its configured address; the address of a database decides which one speaks to it.

    Nothing is connected yet. Raises SourceContractBroken when no address is configured or the address is of no known kind.
    """
    address = settings.connection(decl.name)
    if not address:
        raise SourceContractBroken(f"{decl.name}：没有配置地址（{variable_of(decl.name)}）")
    scheme = address.split("://", 1)[0].split("+", 1)[0].lower()
    if decl.transport in ("postgres", "mysql"):
        if scheme in ("postgresql", "postgres"):
            from linli.sources.postgres import PostgresSource

            return PostgresSource(address)
        if scheme in ("mysql", "mariadb"):
            from linli.sources.mysql import MysqlSource

            return MysqlSource(address)
        raise SourceContractBroken(f"{decl.name}：地址应以 postgresql:// 或 mysql:// 开头，请检查 {variable_of(decl.name)}")
    if decl.transport == "rest":
        if scheme not in ("http", "https"):
            raise SourceContractBroken(f"{decl.name}：地址应以 https:// 或 http:// 开头，请检查 {variable_of(decl.name)}")
        from linli.sources.rest import RestSource

        return RestSource(address, settings.tokens.get(decl.name))
    from linli.sources.files import InboxSource, communities_of

    return InboxSource(address, quiet_seconds=settings.inbox_quiet_seconds, communities=communities_of(settings.reference))
