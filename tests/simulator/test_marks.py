# SPDX-License-Identifier: MIT
"""Marks of a bin and of a water: by downlink, by the service button, and at the prompt."""

from itertools import pairwise

import cbor2
import pytest
from test_distance_kits import between, steps

from simulator.faults import FaultPlan


def test_marks_come_by_downlink_are_answered_and_outlast_a_power_cut(trial):
    command = cbor2.dumps({0: 1, 6: [1000, None, None]})
    cut = FaultPlan("power-cut", 3.0, "node", until_h=3.1)
    found = trial(
        5.0, usual="bin", kit="bin", faults=(cut,), worlds=steps(900.0, 900.0, 1.0),
        prepare=lambda run: run.at_network(1.0, lambda: run.network.queue(run.device, 2, command)),
    )  # fmt: skip
    answer = found.events("port 2")[0][1]["more"]["answer"]
    assert (answer["sequence"], answer["result"]) == (1, "done")
    assert {values["fill"] for values in between(found, 0, 1)} == {35}
    assert {values["fill"] for values in between(found, 1.4, 5)} == {15, 16}  # 15.4 %, 1 mm is 0.15


def held(trial_, from_s, until_s):
    """Have the service button held for a time."""
    pin, clock = trial_.node.hardware.button.pin, trial_.board.clock
    trial_.board.wire_input(pin, lambda: 0 if from_s <= clock.now_us / 1e6 < until_s else 1)


def lit_s(trial_):
    """(from, until) of each time that the LED shone."""
    pin = trial_.node.hardware.led.pin
    changes = [
        (at_us / 1e6, level) for at_us, number, level in trial_.board.outputs if number == pin
    ]
    return [(one, two) for (one, level), (two, _) in pairwise(changes) if level]


def test_a_long_press_at_a_start_makes_the_present_distance_the_empty_mark(trial):
    found = trial(2.0, usual="bin", kit="bin", worlds=steps(1310.0, 1310.0, 1.0),
                  prepare=lambda run: held(run, 1.0, 8.0))  # fmt: skip
    fills = [values["fill"] for values in between(found, 0, 2)]
    assert len(fills) >= 5 and set(fills) == {0}
    assert "marks in mm: [1310, 350, None]" in found.log()
    (one, two) = lit_s(found)[0]
    assert 6 < one < 8 and two - one == pytest.approx(3, abs=0.1)
    (saved,) = [data for name, data in found.state.items() if name == "settings.0"]
    assert cbor2.loads(saved[4:-4])["values"] == {6: [1310, 350, None]}


def test_at_a_ditch_the_long_press_takes_the_level(trial):
    found = trial(2.0, usual="ditch", kit="water", prepare=lambda run: held(run, 1.0, 8.0))
    assert all(abs(values["level"]) <= 12 for values in between(found, 0, 2))
    assert all(abs(values["distance"] - 1820) <= 12 for values in between(found, 0, 2))


def test_a_long_press_without_a_distance_changes_nothing_and_blinks(trial):
    def prepare(run):
        held(run, 1.0, 8.0)
        run.node.sensors["a02yyuw"].silent = True
        run.at(0.1, setattr, run.node.sensors["a02yyuw"], "silent", False)

    found = trial(2.0, usual="bin", kit="bin", prepare=prepare, worlds=steps(900.0, 900.0, 1.0))
    assert "no mark: no distance" in found.log()
    assert len([1 for one, two in lit_s(found) if one < 30 and two - one < 0.4]) == 7
    assert {values["fill"] for values in between(found, 0.2, 2)} == {35}


def test_a_short_press_is_for_service_mode_and_so_is_a_long_one_without_marks(trial):
    for usual, kit, until_s in (("bin", "bin", 3.0), ("parking", "parking", 8.0)):
        found = trial(0.1, usual=usual, kit=kit, prepare=lambda run, s=until_s: held(run, 1.0, s))
        assert "service mode" in found.log() and "mark" not in found.log().replace("marks", "")
        assert not found.rows


def test_at_the_prompt_each_mark_can_be_taken(trial):
    program = """import onsite
for words in (("empty",), ("full", -300), ("level", 120), ("floor",), ("full", 600)):
    try:
        print(words, onsite.take(*words))
    except (OSError, ValueError) as error:
        print(words, error)
"""
    found = trial(
        0.1, usual="bin", kit="bin", worlds=steps(800.0, 800.0, 1.0),
        change=[("main.py", "import node  # noqa: E402\n\nnode.run()\n", program)],
    )  # fmt: skip
    lines = [line for line in found.log().splitlines() if line.startswith("(")]
    assert lines == [
        "('empty',) [800, 350, None]",
        "('full', -300) [800, 500, None]",
        "('level', 120) [800, 500, 920]",
        "('floor',) 800 mm is no floor mark",
        "('full', 600) 1400 mm is no full mark",
    ]
