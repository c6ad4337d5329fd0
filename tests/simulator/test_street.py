# SPDX-License-Identifier: MIT
"""The crossing and the path: traffic by the hour, groups, directions, and what only looks alive."""

from collections import Counter
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from random import Random

import pytest

from simulator.fleet import Freezable
from simulator.street import Street, Traffic

MONDAY = datetime(2026, 11, 23, tzinfo=timezone(timedelta(hours=1)))
SATURDAY = MONDAY - timedelta(days=2)
HOUR_US = 3_600_000_000


def street(bikes=False, start=MONDAY, seed=1, **traffic):
    return Street(start, Random(seed), Traffic(**traffic), bikes)


def by_hour(passages):
    return Counter(each.time_us // HOUR_US % 24 for each in passages)


def test_the_rush_hours_of_a_weekday_have_what_was_asked_for():
    days = 20
    for group in (1.0, 2.0):
        made = [street(busiest_per_h=200.0, group=group, seed=seed) for seed in range(days)]
        hours = by_hour(each for one in made for each in one.log(24 * HOUR_US - 1))
        for hour, share in ((8, 1.0), (17, 1.0), (12, 0.65), (3, 0.01)):
            # a Poisson sum of groups: its deviation is that of the groups times their size
            expected = days * 200 * share
            deviation = 4 * (expected * group * 2) ** 0.5
            assert hours[hour] == pytest.approx(expected, abs=deviation)


def test_a_weekend_has_other_hours():
    made = [street(start=SATURDAY, busiest_per_h=200.0, seed=seed) for seed in range(20)]
    hours = by_hour(each for one in made for each in one.log(24 * HOUR_US - 1))
    assert hours[8] < hours[14] / 2


def test_passages_come_in_the_order_of_time_whoever_asks_when():
    one, other = street(), street()
    passages = list(one.log(12 * HOUR_US))
    times = [each.time_us for each in passages]
    assert times == sorted(set(times)) and len(times) > 100
    # asked from the end to the beginning it is the same day
    for earlier, later in reversed(list(pairwise(passages))):
        assert other.after(earlier.time_us) == later


def test_a_group_is_near_together():
    alone, grouped = street(group=1.0), street(group=3.0, seed=2)
    for made, low, high in ((alone, 0.0, 0.25), (grouped, 0.6, 1.0)):
        times = [each.time_us for each in made.log(24 * HOUR_US)]
        near = sum(b - a < 3_000_000 for a, b in pairwise(times))
        assert low <= near / len(times) <= high


def test_bikes_go_into_town_in_the_morning_and_out_of_it_later():
    made = street(bikes=True, busiest_per_h=300.0, group=1.0, forward=0.8)
    passages = list(made.log(24 * HOUR_US))
    back = {
        half: [each.back for each in passages if each.time_us // (12 * HOUR_US) == half]
        for half in (0, 1)
    }
    for half, share in ((0, 0.2), (1, 0.8)):
        assert sum(back[half]) / len(back[half]) == pytest.approx(share, abs=0.05)
    # 2 m from PIR to PIR and 1 m before each, at 3.5 to 6.5 m/s
    gaps = [each.gap_us for each in passages]
    assert min(gaps) >= 307_000 and max(gaps) <= 572_000
    assert all(abs(2 * each.duration_us - each.gap_us) <= 1 for each in passages)
    assert not any(each.back or each.gap_us for each in street().log(24 * HOUR_US))


def test_wind_blows_at_all_hours_and_the_sun_shines_by_day_at_one_pir():
    windy = list(street(busiest_per_h=0.0, wind_per_h=60.0).log(24 * HOUR_US))
    sunny = list(street(busiest_per_h=0.0, sun_per_h=60.0).log(24 * HOUR_US))
    assert len(by_hour(windy)) == 24 and set(by_hour(sunny)) == set(range(10, 16))
    assert {each.eye for each in windy} == {each.eye for each in sunny} == {0, 1}
    assert all(each.eye is None for each in street().log(24 * HOUR_US))


def test_an_empty_street_has_no_next_passage():
    assert street(busiest_per_h=0.0).after(0) is None


def test_nobody_passes_during_a_frost():
    world = Freezable(street())
    world.freeze(8 * HOUR_US, 9 * HOUR_US)
    world.freeze(17 * HOUR_US, None)
    found, at_us = [], 0
    while (passage := world.after(at_us)) is not None:
        found.append(passage)
        at_us = passage.time_us
    usual = [
        each
        for each in street().log(24 * HOUR_US)
        if each.time_us // HOUR_US != 8 and each.time_us < 17 * HOUR_US
    ]
    assert found == usual


def test_nobody_for_two_weeks_is_nobody_ever_whoever_asked_before():
    rare, day_us = {"busiest_per_h": 0.004}, 24 * HOUR_US
    seed = next(seed for seed in range(100) if street(seed=seed, **rare).after(0) is None)
    asked = street(seed=seed, **rare)
    later = next(found for day in range(400) if (found := asked.after(day * day_us)))
    assert later.time_us > 14 * day_us
    assert asked.after(0) is None and asked.after(later.time_us - 1) is later
