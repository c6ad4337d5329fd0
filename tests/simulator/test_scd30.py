# SPDX-License-Identifier: MIT
"""The SCD30 model alone: bytes of the interface description 1.0, and the stated response."""

from math import cos, exp, isnan, sin
from random import Random
from struct import pack, unpack

import pytest

from simulator.chips.scd30 import Scd30
from simulator.chips.sensirion import crc8
from simulator.clock import Clock
from simulator.world import Conditions, Step

ROOM = Conditions(co2_ppm=530.0, temperature_c=21.5, humidity_pct=42.0)
START, STOP, READY, READ, RESET = "0010000081", "0104", "0202", "0300", "d304"
MS, S = 1000, 1_000_000


def setting(command, value):
    """A command with its word and the checksum."""
    word = value.to_bytes(2)
    return command + word.hex() + f"{crc8(word):02x}"


class Bench:
    """One sensor; `say` is one write, `ask` a write, the time it needs, and a read."""

    def __init__(self, world=None, seed=71):
        self.clock, self.world = Clock(), world or Step(ROOM, ROOM, 0)
        self.chip = Scd30(self.clock, self.world, Random(seed))

    def wait(self, duration_us):
        self.clock.run_until(self.clock.now_us + duration_us)

    def say(self, data, wait_us=0):
        acknowledged = self.chip.write(bytes.fromhex(data))
        self.wait(wait_us)
        return acknowledged

    def ask(self, data, length=3, wait_us=153 * MS):
        assert self.say(data, wait_us)
        reply = self.chip.read(length)
        return None if reply is None else reply.hex()

    def sample(self):
        """The three numbers of the newest sample, their checksums right."""
        reply = bytes.fromhex(self.ask(READ, 18))
        halves = [reply[at : at + 2] for at in range(0, 18, 3)]
        assert [crc8(half) for half in halves] == list(reply[2::3])
        return unpack(">fff", b"".join(halves))


@pytest.fixture
def bench():
    return Bench()


@pytest.mark.parametrize(
    ("said", "asked", "reply"),
    [
        (None, "d100", "0342f3"),  # 1.4.10: firmware 3.66
        (None, "4600", "0002e3"),  # 1.4.3: 2 s
        ("46000002e3", "4600", "0002e3"),
        ("53060001b0", "5306", "0001b0"),  # 1.4.6
        ("520401c250", "5204", "01c250"),  # 450 ppm
        ("540301f433", "5403", "01f433"),  # 1.4.7: 5 K
        ("510203e8d4", "5102", "03e8d4"),  # 1.4.8: 1000 m
        (None, READY, "000081"),
    ],
)
def test_the_interface_descriptions_examples(bench, said, asked, reply):
    assert said is None or bench.say(said, MS)
    assert bench.ask(asked) == reply


def test_what_is_wrong_or_out_of_range_is_not_acknowledged(bench):
    assert not bench.say("46000002e4") and not bench.say("1234")
    for command, least, most in (
        ("4600", 2, 1800), ("5204", 400, 2000), ("5306", 0, 1), ("0010", 700, 1400),
    ):  # fmt: skip
        assert bench.say(setting(command, least)) and bench.say(setting(command, most))
        assert not bench.say(setting(command, most + 1))
        assert not least or not bench.say(setting(command, least - 1))


def test_an_answer_is_there_three_milliseconds_after_the_stretched_command(bench):
    assert bench.ask("d100", wait_us=150 * MS + 3 * MS - 1) is None  # the first of a day: 150 ms
    assert bench.ask("d100", wait_us=30 * MS + 3 * MS - 1) is None
    bench.wait(1)
    assert bench.chip.read(3).hex() == "0342f3"


def test_it_stretches_the_clock_for_30_ms_and_once_a_day_for_150(bench):
    stretched = []
    for _ in range(4):
        bench.ask("d100")
        stretched.append(bench.chip.stretched_us)
        bench.ask("d100")
        stretched.append(bench.chip.stretched_us)
        bench.wait(12 * 3600 * S)
    assert stretched == [30 * MS] * 8  # of the reads
    bench = Bench()
    for _ in range(4):
        assert bench.say("d100")
        stretched.append(bench.chip.stretched_us)
        bench.wait(12 * 3600 * S)
    assert stretched[8:] == [150 * MS, 30 * MS, 150 * MS, 30 * MS]


class Swell:
    """Air that never stands still."""

    def at(self, time_us):
        s = time_us / 1e6
        return Conditions(700 + 300 * sin(s / 97), 21 + 3 * sin(s / 211), 45 + 9 * cos(s / 151))


class Response:
    """The statement at the head of simulator/chips/scd30.py, computed anew."""

    def __init__(self, world, start_us, seed=71):
        self.world, self.last_us, self.stream = world, start_us, Random(seed)
        self.y, self.count = self.at(start_us), 0

    def at(self, time_us):
        air = self.world.at(time_us)
        return [air.co2_ppm, air.temperature_c, air.humidity_pct]

    def sample(self, time_us, share=1.0, correction_ppm=0.0, offset_c=0.0):
        period_s, self.last_us = (time_us - self.last_us) / 1e6, time_us
        for index, (w, tau_s) in enumerate(zip(self.at(time_us), (20, 10, 8), strict=True)):
            self.y[index] += (w - self.y[index]) * (1 - exp(-period_s / tau_s))
        true = (self.y[0] * share + correction_ppm, self.y[1], self.y[2])
        co2, celsius, percent = (
            y + self.stream.gauss(0, sd) for y, sd in zip(true, (10, 0.1, 0.1), strict=True)
        )
        self.count += 1
        if self.count == 1:
            co2 = 0.0
        return unpack(">fff", pack(">fff", co2, celsius - offset_c, percent))


