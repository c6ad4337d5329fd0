# SPDX-License-Identifier: MIT
"""A lamp that is off, on, or lit for a while when somebody passes."""

import time
from micropython import const

# setting 4 on FPort 2; 0 is off
_ON = const(1)
_BY_PIR = const(2)


class Lamp:
    """`pin` is called with a level; `present()` is true while somebody still moves.

    The interrupt of a PIR lights it by itself, so that it shines whatever the node is doing.
    """

    def __init__(self, pin, hold_ms):
        self._pin, self._hold_ms = pin, hold_ms
        self._mode = self._passed_ms = 0
        self._lit = False
        self.present = None

    def set(self, mode):
        """Take the setting: 0 off, 1 on, 2 by PIR."""
        self._mode, self._lit = mode, False
        self._pin(1 if mode == _ON else 0)

    def passed(self, now_ms):
        """Light up at `ticks_ms`; called in an interrupt, so nothing here allocates."""
        if self._mode == _BY_PIR:
            self._pin(1)
            self._passed_ms = now_ms
            self._lit = True

    def left_ms(self):
        """Put it out when its time is over; returns the ms that it still shines, 0 when dark."""
        if not self._lit:
            return 0
        now_ms = time.ticks_ms()
        if self.present is not None and self.present():
            self._passed_ms = now_ms
        left_ms = self._hold_ms - time.ticks_diff(now_ms, self._passed_ms)
        if left_ms > 0:
            return left_ms
        self._lit = False
        self._pin(0)
        return 0
