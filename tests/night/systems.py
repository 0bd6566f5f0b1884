"""The four systems of a test, filled by hand and broken at will: PostgreSQL, an API, an inbox."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import socket
import tempfile
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import xlsxwriter

from linli.demo.postgres import Postgres
from linli.demo.processes import free_port
from linli.demo.returns import HEADERS
from linli.demo.tables import TABLES

Row = dict[str, Any]
SHANGHAI = dt.timezone(dt.timedelta(hours=8))
PASSWORD, TOKEN = "reader-4f1c", "token-9b2e"
PAGE = 20


def at(day: int, hour: int = 9) -> dt.datetime:
    """An instant in October 2026, local time."""
    return dt.datetime(2026, 10, day, hour, tzinfo=SHANGHAI)


class Api:
    """The patrol app. `faults` by endpoint: 'cut' (bodies break off from the second page on), 'silent', 'shapeless'."""

    def __init__(self) -> None:
        self.items: dict[str, list[Row]] = {"/v1/patrols": [], "/v1/snaps": [], "/v1/disputes": []}
        self.faults: dict[str, str] = {}
        self.is_stopping = threading.Event()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                url = urlsplit(self.path)
                query = {name: given[-1] for name, given in parse_qs(url.query).items()}
                fault, start = api.faults.get(url.path), int(query.get("cursor", 0))
                if fault == "silent":
                    api.is_stopping.wait(30)
                    self.close_connection = True
                    return
                found = api.within(url.path, query)
                page = {"items": found[start : start + PAGE], "next_cursor": str(start + PAGE) if start + PAGE < len(found) else None}
                body = json.dumps({"rows": 1} if fault == "shapeless" else page, ensure_ascii=False).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                is_cut = fault == "cut" and start > 0
                self.wfile.write(body[: len(body) // 2] if is_cut else body)
                self.close_connection = is_cut

            def log_message(self, format: str, *args: object) -> None:
                """Requests are not logged."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def within(self, endpoint: str, query: Mapping[str, str]) -> list[Row]:
        since, before = (dt.datetime.fromisoformat(query[name]) for name in ("updated_since", "updated_before"))
        return [item for item in self.items[endpoint] if since <= dt.datetime.fromisoformat(item["updated_at"]) < before]

    def close(self) -> None:
        self.is_stopping.set()
        self.server.shutdown()
        self.server.server_close()


class Silence:
    """A port that takes connections and never says a word."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]

    def close(self) -> None:
        self.socket.close()


class Systems:
    """All four, in `folder`; `env` tells the pipeline where they are."""

    def __init__(self, folder: Path) -> None:
        # Not in `folder`: pytest closes its own to others again and again, and as root the server runs as another user.
        self._database = tempfile.TemporaryDirectory(prefix="linli-systems-")
        self.postgres = Postgres(Path(self._database.name) / "postgres", free_port(), "admin-77d0")
        self.postgres.start()
        self.api = Api()
        self.inbox = folder / "inbox"
        self.inbox.mkdir()
        (folder / "clock").write_text("2026-12-31")
        self.env = {
            **os.environ,
            "LINLI_CASE_SYSTEM_URL": self.postgres.url("case_system", PASSWORD),
            "LINLI_POINTS_LEDGER_URL": self.postgres.url("points_ledger", PASSWORD),
            "LINLI_PATROL_APP_URL": self.api.url,
            "LINLI_PATROL_APP_TOKEN": TOKEN,
            "LINLI_MEETING_INBOX": str(self.inbox),
            "LINLI_INBOX_QUIET_SECONDS": "0",
            "LINLI_CLOCK": str(folder / "clock"),
        }

    def load(self, tables: Mapping[str, Sequence[Row]]) -> None:
        """Fills the databases anew; rows by 'database.table'."""
        keyed = {
            f"{database}.{table}": {str(n): dict.fromkeys(columns) | row for n, row in enumerate(tables.get(f"{database}.{table}", ()))}
            for database in TABLES
            for table, columns in TABLES[database].items()
        }
        self.postgres.load(keyed, PASSWORD, with_ledger=True)

    def execute(self, database: str, statement: str) -> None:
        with self.postgres.connect(database, autocommit=True) as connection:
            connection.execute(statement)

    def drop(self, name: str, sheets: Mapping[str, Sequence[Row]], *, title: str, dropped_at: dt.datetime) -> None:
        """A workbook in the inbox."""
        content = io.BytesIO()
        with xlsxwriter.Workbook(content, {"in_memory": True}) as workbook:
            for sheet, rows in sheets.items():
                page = workbook.add_worksheet(sheet)
                page.write(0, 0, title)
                page.write_row(1, 0, [names[0] for _, names in HEADERS[sheet]])
                for line, row in enumerate(rows, 2):
                    page.write_row(line, 0, [row.get(column, "") for column, _ in HEADERS[sheet]])
                page.write_row(len(rows) + 2, 0, ["合计", len(rows)])
        self.put(name, content.getvalue(), dropped_at)

    def put(self, name: str, content: bytes, dropped_at: dt.datetime) -> None:
        """A file of these bytes in the inbox."""
        path = self.inbox / name
        path.write_bytes(content)
        os.utime(path, (dropped_at.timestamp(),) * 2)

    def close(self) -> None:
        self.api.close()
        self.postgres.stop()
        self._database.cleanup()
