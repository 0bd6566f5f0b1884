"""The file drop: a folder that another program, or a person, picks messages up from. Enough alone, and where what nobody took ends up."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import replace
from pathlib import Path

from linli.alerts import rendering
from linli.alerts.channels import Outcome, Pace
from linli.alerts.messages import Letter
from linli.durable import sync
from linli.settings import SHANGHAI


class Folder:
    """Writes every message as <moment>-<number>-<severity>-<kind>.txt into `place`, and its data beside it as .json if `has_data`.

    A file appears whole and keeps its name when it is written again. `is_own`: the folder is made when it is not there.
    """

    recipients = ("",)
    paces: tuple[Pace, ...] = ()

    def __init__(self, name: str, place: Path, *, has_data: bool = False, is_own: bool = False) -> None:
        self.name, self._place, self._has_data, self._is_own = name, place, has_data, is_own

    def problem(self) -> str:
        return "" if self._is_own or self._place.is_dir() else f"文件夹 {self._place} 不存在"

    def send(self, letter: Letter, recipient: str, at: dt.datetime) -> Outcome:
        message, told_at = letter.message, letter.told_at.astimezone(SHANGHAI)
        stem = f"{told_at:%Y%m%dT%H%M%S}-{letter.number:06d}-{message.severity}-{message.kind}"
        try:
            if self._is_own:
                self._place.mkdir(parents=True, exist_ok=True, mode=0o700)
            if self._has_data:
                self._write(f"{stem}.json", message.to_json() + "\n")
            # under the same name it is the same file, never a second one
            self._write(f"{stem}.txt", rendering.as_text(replace(letter, is_doubtful=False)))
            sync(self._place)
        except OSError as error:
            return Outcome("unreachable", f"写不进文件夹：{error.strerror}")
        return Outcome("delivered")

    def _write(self, name: str, text: str) -> None:
        aside = self._place / f".{name}.{os.getpid()}"
        try:
            aside.write_text(text, encoding="utf-8")
            sync(aside)
            aside.replace(self._place / name)
        finally:
            aside.unlink(missing_ok=True)
