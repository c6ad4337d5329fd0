# SPDX-License-Identifier: MIT
"""What keeps a node alive: a watchdog that wants progress, reasons, safe mode, and what it says."""

from itertools import pairwise

import cbor2

from host import image
from simulator.faults import FaultPlan

ESP32, RP2040 = "ttgo-lora32-v2_1", "rpi-pico-rfm95"
LED = 25  # of both boards
SILENT = FaultPlan("sensor-silent", 1.0, "node", "scd4x", until_h=3.0)
# A driver's error that nothing expects, while the sensor is silent.
ENDS = " as error:\n                problem = error"
CRASHES = ("sensors.py", "except (OSError, ValueError)" + ENDS, "except ValueError" + ENDS)
STUCK = ("sensors.py", "_TRIES = const(3)", "_TRIES = const(1 << 29)")


def blinks(run, begin_h, end_h):
    """How often the LED blinks between two pauses, as a set."""
    on_s = [
        at_us / 1e6
        for at_us, pin, level in run.board.outputs
        if pin == LED and level and begin_h <= at_us / 3.6e9 < end_h
    ]
    groups, last_s = [], None
    for at_s in on_s:
        if last_s is None or at_s - last_s > 2:
            groups.append(0)
        groups[-1] += 1
        last_s = at_s
    return set(groups[1:-1])


