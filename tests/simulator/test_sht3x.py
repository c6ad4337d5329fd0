# SPDX-License-Identifier: MIT
"""The SHT3x model alone: bytes, times (data sheet 5), and the stated response."""

from random import Random

import pytest

from simulator.chips.sensirion import words
from simulator.chips.sht3x import Sht3x
from simulator.clock import Clock
from simulator.world import Conditions, Step

ROOM = Conditions(co2_ppm=900.0, temperature_c=21.5, humidity_pct=42.0)
MEASURE, SERIAL, STATUS, BREAK, RESET, FETCH = "2400", "3780", "f32d", "3093", "30a2", "e000"
MS, S = 1000, 1_000_000


class Bench:
    def __init__(self, world=None, seed=71):
        self.clock = Clock()
        self.chip = Sht3x(self.clock, world or Step(ROOM, ROOM, 0), Random(seed))

    def wait(self, duration_us):
        self.clock.run_until(self.clock.now_us + duration_us)

    def say(self, data, wait_us=0):
        acknowledged = self.chip.write(bytes.fromhex(data))
        self.wait(wait_us)
        return acknowledged


@pytest.fixture
def bench():
    return Bench()


def measured(stream, room=ROOM):
    """Data sheet 4.13, to the nearest word: T = -45 + 175 w / 65535, RH = 100 w / 65535."""
    celsius = room.temperature_c + stream.gauss(0, 0.04)
    percent = room.humidity_pct + stream.gauss(0, 0.1)
    return words(round((celsius + 45) * 65535 / 175), round(percent * 65535 / 100))


@pytest.mark.parametrize(
    ("command", "takes_us", "stretches"),
    # table 4 and table 9
    [
        ("2400", 15_000, False), ("240b", 6_000, False), ("2416", 4_000, False),
        ("2c06", 15_000, True), ("2c0d", 6_000, True), ("2c10", 4_000, True),
    ],
)  # fmt: skip
def test_a_single_shot_takes_its_time_and_is_read_once(bench, command, takes_us, stretches):
    assert bench.say(command, takes_us - 1) and not bench.say(SERIAL)
    if stretches:
        reply = bench.chip.read(6)
        assert bench.chip.stretched_us == 1
    else:
        assert bench.chip.read(6) is None
        bench.wait(1)
        reply = bench.chip.read(6)
        assert bench.chip.stretched_us == 0
    assert reply == measured(Random(71)) and bench.chip.read(6) is None


def test_the_noise_is_the_stated_one(bench):
    stream = Random(71)
    for _ in range(5):
        assert bench.say(MEASURE, 15 * MS)
        assert bench.chip.read(6) == measured(stream)
    other = Bench(seed=72)
    assert other.say(MEASURE, 15 * MS) and other.chip.read(6) != measured(Random(71))


@pytest.mark.parametrize(
    ("air", "reply"),
    [
        (Conditions(900.0, 200.0, 150.0), words(0xFFFF, 0xFFFF)),
        (Conditions(900.0, -80.0, -20.0), words(0, 0)),
    ],
)
def test_what_it_reports_has_ends(air, reply):
    bench = Bench(Step(air, air, 0))
    assert bench.say(MEASURE, 15 * MS) and bench.chip.read(6) == reply


@pytest.mark.parametrize(
    ("command", "period_us"),
    [("2032", 2 * S), ("2126", S), ("2220", 500 * MS), ("2334", 250 * MS), ("272a", 100 * MS)],
)
def test_periodic_it_has_a_sample_each_period_and_hears_little_else(bench, command, period_us):
    assert bench.say(command, period_us - 1)
    assert not bench.say(FETCH)
    assert not any(bench.say(other) for other in (MEASURE, SERIAL, RESET, command))
    bench.wait(1)
    assert bench.say(FETCH) and bench.chip.read(6) == measured(Random(71))
    assert not bench.say(FETCH) and bench.say(STATUS)
    assert bench.say(BREAK) and bench.say(SERIAL) and not bench.say(FETCH)


def test_a_reset_keeps_it_deaf_and_forgets_the_reply_and_the_heater(bench):
    assert bench.say("306d") and bench.say(STATUS)
    assert bench.chip.read(3) == words(0xA010)
    assert bench.say(MEASURE, 15 * MS) and bench.say(RESET, 1500 - 1)
    assert not bench.say(SERIAL)
    bench.wait(1)
    assert bench.chip.read(6) is None
    assert bench.say(STATUS) and bench.chip.read(3) == words(0x8010)


def test_the_power_does_the_same(bench):
    assert bench.say("2032", S)
    bench.chip.power(0)
    assert not bench.say(STATUS) and bench.chip.read(3) is None
    bench.chip.power(1)
    assert not bench.say(MEASURE)
    bench.wait(1500)
    assert bench.say(MEASURE)  # no longer periodic


def test_an_unknown_command_is_not_acknowledged(bench):
    assert not bench.say("1234") and bench.say("")


def test_silent_corrupt_and_frozen(bench):
    bench.chip.silent = True
    assert not bench.say(MEASURE) and bench.chip.read(6) is None
    bench.chip.silent, bench.chip.corrupt_crc = False, True
    assert bench.say(SERIAL) and bench.chip.read(3).hex()[:4] == "1a2b"
    assert bench.say(SERIAL) and bench.chip.read(3) != words(0x1A2B)
    bench.chip.corrupt_crc, bench.chip.frozen = False, True
    stream = Random(71)
    first = measured(stream)
    for _ in range(3):
        assert bench.say(MEASURE, 15 * MS) and bench.chip.read(6) == first
        measured(stream)
    bench.chip.frozen = False
    measured(Random(71))
    assert bench.say(MEASURE, 15 * MS) and bench.chip.read(6) != first
