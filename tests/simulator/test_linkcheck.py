# SPDX-License-Identifier: MIT
"""A link check at the prompt: what it says, what it may take of a day, and that numbers last."""

import json

from test_liveness import record

from simulator.events import EventPlan
from simulator.faults import FaultPlan

PROMPT = ("main.py", "import node  # noqa: E402\n\nnode.run()\n")
PROGRAM = """import json
import linkcheck
import time

for now_s in {times}:
    linkcheck.check(now_s)
    time.sleep({pause_s})
"""
NOW_S = 1_800_000_100


def said(run):
    return [json.loads(line) for line in run.log().splitlines() if line.startswith("{")]


def checks(trial, times, hours=0.2, pause_s=40, change=(), **options):
    program = PROGRAM.format(times=list(times), pause_s=pause_s)
    return trial(hours, [(*PROMPT, program), *change], **options)


def counters(run):
    """The FCnt of each data uplink."""
    return [int.from_bytes(packet.payload[6:8], "little") for packet in uplinks(run)]


def uplinks(run):
    return [packet for _, packet in run.sent if packet.payload[0]]


def test_it_joins_and_says_margin_gateways_and_what_came_with_the_answer(trial):
    run = checks(trial, [NOW_S] * 5, events=(EventPlan("node", 0.03, payload=b"\xa1\x03\x01"),))
    waits, joined, *found = said(run)
    assert waits["rule"] == "join back-off" and 0 < waits["wait_s"] <= 5
    assert joined == {"joined": True, "anew": False}
    lines = [json.loads(each) for each in (run.out / "capture.jsonl").read_text().splitlines()]
    heard = [line["rxpk"]["lsnr"] for line in lines if "rxpk" in line][1:]
    assert [each["margin_db"] for each in found] == [int(snr_db + 7.5) for snr_db in heard]
    assert [(each["sf"], each["gateways"]) for each in found] == [(7, 1)] * 3
    assert all(-115 < each["rssi_dbm"] < -100 and 20 < each["snr_qdb"] < 50 for each in found)
    assert [each["message"] for each in found] == [False, True, False]
    assert counters(run) == [0, 1, 2] and record(run.state, "session")[5] == 2  # the last FCntDown
    for packet in uplinks(run):  # FOpts with LinkCheckReq, no payload
        assert len(packet.payload) == 13 and packet.payload[5] & 15 == 1 and packet.payload[8] == 2


def test_no_number_is_used_twice_and_the_ration_outlasts_a_power_cut(trial):
    """After ten answers a day it waits; the next one comes a day later by the clock of the host."""
    later_s = NOW_S + 24 * 3600
    run = checks(
        trial, [NOW_S] * 8 + [later_s], pause_s=15,
        faults=(FaultPlan("power-cut", 0.03, "node", until_h=0.035),),
    )  # fmt: skip
    found = said(run)
    assert [each.get("joined") for each in found].count(True) == 1
    assert sum("margin_db" in each for each in found) == 10  # and the join-accept
    waits = [each["wait_s"] for each in found if each.get("rule") == "fair use"]
    assert len(waits) == 4 and set(waits) == {24 * 3600 - NOW_S % 3600}
    numbers = counters(run)
    assert numbers == [0, 1, 2, 3, 4, 64, 65, 66, 67, 68]
    (hour, airtime_us), (_, answers) = record(run.state, "checks")
    assert hour == later_s // 3600 and (sum(airtime_us), sum(answers)) == (46_336, 1)


def test_a_plug_pulled_while_it_asks_costs_numbers_and_no_repetition(trial):
    run = checks(
        trial, [NOW_S] * 3, pause_s=15,
        faults=(FaultPlan("power-cut", 0.01, "node", until_h=0.02),
                FaultPlan("power-cut", 72.4 / 3600, "node", until_h=0.03)),
    )  # fmt: skip
    assert counters(run) == [0, 64, 128, 129, 130]


def test_the_airtime_of_a_day_is_rationed_where_nobody_answers(trial):
    run = checks(
        trial, [NOW_S] * 24, hours=0.3, pause_s=20,
        change=[("settings.py", '"airtime_budget_s", 30', '"airtime_budget_s", 1')],
        faults=(FaultPlan("gateway-off", 0.02, gateway="town-hall"),),
    )  # fmt: skip
    found = said(run)
    unheard = [each for each in found if "margin_db" in each]
    nothing = {"margin_db": None, "gateways": None, "rssi_dbm": None, "snr_qdb": None}
    assert all(each == nothing | {"sf": 7, "message": False} for each in unheard[3:])
    used_us = sum(packet.end_us - packet.start_us for _, packet in run.sent)
    assert 1_000_000 - 46_336 <= used_us <= 1_000_000
    assert found[-1] == {"wait_s": 24 * 3600 - NOW_S % 3600, "rule": "fair use"}


def test_a_radio_that_is_silent_is_said(trial):
    run = checks(trial, [NOW_S] * 2, faults=(FaultPlan("radio-silent", 0.0, "node"),))
    assert [list(each) for each in said(run)] == [["radio"]] * 2


def test_the_rests_of_the_air_last_from_check_to_check(trial):
    run = checks(trial, [NOW_S] * 60, pause_s=1)
    waits = [each["wait_s"] for each in said(run) if each.get("rule") == "duty cycle"]
    assert waits and max(waits) <= 7
    spans = zip(run.sent, run.sent[1:], strict=False)
    rests = [(each[1].start_us - before[1].end_us, before[1]) for before, each in spans]
    assert len(rests) > 5
    for rest_us, packet in rests:
        assert rest_us >= 99 * (packet.end_us - packet.start_us)
