# SPDX-License-Identifier: MIT
"""adafruit-circuitpython-hcsr04 drives the ultrasonic model, unchanged; neither knows of the other.

It reckons with 340 m/s, which sound has at 14.6 degC.
"""

from random import Random

import pulse_bus
import pytest

from simulator.chips.ultrasonic import HC_SR04, JSN_SR04T, Ultrasonic
from simulator.clock import Clock
from simulator.world import Conditions, Step

STEP_CM = 0.1  # two looks at a pin


class Bench:
    def __init__(self, distance_mm, celsius=14.6, part=HC_SR04):
        self.clock = Clock()
        place = Conditions(425, celsius, 50, distance_mm=distance_mm)
        self.chip = Ultrasonic(self.clock, Step(place, place, 0), Random(71), part)
        self.chip.multiple = self.chip.short = 0.0
        self.sonar = pulse_bus.driver(self.clock, self.chip)
        self.rest()

    def rest(self):
        self.clock.run_until(self.clock.now_us + 100_000)


@pytest.mark.parametrize("part", [HC_SR04, JSN_SR04T])
@pytest.mark.parametrize("distance_mm", [300, 1000, 2345, 3990])
def test_it_measures(part, distance_mm):
    assert Bench(distance_mm, part=part).sonar.distance == pytest.approx(
        distance_mm / 10, abs=STEP_CM
    )


@pytest.mark.parametrize(("celsius", "reads_cm"), [(-20, 213.2), (0, 205.2), (40, 191.7)])
def test_it_reads_too_far_in_the_cold(celsius, reads_cm):
    assert Bench(2000, celsius).sonar.distance == pytest.approx(reads_cm, abs=STEP_CM)


def test_one_shot_after_another():
    bench = Bench(1500)
    for _ in range(5):
        assert bench.sonar.distance == pytest.approx(150, abs=STEP_CM)
        bench.rest()


@pytest.mark.parametrize(("part", "reads_cm"), [(HC_SR04, 646), (JSN_SR04T, 1020)])
def test_without_an_echo_it_reads_what_is_beyond_its_range(part, reads_cm):
    assert Bench(7000, part=part).sonar.distance == pytest.approx(reads_cm, abs=STEP_CM)


def test_in_its_blind_zone_a_jsn_sr04t_reads_its_nearest():
    assert Bench(120, part=JSN_SR04T).sonar.distance == pytest.approx(23.0, abs=STEP_CM)


def test_a_silent_one_times_out_and_so_does_one_that_sticks():
    bench = Bench(1000)
    bench.chip.silent = True
    with pytest.raises(RuntimeError, match="Timed out"):
        bench.sonar.distance  # noqa: B018
    bench = Bench(5000)
    bench.chip.sticks = True
    for _ in range(2):
        with pytest.raises(RuntimeError, match="Timed out"):
            bench.sonar.distance  # noqa: B018
        bench.rest()
    bench.chip.power(0)
    bench.rest()
    bench.chip.power(1)
    bench.rest()
    bench.chip.sticks = False
    assert bench.sonar.distance == pytest.approx(646, abs=STEP_CM)
