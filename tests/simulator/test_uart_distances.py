# SPDX-License-Identifier: MIT
"""Ultrasonic sensors on the UART and their ways to fail, each with the real firmware on a board."""

import pytest

from host.boards import boards
from simulator.faults import FaultPlan
from simulator.scenario import WorldPlan

PICO, TTGO = "rpi-pico-rfm95", "ttgo-lora32-v2_1"
PLACE = {
    "co2_ppm": 425.0,
    "temperature_c": 14.5,
    "humidity_pct": 60.0,
    "distance_mm": 1300.0,
    "rough_mm": 4.0,
    "echo_lost": 0.1,
}
DRIVERS = ("a02yyuw", "maxbotix")
BOTH = pytest.mark.parametrize("driver", DRIVERS)
SUPPLY = boards()[PICO].sensor_power


class Made:
    """A trial of a level kit before a surface that stays where it is; `at`: changes of its chip."""

    def __init__(self, trial, driver, hours=1.3, place=None, at=(), change=(), **options):
        self._at, self._driver = at, driver
        place = {**PLACE, **(place or {})}
        world = WorldPlan("classroom", "step", {"before": place, "after": place, "at_h": 0})
        options = {"board": PICO, "kit": f"level-{driver}", "worlds": (world,), **options}
        self.run = trial(hours, change, prepare=self._prepare, **options)
        self.log = self.run.log()

    def _prepare(self, run):
        self.chip, self.levels = run.node.sensors[self._driver], []
        if switch := run.board._output_handlers.get(SUPPLY):
            run.board.wire_output(SUPPLY, lambda level: (self.levels.append(level), switch(level)))
        for hour, name, value in self._at:
            run.at(hour, setattr, self.chip, name, value)

    def between(self, begin_h, end_h=99.0):
        return [
            row.values
            for row in self.run.rows
            if begin_h < (row.time - self.run.scenario.start).total_seconds() / 3600 < end_h
        ]

    def good(self, begin_h, end_h=99.0, distance_mm=1300.0):
        found = self.between(begin_h, end_h)
        return len(found) >= 2 and all(
            abs(values.get("distance", 0) - distance_mm) < 6 and "faults" not in values
            for values in found
        )

    def at_fault(self, begin_h, end_h=99.0):
        found = self.between(begin_h, end_h)
        return len(found) >= 2 and all(
            values.get("faults") == ["distance"] and "distance" not in values for values in found
        )


@pytest.fixture
def made(trial):
    return lambda *arguments, **options: Made(trial, *arguments, **options)


@BOTH
@pytest.mark.parametrize("board", [PICO, TTGO])
def test_before_a_surface_that_stays_where_it_is(made, driver, board):
    one = made(driver, 0.9, board=board)
    assert one.good(0) and "fails" not in one.log


def test_the_airs_temperature_puts_the_a02yyuw_right(made):
    for celsius in (-15.0, 35.0):
        assert made("a02yyuw", 0.6, {"temperature_c": celsius}).good(0)


@BOTH
def test_silent_its_distance_vanishes_and_comes_back(made, driver):
    silence = FaultPlan("sensor-silent", 0.4, "node", driver, until_h=0.9)
    one = made(driver, 1.3, faults=(silence,))
    assert one.good(0, 0.4) and one.at_fault(0.42, 0.9) and one.good(0.92)
    assert "silent" in one.log


@BOTH
@pytest.mark.parametrize("fault", ["corrupt", "partial", "deaf", "rings"])
def test_what_is_no_frame_no_echo_or_too_near_is_no_value(made, driver, fault):
    one = made(driver, at=((0.4, fault, True), (0.9, fault, False)))
    assert one.good(0, 0.4) and one.at_fault(0.42, 0.9) and one.good(0.92)


@pytest.mark.parametrize("no_echo", ["zero", "none", "far", "code"])
def test_an_a02yyuw_without_an_echo_says_so_in_many_ways(made, no_echo):
    at = ((0, "no_echo", no_echo), (0.4, "deaf", True), (0.9, "deaf", False))
    one = made("a02yyuw", at=at)
    assert one.good(0, 0.4) and one.at_fault(0.42, 0.9) and one.good(0.92)


@pytest.mark.parametrize("board", [PICO, TTGO])
def test_what_came_in_between_two_looks_is_old_and_does_not_count(trial, board):
    """On mains the UART stays open, and its buffer is full of frames from before."""

    def measured(step_s):
        before, after = ({**PLACE, "distance_mm": mm} for mm in (1300.0, 700.0))
        options = {"before": before, "after": after, "at_h": step_s / 3600}
        world = WorldPlan("classroom", "step", options)
        return trial(0.8, board=board, kit="level-mains", worlds=(world,))

    third_s = measured(0).measured_s()[2]
    run = measured(third_s - 3)
    distances = [row.values["distance"] for row in run.rows]
    assert [abs(each - 1300) < 12 for each in distances[:4]] == [True, True, False, False]
    assert [abs(each - 700) < 12 for each in distances[:4]] == [False, False, True, True]


@BOTH
def test_at_another_baud_rate_there_is_no_value(made, driver):
    one = made(driver, at=((0.4, "baudrate", 19200), (0.9, "baudrate", 9600)))
    assert one.good(0, 0.4) and one.at_fault(0.42, 0.9) and one.good(0.92)


@BOTH
def test_its_supply_is_switched_and_the_board_sleeps(made, driver):
    one = made(driver, 0.9)
    assert one.good(0) and one.levels[1:] == [1, 0] * (len(one.levels) // 2)
    assert one.run.board.time_by_state_us()["asleep"] > 0.8 * 0.9 * 3.6e9


# 1008 mm at 15 degC: its frame is FF 03 F0 F2, and 0xF0 ends an RP2040's light sleep for good.
F0 = {"distance_mm": 1008.0, "rough_mm": 0.0, "echo_lost": 0.0}


def test_a_frame_with_0xf0_does_not_stop_a_board_that_sleeps(made):
    one = made("a02yyuw", 1.5, F0)
    assert one.good(0, distance_mm=1008.0) and len(one.run.starts()) == 1


def test_with_its_uart_open_it_would(made):
    forgets = ("sensors.py", "                each.bus.close()", "                pass")
    one = made("a02yyuw", 1.5, F0, change=[forgets])
    assert len(one.run.starts()) > 3 or len(one.between(0)) < 3
