# SPDX-License-Identifier: MIT
"""Regional plans: the network's tables and the firmware's, of two hands, and both on the air."""

import json
import os
import subprocess
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import pytest

from host import desk, files
from host.lorawan import open_join_accept, time_on_air_us
from host.maccommands import build
from simulator import micropython
from simulator import scenario as scenarios
from simulator.events import EventPlan
from simulator.plan import ChannelPlan, cf_list, sub_band_masks
from simulator.regions import EU868, REGIONS, US915
from simulator.run import Run

NAME = "classroom-1"
VECTORS = Path(__file__).parents[1] / "vectors"
PROBE = """
import json
from lora import region
for name in {names}:
    r = region.find(name)
    channels = [r.fixed.channel(r, i) for i in range(72)] if r.fixed else r.channels
    print(json.dumps([name, bool(r.fixed), channels, r.data_rates, r.downlink_data_rates,
        [list(row) for row in r.max_mac_payload], [list(row) for row in r.rx1_data_rates], r.rx2,
        r.dwell, r.tx_power_steps, [row[0] for row in r.bands], [row[1] for row in r.bands]]))
"""


@pytest.fixture(scope="module")
def of_firmware():
    """The firmware's tables by name, as MicroPython prints them."""
    words = [*micropython.interpreter(), "-c", PROBE.format(names=list(REGIONS))]
    path = f"{files.root() / 'firmware'}:.frozen"
    done = subprocess.run(
        words, env=os.environ | {"MICROPYPATH": path}, capture_output=True, text=True, check=True
    )
    return {row[0]: row[1:] for row in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("name", REGIONS)
def test_the_network_and_the_firmware_have_the_same_plan(of_firmware, name):
    ours = REGIONS[name]
    fixed, channels, rates, (low, high), longest, rx1, rx2, dwell, steps, lows, highs = of_firmware[
        name
    ]
    assert (fixed, (min(lows), max(highs))) == (ours.fixed, ours.band_hz)
    assert [(each.freq_hz, each.min_dr, each.max_dr) for each in ours.channels] == [
        tuple(each[:3]) for each in channels
    ]
    if fixed:
        assert [each.downlink_hz for each in ours.channels] == [each[3] for each in channels]
    rates = {dr: tuple(rate) for dr, rate in enumerate(rates) if rate}
    # an uplink has what the channels have; DR6 of a dynamic plan is for channels to come
    top = max(max_dr for _, _, max_dr, *_ in channels) if fixed else max(rates)
    assert ours.uplink_rates == {dr: rate for dr, rate in rates.items() if dr <= top}
    assert ours.downlink_rates == {dr: rate for dr, rate in rates.items() if low <= dr <= high}
    for under_dwell, row in enumerate(longest):
        assert {dr: ours.longest_of(dr, bool(under_dwell)) for dr in rates} == {
            dr: row[dr] for dr in rates
        }
    for dr, row in enumerate(rx1):
        expected = [min(each, max(rates)) for each in ours.rx1_rates[dr]]  # no FSK on our boards
        assert row == expected
    assert rx2 == [ours.rx2_freq_hz, ours.rx2_data_rate]
    assert (dwell and [bool(each) for each in dwell]) == (ours.dwell and list(ours.dwell))
    assert steps == ours.max_tx_power


@pytest.mark.parametrize(
    ("name", "index", "up_hz", "down_hz"),
    [  # RP002-1.0.4 2.5.2, 2.8.2
        ("US915", 0, 902_300_000, 923_300_000),
        ("US915", 63, 914_900_000, 927_500_000),
        ("US915", 71, 914_200_000, 927_500_000),
        ("AU915", 0, 915_200_000, 923_300_000),
        ("AU915", 63, 927_800_000, 927_500_000),
        ("AU915", 64, 915_900_000, 923_300_000),
        ("AS923-4", 1, 917_500_000, 917_500_000),
    ],
)
def test_channels_are_where_the_plan_has_them(name, index, up_hz, down_hz):
    channel = REGIONS[name].channels[index]
    assert (channel.freq_hz, channel.downlink_hz) == (up_hz, down_hz)


@pytest.mark.parametrize(
    ("name", "data_rate", "offset", "dwell", "rx1"),
    [  # RP002-1.0.4, the tables of RX1DROffset
        ("EU868", 6, 1, False, 5),
        ("EU868", 2, 5, False, 0),
        ("EU868", 5, 6, False, None),
        ("US915", 4, 3, False, 11),
        ("AU915", 0, 5, False, 8),
        ("AS923-1", 1, 0, False, 1),
        ("AS923-1", 1, 0, True, 2),
        ("AS923-1", 4, 6, False, 5),
        ("AS923-1", 5, 7, False, None),  # DR7 is FSK: our gateways have none
        ("IN865", 4, 7, False, 5),
    ],
)
def test_rx1_data_rates(name, data_rate, offset, dwell, rx1):
    assert REGIONS[name].rx1_rate(data_rate, offset, dwell) == rx1


def test_an_uplink_on_no_channel_of_a_fixed_plan_is_answered_in_rx2(peer):
    node = peer(region=US915, sf=10, freq_hz=902_350_000)
    node.report(confirmed=True)
    sent = node.sent
    assert (sent.freq_hz, sent.sf, sent.bw_hz) == (923_300_000, 12, 500_000)
    assert sent.time_us == node.time_us + 2_000_000


def test_cf_lists_are_the_published_ones():
    vectors = json.loads((VECTORS / "mac_commands.json").read_text())["cflist"]
    for each in vectors:
        content = bytes.fromhex(each["hex"])
        if each["type"] == 0:
            assert cf_list(EU868, EU868.more_hz) == content
            plan = ChannelPlan(EU868)
            plan.take_cf_list(content)
            found = [plan.channels[index].freq_hz for index in range(3, 8)]
            assert found == each["freqs_hz"]
            continue
        on = [16 * n + bit for n, mask in enumerate(each["ch_masks"])
              for bit in range(16) if mask >> bit & 1]  # fmt: skip
        assert cf_list(replace(US915, sub_band=tuple(on)), ()) == content
        plan = ChannelPlan(US915)
        plan.take_cf_list(content)
        assert plan.enabled == set(on)


def test_the_masks_of_a_sub_band_are_chirpstacks():
    # chirpstack lrwn/src/region/us915.rs, test_get_link_adr_req_payloads
    assert sub_band_masks((*range(8), 64)) == [(7, 1), (0, 0xFF)]


class Watched(Run):
    """A run that keeps its packets."""

    def _build(self):
        super()._build()
        self.packets = []
        self._air.on_transmit.append(self.packets.append)


@pytest.mark.parametrize("window", [1, 2])
@pytest.mark.parametrize("name", REGIONS)
def test_a_node_joins_reports_and_obeys(tmp_path, name, window):
    region = REGIONS[name]
    fast = region.adr_data_rate
    mask = 0xFF00 if region.fixed else 0b11
    commands = [
        build("LinkADRReq", data_rate=fast - 1, tx_power=1, ch_mask=mask, nb_trans=1),
        build("RXParamSetupReq", rx1_dr_offset=1, rx2_data_rate=region.rx2_data_rate + 1,
              frequency_hz=region.rx2_freq_hz),
        build("RXTimingSetupReq", delay=2),
        build("DevStatusReq"),
    ]  # fmt: skip
    events = tuple(
        EventPlan(NAME, 0.3 + 0.4 * number, commands=each) for number, each in enumerate(commands)
    )
    usual = scenarios.find(None)
    scenario = replace(usual, region=name, duration_h=2.5, downlink_window=window, cf_list=True,
                       events=events)  # fmt: skip
    run = Watched(scenario, tmp_path)
    (node,) = run.execute()["nodes"]
    state = run.network.link(run.nodes[NAME].device).state
    # a command and its answer in each window that the one before has moved
    assert (state.rate.data_rate, state.rate.tx_power) == (fast - 1, 1)
    assert (state.rx1_dr_offset, state.rx2_data_rate) == (1, region.rx2_data_rate + 1)
    assert state.rx1_delay_s == 2 and state.battery == 0
    # joined, heard on the channels of our gateways, within length and dwell time
    assert node["joins"] == 1 and node["uplinks_heard"] == node["uplinks_sent"] >= 14
    ups = [each for each in run.packets if not each.iq_inverted and each.payload[0]]
    uplink_dwell = region.dwell is not None and region.dwell[0]
    for each in ups:
        rate = region.uplink_rate(each.sf, each.bw_hz)
        assert rate is not None
        assert len(each.payload) - 5 <= region.longest_of(rate, uplink_dwell)
        if uplink_dwell or region is US915:
            assert each.end_us - each.start_us <= 400_000
    channels = {round(each.freq_hz, -2) for each in ups[-8:]}
    known = {round(each.freq_hz, -2) for each in state.plan.channels.values()}
    assert channels <= known and len(channels) > 1
    downs = [each for each in run.packets if each.iq_inverted]
    assert all((each.sf, each.bw_hz) in region.downlink_rates.values() for each in downs)


@pytest.mark.parametrize("name", ["US915", "AU915"])
def test_a_fixed_plan_finds_its_sub_band(tmp_path, name):
    """Eight gateway channels of 72: the join takes some tries, then the CFList has them."""
    run = Watched(replace(scenarios.find(None), region=name, duration_h=4.0, seed=3), tmp_path)
    (node,) = run.execute()["nodes"]
    tries = [each for each in run.packets if each.payload[0] == 0 and not each.iq_inverted]
    # one of each bank in turn, of 125 and 500 kHz by turns: after 16 tries at the latest
    assert node["joins"] == 1 and len(tries) == node["join_tries"] <= 16
    assert len({each.freq_hz for each in tries}) == len(tries)
    accepted = open_join_accept(
        next(each.payload for each in run.packets if each.payload[0] == 0x20),
        run.nodes[NAME].device.app_key,
    )
    assert accepted.cf_list == bytes.fromhex("00ff0000000000000200000000000001")
    ups = [each for each in run.packets if not each.iq_inverted and each.payload[0]]
    heard = {(freq_hz, bw_hz) for freq_hz, bw_hz in REGIONS[name].heard()}
    assert {(round(each.freq_hz, -2), each.bw_hz) for each in ups} <= heard


def test_a_capture_of_another_region_plays_into_a_network_of_that_region(tmp_path):
    run = Watched(replace(scenarios.find(None), region="US915", duration_h=1.0), tmp_path)
    (node,) = run.execute()["nodes"]
    played = desk.replay(tmp_path / "capture.jsonl", None, None, "network", None, quiet=True)
    assert played["accepted"] == node["uplinks_heard"] + node["joins"] - 1 == played["refused"]
    assert played["live"]["accepted"] and played["strangers"] == []


def test_a_gateway_tells_the_centre_of_its_channel(tmp_path):
    Run(replace(scenarios.find(None), duration_h=1.0), tmp_path).execute()
    lines = [json.loads(each) for each in (tmp_path / "capture.jsonl").read_text().splitlines()]
    freqs = {each["rxpk"]["freq"] for each in lines if "rxpk" in each}
    assert freqs == {868.1, 868.3, 868.5}  # the chip's steps are 61 Hz
    joins = [each for each in lines if "rxpk" in each and b64decode(each["rxpk"]["data"])[0] == 0]
    accept = next(each["txpk"] for each in lines if "txpk" in each)
    assert accept["freq"] == joins[0]["rxpk"]["freq"]


def test_a_channel_that_no_gateway_has_is_not_heard(tmp_path):
    request = build("NewChannelReq", ch_index=3, frequency_hz=869_800_000, max_dr=5)
    event = EventPlan(NAME, 0.3, commands=request)
    run = Watched(replace(scenarios.find(None), duration_h=4.0, events=(event,)), tmp_path)
    (node,) = run.execute()["nodes"]
    sent = [each for each in run.packets if round(each.freq_hz, -4) == 869_800_000]
    assert sent and node["uplinks_heard"] == node["uplinks_sent"] - len(sent)
    events = (tmp_path / "events.jsonl").read_text()
    assert events.count('"no gateway channel at 869.8 MHz"') == len(sent)


def test_the_summary_knows_no_duty_cycle_where_there_is_none(tmp_path):
    (node,) = Run(
        replace(scenarios.find(None), region="US915", duration_h=0.5), tmp_path
    ).execute()["nodes"]
    assert node["duty_cycle_share"] is None and node["airtime_s"] > 0
    assert time_on_air_us(23, 10, 125_000) / 1e6 <= node["airtime_s"]
