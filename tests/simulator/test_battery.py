# SPDX-License-Identifier: MIT
"""Nodes on a battery: deep sleep on ESP32, light sleep on RP2040, and what has to outlast it."""

import binascii
import json
import struct
from base64 import b64decode
from itertools import pairwise

import cbor2
import pytest

from host import lorawan, maccommands
from simulator.faults import FaultPlan

ESP32, RP2040 = "ttgo-lora32-v2_1", "rpi-pico-rfm95"
INTERVAL_S = 1800
LINK_CHECK, DEVICE_TIME = 0x02, 0x0D
ACTIVE_MAH_DAY = 24 * 45  # boards.toml: the board awake


@pytest.fixture(scope="module")
def three_days(trial_once):
    """Deep sleep, an outage from 20 to 32 h, and from 48 h on a budget of 1 s a day."""

    def budget(run):
        command = cbor2.dumps({0: 1, 10: 1})
        run.at_network(48.0, lambda: run.network.queue(run.device, 2, command))

    outage = FaultPlan("gateway-off", 20.0, gateway="town-hall", until_h=32.0)
    return trial_once(72.0, kit="box", board=ESP32, faults=(outage,), prepare=budget)


def heard(run):
    """(hour, data frame) of each uplink that a gateway heard."""
    found = []
    for line in map(json.loads, (run.out / "capture.jsonl").read_text().splitlines()):
        if "rxpk" in line:
            frame = lorawan.parse(b64decode(line["rxpk"]["data"]))
            if isinstance(frame, lorawan.DataFrame):
                found.append(frame)
    return found


def test_every_start_but_the_first_is_a_wake_and_none_is_counted(three_days):
    whys = [why for _, why in three_days.board.starts]
    assert whys[0] == "power" and set(whys[1:]) == {"deepsleep"} and len(whys) > 100
    assert three_days.log().count("start 1 reason 1") == 1 and "start 2" not in three_days.log()
    assert three_days.restarts() == ["power-on"]
    # neither three seconds of service window at a wake, nor a write of its own
    assert three_days.board.time_by_state_us()["asleep"] > 0.99 * 72 * 3.6e9
    assert three_days.summary["flash_erases"] < 60


def test_the_uplink_counter_has_no_gap(three_days):
    frames = [packet.payload for _, packet in three_days.sent if packet.payload[0] == 0x40]
    assert [int.from_bytes(each[6:8], "little") for each in frames] == list(range(len(frames)))
    assert len(frames) > 80


def test_ages_are_right_through_sleep_and_outage(three_days):
    times = three_days.measured_s()
    first, second = times[:2]
    assert INTERVAL_S * 2 / 3 - 3 < second - first < INTERVAL_S + 3
    since = [each - second for each in times[1:] if each < 48 * 3600]
    numbers = {round(each / INTERVAL_S) for each in since}
    assert numbers == set(range(max(numbers) + 1)) and len(numbers) >= 95
    for each in since:
        assert abs(each - round(each / INTERVAL_S) * INTERVAL_S) < 3
    assert all(row.values["age_s"] is not None for row in three_days.rows)


def test_proof_and_clock_go_on(three_days):
    """A question every six hours, an hour later once more, then probes; the time is asked once."""
    asked_h = [
        at_s / 3600
        for at_s, packet in three_days.sent
        if packet.payload[0] == 0x40 and LINK_CHECK in packet.payload[8:9]
    ]
    # it rides on the next reading: half an hour later at most
    gaps_h = [b - a for a, b in pairwise([0, *asked_h])]
    assert all(6 <= gap < 6.6 for gap in gaps_h[:4] + gaps_h[10:12])
    assert 1 <= gaps_h[4] < 1.6 and asked_h[3] > 20  # the second without an answer
    assert [round(gap, 2) for gap in gaps_h[5:10]] == [1] * 5
    frames = heard(three_days)
    assert sum(each.f_opts[:1] == bytes((DEVICE_TIME,)) for each in frames) == 1


def test_the_budget_goes_on(three_days):
    """A second a day is spent when it begins: no reading leaves until enough of that is old."""
    hours = [at_s / 3600 for at_s, packet in three_days.sent if len(packet.payload) > 14]
    assert not [hour for hour in hours if 48.6 < hour < 58]
    assert [hour for hour in hours if hour > 60]
    # the question of 54 h does not wait: without it an outage would pass unnoticed
    questions = [at_s / 3600 for at_s, packet in three_days.sent if len(packet.payload) == 13]
    assert [hour for hour in questions if 53.9 < hour < 55.1]
    later_us = sum(
        packet.end_us - packet.start_us for at_s, packet in three_days.sent if at_s > 48.6 * 3600
    )
    assert later_us < 1_000_000


def test_the_energy_falls(three_days):
    by_part = three_days.summary["mah_day_by_part"]
    # 10 mA asleep, as the board is sold, and half a second awake for each reading
    assert 239 < by_part["sleep"] < 240 and by_part["processor"] < 5 < ACTIVE_MAH_DAY / 200
    assert three_days.board.held_pins == [18, 23]  # chip-select and reset of the radio


def test_what_was_kept_is_good_for_one_wake(three_days):
    # a reset while it is awake finds nothing that could bring a counter back
    assert three_days.rtc_memory == {b""}


def garbled(data):
    return data[:20] + bytes((data[20] ^ 1,)) + data[21:]


