# SPDX-License-Identifier: MIT
"""The worlds of the distance kits: weather, a bin with its truck, a ditch with its pump, a bay."""

from datetime import datetime, timedelta, timezone
from itertools import pairwise
from random import Random
from statistics import fmean

import pytest

from simulator.bay import Bay, Parking
from simulator.bin import Bin, Container
from simulator.ditch import Canal, Ditch
from simulator.weather import Weather

MONDAY = datetime(2026, 11, 23, 6, tzinfo=timezone(timedelta(hours=1)))
HOUR_US, MINUTE_US = 3_600_000_000, 60_000_000
WORLDS = [(Bin, Container), (Ditch, Canal), (Bay, Parking)]


def made(kind, options, seed=3, **numbers):
    return kind(MONDAY, Random(seed), options(**numbers))


def hours(world, count, step_h=0.25):
    """(hour, conditions) from the start on."""
    steps = range(round(count / step_h))
    return [(step * step_h, world.at(round(step * step_h * HOUR_US))) for step in steps]


@pytest.mark.parametrize(("kind", "options"), WORLDS)
def test_it_does_not_matter_when_one_asks(kind, options):
    times = [hour * HOUR_US + 1_234_567 for hour in range(0, 96, 5)]
    forward, backward = made(kind, options), made(kind, options)
    late_first = [backward.at(time_us) for time_us in reversed(times)]
    assert [forward.at(time_us) for time_us in times] == late_first[::-1]


@pytest.mark.parametrize(("kind", "options"), WORLDS)
def test_the_seed_makes_the_world(kind, options):
    one, same, other = (hours(made(kind, options, seed), 96) for seed in (3, 3, 4))
    assert one == same != other


def test_it_is_warmest_in_the_afternoon_and_around_its_mean():
    weather = Weather(MONDAY, Random(3), 9.0)
    days = [[weather.temperature_c((24 * day + hour) * HOUR_US) for hour in range(24)]
            for day in range(30)]  # fmt: skip
    assert fmean(each for day in days for each in day) == pytest.approx(9.0, abs=0.5)
    warmest = [(6 + day.index(max(day))) % 24 for day in days]
    assert all(13 <= hour <= 17 for hour in warmest)
    assert all(5 < max(day) - min(day) < 13 for day in days)


def test_a_bin_fills_by_bags_and_settles():
    world = made(Bin, Container, truck_share=1.0)
    heights = [1200 - each.distance_mm for _, each in hours(world, 24 * 3, 1 / 60)]
    rises = [b - a for a, b in pairwise(heights) if b > a]
    assert heights[0] == 0 and 18 <= len(rises) <= 36  # nine bags a day, in three days
    assert fmean(rises) == pytest.approx(55, abs=12)
    assert all(b - a > -5 for a, b in pairwise(heights))  # it settles, slowly
    assert 0.6 * sum(rises) < heights[-1] < sum(rises)


def test_no_bags_at_night():
    world = made(Bin, Container)
    for day in range(4):
        night = [world.at(round((24 * day + hour) * HOUR_US)) for hour in (16.1, 20, 24.9)]
        assert night[0].distance_mm <= night[1].distance_mm <= night[2].distance_mm


def test_the_truck_comes_in_the_morning_after_the_bin_was_full_enough():
    world = made(Bin, Container, bags_a_day=18.0)
    hours(world, 24 * 8)
    assert len(world.emptied_us) >= 3
    for time_us in world.emptied_us:
        assert (time_us / HOUR_US + 6) % 24 == pytest.approx(7.5)
        midnight_us = time_us - round(7.5 * HOUR_US)
        assert 1200 - world.at(midnight_us).distance_mm > 0.8 * 850
        assert world.at(time_us).distance_mm == 1200
        assert world.at(time_us - 1).distance_mm < 600
    assert made(Bin, Container, bags_a_day=0.0).at(200 * HOUR_US).distance_mm == 1200


