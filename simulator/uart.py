# SPDX-License-Identifier: MIT
"""A board's UART: the bytes that a chip sends arrive in their time, and find room or are lost.

Each byte is a start bit, eight data bits and one stop bit (8N1) at the baud rate of who sends it;
a receiver at another rate samples the same line at its own times and gets garbage.

What is not read in time: RP2040 keeps the first bytes, as many as its buffer and the FIFO of 32
behind it hold (ports/rp2/machine_uart.c). ESP32 keeps what its buffer holds, one more byte and,
behind them, what came since its FIFO of 128 last ran over and was emptied (ESP-IDF, driver/uart).
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Protocol

from simulator.clock import Clock

OPEN, CLOSE, WRITE, ANY, READ, SLEEP, WAKE = range(7)  # what the board asks for
_FIFO = {"rp2040": 32, "esp32": 128}
_STASH = 1  # ESP32: taken from the FIFO before there was no room for it
_BITS = 10
_FRAME_US = 100_000  # longer than any one frame is on the line
_FILL_US = 9_000_000  # a free-running sensor of 40 bytes a second fills every buffer
_STUCK = 0xF0  # RP2040: no light sleep ends once this was received (micropython issue 15129)


class UartDevice(Protocol):
    """A chip with a line in each direction."""

    baudrate: int
    stop_bits: int

    def hear(self, data: bytes) -> None:
        """Take bytes that have come in whole by now."""

    def sent(self, from_us: int, until_us: int) -> Iterable[tuple[int, bytes]]:
        """(time of the first edge, bytes) of what it began to send after `from_us`."""


class UartPort:
    """One UART of a board; without a device its line is idle."""

    def __init__(self, clock: Clock, family: str, device: UartDevice | None = None):
        self._clock, self._family, self._device = clock, family, device
        self._baudrate = self._size = 0  # 0: shut
        self._opened_us = self._seen_us = 0
        self._sending_until_us = 0
        self._line: deque[tuple[int, int]] = deque()  # (arrival_us, byte) of what is under way
        self._buffer = bytearray()
        self._fifo = bytearray()  # what found no room in it
        self._stuck = False

    def perform(self, verb: int, body: bytes) -> bytes:
        """What the board asks of it, and the answer."""
        if verb != WAKE:
            self._receive()
        if verb == OPEN:
            self._baudrate, self._size = int.from_bytes(body[:4]), int.from_bytes(body[4:])
            self._buffer.clear()
            self._fifo.clear()
            self._stuck = False
            self._listen_from_now()
        elif verb == CLOSE:
            self._baudrate = 0
        elif verb == WRITE:
            self._send(body)
        elif verb == ANY:
            self._refill()
            return len(self._buffer).to_bytes(2)
        elif verb == READ:
            return self._read(int.from_bytes(body))
        elif verb == SLEEP:
            return bytes((self._stuck,))
        elif verb == WAKE:  # its clock stood still
            self._listen_from_now()
        return b""

    def _listen_from_now(self) -> None:
        self._line.clear()
        self._opened_us = self._clock.now_us
        self._seen_us = self._opened_us - _FRAME_US  # of a frame under way the end comes in

    def _send(self, data: bytes) -> None:
        begin_us = max(self._clock.now_us, self._sending_until_us)
        self._sending_until_us = begin_us + len(data) * _BITS * 1_000_000 // self._baudrate
        if self._device is not None:
            heard = bytes(byte for _, byte in sampled(data, self._baudrate, self._device.baudrate))
            self._clock.call_at(self._sending_until_us, self._device.hear, heard)

    def _read(self, count: int) -> bytes:
        self._refill()
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        self._refill()
        return data

    # Receiving: nothing happens while nobody asks, and then all that was sent is gone through.

    def _receive(self) -> None:
        now_us = self._clock.now_us
        if not self._baudrate or self._device is None:
            return
        if now_us - self._seen_us > 2 * _FILL_US:
            self._take(self._seen_us + _FILL_US)
            self._line.clear()
            self._seen_us = now_us - _FILL_US  # what lies between finds no room
        self._take(now_us)

    def _take(self, until_us: int) -> None:
        assert self._device is not None
        for begin_us, data in self._device.sent(self._seen_us, until_us):
            bits = _BITS - 1 + self._device.stop_bits
            for after_us, byte in sampled(data, self._device.baudrate, self._baudrate, bits):
                if begin_us + after_us - _BITS * 1_000_000 // self._baudrate >= self._opened_us:
                    self._line.append((begin_us + after_us, byte))
        self._seen_us = until_us
        while self._line and self._line[0][0] <= until_us:
            self._store(self._line.popleft()[1])

    def _store(self, byte: int) -> None:
        self._stuck |= byte == _STUCK and self._family == "rp2040"
        if len(self._buffer) < self._size and not self._fifo:
            self._buffer.append(byte)
            return
        room = _FIFO[self._family]
        if self._family == "esp32":
            if len(self._fifo) == room + _STASH:
                del self._fifo[_STASH:]
                return  # the byte that came too many goes with the others
            room += _STASH
        if len(self._fifo) < room:
            self._fifo.append(byte)

    def _refill(self) -> None:
        room = self._size - len(self._buffer)
        self._buffer += self._fifo[:room]
        del self._fifo[:room]


def sampled(
    data: bytes, sent_baud: int, heard_baud: int, bits_each: int = _BITS
) -> Iterator[tuple[int, int]]:
    """(microseconds after the first edge, byte) as a receiver at its own baud rate has them."""
    if sent_baud == heard_baud:
        for index, byte in enumerate(data):
            yield (index * bits_each + _BITS) * 1_000_000 // sent_baud, byte
        return
    line = [
        level
        for byte in data
        for level in (0, *((byte >> bit) & 1 for bit in range(8)), *[1] * (bits_each - 9))
    ]
    ratio, at = sent_baud / heard_baud, 0.0  # in bits of the sender
    while at < len(line):
        if line[int(at)]:
            at = int(at) + 1.0
            continue
        levels = [_level(line, at + (bit + 0.5) * ratio) for bit in range(_BITS)]
        yield (
            round((at / sent_baud + _BITS / heard_baud) * 1e6),
            sum(level << bit for bit, level in enumerate(levels[1:9])),
        )
        at += (_BITS - 0.5) * ratio
        while at < len(line) and not line[int(at)]:
            at = int(at) + 1.0  # a start is an edge


def _level(line: list[int], at: float) -> int:
    return line[int(at)] if at < len(line) else 1
