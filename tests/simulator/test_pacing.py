# SPDX-License-Identifier: MIT
"""What an outage leaves behind: nothing is lost unseen, and the present does not wait for it."""

from itertools import pairwise

from host import maccommands
from simulator.faults import FaultPlan


def outage(begins_h, ends_h):
    return (FaultPlan("gateway-off", begins_h, gateway="town-hall", until_h=ends_h),)


def minutes(run):
    """{minute of measuring: smallest age in s at which it arrived}."""
    found = {}
    for row, at_us in zip(run.rows, run.node.times, strict=True):
        minute, age_s = round(at_us / 6e7), row.values.get("age_s") or 0
        found[minute] = min(found.get(minute, age_s), age_s)
    return found


def test_an_outage_that_one_question_met_loses_nothing(trial):
    """Asked at 6 h without an answer, at 7 h with one: the link was never given up."""
    run = trial(8.5, faults=outage(5.2, 6.6))
    assert "the link is lost" not in run.log()
    first, *times = run.measured_s()
    assert first < 60 and times[-1] > 8 * 3600
    assert max(b - a for a, b in pairwise(times)) < 610


def test_the_present_keeps_its_interval_while_an_outage_is_caught_up(trial):
    """At SF9 the readings of ten minutes take nearly the whole budget, and 21 hours wait."""
    link_adr = maccommands.build("LinkADRReq", data_rate=3, ch_mask=7, nb_trans=1)
    run = trial(
        72.0,
        faults=outage(20.0, 41.0),
        prepare=lambda run: run.at_network(0.1, run.network.queue_mac, run.device, [link_adr]),
    )
    found = minutes(run)
    present = [age_s for minute, age_s in found.items() if minute > 42.2 * 60]
    # sent as fast as the duty cycle allows, old readings held 31 of these up, up to eight hours
    held_up = [age_s for age_s in present if age_s > 1200]
    assert len(present) > 130 and len(held_up) < 12 and max(present) < 9000
    assert len([minute for minute in found if 20.2 * 60 < minute < 41 * 60]) == 125  # of 124.8
    for day in (0, 1, 2):
        airtime_us = sum(
            packet.end_us - packet.start_us
            for at_s, packet in run.sent
            if day <= at_s / 86400 < day + 1
        )
        assert airtime_us <= 30_000_000
