# SPDX-License-Identifier: MIT
"""What a run keeps of both ends of the link: starts, receive windows, answers, what waits."""

import json
from datetime import datetime

from simulator import scenario as scenarios
from simulator.events import EventPlan
from simulator.faults import FaultPlan

S = 1_000_000
HOUR = 3600 * S


def kinds(run, *names):
    return [each for name in names for _, each in run.events(name)]


def test_each_answer_meets_a_window_and_all_others_time_out(trial):
    run = trial(7.0)
    answers, windows = kinds(run, "answer"), kinds(run, "window")
    packets = [each for each in windows if each["cause"] == "packet"]
    assert len(answers) == len(packets) >= 2  # the join, and the proof after six hours
    for answer, window in zip(answers, packets, strict=True):
        late_us = window["opened_us"] - answer["at_us"]
        assert -20_000 < late_us < 0 and window["sf"] == answer["sf"] == 7
        assert abs(window["freq_hz"] - answer["freq_hz"]) < 100 and window["t_us"] > answer["at_us"]
    others = [each for each in windows if each["cause"] != "packet"]
    assert {each["cause"] for each in others} == {"timeout"}
    uplinks = len(kinds(run, "uplink"))
    assert len(others) == 2 * (uplinks - len(answers) + 1)  # the proof's uplink needs but one
    second = [each for each in others if each["sf"] == 12]
    assert len(second) == len(others) / 2 and all(
        abs(each["freq_hz"] - 869_525_000) < 100 for each in second
    )


def test_the_run_says_when_it_began_and_that_it_ended(trial):
    run = trial(0.5)
    (begin,), (end,) = kinds(run, "begin"), kinds(run, "end")
    usual = scenarios.find(None)
    assert datetime.fromisoformat(begin["start"]) == usual.start and begin["t_us"] == 0
    assert begin["gateways"] == {"0710710000000000": "town-hall"} and end["t_us"] == HOUR // 2


def test_starts_are_noted_with_what_the_chip_saw(trial):
    faults = (FaultPlan("power-cut", 0.2, "node", until_h=0.3),)

    def prepare(run):
        run.at(0.6, restart, run)

    def restart(run):
        run.board.power_off()
        run.board.power_on("watchdog")

    run = trial(1.0, faults=faults, prepare=prepare)
    found = [(each["t_us"] / HOUR, each["cause"]) for each in kinds(run, "started")]
    assert found == [(0, "power"), (0.3, "power"), (0.6, "watchdog")]


def test_a_wake_is_no_start(trial):
    run = trial(3.0, kit="box", board="ttgo-lora32-v2_1")
    assert len(run.starts()) > 4 and len(kinds(run, "started")) == 1


def test_a_downlink_that_is_too_long_is_said_to_wait(trial):
    """Sixty bytes fit a frame at DR5, and none at DR0."""
    events = (EventPlan("node", 0.2, f_port=10, payload=bytes(60)),)

    def slow(run):
        run.at(0.02, run.network.queue_mac, run.device, [bytes.fromhex("0300070001")])

    assert not kinds(trial(1.0, events=events), "downlink held")
    run = trial(3.0, events=events, prepare=slow)
    (cause,) = {each["cause"] for each in kinds(run, "downlink held")}
    assert cause == "DR0 carries 51 bytes, the frame needs 60"


def test_what_a_reading_says_of_its_node_is_noted(trial):
    faults = (FaultPlan("sensor-silent", 1.0, "node", "scd4x", until_h=2.0),)
    run = trial(3.0, faults=faults)
    found = kinds(run, "reported")
    assert found[0]["more"] == {"restart": "power-on"}
    during = [each for each in found if each["more"].get("faults")]
    assert all(each["more"]["faults"] == ["co2", "temperature", "humidity"] for each in during)
    hours = [each["t_us"] / HOUR for each in during]
    assert 5 <= len(hours) <= 7 and hours[0] > 1.0 and hours[-1] < 2.1


def test_events_stay_small(trial):
    run = trial(24.0)
    lines = (run.out / "events.jsonl").read_text().splitlines()
    assert len(lines) < 4 * len(kinds(run, "uplink")) and max(map(len, lines)) < 200
    assert all(json.loads(line)["event"] for line in lines)
