# SPDX-License-Identifier: MIT
"""Which readings leave next and when: those of the present first, an outage's in spare room."""

from micropython import const

import settings
import uplink
from delivery import stretched_s

_DAY_S = const(86400)
_USUAL_PAYLOAD = const(11)  # bytes of one reading, in a frame of 24
_PRESENT = const(4)  # readings of so many intervals are no leftovers of an outage
_SHARE = const(4)  # of the budget, one part in so many for readings that wait


class Pacing:
    """Shares the budget among readings.

    `age_of(reading)` is in seconds, None when the clock was lost since; `airtime_us(length)` that
    of a frame with so many bytes of payload, its repetitions included.
    """

    def __init__(self, values, backlog, budget, age_of, airtime_us):
        self._settings, self._backlog, self._budget = values, backlog, budget
        self._age_of, self._airtime_us = age_of, airtime_us

    def interval_s(self, now_s):
        """Seconds between readings: as set, and longer where the data rate asks for it.

        A share of the budget is not theirs while it would not last through the day to come.
        """
        interval_s, limit_us = self._settings[settings.INTERVAL], self._budget.limit_us
        frame_us = self._airtime_us(_USUAL_PAYLOAD)
        day_us = min(_DAY_S * frame_us // interval_s, limit_us)
        if self._budget.left_us(now_s, day_us) < -frame_us:
            limit_us -= limit_us // _SHARE
        return stretched_s(interval_s, frame_us, limit_us)

    def newest(self, limit, now_s):
        """(payload, readings taken, s to wait for fair use) of a frame with one reading."""
        payload, taken = uplink.pack(self._first(), limit, self._age_of)
        return payload, taken, self._budget.wait_s(self._airtime_us(len(payload)), now_s)

    def next(self, limit, now_s, spent_us=0):
        """The same of the next frame, once so much airtime more is spent.

        Readings of the present leave as soon as the budget has room for them. What an outage left
        behind goes beside them, or in full frames, from what a day's readings leave. Of the budget
        there is always enough for a question.
        """
        spent_us += self._airtime_us(0)
        interval_s, budget = self.interval_s(now_s), self._budget
        day_us = _DAY_S * self._airtime_us(_USUAL_PAYLOAD) // self._settings[settings.INTERVAL]
        day_us = min(day_us, budget.limit_us - budget.limit_us // _SHARE)
        recent = uplink.within(_PRESENT * interval_s, self._backlog.unsent(), self._age_of)
        present, taken = uplink.pack(recent, limit, self._age_of)
        if taken:
            least = len(uplink.pack(self._first(), limit, self._age_of)[0])
            spare_us = max(budget.left_us(now_s, day_us) - spent_us, 0)
            room_us = min(
                self._airtime_us(len(present)) + spare_us, budget.left_us(now_s) - spent_us
            )
            while limit > least and self._airtime_us(limit) > room_us:
                limit -= 1
            day_us = 0
        payload, taken = uplink.pack(self._backlog.unsent(), limit, self._age_of)
        airtime_us = self._airtime_us(len(payload)) + spent_us
        return payload, taken, budget.wait_s(airtime_us, now_s, day_us)

    def _first(self):
        """The newest reading that waits, as a list of one; none: an empty one."""
        for reading in self._backlog.unsent():
            return [reading]
        return []
