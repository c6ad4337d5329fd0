# SPDX-License-Identifier: MIT
"""The clock: the GPS second at which each start began, so that an age is right or null."""

from micropython import const

_WEEK_S = const(604800)


class Clock:
    """Of this start, by its number, and of those that readings in flash are from.

    `due_s` is the uptime at which the network is to be asked for the time.
    """

    def __init__(self, store, number):
        self._store, self._number = store, number
        self._began_s = store.load("clocks") or {}  # start number -> GPS second of its uptime 0
        self.due_s = 0

    def set(self, gps_s, uptime_s, now_s, wanted):
        """It was gps_s at an uptime; forget the starts that are not among the wanted."""
        self._began_s = {boot: at_s for boot, at_s in self._began_s.items() if boot in wanted}
        self._began_s[self._number] = gps_s - uptime_s
        self._store.save("clocks", self._began_s)
        self.due_s = now_s + _WEEK_S

    def age_s(self, reading, now_s):
        """Seconds since a reading was taken, None when the clock was lost since."""
        if reading.boot == self._number:
            return now_s - reading.uptime_s
        then_s, began_s = self._began_s.get(reading.boot), self._began_s.get(self._number)
        if then_s is None or began_s is None:
            return None
        return began_s + now_s - then_s - reading.uptime_s
