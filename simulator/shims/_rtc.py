# SPDX-License-Identifier: MIT
"""`machine.RTC`: the clock that `time` shows, and the memory that an ESP32 keeps beside it."""

import _wire
import time

_MEMORY = 2048
_US = 1000000


class RTC:
    def datetime(self, wanted=None):
        """Year, month, day, weekday, hour, minute, second, and on ESP32 microseconds."""
        parts = not _wire.board["chip"].startswith("rp2040")
        if wanted is None:
            year, month, day, hour, minute, second, weekday, _ = time.gmtime()
            part_us = time.time_ns() // 1000 % _US if parts else 0
            return year, month, day, weekday, hour, minute, second, part_us
        year, month, day, _, hour, minute, second, part_us = wanted
        since_s = time.mktime((year, month, day, hour, minute, second))
        time.set_us(since_s * _US + (part_us if parts else 0))

    def memory(self, data=None):
        """ESP32: it outlives every reset but that of the power."""
        if data is None:
            return bytes(_wire.rtc_memory)
        if len(data) > _MEMORY:
            raise ValueError("buffer too long")
        _wire.rtc_memory = bytes(data)
        _wire.trip(_wire.OP_RTC, _wire.rtc_memory)
