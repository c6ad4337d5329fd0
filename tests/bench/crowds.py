# SPDX-License-Identifier: MIT
"""A day of cheap nodes before three gateways: frames a second, and whether it stays linear."""

import time

from table import Row, at_least
from week import yardstick_s

from simulator.concentrator import Concentrator
from simulator.crowd import Crowd, CrowdPlan
from simulator.hearing import Hearing
from simulator.interference import ISOLATIONS
from simulator.propagation import MODELS
from simulator.regions import REGIONS

COUNTS = (100, 1_000, 10_000)
INTERVAL_S = 1000.0  # as LoRaSim's nodes: 86.4 frames a day
GATEWAYS_M = [(0.0, 0.0), (2500.0, 0.0), (-1500.0, 2000.0)]
TARGET = 40_000
GROWTH = 1.5  # of the time for a frame, from a hundred to ten thousand nodes
DAY_US = 86_400_000_000


def day(count):
    """Frames and seconds of a day of `count` nodes, each with ADR, some of them answered."""
    began_s = time.perf_counter()
    plan = CrowdPlan("crowd", count, INTERVAL_S, radius_m=3000, acked=0.02)
    crowd = Crowd(plan, 1, REGIONS["EU868"], MODELS["oulu"], GATEWAYS_M)
    hearing = Hearing([crowd], [Concentrator() for _ in GATEWAYS_M], ISOLATIONS["croce"])
    hearing.advance(DAY_US)
    return sum(hearing.outcomes.values()), time.perf_counter() - began_s


def rows():
    """One row: the slowest of the three counts decides."""
    day(10)  # numpy warms up
    found = {count: day(count) for count in COUNTS}
    rates = {count: frames / real_s for count, (frames, real_s) in found.items()}
    frames, real_s = found[COUNTS[-1]]
    figures = ", ".join(f"{count:,}: {rate:,.0f}" for count, rate in rates.items())
    loop_s = yardstick_s()
    verdict = at_least(min(rates.values()), TARGET, " frames/s")
    if rates[COUNTS[0]] > GROWTH * rates[COUNTS[-1]]:
        verdict += f", slower by {rates[COUNTS[0]] / rates[COUNTS[-1]]:.1f} with many"
    yield Row(
        "cheap nodes for a day, 3 gateways, capture, inter-SF isolation, 8 paths, duty cycle, "
        "answers: frames a second by number of nodes",
        f"{figures} ({frames:,} frames in {real_s:.1f} s; a million of them take the time of "
        f"{1e6 / rates[COUNTS[-1]] / loop_s:,.0f} million turns of a Python loop)",
        f"{TARGET:,}, linear",
        "LoRaSim, 1 gateway, no LoRaWAN: 86,000 frames in 1.1 to 2.1 s, 432,000 in 31 s",
        verdict,
    )
