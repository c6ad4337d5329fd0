# SPDX-License-Identifier: MIT
"""What a run comes to: its summary, and the files of readings, worlds and devices."""

import csv
import json
import os
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from host import files, remarks
from host.kits import Kit
from host.rows import Row
from simulator import energy, expectations
from simulator.fleet import Node
from simulator.gateway import gateway_eui
from simulator.outcome import outcome
from simulator.plans import GatewayPlan, NodePlan, Scenario
from simulator.world import Classroom, Environment

_FAIR_USE_S = 30
_DAY_US = 86_400_000_000


def summary(scenario: Scenario, nodes: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The summary of a run, with what `of_node` says of each of its nodes."""
    end = scenario.start + timedelta(microseconds=scenario.duration_us)
    return {
        "scenario": scenario.name,
        "seed": scenario.seed,
        "start": scenario.start.isoformat(),
        "end": end.isoformat(),
        "shortened": scenario.shortened,
        "gateways": [
            {"name": each.name, "eui": gateway_eui(number, each.eui), **_place(each)}
            for number, each in enumerate(scenario.gateways)
        ],
        "nodes": list(nodes),
    }


def _place(plan: GatewayPlan | NodePlan) -> dict[str, float | None]:
    """Where something stands; degrees are None when the scenario has none."""
    return {key: getattr(plan, key) for key in ("x_m", "y_m", "latitude", "longitude")}


def of_node(
    node: Node, kit: Kit, rows: list[Row], duration_us: int, duty_cycle: float | None
) -> dict[str, Any]:
    """What one node did in `duration_us`; `rows`: its own readings."""
    days = duration_us / _DAY_US
    airtime_s = node.airtime_us / 1e6
    parts_mah = energy.by_part_mah(
        node.hardware,
        node.board.time_by_state_us(),
        node.radio.time_by_state_us(),
        {name: each.time_by_state_us() for name, each in node.sensors.items()},
    )
    return {
        "name": node.plan.name,
        "dev_eui": node.identity.dev_eui.hex(),
        "dev_addrs": [f"{each.dev_addr:08x}" for each in node.device.sessions],
        "kit": node.plan.kit,
        "board": node.plan.board,
        **_place(node.plan),
        "joins": node.joins,
        "join_tries": node.join_tries,
        "uplinks_sent": node.uplinks_sent,
        "uplinks_heard": node.uplinks_heard,
        "decoded": node.decoded,
        "airtime_s": round(airtime_s, 3),
        "duty_cycle_share": duty_cycle and round(airtime_s / (days * 86400 * duty_cycle), 4),
        "fair_use_share": round(airtime_s / days / _FAIR_USE_S, 4),
        **outcome(kit.wire_keys(), [(row.time, row.values) for row in rows]),
        "remarks": remarks.counted(row.values for row in rows),
        **energy.summary(parts_mah, days, kit.mains),
        "starts": len(node.board.starts),
        "flash_erases": sum(node.board.wear.erases.values()),
        "flash_erases_hottest_block": max(node.board.wear.erases.values(), default=0),
    }


def judge(scenario: Scenario, found: dict[str, Any], rows: list[Row], out: Path) -> None:
    """Put into a summary what became of the scenario's expectations."""
    with (out / "events.jsonl").open(encoding="utf-8") as file:
        events = [json.loads(line) for line in file] if scenario.expect else []
    kept = expectations.Kept(
        scenario.duration_h, scenario.start, scenario.groups, found, rows, events,
        scenario.shortened,
    )  # fmt: skip
    found["expectations"] = expectations.judge(scenario.expect, kept)


def clear(folder: Path) -> None:
    """Take away what a run before left in a folder and this one writes only at its end."""
    for name in ("summary.json", "readings.csv", "world.csv", "report.html"):
        (folder / name).unlink(missing_ok=True)


def write_summary(path: Path, found: dict[str, Any]) -> None:
    path.write_text(json.dumps(found, indent=2) + "\n")


def write_readings(path: Path, rows: Iterable[Row]) -> None:
    """One line for each row, with a column for each quantity there is."""
    names = [row[1] for row in files.readings().QUANTITIES if row[1] != "age"]
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["time", "name", "dev_eui", "f_cnt", *names])
        for row in rows:
            time = row.time.isoformat(timespec="seconds")
            cells = [_cell(row.values.get(name)) for name in names]
            writer.writerow([time, row.name, row.dev_eui, row.f_cnt, *cells])


def write_worlds(path: Path, worlds: Mapping[str, Environment], now_us: int) -> None:
    """How the air of the classrooms was, beside what was measured of it."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["time_s", "world", "co2_ppm", "temperature_c", "humidity_pct"])
        for name, world in worlds.items():
            if isinstance(world, Classroom):
                for time_us, air in world.log(now_us):
                    cells = (air.co2_ppm, air.temperature_c, air.humidity_pct)
                    writer.writerow([time_us // 1_000_000, name, *map(repr, cells)])


def write_devices(path: Path, nodes: Iterable[Node], region: str) -> None:
    """Keys of virtual nodes, for a replay; still nobody else's to read. Never half of them."""
    rows = [node.device.record() | _of_plan(node) | {"region": region} for node in nodes]
    half = path.with_suffix(".half")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(json.dumps({"nodes": rows}, indent=2) + "\n")
    half.replace(path)


def _of_plan(node: Node) -> dict[str, str]:
    return {"board": node.plan.board, "kit": node.plan.kit}


def _cell(value: Any) -> Any:
    return "" if value is None else " ".join(value) if isinstance(value, list) else value
