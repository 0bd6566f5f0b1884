"""A sender in a process of its own, to be killed: `python sender.py <home> <url>` delivers what waits to a WeCom robot at that address."""

from __future__ import annotations

import sys
from pathlib import Path

from linli.alerts import OUTBOX, Clock, Spool, deliver
from linli.alerts.folder import Folder
from linli.alerts.webhooks import WeCom


class Robot(WeCom):
    """One that may be sent as many as it likes."""

    paces = ()


def main(home: Path, url: str) -> None:
    channels = {"robot": Robot("robot", url, lambda: "key"), OUTBOX: Folder(OUTBOX, home / "outbox", is_own=True)}
    with Spool(home / "spool.sqlite") as spool:
        deliver(spool, channels, fallback=OUTBOX, clock=Clock())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
