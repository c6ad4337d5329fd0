# SPDX-License-Identifier: MIT
"""CO2 sensors on the UART and their ways to fail, each with the real firmware on a board."""

import cbor2
import pytest

from simulator.events import EventPlan
from simulator.faults import FaultPlan
from simulator.scenario import WorldPlan

PICO, TTGO = "rpi-pico-rfm95", "ttgo-lora32-v2_1"
ROOM = {"co2_ppm": 900.0, "temperature_c": 21.5, "humidity_pct": 42.0}
FRESH = {**ROOM, "co2_ppm": 405.0}
KITS = {"mhz19": "classroom-mhz19", "senseair_s8": "classroom-s8"}
WARM_H = {"mhz19": 0.055, "senseair_s8": 0.04}  # three and two minutes, and a look
BOTH = pytest.mark.parametrize("driver", KITS)


class Made:
    """A trial of one kit in air that stays as it is, and what its chip is at each hour.

    1.4 h: two readings at least after the last hour that is judged, wherever the first fell.
    """

    def __init__(self, trial, driver, hours=1.4, air=ROOM, at=(), **options):
        """`at`: (hour, attribute of the chip, value); "supply" is 0 or 1."""
        self._at, self._driver = at, driver
        world = WorldPlan("classroom", "step", {"before": air, "after": air, "at_h": 0})
        options = {"board": PICO, "kit": KITS[driver], "worlds": (world,), **options}
        self.run = trial(hours, prepare=self._prepare, **options)
        self.log = self.run.log()
        assert [why for _, why in self.run.starts()][1:] == ["power"] * (len(self.run.starts()) - 1)

    def _prepare(self, run):
        self.chip = run.node.sensors[self._driver]
        for hour, name, value in self._at:
            if name == "supply":
                run.at(hour, self.chip.power, value)
            else:
                run.at(hour, setattr, self.chip, name, value)

    def between(self, begin_h, end_h=99.0):
        """The values of the readings that were measured then; each has what the SHT4x measures."""
        found = [
            row.values
            for row in self.run.rows
            if begin_h < (row.time - self.run.scenario.start).total_seconds() / 3600 < end_h
        ]
        assert all(abs(values["temperature"] - 21.5) < 0.5 for values in found)
        return found

    def good(self, begin_h, end_h=99.0, ppm=900):
        found = self.between(begin_h, end_h)
        return len(found) >= 2 and all(
            abs(values["co2"] - ppm) < 40 and not {"faults", "flags"} & set(values)
            for values in found
        )

    def at_fault(self, begin_h, end_h=99.0):
        found = self.between(begin_h, end_h)
        return len(found) >= 2 and all(
            values.get("faults") == ["co2"] and "co2" not in values for values in found
        )

    def warming(self, begin_h, end_h=99.0):
        found = self.between(begin_h, end_h)
        return len(found) >= 1 and all(
            values.get("flags") == ["warming"] and not {"faults", "co2"} & set(values)
            for values in found
        )


@pytest.fixture
def made(trial):
    return lambda *arguments, **options: Made(trial, *arguments, **options)


def settings(hour=0.3, **values):
    """A downlink of settings; _9=0 is key 9."""
    payload = cbor2.dumps({int(key[1:]): value for key, value in values.items()})
    return EventPlan("node", hour, payload=payload)


@BOTH
@pytest.mark.parametrize("board", [PICO, TTGO])
def test_in_a_room_that_stays_as_it_is(made, driver, board):
    one = made(driver, 0.7, board=board)
    assert one.warming(0, 0.02) and one.good(WARM_H[driver])
    assert "fails" not in one.log and "does not start" not in one.log


@BOTH
def test_silent_its_co2_vanishes_and_comes_back_once_it_is_warm(made, driver):
    silence = FaultPlan("sensor-silent", 0.4, "node", driver, until_h=0.9)
    one = made(driver, 1.5, faults=(silence,))
    assert one.good(0.1, 0.4) and one.at_fault(0.42, 0.9)
    assert one.good(0.92 + WARM_H[driver])
    assert "silent" in one.log


