# SPDX-License-Identifier: MIT
"""The receiving part of a gateway (SX1301): eight demodulators, deaf while it sends."""

from collections.abc import Callable
from heapq import heappop, heappush

DEMODULATORS = 8
_LONGEST_US = 10_000_000  # no packet lasts so long


class Concentrator:
    """Who is being received, and when it sent. Times only grow from call to call.

    `catch_up` is called before anything changes: a crowd lets happen what came before that time.
    """

    def __init__(self) -> None:
        self.catch_up: Callable[[int], None] = lambda time_us: None
        self.off = False  # no power, or no line to the network
        self._ends_us: list[int] = []  # a heap, one for each packet that is being received
        self._sent_us: list[tuple[int, int]] = []

    def lock(self, start_us: int, end_us: int) -> str:
        """A packet starts: take a demodulator for it. Returns why not, "" when it has one."""
        if self.off:
            return "gateway off"
        if self.sending(start_us):
            return "gateway was sending"
        busy = self._ends_us
        while busy and busy[0] <= start_us:
            heappop(busy)
        if len(busy) >= DEMODULATORS:
            return "all demodulators busy"
        heappush(busy, end_us)
        return ""

    def lost(self, start_us: int, end_us: int) -> str:
        """A packet that was locked ends: why it was lost on the way, "" when it was not."""
        if self.off:
            return "gateway off"
        if any(start < end_us and start_us < end for start, end in self._sent_us):
            return "gateway was sending"
        return ""

    def sending(self, time_us: int) -> bool:
        """Whether it sends at a time."""
        return any(start <= time_us < end for start, end in self._sent_us)

    def send(self, start_us: int, end_us: int) -> None:
        """It sends from now, start_us, on."""
        gone_us = start_us - _LONGEST_US
        self._sent_us = [each for each in self._sent_us if each[1] > gone_us]
        self._sent_us.append((start_us, end_us))