def from_another_clock(data):
    """Whole, but it went to sleep two hours before it can have."""
    now_ms, clock_ms, *rest = cbor2.loads(data[6:])
    body = cbor2.dumps([now_ms, clock_ms - 7_200_000, *rest], canonical=True)
    return struct.pack("<HI", len(body), binascii.crc32(body)) + body


@pytest.mark.parametrize("spoil", [lambda data: b"", garbled, from_another_clock])
def test_memory_that_is_lost_or_garbage_is_a_cold_start(trial, spoil):
    def prepare(run):
        def spoil_now():
            run.board.rtc_memory = spoil(run.board.rtc_memory)

        run.at(2.2, spoil_now)

    run = trial(4.0, kit="box", board=ESP32, prepare=prepare)
    assert "start 2 reason 1" in run.log() and "start 3" not in run.log()
    assert run.restarts() == ["power-on", "power-on"]
    # the reserved block is skipped, as after any start; then deep sleep goes on without a gap
    counters = sorted({row.f_cnt for row in run.rows})
    before = sum(each < 64 for each in counters)
    after = len(counters) - before
    assert before in (5, 6) and after in (4, 5)  # the first interval is shorter at random
    assert counters == [*range(before), *range(64, 64 + after)]
    assert run.summary["joins"] == 1


def test_a_power_cut_in_deep_sleep_is_a_power_on(trial):
    cut = FaultPlan("power-cut", 1.2, "node", until_h=1.4)
    run = trial(3.0, kit="box", board=ESP32, faults=(cut,))
    assert run.starts()[4] == (1.4, "power") and run.restarts() == ["power-on", "power-on"]
    times = run.board.time_by_state_us()  # unplugged it draws nothing
    assert times["off"] == pytest.approx(0.2 * 3.6e9) and sum(times.values()) == 3 * 3.6e9
    counters = sorted({row.f_cnt for row in run.rows})
    assert counters[:3] == [0, 1, 2] and counters[3:] == list(range(64, 61 + len(counters)))


def test_a_join_that_takes_hours_goes_on_in_deep_sleep(trial):
    """The back-off counts on: so much airtime in the first hour, then five minutes and more."""
    outage = FaultPlan("gateway-off", 0.0, gateway="town-hall", until_h=2.5)
    run = trial(30.0, kit="box", board=ESP32, faults=(outage,))
    tries = [at_s / 3600 for at_s, packet in run.sent if packet.payload[0] == 0x00]
    airtime_us = [
        packet.end_us - packet.start_us for at_s, packet in run.sent if packet.payload[0] == 0x00
    ]
    first = len([hour for hour in tries if hour < 1])
    assert 20e6 < sum(airtime_us[:first]) <= 36e6 and first > 40
    assert all(b - a >= 300 / 3600 for a, b in pairwise(tries[first:])) and len(tries) > first + 8
    assert run.summary["joins"] == 1 and "start 2" not in run.log()
    # the first two waited for the fair use of the next day
    found = sorted({round(each) for each in run.measured_s()})
    gaps_s = [b - a for a, b in pairwise(found)]
    assert len(found) == 61 and INTERVAL_S * 2 / 3 - 3 < gaps_s[0] < INTERVAL_S + 3
    # one may wait until the windows of a try have ended: the gap before it grows, the next shrinks
    late_s = [gap_s - INTERVAL_S for gap_s in gaps_s[1:] if abs(gap_s - INTERVAL_S) >= 3]
    assert len(late_s) in (0, 2) and abs(sum(late_s)) < 3 and all(abs(each) < 8 for each in late_s)


def test_repetitions_keep_a_board_awake_and_it_is_not_bitten(trial):
    """At SF12 two minutes pass between them; no look comes while it probes a lost link."""
    link_adr = maccommands.build("LinkADRReq", data_rate=0, ch_mask=7, nb_trans=2)
    run = trial(
        18.0,
        kit="box",
        board=ESP32,
        faults=(FaultPlan("gateway-off", 1.2, gateway="town-hall"),),
        prepare=lambda run: run.at_network(0.02, run.network.queue_mac, run.device, [link_adr]),
    )
    assert {why for _, why in run.starts()} == {"power", "deepsleep"}
    assert "the link is lost" in run.log()
    late = [packet.payload for at_s, packet in run.sent if at_s > 8.5 * 3600]
    assert len(late) >= 8 and late[:8:2] == late[1:8:2]


def test_rp2040_sleeps_lightly_for_a_healthy_week_and_is_never_bitten(trial):
    run = trial(168.0, kit="box", board=RP2040)
    assert run.starts() == [(0.0, "power")]
    assert run.board.wear.programs < 600  # the session does not change, and is not written
    assert len(run.rows) >= 335 and len(set(run.measured_s())) >= 335
    assert run.board.time_by_state_us()["asleep"] > 0.99 * 168 * 3.6e9
    by_part = run.summary["mah_day_by_part"]
    assert by_part["processor"] + by_part["sleep"] < 24 * 1.5 * 1.03


def test_a_board_that_is_bitten_in_light_sleep_comes_back(trial):
    forgets = ("until_ms = min(self._look_ms, reporter.due_ms)", "until_ms = 1 << 40")
    run = trial(2.0, [("cycle.py", *forgets)], kit="box", board=RP2040)
    whys = [why for _, why in run.starts()]
    assert whys[:4] == ["power", "watchdog", "watchdog", "watchdog"]
    assert "stuck" not in whys and "safe mode until" in run.log()
