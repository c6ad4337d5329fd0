# SPDX-License-Identifier: MIT
"""A link that is lost, up to the restart; and the limits of the air over days."""

import re
from itertools import pairwise

import cbor2
import pytest

from host import lorawan, maccommands
from simulator.family import BOOT_US
from simulator.faults import FaultPlan

ESP32, RP2040, NO_ADC = "ttgo-lora32-v2_1", "rpi-pico-rfm95", "feather-rp2040-rfm95"
OUTAGE = FaultPlan("gateway-off", 8.0, gateway="town-hall", until_h=70.0)
CUTS = [FaultPlan("power-cut", hour, "node", until_h=hour + 0.1) for hour in (20.0, 40.0)]
DATA, JOIN = 0x40, 0x00


def hours(run, kind, begin_h=0, end_h=1e9):
    """Hours at which frames of a kind left."""
    found = [at_s / 3600 for at_s, packet in run.sent if packet.payload[0] == kind]
    return [hour for hour in found if begin_h <= hour < end_h]


@pytest.fixture(scope="module")
def lost(trial_once):
    """No gateway from 8 h to 70 h, and two power cuts on the way."""
    return trial_once(76.0, kit="box", board=RP2040, faults=(OUTAGE, *CUTS))


def test_a_lost_link_gets_a_probe_an_hour_also_after_a_power_cut(lost):
    assert lost.log().count("two questions unanswered: the link is lost") == 1
    probes = hours(lost, DATA, 15, 30)
    gaps = [b - a for a, b in pairwise(probes)]
    assert len(gaps) == 14 and all(1 <= gap < 1.002 for gap in gaps[:4] + gaps[5:])
    assert probes[5] < 20.102  # at once: the start knows


def test_after_a_day_without_proof_it_joins_whatever_restarts_come_between(lost):
    last = hours(lost, DATA, 8, 70)[-1]
    assert 29 < last < 31.5  # the last proof came after 6 h; the cut cost an hour at most
    assert hours(lost, JOIN, 31.5, 40) and hours(lost, JOIN, 40.1, 64)
    assert lost.log().count("no proof for a day: joining again") == 3  # and at both starts after it


def test_another_day_later_it_restarts_with_the_reason_link_lost_and_no_sooner(lost):
    (power, first), (cut, _), (again, _), (restart, why) = lost.starts()
    assert (power, first, why) == (0.0, "power", "reset") and (cut, again) == (20.1, 40.1)
    assert 64.1 < restart < 64.6  # it looks at each reading, every half hour
    assert sorted(lost.restarts()) == ["link lost", *["power-on"] * 3]


def test_when_the_network_is_back_everything_arrives_with_a_right_age_or_none(lost):
    assert lost.summary["joins"] == 2
    rows = [row for row in lost.rows if row.values.get("age_s") is None]
    # the starts at 20.1 and 40.1 h never heard the time
    numbers = sorted(row.values["number"] for row in rows)  # 20 h: 40, and a shorter first one
    assert set(numbers) == set(range(41, numbers[-1] + 1)) and len(set(numbers)) > 85
    known = {
        round(at_us / 1.8e9)
        for row, at_us in zip(lost.rows, lost.node.times, strict=True)
        if row.values.get("age_s") is not None
    }
    assert known >= set(range(40)) | set(range(129, 152))
    events = [event["more"]["status"] for hour, event in lost.events("port 3") if hour > 70]
    assert events[0]["restart"] == "link lost" and events[0]["readings_waiting"] > 100


def test_the_air_of_the_joins_keeps_to_the_specification_over_all_restarts(lost):
    # TS001 7: after the first eleven hours at most 8.7 s a day
    airtime_s = [
        (packet.end_us - packet.start_us) / 1e6
        for at_s, packet in lost.sent
        if packet.payload[0] == JOIN and 31 < at_s / 3600 < 55
    ]
    assert 1 < sum(airtime_s) <= 8.7 * 2 and len(airtime_s) <= 48


def link_adr(data_rate, nb_trans):
    return maccommands.build(
        "LinkADRReq", data_rate=data_rate, tx_power=0, ch_mask=7, ch_mask_cntl=0, nb_trans=nb_trans
    )


def test_a_node_at_sf12_reports_less_often_and_stays_within_the_budget(trial):
    def prepare(run):
        run.at_network(0.02, lambda: run.network.queue_mac(run.device, [link_adr(0, 1)]))
        run.at_network(36.0, lambda: run.network.queue_mac(run.device, [link_adr(0, 2)]))

    run = trial(72.0, prepare=prepare)
    assert {packet.sf for at_s, packet in run.sent if at_s > 3600} == {12}
    for day in range(3):
        packets = [packet for at_s, packet in run.sent if day <= at_s / 86400 < day + 1]
        airtime_s = sum(packet.end_us - packet.start_us for packet in packets) / 1e6
        assert 20 < airtime_s <= 30, day
    at_s = re.findall(r"^ *(\d+) reading ", run.log(), re.M)
    gaps = [int(b) - int(a) for a, b in pairwise(at_s)]
    assert set(gaps[2:18]) <= {*range(4240, 4300)}  # 71 minutes
    # a reading that the budget holds up stretches the next interval by a third at most
    assert all(4240 < gap < 5760 for gap in gaps[18:25])
    assert all(8480 < gap < 11520 for gap in gaps[-8:])  # every frame leaves twice
    assert len(run.rows) > 36 and run.starts() == [(0.0, "power")]


