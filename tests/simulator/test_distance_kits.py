# SPDX-License-Identifier: MIT
"""The kits bin, water and parking: their days against their worlds, and each way to fail."""

from datetime import datetime
from itertools import pairwise
from math import sqrt
from statistics import fmean

import pytest

from host import boards
from simulator.faults import FaultPlan
from simulator.scenario import WorldPlan

MINUTE_US = 60_000_000
EMPTY_MM, FULL_MM = 1200, 350
NO_DISTANCE = {"bin": ["distance", "fill"], "ditch": ["distance", "level"],
               "parking": ["distance", "occupied", "occupancy"]}  # fmt: skip


def us(row, trial):
    """When a reading was measured, in the run's time."""
    return round((row.time - trial.scenario.start).total_seconds() * 1e6)


def readings(trial):
    """(hour, time_us, values) of all readings, in the order of measuring."""
    rows = sorted(trial.rows, key=lambda row: row.time)
    return [(us(row, trial) / 3.6e9, us(row, trial), row.values) for row in rows]


def between(trial, begins_h, ends_h):
    return [values for hour, _, values in readings(trial) if begins_h < hour < ends_h]


def world_of(trial):
    (world,) = trial._worlds.values()
    return world


def steps(before_mm, after_mm, at_h, name="bin", **surface):
    """A world with one distance and then another."""
    air = {"co2_ppm": 425.0, "temperature_c": 8.0, "humidity_pct": 80.0, **surface}
    before, after = ({**air, "distance_mm": each} for each in (before_mm, after_mm))
    return (WorldPlan(name, "step", {"before": before, "after": after, "at_h": at_h}),)


@pytest.fixture(scope="module")
def week(trial_once):
    return trial_once(120.0, usual="bin", kit="bin")


@pytest.fixture(scope="module")
def ditch(trial_once):
    return trial_once(72.0, usual="ditch", kit="water")


@pytest.fixture(scope="module")
def bay(trial_once):
    return trial_once(24.0, usual="parking", kit="parking")


def heard(trial):
    """The readings with a distance: a heap that slopes may give too few echoes for one."""
    return [each for each in readings(trial) if "distance" in each[2]]


# Against the world.


def test_the_distance_in_a_bin_is_that_of_its_world(week):
    found = heard(week)
    assert len(readings(week)) >= 355 and len(found) >= 352
    for _, time_us, values in found:
        truth = [world_of(week).at(time_us + each).distance_mm for each in (-2_000_000, 2_000_000)]
        assert min(abs(values["distance"] - each) for each in truth) <= 12, (time_us, values)


def test_the_fill_is_the_share_between_the_marks(week):
    late = 0
    for _, _, values in heard(week):
        share = 100 * (EMPTY_MM - values["distance"]) / (EMPTY_MM - FULL_MM)
        late += abs(values["fill"] - min(max(share, 0), 100)) > 0.51
    assert late <= 3  # a bag that hung in the opening: not confirmed


def test_a_bin_that_was_emptied_is_known_with_the_next_reading(week):
    found, emptied_us = heard(week), world_of(week).emptied_us
    assert len(emptied_us) == 2
    for at_us in emptied_us:
        before = [values["fill"] for _, time_us, values in found if time_us < at_us][-1]
        after = next(values["fill"] for _, time_us, values in found if time_us > at_us + 2_000_000)
        assert before > 75 and after <= 1
    times = [world_of(week)._weather.moment(at_us) for at_us in emptied_us]
    late_min = [
        (datetime.fromisoformat(said) - at).total_seconds() / 60
        for said, at in zip(week.summary["emptied_at"], times, strict=True)
    ]
    assert all(0 < each <= 20 for each in late_min)
    assert week.summary["fill_now"] == found[-1][2]["fill"]


def test_the_bins_air_is_measured_too(week):
    for _, time_us, values in readings(week):
        assert abs(values["temperature"] - world_of(week).at(time_us).temperature_c) <= 0.25
        assert "flags" not in values
        assert values.get("faults", NO_DISTANCE["bin"]) == NO_DISTANCE["bin"]


