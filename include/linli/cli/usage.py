"""A command typed wrong, told in Chinese: what of it, and where its help is."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from linli.cli.terminal import stop

WRONG_USAGE = 2
_NO_COMMAND = re.compile(r"No such command '(?P<name>[^']*)'\.")
_EXTRA = re.compile(r"Got unexpected extra argument\(s\) \((?P<given>.*)\)", re.DOTALL)


class Commands(TyperGroup):
    """The commands; what Typer refuses is said by `in_words` and ends with WRONG_USAGE."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        try:
            done = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
        except TyperException as error:
            if not standalone_mode:
                raise
            done = _told(error)
        if not standalone_mode:
            return done
        sys.exit(done if isinstance(done, int) else 0)


def _told(error: TyperException) -> int:
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(error.format_message())
        return WRONG_USAGE
    try:
        stop(f"{in_words(error)}；用法：{context.command_path if context else 'linli'} --help", WRONG_USAGE)
    except typer.Exit as ended:
        return ended.exit_code


def in_words(error: TyperException) -> str:
    """What is wrong with a command; in Typer's own words where there are no others."""
    kind, param, option = type(error).__name__, getattr(error, "param", None), getattr(error, "option_name", "")
    if kind == "NoSuchOption":
        return f"没有选项 {option}{_close(getattr(error, 'possibilities', None))}"
    if kind == "BadOptionUsage":
        return f"选项 {option} 后面应有一个值" if "requires" in error.message else f"选项 {option} 不带值"
    if param is not None:
        name = max(param.opts, key=len) if param.param_type_name == "option" else param.name.upper()
        meaning = f"（{param.help}）" if getattr(param, "help", None) else ""
        return f"缺少 {name}{meaning}" if kind == "MissingParameter" else f"{name} 的值不能使用{meaning}"
    if found := _NO_COMMAND.match(error.message):
        context = getattr(error, "ctx", None)
        known = context.command.list_commands(context) if context else []
        return f"没有命令 {found['name']}" + (_close(difflib.get_close_matches(found["name"], known)) or f"，有 {'、'.join(known)}")
    if found := _EXTRA.search(error.message):
        return f"多出了 {found['given']}，含空格的要加引号"
    return error.format_message()


def _close(names: Sequence[str] | None) -> str:
    return f"，是不是 {'、'.join(sorted(names))}" if names else ""
