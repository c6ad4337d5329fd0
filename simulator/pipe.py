# SPDX-License-Identifier: MIT
"""What goes through the pipes between a board's process (shims/_wire.py) and its host."""

import struct
from collections.abc import Sequence
from typing import NamedTuple

SYNC, WAIT, PIN_SET, PIN_GET, PIN_IRQ, SPI = range(6)
I2C_WRITE, I2C_READ, ADC, EXIT, BOOT, PROMPT, FEED, RTC = range(6, 14)
ONE_WIRE, PULSE, UART, READY, CLOCK = 16, 17, 20, 21, 22
POST_PIN, POST_ERASE, POST_PROGRAM, POST_SLEEP = range(4)
DRIFT = 254  # among the edges: the crystal has another rate, in ppm, where an edge has its time
SIGNED = (1 << 64) - 1
_REQUEST = struct.Struct("<BQHH")
_POSTED = struct.Struct("<BHBQ")
_ANSWER = struct.Struct("<QQHH")
_EDGE = struct.Struct("<BBQ")


class Request(NamedTuple):
    """What a board asks for, the time that it is there, and what it did until then.

    `posted`: (kind, number, level, time in us).
    """

    op: int
    time_us: int
    posted: Sequence[tuple[int, int, int, int]]
    body: bytes

    @property
    def due_us(self) -> int:
        """When it is to be answered: at its time, or at the end of a wait."""
        return int.from_bytes(self.body, "little") if self.op in (WAIT, PROMPT) else self.time_us


def request(data: bytes) -> Request | None:
    """The request that the bytes are, None when they are not yet all of it."""
    if len(data) < _REQUEST.size:
        return None
    op, time_us, posted, length = _REQUEST.unpack_from(data)
    body_at = _REQUEST.size + posted * _POSTED.size
    if len(data) < body_at + length:
        return None
    notes = tuple(_POSTED.iter_unpack(data[_REQUEST.size : body_at])) if posted else ()
    return Request(op, time_us, notes, data[body_at:])


def answer(now_us: int, lease_us: int, edges: list[tuple[int, int, int]], body: bytes) -> bytes:
    """The bytes of an answer; `edges`: (pin, level, time in us) of interrupts since the last."""
    head = _ANSWER.pack(now_us, lease_us, len(edges), len(body))
    if edges:
        head += b"".join(_EDGE.pack(*edge) for edge in edges)
    return head + body
