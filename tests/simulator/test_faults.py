# SPDX-License-Identifier: MIT
"""Faults of the network and of the air: what each does, when, and that nothing tells its name."""

import json
from base64 import b64encode
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

import pytest

from host.errors import HostError
from simulator import scenario as scenarios
from simulator.crowd import CrowdPlan
from simulator.events import EventPlan
from simulator.faults import KINDS, SETTINGS, FaultPlan
from simulator.run import Run

NAME, HOUR_US = "classroom-1", 3_600_000_000
ASKED = EventPlan(NAME, 1.0, f_port=2, payload=bytes.fromhex("a10107"), confirmed=True)


@pytest.fixture
def told(tmp_path):
    """A function: the events of a run with these faults, and those of the air."""

    def told(*faults, hours=3.0, **changes):
        plan = replace(scenarios.find(None), duration_h=hours, faults=faults, **changes)
        told.run = Run(plan, tmp_path)
        told.summary = told.run.execute()
        return lines(tmp_path / "events.jsonl")

    return told


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def setting(name, at_h, value=None, until_h=None):
    return FaultPlan("network-setting", at_h, NAME, until_h=until_h, setting=name, value=value)


def refused(events):
    return [
        (each["t_us"] / HOUR_US, each["cause"]) for each in events if each["event"] == "refused"
    ]


def joined_h(events):
    return [each["t_us"] / HOUR_US for each in events if each["event"] == "joined"]


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("app_key", "the MIC is wrong"),
        ("join_eui", "unknown JoinEUI"),
        ("dev_eui", "unknown DevEUI"),
    ],
)
def test_a_mistyped_registration_refuses_joins_until_it_is_right(told, name, cause):
    events = told(setting(name, 0, until_h=0.5))
    causes = refused(events)
    assert len(causes) >= 3 and all(each.startswith(cause) for _, each in causes)
    assert all(hour < 0.5 for hour, _ in causes)
    (hour,) = joined_h(events)
    assert 0.5 < hour < 2
    (device,) = json.loads((told.run.out / "devices.json").read_text())["nodes"]
    assert device["app_key"] == told.run.nodes[NAME].identity.app_key.hex()  # the node's own


def test_a_network_that_saw_higher_nonces_refuses_up_to_them(told):
    events = told(setting("dev_nonce", 0, 4))
    causes = [cause for _, cause in refused(events)]
    assert causes == [f"DevNonce {number} seen before" for number in range(len(causes))]
    assert len(causes) == 5 and len(joined_h(events)) == 1


def test_a_network_without_the_session_knows_no_address(told):
    events = told(setting("session", 1.0))
    causes = refused(events)
    assert causes and all(
        hour > 1 and cause.startswith("unknown DevAddr") for hour, cause in causes
    )
    sent = [each for each in events if each["event"] == "uplink" and each["t_us"] > HOUR_US]
    assert len(causes) == len(sent) > 5


def test_a_network_that_counts_on_from_higher_takes_nothing(told):
    events = told(setting("f_cnt", 1.0, 5000))
    causes = refused(events)
    assert len(causes) > 5
    assert all(hour > 1 and cause.startswith("counter ") for hour, cause in causes)


@pytest.mark.parametrize(
    ("name", "value", "window", "seen"),
    [
        ("rx1_delay_s", 3, 1, {"delay_s": 3}),
        ("rx1_dr_offset", 2, 1, {"datr": "SF9BW125"}),
        ("rx2_data_rate", 3, 2, {"datr": "SF9BW125", "delay_s": 2}),
        ("rx2_freq_hz", 869_100_000, 2, {"freq": 869.1, "delay_s": 2}),
    ],
)  # fmt: skip
def test_windows_that_differ_are_missed_until_they_are_the_same(told, name, value, window, seen):
    events = told(setting(name, 0.9, value, until_h=2.0), downlink_window=window, events=(ASKED,))
    ends_us, seen_so = [], 0
    for each in lines(told.run.out / "capture.jsonl"):
        moment = datetime.fromisoformat(each["time"]) - told.run.scenario.start
        time_us = round(moment.total_seconds() * 1e6)
        if "rxpk" in each:
            ends_us.append(time_us)
        elif HOUR_US < time_us < 2 * HOUR_US:
            delay_s = (time_us - ends_us[-1]) / 1e6
            found = {"delay_s": delay_s, **each["txpk"]}
            assert {key: found[key] for key in seen} == seen
            seen_so += 1
    assert seen_so
    acked = [each["t_us"] / HOUR_US for each in events if each["event"] == "acknowledged"]
    assert len(acked) == 1 and acked[0] > 2.0


