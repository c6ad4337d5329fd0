# SPDX-License-Identifier: MIT
"""A class measures its air: whole days of the real firmware, from the sensor to the table."""

import csv
import json
import stat
from base64 import b64decode
from dataclasses import replace
from datetime import timedelta
from math import exp
from random import Random

import pytest
from pamoja import lorawan

from simulator import scenario as scenarios
from simulator.faults import FaultPlan
from simulator.run import Run
from simulator.scenario import WorldPlan

FILES = ("capture.jsonl", "capture.pcap", "events.jsonl", "readings.csv", "summary.json")


class Day:
    """One run, kept, with what its files say."""

    def __init__(self, folder, **changes):
        self.out = folder
        self.scenario = replace(scenarios.find(None), **changes)
        self.run = Run(self.scenario, folder)
        (self.node,) = self.run.execute()["nodes"]
        self.rows = self.run.rows
        self.times = self.run.nodes[self.node["name"]].times

    def lines(self, name):
        return [json.loads(line) for line in (self.out / name).read_text().splitlines()]

    def delta(self, hours):
        return timedelta(hours=hours)

    def log(self):
        return (self.out / f"{self.node['name']}.log").read_text()

    def readings(self):
        with (self.out / "readings.csv").open() as file:
            return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    return Day(tmp_path_factory.mktemp("day"))


@pytest.fixture
def made(tmp_path):
    return lambda **changes: Day(tmp_path / str(len(list(tmp_path.iterdir()))), **changes)


def test_one_join_and_a_reading_every_ten_minutes(day):
    assert day.node["joins"] == 1 and day.node["join_tries"] == 1
    assert 143 <= day.node["uplinks_sent"] <= 145
    assert day.node["uplinks_heard"] >= day.node["uplinks_sent"] - 1
    assert day.node["decoded"] == day.node["uplinks_heard"] == len(day.readings())
    sent = [each for each in day.lines("events.jsonl") if each["event"] == "uplink"]
    assert {each["sf"] for each in sent} == {7}
    assert len({each["freq_hz"] for each in sent}) == 3
    counters = [int(row["f_cnt"]) for row in day.readings()]
    assert counters == sorted(set(counters)) and day.node["starts"] == 1


def test_a_reading_takes_11_or_12_bytes_and_a_frame_13_more(day):
    sizes = [each["rxpk"]["size"] for each in day.lines("capture.jsonl") if "rxpk" in each]
    # the join-request has 23; a proof, a clock and the restart code add to the first frames
    assert sorted(set(sizes[6:]))[:2] == [24, 25] and sizes.count(24) + sizes.count(25) > 130


def expected_samples(day):
    """What the sensor's stated response makes of the world, recomputed from the run's log.

    The statement is the first paragraph of simulator/chips/scd4x.py.
    """
    with (day.out / "world.csv").open() as file:
        grid = [
            (float(row["co2_ppm"]), float(row["temperature_c"]), float(row["humidity_pct"]))
            for row in csv.DictReader(file)
        ]

    def world(time_us):
        index, rest = divmod(time_us, 5_000_000)
        after = grid[min(index + 1, len(grid) - 1)]
        return [a + (b - a) * rest / 5e6 for a, b in zip(grid[index], after, strict=True)]

    (sensor,) = day.run.nodes["classroom-1"].sensors.values()
    start_us = sensor.started_us
    stream = Random("1/classroom-1/scd4x")
    y, found = world(start_us), []
    for k in range(1, 17278):
        time_us = start_us + k * 5_000_000
        now = world(time_us)
        for each, tau_s in enumerate((60, 120, 90)):
            y[each] += (now[each] - y[each]) * (1 - exp(-5 / tau_s))
        noisy = [value + stream.gauss(0, sd) for value, sd in zip(y, (10, 0.05, 0.2), strict=True)]
        found.append((time_us, noisy))
    return found


def test_decoded_values_are_the_world_through_the_sensors_response(day):
    samples = expected_samples(day)
    start_us = samples[0][0] - 5_000_000
    assert len(day.rows) > 140
    for row, arrived_us in zip(day.rows, day.times, strict=True):
        index = (arrived_us - start_us) // 5_000_000 - 1
        # the frame is there within a second of the reading: this sample or the one before
        near = [samples[at][1] for at in (index - 1, index) if at >= 0]
        assert any(
            abs(row.values["co2"] - co2) <= 0.5
            and abs(row.values["temperature"] - temperature) <= 0.05 + 0.002
            and abs(row.values["humidity"] - humidity) <= 0.5 + 0.001
            for co2, temperature, humidity in near
        ), (row, near)


