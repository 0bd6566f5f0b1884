"""What all tests share."""

from __future__ import annotations

import functools
import gc
import ipaddress
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

# What is heavy is imported where it is needed: whoever hands out the tests to others runs none of them.
if TYPE_CHECKING:
    from dbt_at_hand import AtHand, Started
    from linli.warehouse.project import StagedProject


def _loopback_only(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuses what a test asks of another machine: no address but this one's own, no other name looked up."""
    if event in ("socket.connect", "socket.sendto"):
        asked = arguments[1][0] if isinstance(arguments[1], tuple) else None
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        asked = arguments[0]
    else:
        return
    name = asked.decode() if isinstance(asked, bytes) else asked
    if isinstance(name, str) and name not in ("", "localhost", socket.gethostname()) and not _is_loopback(name):
        raise PermissionError(f"tests use loopback only, not {name}")


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


sys.addaudithook(_loopback_only)
# What is imported stays, and is looked through in vain each time: at Python's own threshold, for a tenth of the time of `make unit`.
gc.set_threshold(20_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A long file that comes last would leave the other worker with nothing to do."""
    items.sort(key=lambda item: not {"worlds", "slips"} & set(item.path.parts))


@pytest.fixture(scope="session", autouse=True)
def models_parsed_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Every home has its own dbt, which would parse the same models anew: what the first has parsed is lent to the others.

    dbt itself compares the files and parses again what differs, reference data of a test for instance.
    """
    from linli.warehouse import dbt

    own = tmp_path_factory.getbasetemp()
    # pytest's workers share the folder above their own
    parsed = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "partial_parse.msgpack"
    start, run = dbt._Dbt.__init__, dbt._Dbt.run

    @functools.wraps(start)
    def with_models_parsed(self: Any, project: StagedProject, *arguments: Any, **named: Any) -> None:
        mine = project.target / parsed.name
        if parsed.exists() and not mine.exists():
            mine.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(parsed, mine)
        start(self, project, *arguments, **named)

    @functools.wraps(run)
    def and_lent(self: Any, *arguments: Any) -> int:
        returned = run(self, *arguments)
        mine = self.reads[0].target / parsed.name
        if mine.exists() and not parsed.exists():
            aside = own / parsed.name
            shutil.copyfile(mine, aside)
            aside.replace(parsed)
        return returned

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(dbt._Dbt, "__init__", with_models_parsed)
        patched.setattr(dbt._Dbt, "run", and_lent)
        yield


@pytest.fixture(scope="session", autouse=True)
def command_line_read_once() -> Iterator[None]:
    """Typer reads the signatures of all commands anew for every command that a test gives."""
    import typer.testing

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(typer.testing, "_get_command", functools.cache(typer.testing._get_command))
        yield


@pytest.fixture(scope="session", autouse=True)
def dbt_imported_once() -> Iterator[None]:
    """Every build of a test process takes the dbt that its first one has imported."""
    from dbt_at_hand import AtHand
    from linli.warehouse import dbt

    at_hand: list[AtHand] = []

    def started(command: Sequence[str], **_: Any) -> Started:
        if not at_hand:
            at_hand.append(AtHand())
        return at_hand[0].start(json.loads(command[-1]))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(dbt, "subprocess", SimpleNamespace(Popen=started, DEVNULL=subprocess.DEVNULL))
        yield
    for process in at_hand:
        process.close()
