# SPDX-License-Identifier: MIT
"""pymhz19-async, which was written from a sensor on a desk, drives the MH-Z19 model, unchanged."""

import asyncio
from random import Random

import pytest
import uart_port
from mhz19_async.mhz19 import MHZ19Protocol

from simulator.chips.mhz19 import MhZ19
from simulator.clock import Clock
from simulator.world import Conditions, Step

ROOM = Conditions(co2_ppm=900.0, temperature_c=21.5, humidity_pct=42.0)
AIRED = Conditions(co2_ppm=430.0, temperature_c=19.0, humidity_pct=42.0)
S = 1_000_000
Codes = MHZ19Protocol.Codes


class Driver(MHZ19Protocol):
    """The package's protocol; its events are kept."""

    def __init__(self):
        super().__init__(asyncio.new_event_loop())
        self.events = []

    def event_received(self, event):
        self.events.append(event)


class Bench:
    """A sensor with air that changes after 1000 s, and the driver at the other end of its line."""

    def __init__(self):
        self.clock = Clock()
        self.chip = MhZ19(self.clock, Step(ROOM, AIRED, 1000 * S), Random(71))
        self.serial = uart_port.Serial(self.clock, self.chip)
        self.driver = Driver()
        self.driver.connection_made(self.serial)

    def at(self, second):
        self.clock.run_until(second * S)
        return self

    def ask(self, command, *arguments):
        """What the driver makes of the answer; None: there is none that it takes."""
        self.driver.events.clear()
        self.driver.send_command(command, *arguments)
        self.driver.data_received(self.serial.read(64))
        assert all("error" not in each for each in self.driver.events)
        return self.driver.events[0] if self.driver.events else None


@pytest.fixture
def bench():
    return Bench()


def test_co2_and_temperature(bench):
    event = bench.at(400).ask(Codes.GET_CLAMPED_CO2_TEMPERATURE)
    assert event["CO2"] == pytest.approx(900, abs=15) and event["temperature"] == 22
    event = bench.at(1400).ask(Codes.GET_CLAMPED_CO2_TEMPERATURE)
    assert event["CO2"] == pytest.approx(430, abs=15) and event["temperature"] == 19


def test_a_constant_while_it_warms_up(bench):
    for second in (1, 60, 179):
        assert bench.at(second).ask(Codes.GET_CLAMPED_CO2_TEMPERATURE)["CO2"] == 410
    assert bench.at(181).ask(Codes.GET_CLAMPED_CO2_TEMPERATURE)["CO2"] > 800


def test_self_calibration_is_switched_and_told(bench):
    assert bench.ask(Codes.GET_ABC)["ABC"] is True
    for on in (False, True):
        assert bench.ask(Codes.SET_ABC, on)["ack"]
        assert bench.ask(Codes.GET_ABC)["ABC"] is on


def test_the_range_is_set_and_told_and_clamps(bench):
    assert bench.ask(Codes.GET_RANGE)["max"] == 5000
    for range_ppm in (10000, 2000):
        assert bench.ask(Codes.SET_RANGE, range_ppm)["ack"]
        assert bench.ask(Codes.GET_RANGE)["max"] == range_ppm
    bench.chip.zero_error_ppm = 1500
    assert bench.at(400).ask(Codes.GET_CLAMPED_CO2_TEMPERATURE)["CO2"] == 2000


def test_a_zero_calibration_makes_400_of_what_is_there(bench):
    bench.at(400).ask(Codes.SET_CALIBRATION_400PPM)
    assert bench.at(410).ask(Codes.GET_CLAMPED_CO2_TEMPERATURE)["CO2"] in range(400, 415)


def test_a_part_as_in_the_manual_answers_only_to_a_read(bench):
    bench.chip.plain = True
    for command in (
        (Codes.GET_ABC,),
        (Codes.SET_ABC, 1),
        (Codes.GET_RANGE,),
        (Codes.SET_RANGE, 2000),
    ):
        assert bench.ask(*command) is None
    assert bench.ask(Codes.GET_CLAMPED_CO2_TEMPERATURE)["CO2"] == 410


@pytest.mark.parametrize("fault", ["silent", "corrupt", "partial"])
def test_its_faults_are_noticed(bench, fault):
    setattr(bench.chip, fault, True)
    assert bench.ask(Codes.GET_CLAMPED_CO2_TEMPERATURE) is None
    setattr(bench.chip, fault, False)
    bench.driver._leftover = []
    assert bench.ask(Codes.GET_CLAMPED_CO2_TEMPERATURE)["CO2"] == 410
