# SPDX-License-Identifier: MIT
"""A chip on a UART, driven byte by byte in virtual time, without a board."""

from random import Random

from simulator.clock import Clock
from simulator.world import Conditions, Step

S, DAY_S = 1_000_000, 86400


class Line:
    """The chip, and the bytes that it has sent; `world` may be one set of conditions."""

    def __init__(self, kind, world, seed=71):
        self.clock = Clock()
        world = Step(world, world, 0) if isinstance(world, Conditions) else world
        self.chip = kind(self.clock, world, Random(seed))
        self._seen_us = -1

    def at(self, second):
        self.clock.run_until(round(second * S))
        return self

    def frames(self):
        """(time in us, bytes) of all that it has sent since the last call."""
        from_us, self._seen_us = self._seen_us, self.clock.now_us
        return list(self.chip.sent(from_us, self._seen_us))

    def ask(self, hexed, wait_us=100_000):
        """What it sends within 100 ms of hearing these bytes, "" for nothing."""
        self.frames()
        self.chip.hear(bytes.fromhex(hexed))
        self.clock.run_until(self.clock.now_us + wait_us)
        return b"".join(data for _, data in self.frames()).hex()
