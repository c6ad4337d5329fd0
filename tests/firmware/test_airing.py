# SPDX-License-Identifier: MIT
"""Weeks of CO2: when a room needs airing, when a calibration is due, and what flash sees of it."""

import ramdisk

from airing import Airing
from store import Store

HOUR, DAY, WEEK = 3600, 86400, 604800
AIRING, DUE = 2, 16


class Counted(Store):
    """A store that counts what is written."""

    saves = 0

    def save(self, name, value):
        Counted.saves += 1
        super().save(name, value)


class Clock:
    """An uptime that a test sets."""

    saves = False

    def __init__(self, uptime_s):
        self.uptime_s = uptime_s

    def now_s(self):
        return self.uptime_s


def made(number=1, now_s=0, store=None, sensors=({"keys": [1]},)):
    Counted.saves = 0
    airing = Airing(store or Counted(ramdisk.fresh()), number, Clock(now_s), sensors)
    return airing


def flags(airing, now_s, co2_ppm=700, on=None):
    """The flags at one look, 0 for none."""
    values = {} if co2_ppm is None else {1: co2_ppm}
    airing._power.uptime_s = now_s
    airing.look(values, on)
    return values.get(-4, 0)


def calibrated(airing, now_s):
    airing._power.uptime_s = now_s
    airing.calibrated()


def weeks(airing, begin_s, end_s, co2_ppm=700, on=None):
    """Look every hour; the flags at the last of them."""
    for now_s in range(begin_s, end_s, HOUR):
        flags(airing, now_s, co2_ppm, on)
    return flags(airing, end_s, co2_ppm, on)


def test_a_week_above_500_ppm_needs_airing_and_one_fresh_value_ends_it():
    airing = made()
    assert weeks(airing, 0, WEEK - 1, 501) == 0
    assert flags(airing, WEEK, 501) == AIRING
    assert flags(airing, WEEK + 30, 500) == 0
    assert weeks(airing, WEEK + 60, 2 * WEEK + 29, 501) == 0
    assert flags(airing, 2 * WEEK + 30, 501) == AIRING


def test_what_a_driver_says_stays_beside_it():
    airing = made()
    weeks(airing, 0, WEEK)
    values = {1: 700, -4: 8}
    airing.look(values, None)
    assert values == {1: 700, -4: 8 | AIRING}


def test_time_without_a_value_counts_for_nothing():
    airing = made()
    weeks(airing, 0, 6 * DAY)
    weeks(airing, 6 * DAY + HOUR, 9 * DAY, None)
    assert weeks(airing, 9 * DAY + HOUR, 10 * DAY - HOUR) == 0
    assert flags(airing, 10 * DAY) == AIRING


def test_a_restart_costs_four_hours_at_most_and_time_without_power_counts_for_nothing():
    for number, began_s in ((2, 0), (2, 5)):
        store = Counted(ramdisk.fresh())
        weeks(made(store=store), 0, 119 * HOUR)  # the last record is of hour 116
        airing = made(number, began_s, store)
        due_s = began_s + WEEK - 116 * HOUR
        assert weeks(airing, began_s, due_s - 1) == 0
        assert flags(airing, due_s) == AIRING


def test_a_wake_from_deep_sleep_goes_on_in_its_uptime():
    store, now_s = Counted(ramdisk.fresh()), 0
    while now_s < WEEK:
        assert flags(made(store=store, now_s=now_s), now_s) == 0
        now_s += HOUR
    assert flags(made(store=store, now_s=now_s), now_s) == AIRING
    assert flags(made(store=store, now_s=now_s), now_s, 420) == 0
    assert flags(made(store=store, now_s=now_s + HOUR), now_s + HOUR) == 0


def test_three_weeks_without_fresh_air_lead_self_calibration_astray_until_it_is_calibrated():
    store = Counted(ramdisk.fresh())
    airing = made(store=store)
    assert weeks(airing, 0, 3 * WEEK - HOUR) == AIRING
    assert flags(airing, 3 * WEEK) == AIRING | DUE
    # what it calls fresh now may be stale air, and a restart makes nothing good
    assert flags(airing, 3 * WEEK + HOUR, 410) == DUE
    airing = made(2, 0, store)
    assert flags(airing, 0, 410) == DUE
    calibrated(airing, 60)
    assert flags(airing, 90, 700) == 0
    assert flags(made(3, 0, store), 0, 700) == 0
    weeks(airing, 90, 3 * WEEK)
    calibrated(airing, 3 * WEEK)
    assert flags(airing, 3 * WEEK + 30) == 0


def test_without_self_calibration_it_is_due_after_half_a_year():
    airing = made()
    for day in range(180):
        assert not flags(airing, day * DAY, 420, on=0)
    assert flags(airing, 180 * DAY, 420, on=0) == DUE
    assert flags(airing, 180 * DAY, 420, on=1) == 0
    calibrated(airing, 180 * DAY)
    assert flags(airing, 360 * DAY - 1, 420, on=0) == 0
    assert flags(airing, 360 * DAY, 420, on=0) == DUE


def test_half_a_year_goes_on_over_a_restart():
    store = Counted(ramdisk.fresh())
    airing = made(store=store)
    for day in range(101):
        flags(airing, day * DAY, 420, on=0)
    airing = made(2, 50, store)
    assert flags(airing, 50 + 80 * DAY - 1, 420, on=0) == 0
    assert flags(airing, 50 + 80 * DAY, 420, on=0) == DUE


def test_three_weeks_of_stale_air_without_self_calibration_lead_nothing_astray():
    assert weeks(made(), 0, 4 * WEEK, on=0) == AIRING


def test_less_than_there_is_outdoors_is_a_sensor_that_is_off():
    airing = made()
    for on in (0, 1):
        assert [flags(airing, 0, ppm, on) for ppm in (350, 349, 425)] == [0, DUE, 0]


def test_flash_sees_seven_records_a_day_whatever_the_air_does():
    airing = made()
    for day in range(28):
        for hour in range(24):
            flags(airing, day * DAY + hour * HOUR, 900 if 8 <= hour < 18 else 430)
    assert 0 < Counted.saves <= 28 * 7


def test_whether_it_calibrates_itself_is_said_by_setting_kit_or_supply():
    off = {"keys": [1], "self_calibration": 0}
    for sensors, on, expected in (
        (({"keys": [1]},), None, 0), (({"keys": [1]},), 0, DUE),
        ((off,), None, DUE), ((off,), 1, 0),
        (({"keys": [2], "self_calibration": 0}, {"keys": [1]}), None, 0),
    ):  # fmt: skip
        airing = made(sensors=sensors)
        flags(airing, 0, 420, on)
        assert flags(airing, 180 * DAY, 420, on) == expected, (sensors, on)
    Clock.saves = True  # on a battery it has its supply for a round only
    airing = made()
    Clock.saves = False
    assert flags(airing, 180 * DAY, 420) == DUE
