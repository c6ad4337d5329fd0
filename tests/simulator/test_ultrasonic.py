# SPDX-License-Identifier: MIT
"""The ultrasonic model alone: how long its echo lasts, what it does not see, how it fails."""

from math import sqrt
from random import Random
from statistics import fmean, stdev

import pytest

from simulator.chips.ultrasonic import HC_SR04, JSN_SR04T, Ultrasonic
from simulator.clock import Clock
from simulator.world import Conditions, Step

EVERY_US = 100_000


class Bench:
    """A sensor that looks at something, and what comes out at its echo pin."""

    def __init__(self, distance_mm=1000.0, celsius=20.0, part=HC_SR04, seed=71, **surface):
        self.clock = Clock()
        place = Conditions(425, celsius, 50, distance_mm=distance_mm, **surface)
        self.chip = Ultrasonic(self.clock, Step(place, place, 0), Random(seed), part)
        self.chip.multiple = self.chip.short = 0.0
        self.pass_us(EVERY_US)

    def pass_us(self, duration_us):
        self.clock.run_until(self.clock.now_us + duration_us)

    def shoot(self, trigger_us=10):
        self.chip.trigger(1)
        self.pass_us(trigger_us)
        self.chip.trigger(0)

    def pulse(self, trigger_us=10):
        """(delay, length) of the pulse after a trigger, None for none, and the rest of a cycle."""
        self.shoot(trigger_us)
        end_us = self.clock.now_us
        level, rise_us = self.chip.echo(end_us)
        assert level == 0
        if rise_us is None:
            return None
        assert self.chip.echo(rise_us - 1)[0] == 0 and self.chip.echo(rise_us)[0] == 1
        _, fall_us = self.chip.echo(rise_us)
        assert self.chip.echo(fall_us - 1)[0] == 1 and self.chip.echo(fall_us) == (0, None)
        self.clock.run_until(fall_us + EVERY_US)
        return rise_us - end_us, fall_us - rise_us

    def lengths(self, count):
        return [self.pulse()[1] for _ in range(count)]


def flight_us(distance_mm, m_s):
    return 2000 * distance_mm / m_s


@pytest.mark.parametrize(
    ("celsius", "m_s"), [(-20, 318.9), (0, 331.3), (10, 337.3), (20, 343.2), (40, 354.7)]
)
def test_the_echo_takes_as_long_as_sound_there_and_back(celsius, m_s):
    for distance_mm in (50, 1000, 3999):
        _, length_us = Bench(distance_mm, celsius).pulse()
        assert length_us == pytest.approx(flight_us(distance_mm, m_s), rel=2e-4, abs=1)


@pytest.mark.parametrize(("part", "delay_us"), [(HC_SR04, 460), (JSN_SR04T, 300)])
def test_it_takes_a_trigger_of_ten_microseconds(part, delay_us):
    bench = Bench(part=part)
    assert bench.pulse(9) is None
    assert bench.pulse(10)[0] == delay_us


def test_a_trigger_during_the_echo_is_not_taken():
    bench = Bench()
    bench.shoot()
    before = bench.chip.echo(bench.clock.now_us)
    bench.pass_us(2000)
    bench.shoot()
    assert bench.chip.echo(0) == before and bench.chip.echo(bench.clock.now_us)[0] == 1


def test_a_shot_too_soon_hears_the_echoes_of_the_last():
    bench = Bench(2000)
    _, length_us = bench.pulse()
    bench.shoot()
    bench.clock.run_until(bench.chip.echo(bench.chip.echo(bench.clock.now_us)[1])[1] + 49_000)
    _, again_us = bench.pulse()
    assert 0.3 * length_us <= again_us < 0.8 * length_us + 1
    assert bench.pulse()[1] == length_us


@pytest.mark.parametrize(
    ("part", "near_mm", "reads_mm"), [(HC_SR04, 19.9, None), (JSN_SR04T, 100.0, 230.0)]
)
def test_too_near_is_no_echo_or_the_nearest(part, near_mm, reads_mm):
    _, length_us = Bench(near_mm, part=part).pulse()
    expected_us = part.no_echo_us if reads_mm is None else flight_us(reads_mm, 343.215)
    assert length_us == pytest.approx(expected_us, abs=1)


