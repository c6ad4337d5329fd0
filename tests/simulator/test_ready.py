# SPDX-License-Identifier: MIT
"""The ready scenarios, shortened: what they expect comes true, twice to the byte.

`make proof PART=scenarios` runs them whole.
"""

from dataclasses import replace

import pytest

from simulator import scenario as scenarios
from simulator.run import Run

# Hours, and how many nodes of each table of many.
SHORT = {
    "bad-week": (36, None),
    "bikes": (10, None),
    "bin": (24, None),
    "bin-route": (24, 4),
    "crossing": (10, None),
    "ditch": (12, None),
    "first-sensor-fails": (6, None),
    "flooding-ditch": (24, None),
    "parking": (12, None),
    "region": (6, 1),
    "rush-hour": (3, None),
    "school-day": (9, None),
}


def test_each_has_its_short_form():
    assert list(SHORT) == scenarios.ready()


@pytest.mark.parametrize("name", SHORT)
def test_what_is_expected_comes_true_and_the_same_again_on_two_cores(name, tmp_path):
    hours, nodes = SHORT[name]
    plan = replace(scenarios.find(name, nodes=nodes), duration_h=hours)
    found = []
    for jobs in (1, 2):
        folder = tmp_path / f"{jobs}"
        summary = Run(plan, folder, jobs=jobs).execute()
        found.append({path.name: path.read_bytes() for path in folder.iterdir()})
    held = {each["expect"]: each["held"] for each in summary["expectations"]}
    assert False not in held.values(), summary["expectations"]
    assert list(held.values()).count(True) >= 4
    first, second = found
    assert {"capture.jsonl", "events.jsonl", "capture.pcap", "summary.json"} <= first.keys()
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_a_board_that_sleeps_deeply_writes_the_same_blocks_again(tmp_path):
    usual = scenarios.find("bin")
    nodes = (replace(usual.nodes[0], board="ttgo-lora32-v2_1"),)
    worn = []
    for again in ("one", "two"):
        run = Run(replace(usual, nodes=nodes, duration_h=6), tmp_path / again)
        run.execute()
        worn.append(run.nodes["bin-1"].board.wear.erases)
    assert worn[0] == worn[1] and len(worn[0]) >= 3


def test_every_expectation_of_a_whole_run_is_judged():
    """None lies after the end: `load` refuses that. Here: a whole run leaves none out."""
    for name in scenarios.ready():
        plan = scenarios.find(name)
        assert len(plan.expect) >= 4, name
        assert all((each.by_h or 0) <= plan.duration_h for each in plan.expect)
