"""A paged JSON API: every page through retries and guards, items to columns page by page, lists inside an item to records of their own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from itertools import chain
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from linli.contracts.model import Feed, RecordDecl
from linli.sources.base import Reading, SourceContractBroken, SourceUnavailable, Window, cursor_column
from linli.sources.casting import Cast, read_column, text_of, unreadable_columns

POSITION = "#"
"""source_name of a column that holds the 1-based position in the exploded list"""

PAGE_SIZE = 500
MAX_PAGES = 200_000
TRIES = 6
_RETRIED_STATUS = (429, 500, 502, 503, 504)
_TIMEOUTS = (5.0, 60.0)


class RestSource:
    """The API at `url`, read with a bearer token. `backoff` is the first wait between tries in seconds; it doubles."""

    def __init__(self, url: str, token: str | None, *, backoff: float = 0.5, page_size: int = PAGE_SIZE) -> None:
        self._url, self._token = url.rstrip("/"), token
        self._backoff, self._page_size = backoff, page_size

    def readings(self, feed: Feed, window: Window, *, seen: Callable[[str], bool]) -> Iterator[Reading]:
        """One reading of all pages; an item that comes on two pages is in it twice. snapshot_at is the server's clock at the first one."""
        with self._session() as session:
            pages = _Pages(session, f"{self._url}{feed.root.extract.endpoint}", feed.root.full_name, self._backoff)
            columns = {record.name: _Columns(record, feed) for record in feed.records}
            for items in pages.items(self._query(window)):
                for record in columns.values():
                    record.add(items)
            yield Reading(
                pages.first_answer_at,
                {name: record.table().to_reader() for name, record in columns.items()},
                new_columns={name: record.undeclared() for name, record in columns.items()},
            )

    def _query(self, window: Window) -> dict[str, str]:
        query = {"updated_before": window.end.isoformat(), "page_size": str(self._page_size)}
        # Both bounds are always sent: an API must not decide for us where the beginning is.
        query["updated_since"] = (window.start or dt.datetime(2000, 1, 1, tzinfo=dt.UTC)).isoformat()
        return query

    def _session(self) -> requests.Session:
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {self._token or ''}"
        session.headers["Accept"] = "application/json"
        retry = Retry(
            total=TRIES,
            backoff_factor=self._backoff,
            backoff_max=30,
            status_forcelist=_RETRIED_STATUS,
            allowed_methods=("GET",),
            respect_retry_after_header=True,
            raise_on_status=True,
        )
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=retry))
        return session


class _Pages:
    """The pages of one endpoint. Messages name the record and the page number, never what an answer holds."""

    def __init__(self, session: requests.Session, url: str, name: str, backoff: float) -> None:
        self._session, self._url, self._name, self._backoff = session, url, name, backoff
        self.first_answer_at = dt.datetime.now(dt.UTC)

    def items(self, query: dict[str, str]) -> Iterator[list[dict[str, Any]]]:
        """The items of each page in turn."""
        cursors: set[str] = set()
        for page in range(1, MAX_PAGES + 1):
            document = self._page(query, page)
            yield document["items"]
            cursor = document.get("next_cursor")
            if not cursor:
                return
            if cursor in cursors:
                raise SourceContractBroken(f"{self._name}：第 {page} 页之后的游标重复，翻页不会结束")
            cursors.add(cursor)
            query = {**query, "cursor": cursor}
        raise SourceContractBroken(f"{self._name}：超过 {MAX_PAGES} 页")

    def _page(self, query: dict[str, str], page: int) -> dict[str, Any]:
        """One page. A body that broke off or is no JSON is asked for again: the connection retries only what it sees fail."""
        for _ in range(TRIES):
            try:
                answer = self._session.get(self._url, params=query, timeout=_TIMEOUTS)
                document = orjson.loads(answer.content) if answer.status_code == 200 else None
            except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError, orjson.JSONDecodeError):
                continue
            except requests.RequestException:
                raise SourceUnavailable(f"{self._name}：第 {page} 页请求 {TRIES} 次均无应答") from None
            if document is None:
                raise self._refused(answer.status_code, page)
            if not isinstance(document, dict) or not _are_items(document.get("items")):
                raise SourceContractBroken(f"{self._name}：第 {page} 页的应答中没有 items 列表")
            if page == 1 and (said := answer.headers.get("Date")):
                self.first_answer_at = _clock(said) or self.first_answer_at
            return document
        raise SourceUnavailable(f"{self._name}：第 {page} 页的内容 {TRIES} 次中断")

    def _refused(self, status: int, page: int) -> Exception:
        if status in (401, 403):
            return SourceContractBroken(f"{self._name}：令牌被拒绝（HTTP {status}），请检查 LINLI_{self._name.split('.')[0].upper()}_TOKEN")
        if status >= 500:
            return SourceUnavailable(f"{self._name}：第 {page} 页返回 HTTP {status}")
        return SourceContractBroken(f"{self._name}：第 {page} 页被拒绝（HTTP {status}）")


