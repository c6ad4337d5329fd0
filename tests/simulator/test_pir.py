# SPDX-License-Identifier: MIT
"""The PIR models alone: the stated times of each part, what stirs them, and their ways to fail."""

from itertools import pairwise
from random import Random

import pytest

from simulator.chips.pir import Pir, PirOptions
from simulator.clock import Clock
from simulator.street import Passage

S = 1_000_000
# facts/hardware.md 1.4: high, then blocking; the HC-SR501 as its trimmer is set here
AM312 = PirOptions("am312", own_tx=0.0)
HC_SR501 = PirOptions("hc-sr501", high_s=3.0, own_tx=0.0)


class Street:
    """Passages of the test's own, with their times in seconds."""

    def __init__(self, *passages):
        self._passages = [Passage(round(each[0] * S), *each[1:]) for each in passages]

    def after(self, time_us):
        return next((each for each in self._passages if each.time_us > time_us), None)


class Bench:
    """PIRs on a clock; `levels` are the changes of their outputs: (seconds, level) by PIR."""

    def __init__(self, options, *passages, eyes=1, seed=2):
        self.clock = Clock()
        self.pir = Pir(self.clock, Street(*passages), Random(seed), options)
        self.levels = [[] for _ in range(eyes)]
        for eye in range(eyes):
            self.pir.wire(lambda level, eye=eye: self.levels[eye].append(
                (self.clock.now_us / S, level)))  # fmt: skip

    def at(self, second, action, *arguments):
        self.clock.call_at(round(second * S), action, *arguments)

    def run(self, seconds=1000):
        """The changes of the first PIR, without those of its first minute."""
        self.clock.run_until(seconds * S)
        return [each for each in self.levels[0] if each[0] >= 70]

    def rises(self, eye=0):
        return [second for second, level in self.levels[eye] if level]


@pytest.mark.parametrize(("options", "high_s", "block_s"), [(AM312, 2, 2), (HC_SR501, 3, 2.5)])
def test_a_moment_of_motion_is_high_for_its_time_and_then_blocks(options, high_s, block_s):
    quiet_s = 100 + high_s + block_s
    made = Bench(options, (100, 0), (100 + high_s + 0.1, 0), (quiet_s - 0.1, 0), (quiet_s + 0.1, 0))
    assert made.run() == [
        (100, 1), (100 + high_s, 0), (quiet_s + 0.1, 1), (quiet_s + 0.1 + high_s, 0)
    ]  # fmt: skip


@pytest.mark.parametrize(("options", "high_s"), [(AM312, 2), (HC_SR501, 3)])
def test_it_stays_high_while_something_moves(options, high_s):
    made = Bench(options, (100, 5 * S), (106, 10 * S))
    assert made.run() == [(100, 1), (116 + high_s, 0)]


def test_one_that_does_not_retrigger_rises_again_after_it_blocked():
    options = PirOptions("hc-sr501", high_s=3.0, retrigger=False, own_tx=0.0)
    made = Bench(options, (100, 12 * S))
    # 3 s high, 2.5 s low, for as long as it moves at the end of that
    assert made.run() == [
        (100, 1), (103, 0), (105.5, 1), (108.5, 0), (111, 1), (114, 0)
    ]  # fmt: skip


def test_what_still_moves_when_it_no_longer_blocks_raises_it():
    made = Bench(AM312, (100, 0), (103, 3 * S))
    assert made.run() == [(100, 1), (102, 0), (104, 1), (108, 0)]


def test_two_edges_are_never_nearer_than_high_and_blocking_together():
    stream = Random(3)
    passages = sorted((100 + stream.random() * 5000, stream.randrange(3 * S)) for _ in range(2000))
    for options, least_s in ((AM312, 4.0), (HC_SR501, 5.5)):
        made = Bench(options, *passages)
        made.run(6000)
        rises = [each for each in made.rises() if each >= 100]
        gaps = [later - earlier for earlier, later in pairwise(rises)]
        assert len(gaps) > 250 and least_s - 1e-6 < min(gaps) < least_s + 0.1


def test_warming_up_it_pulses_as_often_as_its_data_sheet_says_and_after_each_power_on():
    for options, most, within_s in ((AM312, 1, 30), (HC_SR501, 3, 60)):
        counts = []
        for seed in range(60):
            made = Bench(options, seed=seed)
            made.at(500, made.pir.power_on)
            made.run()
            first = [each for each in made.rises() if each < 500]
            again = [each - 500 for each in made.rises() if each >= 500]
            assert max([*first, *again], default=0) < within_s + 6
            counts += [len(first), len(again)]
        assert min(counts) == 0 and max(counts) == most


def test_a_transmission_beside_it_raises_it_as_often_as_the_scenario_says():
    for share, expected in ((0.0, 0), (0.3, 300), (1.0, 1000)):
        made = Bench(PirOptions("am312", own_tx=share))
        for second in range(100, 10100, 10):
            made.at(second, made.pir.disturb, second * S, second * S + 56_000)
        made.run(11000)
        rises = [each for each in made.rises() if each >= 100]
        assert len(rises) == pytest.approx(expected, abs=60 if share == 0.3 else 0)
        assert all(each % 10 < 0.056 for each in rises)


def test_a_passage_meets_first_one_and_then_the_other():
    made = Bench(AM312, (100, 0, 400_000), (200, 0, 400_000, True), eyes=2)
    made.run()
    assert [each for each in made.rises(0) if each > 70] == [100, 200.4]
    assert [each for each in made.rises(1) if each > 70] == [100.4, 200]


def test_sun_and_wind_are_seen_by_one_only():
    made = Bench(AM312, (100, 0, 0, False, 1), (200, 0, 0, False, 0), eyes=2)
    made.run()
    assert [each for each in made.rises(0) if each > 70] == [200]
    assert [each for each in made.rises(1) if each > 70] == [100]
    alone = Bench(AM312, (100, 0, 0, False, 1))
    assert alone.run() == []  # there is no second one


def test_a_silent_one_never_rises_and_a_frozen_one_stays_as_it_is():
    passages = [(second, 0) for second in range(100, 200, 10)]
    made = Bench(AM312, *passages)
    made.at(125, setattr, made.pir, "silent", True)
    made.at(155, setattr, made.pir, "silent", False)
    made.run()
    assert [each for each in made.rises() if each > 70] == [100, 110, 120, 160, 170, 180, 190]
    made = Bench(AM312, *passages)
    made.at(121, setattr, made.pir, "frozen", True)
    made.at(155, setattr, made.pir, "frozen", False)
    changes = [each for each in made.run() if 120 <= each[0] < 165]
    (rise, (fell_s, level), *_) = changes
    assert rise == (120, 1) and level == 0 and 155 <= fell_s <= 156
    made = Bench(AM312, *passages)
    made.at(125, setattr, made.pir, "frozen", True)
    assert made.run()[-1] == (122, 0)
