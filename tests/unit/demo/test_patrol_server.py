"""The patrol app's API: bounds, pages, refusals, and faults that come when they are asked for."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from linli.demo.patrol_server import PatrolServer

TOKEN = "a-token"
ITEMS = [{"snap_id": f"S-{n:03d}", "updated_at": f"2026-10-01T08:{n // 3:02d}:00+08:00"} for n in range(60)]


def _folder(tmp_path: Path, fault_rate: float) -> Path:
    settings = {"port": 0, "token": TOKEN, "seed": 1, "fault_rate": fault_rate}
    (tmp_path / "server.json").write_text(json.dumps(settings))
    for name in ("patrols", "snaps", "disputes"):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, ITEMS)) if name == "snaps" else "")
    return tmp_path


@pytest.fixture(params=[0.0])
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[PatrolServer]:
    serving = PatrolServer(_folder(tmp_path, request.param))
    thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield serving
    serving.shutdown()
    thread.join()
    serving.server_close()


def _get(server: PatrolServer, token: str = TOKEN, **query: str) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=5)
    connection.request("GET", f"/v1/snaps?{urlencode(query)}", headers={"Authorization": f"Bearer {token}"})
    response = connection.getresponse()
    try:
        return response, response.read()
    finally:
        connection.close()


def test_pages_bring_every_item_of_the_range_once(server: PatrolServer) -> None:
    found: list[str] = []
    query = {"updated_since": "2026-10-01T08:02:00+08:00", "updated_before": "2026-10-01T08:19:00+08:00", "page_size": "7"}
    while True:
        document = json.loads(_get(server, **query)[1])
        found += [item["snap_id"] for item in document["items"]]
        if document["next_cursor"] is None:
            break
        query["cursor"] = document["next_cursor"]
    # Inclusive since 08:02, exclusive before 08:19; three items share each minute.
    assert found == [f"S-{n:03d}" for n in range(6, 57)]


def test_without_bounds_the_first_hundred_come(server: PatrolServer) -> None:
    document = json.loads(_get(server)[1])
    assert (len(document["items"]), document["next_cursor"]) == (60, None)


@pytest.mark.parametrize(
    "query",
    [
        {"page_size": "0"},
        {"page_size": "501"},
        {"page_size": "many"},
        {"updated_since": "yesterday"},
        {"updated_since": "2026-10-01T08:00:00"},
        {"updated_since": "2026-10-02T00:00:00+08:00", "updated_before": "2026-10-01T00:00:00+08:00"},
        {"cursor": "not-one-of-ours"},
    ],
)
def test_a_bad_range_is_400(server: PatrolServer, query: dict[str, str]) -> None:
    assert _get(server, **query)[0].status == 400


def test_a_bad_token_is_401(server: PatrolServer) -> None:
    assert _get(server, token="another")[0].status == 401


def test_a_replaced_file_is_read_again(server: PatrolServer, tmp_path: Path) -> None:
    assert len(json.loads(_get(server)[1])["items"]) == 60
    aside = tmp_path / "aside"
    aside.write_text(json.dumps(ITEMS[0]))
    aside.replace(tmp_path / "snaps.jsonl")
    assert len(json.loads(_get(server)[1])["items"]) == 1


@pytest.mark.parametrize("server", [1.0], indirect=True)
def test_faults_are_of_every_kind(server: PatrolServer) -> None:
    seen = set()
    for _ in range(60):
        try:
            response, _ = _get(server)
            seen.add(response.status)
            assert response.status != 429 or response.headers["Retry-After"] == "1"
        except http.client.IncompleteRead:
            seen.add(200)
    assert seen == {200, 429, 500, 502, 503}
