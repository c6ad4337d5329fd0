# SPDX-License-Identifier: MIT
"""The SCD41 model alone: bytes and times of the data sheet (1.7), and the stated response."""

from math import cos, exp, sin
from random import Random

import pytest

from simulator.chips.scd4x import Scd4x
from simulator.chips.sensirion import crc8
from simulator.clock import Clock
from simulator.world import Conditions, Step

ROOM = Conditions(co2_ppm=530.0, temperature_c=21.5, humidity_pct=42.0)
START, LOW_POWER, STOP, READ, READY, SERIAL = "21b1", "21ac", "3f86", "ec05", "e4b8", "3682"
WAKE, POWER_DOWN, SINGLE_SHOT, SINGLE_SHOT_RHT = "36f6", "36e0", "219d", "2196"
CALIBRATE_480, PERSIST, FACTORY_RESET, REINIT = "362f01e0b4", "3615", "3632", "3646"
MS, S = 1000, 1_000_000


class Bench:
    """One sensor; `say` is one write, `ask` a write, the time it needs, and a read."""

    def __init__(self, world=None, seed=71):
        self.clock, self.world = Clock(), world or Step(ROOM, ROOM, 0)
        self.chip = Scd4x(self.clock, self.world, Random(seed))

    def wait(self, duration_us):
        self.clock.run_until(self.clock.now_us + duration_us)

    def say(self, data, wait_us=0):
        acknowledged = self.chip.write(bytes.fromhex(data))
        self.wait(wait_us)
        return acknowledged

    def ask(self, data, length=3, wait_us=MS):
        assert self.say(data, wait_us)
        reply = self.chip.read(length)
        return None if reply is None else reply.hex()

    def words(self):
        """The sample, its checksums right; None: no acknowledge."""
        assert self.say(READ, MS)
        reply = self.chip.read(9)
        if reply is None:
            return None
        assert [crc8(reply[at : at + 2]) for at in (0, 3, 6)] == [reply[at] for at in (2, 5, 8)]
        return tuple(int.from_bytes(reply[at : at + 2]) for at in (0, 3, 6))

    def measured(self, command, duration_us):
        """Measure for so long, and stop."""
        assert self.say(command, duration_us) and self.say(STOP, 500 * MS)
        return self


@pytest.fixture
def bench():
    return Bench()


def words(co2_ppm, temperature_c, humidity_pct):
    """Data sheet table 11, to the nearest word."""
    return (
        round(co2_ppm),
        round((temperature_c + 45) * 65535 / 175),
        round(humidity_pct * 65535 / 100),
    )


@pytest.mark.parametrize(
    ("word", "crc"),
    [
        ("beef", 0x92), ("01e0", 0xB4), ("7fce", 0x7B), ("0001", 0xB0), ("0000", 0x81),
        ("8000", 0xA2), ("01f4", 0x33), ("6667", 0xA2), ("5eb9", 0x3C), ("0912", 0x63),
    ],
)  # fmt: skip
def test_the_checksum_is_the_data_sheets(word, crc):
    assert crc8(bytes.fromhex(word)) == crc