def test_the_level_is_that_of_the_ditch_and_has_a_sign(ditch):
    found = readings(ditch)
    assert len(found) >= 285
    for _, time_us, values in found:
        place = world_of(ditch).at(time_us)
        assert abs(values["temperature_2"] - place.water_c) <= 0.2
        # the DS18B20 is in the water: 1 degC between that and the air is 0.18 % of the distance
        reads_mm = place.distance_mm * sqrt(
            (place.water_c + 273.15) / (place.temperature_c + 273.15)
        )
        assert abs(values["distance"] - reads_mm) <= 16
        assert abs(values["level"] - world_of(ditch).level_mm(time_us)) <= 30
        assert values["level"] == 1800 - values["distance"] and "flags" not in values
    levels = [values["level"] for _, _, values in found]
    assert min(levels) < -30 and max(levels) > 50
    assert ditch.summary["level_highest_mm"] == max(levels)
    assert ditch.summary["level_now_mm"] == levels[-1]


def test_a_bay_is_taken_while_a_car_is_there(bay):
    found, world = readings(bay), world_of(bay)
    assert len(found) >= 142
    for _, time_us, values in found:
        near = {world.taken(time_us + each * 1_000_000) for each in (-3, 3)}
        moves = world.taken(time_us - 23_000_000) not in near  # a car that moves may give no echo
        assert values["occupied"] in near if "occupied" in values else moves
    for (_, one_us, _), (_, two_us, values) in pairwise(found):
        after_us = one_us + MINUTE_US // 2
        looks = [world.taken(at_us) for at_us in range(two_us, after_us, -MINUTE_US)]
        assert abs(values["occupancy"] - 100 * fmean(looks)) <= 100 / len(looks) + 0.5
    truth = fmean(world.taken(minute * MINUTE_US) for minute in range(24 * 60))
    assert bay.summary["occupied_share"] == pytest.approx(truth, abs=0.02)


# With the sensor silent, and with the world frozen.


EACH_KIT = pytest.mark.parametrize(
    ("usual", "kit", "sensor"),
    [
        ("bin", "bin", "a02yyuw"),
        ("bin", "bin-jsn-sr04t", "pulse"),
        ("bin", "bin-hc-sr04", "pulse"),
        ("ditch", "water", "a02yyuw"),
        ("ditch", "water-maxbotix", "maxbotix"),
        ("parking", "parking", "a02yyuw"),
    ],
)


@EACH_KIT
def test_a_silent_sensor_is_a_fault_until_it_is_back(trial, usual, kit, sensor):
    fault = FaultPlan("sensor-silent", 3.0, "node", sensor, until_h=6.0)
    found = trial(12.0, usual=usual, kit=kit, faults=(fault,))
    silent, after = between(found, 3.4, 5.9), between(found, 6.4, 12)
    assert len(silent) >= 6 and len(after) >= 15
    for values in silent:
        assert values["faults"] == NO_DISTANCE[usual]
        assert not values.keys() & set(NO_DISTANCE[usual])
        assert values.keys() & {"temperature", "temperature_2"}
    for values in after:
        assert "faults" not in values and values.keys() >= set(NO_DISTANCE[usual])


@EACH_KIT
def test_a_frozen_world_is_a_flat_column(trial, usual, kit, sensor):
    fault = FaultPlan("world-frozen", 4.0, "node")
    found = trial(12.0, usual=usual, kit=kit, faults=(fault,))
    distances = [values["distance"] for values in between(found, 4.4, 12)]
    assert len(distances) >= 22 and max(distances) - min(distances) <= 20
    for name in {"fill", "occupied", "occupancy"} & set(NO_DISTANCE[usual]):
        column = [values[name] for values in between(found, 4.4, 12)]
        assert max(column) - min(column) <= 2


@EACH_KIT
def test_each_kit_has_the_distance_of_its_world(trial, usual, kit, sensor):
    assert kit in boards.kits()
    found = trial(6.0, usual=usual, kit=kit)
    assert len(readings(found)) >= 17
    for _, time_us, values in readings(found):
        truth_mm = world_of(found).at(time_us - 2_000_000).distance_mm
        assert abs(values["distance"] - truth_mm) <= 25 and "faults" not in values