def test_the_response_is_the_stated_one_bit_for_bit():
    bench = Bench(Swell())
    bench.wait(S)
    assert bench.say(START)
    response = Response(Swell(), S)
    for count in range(1, 41):
        bench.clock.run_until(S + count * 2 * S)
        assert bench.sample() == response.sample(S + count * 2 * S), count
    assert bench.say(setting("4600", 30))
    began_us = bench.clock.now_us  # another interval starts anew
    for count in range(1, 6):
        bench.clock.run_until(began_us + count * 30 * S)
        assert bench.sample() == response.sample(began_us + count * 30 * S), count


def test_a_sample_is_ready_once_and_read_without_asking_it_is_the_old_one(bench):
    assert bench.say(START, 2 * S - 154 * MS)
    assert bench.ask(READY) == "000081"
    bench.wait(2 * S)
    assert bench.ask(READY) == "0001b0"
    first = bench.sample()
    assert bench.ask(READY) == "000081" and bench.sample() == first
    bench.wait(2 * S)
    assert bench.ask(READY) == "0001b0" and bench.sample() != first


def test_thin_air_until_pressure_or_altitude_is_set():
    thin = Conditions(530.0, 21.5, 42.0, pressure_hpa=700.0)
    bench = Bench(Step(thin, thin, 0))
    assert bench.say(START)
    response = Response(bench.world, 0)
    for count in (1, 2, 3):
        bench.clock.run_until(count * 2 * S)
        assert bench.sample() == response.sample(count * 2 * S, 700 / 1013.25)
    assert bench.say(setting("0010", 700))
    bench.clock.run_until(8 * S)
    assert bench.sample() == response.sample(8 * S)
    assert bench.say(START) and bench.say("510203e8d4")  # 1000 m: 898.7 hPa (ICAO)
    bench.clock.run_until(10 * S)
    assert bench.sample()[0] == pytest.approx(response.sample(10 * S, 700 / 898.7)[0], abs=0.1)


def test_an_offset_and_a_forced_calibration(bench):
    assert bench.say("540301f433") and bench.say(START)
    response = Response(bench.world, 0)
    for count in range(1, 61):
        expected = response.sample(count * 2 * S, offset_c=5)
    bench.clock.run_until(120 * S)
    assert bench.sample() == expected
    assert bench.say("520401c250")  # told 450 ppm where it measures 530
    bench.clock.run_until(122 * S)
    assert bench.sample() == response.sample(122 * S, correction_ppm=-80, offset_c=5)


def test_the_power_takes_the_pressure_and_the_sample_and_leaves_the_rest(bench):
    assert bench.say("510203e8d4") and bench.say(setting("0010", 1000), 5 * S)
    bench.chip.power(0)
    assert not bench.say("d100") and bench.chip.read(3) is None
    bench.wait(10 * S)
    bench.chip.power(1)
    assert not bench.say("d100", 2 * S - 1)  # it starts
    assert not bench.say("d100", 1)
    assert bench.ask("5102") == "03e8d4" and bench.ask("0010") == "000081"
    assert bench.ask(READY) == "000081"
    bench.wait(2 * S)
    assert bench.ask(READY) == "0001b0"  # measuring, as before
    assert bench.sample()[0] == 0  # the first one


def test_a_reset_is_a_start_too(bench):
    assert bench.say(START, 5 * S) and bench.say(RESET, S)
    assert not bench.say("d100", S)
    assert bench.ask(READY) == "000081"


def test_hung_it_needs_a_reset_or_a_power_cycle(bench):
    assert bench.say(START)
    for cure in (lambda: bench.say(RESET), lambda: (bench.chip.power(0), bench.chip.power(1))):
        bench.chip.hung = True
        bench.wait(20 * S)
        assert bench.ask(READY) == "000081"
        cure()
        bench.wait(4 * S + 1)
        assert bench.ask(READY) == "0001b0"


def test_silent_it_measures_on_and_without_a_number_it_says_nan(bench):
    assert bench.say(START, 5 * S)
    bench.chip.silent = True
    assert not bench.say(READ) and bench.chip.read(18) is None
    bench.chip.silent, bench.chip.no_number = False, True
    bench.wait(2 * S)
    co2, temperature, _ = bench.sample()
    assert isnan(co2) and temperature == pytest.approx(21.5, abs=0.5)


def test_frozen_it_repeats_one_sample_as_new(bench):
    assert bench.say(START, 5 * S)
    before = bench.sample()
    bench.chip.frozen = True
    for _ in range(3):
        bench.wait(2 * S)
        assert bench.ask(READY) == "0001b0" and bench.sample() == before
    bench.chip.frozen = False
    bench.wait(2 * S)
    assert bench.sample() != before


def test_a_corrupt_checksum_stands_beside_the_right_word(bench):
    bench.chip.corrupt_crc = True
    assert bench.ask("d100") == "03420c"


def test_the_time_in_each_state_of_its_supply(bench):
    bench.wait(10 * S)
    assert bench.say(START, 20 * S) and bench.say(STOP, 5 * S)
    bench.chip.power(0)
    bench.wait(30 * S)
    bench.chip.power(1)
    bench.wait(S)
    assert bench.chip.time_by_state_us() == {
        "continuous": 20 * S,
        "waiting": 10 * S + 5 * S + S,
        "off": 30 * S,
    }
