# SPDX-License-Identifier: MIT
"""The time of the world, by which a virtual clock goes when somebody else is on the line."""

import time

from simulator.clock import Clock

_LATE_US = 20_000


class Wall:
    """What a clock should say now; it goes on from what the clock says when this is made.

    A clock that fell behind stays behind: were it to hurry, an answer that takes its time would
    come too late for a window. `lost_us` is how long it stood still for that.
    """

    def __init__(self, clock: Clock):
        self._zero_ns = time.monotonic_ns() - clock.now_us * 1000
        self.lost_us = 0

    def now_us(self) -> int:
        """Microseconds of the world."""
        return (time.monotonic_ns() - self._zero_ns) // 1000

    def since_us(self, due_us: int) -> int:
        """As now_us; when something is due since long at due_us, it is that time still."""
        now_us = self.now_us()
        if (late_us := now_us - due_us) > _LATE_US:
            self._zero_ns += late_us * 1000
            self.lost_us += late_us
            return due_us
        return now_us