@pytest.mark.parametrize(("kit", "sensor"), [("water", "a02yyuw"), ("water-maxbotix", "maxbotix")])
def test_a_frozen_sensor_repeats_itself(trial, kit, sensor):
    fault = FaultPlan("sensor-frozen", 4.0, "node", sensor)
    found = trial(9.0, usual="ditch", kit=kit, faults=(fault,))
    assert len({values["distance"] for values in between(found, 1, 4)}) > 3
    # what is left is the temperature of the air, by which the same echo is another distance
    frozen = [values["distance"] for values in between(found, 4.4, 9)]
    assert max(frozen) - min(frozen) <= 20


# A pulse sensor's own ways to fail (hardware.md 1.3); test_uart_distances.py has the others'.


@pytest.mark.parametrize(("kit", "near_mm"), [("bin-jsn-sr04t", 200.0), ("bin", 25.0)])
def test_a_heap_in_the_blind_zone_is_a_fault(trial, kit, near_mm):
    found = trial(4.0, usual="bin", kit=kit, worlds=steps(600.0, near_mm, 2.0))
    assert {values.get("fill") for values in between(found, 0.0, 2.0)} == {71}
    for values in between(found, 2.05, 4):
        assert values["faults"] == ["distance", "fill"]


def test_a_rough_surface_is_called_noisy(trial):
    found = trial(3.0, usual="bin", kit="bin", worlds=steps(900.0, 900.0, 1.0, rough_mm=90.0))
    flags = [values.get("flags") for values in between(found, 0, 3) if "distance" in values]
    assert flags.count(["noisy"]) > len(flags) / 2


# A rise has to be confirmed, a fall has not.


def test_a_steep_rise_is_reported_with_the_second_reading(trial):
    found = trial(4.0, usual="bin", kit="bin", worlds=steps(1100.0, 500.0, 2.1))
    fills = [values["fill"] for values in between(found, 0, 4)]
    distances = [values["distance"] for values in between(found, 0, 4)]
    at = next(index for index, each in enumerate(distances) if each < 600)
    assert set(fills[: at + 1]) == {12} and set(fills[at + 1 :]) == {82}


def test_a_rise_is_confirmed_through_deep_sleep(trial):
    world = steps(1100.0, 500.0, 2.1)
    found = trial(4.0, usual="bin", kit="bin", board="ttgo-lora32-v2_1", worlds=world)
    assert {why for _, why in found.board.starts} == {"power", "deepsleep"}
    values = between(found, 0, 4)
    at = next(index for index, each in enumerate(values) if each["distance"] < 600)
    assert {each["fill"] for each in values[: at + 1]} == {12}
    assert {each["fill"] for each in values[at + 1 :]} == {82}


def test_a_bay_is_watched_through_deep_sleep(trial):
    world = steps(2600.0, 900.0, 0.55, name="bay")
    found = trial(1.0, usual="parking", kit="parking", board="ttgo-lora32-v2_1", worlds=world)
    assert len(found.board.starts) > 50
    shares = [(hour, values["occupancy"]) for hour, _, values in readings(found)]
    assert len(shares) >= 5
    for (before_h, _), (hour, share) in pairwise(shares):
        there = min(max((hour - 0.55) / (hour - before_h), 0), 1)
        assert share == pytest.approx(100 * there, abs=100 / 10 + 0.5), hour  # a look of ten


def test_a_power_cut_frees_an_echo_that_sticks(trial):
    """On a board without a switch for the supply."""
    cut = FaultPlan("power-cut", 2.0, "node", until_h=2.05)

    def prepare(run):
        sonar = run.node.sensors["pulse"]
        sonar.sticks = True
        run.at(1.0, setattr, sonar, "deaf", True)
        run.at(1.5, setattr, sonar, "deaf", False)

    found = trial(
        4.0, usual="bin", kit="bin-hc-sr04", board="ttgo-lora32-v2_1", faults=(cut,),
        worlds=steps(900.0, 900.0, 1.0), prepare=prepare,
    )  # fmt: skip
    assert all(abs(values["distance"] - 900) <= 2 for values in between(found, 0, 1.0))
    assert all(values["faults"] == ["distance", "fill"] for values in between(found, 1.0, 2.0))
    assert all(abs(values["distance"] - 900) <= 2 for values in between(found, 2.1, 4))