@pytest.mark.parametrize(
    ("said", "asked", "reply"),
    [
        (None, SERIAL, "f896319f07c23bbe89"),  # table 27
        (None, READY, "8000a2"),  # table 25
        (None, "202f", "144051"),  # table 31
        (None, "2313", "0001b0"),  # ASC is on, 3.8.2
        ("2416000081", "2313", "000081"),  # table 21
        ("241d07e648", "2318", "07e648"),  # 5.4 degC, table 13
        ("2427079e09", "2322", "079e09"),  # 1950 m, table 15
        ("e00003db42", "e000", "03db42"),  # 987 hPa, tables 17 and 18
        ("243a01b399", "233f", "01b399"),  # 435 ppm, table 22
        ("2445004cc1", "2340", "004cc1"),  # 76 h, table 36
        ("244e009cc5", "234b", "009cc5"),  # 156 h, table 38
    ],
)
def test_the_data_sheets_examples(bench, said, asked, reply):
    assert said is None or bench.say(said, MS)
    assert bench.ask(asked, len(reply) // 2) == reply
    assert bench.chip.read(len(reply) // 2) is None  # an answer is given once


def test_a_word_with_a_wrong_checksum_is_not_taken(bench):
    assert not bench.say("2427079e08")
    assert bench.ask("2322") == "000081"


def test_an_unknown_command_is_not_acknowledged(bench):
    assert not bench.say("1234")


@pytest.mark.parametrize(
    ("command", "deaf_ms"),
    [
        (STOP, 500), (READ, 1), (READY, 1), (SERIAL, 1), ("2318", 1), ("2427079e09", 1),
        ("e00003db42", 1), (CALIBRATE_480, 400), ("2416000081", 1), (PERSIST, 800),
        ("3639", 10_000), (FACTORY_RESET, 1200), (REINIT, 30), (SINGLE_SHOT, 5000),
        (SINGLE_SHOT_RHT, 50), (POWER_DOWN, 1), ("202f", 1),
    ],
)  # fmt: skip
def test_each_command_takes_its_time(bench, command, deaf_ms):
    assert bench.say(command, deaf_ms * MS - 1)
    assert not bench.say(SERIAL) and not bench.say("") and bench.chip.read(3) is None
    bench.wait(1)
    assert bench.say(SERIAL) == (command != POWER_DOWN)


def test_a_start_takes_none(bench):
    assert bench.say(START) and bench.say(READY)


def test_while_it_measures_it_takes_four_commands(bench):
    others = (SERIAL, WAKE, POWER_DOWN, SINGLE_SHOT, SINGLE_SHOT_RHT, START, LOW_POWER, PERSIST)
    others += (FACTORY_RESET, REINIT, CALIBRATE_480, "2427079e09", "2322", "2313", "202f", "3639")
    for mode in (START, LOW_POWER):
        assert bench.say(mode)
        assert [command for command in others if bench.say(command)] == []
        for command in (READ, READY, "e00003db42", "e000", STOP):
            assert bench.say(command, 500 * MS)


def test_a_sample_is_there_every_five_seconds_and_read_once(bench):
    assert bench.say(START, 5 * S - MS - 1)
    assert bench.ask(READY) == "8000a2" and bench.words() is None
    bench.wait(1)
    assert int(bench.ask(READY)[:4], 16) & 0x07FF
    assert bench.words() is not None
    assert bench.words() is None and bench.ask(READY) == "8000a2"
    bench.wait(5 * S)
    assert bench.words() is not None


def test_in_low_power_every_thirty(bench):
    assert bench.say(LOW_POWER, 30 * S - MS - 1)
    assert bench.ask(READY) == "8000a2"
    bench.wait(1)
    assert bench.words() is not None


def test_a_read_that_ends_early_gets_the_first_bytes(bench):
    assert bench.ask(SERIAL, 3) == "f89631"
    assert bench.say(SERIAL, MS) and bench.chip.read(12).hex() == "f896319f07c23bbe89ffffff"


class Swell:
    """Air that never stands still."""

    def at(self, time_us):
        s = time_us / 1e6
        return Conditions(700 + 300 * sin(s / 97), 21 + 3 * sin(s / 211), 45 + 9 * cos(s / 151))


class Response:
    """The statement at the head of simulator/chips/scd4x.py, computed anew."""

    def __init__(self, world, start_us, seed=71):
        self.world, self.last_us, self.stream = world, start_us, Random(seed)
        self.y = self.at(start_us)

    def at(self, time_us):
        air = self.world.at(time_us)
        return [air.co2_ppm, air.temperature_c, air.humidity_pct]

    def words(self, time_us):
        period_s, self.last_us = (time_us - self.last_us) / 1e6, time_us
        for index, (w, tau_s) in enumerate(zip(self.at(time_us), (60, 120, 90), strict=True)):
            self.y[index] += (w - self.y[index]) * (1 - exp(-period_s / tau_s))
        values = [
            y + self.stream.gauss(0, sd) for y, sd in zip(self.y, (10, 0.05, 0.2), strict=True)
        ]
        return words(*values)


def test_the_response_is_the_stated_one_bit_for_bit():
    air = Swell()
    bench = Bench(air)
    bench.wait(S)
    assert bench.say(START)
    response = Response(air, S)
    for count in range(1, 41):
        bench.clock.run_until(S + count * 5 * S)
        assert bench.words() == response.words(S + count * 5 * S), count
    assert bench.say(STOP, 100 * S)  # after a pause in another mode
    began_us = bench.clock.now_us
    assert bench.say(LOW_POWER)
    for count in range(1, 11):
        bench.clock.run_until(began_us + count * 30 * S)
        assert bench.words() == response.words(began_us + count * 30 * S), count
    assert bench.say(STOP, 500 * MS)
    for _ in range(3):
        bench.wait(300 * S)
        assert bench.say(SINGLE_SHOT, 5 * S)
        assert bench.words() == response.words(bench.clock.now_us - MS)


def test_only_the_newest_sample_is_kept_and_none_left_out_of_the_response():
    bench, response = Bench(Swell()), Response(Swell(), 0)
    assert bench.say(START, 602 * S)
    expected = [response.words(count * 5 * S) for count in range(1, 121)]
    assert bench.words() == expected[-1] and bench.words() is None


def test_the_lag_behind_a_step():
    after = Conditions(1530.0, 31.5, 62.0)
    bench = Bench(Step(ROOM, after, 60 * S))
    assert bench.say(START, 120 * S)
    co2, temperature, humidity = bench.words()
    # 12 samples after it (one at the step itself): 65 s of 60, 120 and 90
    expected = words(
        1530 - 1000 * exp(-65 / 60), 31.5 - 10 * exp(-65 / 120), 62 - 20 * exp(-65 / 90)
    )
    assert co2 == pytest.approx(expected[0], abs=50)
    assert temperature == pytest.approx(expected[1], abs=0.25 * 374)
    assert humidity == pytest.approx(expected[2], abs=655)


@pytest.mark.parametrize(
    ("air", "least_or_most"),
    [
        (Conditions(90000.0, 200.0, 150.0), (40000, 0xFFFF, 0xFFFF)),
        (Conditions(-500.0, -80.0, -20.0), (0, 0, 0)),
    ],
)
def test_what_it_reports_has_ends(air, least_or_most):
    bench = Bench(Step(air, air, 0))
    assert bench.say(START, 5 * S)
    assert bench.words() == least_or_most


def test_another_seed_has_other_noise():
    first, same, other = Bench(), Bench(), Bench(seed=72)
    for each in (first, same, other):
        assert each.say(START, 5 * S)
    reported = first.words()
    assert same.words() == reported != other.words()


def test_the_offset_lowers_the_temperature_alone(bench):
    assert bench.say("241d07e648", MS) and bench.say(START, 5 * S)  # 5.4 degC, 4 by default
    co2, temperature, humidity = Response(bench.world, 0).words(5 * S)
    assert bench.words() == (co2, pytest.approx(temperature - 1.4 * 65535 / 175, abs=1), humidity)


def test_a_single_shot_without_co2(bench):
    assert bench.say(SINGLE_SHOT_RHT, 50 * MS)
    expected = Response(bench.world, 0).words(50 * MS)
    assert bench.words() == (0, *expected[1:])


def test_a_calibration_as_in_the_data_sheet(bench):
    bench.measured(START, 180 * S)
    # table 19: told 480 ppm where it measures 530
    assert bench.ask(CALIBRATE_480, wait_us=400 * MS) == "7fce7b"
    assert bench.say(START, 5 * S)
    response = Response(bench.world, 0)
    for count in range(1, 37):
        response.words(count * 5 * S)
    co2, temperature, humidity = response.words(bench.clock.now_us)
    assert bench.words() == (co2 - 50, temperature, humidity)


@pytest.mark.parametrize(
    ("runs", "taken"),
    [
        ((), False),
        (((START, 179),), False),
        (((START, 180),), True),
        (((LOW_POWER, 179),), False),
        (((LOW_POWER, 180),), True),
        (((START, 200), (START, 3)), False),  # started anew, and not long enough
        (((SINGLE_SHOT, 60),) * 3, False),
        (((SINGLE_SHOT, 60),) * 4, True),  # more than three, 3.8.1
        (((SINGLE_SHOT_RHT, 60),) * 9, False),
    ],
)
def test_a_calibration_needs_three_minutes_of_measurement(bench, runs, taken):
    for command, duration_s in runs:
        bench.measured(command, duration_s * S)
    reply = bench.ask(CALIBRATE_480, wait_us=400 * MS)
    assert reply == ("7fce7b" if taken else "ffffac")


def test_a_calibration_without_a_target_fails(bench):
    bench.measured(START, 180 * S)
    assert bench.ask("362f", wait_us=400 * MS) == "ffffac"


def test_settings_are_lost_unless_they_were_persisted(bench):
    assert bench.say("2427079e09", MS) and bench.say(REINIT, 30 * MS)
    assert bench.ask("2322") == "000081"
    assert bench.say("2427079e09", MS) and bench.say(PERSIST, 800 * MS)
    assert bench.say("2427000081", MS) and bench.say(REINIT, 30 * MS)
    assert bench.ask("2322") == "079e09"
    assert bench.say(FACTORY_RESET, 1200 * MS)
    assert bench.ask("2322") == "000081"
    assert bench.say(REINIT, 30 * MS)
    assert bench.ask("2322") == "000081"


def test_a_calibration_outlives_all_but_a_factory_reset(bench):
    bench.measured(START, 180 * S)
    assert bench.ask(CALIBRATE_480, wait_us=400 * MS) == "7fce7b"
    assert bench.say(REINIT, 30 * MS)
    bench.measured(START, 180 * S)
    assert bench.ask(CALIBRATE_480, wait_us=400 * MS) == "8000a2"  # nothing left to correct
    assert bench.say(FACTORY_RESET, 1200 * MS)
    bench.measured(START, 180 * S)
    assert bench.ask(CALIBRATE_480, wait_us=400 * MS) == "7fce7b"


def test_asleep_it_hears_only_the_call_to_wake_which_it_never_acknowledges(bench):
    assert bench.say(POWER_DOWN, MS)
    assert not bench.say("") and not bench.say(SERIAL) and not bench.say(STOP)
    assert bench.chip.read(3) is None
    assert not bench.say(WAKE, 30 * MS - 1)
    assert not bench.say(SERIAL)
    bench.wait(1)
    assert bench.ask(SERIAL, 9) == "f896319f07c23bbe89"
    assert not bench.say(WAKE, 30 * MS)  # awake already
    assert bench.say(SERIAL)


def test_its_power_takes_all_that_was_not_persisted(bench):
    assert bench.say("2427079e09", MS) and bench.say(START, 5 * S)
    bench.chip.power(0)
    assert not bench.say(READY) and bench.chip.read(3) is None
    bench.wait(10 * S)
    bench.chip.power(1)
    assert not bench.say(SERIAL, S - 1)  # 1 s to start, 2.1
    assert not bench.say(SERIAL, 1)
    assert bench.ask("2322") == "000081" and bench.ask(READY) == "8000a2"
    assert bench.chip.time_by_state_us()["off"] == 10 * S


def test_silent_it_measures_on(bench):
    assert bench.say(START, 4 * S - MS) and bench.say(READY, MS)
    bench.chip.silent = True
    assert bench.chip.read(3) is None and not bench.say("") and not bench.say(READ)
    bench.wait(8 * S)
    bench.chip.silent = False
    response = Response(bench.world, 0)
    response.words(5 * S)
    assert bench.words() == response.words(10 * S)


def test_a_corrupt_checksum_stands_beside_the_right_words(bench):
    assert bench.say(START, 5 * S) and bench.say(READ, MS)
    bench.chip.corrupt_crc = True
    reply = bench.chip.read(9)
    assert reply[2] == crc8(reply[:2]) ^ 0xFF
    assert reply[5] == crc8(reply[3:5]) and reply[8] == crc8(reply[6:8])
    assert int.from_bytes(reply[:2]) == Response(bench.world, 0).words(5 * S)[0]
    assert bench.ask(READY) == "80005d"


def test_frozen_it_repeats_one_sample_and_afterwards_goes_on_as_if_nothing_had_been(bench):
    assert bench.say(START, 5 * S)
    before = bench.words()
    bench.chip.frozen = True
    for _ in range(3):
        bench.wait(5 * S)
        assert bench.words() == before
    bench.chip.frozen = False
    bench.wait(5 * S)
    response = Response(bench.world, 0)
    *_, expected = [response.words(count * 5 * S) for count in range(1, 6)]
    assert bench.words() == expected != before


def test_the_time_in_each_state_of_its_supply(bench):
    bench.wait(10 * S)
    bench.measured(START, 20 * S)
    assert bench.say(SINGLE_SHOT, 2 * S)
    assert bench.chip.time_by_state_us()["single_shot"] == 2 * S
    bench.wait(4 * S)
    bench.measured(LOW_POWER, 60 * S)
    assert bench.say(POWER_DOWN, 30 * S) and not bench.say(WAKE, 7 * S)
    assert bench.chip.time_by_state_us() == {
        "periodic": 20 * S,
        "low_power": 60 * S,
        "single_shot": 5 * S,
        "idle": 10 * S + 500 * MS + S + 500 * MS + 7 * S,
        "off": 30 * S,
    }
