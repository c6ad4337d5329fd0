# SPDX-License-Identifier: MIT
"""A node over months: outages, power cuts, a network that changes its mind; every reading counted.

`python tests/proof/months.py [DAYS]` prints what became of each; the suite runs a week.
"""

import json
import re
import sys
import tempfile
import time
from bisect import bisect_left
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from host import maccommands
from host.decode import Deduplicator
from host.lorawan import DataFrame, JoinRequest, parse
from simulator import scenario as scenarios
from simulator.family import BOOT_US
from simulator.faults import FaultPlan
from simulator.run import Run

NODE, GATEWAY = "classroom-1", "town-hall"
INTERVAL_S = 600
NEAR_S = 60  # how right an age has to be
CUT_H = 3
WAITING_H = 20 * INTERVAL_S / 3600  # before each cut twenty readings wait
OUTAGES_H = (2, 9, 30, 50)
HOUR_US = 3_600_000_000


@dataclass
class Result:
    """What a run of so many days showed; times in seconds of the run."""

    days: float
    stored: list[tuple[float, int]] = field(default_factory=list)  # (time, number), in order
    arrived: set[int] = field(default_factory=set)  # numbers
    ages_s: dict[int, float] = field(default_factory=dict)  # at the first arrival
    doubles: int = 0
    without_age: int = 0
    wrong: list[str] = field(default_factory=list)
    covered: set[int] = field(default_factory=set)  # stored in an outage that covers a proof
    waiting: set[int] = field(default_factory=set)  # stored, and not yet heard, before a power cut
    outside: set[int] = field(default_factory=set)  # stored while everything worked
    free_heap_kb: list[int] = field(default_factory=list)
    starts: int = 0
    joins: int = 0


class Changing(Run):
    """A run whose network sends a block of MAC commands every two days."""

    def _build(self):
        super()._build()
        (node,) = self.nodes.values()
        stream = Random(f"{self.scenario.seed}/changes")
        self.frames = []
        self._air.on_transmit.append(self._keep)
        for day in range(1, round(self.scenario.duration_h / 24), 2):
            at_us = day * 24 * HOUR_US + stream.randrange(HOUR_US)
            self.clock.call_at(at_us, self.network.queue_mac, node.device, changes(stream))

    def _keep(self, packet):
        if packet.sender == NODE:
            self.frames.append(parse(packet.payload))


def changes(stream):
    """Some MAC commands, each right by itself."""
    build = maccommands.build
    adr = build(
        "LinkADRReq",
        data_rate=stream.choice((3, 4, 5)),
        tx_power=stream.randrange(3),
        ch_mask=7,
        nb_trans=stream.choice((1, 1, 2)),
    )
    channel = build(
        "NewChannelReq",
        ch_index=3 + stream.randrange(5),
        frequency_hz=867_100_000 + 200_000 * stream.randrange(5),
        max_dr=5,
    )
    rx = build(
        "RXParamSetupReq",
        rx1_dr_offset=stream.randrange(3),
        rx2_data_rate=stream.choice((0, 3)),
        frequency_hz=869_525_000,
    )
    timing = build("RXTimingSetupReq", delay=stream.choice((1, 2, 5)))
    return [stream.choice(([adr], [adr, channel], [rx], [timing, adr], [rx, timing]))][0]