def test_every_captured_frame_opens_in_pamoja(day):
    (device,) = json.loads((day.out / "devices.json").read_text())["nodes"]
    (keys,) = device["sessions"]
    key, nwk, app = (bytes.fromhex(each) for each in (
        device["app_key"], keys["nwk_skey"], keys["app_skey"]))  # fmt: skip
    session = lorawan.session(int(keys["dev_addr"], 16), nwk, app)
    up, down = 0, 0
    for line in day.lines("capture.jsonl"):
        phy = b64decode((line.get("rxpk") or line["txpk"])["data"])
        if phy[0] == 0x00:
            request = lorawan.parse_join_request(phy, key)
            assert request.dev_eui == bytes.fromhex(device["dev_eui"])
            continue
        if phy[0] == 0x20:
            owner = lorawan.device(
                bytes.fromhex(device["dev_eui"]), bytes.fromhex(device["join_eui"]), key
            )
            assert owner.accept_join(phy, request.dev_nonce).session().dev_addr == session.dev_addr
            continue
        frame = session.decode(phy, up if "rxpk" in line else down)
        assert frame is not None
        up, down = up + ("rxpk" in line), down + ("txpk" in line)
    assert up == day.node["uplinks_heard"] and down >= 4  # a clock and proofs every six hours


def test_the_files_of_a_run_are_whole(day):
    assert stat.S_IMODE((day.out / "devices.json").stat().st_mode) == 0o600
    times = [(each["time"], each["gateway"]) for each in day.lines("capture.jsonl")]
    assert times == sorted(times)
    assert (day.out / "capture.pcap").read_bytes()[:4] == bytes.fromhex("d4c3b2a1")
    key = json.loads((day.out / "devices.json").read_text())["nodes"][0]["app_key"]
    for name in (*FILES, "classroom-1.log"):
        assert key.encode() not in (day.out / name).read_bytes()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(made, day):
    again, other = made(), made(seed=2)
    for name in FILES:
        assert (again.out / name).read_bytes() == (day.out / name).read_bytes(), name
    assert (other.out / "capture.jsonl").read_bytes() != (day.out / "capture.jsonl").read_bytes()


def test_a_silent_sensor_leaves_its_values_out_and_sets_its_fault_bits(made):
    fault = FaultPlan("sensor-silent", 2.0, "classroom-1", "scd4x", until_h=3.0)
    rows = made(duration_h=5.0, faults=(fault,)).rows
    hours = [(row.time - rows[0].time).total_seconds() / 3600 for row in rows]
    during = [row.values for row, hour in zip(rows, hours, strict=True) if 2.1 < hour < 2.9]
    after = [row.values for row, hour in zip(rows, hours, strict=True) if hour > 3.2]
    assert len(during) >= 4 and len(after) >= 9
    for values in during:
        assert values["faults"] == ["co2", "temperature", "humidity"] and "co2" not in values
    for values in after:
        assert "faults" not in values and values["co2"] > 400


def test_a_frozen_world_makes_a_flat_column(made):
    fault = FaultPlan("world-frozen", 2.0, "classroom-1", until_h=4.5)
    rows = made(duration_h=6.0, faults=(fault,)).rows
    frozen = [row.values["co2"] for row in rows[18:26]]
    assert max(frozen) - min(frozen) < 6 * 10 * 2  # six sigma either way
    thawed = [row.values["co2"] for row in rows[28:]]
    assert max(thawed) - min(thawed) > 300
    moving = [row.values["co2"] for row in made(duration_h=6.0).rows[20:]]
    assert max(moving) - min(moving) > 300


def test_the_lag_behind_a_step_is_real(made, day):
    before = {"co2_ppm": 500.0, "temperature_c": 20.0, "humidity_pct": 40.0}
    after = {**before, "co2_ppm": 1500.0}
    # with the same seed readings come at the same times: this step is 90 s before one of them
    options = {"before": before, "after": after, "at_h": (day.times[6] / 1e6 - 90) / 3600}
    world = WorldPlan("classroom", "step", options)
    stepped = made(duration_h=2.0, worlds=(world,))
    at_us = round(options["at_h"] * 3.6e9)
    since = [(time - at_us) / 1e6 for time in stepped.times]
    shortly = [row.values["co2"] for row, s in zip(stepped.rows, since, strict=True) if 5 < s < 180]
    assert shortly and all(abs(value - 1500) > 50 and value > 600 for value in shortly)
    long_after = [row.values["co2"] for row, s in zip(stepped.rows, since, strict=True) if s > 600]
    assert long_after and all(abs(value - 1500) < 50 for value in long_after)


def test_ticks_wrap_in_every_run_and_the_intervals_stay(day):
    # the board's counters start 5 s below their wrap; 2^30 us more are 18 minutes
    first, *gaps = [(b - a) / 1e6 for a, b in zip(day.times, day.times[1:], strict=False)]
    assert 390 < first < 640  # shorter at random, and then until a look
    assert all(abs(gap - 600) < 6 for gap in gaps)
