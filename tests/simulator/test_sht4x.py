# SPDX-License-Identifier: MIT
"""The SHT40 model alone: bytes, times (data sheet 7.1), and the stated response."""

from random import Random

import pytest

from simulator.chips.sht4x import Sht4x
from simulator.clock import Clock
from simulator.world import Conditions, Step

ROOM = Conditions(co2_ppm=900.0, temperature_c=21.5, humidity_pct=42.0)
HIGH, SERIAL, RESET = 0xFD, 0x89, 0x94
MS, S = 1000, 1_000_000


class Bench:
    def __init__(self, world=None, seed=71):
        self.clock = Clock()
        self.chip = Sht4x(self.clock, world or Step(ROOM, ROOM, 0), Random(seed))

    def wait(self, duration_us):
        self.clock.run_until(self.clock.now_us + duration_us)

    def say(self, command, wait_us=0):
        acknowledged = self.chip.write(bytes((command,)))
        self.wait(wait_us)
        return acknowledged

    def words(self, command=HIGH, wait_us=8300):
        """The two words of a measurement."""
        assert self.say(command, wait_us)
        reply = self.chip.read(6)
        return int.from_bytes(reply[:2]), int.from_bytes(reply[3:5])


@pytest.fixture
def bench():
    return Bench()


def words(stream, temperature_c=21.5, humidity_pct=42.0):
    """The statement at the head of simulator/chips/sht4x.py, in the words of data sheet 4.6."""
    temperature_c += stream.gauss(0, 0.04)
    humidity_pct += stream.gauss(0, 0.1)
    return round((temperature_c + 45) * 65535 / 175), round((humidity_pct + 6) * 65535 / 125)


def test_the_serial_number_has_two_words_with_their_checksums(bench):
    assert bench.say(SERIAL)
    # the checksums by long division: polynomial 0x131, the first byte inverted
    assert bench.chip.read(6).hex() == "0f0ac37b25d3"
    assert bench.chip.read(6) is None


@pytest.mark.parametrize(
    ("command", "deaf_us"),
    [
        (0xFD, 8300), (0xF6, 4500), (0xE0, 1700), (0x39, 1100 * MS), (0x32, 110 * MS),
        (0x2F, 1100 * MS), (0x24, 110 * MS), (0x1E, 1100 * MS), (0x15, 110 * MS), (RESET, 1000),
    ],
)  # fmt: skip
def test_each_command_takes_its_time(bench, command, deaf_us):
    assert bench.say(command, deaf_us - 1)
    assert not bench.say(SERIAL) and not bench.chip.write(b"") and bench.chip.read(6) is None
    bench.wait(1)
    assert (bench.chip.read(6) is None) == (command == RESET)
    assert bench.say(SERIAL)


def test_nothing_measured_is_nothing_to_read(bench):
    assert bench.chip.read(6) is None
    bench.words()
    assert bench.chip.read(6) is None


def test_an_unknown_command_is_not_acknowledged(bench):
    assert not bench.say(0x21) and bench.chip.write(b"")


def test_a_reset_forgets(bench):
    assert bench.say(HIGH, 8300) and bench.say(RESET, MS)
    assert bench.chip.read(6) is None


@pytest.mark.parametrize("command", [0xFD, 0xF6, 0xE0])
def test_the_response_is_the_stated_one_bit_for_bit(bench, command):
    stream = Random(71)
    for _ in range(20):
        assert bench.words(command) == words(stream)


def test_it_measures_at_the_end_of_its_time():
    after = Conditions(900.0, 11.5, 72.0)
    bench, stream = Bench(Step(ROOM, after, 4 * S)), Random(71)
    bench.wait(4 * S - 8301)
    assert bench.words() == words(stream)
    assert bench.words() == words(stream, 11.5, 72.0)


def test_the_heater_warms_and_the_vapour_stays(bench):
    # 42 % at 21.5 degC are 10.78 hPa of 25.66; at 81.5 degC there is room for 503 (steam tables)
    temperature, humidity = bench.words(0x39, 1100 * MS)
    assert -45 + 175 * temperature / 65535 == pytest.approx(81.5, abs=0.2)
    assert -6 + 125 * humidity / 65535 == pytest.approx(2.14, abs=0.4)


@pytest.mark.parametrize(
    ("air", "ends"),
    [(Conditions(0, 200.0, 150.0), (0xFFFF, 0xFFFF)), (Conditions(0, -80.0, -20.0), (0, 0))],
)
def test_what_it_reports_has_ends(air, ends):
    assert Bench(Step(air, air, 0)).words() == ends


def test_silent_it_is_not_there(bench):
    assert bench.say(HIGH, 8300)
    bench.chip.silent = True
    assert not bench.say(HIGH) and not bench.chip.write(b"") and bench.chip.read(6) is None
    bench.chip.silent = False
    assert bench.chip.read(6) is not None


def test_a_corrupt_checksum_stands_beside_the_right_words(bench):
    bench.chip.corrupt_crc = True
    assert bench.say(SERIAL)
    assert bench.chip.read(6).hex() == "0f0a3c7b25d3"
    assert bench.words() == words(Random(71))


def test_frozen_it_repeats_one_measurement(bench):
    stream = Random(71)
    bench.chip.frozen = True
    before = bench.words()
    assert before == words(stream) == bench.words()
    words(stream)
    bench.chip.frozen = False
    assert bench.words() == words(stream) != before


def test_its_power_takes_the_reply(bench):
    assert bench.chip.write(bytes((HIGH,)))
    bench.chip.power(0)
    assert not bench.chip.write(bytes((SERIAL,))) and bench.chip.read(6) is None
    bench.clock.run_until(bench.clock.now_us + S)
    bench.chip.power(1)
    assert not bench.chip.write(bytes((SERIAL,)))
    bench.clock.run_until(bench.clock.now_us + MS)
    assert bench.chip.read(6) is None and bench.chip.write(bytes((SERIAL,)))
