# SPDX-License-Identifier: MIT
"""Time, sleep and watchdog: the one place where the node waits."""

import machine
import time
from micropython import const

_WATCHDOG_MS = const(8000)  # RP2040 ends at 8388
_SLICE_MS = const(4000)  # under the watchdog, with room for a late wake
_FLAG_SLICE_MS = const(50)  # how late a flag may be seen


class Power:
    """Uptime that does not wrap, a watchdog once armed, and `wait_until`."""

    def __init__(self):
        self._ticks = time.ticks_ms()
        self._uptime_ms = 0
        self._watchdog = None

    def now_ms(self):
        """Milliseconds since the start; asked at least once in 2^29 ms, as every cycle does."""
        ticks = time.ticks_ms()
        self._uptime_ms += time.ticks_diff(ticks, self._ticks)
        self._ticks = ticks
        return self._uptime_ms

    def now_s(self):
        """Seconds since the start."""
        return self.now_ms() // 1000

    def arm(self):
        """Start the watchdog: from here on only `wait_until` and `feed` keep the node alive."""
        self._watchdog = machine.WDT(timeout=_WATCHDOG_MS)

    def feed(self):
        """Tell the watchdog that the cycle makes progress."""
        if self._watchdog is not None:
            self._watchdog.feed()

    def wait_until(self, deadline_ms, flags=None, slice_ms=_FLAG_SLICE_MS):
        """Sleep until `now_ms()` is the deadline or `flags.flag` is set; True: it was set."""
        if flags is None:
            slice_ms = _SLICE_MS
        while True:
            if flags is not None and flags.flag:
                return True
            left_ms = deadline_ms - self.now_ms()
            if left_ms <= 0:
                return False
            self.feed()
            time.sleep_ms(min(left_ms, slice_ms))

    def wait_until_us(self, deadline_us):
        """Sleep until `ticks_us()` is the deadline, at most 2^29 us ahead."""
        left_us = time.ticks_diff(deadline_us, time.ticks_us())
        if left_us > 2000:
            self.wait_until(self.now_ms() + left_us // 1000 - 1)
            left_us = time.ticks_diff(deadline_us, time.ticks_us())
        if left_us > 0:
            time.sleep_us(left_us)
