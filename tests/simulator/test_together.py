# SPDX-License-Identifier: MIT
"""Nodes that are switched on in the same instant, as after a power cut, do not stay in step."""

from dataclasses import replace
from math import cos, pi, sin

import pytest

from simulator import scenario as scenarios
from simulator.run import Run
from simulator.scenario import NodePlan, WorldPlan


@pytest.mark.parametrize(("kit", "interval_h"), [("bin", 1 / 3), ("classroom", 1 / 6)])
def test_six_that_start_together_are_each_heard_but_for_the_first_time(tmp_path, kit, interval_h):
    """On a battery each wakes for its readings; on mains it looks every 30 s, and then reads."""
    corners = [(1000 * cos(each * pi / 3), 1000 * sin(each * pi / 3)) for each in range(6)]
    usual = scenarios.find(None)
    scenario = replace(
        usual,
        duration_h=9 * interval_h,
        gateways=(replace(usual.gateways[0], x_m=0, y_m=0),),
        nodes=tuple(
            NodePlan(f"{kit}-{number}", kit, "rpi-pico-rfm95", kit, round(x_m), round(y_m))
            for number, (x_m, y_m) in enumerate(corners)
        ),
        worlds=(WorldPlan(kit, kit),),
    )
    run = Run(scenario, tmp_path)
    run.execute()
    for node in run.nodes.values():
        assert node.uplinks_heard >= node.uplinks_sent - 1 >= 8, node.plan.name
    # not by whole looks, or a class would have few places to go to
    assert len({round(node.times[-1] / 1e6 % 30) for node in run.nodes.values()}) > 2
