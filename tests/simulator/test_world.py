# SPDX-License-Identifier: MIT
"""The classroom against the exact solution of its mass balance, and its timetable."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from math import exp

import pytest

from simulator import scenario as scenarios
from simulator.fleet import Freezable, make_world
from simulator.scenario import WorldPlan

MONDAY = datetime(2026, 11, 23, tzinfo=timezone(timedelta(hours=1)))
MINUTE_US, HOUR_US = 60_000_000, 3_600_000_000
# V dC/dt = G + Q (C_out - C), with what the classroom has unless told otherwise
VOLUME_M3, VENTILATION_M3_H, WINDOW_M3_H, OUTDOOR_PPM = 180.0, 260.0, 1100.0, 425.0
GENERATED_ML_H = 28 * 11.5 * 1000  # 28 pupils, 11.5 l/h: 3.2 ml/s each (facts/hardware.md, 4.1)


def room(start=MONDAY, seed=1, name="room", **options):
    scenario = replace(scenarios.find(None), start=start, seed=seed)
    return make_world(WorldPlan(name, "classroom", options), scenario)


def clock(hour, minute=0):
    """Microseconds from midnight."""
    return hour * HOUR_US + minute * MINUTE_US


def exact_ppm(begin_ppm, hours, flow_m3_h=VENTILATION_M3_H, generated_ml_h=0.0):
    """The solution while generation and flow stand still."""
    steady_ppm = OUTDOOR_PPM + generated_ml_h / flow_m3_h
    return steady_ppm + (begin_ppm - steady_ppm) * exp(-flow_m3_h / VOLUME_M3 * hours)


@pytest.fixture(scope="module")
def school():
    """A Monday from midnight; all breaks are aired."""
    return room(windows_opened=1.0)


def test_a_day_follows_the_exact_solution_from_lesson_to_break(school):
    ppm = OUTDOOR_PPM
    for begins, ends, aired_until, next_begins in (
        # lessons, break, lessons, lunch, lessons: the timetable at the head of simulator/world.py
        (clock(8, 30), clock(10, 10), clock(10, 22), clock(10, 25)),
        (clock(10, 25), clock(12), clock(12, 12), clock(12, 45)),
        (clock(12, 45), clock(15), clock(15, 12), clock(24)),
    ):
        assert school.at(begins).co2_ppm == pytest.approx(ppm, abs=1e-6)
        for share in (0.1, 0.5, 1.0):
            time_us = begins + round((ends - begins) * share / 5e6) * 5_000_000
            hours = (time_us - begins) / HOUR_US
            expected = exact_ppm(ppm, hours, generated_ml_h=GENERATED_ML_H)
            assert school.at(time_us).co2_ppm == pytest.approx(expected, abs=1e-6)
        full = school.at(ends).co2_ppm
        aired = exact_ppm(full, 0.2, VENTILATION_M3_H + WINDOW_M3_H)
        assert school.at(aired_until).co2_ppm == pytest.approx(aired, abs=1e-6)
        ppm = exact_ppm(aired, (next_begins - aired_until) / HOUR_US)
        assert 1000 < full < OUTDOOR_PPM + GENERATED_ML_H / VENTILATION_M3_H
    assert school.at(clock(24)).co2_ppm == pytest.approx(ppm, abs=1e-6)


def test_nobody_is_there_at_the_weekend():
    saturday = room(MONDAY - timedelta(days=2))
    for hour in range(48):
        assert saturday.at(clock(hour)).co2_ppm == OUTDOOR_PPM
    assert saturday.at(clock(48 + 9)).co2_ppm > 700  # Monday


def test_the_timetable_is_in_local_time():
    east = room(MONDAY.astimezone(timezone(timedelta(hours=6))))
    # midnight at +01:00 is 05:00 there: lessons begin after three and a half hours
    assert east.at(clock(3, 30)).co2_ppm == OUTDOOR_PPM < east.at(clock(3, 31)).co2_ppm


@pytest.mark.parametrize(
    ("options", "generated_ml_h", "flow_m3_h", "outdoor_ppm"),
    [
        ({"pupils": 12}, 12 * 11500.0, VENTILATION_M3_H, OUTDOOR_PPM),
        ({"co2_l_h_pupil": 14.0}, 28 * 14000.0, VENTILATION_M3_H, OUTDOOR_PPM),
        ({"ventilation_m3_h": 900.0}, GENERATED_ML_H, 900.0, OUTDOOR_PPM),
        ({"outdoor_co2_ppm": 500.0}, GENERATED_ML_H, VENTILATION_M3_H, 500.0),
        ({"volume_m3": 90.0}, GENERATED_ML_H, VENTILATION_M3_H, OUTDOOR_PPM),
    ],
)
def test_each_number_has_its_part(options, generated_ml_h, flow_m3_h, outdoor_ppm):
    world, volume_m3 = room(**options), options.get("volume_m3", VOLUME_M3)
    assert world.at(clock(8, 30)).co2_ppm == outdoor_ppm
    steady_ppm = outdoor_ppm + generated_ml_h / flow_m3_h
    share = 1 - exp(-flow_m3_h / volume_m3)
    expected = outdoor_ppm + (steady_ppm - outdoor_ppm) * share
    assert world.at(clock(9, 30)).co2_ppm == pytest.approx(expected, abs=1e-6)


def aired(world):
    """Which of the three breaks are aired, by how fast CO2 falls in their first minute."""
    found = []
    for time_us in (clock(10, 10), clock(12), clock(15)):
        before, after = (world.at(time_us + each).co2_ppm for each in (0, MINUTE_US))
        falls = (after - OUTDOOR_PPM) / (before - OUTDOOR_PPM)
        open_falls = exp(-(VENTILATION_M3_H + WINDOW_M3_H) / VOLUME_M3 / 60)
        shut_falls = exp(-VENTILATION_M3_H / VOLUME_M3 / 60)
        assert min(abs(falls - open_falls), abs(falls - shut_falls)) < 1e-9
        found.append(abs(falls - open_falls) < 1e-9)
    return tuple(found)


def test_windows_are_opened_as_often_as_said():
    assert aired(room(windows_opened=0.0)) == (False, False, False)
    assert aired(room(windows_opened=1.0)) == (True, True, True)
    days = [aired(room(seed=seed, windows_opened=0.5)) for seed in range(12)]
    assert len(set(days)) > 3 and 10 <= sum(map(sum, days)) <= 26


def test_the_seed_and_the_name_make_the_world():
    def days(world):
        return [world.at(hour * HOUR_US // 4) for hour in range(96)]

    one = days(room(windows_opened=0.5))
    assert days(room(windows_opened=0.5)) == one
    assert days(room(seed=4, windows_opened=0.5)) != one
    assert days(room(name="attic", windows_opened=0.5)) != one


def test_it_does_not_matter_when_one_asks():
    forward, backward = room(windows_opened=0.5), room(windows_opened=0.5)
    times = [hour * HOUR_US + 1_234_567 for hour in range(0, 24, 3)]
    late_first = [backward.at(time_us) for time_us in reversed(times)]
    assert [forward.at(time_us) for time_us in times] == late_first[::-1]


def test_between_the_points_of_the_grid_it_is_linear(school):
    begin, end = school.at(clock(9)), school.at(clock(9) + 5_000_000)
    between = school.at(clock(9) + 1_250_000)
    for name in ("co2_ppm", "temperature_c", "humidity_pct"):
        a, b = getattr(begin, name), getattr(end, name)
        assert getattr(between, name) == pytest.approx(a + (b - a) / 4)


def test_the_log_has_every_point_of_the_grid(school):
    rows = list(school.log(clock(0, 1)))
    assert [time_us for time_us, _ in rows] == list(range(0, 60_000_001, 5_000_000))
    assert all(air == school.at(time_us) for time_us, air in rows)


def test_a_class_warms_the_room_and_an_open_window_cools_it(school):
    def celsius(hour, minute=0):
        return school.at(clock(hour, minute)).temperature_c

    assert celsius(8, 30) < celsius(10, 10) > celsius(10, 22)
    assert 15 < celsius(5) < 17.5 < celsius(8, 30) < celsius(15) < 23.5
    assert celsius(23) < 18


def test_a_class_moistens_the_air_and_never_past_saturation(school):
    assert school.at(clock(8, 30)).humidity_pct < school.at(clock(10, 10)).humidity_pct
    damp = room(pupils=200, ventilation_m3_h=20.0)
    humidities = [air.humidity_pct for _, air in damp.log(clock(12))]
    assert max(humidities) == 100.0 and min(humidities) > 0


def vapour_g_m3(air):
    """Absolute humidity: Magnus formula by Alduchov and Eskridge (1996), and the gas law."""
    pressure_hpa = 6.1094 * exp(17.625 * air.temperature_c / (air.temperature_c + 243.04))
    return 216.7 * air.humidity_pct / 100 * pressure_hpa / (air.temperature_c + 273.15)


def test_the_vapour_follows_the_exact_solution_too(school):
    outdoor = 216.7 * 0.85 * 6.1094 * exp(17.625 * 7 / 250.04) / 280.15  # 85 % at 7 degC
    steady = outdoor + 28 * 40 / VENTILATION_M3_H  # 40 g/h each
    begin, end = vapour_g_m3(school.at(clock(8, 30))), vapour_g_m3(school.at(clock(9, 30)))
    assert begin == pytest.approx(6.5 + (outdoor - 6.5) * (1 - exp(-260 / 180 * 8.5)), abs=1e-6)
    assert end == pytest.approx(begin + (steady - begin) * (1 - exp(-260 / 180)), abs=1e-6)


def step():
    before = {"co2_ppm": 500.0, "temperature_c": 20.0, "humidity_pct": 40.0}
    after = {"co2_ppm": 1500.0, "temperature_c": 22.0, "humidity_pct": 50.0}
    options = {"before": before, "after": after, "at_h": 1.5}
    return make_world(WorldPlan("step", "step", options), scenarios.find(None))


def test_a_step_is_one_instant():
    world, at_us = step(), round(1.5 * HOUR_US)
    assert world.at(0) == world.at(at_us - 1) != world.at(at_us) == world.at(9 * HOUR_US)
    air = world.at(at_us)
    assert (air.co2_ppm, air.temperature_c, air.humidity_pct) == (1500.0, 22.0, 50.0)


def test_a_frozen_world_stays_until_it_thaws(school):
    world = Freezable(school)
    world.freeze(clock(9), clock(10))
    world.freeze(clock(11), None)
    for hour, minute, as_at in (
        (8, 59, (8, 59)), (9, 0, (9, 0)), (9, 59, (9, 0)), (10, 0, (10, 0)), (10, 30, (10, 30)),
        (11, 0, (11, 0)), (12, 0, (11, 0)), (23, 0, (11, 0)), (9, 30, (9, 0)),
    ):  # fmt: skip
        assert world.at(clock(hour, minute)) == school.at(clock(*as_at)), (hour, minute)