def lamp_hours(run):
    """Hours in which a lamp of the traffic light changed."""
    return {at_us // 3_600_000_000 for at_us, pin, _ in run.board.outputs if pin != LED}


def record(state, name):
    """The newest slot of a record in flash."""
    slots = [data for slot, data in state.items() if slot.startswith(name + ".")]
    newest = max(slots, key=lambda data: int.from_bytes(data[:4], "little"))
    return cbor2.loads(newest[4:-4])


def test_quick_crashes_lead_to_safe_mode_which_reports_every_hour_and_ends_by_itself(trial):
    run = trial(10.0, [CRASHES], faults=(SILENT,))
    hours, whys = zip(*run.starts(), strict=True)
    # it lived for an hour: the first crash begins no row, three quick ones follow
    assert whys[:6] == ("power", "reset", "reset", "reset", "reset", "reset") and len(whys) == 6
    assert hours[4] - hours[1] < 0.05 and 6 <= hours[5] - hours[4] < 6.01
    assert "start 5 reason 7" in run.log() and "safe mode until" in run.log()
    status = [(hour, event["more"]["status"]) for hour, event in run.events("port 3")]
    assert [round(hour - hours[4]) for hour, _ in status] == [0, 1, 2, 3, 4, 5]
    assert {each["restart"] for _, each in status} == {"safe mode"}
    assert {each["crashes"] for _, each in status} == {4}
    assert not [at for at in run.measured_s() if hours[1] + 0.01 < at / 3600 < hours[5]]
    assert [at for at in run.measured_s() if at / 3600 > hours[5]]
    assert run.restarts() == ["power-on", "safe mode"]
    assert blinks(run, hours[4], hours[5]) == {6}


def test_safe_mode_ends_by_a_restart_over_the_air(trial):
    seen = []

    def prepare(run):
        command = cbor2.dumps({0: 7, 2: 1})
        run.at_network(3.5, lambda: run.network.queue(run.device, 2, command))
        run.at(3.9, lambda: seen.append(run.flash.slots()))

    outage = FaultPlan("gateway-off", 0.6, gateway="town-hall", until_h=2.5)
    run = trial(5.0, [CRASHES], faults=(SILENT, outage), prepare=prepare)
    assert 4 < run.starts()[5][0] < 4.2  # with the hour's status frame
    # safe mode has heard the time, and knows that of the readings which it leaves alone
    assert sorted(record(seen[0], "clocks")) == [1, 5]
    assert run.restarts() == ["power-on", "asked"]
    assert [at for at in run.measured_s() if at / 3600 > 4.2]


def test_a_node_that_crashes_for_ever_spares_its_flash(trial):
    for_ever = FaultPlan("sensor-silent", 0.0, "node", "scd4x")
    run = trial(24.0, [CRASHES], faults=(for_ever,))
    # three starts, then safe mode and one more try every six hours
    assert len(run.board.starts) == 4 + 2 * 3
    assert run.summary["flash_erases"] < 30 and run.board.wear.programs < 500
    crash = record(run.state, "crash")
    assert crash["error"] == "OSError: [Errno 5] EIO" and 'File "sensors.py"' in crash["trace"]
    assert crash["start"] == 1  # the same again was not written again
    assert len(crash["trace"]) <= 400


def test_a_safe_mode_that_fails_too_waits_an_hour_before_each_try(trial):
    run = trial(12.0, [("reporter.py", "if self._silent and", "if None > 1 and")])
    hours = [hour for hour, _ in run.starts()]
    assert hours[3] < 0.02 and len(hours) == 5 + 11
    assert all(1 <= b - a < 1.01 for a, b in pairwise(hours[4:]))
    assert run.summary["flash_erases"] < 15 and run.sent == []


def test_a_crash_before_the_work_begins_counts_too(trial):
    run = trial(6.0, [("hardware.py", 'config.get("button")', 'config["no such key"]')])
    hours = [hour for hour, _ in run.starts()]
    assert hours[3] < 0.02 and all(1 <= b - a < 1.01 for a, b in pairwise(hours[4:]))
    assert record(run.state, "crash")["error"] == "KeyError: no such key"


def test_a_start_that_cannot_be_counted_is_tried_again_after_a_minute(trial):
    run = trial(1.0, [("start.py", "record.get(_NUMBER, 0) + 1", "record.get(_NUMBER, 0) + None")])
    gaps_s = [(b - a) * 3600 for (a, _), (b, _) in pairwise(run.starts())]
    assert len(gaps_s) > 50 and all(60 <= gap_s < 62 for gap_s in gaps_s)
    assert run.board.wear.programs < 10


def test_a_radio_that_dies_on_the_way_is_survived(trial):
    dead = FaultPlan("radio-silent", 2.0, "node", until_h=4.0)
    run = trial(7.0, faults=(dead,))
    assert run.starts() == [(0.0, "power")] and run.summary["joins"] == 1
    assert len({round(at_s / 600) for at_s in run.measured_s()}) >= 7 * 6 - 1
    counters = sorted({row.f_cnt for row in run.rows})
    assert counters[-1] - len(counters) < 20  # the attempts between


def test_a_radio_that_dies_before_the_first_join_is_survived(trial):
    dead = FaultPlan("radio-silent", 3.7 / 3600, "node", until_h=1.0)
    run = trial(2.0, faults=(dead,))
    assert "the radio did not end its transmission" in run.log()
    assert run.starts() == [(0.0, "power")] and run.summary["joins"] == 1


def test_used_up_nonces_keep_the_node_off_the_air_and_at_work(trial):
    def prepare(run):
        run.flash.write("/state/dev_nonce.0", image.record(65536))

    run = trial(6.0, prepare=prepare)
    assert run.sent == [] and run.starts() == [(0.0, "power")]
    # the first interval is shorter at random: it may have room for one more
    assert run.log().count("reading {") in (36, 37) and "Traceback" not in run.log()
    assert "waits 3600 s: new keys" in run.log()
    assert blinks(run, 0.1, 6) == {5} and lamp_hours(run)
    assert run.state["dev_nonce.0"] == image.record(65536) and "dev_nonce.1" not in run.state


def test_a_node_that_was_registered_anew_says_so(trial):
    def prepare(run):
        run.flash.write("/state/join_nonce.0", image.record(500))

    run = trial(1.0, prepare=prepare)
    assert run.summary["joins"] > 3 and run.summary["uplinks_sent"] == 0
    assert "registered anew? new keys are needed" in run.log()
    assert blinks(run, 0.1, 1.0) == {4}


def test_a_node_out_of_reach_says_that_it_looks_for_the_network(trial):
    run = trial(1.0, faults=(FaultPlan("gateway-off", 0.0, gateway="town-hall"),))
    assert blinks(run, 0.05, 1.0) == {1} and "join back-off" in run.log()