def plan(days, stream):
    """[(begins, ends, kind)] in hours: an outage every three days, a power cut every week."""
    events, hour = [], 20.0
    while hour < days * 24 - 30:
        if int(hour // 24) % 7 >= 4:
            events.append((hour, hour + WAITING_H + CUT_H, "outage"))
            events.append((hour + WAITING_H, hour + WAITING_H + CUT_H, "cut"))
            hour += 40 + stream.random() * 10
        else:
            length_h = OUTAGES_H[len(events) % len(OUTAGES_H)]
            events.append((hour, hour + length_h, "outage"))
            hour += length_h + 36 + stream.random() * 12
    return events


def run(days, seed, folder):
    """Run the node and hold what it stored against what arrived."""
    events = plan(days, Random(f"{seed}/plan"))
    faults = tuple(
        FaultPlan("power-cut", begins, NODE, until_h=ends)
        if kind == "cut"
        else FaultPlan("gateway-off", begins, gateway=GATEWAY, until_h=ends)
        for begins, ends, kind in events
    )
    usual = scenarios.find(None)
    made = Changing(replace(usual, duration_h=days * 24, seed=seed, faults=faults), folder)
    (summary,) = made.execute()["nodes"]
    result = Result(days, starts=summary["starts"], joins=summary["joins"])
    result.stored = stored(made, folder)
    judge_arrivals(made, result)
    judge_counters(made, result)
    judge_outages(events, result)
    result.free_heap_kb = free_heap_kb(folder)
    return result


def stored(made, folder):
    """(time, number) of every reading that its log says it kept."""
    (node,) = made.nodes.values()
    found, life = [], -1
    for line in (folder / f"{NODE}.log").read_text().splitlines():
        words = re.match(r"\s*(\d+) (.*)", line)
        if words and words[2].startswith("node071 "):
            life += 1
        elif words and words[2].startswith("reading "):
            began_s = (node.board.starts[life][0] + BOOT_US[node.board.family]) / 1e6
            found.append((began_s + int(words[1]), len(found)))
    return found


def judge_arrivals(made, result):
    """Which readings came, how often, and whether each age is right or null."""
    times = [time_s for time_s, _ in result.stored]
    doubles = Deduplicator(INTERVAL_S)
    for row, measured_us in zip(made.rows, made.nodes[NODE].times, strict=True):
        arrival_s = measured_us / 1e6 + (row.values.get("age_s") or 0)
        doubles.add(NODE, arrival_s, row.values)
        if row.values["age_s"] is None:
            result.without_age += 1
            result.arrived.add(row.values["number"])
            continue
        # the nearest: a restart right after a reading makes the next one within a minute
        at = bisect_left(times, measured_us / 1e6)
        near = min(
            result.stored[max(at - 1, 0) : at + 1],
            key=lambda each: abs(each[0] - measured_us / 1e6),
        )
        if abs(near[0] - measured_us / 1e6) <= NEAR_S:
            result.arrived.add(near[1])
            age_s = row.values["age_s"]
            result.ages_s[near[1]] = min(age_s, result.ages_s.get(near[1], age_s))
        else:
            result.wrong.append(f"an age is wrong: {row.values} at {measured_us / 1e6:.0f} s")
    result.doubles = len(made.rows) - len(doubles.rows)


def judge_counters(made, result):
    """FCntUp and DevNonce only rise, whatever happened."""
    counters, dev_nonce = {}, -1
    for frame in made.frames:
        if isinstance(frame, JoinRequest):
            if frame.dev_nonce <= dev_nonce:
                result.wrong.append(f"DevNonce {frame.dev_nonce} after {dev_nonce}")
            dev_nonce = frame.dev_nonce
        elif isinstance(frame, DataFrame):
            last, phy = counters.get(frame.dev_addr, (-1, None))
            # 90 days at ten minutes stay below 2^16; a repetition is the same frame again
            if frame.f_cnt < last or (frame.f_cnt == last and frame != phy):
                result.wrong.append(f"FCntUp {frame.f_cnt} after {last}")
            counters[frame.dev_addr] = (frame.f_cnt, frame)


def judge_outages(events, result):
    """Sort the readings by what was wrong when they were stored."""
    proof_h = 6 + 1 + 1  # until a proof is due, asked for twice, and known to be missing
    for time_s, number in result.stored:
        hour = time_s / 3600
        around = [(begins, ends) for begins, ends, _ in events if begins <= hour < ends]
        if any(begins - WAITING_H <= hour < begins for begins, _, kind in events if kind == "cut"):
            result.waiting.add(number)
        if not around:
            near = any(begins - proof_h <= hour < ends + 1 for begins, ends, _ in events)
            if not near:
                result.outside.add(number)
        elif (
            any(ends - begins >= proof_h for begins, ends in around)
            and hour < result.days * 24 - 12
        ):
            result.covered.add(number)


def free_heap_kb(folder):
    """What the weekly status frames say of the heap."""
    found = []
    for line in (folder / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "port 3" and "free_heap" in event["more"]["status"]:
            found.append(event["more"]["status"]["free_heap"])
    return found


def problems(result):
    """What a run must not show, one line each."""
    found = list(result.wrong)
    lost = sorted(result.covered - result.arrived)
    if lost:
        found.append(
            f"{len(lost)} of {len(result.covered)} readings of outages are lost: {lost[:9]}"
        )
    lost = sorted(result.waiting - result.arrived)
    if lost:
        found.append(f"{len(lost)} of {len(result.waiting)} readings are lost by a cut: {lost[:9]}")
    # a module that passes may be there when it is asked, so the least of each half is compared
    heap, half = result.free_heap_kb, len(result.free_heap_kb) // 2
    if half > 1 and min(heap[half:]) < min(heap[:half]) - 2:
        found.append(f"the heap grows: {heap} kB free")
    return found


def main():
    days = float(sys.argv[1]) if len(sys.argv) > 1 else 90
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        result = run(days, 1, Path(folder))
    share = len(result.outside & result.arrived) / max(len(result.outside), 1)
    print(
        f"{days:g} days, {result.starts} starts, {result.joins} joins,"
        f" {len(result.stored)} readings"
    )
    print(f"  of outages longer than a proof: {len(result.covered & result.arrived)} of "
          f"{len(result.covered)} arrived")  # fmt: skip
    print(f"  waiting at a power cut: {len(result.waiting & result.arrived)} of "
          f"{len(result.waiting)} arrived")  # fmt: skip
    print(f"  while all worked: {share:.2%} of {len(result.outside)} arrived")
    ages_s = sorted(result.ages_s.get(number, 0) for number in result.outside)
    held_up = len([age_s for age_s in ages_s if age_s > 2 * INTERVAL_S])
    print(f"  of these {held_up} waited for over 20 minutes, the longest {ages_s[-1] / 3600:.1f} h")
    print(f"  doubles removed: {result.doubles}; age unknown: {result.without_age}")
    print(f"  heap free, kB, by week: {result.free_heap_kb}")
    for problem in (found := problems(result)):
        print(f"  WRONG {problem}")
    print(f"  {time.monotonic() - began_s:.0f} s")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
