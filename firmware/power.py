# SPDX-License-Identifier: MIT
"""Time, sleep, watchdog and chance: the one place where the node waits.

Chance is here as it tells how long to wait; a file of its own would cost reads at each wake.
"""

import machine
import os
import time
from micropython import const

from passing import passing

_WATCHDOG_MS = const(8000)  # RP2040 ends at 8388
_SLICE_MS = const(4000)  # under the watchdog, with room for a late wake
_FLAG_SLICE_MS = const(50)  # how late a flag may be seen
_BEGIN_MS = const(60000)  # from arming to the first progress
_DEEP_MS = const(10000)  # a shorter sleep costs more than it saves: the start takes a second
_LATE_MS = const(60000)  # that a wake may come after its time
_PSM_WDSEL = const(0x40010008)  # RP2040 2.13.5: what a bite of the watchdog resets
_ROSC = const(1)  # bit 0


class Power:
    """Uptime that does not wrap, a watchdog that wants progress, and every way to sleep.

    A config with `mains` false saves its battery: RP2040 sleeps lightly, ESP32 deeply.
    """

    def __init__(self, config=None, uptime_ms=0):
        self._config = config
        self._ticks = time.ticks_ms()
        self._uptime_ms = uptime_ms
        self._watchdog = None
        self._alive_until_ms = 0
        self.saves = config is not None and not config.get("mains", True)
        self._lightly = self.saves and passing("hardware").is_rp2040(config)
        self.deeply = self.saves and not self._lightly

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
        """Start the watchdog: from here on only waits between two calls of `progress` feed it."""
        self._watchdog = machine.WDT(timeout=_WATCHDOG_MS)
        self.progress(_BEGIN_MS)

    def progress(self, within_ms):
        """The work got on; if it does not again within that time, waits feed no more."""
        self._alive_until_ms = self.now_ms() + within_ms

    def wait_until(self, deadline_ms, flags=None, slice_ms=_FLAG_SLICE_MS):
        """Sleep until `now_ms()` is the deadline or `flags.flag` is set; True: it was set."""
        if flags is None:
            self._sleep(deadline_ms, time.sleep_ms)
            return False
        while True:
            if flags.flag:
                return True
            left_ms = self._left_ms(deadline_ms)
            if left_ms <= 0:
                return False
            time.sleep_ms(min(left_ms, slice_ms))

    def wait_ms(self, duration_ms):
        """Sleep so long."""
        self.wait_until(self.now_ms() + duration_ms)

    def wait_until_us(self, deadline_us):
        """Sleep until `ticks_us()` is the deadline, at most 2^29 us ahead."""
        left_us = time.ticks_diff(deadline_us, time.ticks_us())
        if left_us > 2000:
            self.wait_until(self.now_ms() + left_us // 1000 - 1)
            left_us = time.ticks_diff(deadline_us, time.ticks_us())
        if left_us > 0:
            time.sleep_us(left_us)

    def idle_until(self, deadline_ms):
        """Sleep as `wait_until` does while nothing is under way, lightly where that saves."""
        self._sleep(deadline_ms, _light_sleep_ms if self._lightly else time.sleep_ms)

    def _sleep(self, deadline_ms, sleep_ms):
        left_ms = self._left_ms(deadline_ms)
        while left_ms > 0:
            sleep_ms(min(left_ms, _SLICE_MS))
            left_ms = self._left_ms(deadline_ms)

    def _left_ms(self, deadline_ms):
        """The time to a deadline; before a sleep it feeds the watchdog while the work gets on."""
        now_ms = self.now_ms()
        if self._watchdog is not None and now_ms < min(deadline_ms, self._alive_until_ms):
            self._watchdog.feed()
        return deadline_ms - now_ms

    def pays_deep_sleep(self, deadline_ms):
        """True when deep sleep until then saves anything on this board."""
        return self.deeply and deadline_ms - self.now_ms() >= _DEEP_MS

    def deep_sleep_until(self, deadline_ms, kept):
        """Lose all but `kept`; the next start is the wake. It returns when that is too long."""
        now_ms = self.now_ms()
        if passing("memory").keep([now_ms, _clock_ms(), deadline_ms, kept]):
            passing("hardware").hold_radio(self._config, True)
            machine.deepsleep(deadline_ms - now_ms)


def random_below(limit):
    """0 to limit - 1 from the chip's random numbers."""
    return int.from_bytes(os.urandom(4), "big") % limit


def woken():
    """Return (uptime in ms, what was kept) after a deep sleep, None when this is a start.

    A clock that cannot be right makes it one.
    """
    record = passing("memory").recall()
    if record is None:
        return None
    slept_ms = _clock_ms() - record[1]
    if not 0 <= slept_ms <= record[2] - record[0] + _LATE_MS:
        return None
    return record[0] + slept_ms, record[3]


def _clock_ms():
    """ESP32's clock, which nobody sets; it runs on through deep sleep."""
    return time.time_ns() // 1000000


def _light_sleep_ms(duration_ms):
    """RP2040: a watchdog that bites here stops the chip for good unless it resets the ring
    oscillator too (MicroPython issue 17228, before 1.29)."""
    machine.mem32[_PSM_WDSEL] |= _ROSC
    machine.lightsleep(duration_ms)
    machine.mem32[_PSM_WDSEL] &= ~_ROSC