@BOTH
@pytest.mark.parametrize(
    ("fault", "value"),
    [("corrupt", True), ("partial", True), ("late_us", 400_000), ("baudrate", 4800)],
)
def test_what_is_no_whole_answer_in_time_is_no_value(made, driver, fault, value):
    usual = {"late_us": 0, "baudrate": 9600}.get(fault, False)
    one = made(driver, at=((0.4, fault, value), (0.9, fault, usual)))
    assert one.good(0.1, 0.4) and one.at_fault(0.42, 0.9) and one.good(1.0)


@BOTH
def test_one_that_repeats_itself_for_two_hours_hangs(made, driver):
    freeze = FaultPlan("sensor-frozen", 0.4, "node", driver, until_h=3.0)
    one = made(driver, 3.6, faults=(freeze,))
    assert one.good(0.1, 2.38) and one.at_fault(2.5, 3.0) and one.good(3.1)
    assert "frozen" in one.log


@BOTH
def test_a_frozen_world_is_a_flat_column_and_no_fault(trial, driver):
    fault = FaultPlan("world-frozen", 2.5, "node", until_h=6.0)
    run = trial(8.0, kit=KITS[driver], board=PICO, faults=(fault,))
    start = run.scenario.start
    rows = [((row.time - start).total_seconds() / 3600, row.values) for row in run.rows]
    assert all("faults" not in values for _, values in rows)
    flat = [values["co2"] for hour, values in rows if 2.7 < hour < 6]
    moving = [values["co2"] for hour, values in rows if hour > 1]
    assert len(flat) >= 19 and max(flat) - min(flat) < 60
    assert min(flat) > 600 and max(moving) - min(moving) > 300


def test_an_mhz19_in_the_cleanest_air_shows_400_all_night_and_does_not_hang(made):
    air = {**ROOM, "co2_ppm": 380.0}
    one = made(
        "mhz19", 3.0, air=air, at=((0, "zero_error_ppm", 30.0), (0.2, "zero_error_ppm", -9.0))
    )
    assert {values["co2"] for values in one.between(0.4)} == {400}
    assert all("faults" not in values for values in one.between(0.1))


def unplugged(*hours):
    """Without supply for a tenth of a second, between two looks."""
    return [(hour + level * 3e-5, "supply", level) for hour in hours for level in (0, 1)]


EVERY_MINUTE = settings(0.08, _1=60, _10=86400)


@BOTH
def test_unplugged_for_a_moment_that_nobody_saw_it_shows_nothing_wrong(made, driver):
    one = made(driver, 1.0, at=unplugged(0.4, 0.5, 0.6), events=(EVERY_MINUTE,))
    assert one.good(0.1, 0.4) and one.good(0.7)
    for values in one.between(0):
        assert abs(values.get("co2", 900) - 900) < 40 and "faults" not in values
    assert (driver == "mhz19") is one.warming(0.42, 0.44)


@pytest.mark.parametrize("constant", [400, 410, 436])
def test_a_preheat_constant_never_arrives(made, constant):
    cut = FaultPlan("power-cut", 0.5, "node", until_h=0.51)
    at = ((0, "preheat_ppm", constant), *unplugged(0.7, 0.74, 0.78))
    one = made("mhz19", 1.0, at=at, events=(EVERY_MINUTE,), faults=(cut,))
    numbers = [values["co2"] for values in one.between(0) if "co2" in values]
    assert len(numbers) > 30 and all(abs(ppm - 900) < 40 for ppm in numbers)
    assert one.chip.time_by_state_us()["off"] == pytest.approx(36e6, abs=1e6)
    assert one.warming(0.52, 0.55) and one.warming(0.72, 0.82) and one.good(0.88)


def test_an_mhz19_that_browns_out_at_each_pulse_of_its_lamp_never_says_a_number(made):
    one = made("mhz19", 2.9, at=((0, "browns_out", True),))
    assert one.warming(0, 0.24) and one.at_fault(0.26)
    assert "frozen" in one.log  # that, too, after two hours


