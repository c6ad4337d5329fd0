# SPDX-License-Identifier: MIT
"""Days of the crossing and of the bike path: what is reported against who passed.

What a node may count is reckoned here anew, from the passages of the street, the times that a PIR
is said to have, and the masks that its driver is said to have.
"""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from simulator import scenario as scenarios
from simulator.faults import FaultPlan
from simulator.run import Run

S, HOUR_US = 1_000_000, 3_600_000_000
HIGH_US = BLOCK_US = 2 * S  # AM312
WARM_UP_US, AFTER_TX_US, WINDOW_US = 60 * S, 3 * S, 2 * S
LATE_US = 5 * S  # from the power to the start of the sensors, at most


class Day(Run):
    """A run of a scenario, by default without the edges that its own radio would cause."""

    def __init__(self, name, folder, own_tx=0.0, node=None, traffic=None, **changes):
        usual = scenarios.find(name)
        pir = replace(usual.nodes[0].pir, own_tx=own_tx)
        nodes = (replace(usual.nodes[0], pir=pir, **(node or {})),)
        worlds = tuple(
            replace(each, options=each.options | (traffic or {})) for each in usual.worlds
        )
        super().__init__(replace(usual, nodes=nodes, worlds=worlds, **changes), folder)
        self.sent = []
        self.summary = self.execute()

    def _build(self):
        super()._build()
        (self.node,) = self.nodes.values()
        (self.street,) = self._worlds.values()
        self._air.on_transmit.append(self._transmitted)
        self.programmed_us, usual = [], self.node.board._note

        def note(kind, number, level, at_us):
            if kind == 2:  # a part of the flash was programmed
                self.programmed_us.append(at_us)
            usual(kind, number, level, at_us)

        self.node.board._note = note

    def _transmitted(self, packet):
        if packet.sender == self.node.board.name:
            self.sent.append((packet.start_us, packet.end_us))

    def passages(self):
        return list(self.street.log(self.scenario.duration_us))

    def reported(self, name="count"):
        """[(us, total)] of the readings that have it and a time, in the order of that."""
        return [
            ((row.time - self.scenario.start) // timedelta(microseconds=1), row.values[name])
            for row in sorted(self.rows, key=lambda row: row.time)
            if name in row.values and row.values["age_s"] is not None
        ]


def rises(moves):
    """When an AM312 rises: `moves` are [(from, to)] of motion in the order of their beginnings."""
    found, free_us, moving_us, index = [], 0, -1, 0
    while True:
        while index < len(moves) and moves[index][0] <= free_us:
            moving_us, index = max(moving_us, moves[index][1]), index + 1
        if moving_us > free_us:
            rise_us = free_us  # somebody has stayed
        elif index < len(moves):
            rise_us = moves[index][0]
        else:
            return found
        found.append(rise_us)
        high_us = max(rise_us, moving_us) + HIGH_US
        while index < len(moves) and moves[index][0] <= high_us:
            moving_us = max(moving_us, moves[index][1])
            high_us, index = max(high_us, moving_us + HIGH_US), index + 1
        free_us = high_us + BLOCK_US


def moves(passages, eye=0):
    """What one PIR of two, or the only one, has before it."""
    found = []
    for each in passages:
        if each.eye in (None, eye):
            second = each.eye is None and each.back != (eye == 1)
            begin_us = each.time_us + (each.gap_us if second else 0)
            found.append((begin_us, begin_us + each.duration_us))
    return sorted(found)


def let_through(edges_us, sent):
    """The edges outside the masks; none is so near the border of one that both would be right."""
    masks = [(0, WARM_UP_US, LATE_US)]
    masks += [(start_us, end_us + AFTER_TX_US, 50_000) for start_us, end_us in sent]
    for at_us in edges_us:
        for begin_us, end_us, near_us in masks:
            assert not end_us <= at_us <= end_us + near_us
            assert begin_us == 0 or not begin_us - near_us <= at_us <= begin_us
    return [
        at_us
        for at_us in edges_us
        if not any(begin_us <= at_us <= end_us for begin_us, end_us, _ in masks)
    ]


def by_direction(first_us, second_us):
    """([times there], [times back]): the PIR that is second names the direction of the pair."""
    there, back, waiting = [], [], {}
    for at_us, eye in sorted([(each, 0) for each in first_us] + [(each, 1) for each in second_us]):
        other = waiting.pop(1 - eye, None)
        if other is not None and at_us - other < WINDOW_US:
            (there if eye == 1 else back).append(at_us)
        else:
            waiting[eye] = at_us
            if other is not None:
                waiting[1 - eye] = other
    return there, back


def hold(reported, counted_us):
    """Each total is that of the events up to its reading, which is told to the second."""
    assert len(reported) > 90
    for at_us, total in reported:
        low, high = (sum(each <= at_us + off_us for each in counted_us) for off_us in (-3 * S, S))
        assert low <= total <= high, at_us
    assert reported[-1][1] > 300


@pytest.fixture(scope="module")
def crossing(tmp_path_factory):
    return Day("crossing", tmp_path_factory.mktemp("crossing"))


@pytest.fixture(scope="module")
def bikes(tmp_path_factory):
    return Day("bikes", tmp_path_factory.mktemp("bikes"))


def test_a_crossing_reports_what_its_pir_can_see(crossing):
    edges_us = rises(moves(crossing.passages()))
    hold(crossing.reported(), let_through(edges_us, crossing.sent))
    assert crossing.summary["nodes"][0]["joins"] == 1


def test_a_path_reports_both_directions(bikes):
    passages = bikes.passages()
    seen = [let_through(rises(moves(passages, eye)), bikes.sent) for eye in (0, 1)]
    there, back = by_direction(*seen)
    hold(bikes.reported(), there)
    hold(bikes.reported("count_back"), back)


def test_a_count_is_of_events_and_no_more_than_there_were(crossing, bikes):
    for day, names, most in ((crossing, ["count"], 1.0), (bikes, ["count", "count_back"], 1.0)):
        counted = sum(day.reported(name)[-1][1] for name in names)
        passed = sum(each.eye is None for each in day.passages())
        assert 0.5 < counted / passed < most
    for (begin_us, before), (end_us, after) in pairwise(crossing.reported()):
        assert 0 <= after - before <= (end_us - begin_us) / (HIGH_US + BLOCK_US) + 1


def test_morning_and_evening_differ_in_direction_on_the_path(bikes):
    noon_us = 12 * HOUR_US
    halves = {}
    for name in ("count", "count_back"):
        reported = bikes.reported(name)
        noon = max(total for at_us, total in reported if at_us <= noon_us)
        halves[name] = noon, reported[-1][1] - noon
    assert halves["count"][0] > 2 * halves["count_back"][0]
    assert halves["count_back"][1] > 2 * halves["count"][1]


def test_when_somebody_passes_shows_in_no_frame_but_by_the_total(crossing, tmp_path):
    empty = Day("crossing", tmp_path, traffic={"busiest_per_h": 0}, duration_h=9.0)
    assert len(empty.sent) > 36
    for (there_us, _), (here_us, _) in zip(empty.sent, crossing.sent, strict=False):
        assert abs(there_us - here_us) < 100_000
    names = {name for row in crossing.rows for name in row.values}
    assert names <= {"age_s", "count", "count_difference", "restart", "flags"}


def test_a_frozen_world_gives_a_flat_column(tmp_path):
    fault = FaultPlan("world-frozen", 9.0, "crossing-1", until_h=11.0)
    day = Day("crossing", tmp_path, faults=(fault,), duration_h=12.0)
    frozen = {total for at_us, total in day.reported() if 9.01 < at_us / HOUR_US < 11}
    assert len(frozen) == 1 and day.reported()[-1][1] > max(frozen)


@pytest.mark.parametrize(
    ("name", "kind"), [("crossing", "sensor-silent"), ("bikes", "sensor-frozen")]
)
def test_a_sensor_that_is_still_for_a_day_is_a_fault_until_it_sees_somebody(tmp_path, name, kind):
    """A PIR that fails looks like a place without people: only a whole day tells."""
    fault = FaultPlan(kind, 1.0, f"{name}-1", sensor="pir", until_h=26.5)
    morning = scenarios.find(name).start + timedelta(hours=7)
    day = Day(name, tmp_path, start=morning, faults=(fault,), duration_h=28.0)
    keys = ["count"] if name == "crossing" else ["count", "count_back"]
    for row in day.rows:
        at_h = (row.time - morning) / timedelta(hours=1)
        # the last was seen just before 1 h, the first again soon after 26.5 h
        if 25.05 < at_h < 26.5:
            assert row.values["faults"] == keys and not row.values.keys() & set(keys)
        elif at_h < 24.5 or at_h > 26.8:
            assert "faults" not in row.values and row.values.keys() >= set(keys), at_h
    for key in keys:
        still = {total for at_us, total in day.reported(key) if 1.1 < at_us / HOUR_US < 26}
        assert len(still) == 1 and day.reported(key)[-1][1] > max(still) > 0


def test_who_passed_is_counted_once_after_an_outage(tmp_path):
    usual = scenarios.find("crossing")
    start = usual.start + timedelta(hours=7)
    fault = FaultPlan("gateway-off", 0.6, gateway=usual.gateways[0].name, until_h=20)
    day = Day("crossing", tmp_path, start=start, faults=(fault,), duration_h=21.0)
    assert len(day.rows) > 21 * 4  # all of them, and some came again
    totals = [total for _, total in day.reported()]
    (node,) = day.summary["nodes"]
    assert node["count_sum"] == totals[-1] > 500
    assert node["count_most"] == max(after - before for before, after in pairwise(totals))


def test_a_power_cut_costs_the_counts_of_one_interval_at_most(tmp_path):
    cut_h = 17.4
    fault = FaultPlan("power-cut", cut_h, "crossing-1", until_h=cut_h + 0.01)
    day = Day("crossing", tmp_path, faults=(fault,), duration_h=19.0)
    assert len(day.node.board.starts) == 2
    totals = [total for _, total in day.reported()]
    assert totals == sorted(totals)
    before = max(total for at_us, total in day.reported() if at_us < cut_h * HOUR_US)
    after = min(total for at_us, total in day.reported() if at_us > cut_h * HOUR_US)
    assert before <= after < before + 20  # it went on from there
    since_us = max(at_us for at_us, _ in day.reported() if at_us < cut_h * HOUR_US)
    until_us = (cut_h + 0.01) * HOUR_US + WARM_UP_US + LATE_US
    edges_us = rises(moves(day.passages()))
    end_us, total = day.reported()[-1]
    expected = len([each for each in let_through(edges_us, day.sent) if each <= end_us - 3 * S])
    lost = sum(since_us - 3 * S <= each <= until_us for each in edges_us)
    assert lost > 0 and total >= expected - lost


def test_a_total_never_goes_back_wherever_the_power_is_cut(tmp_path):
    start = scenarios.find("crossing").start + timedelta(hours=7.5)
    whole = Day("crossing", tmp_path / "whole", start=start, duration_h=0.6)
    third_us = whole.reported()[2][0]
    writes = [at_us for at_us in whole.programmed_us if -5 * S < at_us - third_us < 95 * S]
    assert len(writes) >= 2
    for number, at_us in enumerate(writes):
        cut_h = (at_us - 350) / HOUR_US  # half of its 0.7 ms: it is in the flash, the next is not
        fault = FaultPlan("power-cut", cut_h, "crossing-1", until_h=cut_h + 0.01)
        day = Day("crossing", tmp_path / str(number), start=start, duration_h=0.6, faults=(fault,))
        totals = {True: [], False: []}
        for row in day.rows:
            late = row.values["age_s"] is not None
            late = late and row.time > start + timedelta(hours=cut_h)
            totals[late].append(row.values["count"])
        assert totals[True] and max(totals[False]) <= min(totals[True])
