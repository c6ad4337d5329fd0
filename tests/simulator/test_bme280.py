# SPDX-License-Identifier: MIT
"""The BME280 model alone: registers and times (BST-BME280-DS002 1.6), and its ways to fail."""

from random import Random

import pytest

from simulator.chips import bme280
from simulator.chips.bme280 import Bme280
from simulator.clock import Clock
from simulator.world import Conditions, Step

ROOM = Conditions(900.0, 21.5, 42.0, pressure_hpa=1008.4)
SKIPPED = "8000008000008000"
FORCED = "f201f425"  # single oversampling


class Bench:
    def __init__(self, world=None):
        self.clock = Clock()
        self.chip = Bme280(self.clock, world or Step(ROOM, ROOM, 0), Random(71))

    def wait(self, duration_us):
        self.clock.run_until(self.clock.now_us + duration_us)

    def say(self, data, wait_us=0):
        acknowledged = self.chip.write(bytes.fromhex(data))
        self.wait(wait_us)
        return acknowledged

    def registers(self, first, count):
        assert self.say(first)
        return self.chip.read(count).hex()

    def measured(self, command=FORCED, wait_us=10_000):
        assert self.say(command, wait_us)
        return self.registers("f7", 8)


@pytest.fixture
def bench():
    return Bench()


def test_the_formulas_are_boschs():
    # BST-BMP280-DS001 3.12: the same part, and what it measures
    assert bme280._celsius(519888) == pytest.approx(25.08, abs=0.005)
    assert bme280._pascal(415148, bme280._t_fine(519888)) == pytest.approx(100653.27, abs=0.02)


def test_the_registers_after_power_on(bench):
    assert bench.registers("d0", 1) == "60"
    assert bench.registers("f2", 13) == "0000000000" + SKIPPED
    # T1 27504 to P9 6000, then H1 75; H2 362, H3 0, H4 313 and H5 50 share a byte, H6 30 (table 16)
    first = "706b436718fc7d8e43d6d00b270b8c00f9ff8c3cf8c67017"
    assert bench.registers("88", 26) == first + "004b"
    assert bench.registers("e1", 7) == "6a010013" + "29" + "03" + "1e"


@pytest.mark.parametrize(
    ("command", "takes_us"),
    # 9.1: 1.25 + 2.3 T + 2.3 P + 0.575 + 2.3 H + 0.575 ms at most
    [(FORCED, 9300), ("f205f4b5", 112_800), ("f200f425", 6425), ("f200f421", 3550)],
)
def test_forced_it_measures_once_and_sleeps(bench, command, takes_us):
    assert bench.say(command, takes_us - 1)
    assert bench.registers("f3", 1) == "08" and bench.registers("f7", 8) == SKIPPED
    bench.wait(1)
    assert bench.registers("f3", 1) == "00"
    assert bench.registers("f4", 1) == f"{int(command[6:], 16) & ~3:02x}"
    data = bench.registers("f7", 8)
    assert (data[12:] == "8000") == command.startswith("f200")
    assert (data[:6] == "800000") == command.endswith("21")
    bench.wait(1_000_000)
    assert bench.registers("f7", 8) == data


def test_single_oversampling_has_sixteen_bits_and_more_has_more(bench):
    for command, zeros in (("f201f425", "00"), ("f202f449", "80"), ("f205f4b5", "f0")):
        found = {bench.measured(command, 120_000)[at] for at in (4, 5) for _ in range(20)}
        assert all(int(digit, 16) & ~int(zeros[0], 16) & 0xF == 0 for digit in found)


def test_humidity_counts_only_after_ctrl_meas_was_written(bench):
    assert bench.measured("f425f201")[12:] == "8000"
    assert bench.measured("f425")[12:] != "8000"


def test_a_reset_clears_it_and_copies_the_calibration_for_two_milliseconds(bench):
    assert bench.measured() != SKIPPED
    assert bench.say("e0b5") and bench.registers("f2", 1) == "01"  # another word does nothing
    assert bench.say("e0b6", 1999)
    assert bench.registers("f3", 1) == "01" and bench.registers("88", 4) == "00000000"
    bench.wait(1)
    assert bench.registers("f2", 13) == "0000000000" + SKIPPED
    assert bench.registers("88", 2) == "706b"


def test_the_power_does_the_same(bench):
    assert bench.measured() != SKIPPED
    bench.chip.power(0)
    assert not bench.say("d0") and bench.chip.read(1) is None
    bench.chip.power(1)
    bench.wait(2000)
    assert bench.registers("f7", 8) == SKIPPED


def test_normal_mode_measures_after_each_standby(bench):
    assert bench.say("f500f201f427")  # 0.5 ms
    seen = set()
    for _ in range(5):
        bench.wait(9800)
        seen.add(bench.registers("f7", 8))
    assert len(seen) == 5


def test_its_ways_to_fail(bench):
    bench.chip.is_bmp280, bench.chip.blank = True, 0xFF
    assert bench.registers("d0", 1) == "58" and bench.registers("e1", 7) == "ff" * 7
    bench.chip.silent = True
    assert not bench.say("d0") and bench.chip.read(1) is None


def test_frozen_it_repeats_and_stuck_only_its_humidity_does(bench):
    before = bench.measured()
    bench.chip.frozen = True
    assert bench.measured() == before
    bench.chip.frozen, bench.chip.humidity_stuck = False, True
    for _ in range(3):
        found = bench.measured("f205f4b5", 120_000)
        assert found[12:] == before[12:] and found[:12] != before[:12]
    bench.chip.humidity_stuck = False
    assert bench.measured("f205f4b5", 120_000)[12:] != before[12:]
