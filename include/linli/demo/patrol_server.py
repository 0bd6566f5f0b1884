"""The patrol app's API as a process of its own: `python patrol_server.py FOLDER`, standard library only.

FOLDER holds `server.json` (port, token, seed, fault_rate) and one JSON-lines file an endpoint, ordered by updated_at;
a file that is replaced is read again with the next request.
"""

from __future__ import annotations

import base64
import json
import signal
import sys
import threading
from bisect import bisect_left, bisect_right
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

ENDPOINTS = {"/v1/patrols": "patrol_id", "/v1/snaps": "snap_id", "/v1/disputes": "dispute_id"}
MAX_PAGE_SIZE = 500
_FAULTS = ("too_many", "error", "unavailable", "gateway", "broken_body")
Position = tuple[datetime, str]


class BadRange(ValueError):
    """A parameter of the query cannot be understood."""


class Collection:
    """The items of one endpoint in the order of their updated_at, as the bytes that are sent."""

    def __init__(self, path: Path, key: str) -> None:
        self.path = path
        self.key = key
        self.positions: list[Position] = []
        self.bodies: list[bytes] = []
        self._read_at = -1
        self._lock = threading.Lock()

    def refresh(self) -> tuple[list[Position], list[bytes]]:
        changed_at = self.path.stat().st_mtime_ns
        with self._lock:
            if changed_at != self._read_at:
                bodies = self.path.read_bytes().splitlines()
                items = [json.loads(body) for body in bodies]
                positions = [(datetime.fromisoformat(item["updated_at"]), str(item[self.key])) for item in items]
                self.positions, self.bodies, self._read_at = positions, bodies, changed_at
            return self.positions, self.bodies

    def page(self, query: dict[str, str]) -> bytes:
        """One page of the answer; BadRange when the query makes no sense."""
        since = _moment(query, "updated_since")
        before = _moment(query, "updated_before")
        if since and before and since > before:
            raise BadRange("updated_since is after updated_before")
        size = _page_size(query.get("page_size", "100"))
        positions, bodies = self.refresh()
        start = bisect_left(positions, (since, "")) if since else 0
        if "cursor" in query:
            start = max(start, bisect_right(positions, _position(query["cursor"])))
        end = bisect_left(positions, (before, "")) if before else len(positions)
        last = min(start + size, end)
        cursor = json.dumps(_cursor(positions[last - 1])) if last < end else "null"
        return b'{"items": [' + b", ".join(bodies[start:last]) + b'], "next_cursor": ' + cursor.encode() + b"}"


def _moment(query: dict[str, str], name: str) -> datetime | None:
    if name not in query:
        return None
    try:
        # A plus sign that was not percent-encoded arrives as a space.
        moment = datetime.fromisoformat(query[name].replace(" ", "+"))
    except ValueError:
        raise BadRange(f"{name} is not a date and time") from None
    if moment.tzinfo is None:
        raise BadRange(f"{name} has no offset")
    return moment


def _page_size(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_PAGE_SIZE:
        raise BadRange(f"page_size is not between 1 and {MAX_PAGE_SIZE}")
    return int(text)


def _cursor(position: Position) -> str:
    return base64.urlsafe_b64encode(f"{position[0].isoformat()}|{position[1]}".encode()).decode()


def _position(cursor: str) -> Position:
    try:
        moment, _, key = base64.urlsafe_b64decode(cursor.encode()).decode().partition("|")
        return datetime.fromisoformat(moment), key
    except ValueError:
        raise BadRange("the cursor is not one of ours") from None


class PatrolServer(ThreadingHTTPServer):
    """Serves the folder on loopback; faults come at `fault_rate`, drawn request by request from the seed."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        settings: dict[str, Any] = json.loads((folder / "server.json").read_text())
        self.token: str = settings["token"]
        self.fault_rate: float = settings["fault_rate"]
        self._faults = Random(f"{settings['seed']}/patrol_app")
        self._lock = threading.Lock()
        self.collections = {path: Collection(folder / f"{path.rsplit('/', 1)[1]}.jsonl", key) for path, key in ENDPOINTS.items()}
        super().__init__(("127.0.0.1", settings["port"]), Handler)

    def draw_fault(self) -> str | None:
        with self._lock:
            fault = self._faults.choice(_FAULTS)
            return fault if self._faults.random() < self.fault_rate else None


class Handler(BaseHTTPRequestHandler):
    server: PatrolServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        collection = self.server.collections.get(url.path)
        if collection is None:
            self._send(404, b'{"error": "not found"}')
            return
        if self.headers.get("Authorization") != f"Bearer {self.server.token}":
            self._send(401, b'{"error": "bad token"}')
            return
        fault = self.server.draw_fault()
        if fault in ("too_many", "error", "unavailable", "gateway"):
            status = {"too_many": 429, "error": 500, "gateway": 502, "unavailable": 503}[fault]
            self._send(status, b'{"error": "try again"}', {"Retry-After": "1"} if status == 429 else {})
            return
        try:
            body = collection.page({name: given[-1] for name, given in parse_qs(url.query).items()})
        except BadRange as error:
            self._send(400, json.dumps({"error": str(error)}).encode())
            return
        self._send(200, body, breaks_off=fault == "broken_body")

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None, *, breaks_off: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if breaks_off:
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        else:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are not logged."""


def main(folder: Path) -> None:
    server = PatrolServer(folder)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.2)
    server.server_close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
