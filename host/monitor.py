# SPDX-License-Identifier: MIT
"""Listens to what a node prints at its port, and goes on when it was unplugged."""

import ast
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import cbor2
import serial

from host import decode, files, port
from host.boards import boards
from host.errors import HostError

_TURN_S = 0.2
_LOST_S = 3.0  # a port that is there again may need that long until it opens
_LONGEST = 1000  # bytes without an end of line: no node prints that
_LINE = re.compile(r" {0,6}(\d+) (.*)")
_READING = re.compile(r"reading (\{[-\d:, ]*\})")
# The first that is found tells the kind; all of it is printed by firmware/.
_KINDS = {
    "good": re.compile(r"joined after|node071 \S+ start"),
    "wrong": re.compile(
        r"Traceback|^\w*(Error|Exception)\b|^radio:|safe mode failed|^safe mode until"
        r"|does not start|fails:|not provisioned|calibration failed|no mark:|new keys are needed"
    ),
    "note": re.compile(
        r"^join try|^waits |unanswered|joining again|sensor faults|takes no|is spent"
    ),
}
COLOURS = {"good": "green", "wrong": "red", "note": "yellow", "reading": "cyan", "port": "magenta"}
UNPLUGGED = "the board is unplugged: waiting until it is plugged in again, Ctrl-C ends this"
NO_NETWORK = "not on a network yet: is it registered there, and is a gateway in reach?"


@dataclass(frozen=True)
class Line:
    """One line of a node, or of what happens to its port; `kind` is one of COLOURS or "log"."""

    at: datetime
    text: str
    kind: str = "log"
    uptime_s: int | None = None  # of the node
    values: dict[str, Any] | None = None  # of a reading, in natural units

    def public(self) -> dict[str, Any]:
        """For --json."""
        own = {"time": self.at.isoformat(timespec="milliseconds"), "uptime_s": self.uptime_s}
        own |= {"kind": self.kind, "text": self.text}
        return own if self.values is None else own | {"values": self.values}

    def shown(self) -> str:
        """For a person: the time here, the seconds since the start of the node, the words."""
        uptime = "" if self.uptime_s is None else self.uptime_s
        text = self.text if self.values is None else f"reading: {words(self.values)}"
        return f"{self.at.astimezone():%H:%M:%S} {uptime:>7} {text}"


def words(values: dict[str, Any]) -> str:
    """The values of a reading with their units."""
    units = {row[1]: row[2].replace("deg", "°") for row in files.readings().QUANTITIES}
    found = []
    for name, value in values.items():
        said = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        found.append(f"{name.replace('_', ' ')} {said} {units.get(name, '')}".rstrip())
    return ", ".join(found)


def line_of(raw: bytes, at: datetime) -> Line:
    """What a line that was heard says; nothing in it can reach the terminal as a command."""
    text = "".join(c if c.isprintable() else "?" for c in raw.decode(errors="replace").rstrip())
    uptime_s, found = None, _LINE.fullmatch(text)
    if found:
        uptime_s, text = int(found[1]), found[2]
    if (values := _values(text)) is not None:
        return Line(at, text, "reading", uptime_s, values)
    kind = next((kind for kind, pattern in _KINDS.items() if pattern.search(text)), "log")
    return Line(at, text, kind, uptime_s)


def _values(text: str) -> dict[str, Any] | None:
    """The values of a reading, None when it is none."""
    found = _READING.fullmatch(text)
    if not found:
        return None
    with suppress(HostError, ValueError, SyntaxError):
        (reading,) = decode.decode_payload(cbor2.dumps(ast.literal_eval(found[1])))["readings"]
        return {name: value for name, value in reading.items() if name != "age_s"}
    return None


def follow(wish: str | None, until_s: float | None = None) -> Iterator[Line]:
    """Yield each line of the node at a port, or at the only board on USB, as it comes.

    It only listens. `until_s`: a time.monotonic() at which it ends. HostError: there is no such
    port at first; later it waits for it.
    """
    name = choose(wish)
    with port.Port(name) as held, held.open() as opened:
        yield from _heard(opened, until_s)
    lost_s, told = time.monotonic(), ""
    while not _over(until_s):
        try:
            name = choose(wish)
            with port.Port(name) as held, held.open() as opened:
                told = ""
                yield from _heard(opened, until_s)
            lost_s = time.monotonic()
        except HostError as error:
            if not os.path.exists(name):
                lost_s = time.monotonic()
            elif time.monotonic() - lost_s > _LOST_S and str(error) != told:
                told = str(error)
                yield Line(datetime.now(UTC), f"{told}; {error.next_step}", "port")
            time.sleep(_TURN_S)


def choose(wish: str | None) -> str:
    """The port of a node, of whatever board. HostError: as port.choose."""
    return port.choose(wish, sorted({usb for board in boards().values() for usb in board.usb}))


def _over(until_s: float | None) -> bool:
    return until_s is not None and time.monotonic() >= until_s


def _heard(opened: serial.Serial, until_s: float | None) -> Iterator[Line]:
    """Yield lines until the board is unplugged, and at last that it was."""
    buffer = b""
    while not _over(until_s):
        try:
            buffer += opened.read(1)
            buffer += opened.read(opened.in_waiting)
        except (serial.SerialException, OSError):
            if buffer.strip():
                yield line_of(buffer, datetime.now(UTC))
            yield Line(datetime.now(UTC), UNPLUGGED, "port")
            return
        *whole, buffer = buffer.split(b"\n")
        if len(buffer) > _LONGEST:
            whole, buffer = [*whole, buffer], b""
        yield from (line_of(each, datetime.now(UTC)) for each in whole if each.strip())


def advised(lines: Iterator[Line], advise: Callable[[str], None]) -> Iterator[Line]:
    """The same lines; a node that nobody answers is explained, once after each of its starts."""
    told = False
    for line in lines:
        yield line
        if line.kind == "good":
            told = False
        elif line.text.startswith("join try") and not told:
            told = True
            advise(NO_NETWORK)
