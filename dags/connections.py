"""An Airflow connection as the variables of its source would say it: an address, and for an API a token."""

from __future__ import annotations

import os
from urllib.parse import quote, urlencode, urlsplit

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

FOLDERS = ("", "file", "fs", "generic")
WEB = ("http", "https")


def from_connection(source: str) -> dict[str, str]:
    """The settings of `source` that the environment leaves open, as far as the Airflow connection `linli_<source>` gives them.

    Raises SettingsError when the environment holds a connection that Airflow cannot read.
    """
    from linli.settings import SettingsError, variable_of

    variable, token = variable_of(source), f"LINLI_{source.upper()}_TOKEN"
    address = os.environ.get(variable, "")
    if address and (os.environ.get(token) or not address.startswith(WEB)):
        return {}
    try:
        found = Connection.get(f"linli_{source}")
    except AirflowNotFoundException:
        written = f"AIRFLOW_CONN_LINLI_{source.upper()}"
        if os.environ.get(written):
            raise SettingsError(f"{written}：Airflow 读不懂这个连接，应为 URI 或 JSON") from None
        return {}
    given = {variable: address or _address(found)}
    if found.password and given[variable].startswith(WEB) and not os.environ.get(token):
        given[token] = found.password
    return given


def _address(connection: Connection) -> str:
    """What a connection leads to. A host that holds `://` is an address already begun, which the other fields complete."""
    begun, _, host = (connection.host or "").rpartition("://")
    kind = begun or connection.conn_type or ""
    if kind in FOLDERS:
        return str(connection.extra_dejson.get("path") or f"{host}/{connection.schema or ''}".rstrip("/"))
    if kind in WEB:
        return _api(connection, begun, host) if host else ""
    return _database(connection, begun, host)


def _api(connection: Connection, begun: str, host: str) -> str:
    """Airflow's HTTP connections name the protocol in `schema`; in a URI the path stands there."""
    path = connection.schema or ""
    if path in WEB:
        return _joined(begun or path, host, connection.port, "")
    return _joined(begun or str(connection.conn_type), host, connection.port, path)


def _database(connection: Connection, begun: str, host: str) -> str:
    scheme = begun or str(connection.conn_type)
    if not begun:
        host = f"[{host}]" if ":" in host else quote(host, safe="")
    user = quote(connection.login or "", safe="") + (f":{quote(connection.password, safe='')}" if connection.password else "")
    if user and "@" not in host:
        host = f"{user}@{host}"
    options = urlencode(connection.extra_dejson, quote_via=quote)
    address = _joined("postgresql" if scheme == "postgres" else scheme, host, connection.port, connection.schema or "")
    return f"{address}{'&' if '?' in address else '?'}{options}" if options else address


def _joined(scheme: str, host: str, port: int | None, path: str) -> str:
    """A URL whose host may hold a port and a path of its own; what is given besides completes it."""
    parts = urlsplit(f"{scheme}://{host}")
    netloc = f"{parts.netloc}:{port}" if port and parts.port is None else parts.netloc
    whole = parts.path.rstrip("/") + (f"/{quote(path)}" if path else "")
    return f"{scheme}://{netloc}{whole}" + (f"?{parts.query}" if parts.query else "")
