# SPDX-License-Identifier: MIT
"""Runs and replays at the desk, shown on the screen as they go."""

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import click
from rich.console import Console

from host import boards
from host import replay as replaying
from host.errors import HostError
from host.screen import Screen, summary_lines

_REASONS = 5  # shown of the network's refusals; --json has them all


def simulate(
    name: str | None,
    seed: int | None,
    hours: float | None,
    out: Path | None,
    firmware: Path | None,
    quiet: bool,
) -> dict[str, Any]:
    """Run a scenario and return its summary; unless `quiet`, show it while it goes on."""
    from simulator import scenario as scenarios
    from simulator.run import Run

    try:
        scenario = scenarios.find(name)
    except LookupError:
        known = ", ".join([*scenarios.ready(), *boards.kits()])
        raise click.UsageError(
            f"unknown scenario '{name}'; known: {known}, or a FILE.toml"
        ) from None
    if hours is not None and hours <= 0:
        raise click.UsageError(f"--hours is {hours:g}, it has to be above 0")
    scenario = replace(
        scenario,
        seed=scenario.seed if seed is None else seed,
        duration_h=scenario.duration_h if hours is None else hours,
    )
    if quiet:
        return Run(scenario, out, firmware).execute()
    with Screen(scenario.name, Console()) as screen:
        summary = Run(scenario, out, firmware, screen.row, screen.progress).execute()
    for node in summary["nodes"]:
        click.echo("\n".join(summary_lines(node)))
    return summary


def replay(capture: Path, devices: Path | None, target: str, quiet: bool) -> dict[str, Any]:
    """Replay a capture and return what became of its frames."""
    if not capture.is_file():
        raise HostError(f"{capture} does not exist", "name the capture.jsonl of a run")
    foreign: list[replaying.Line] = []
    known = replaying.load_devices(capture, devices)
    frames = list(replaying.uplinks(capture, foreign))
    result = _to_network(frames, known) if target == "network" else _to_table(frames, known, quiet)
    result["foreign_lines"] = [f"line {each.number}: {each.problem}" for each in foreign]
    if not quiet:
        for line in result["foreign_lines"]:
            click.echo(f"{capture.name}, {line}: passed over", err=True)
        counts = {key: value for key, value in result.items() if isinstance(value, int)}
        click.echo(", ".join(f"{value} {key}" for key, value in counts.items()))
        for reason in result.get("reasons", [])[:_REASONS]:
            click.echo(f"  refused: {reason}")
    return result


def _to_table(
    frames: list[replaying.Uplink], known: list[dict[str, Any]], quiet: bool
) -> dict[str, Any]:
    reader = replaying.Reader(known)
    if quiet:
        rows = [row for frame in frames for row in reader.rows(frame)]
        return {**reader.counts, "readings": [row.values for row in rows]}
    with Screen("replay, times in UTC", Console()) as screen:
        for number, frame in enumerate(frames, 1):
            for row in reader.rows(frame):
                screen.row(row)
            screen.progress(number / len(frames))
    return dict(reader.counts)


def _to_network(frames: list[replaying.Uplink], known: list[dict[str, Any]]) -> dict[str, Any]:
    """Each frame to a fresh network server, and then each once more, which it has to refuse."""
    from simulator.network import Device, Network
    from simulator.regions import EU868, REGIONS

    names = [each["region"] for each in known if "region" in each]
    region = REGIONS.get(names[0], EU868) if names else EU868
    network = Network([Device.restore(each) for each in known], Random(0), region=region)
    accepted, refused = 0, []
    start = frames[0].time if frames else None
    for turn in range(2):
        for frame in frames:
            assert start is not None
            time_us = round((frame.time - start).total_seconds() * 1e6) + turn * 10**12
            verdict = network.uplink(
                time_us, frame.phy, frame.freq_hz, frame.sf, frame.bw_hz, frame.rssi_dbm,
                frame.snr_db, frame.gateway,
            )  # fmt: skip
            accepted += verdict.accepted
            if not verdict.accepted:
                refused.append(verdict.reason)
    reasons = sorted(set(refused), key=refused.index)
    return {
        "sent": 2 * len(frames),
        "accepted": accepted,
        "refused": len(refused),
        "reasons": reasons,
    }
