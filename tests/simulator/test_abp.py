# SPDX-License-Identifier: MIT
"""A personalised node (ABP): it never joins, and its counters count for life."""

import json
from base64 import b64decode
from dataclasses import replace

import pytest

from host.lorawan import parse_data
from simulator import scenario as scenarios
from simulator.faults import FaultPlan
from simulator.run import Run


@pytest.fixture
def ran(tmp_path):
    def run(hours, *faults):
        usual = scenarios.find(None)
        nodes = (replace(usual.nodes[0], abp=True),)
        (node,) = Run(
            replace(usual, nodes=nodes, duration_h=hours, faults=faults), tmp_path
        ).execute()["nodes"]
        lines = (tmp_path / "capture.jsonl").read_text().splitlines()
        packets = [json.loads(line).get("rxpk") for line in lines]
        return node, [parse_data(b64decode(each["data"])) for each in packets if each]

    return run


def test_it_reports_without_a_join_slowly_at_first(ran):
    node, frames = ran(24.0)
    # nobody has told it a data rate: SF12, and so a reading each 71 minutes
    assert node["join_tries"] == 0 and 17 <= node["decoded"] <= 22
    assert [frame.f_cnt for frame in frames] == list(range(len(frames)))
    assert node["airtime_s"] <= 33  # 30 s a day, and the questions in FOpts


def test_no_counter_comes_twice_over_power_cuts(ran):
    cuts = [
        FaultPlan("power-cut", hour, "classroom-1", until_h=hour + 0.001)
        for hour in (4.0, 8.0, 8.1)
    ]
    node, frames = ran(12.0, *cuts)
    counters = [frame.f_cnt for frame in frames]
    assert node["starts"] == 4 and node["uplinks_heard"] == len(frames) >= 10
    assert counters == sorted(set(counters)) and counters[-1] > 2 * 64


def test_a_long_outage_leads_to_no_join(ran):
    outage = FaultPlan("gateway-off", 6.0, gateway="town-hall", until_h=44.0)
    node, frames = ran(56.0, outage)
    assert node["join_tries"] == 0 and node["starts"] == 1
    assert node["uplinks_heard"] == len(frames) >= 9
