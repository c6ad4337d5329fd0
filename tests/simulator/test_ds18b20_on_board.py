# SPDX-License-Identifier: MIT
"""A probe on a wire and the real firmware: readings, and each way in which a DS18B20 fails."""

from ast import literal_eval
from dataclasses import replace
from random import Random

import pytest

from host import boards, image
from simulator import scenario as scenarios
from simulator.board import Board
from simulator.chips.ds18b20 import Ds18b20
from simulator.clock import Clock
from simulator.run import Run
from simulator.scenario import WorldPlan
from simulator.schedule import run
from simulator.world import Conditions, Step

HOUR_US = 3_600_000_000
BEFORE = {"co2_ppm": 420.0, "temperature_c": 14.0, "humidity_pct": 60.0, "water_c": 8.3}
AFTER = BEFORE | {"water_c": -1.2}
FAULTS = ("silent", "corrupt_crc", "zeros", "brown_out", "replays")
PROBE = boards.Kit(
    name="probe",
    title="Air and water",
    interval_s=600,
    mains=True,
    sensors=[
        boards.Sensor("ds18b20", "one_wire", [13]),
        boards.Sensor("sht4x", "i2c", [2, 3]),
    ],
)


class Probe(Run):
    """A run with a kit of its own, whose probe has `fault` from one hour to another."""

    def __init__(self, out, fault=None, board="rpi-pico-rfm95", hours=3.0, clone=False):
        usual = scenarios.find(None)
        world = WorldPlan("ditch", "step", {"before": BEFORE, "after": AFTER, "at_h": 1.5})
        node = replace(usual.nodes[0], kit="probe", board=board, world="ditch")
        scenario = replace(usual, nodes=(node,), worlds=(world,), duration_h=hours)
        super().__init__(scenario, out, kits={**boards.kits(), "probe": PROBE})
        self._fault, self._clone = fault, clone

    def _build(self):
        super()._build()
        (node,) = self.nodes.values()
        self.probe = node.sensors["ds18b20"]
        self.probe._clone = self._clone
        if self._fault:
            node.board.clock.call_at(HOUR_US, setattr, self.probe, self._fault, True)
            node.board.clock.call_at(2 * HOUR_US, setattr, self.probe, self._fault, False)

    def values(self, name, from_h, until_h):
        """What was reported in some hours, None where the quantity is missing."""
        start = self.scenario.start
        hours = [(row, (row.time - start).total_seconds() / 3600) for row in self.rows]
        return [row.values.get(name) for row, hour in hours if from_h <= hour < until_h]


@pytest.fixture
def probe(tmp_path):
    def made(*arguments, **options):
        found = Probe(tmp_path, *arguments, **options)
        found.execute()
        return found

    return made


@pytest.mark.parametrize("board", ["rpi-pico-rfm95", "ttgo-lora32-v2_1"])
def test_it_reports_the_water_beside_the_air(probe, board):
    run = probe(board=board, hours=2.5)
    assert run.values("temperature_2", 0, 1.5) == [pytest.approx(8.3, abs=0.15)] * 10
    assert run.values("temperature_2", 1.5, 2.5) == [pytest.approx(-1.2, abs=0.15)] * 6
    assert run.values("temperature", 0, 2.5) == [pytest.approx(14.0, abs=0.15)] * 16
    assert not any(run.values("faults", 0, 2.5))


@pytest.mark.parametrize("fault", FAULTS)
def test_when_it_fails_its_value_is_missing_its_bit_is_set_and_the_air_goes_on(probe, fault):
    run = probe(fault)
    assert run.values("temperature_2", 1, 2) == [None] * 6
    assert run.values("faults", 1, 2) == [["temperature_2"]] * 6
    assert run.values("temperature", 0, 3) == [pytest.approx(14.0, abs=0.15)] * 19
    assert run.values("temperature_2", 0, 1) == [pytest.approx(8.3, abs=0.15)] * 7
    assert run.values("temperature_2", 2, 3) == [pytest.approx(-1.2, abs=0.15)] * 6
    assert not any(run.values("faults", 0, 1) + run.values("faults", 2, 3))


def test_a_frozen_one_makes_a_flat_column(probe):
    run = probe("frozen")
    assert len(set(run.values("temperature_2", 1, 2))) == 1


def test_a_clone_reports_like_any_other(probe):
    run = probe(clone=True, hours=1)
    assert run.values("temperature_2", 0, 1) == [pytest.approx(8.3, abs=0.15)] * 7


PROGRAM = """
from machine import Pin
from onewire import OneWire, OneWireError
from ds18x20 import DS18X20
import time

wire = OneWire(Pin(15))
chips = DS18X20(wire)
roms = sorted(chips.scan())
print([rom.hex() for rom in roms], [wire.crc8(rom) for rom in roms])
chips.convert_temp()
time.sleep_ms(750)
print([chips.read_temp(rom) for rom in roms])
chips.write_scratch(roms[0], b"\\1\\2\\x1f")
print(bytes(chips.read_scratch(roms[0])[2:5]).hex())
before_us = time.ticks_us()
wire.writebyte(0xCC)
print(time.ticks_diff(time.ticks_us(), before_us))
empty = OneWire(Pin(14))
print(empty.scan(), empty.reset(), empty.readbyte())
try:
    empty.reset(True)
except OneWireError:
    print("OneWireError")
"""


def test_programs_for_a_boards_own_modules_run(tmp_path):
    flash, clock = tmp_path / "flash", Clock()
    flash.write_bytes(image.build({"main.py": PROGRAM.encode()}, 64))
    water = Conditions(**BEFORE)
    with (tmp_path / "log").open("wb") as log:
        board = Board("bench", "rp2040", flash, log, clock, 1)
        chips = [Ds18b20(clock, Step(water, water, 0), stream) for stream in map(Random, (3, 4, 5))]
        board.wire_one_wire(15, chips)
        board.power_on()
        try:
            run([board], clock, 5_000_000)
        finally:
            board.power_off()
    lines = (tmp_path / "log").read_text().splitlines()
    roms = sorted(chip.rom for chip in chips)
    assert lines[0] == f"{[rom.hex() for rom in roms]} [0, 0, 0]"
    assert literal_eval(lines[1]) == [pytest.approx(8.3, abs=0.15)] * 3
    assert lines[2] == "01021f"
    assert 560 <= int(lines[3]) < 580  # eight slots of 70 us
    assert lines[4:] == ["[] False 255", "OneWireError"]
