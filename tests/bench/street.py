# SPDX-License-Identifier: MIT
"""Many nodes with the real firmware in one air: node-days a second, one board at a time and several
at once."""

import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from table import Row

from simulator.faults import FaultPlan
from simulator.run import Run
from simulator.scenario import GatewayPlan, NodePlan, Scenario, WorldPlan
from simulator.schedule import USUAL_JOBS

START = datetime(2026, 11, 23, 6, tzinfo=timezone(timedelta(hours=1)))  # a Monday
RADIUS_M = 1500
GATEWAYS = (
    GatewayPlan("town-hall"),
    GatewayPlan("station", 1800, 300),
    GatewayPlan("mill", -900, 1500),
)
# Ten nodes as they come, again and again: name, kit, board, kind of world.
TEN = (
    ("room-a", "classroom", "rpi-pico-rfm95", "classroom"),
    ("room-b", "classroom", "rpi-pico-w-rfm95", "classroom"),
    ("room-c", "classroom-scd30", "ttgo-lora32-v2_1", "classroom"),
    ("room-d", "classroom-mhz19", "heltec-v2", "classroom"),
    ("room-e", "classroom-sht4x", "rpi-pico-rfm95", "classroom"),
    ("bin-a", "bin", "rpi-pico-rfm95", "bin"),
    ("bin-b", "bin-jsn-sr04t", "feather-rp2040-rfm95", "bin"),
    ("water", "water", "rpi-pico-rfm95", "ditch"),
    ("zebra", "crossing", "rpi-pico-rfm95", "crossing"),
    ("bay", "parking", "rpi-pico-rfm95", "parking"),
)
SIZES = ((10, 6.0), (100, 1.0))  # nodes, hours


def scenario(count, hours):
    """A street of so many nodes, each ten with worlds, faults and places of their own."""
    places = Random("street")
    nodes, worlds, faults = [], {}, []
    for number in range(count):
        ten, (name, kit, board, kind) = number // 10, TEN[number % 10]
        world = f"{kind}-{ten}"
        worlds[world] = WorldPlan(world, kind)
        x_m, y_m = (round(places.uniform(-RADIUS_M, RADIUS_M)) for _ in range(2))
        ppm = places.randint(-40, 40)
        node = NodePlan(f"{name}-{ten}", kit, board, world, x_m, y_m, clock_ppm=ppm)
        nodes.append(node)
        if number % 10 == 3:
            faults.append(FaultPlan("power-cut", hours / 2, node.name, until_h=hours / 2 + 0.1))
    faults.append(FaultPlan("gateway-off", hours / 3, gateway="mill", until_h=hours / 2))
    return Scenario(
        name="street", start=START, duration_h=hours, seed=71, gateways=GATEWAYS,
        nodes=tuple(nodes), worlds=tuple(worlds.values()), faults=tuple(faults), adr=True,
        shadowing=True,
    )  # fmt: skip


def ran(plan, folder, jobs):
    """(seconds of the run without its start-up, its files)."""
    marks = []
    run = Run(plan, folder, on_progress=lambda share: marks.append(time.perf_counter()), jobs=jobs)
    run.execute()
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    return marks[-1] - marks[0], files


def compared(count, hours, jobs=(1, USUAL_JOBS)):
    """{jobs: seconds} of a street. RuntimeError: what came out depends on the number of jobs."""
    found, usual = {}, None
    plan = scenario(count, hours)
    for many in jobs:
        with TemporaryDirectory(prefix="street-") as folder:
            found[many], files = ran(plan, Path(folder), many)
        usual = files if usual is None else usual
        differ = [name for name in files | usual if files.get(name) != usual.get(name)]
        if differ:
            raise RuntimeError(f"{many} jobs change {', '.join(sorted(differ)[:5])}")
    return found


def rows(sizes=SIZES):
    """One row for each size of the street."""
    for count, hours in sizes:
        one_s, all_s = compared(count, hours).values()
        days = count * hours / 24
        yield Row(
            f"{count} nodes, real firmware, one air, {hours:g} hours: node-days a second with "
            f"1 job and with {USUAL_JOBS}, the same files",
            f"{days / one_s:.2f} and {days / all_s:.2f} ({one_s / all_s:.2f} x)",
            f"faster with {USUAL_JOBS}",
            "-",
            "met" if all_s < one_s else f"slower by {all_s / one_s:.2f}",
        )