def test_a_crystal_that_drifts_stretches_the_interval_and_misses_the_windows(told):
    drift = FaultPlan("clock-drift", 0.9, NAME, until_h=2.0, clock_ppm=-45_000)
    events = told(drift, events=(ASKED,))
    sent_h = [each["t_us"] / HOUR_US for each in events if each["event"] == "uplink"]
    gaps = {before: (after - before) * 3600 for before, after in pairwise(sent_h)}
    steady = [gap_s for before, gap_s in gaps.items() if 0.2 < before < 0.7 or before > 2.3]
    slow = [gap_s for before, gap_s in gaps.items() if 1.1 < before < 1.75]
    assert len(steady) > 4 and steady == pytest.approx([600] * len(steady), abs=3)
    assert len(slow) >= 3 and slow == pytest.approx([600 / 0.955] * len(slow), abs=3)
    answered = [us for us in sent_us(told, "txpk") if HOUR_US < us < 2 * HOUR_US]
    acked = [each["t_us"] / HOUR_US for each in events if each["event"] == "acknowledged"]
    assert len(answered) >= 3 and len(acked) == 1 and acked[0] > 2.0


def sent_us(told, kind):
    """When there was a line of a kind in the capture."""
    start, found = told.run.scenario.start, []
    for each in lines(told.run.out / "capture.jsonl"):
        if kind in each:
            found.append((datetime.fromisoformat(each["time"]) - start).total_seconds() * 1e6)
    return found


def jammer(freq_hz, **options):
    return FaultPlan("jammer", 1.0, until_h=2.0, freq_hz=freq_hz, x_m=780.0, **options)


def test_a_jammer_buries_one_channel_while_it_is_there(told):
    events = told(jammer(868_300_000, power_dbm=20, duty=1))
    lost = [each for each in events if each["event"] == "not heard"]
    sent = {each["t_us"]: each for each in events if each["event"] == "uplink"}
    during = [each for t_us, each in sent.items() if HOUR_US < t_us < 2 * HOUR_US]
    of_channel = [each for each in during if round(each["freq_hz"] / 1e5) == 8683]
    assert 0 < len(of_channel) < len(during)
    assert len(lost) == len(of_channel)
    assert all(
        each["cause"] == "collision" and HOUR_US < each["t_us"] < 2.01 * HOUR_US for each in lost
    )


def test_what_a_jammer_sends_is_in_no_capture_and_takes_its_share_of_the_time(tmp_path):
    sent = []
    plan = jammer(868_300_000, power_dbm=20, duty=0.25, sf=9)
    run = Run(replace(scenarios.find(None), duration_h=3.0, faults=(plan,)), tmp_path)
    run._air.on_transmit.append(sent.append)
    run.execute()
    own = [each for each in sent if each.sender.startswith("fault-")]
    assert {(each.freq_hz, each.sf, each.power_dbm) for each in own} == {(868_300_000, 9, 20)}
    assert all(HOUR_US <= each.start_us < 2 * HOUR_US for each in own)
    busy_us = sum(each.end_us - each.start_us for each in own)
    assert busy_us / HOUR_US == pytest.approx(0.25, abs=0.03)
    heard = [each["rxpk"] for each in lines(tmp_path / "capture.jsonl") if "rxpk" in each]
    others = {b64encode(each.payload).decode() for each in own}
    assert heard and not [each for each in heard if each["data"] in others]


def test_a_jammer_buries_a_crowd_too(told):
    crowd = CrowdPlan("region", 50, interval_s=120, channels=1, radius_m=500)
    told(jammer(868_100_000, power_dbm=27, duty=1), crowds=(crowd,))
    (found,) = told.summary["crowds"]
    third = found["sent"] / 3
    assert 0.8 * third < found["lost"]["collision"] < 1.2 * third


def test_no_file_of_a_run_tells_the_name_of_a_fault(told):
    faults = (jammer(868_300_000), setting("app_key", 0, until_h=0.2), setting("f_cnt", 1.5, 9))
    faults += (FaultPlan("clock-drift", 1.0, NAME, clock_ppm=500),)
    told(*faults, hours=2.0)
    for path in told.run.out.iterdir():
        text = path.read_bytes()
        words = [word for word in (*KINDS, "fault-", "jam") if word.encode() in text]
        assert words == [] or path.name == "summary.json"


