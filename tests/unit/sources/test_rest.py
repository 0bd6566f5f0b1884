"""The REST transport against a server that misbehaves in every way its documentation admits, and some more."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
import pytest

from linli.contracts import Catalog, Feed
from linli.sources import SourceContractBroken, SourceUnavailable, Window
from linli.sources.rest import RestSource

WINDOW = Window(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
TOKEN = "letters-and-digits"
Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Api:
    """Answers the n-th request with `answers(n, query)`."""

    answers: Callable[[int, dict[str, str]], Answer] = field(default=lambda n, query: page([]))
    queries: list[dict[str, str]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    url: str = ""


def page(items: list[dict[str, Any]], cursor: str | None = None) -> Answer:
    return 200, {"Date": "Sun, 01 Nov 2026 01:02:03 GMT"}, json.dumps({"items": items, "next_cursor": cursor}).encode()


@pytest.fixture
def api() -> Iterator[Api]:
    state = Api()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            state.queries.append(query)
            state.tokens.append(self.headers["Authorization"])
            status, headers, body = state.answers(len(state.queries), query)
            self.send_response_only(status)
            length = headers.pop("Content-Length", str(len(body)))
            for name, value in {**headers, "Content-Length": length}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def patrols(catalog: Catalog) -> Feed:
    return catalog.sources["patrol_app"].feed("patrols")


def read(api: Api, feed: Feed) -> dict[str, pa.Table]:
    source = RestSource(api.url, TOKEN, backoff=0.001)
    [reading] = source.readings(feed, WINDOW, seen=lambda _: False)
    return {name: rows.read_all() for name, rows in reading.tables.items()}


def patrol(no: int, **more: Any) -> dict[str, Any]:
    return {
        "patrol_id": f"P-340405-{no:06d}",
        "kind": "联勤",
        "district_code": "340405",
        "compound_code": "340405-C01-X02",
        "started_at": "2026-10-08T09:00:00+08:00",
        "ended_at": "2026-10-08T10:30:00+08:00",
        "participants": [{"role": "队员", "officer_no": "E007", "department": "城管"}, {"role": "志愿者", "volunteer_no": "V0123"}],
        "checklists": [{"kind": "安全隐患", "completed": True, "items_checked": 12, "problems": 1}],
        "findings": [],
        "updated_at": "2026-10-08T10:31:12.5+08:00",
        "deleted": False,
        **more,
    }


def test_pages_are_followed_with_token_and_both_bounds(api: Api, patrols: Feed) -> None:
    api.answers = lambda n, query: page([patrol(n)], "b" if n == 1 else None)
    tables = read(api, patrols)
    assert tables["patrols"].column("patrol_id").to_pylist() == ["P-340405-000001", "P-340405-000002"]
    assert api.tokens == [f"Bearer {TOKEN}"] * 2
    assert [query.get("cursor") for query in api.queries] == [None, "b"]
    assert {query["updated_since"] for query in api.queries} == {WINDOW.start.isoformat() if WINDOW.start else ""}
    assert {query["updated_before"] for query in api.queries} == {WINDOW.end.isoformat()}


def test_lists_become_records_with_the_parents_version(api: Api, patrols: Feed) -> None:
    api.answers = lambda n, query: page([patrol(1)])
    tables = read(api, patrols)
    people = tables["patrol_participants"]
    assert people.select(["patrol_id", "participant_no", "role", "volunteer_no"]).to_pylist() == [
        {"patrol_id": "P-340405-000001", "participant_no": 1, "role": "队员", "volunteer_no": None},
        {"patrol_id": "P-340405-000001", "participant_no": 2, "role": "志愿者", "volunteer_no": "V0123"},
    ]
    assert set(people.column("_parent_version").to_pylist()) == {"2026-10-08T02:31:12.500000Z"}
    assert people.column("updated_at")[0].as_py() == tables["patrols"].column("updated_at")[0].as_py()
    assert tables["patrol_checklists"].column("kind").to_pylist() == ["安全隐患"]
    assert tables["patrol_checklists"].column("items_checked").to_pylist() == [12]
    assert tables["patrol_findings"].num_rows == 0


def test_the_snapshot_is_dated_by_the_servers_clock_and_new_keys_are_told(api: Api, patrols: Feed) -> None:
    api.answers = lambda n, query: page([patrol(1, weather="晴")])
    [reading] = RestSource(api.url, TOKEN).readings(patrols, WINDOW, seen=lambda _: False)
    assert reading.snapshot_at == datetime(2026, 11, 1, 1, 2, 3, tzinfo=UTC)
    assert {name: found for name, found in reading.new_columns.items() if found} == {"patrols": ["weather"]}


def test_an_item_on_two_pages_lands_twice(api: Api, patrols: Feed) -> None:
    api.answers = lambda n, query: page([patrol(1)], "b" if n == 1 else None)
    assert read(api, patrols)["patrols"].num_rows == 2


def test_a_deleted_item_deletes_what_hangs_on_it(api: Api, patrols: Feed) -> None:
    api.answers = lambda n, query: page([patrol(1, deleted=True)])
    tables = read(api, patrols)
    assert tables["patrols"].column("_deleted").to_pylist() == [True]
    assert tables["patrol_participants"].column("_deleted").to_pylist() == [True, True]


def test_values_nobody_can_read_are_kept_aside(api: Api, patrols: Feed) -> None:
    wrong = {"started_at": "昨天上午", "ended_at": "2026-02-30T00:00:00+08:00"}
    api.answers = lambda n, query: page([patrol(1), patrol(2, **wrong), patrol(3, started_at="2026-10-08 09:00:00")])
    rows = read(api, patrols)["patrols"]
    assert rows.column("_unreadable").to_pylist() == [None, ["started_at", "ended_at"], None]
    assert json.loads(rows.column("_raw")[1].as_py()) == wrong
    assert rows.column("started_at").to_pylist()[1] is None
    assert rows.column("started_at").to_pylist()[2] == datetime(2026, 10, 8, 1, tzinfo=UTC)


def test_passing_errors_are_tried_again(api: Api, patrols: Feed) -> None:
    broken = page([patrol(9)])[2][:40]
    answers: list[Answer] = [
        (503, {}, b""),
        (429, {"Retry-After": "0"}, b"{}"),
        (200, {}, broken),
        (200, {"Content-Length": "5000"}, broken),
        page([patrol(1)], "b"),
        (502, {}, b""),
        page([patrol(2)]),
    ]
    api.answers = lambda n, query: answers[n - 1]
    assert read(api, patrols)["patrols"].column("patrol_id").to_pylist() == ["P-340405-000001", "P-340405-000002"]


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ((401, {}, b"{}"), SourceContractBroken, "令牌被拒绝（HTTP 401），请检查 LINLI_PATROL_APP_TOKEN"),
        ((400, {}, b"{}"), SourceContractBroken, "第 1 页被拒绝（HTTP 400）"),
        ((200, {}, b'{"error": "13900001234"}'), SourceContractBroken, "第 1 页的应答中没有 items 列表"),
        ((200, {}, b"[1]"), SourceContractBroken, "没有 items 列表"),
        ((500, {}, b""), SourceUnavailable, "第 1 页请求 [0-9]+ 次均无应答"),
        ((200, {}, b'{"items": ['), SourceUnavailable, "第 1 页的内容 [0-9]+ 次中断"),
    ],
)
def test_what_lasts_is_told_apart_from_what_passes(api: Api, patrols: Feed, answer: Answer, kind: type[Exception], words: str) -> None:
    api.answers = lambda n, query: (answer[0], dict(answer[1]), answer[2])
    with pytest.raises(kind, match=words) as told:
        read(api, patrols)
    assert "13900001234" not in str(told.value)
    assert TOKEN not in str(told.value)


def test_a_repeating_cursor_ends_the_reading(api: Api, patrols: Feed) -> None:
    api.answers = lambda n, query: page([patrol(n)], "same")
    with pytest.raises(SourceContractBroken, match="第 2 页之后的游标重复"):
        read(api, patrols)


def test_nobody_there_is_an_outage(patrols: Feed) -> None:
    source = RestSource("http://127.0.0.1:1", TOKEN, backoff=0.0)
    with pytest.raises(SourceUnavailable):
        next(source.readings(patrols, WINDOW, seen=lambda _: False))


def test_no_items_at_all_still_gives_every_table(api: Api, patrols: Feed) -> None:
    tables = read(api, patrols)
    assert {name: table.num_rows for name, table in tables.items()} == dict.fromkeys([r.name for r in patrols.records], 0)
    assert tables["patrols"].schema.field("updated_at").type == pa.timestamp("us", tz="UTC")
