# SPDX-License-Identifier: MIT
"""Cheap nodes: when they send, what buries what, and that a firmware node shares their air."""

from collections import Counter
from dataclasses import replace
from math import log10

import numpy as np
import pytest

from host.errors import HostError
from simulator.air import Signal, Transmission
from simulator.concentrator import Concentrator
from simulator.crowd import Crowd, CrowdPlan
from simulator.hearing import Hearing
from simulator.interference import ISOLATIONS
from simulator.propagation import MODELS
from simulator.regions import REGIONS
from simulator.run import Run
from simulator.scenario import load

HOUR_US = 3_600_000_000
PLAN = CrowdPlan("crowd", 200, 30.0, radius_m=4000, rule="random")
PLACES = [(0.0, 0.0), (2500.0, 0.0)]
FLOOR_DB = {7: -7.5, 8: -10.0, 9: -12.5, 10: -15.0, 11: -17.5, 12: -20.0}


def crowd(plan=PLAN, seed=1, loss="oulu", places=PLACES):
    return Crowd(plan, seed, REGIONS["EU868"], MODELS[loss], places)


def heard(*crowds, gateways=2, isolation="croce", hours=1, steps=1):
    hearing = Hearing(crowds, [Concentrator() for _ in range(gateways)], ISOLATIONS[isolation])
    for step in range(1, steps + 1):
        hearing.advance(hours * HOUR_US * step // steps)
    return hearing


def test_a_seed_is_a_crowd():
    first, again, other = (crowd(seed=seed).frames(HOUR_US) for seed in (1, 1, 2))
    assert np.array_equal(first.start_us, again.start_us)
    assert np.array_equal(first.channel, again.channel)
    assert not np.array_equal(first.start_us, other.start_us)


def test_it_sends_about_every_interval_and_in_order():
    frames = crowd().frames(10 * HOUR_US)
    assert (np.diff(frames.start_us) >= 0).all()
    counts = np.bincount(frames.node, minlength=200)
    assert abs(counts.mean() - 1200 * 0.83) < 1200 * 0.17 + 1  # SF12 may do less: 1 % of a band
    mine = frames.start_us[frames.node == int(np.argmax(counts))]
    assert np.diff(mine).min() >= 27e6 and np.diff(mine).max() <= 33e6 * 2


def test_hours_make_the_same_frames_as_a_day():
    whole = crowd(replace(PLAN, duty_cycle=False)).frames(3 * HOUR_US)
    source, starts = crowd(replace(PLAN, duty_cycle=False)), []
    for hour in (1, 2, 3):
        frames = source.frames(hour * HOUR_US)
        assert (frames.start_us < hour * HOUR_US).all()
        assert (frames.start_us >= (hour - 1) * HOUR_US).all()
        starts.append(frames.start_us)
    assert len(np.concatenate(starts)) == pytest.approx(len(whole.start_us), rel=0.01)


def test_no_sub_band_is_used_more_than_one_percent():
    slow = crowd(replace(PLAN, interval_s=10, rule="fixed", sf=12))
    frames = slow.frames(5 * HOUR_US)
    band = np.array([freq_hz < 868_000_000 for freq_hz in slow.freqs_hz])[frames.channel]
    airtime_us = int(slow.airtime_us[0])
    for node in range(5):
        for which in (False, True):
            starts_us = frames.start_us[(frames.node == node) & (band == which)]
            assert len(starts_us) > 10
            assert np.diff(starts_us).min() >= airtime_us * 100 - 1


def test_a_data_rate_leaves_ten_decibels():
    found = crowd(replace(PLAN, rule="adr", count=500))
    best_db = found.snr_db.max(axis=0)
    for sf, snr_db in zip(found.sf.tolist(), best_db.tolist(), strict=True):
        faster = FLOOR_DB.get(sf - 1)
        assert sf == 12 or snr_db >= FLOOR_DB[sf] + 10
        assert faster is None or snr_db < faster + 10
    assert set(found.sf.tolist()) == set(range(7, 13))


def test_the_loss_is_the_models():
    plan = replace(PLAN, count=4000, radius_m=100, x_m=2000)
    for name, at_2_km in (
        ("oulu", 128.95 + 23.2 * log10(2)),
        ("built-up", 127.41 + 20.8 * log10(50)),
    ):
        gain_db = 4.3 if name == "oulu" else 0
        mean = crowd(plan, loss=name, places=[(0, 0)]).rssi_dbm.mean()
        assert mean == pytest.approx(14 + gain_db - at_2_km, abs=0.4)


def brute_force(frames, found, places, needed, preamble_free=3):
    """Each packet against each: what became of it, the slow way."""
    symbol_us = {sf: 1000 * 2**sf // 125 for sf in range(7, 13)}
    packets = [
        (start, start + int(found.airtime_us[node]), int(found.sf[node]), channel, node)
        for start, node, channel in zip(
            frames.start_us.tolist(), frames.node.tolist(), frames.channel.tolist(), strict=True
        )
    ]
    outcomes = Counter()
    for me, (start, end, sf, channel, node) in enumerate(packets):
        ranks = []
        for gateway in range(len(places)):
            if found.rssi_dbm[gateway, node] + 117.03 < FLOOR_DB[sf]:
                ranks.append("0 too weak")
                continue
            clean = all(
                other == me
                or o_channel != channel
                or o_start >= end
                or o_end <= start + preamble_free * symbol_us[sf]
                or found.rssi_dbm[gateway, node] - found.rssi_dbm[gateway, o_node]
                >= needed[sf - 7][o_sf - 7]
                for other, (o_start, o_end, o_sf, o_channel, o_node) in enumerate(packets)
                if abs(o_start - start) < 5_000_000
            )
            ranks.append("2 heard" if clean else "1 collision")
        outcomes[sf, max(ranks)[2:]] += 1
    return outcomes


def test_each_packet_fares_as_one_by_one():
    """All against all, with the rows of Croce and others written out: 2,000 packets an hour."""
    needed = (
        (1, -8, -9, -9, -9, -9),
        (-11, 1, -11, -12, -13, -13),
        (-15, -13, 1, -13, -14, -15),
        (-19, -18, -17, 1, -17, -18),
        (-22, -22, -21, -20, 1, -20),
        (-25, -25, -25, -24, -23, 1),
    )
    plan = replace(PLAN, count=100, interval_s=180, channels=2, duty_cycle=False)
    frames, found = crowd(plan).frames(HOUR_US), crowd(plan)
    expected = brute_force(frames, found, PLACES, needed)
    hearing = heard(crowd(plan))
    hearing.advance(HOUR_US + 5_000_000 - 1)
    # what starts after the hour is judged too, so only what the slow way knows is compared
    counted = Counter()
    for (_, sf, cause), count in hearing.outcomes.items():
        counted[sf, cause] += count
    assert {cause for _, cause in expected} == {"heard", "collision", "too weak"}
    for key, count in expected.items():
        assert 0 <= counted[key] - count <= 4, key


def test_small_steps_are_one_large_one():
    plan = replace(PLAN, interval_s=5, acked=0.2, duty_cycle=False)
    whole, steps = heard(crowd(plan), hours=1), heard(crowd(plan), hours=1, steps=500)
    assert whole.outcomes == steps.outcomes and whole.answered == steps.answered > 0
    assert {cause for _, _, cause in whole.outcomes} >= {
        "heard",
        "collision",
        "gateway was sending",
    }


def test_a_ninth_packet_finds_no_demodulator():
    """SF12 on eight channels, one every 0.2 s: about seven at a time, often more than eight."""
    plan = CrowdPlan("busy", 500, 100.0, rule="fixed", sf=12, radius_m=10, duty_cycle=False)
    found = heard(crowd(plan, places=[(0, 0)]), gateways=1, isolation="orthogonal").summary()[0]
    # Erlang's loss formula for 8 servers and 5/s x 1.483 s = 7.4 erlang: 20 % find none
    assert found["lost"]["all demodulators busy"] / found["sent"] == pytest.approx(0.197, abs=0.02)


def test_a_gateway_answers_within_its_duty_cycle():
    plan = replace(PLAN, count=100, interval_s=20, rule="fixed", sf=7, radius_m=10, acked=1.0)
    hearing = heard(crowd(plan, places=[(0, 0)]), gateways=1)
    # an answer of 12 bytes at SF7 is 41.2 ms on the air: 4.1 s until the next
    assert 0.9 < hearing.answered / (3600 / 4.12) <= 1
    assert hearing.summary()[0]["lost"]["gateway was sending"] > 0


def strange(start_us, **changes):
    packet = Transmission(
        start_us, start_us + 50_000, 868_100_000, 7, 125_000, 5, 8, True, False, False, 0x34,
        14.0, b"packet", "node",
    )  # fmt: skip
    return Signal(replace(packet, **changes), -60.0, 10.0)


def test_a_strange_packet_and_the_crowd_bury_each_other():
    plan = CrowdPlan("one", 1, 600.0, rule="fixed", sf=7, radius_m=10, channels=1, duty_cycle=False)
    (start_us, *_) = crowd(plan, places=[(0, 0)]).frames(HOUR_US).start_us.tolist()
    strength_dbm = float(crowd(plan, places=[(0, 0)]).rssi_dbm[0, 0])

    def meet(rssi_dbm, apart_us=10_000, **changes):
        hearing = heard(crowd(plan, places=[(0, 0)]), gateways=1, hours=0)
        signal = strange(start_us + apart_us, **changes)
        signal.rssi_dbm = rssi_dbm
        hearing.meet(0, signal)
        hearing.advance(start_us + 1_000_000)
        return signal.clean, hearing.summary()[0]["lost"] == {}

    assert meet(strength_dbm + 2) == (True, False)
    assert meet(strength_dbm - 2) == (False, True)
    assert meet(strength_dbm) == (False, False)
    assert meet(strength_dbm, iq_inverted=True) == (True, True)
    assert meet(strength_dbm, freq_hz=868_300_000) == (True, True)
    assert meet(strength_dbm, apart_us=-60_000) == (True, True)


SCENARIO = """
start = 2026-03-02T08:00:00Z
duration_h = 4
path_loss = "oulu"
shadowing = true

[[gateway]]
name = "roof"

[[node]]
name = "class"
kit = "classroom"
board = "rpi-pico-rfm95"
world = "class"
x_m = 500

[world.class]
kind = "classroom"

[[crowd]]
name = "meters"
count = 100
interval_s = 12
radius_m = 500
channels = 3
duty_cycle = false
"""


@pytest.mark.parametrize(("region", "most"), [("EU868", 8), ("AS923-1", 7)])
def test_a_crowd_has_no_more_channels_than_the_region(tmp_path, region, most):
    path = tmp_path / "full.toml"
    head = f'region = "{region}"\n'
    path.write_text(head + SCENARIO.replace("channels = 3", f"channels = {most}"))
    assert load(path).crowds[0].channels == most
    path.write_text(text := head + SCENARIO.replace("channels = 3", f"channels = {most + 1}"))
    with pytest.raises(HostError) as error:
        load(path)
    line = text[: text.index("channels = ")].count("\n") + 1
    said = f"'channels' is {most + 1}, and {region} has {most} for a crowd"
    assert str(error.value) == f"full.toml, line {line}: [crowd] {said}"


def test_a_node_in_a_full_air_loses_frames_and_is_itself_heard(tmp_path):
    (tmp_path / "full.toml").write_text(SCENARIO)
    runs = [Run(load(tmp_path / "full.toml"), tmp_path / name).execute() for name in "ab"]
    assert runs[0] == runs[1]
    (node,), (meters,) = runs[0]["nodes"], runs[0]["crowds"]
    assert 0 < node["uplinks_heard"] < node["uplinks_sent"]
    assert meters["sent"] > 100 * 4 * 300 * 0.95 and 0 < meters["heard"] < meters["sent"]
    for name in ("capture.jsonl", "events.jsonl"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert '"collision"' in (tmp_path / "a" / "events.jsonl").read_text()