TEXT = """\
start = 2026-11-23T07:00:00+01:00
duration_h = 24

[[gateway]]
name = "town-hall"

[[node]]
name = "room"
kit = "classroom"
board = "rpi-pico-rfm95"
world = "class"

[world.class]
kind = "classroom"

[[fault]]
kind = "network-setting"
node = "room"
setting = "rx1_delay_s"
value = 5
at_h = 3

[[fault]]
kind = "jammer"
freq_hz = 868100000
duty = 0.2
at_h = 4
until_h = 5
"""


def test_the_new_faults_of_a_file_are_taken(tmp_path):
    path = tmp_path / "town.toml"
    path.write_text(TEXT)
    assert scenarios.load(path).faults == (
        FaultPlan("network-setting", 3, "room", setting="rx1_delay_s", value=5),
        FaultPlan("jammer", 4, until_h=5, freq_hz=868_100_000, duty=0.2),
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('setting = "rx1_delay_s"', 'setting = "rx1_delay"', "unknown setting 'rx1_delay'"),
        ("value = 5", "value = 16", "'rx1_delay_s' needs a value from 1 to 15"),
        ("value = 5", "sf = 9", "'network-setting' has no 'sf'"),
        ('node = "room"', 'node = "attic"', "unknown node 'attic'"),
        ("freq_hz = 868100000", "freq_hz = 868.1", "'freq_hz' is not a whole number"),
        ("freq_hz = 868100000", "freq_hz = 868", "'freq_hz' is 868, it has to be"),
        ("freq_hz = 868100000", "freq_hz = 862999999", "EU868 is 863000000 to 870000000 Hz"),
        ("freq_hz = 868100000", "freq_hz = 870000001", "EU868 is 863000000 to 870000000 Hz"),
        ("duty = 0.2", "duty = 0", "'duty' is 0, it has to be 0.0001 to 1"),
        ("duty = 0.2", "value = 1", "'jammer' has no 'value'"),
        ("duty = 0.2", 'node = "room"', "'jammer' has no 'node'"),
        ("duty = 0.2", "clock_ppm = 20", "'jammer' has no 'clock_ppm'"),
        ("value = 5", "clock_ppm = 50001", "'clock_ppm' is 50001, it has to be"),
        ("duty = 0.2", "power_dbm = 99", "'power_dbm' is 99"),
    ],
)
def test_a_mistake_in_a_new_fault_is_named_with_its_line(tmp_path, old, new, said):
    path = tmp_path / "town.toml"
    assert TEXT.count(old) == 1 or old == 'node = "room"'
    at = TEXT.rindex(old)
    path.write_text(TEXT[:at] + new + TEXT[at + len(old) :])
    line = TEXT[:at].count("\n") + 1
    with pytest.raises(HostError) as refusal:
        scenarios.load(path)
    assert str(refusal.value).startswith(f"town.toml, line {line}: [fault] ")
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("lines_of", "said"),
    [
        (('setting = "app_key"', "value = 1"), "'app_key' has no value"),
        (('setting = "dev_nonce"',), "'dev_nonce' needs a value from 0 to 65535"),
        (('setting = "rx2_data_rate"', "value = 9"), "EU868 has no downlinks at 9"),
        (('setting = "rx1_dr_offset"', "value = 6"), "EU868 has no RX1DROffset 6"),
        (('setting = "session"', "until_h = 5"), "'session' does not come back"),
    ],
)
def test_a_setting_has_its_own_range(tmp_path, lines_of, said):
    path = tmp_path / "town.toml"
    text = TEXT.replace('setting = "rx1_delay_s"\nvalue = 5', "\n".join(lines_of))
    path.write_text(text)
    with pytest.raises(HostError, match=said):
        scenarios.load(path)


def test_a_drift_needs_its_rate(tmp_path):
    path = tmp_path / "town.toml"
    path.write_text(TEXT + '\n[[fault]]\nkind = "clock-drift"\nnode = "room"\nat_h = 1\n')
    with pytest.raises(HostError, match=r"line 30: .fault. 'clock-drift' needs 'clock_ppm'"):
        scenarios.load(path)


def test_each_setting_is_one_that_a_run_can_have(told):
    for name, span in SETTINGS.items():
        told(setting(name, 0.1, span and span[0]), hours=0.2)
