# SPDX-License-Identifier: MIT
"""lora.backoff: TS001 chapter 7's limits over days, the ladder, restarts."""

import cbor
from lora.airtime import time_on_air_us
from lora.backoff import JoinBackoff
from lora.region import find

EU868 = find("EU868")


class _Random:
    """A small generator with a seed (numerical recipes' constants)."""

    def __init__(self, seed):
        self._state = seed

    def __call__(self, n):
        self._state = (self._state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self._state >> 8) % n


def _least(n):
    return 0


def _tries(backoff, end_s, now_s=0):
    """Try whenever it is allowed; return [(time, airtime_us, data rate)]."""
    tries = []
    while True:
        now_s, data_rate = backoff.next_try(now_s)
        if now_s >= end_s:
            return tries
        backoff.tried(now_s)
        sf, bw_hz = EU868.data_rates[data_rate]
        tries.append((now_s, time_on_air_us(23, sf, bw_hz), data_rate))


def _airtime_us(tries, begin_s, end_s):
    return sum([us for at_s, us, _ in tries if begin_s <= at_s < end_s])


def test_the_ladder_takes_two_tries_a_step_and_begins_again():
    tries = _tries(JoinBackoff(EU868, _least), 3600)
    assert [rate for _, _, rate in tries[:14]] == [5, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0, 5, 5]


def test_airtime_stays_within_ts001_7():
    for random in (_least, _Random(1), _Random(2)):
        tries = _tries(JoinBackoff(EU868, random), 10 * 86400)
        first_us = _airtime_us(tries, 0, 3600)
        assert 30000000 < first_us <= 36000000, first_us
        assert 25000000 < _airtime_us(tries, 3600, 39600) <= 36000000
        for day in range(9):
            begin_s = 39600 + day * 86400
            day_us = _airtime_us(tries, begin_s, begin_s + 86400)
            assert 4000000 < day_us <= 8700000, day_us


def test_no_24_hours_after_the_first_day_see_more_than_24_tries():
    times = [at_s for at_s, _, _ in _tries(JoinBackoff(EU868, _least), 10 * 86400)]
    for at_s in times:
        if at_s >= 86400:
            assert len([1 for other in times if at_s <= other < at_s + 86400]) <= 24


def test_devices_spread():
    assert {JoinBackoff(EU868, _Random(seed)).next_try(0)[0] for seed in range(40)} == {
        0,
        1,
        2,
        3,
        4,
    }
    one, other = JoinBackoff(EU868, _Random(1)), JoinBackoff(EU868, _Random(2))
    for backoff in (one, other):
        backoff.tried(10)
        assert 25 <= backoff.next_try(10)[0] < 40
        assert backoff.next_try(11) == backoff.next_try(10)
    assert one.next_try(10) != other.next_try(10)


def test_a_restart_keeps_ladder_and_budget():
    backoff = JoinBackoff(EU868, _least)
    tries = _tries(backoff, 3600)
    after = JoinBackoff(EU868, _least)
    record = cbor.decode(cbor.encode(backoff.record()))
    record[4] = 36000000  # the first hour's airtime was used up
    after.restore(record)
    assert after.tries == len(tries)
    at_s, data_rate = after.next_try(0)
    assert data_rate == (5, 4, 3, 2, 1, 0)[len(tries) // 2 % 6]
    last_s = tries[-1][0]
    assert last_s + at_s >= 3600, at_s


def test_restarts_cannot_stretch_the_budget():
    backoff = JoinBackoff(EU868, _least)
    used_us = 0
    for _ in range(300):  # a device that is switched off again after each try
        at_s, data_rate = backoff.next_try(0)
        if at_s > 60:
            break
        backoff.tried(at_s)
        used_us += time_on_air_us(23, *EU868.data_rates[data_rate])
        record = backoff.record()
        backoff = JoinBackoff(EU868, _least)
        backoff.restore(record)
    assert 34000000 < used_us <= 36000000, used_us


def test_a_restart_shortens_the_pause():
    backoff = JoinBackoff(EU868, _least)
    backoff.tried(50000)
    after = JoinBackoff(EU868, _least)
    after.restore(backoff.record())
    assert backoff.next_try(50000)[0] == 53600
    assert after.next_try(0)[0] == 15


def test_time_before_a_restart_counts():
    backoff = JoinBackoff(EU868, _least)
    backoff.next_try(39000)
    after = JoinBackoff(EU868, _least)
    after.restore(backoff.record())
    after.tried(600)  # 39600: the days have begun
    assert after.next_try(600)[0] == 600 + 3600