def test_an_s8_that_browns_out_at_each_pulse_of_its_lamp_is_at_fault(made):
    one = made("senseair_s8", 1.1, at=((0.4, "browns_out", True),))
    assert one.good(0.1, 0.4)
    assert all("co2" not in values for values in one.between(0.42)) and one.at_fault(0.67)


@pytest.mark.parametrize("bit", [0, 6])
def test_an_s8_that_says_that_it_is_broken_is_at_fault(made, bit):
    one = made("senseair_s8", at=((0.4, "status", 1 << bit), (0.9, "status", 0)))
    assert one.good(0.1, 0.4) and one.at_fault(0.42, 0.9) and one.good(1.0)
    assert "meter status" in one.log


def test_an_s8_that_regulates_its_offset_asks_for_a_calibration(made):
    one = made("senseair_s8", 0.7, at=((0.2, "status", 0x02),))
    for values in one.between(0.25):
        assert values["flags"] == ["calibration due"] and abs(values["co2"] - 900) < 40


def test_an_s8_that_sleeps_is_woken(made):
    assert made("senseair_s8", 0.7, at=((0, "sleeps", True),)).good(0.1)


def test_an_mhz19_as_its_manual_has_it_works_too(made):
    assert made("mhz19", 0.7, at=((0, "plain", True),)).good(0.1)


def test_an_mhz19_has_the_range_of_its_kit(made):
    air = {**ROOM, "co2_ppm": 3000.0}
    assert made("mhz19", 0.7, at=((0, "range_ppm", 2000),), air=air).good(0.1, ppm=3000)


@BOTH
def test_first_sensor_silent_for_good_the_others_report(made, driver):
    one = made(driver, 0.9, at=((0, "silent", True),))
    assert one.at_fault(0)


@BOTH
@pytest.mark.parametrize("asked", [None, 0, 1])
def test_self_calibration_is_a_setting(made, driver, asked):
    events = () if asked is None else (settings(_9=1 - asked), settings(0.5, _9=asked))
    one = made(driver, 1.0, events=events)
    on = {"mhz19": "self_calibration", "senseair_s8": "_period_h"}[driver]
    assert bool(getattr(one.chip, on)) is (asked != 0)
    assert one.good(0.1)  # and it was not cold for it


def results(one):
    events = [each["more"] for _, each in one.run.events("port 2")]
    return [each["answer"]["result"] for each in events]


@BOTH
def test_a_calibration_in_fresh_air_that_stays_the_same(made, driver):
    one = made(
        driver,
        1.4,
        air=FRESH,
        at=((0, "zero_error_ppm", 150.0),),
        events=(settings(0.3, _0=7, _5=400),),
    )
    assert results(one) == ["busy", "done"]
    before, after = one.between(0.1, 0.3), one.between(0.85)
    assert all(abs(values["co2"] - 555) < 40 for values in before) and before
    assert all(abs(values["co2"] - 400) < 30 for values in after) and len(after) >= 2
    assert all("faults" not in values for values in after)


@BOTH
def test_to_another_value_than_400_it_is_not_calibrated(made, driver):
    one = made(driver, 0.9, air=FRESH, events=(settings(0.3, _0=7, _5=420),))
    assert results(one) == ["busy", "failed"] and one.chip.zero_error_ppm == 0


@BOTH
def test_in_air_that_changes_it_is_not_calibrated(made, driver):
    stirred = tuple((0.3 + 0.01 * n, "zero_error_ppm", 80.0 * (n % 2)) for n in range(100))
    one = made(driver, 1.6, air=FRESH, at=stirred, events=(settings(0.3, _0=7, _5=400),))
    assert results(one) == ["busy", "failed"] and one.chip.zero_error_ppm in (0.0, 80.0)


def test_an_s8_that_falls_silent_after_its_calibration_has_failed(made):
    one = made(
        "senseair_s8",
        0.8,
        air=FRESH,
        at=((0.3015, "browns_out", True),),
        events=(settings(0.3, _0=7, _5=400),),
    )
    assert results(one)[-1] == "failed"
