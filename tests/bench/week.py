# SPDX-License-Identifier: MIT
"""One node with the real firmware, a week on mains and a day of deep sleep: how much faster than
the clock."""

import time
from dataclasses import replace

from table import Row, at_least

from host import boards
from simulator import scenario as scenarios
from simulator.run import Run

DAYS = 7
TARGET = 20_000
DEEP_TARGET = 5_000
INTERVAL_S = 600
TURNS = 1_000_000


def yardstick_s():
    """Seconds for a million turns of a loop in pure Python, the best of five."""
    best_s = float("inf")
    for _ in range(5):
        began_s, total = time.perf_counter(), 0
        for number in range(TURNS):
            total += number & 7
        best_s = min(best_s, time.perf_counter() - began_s)
    return best_s


def rows(folder, days=DAYS):
    """One row; the run stays in `folder`, its capture is decoded later."""
    scenario = replace(scenarios.find(None), duration_h=24 * days)
    marks = []
    began_s = time.perf_counter()
    run = Run(scenario, folder, on_progress=lambda share: marks.append(time.perf_counter()))
    run.execute()
    ended_s = time.perf_counter()
    real_s, whole_s = ended_s - marks[0], ended_s - began_s  # the first mark: its flash is made
    speed = days * 86400 / real_s
    loop_s = yardstick_s()
    yield Row(
        f"one node, real firmware, 10-minute interval on mains, {days} days: simulated / real time",
        f"{speed:,.0f} x ({days * 86400 / whole_s:,.0f} x with start-up; a day is "
        f"{real_s / days / loop_s:,.0f} times a million turns of a Python loop)",
        f"{TARGET:,} x",
        "1 x (LWN-Simulator, chirpstack-simulator: wall clock, no firmware)",
        at_least(speed, TARGET, " x"),
    )


def deep_rows(hours=24):
    """One row: a bin's kit on an ESP32, which starts anew for each reading."""
    plan = scenarios.find("bin")
    node = replace(plan.nodes[0], board="ttgo-lora32-v2_1")
    kits = {**boards.kits(), "bin": replace(boards.kits()["bin"], interval_s=INTERVAL_S)}
    began_s = time.perf_counter()
    run = Run(replace(plan, nodes=(node,), duration_h=hours), kits=kits)
    run.execute()
    real_s = time.perf_counter() - began_s
    (node,) = run.nodes.values()
    speed = hours * 3600 / real_s
    yield Row(
        f"one node, real firmware, 10-minute interval, deep sleep, {hours} h: simulated / real",
        f"{speed:,.0f} x ({len(node.board.starts)} starts of MicroPython, "
        f"{real_s / len(node.board.starts) * 1000:.0f} ms each)",
        f"{DEEP_TARGET:,} x",
        "1 x (as above)",
        at_least(speed, DEEP_TARGET, " x"),
    )
