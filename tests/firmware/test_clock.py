# SPDX-License-Identifier: MIT
"""Ages of readings: right over restarts that heard the time, null over those that did not."""

import ramdisk
from backlog import Reading
from clock import Clock
from store import Store

WEEK_S = 604800
GPS_S = 1448000000


def fresh():
    return Store(ramdisk.fresh(8) + "/state")


def reading(boot, uptime_s):
    return Reading(0, boot, uptime_s, {}, None)


def test_an_age_within_one_start_needs_no_clock():
    assert Clock(fresh(), 7).age_s(reading(7, 100), 750) == 650


def test_an_age_over_a_restart_is_right_once_both_starts_know_the_time():
    store = fresh()
    Clock(store, 1).set(GPS_S, 50, 50, {1})
    clock = Clock(store, 2)
    assert clock.age_s(reading(1, 1050), 10) is None
    clock.set(GPS_S + 4000, 20, 25, {1})  # heard at an uptime of 20 s
    assert clock.age_s(reading(1, 1050), 30) == 4010 - 1000
    assert clock.age_s(reading(3, 1050), 30) is None
    assert Clock(store, 2).age_s(reading(1, 1050), 30) == 3010  # it is in flash


def test_the_time_is_wanted_at_once_and_then_every_week():
    clock = Clock(fresh(), 1)
    assert clock.due_s == 0
    clock.set(GPS_S, 50, 55, ())
    assert clock.due_s == 55 + WEEK_S


def test_starts_that_no_reading_is_from_are_forgotten():
    store = fresh()
    for number in range(1, 5):
        Clock(store, number).set(GPS_S + number, 0, 0, {2, 3})
    assert sorted(store.load("clocks")) == [2, 3, 4]
