# SPDX-License-Identifier: MIT
"""How every command fails and prints: one line or one JSON value, never a stack trace."""

import errno
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from traceback import extract_tb
from typing import Any, Never
from urllib.parse import urlsplit

import click

from host.errors import HostError, WrongUse, meant
from host.names import NAME_MOST, PLACE_MOST, one_line

FAILED, WRONG_USE = 1, 2
_PORT = 1700  # of packet forwarders, by custom


class Commands(click.Group):
    """The commands, with one way to fail: a line with the cause and the next step, or JSON."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = False,
        **extra: Any,
    ) -> Never:
        """Run a command line and exit: 0 done, 1 failed, 2 wrong use."""
        words = list(sys.argv[1:] if args is None else args)
        as_json = "--json" in takewhile(lambda word: word != "--", words)
        try:  # not standalone: click raises, and prints nothing
            super().main(words, prog_name, complete_var, standalone_mode, **extra)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            sys.exit(WRONG_USE)
        except Exception as error:
            status, cause, step = _said(error)
            _print(cause, step, as_json)
            _let_go_of_stdout()
            sys.exit(status)
        sys.exit(0)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named; Ctrl-C ends it like any other failure."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise HostError("stopped") from None


def _said(error: Exception) -> tuple[int, str, str]:
    """(exit status, cause, next step) of whatever went wrong."""
    if isinstance(error, HostError):
        return (WRONG_USE if isinstance(error, WrongUse) else FAILED), str(error), error.next_step
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx else "node071"
        cause = error.format_message().rstrip(".")
        return WRONG_USE, cause[:1].lower() + cause[1:], f"see {command} --help"
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        step = (
            "make room there, then run this again" if full else "check the path and its permissions"
        )
        return FAILED, f"{place}{error.strerror or error}", step
    if isinstance(error, click.Abort):
        return FAILED, "stopped", ""
    at = extract_tb(error.__traceback__)[-1]
    cause = f"{type(error).__name__} in {Path(at.filename).name}, line {at.lineno}: {error}"
    return FAILED, cause, "this is a mistake in node071: please report it with what you typed"


def _let_go_of_stdout() -> None:
    """What it did not take it is not offered again at the end, with words of Python's own."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print(cause: str, step: str, as_json: bool) -> None:
    cause, step = " ".join(cause.split()), " ".join(step.split())
    with suppress(OSError):  # stdout takes nothing: then it is said on stderr
        if as_json:
            return click.echo(json.dumps({"error": cause, "next": step}))
    click.echo(f"error: {cause}; {step}" if step else f"error: {cause}", err=True)


def _text_of(source: str) -> str:
    """The text of @FILE, or of standard input; editors put a mark before it. ValueError: none."""
    if source == "-":
        return sys.stdin.read().removeprefix("\ufeff")
    return Path(source[1:]).read_text(encoding="utf-8-sig")


class Secret(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.4 on
    """Hex bytes, or @FILE, or - for standard input, so that a key stays out of process lists."""

    name = "hex"

    def __init__(self, size: int | None = None):
        self._size = size

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> bytes:
        """Bytes in reading order; wrong use when it is not hex or of another length."""
        try:
            if value == "-" or value.startswith("@"):
                value = _text_of(value)
            data = bytes.fromhex(value.strip())
        except ValueError:
            self.fail("not hexadecimal", param, ctx)
        if self._size is not None and len(data) != self._size:
            self.fail(f"{len(data)} bytes, {self._size} are needed", param, ctx)
        return data


class UdpServer(click.ParamType):  # type: ignore[type-arg]
    """The (host, port) of udp://HOST:PORT."""

    name = "url"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        """Wrong use: it has no such form."""
        try:
            parts = urlsplit(value)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        rest = (parts.scheme, parts.path, parts.query, parts.username) if host else ()
        if not host or port == 0 or rest != ("udp", "", "", None):
            self.fail(f"'{value}' is not of the form udp://HOST:PORT", param, ctx)
        return host, port or _PORT


class Passphrase(click.ParamType):  # type: ignore[type-arg]
    """The first line of @FILE, or of standard input for -."""

    name = "@file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Text. Wrong use: it stands in the list of processes."""
        if value != "-" and not value.startswith("@"):
            self.fail("give @FILE, or - for standard input: others see a command line", param, ctx)
        try:
            text = _text_of(value)
        except ValueError:
            self.fail("not text", param, ctx)
        return (text.splitlines() or [""])[0]


class Line(click.ParamType):  # type: ignore[type-arg]
    """A name or a place: one line, not too long."""

    name = "text"

    def __init__(self, most: int, least: int = 0):
        self._most, self._least = most, least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Text. Wrong use: it is no line, too long, or empty where it must not be."""
        try:
            line = one_line(value, self._most)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if len(line) < self._least:
            self.fail("nothing is in it", param, ctx)
        return line


NAME, PLACE = Line(NAME_MOST, 1), Line(PLACE_MOST)


def sure(question: str, yes: bool) -> None:
    """Ask before what cannot be undone. HostError: no. WrongUse: there is nobody to ask."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise WrongUse("this asks first, and there is no terminal", "give --yes")
    if not click.confirm(question, err=True):
        raise HostError("stopped")


def _remember(ctx: click.Context, param: click.Parameter, value: bool) -> bool:
    """A group's --json holds for its commands too."""
    ctx.meta["json"] = value or ctx.meta.get("json", False)
    return bool(ctx.meta["json"])


as_json: Callable[[Any], Any] = click.option(
    "--json", "as_json", is_flag=True, callback=_remember, help="Print one JSON value."
)


def named(rows: dict[str, Any], name: str, what: str) -> Any:
    """A row of a table. WrongUse: there is none of this name."""
    if name not in rows:
        raise WrongUse(f"unknown {what} '{name}'", meant(name, rows))
    return rows[name]


def show(value: Any) -> None:
    """Print one JSON value."""
    click.echo(json.dumps(value, indent=2, default=str))
