# SPDX-License-Identifier: MIT
"""A forced calibration by downlink: answered twice, after three minutes in the air it is for."""

import json
from dataclasses import replace

import cbor2

from simulator import scenario as scenarios
from simulator.run import Run

PPM, SEQUENCE = 420, 7


class Asked(Run):
    """A run whose network asks for a calibration at the first chance."""

    def _build(self):
        super()._build()
        (node,) = self.nodes.values()
        self.network.queue(node.device, 2, cbor2.dumps({0: SEQUENCE, 5: PPM}))


def test_a_calibration_says_that_it_is_busy_waits_three_minutes_and_is_done(tmp_path):
    run = Asked(replace(scenarios.find(None), duration_h=1.0), tmp_path)
    run.execute()
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    answers = [each for each in events if each["event"] == "port 2"]
    assert [each["more"]["answer"] for each in answers] == [
        {"sequence": SEQUENCE, "result": "busy", "at_fault": None},
        {"sequence": SEQUENCE, "result": "done", "at_fault": None},
    ]
    # the node starts its sensor three seconds after power-on
    assert 183_000_000 < answers[1]["t_us"] < 240_000_000
    assert len(run.rows) == 6 and all("faults" not in row.values for row in run.rows)