def test_a_full_bin_takes_no_more():
    world = made(Bin, Container, bags_a_day=60.0, truck_share=1.0)
    assert min(each.distance_mm for _, each in hours(world, 96)) >= 350


def test_a_bag_that_hangs_in_the_opening_looks_like_a_full_bin():
    world = made(Bin, Container, bridges=1.0)
    distances = [each.distance_mm for _, each in hours(world, 12, 1 / 60)]
    fell = [b - a for a, b in pairwise(distances) if b - a > 100]
    assert 350 in distances and fell


def test_a_fresh_heap_gives_few_echoes():
    world = made(Bin, Container, bags_a_day=18.0)
    lost = [each.echo_lost for _, each in hours(world, 24, 1 / 60)]
    assert min(lost) == pytest.approx(0.05, abs=0.001) and 0.42 < max(lost) <= 0.45


def test_rain_fills_the_ditch_and_the_pump_empties_it():
    world = made(Ditch, Canal, showers_a_day=3.0)
    levels = [world.level_mm(minute * MINUTE_US) for minute in range(72 * 60)]
    assert levels[0] == -20 and 59 < max(levels) < 75
    steepest = min(b - a for a, b in pairwise(levels))
    assert -45 / 60 <= steepest < -0.4  # mm a minute, rain running off meanwhile
    top = levels.index(max(levels))
    below = next(at for at in range(top, len(levels)) if levels[at] <= -40)
    assert all(b < a for a, b in pairwise(levels[top:below]))
    assert levels[below + 30] > levels[below]  # it has stopped


def test_without_rain_only_seepage_raises_it():
    world = made(Ditch, Canal, showers_a_day=0.0)
    assert world.level_mm(24 * HOUR_US) == pytest.approx(-20 + 24 * 0.8, abs=0.1)
    assert world.at(0).distance_mm == 1820 and world.at(0).rough_mm == 3


def test_water_follows_the_air_slowly():
    days = hours(made(Ditch, Canal), 240)
    air, water = (
        [getattr(each, name) for _, each in days] for name in ("temperature_c", "water_c")
    )
    assert max(water) - min(water) < 0.7 * (max(air) - min(air))
    assert fmean(water) == pytest.approx(fmean(air), abs=1.5)
    frost = made(Ditch, Canal, mean_c=-15.0)
    assert frost.at(240 * HOUR_US).water_c > -0.1 > frost.at(240 * HOUR_US).temperature_c


def test_between_the_points_of_the_grid_it_is_linear():
    world = made(Ditch, Canal)
    one, two = world.level_mm(90 * MINUTE_US), world.level_mm(91 * MINUTE_US)
    assert world.level_mm(90 * MINUTE_US + 15_000_000) == pytest.approx(one + (two - one) / 4)


def test_cars_come_and_go():
    world = made(Bay, Parking)
    looks = [world.at(minute * MINUTE_US) for minute in range(48 * 60)]
    taken = [world.taken(minute * MINUTE_US) for minute in range(48 * 60)]
    for each, car in zip(looks, taken, strict=True):
        assert (850 <= each.distance_mm <= 1220) if car else each.distance_mm == 2600
    changes = sum(a != b for a, b in pairwise(taken))
    assert 16 < changes < 80 and not taken[0]
    assert 0.25 < fmean(taken) < 0.75
    stays = [len(each) for each in "".join("x" if car else " " for car in taken).split()]
    assert min(stays) >= 5 and max(stays) <= 131


def test_a_car_that_moves_throws_the_sound_away():
    world = made(Bay, Parking)
    change_us = next(
        second * 1_000_000 for second in range(86400) if world.taken(second * 1_000_000)
    )
    assert world.at(change_us + 15_000_000).echo_lost == 0.7
    assert world.at(change_us + 21_000_000).echo_lost == 0.08
    assert world.at(0).echo_lost == 0.08