def test_a_lost_link_at_sf12_has_air_for_its_probe_every_hour(trial):
    run = trial(
        24.0,
        kit="box",
        board=RP2040,
        faults=(FaultPlan("gateway-off", 1.2, gateway="town-hall"),),
        prepare=lambda run: run.at_network(
            0.02, run.network.queue_mac, run.device, [link_adr(0, 1)]
        ),
    )
    probes = hours(run, DATA, 8.5)
    assert all(1 <= b - a < 1.003 for a, b in pairwise(probes)) and len(probes) >= 14
    assert {len(packet.payload) for at_s, packet in run.sent if at_s > 8.5 * 3600} == {13}


@pytest.mark.parametrize(
    ("board", "kit", "count", "expected"),
    [
        (RP2040, "classroom", 0, 0),
        (ESP32, "box", 35747, 127),  # 3.60 V behind a divider by two
        (RP2040, "box", 65535, 254),
        (RP2040, "box", 0, 1),
        (NO_ADC, "box", 0, 255),
    ],
)
def test_dev_status_ans_tells_the_battery(trial, board, kit, count, expected):
    def prepare(run):
        pin = run.node.hardware.battery
        if pin is not None:
            run.board.wire_adc(pin.pin, lambda: count)
        run.at_network(
            0.02, lambda: run.network.queue_mac(run.device, [maccommands.build("DevStatusReq")])
        )

    run = trial(1.2, prepare=prepare, board=board, kit=kit)
    answers = [
        command.fields["battery"]
        for _, packet in run.sent
        if packet.payload[0] == DATA
        for command in maccommands.parse(lorawan.parse(packet.payload).f_opts, downlink=False)[0]
        if command.name == "DevStatusAns"
    ]
    assert answers == [expected]


def promises(run):
    """(second of the run, seconds, rule) of each wait that the console told."""
    booted_s = BOOT_US[run.board.family] / 1e6
    found = re.findall(r"^ *(\d+) waits (\d+) s: (.+)$", run.log(), re.M)
    return [(int(at_s) + booted_s, int(wait_s), rule) for at_s, wait_s, rule in found]


def check_promises(run, rule):
    """Nothing leaves before the end of a wait; then something does, unless it waits on.

    A new reading has a wait of its own, and a question for a proof (13 bytes) leaves at its time.
    """
    told, sent_s = promises(run), [at_s for at_s, each in run.sent if len(each.payload) != 13]
    booted_s = BOOT_US[run.board.family] / 1e6
    new_s = [int(at_s) + booted_s for at_s in re.findall(r"^ *(\d+) reading ", run.log(), re.M)]
    kept = 0
    for (at_s, wait_s, why), after in zip(told, [*told[1:], (1e9, 0, "")], strict=True):
        if why != rule or at_s + wait_s > run.scenario.duration_us / 1e6:
            continue
        left_s = [each for each in sent_s if each > at_s + 1]
        until_s = min([at_s + wait_s, *(each for each in new_s if each > at_s + 1)])
        assert left_s and left_s[0] >= until_s - 2, (at_s, wait_s)
        if until_s == at_s + wait_s:
            assert min(left_s[0], after[0]) <= until_s + 2, (at_s, wait_s)
            kept += left_s[0] <= until_s + 2
    return kept


def test_the_console_tells_the_join_back_off_to_the_second(trial):
    run = trial(2.0, faults=(FaultPlan("gateway-off", 0.0, gateway="town-hall"),))
    assert check_promises(run, "join back-off") > 50


def test_console_and_status_frame_tell_the_fair_use_that_holds_the_node_up(trial):
    def prepare(run):
        for hour, command in ((12.0, {0: 1, 10: 1}), (12.1, {0: 2, 3: 1})):
            run.at_network(hour, run.network.queue, run.device, 2, cbor2.dumps(command))

    run = trial(60.0, kit="box", board=RP2040, prepare=prepare)
    assert check_promises(run, "fair use") >= 2
    ((hour, event),) = run.events("port 3")
    status = event["more"]["status"]
    assert status["waits_for"] == "fair use" and status["readings_waiting"] > 0
    _, wait_s, rule = next(told for told in promises(run) if told[0] > hour * 3600)
    assert rule == "fair use" and abs(status["waits"] - wait_s) <= 3
    after_s = next(at_s for at_s, _ in run.sent if at_s > hour * 3600 + 1)
    assert abs(after_s - hour * 3600 - status["waits"]) <= 3
