# SPDX-License-Identifier: MIT
"""When a device may try to join again, and at which data rate (TS001 7, RP002 2.4.1).

Airtime of join-requests since power-up: 36 s in the first hour, 36 s in the next ten, then 8.7 s a
day. Between two tries passes a random time; after hour 11 it is an hour at least, so that no day
sees more than 24.
"""

from lora.airtime import time_on_air_us
from lora.region import band
from micropython import const

_JOIN_REQUEST = const(23)  # bytes
_DAY_S = const(86400)
_FIRST_TRY_S = const(5)
_RESTART_S = const(15)
# begin_s, budget_us, pause_s: the time to the next try is pause_s to twice that
_PERIODS = ((0, 36000000, 15), (3600, 36000000, 300), (39600, 8700000, 3600))


class JoinBackoff:
    """now_s counts from the start of the program; a restored record adds the time before it.

    A join ends it: make a new one for the next. Store record() with each DevNonce, and now and
    then while it waits, or a node that restarts often does not see the next period come.
    """

    def __init__(self, region, random):
        self._region, self._random = region, random
        self.tries = 0
        self._before_s = 0  # what had passed when the program started
        self._seen_s = 0  # of now_s
        self._next_s = random(_FIRST_TRY_S)  # since the first start, as all that is kept
        self._period, self._used_us = 0, 0

    def next_try(self, now_s):
        """Return (time of the next try, its data rate); the time is now_s or later."""
        self._seen_s = now_s
        at_s = max(self._next_s, self._before_s + now_s)
        period, end_s = _period(at_s)
        if period == self._period and self._used_us + self._airtime_us() > _budget_us(period):
            at_s = end_s
        return at_s - self._before_s, self._data_rate()

    def tried(self, now_s):
        """Book a join-request that is about to leave."""
        self._seen_s = now_s
        at_s = self._before_s + now_s
        period = _period(at_s)[0]
        if period != self._period:
            self._period, self._used_us = period, 0
        airtime_us = self._airtime_us()
        self._used_us += airtime_us
        self.tries += 1
        pause_s = _PERIODS[min(period, 2)][2]
        pause_s += self._random(pause_s)
        # not before the band is free: a try that waits could leave in the period after its own
        first = band(self._region, self._region.channels[0][0])
        rest_us = airtime_us * (self._region.bands[first][2] - 1)
        self._next_s = at_s + max(pause_s, rest_us // 1000000 + 4)

    def record(self):
        """Return it, up to the last call, as a dict with small integer keys, for CBOR."""
        at_s = self._before_s + self._seen_s
        return dict(enumerate((self.tries, at_s, self._next_s, self._period, self._used_us)))

    def restore(self, record, slept=False):
        """Go on after a restart; time without power is unknown and counts as none.

        The budget stays as it was, the pause gets short: power may have been off for a week.
        slept: the time since is known to be none, and the pause stays too.
        """
        self.tries, self._before_s, self._next_s = record[0], record[1], record[2]
        self._period, self._used_us = record[3], record[4]
        if not slept:
            soon_s = self._before_s + _RESTART_S + self._random(_RESTART_S)
            self._next_s = min(self._next_s, soon_s)

    def _data_rate(self):
        """The ladder from the first to the last and round again."""
        ladder = self._region.join_data_rates
        return ladder[self.tries % len(ladder)]

    def _airtime_us(self):
        sf, bw_hz = self._region.data_rates[self._data_rate()]
        return time_on_air_us(_JOIN_REQUEST, sf, bw_hz)


def _period(at_s):
    """Return (period, its end): 0 and 1, then one for each day."""
    for period in (0, 1):
        if at_s < _PERIODS[period + 1][0]:
            return period, _PERIODS[period + 1][0]
    day = (at_s - _PERIODS[2][0]) // _DAY_S
    return 2 + day, _PERIODS[2][0] + (day + 1) * _DAY_S


def _budget_us(period):
    return _PERIODS[min(period, 2)][1]