class _Columns:
    """One record of a feed, gathered page by page as columns of text."""

    def __init__(self, record: RecordDecl, feed: Feed) -> None:
        self._record, root = record, feed.root
        self._root = root
        self._lists = {other.extract.explode for other in feed.records}
        self._list = record.extract.explode
        cursor = root.column(cursor_column(root))
        self._version_at = cursor.at_source
        self._of_parent = {root.column(name).at_source for name in root.key} | {self._version_at} if self._list else set()
        self._pages: list[pa.RecordBatch] = []
        self._seen: set[str] = set()

    def add(self, items: list[dict[str, Any]]) -> None:
        """The rows of one page."""
        if self._list:
            nested = [(item, child, no) for item in items for no, child in enumerate(item.get(self._list) or (), 1)]
            parents, rows, positions = (list(part) for part in zip(*nested, strict=True)) if nested else ([], [], [])
        else:
            parents, rows, positions = items, items, []
        texts = {}
        for column in self._record.columns:
            name = column.at_source
            if name == POSITION:
                values: list[Any] = positions
            else:
                values = [row.get(name) for row in (parents if name in self._of_parent else rows)]
            texts[column.name] = text_of(values)
        texts["_deleted"] = pa.array([parent.get("deleted") is True for parent in parents], pa.bool_())
        texts["_version"] = text_of([parent.get(self._version_at) for parent in parents])
        self._pages.append(pa.RecordBatch.from_pydict(texts))
        self._seen |= set(chain.from_iterable(rows))

    def undeclared(self) -> list[str]:
        """Keys that items carry and nothing declares; the lists of the other records of the feed are not among them."""
        known = {column.at_source for column in self._record.columns} | {"deleted"}
        return sorted(self._seen - known - (set() if self._list else self._lists))

    def table(self) -> pa.Table:
        """The declared columns with their types, then the META columns an API knows."""
        texts = pa.Table.from_batches(self._pages).combine_chunks()
        given = {name: _one(texts, name) for name in texts.column_names}
        casts: dict[str, Cast] = {column.name: read_column(given[column.name], column) for column in self._record.columns}
        unreadable, raw = unreadable_columns(given, casts, texts.num_rows)
        columns = {name: cast.values for name, cast in casts.items()}
        columns |= {"_deleted": given["_deleted"], "_unreadable": unreadable, "_raw": raw}
        if self._list:
            columns["_parent_version"] = version_text(read_column(given["_version"], self._root.column(cursor_column(self._root))).values)
        return pa.table(columns)


def version_text(instants: pa.Array) -> pa.Array:
    """Instants as ISO UTC text with microseconds, the form of _parent_version."""
    return pc.strftime(instants, "%Y-%m-%dT%H:%M:%SZ")


def _one(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def _are_items(items: object) -> bool:
    return isinstance(items, list) and all(isinstance(item, dict) for item in items)


def _clock(said: str) -> dt.datetime | None:
    try:
        return parsedate_to_datetime(said).astimezone(dt.UTC)
    except ValueError:
        return None