@pytest.mark.parametrize(
    ("part", "far_mm", "no_echo_us"), [(HC_SR04, 4000, 38_000), (JSN_SR04T, 6000, 60_000)]
)
def test_too_far_is_no_echo(part, far_mm, no_echo_us):
    assert Bench(far_mm, part=part).pulse()[1] == pytest.approx(flight_us(far_mm, 343.215), abs=1)
    assert Bench(far_mm + 1, part=part).pulse()[1] == no_echo_us


def test_a_clone_sticks_high_until_its_supply_goes():
    bench = Bench(5000)
    bench.chip.sticks = True
    bench.shoot()
    bench.pass_us(10_000_000)
    assert bench.chip.echo(bench.clock.now_us) == (1, None)
    bench.shoot()  # deaf to triggers too
    assert bench.chip.echo(bench.clock.now_us) == (1, None)
    bench.chip.power(0)
    assert bench.chip.echo(bench.clock.now_us) == (0, None)
    bench.chip.power(1)
    bench.pass_us(49_000)
    bench.shoot()
    assert bench.chip.echo(bench.clock.now_us) == (0, None)  # not up yet
    bench.pass_us(1000)
    bench.shoot()
    assert bench.chip.echo(bench.clock.now_us)[1] is not None


def test_one_that_sticks_is_fine_while_there_are_echoes():
    bench = Bench(1000)
    bench.chip.sticks = True
    assert len(set(bench.lengths(5))) == 1


def test_without_supply_and_silent_it_says_nothing():
    bench = Bench()
    bench.chip.power(0)
    assert bench.pulse() is None
    bench.chip.power(1)
    bench.pass_us(50_000)
    assert bench.pulse() is not None
    bench.chip.silent = True
    assert bench.pulse() is None
    bench.chip.silent = False
    assert bench.pulse() is not None


def test_a_frozen_one_repeats_its_echo():
    bench = Bench(rough_mm=20.0)
    bench.chip.frozen = True
    assert len(set(bench.lengths(9))) == 1
    bench.chip.frozen = False
    assert len(set(bench.lengths(9))) > 1


def test_a_wet_face_reads_the_nearest_or_nothing():
    for part, echo_us in ((HC_SR04, flight_us(20, 343.215)), (JSN_SR04T, flight_us(230, 343.215))):
        bench = Bench(part=part)
        bench.chip.wet = True
        found = set(bench.lengths(20))
        assert found == {round(echo_us), part.no_echo_us}


def test_a_deaf_one_hears_no_echo():
    bench = Bench()
    bench.chip.deaf = True
    assert set(bench.lengths(5)) == {38_000}


def test_soft_waste_swallows_its_share_of_the_shots():
    lengths = Bench(echo_lost=0.3).lengths(400)
    assert 90 < lengths.count(38_000) < 150


def test_a_rough_surface_spreads_the_shots():
    mm = [each * 0.343215 / 2 for each in Bench(rough_mm=8.0).lengths(400)]
    assert fmean(mm) == pytest.approx(1000, abs=1.5) and stdev(mm) == pytest.approx(8, abs=1)


def test_multiple_and_short_echoes_have_their_shares():
    bench = Bench()
    assert (Ultrasonic(Clock(), bench.chip.environment, Random(1)).multiple) == 0.01
    (true_us,) = set(bench.lengths(5))
    bench.chip.multiple, bench.chip.short = 0.2, 0.2
    found = bench.lengths(300)
    double = [each for each in found if each == pytest.approx(2 * true_us, abs=1)]
    short = [each for each in found if each < true_us]
    assert 40 < len(double) < 80 and 30 < len(short) < 65
    assert len(double) + len(short) + found.count(true_us) == 300


def test_the_time_with_and_without_supply_is_counted():
    bench = Bench()
    bench.pass_us(900_000)
    bench.chip.power(0)
    bench.pass_us(2_000_000)
    assert bench.chip.time_by_state_us() == {"hc-sr04": 1_000_000, "off": 2_000_000}
    bench.chip.power(1)
    bench.pass_us(500_000)
    assert bench.chip.time_by_state_us() == {"hc-sr04": 1_500_000, "off": 2_000_000}


def test_the_speed_it_reckons_with_is_that_of_the_real_air():
    place = Conditions(425, 20.0, 50, distance_mm=1000.0)
    warm = Conditions(425, 40.0, 50, distance_mm=1000.0)
    bench = Bench()
    bench.chip.environment = Step(place, warm, bench.clock.now_us + EVERY_US)
    cold_us = bench.pulse()[1]
    assert cold_us / bench.pulse()[1] == pytest.approx(sqrt(313.15 / 293.15), abs=5e-4)
