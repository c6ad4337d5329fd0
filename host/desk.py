# SPDX-License-Identifier: MIT
"""Runs and replays at the desk, shown on the screen as they go."""

import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from host import boards, captures, decode, joins
from host import replay as replaying
from host.errors import HostError, WrongUse, meant, typed
from host.rows import Row
from host.screen import Screen, crowd_lines, expected_lines, summary_lines

_MOST = 5  # of foreign lines and refusals that are shown; --json has them all


def titles() -> dict[str, str]:
    """The scenarios that come along, and what each is about."""
    from simulator import scenario as scenarios

    return scenarios.titles()


def simulate(
    name: str | None,
    seed: int | None,
    hours: float | None,
    out: Path | None,
    firmware: Path | None,
    quiet: bool,
    jobs: int | None = None,
    nodes: int | None = None,
    server: tuple[str, int] | None = None,
    keep_flash: bool = False,
) -> dict[str, Any]:
    """Run a scenario and return its summary; unless `quiet`, show it while it goes on.

    `jobs` boards compute at once, None: two a core. `nodes`: at most so many of each table with
    a count. `server`: the (host, port) of a network server, in real time.
    """
    from simulator import scenario as scenarios
    from simulator.run import Run
    from simulator.schedule import USUAL_JOBS
    from simulator.served_run import ServedRun

    if server is not None and out is None:
        step = "add --out DIR: what the network server has to know of them is there"
        raise WrongUse("--gateway needs nodes that last", step)
    if keep_flash and out is None:
        raise WrongUse("--keep-flash has nowhere to keep it", "add --out DIR")

    try:
        scenario = scenarios.find(name, seed, nodes)
    except LookupError:
        step = meant(str(name), dict.fromkeys([*scenarios.ready(), *boards.kits()]))
        raise WrongUse(f"unknown scenario '{name}'", f"{step}, or a FILE.toml") from None
    if hours is not None and not 0.01 <= hours <= 100000:
        raise WrongUse(f"--hours is {hours:g}", "give 0.01 to 100000, for example --hours 24")
    if hours is not None:
        scenario = scenario.lasting(hours)
    quantities = decode.names(
        [key for node in scenario.nodes for key in boards.kits()[node.kit].wire_keys()]
    )
    with Screen(scenario.name, Console(), quiet=quiet, quantities=quantities) as screen:
        jobs = jobs or USUAL_JOBS
        options = (firmware, screen.row, screen.progress)
        if server is None or out is None:
            run = Run(scenario, out, *options, jobs=jobs, keep_flash=keep_flash)
        else:
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            tell = partial(click.echo, err=True)
            run = ServedRun(scenario, out, server, tell, *options, jobs=jobs)
        try:
            summary = run.execute()
        except KeyboardInterrupt:
            kept = f"what it did is in {out}" if out else "next time keep it with --out DIR"
            raise HostError(f"stopped after {run.hours:.1f} h of virtual time", kept) from None
    if not quiet:
        for node in summary["nodes"]:
            click.echo("\n".join(summary_lines(node)))
        for line in [*crowd_lines(summary), *expected_lines(summary)]:
            click.echo(line)
    if out is not None:
        made = _draw(out, any(node.get("fill_now") is not None for node in summary["nodes"]))
        if not quiet:
            click.echo("\n".join(made))
    return summary


def _draw(out: Path, bins: bool) -> list[str]:
    """Draw the run that was kept, and the way over its bins; returns what was made."""
    from host import emptying, report

    found = []
    if report.there_is_a_library():
        found.append(f"report: {report.write(out)['report']}")
    else:
        click.echo("for a report of the run: pip install 'node071[report]'", err=True)
    if bins:
        made = emptying.write(out)
        found.append(f"bins due tomorrow: {len(made['due'])}, {made['geojson']}")
        if "next" in made:
            click.echo(made["next"], err=True)
    return found


def virtual_board(
    board: str,
    mode: str,
    flash: Path | None,
    firmware: Path | None,
    found: Callable[[dict[str, Any]], None],
    **options: Any,
) -> None:
    """Run a virtual board until Ctrl-C; `found` gets who and where it is, and a ledger for it.

    With a firmware a new one comes as `node071 flash --firmware` leaves it. On a terminal Enter is
    its reset button, b and Enter the boot loader, u and p the plug.
    """
    from host.ledgers import default_path, named
    from simulator.scratch import Scratch
    from simulator.virtual_board import VirtualBoard

    if firmware is not None:
        options["files"] = _installed(board, mode, flash, firmware)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with Scratch() as folder, suppress(KeyboardInterrupt):
        options["tell"] = partial(click.echo, err=True)
        made = VirtualBoard(board, flash or folder / "flash", mode, **options)
        keys = {"": made.press_reset, "p": made.plug_in}
        keys |= {"b": partial(made.become, "bootloader"), "u": partial(made.become, "unplugged")}
        with made:
            found({**made.facts(), "ledger": str(named() or default_path(practice=True))})
            while made.running:
                if sys.stdin.isatty() and select.select([sys.stdin], [], [], 0.5)[0]:
                    keys.get(sys.stdin.readline().strip(), made.press_reset)()
                else:
                    time.sleep(0.2)


def _installed(board: str, mode: str, flash: Path | None, firmware: Path) -> dict[str, bytes]:
    """The files of a new board with this firmware. WrongUse: it is not new, or has no files."""
    from host import image, provision

    flash_it = f"node071 flash --board {board} --firmware {typed(firmware)}"
    step = f"leave --firmware out, then: {flash_it}"
    if mode == "bootloader":
        raise WrongUse("a board that starts in its boot loader has no files yet", step)
    if flash is not None and flash.exists():
        raise WrongUse(f"{flash} is the flash of a board that has its files", step)
    records = provision.board_records(boards.boards()[board])
    return image.firmware(firmware) | {path.lstrip("/"): data for path, data in records.items()}


def replay(
    capture: Path,
    keys: Path | None,
    ledger: Path | None,
    target: str,
    node: str | None,
    quiet: bool,
) -> dict[str, Any]:
    """Replay a capture into the table or to a fresh network; return what became of its frames.

    `node`: only the frames of that one.
    """
    known = _keys(_there(capture), keys, ledger)
    frames, lines = _read(capture, quiet)
    known = joins.learn(known, frames)
    heard = [frame for frame in frames if isinstance(frame, captures.Uplink)]
    if node is not None:
        heard = replaying.of_node(node, known, heard)
        known = [each for each in known if each["name"] == node]  # a MIC is by its keys only
    if target == "network":
        result = _to_network(heard, known, quiet)
    else:
        result = _to_table(heard, known, quiet)
    return {**result, "foreign_lines": lines}


def why(folder: Path, node: str | None) -> tuple[dict[str, Any], list[str]]:
    """What became of the nodes of a kept run, and why: for a program, and as lines."""
    from simulator.why.verdicts import told

    return told(folder, node)


def _keys(capture: Path, keys: Path | None, ledger: Path | None) -> joins.Devices:
    """The devices and what is known of their keys: of a file, or of the ledger."""
    if ledger is None and keys != Path("ledger"):
        return replaying.load_devices(capture, keys)
    from host.ledgers import named, open_ledger

    with open_ledger(ledger or named(), create=False) as opened:
        return joins.devices(opened.nodes(retired=True))


def send(
    capture: Path,
    keys: Path | None,
    ledger: Path | None,
    server: tuple[str, int],
    speed: float | None,
    gateway: bytes | None,
    node: str | None,
    quiet: bool,
) -> dict[str, Any]:
    """Send the uplinks of a capture, or of one `node`, to a server; return what became of them.

    HostError: not all are acknowledged. WrongUse: nothing says which gateway heard them.
    """
    from simulator.udp_replay import UdpReplay

    found, lines = _read(_there(capture), quiet)
    frames = [frame for frame in found if isinstance(frame, captures.Uplink)]
    if node is not None:  # whose frames they are is told by the keys
        known = joins.learn(_keys(capture, keys, ledger), found)
        frames = replaying.of_node(node, known, frames)
    if gateway is not None:
        frames = [replace(frame, gateway=gateway.hex()) for frame in frames]
    if any(not _is_eui(frame.gateway) for frame in frames):
        cause = f"{capture.name} does not say which gateway heard its frames"
        raise WrongUse(cause, "give --gateway EUI, 16 hexadecimal digits")
    place = f"udp://{server[0]}:{server[1]}"
    try:
        sent = UdpReplay(frames, *server, speed).run()
    except OSError as error:
        cause = f"{place}: {error.strerror or error}"
        raise HostError(cause, "check the name of the server") from error
    if not quiet:
        click.echo(
            f"{place}: {sent.frames} frames, {sent.sent} sent, {sent.acknowledged} acknowledged, "
            f"{sent.lost} lost, {sent.repeated} repeated, {sent.downlinks} downlinks, "
            f"{sent.seconds:.1f} s"
        )
    if frames and not sent.acknowledged:
        step = "check that a network server takes the Semtech UDP protocol there"
        raise HostError(f"{place} does not answer", step)
    if sent.acknowledged < sent.frames:
        cause = f"{place} acknowledged {sent.acknowledged} of {sent.frames} frames"
        raise HostError(cause, "the way there loses datagrams, or the server stopped")
    return {**asdict(sent), "foreign_lines": lines}


def attack(
    capture: Path, keys: Path | None, ledger: Path | None, name: str | None, quiet: bool
) -> dict[str, Any]:
    """Send the downlinks of a capture to its node as it was left; return what became of them.

    HostError: the node took one that it has to refuse, or not the one that is new.
    """
    from simulator.node_trial import NodeTrial

    known = _keys(_there(capture), keys, ledger)
    frames, lines = _read(capture, quiet)
    known = joins.learn(known, frames)
    chosen = [each for each in known if name in (None, each["name"])]
    if len(chosen) != 1:
        names = [each["name"] for each in known]
        cause = f"which node? The capture has {', '.join(names) or 'none'}"
        raise WrongUse(cause, meant(name or "", names, "give --node NAME"))
    flash = capture.with_name(f"{chosen[0]['name']}.flash")
    if not flash.is_file():
        raise HostError(f"there is no {flash}", "keep it: node071 simulate --out DIR --keep-flash")
    sent = [frame for frame in frames if isinstance(frame, captures.Downlink)]
    with Screen("replay", Console(), quiet=quiet) as screen:
        trial = NodeTrial(chosen[0], flash, sent, screen.progress)
        result = trial.run()
    if not quiet:
        click.echo("\n".join(_attack_lines(result)))
    problem = result.problem()
    if problem:
        raise HostError(problem, "please report it with the capture and the flash")
    return {**asdict(result), "foreign_lines": lines}


def _attack_lines(result: Any) -> Iterator[str]:
    for kind in ("captured", "forged", "fresh"):
        found = result.of(kind)
        heard, taken = sum(each.heard for each in found), sum(each.taken for each in found)
        refused = f"{heard - taken} refused" if kind != "fresh" else f"{taken} accepted"
        yield f"{kind}: {len(found)} sent to {result.name}, {heard} heard by its radio, {refused}"
        yield from (
            f"  {why}" for why in _some([each.why for each in found if each.why], "refused")
        )
    yield f"its counter of downlinks: {result.f_cnt_down}, and {result.f_cnt_down_after} after them"
    if result.left_out:
        yield f"left out: {result.left_out} that were new to the node, or too many"


def _there(capture: Path) -> Path:
    if not capture.is_file():
        raise HostError(f"there is no file {capture}", "name the capture.jsonl of a run")
    return capture


def _read(
    capture: Path, quiet: bool
) -> tuple[list[captures.Uplink | captures.Downlink], list[str]]:
    """The frames of a capture, and the lines that are none; the first of these are shown."""
    foreign: list[captures.Line] = []
    frames = list(captures.frames(capture, foreign))
    lines = [f"line {each.number}: {each.problem}" for each in foreign]
    if not quiet:
        for line in _some(lines, "lines"):
            click.echo(f"{capture.name}, {line}; passed over", err=True)
    return frames, lines


def _is_eui(text: str) -> bool:
    return len(text) == 16 and set(text.lower()) <= set("0123456789abcdef")


def _some(found: list[str], what: str) -> Iterator[str]:
    """The first of what was found, and how many more there are."""
    yield from found[:_MOST]
    if len(found) > _MOST:
        yield f"and {len(found) - _MOST} more {what}"


def _to_table(
    frames: list[captures.Uplink], known: list[dict[str, Any]], quiet: bool
) -> dict[str, Any]:
    reader, rows = replaying.Reader(known), []
    with Screen("replay", Console(), quiet=quiet, clock="UTC", quantities=()) as screen:
        for number, frame in enumerate(frames, 1):
            rows += reader.rows(frame)
            screen.progress(number / len(frames))
        screen.quantities({name for row in rows for name in replaying.quantities(row)})
        for row in rows:
            screen.row(row)
    if not quiet:
        counts = {what: count for what, count in reader.counts.items() if count or what == "frames"}
        click.echo(", ".join(f"{count} {what}" for what, count in counts.items()))
    return {**reader.counts, "readings": [_reading(row) for row in rows]}


def _reading(row: Row) -> dict[str, Any]:
    return {"time": row.time.isoformat(), "name": row.name, "f_cnt": row.f_cnt} | row.values


def _to_network(
    frames: list[captures.Uplink], known: list[dict[str, Any]], quiet: bool
) -> dict[str, Any]:
    """To a fresh network server, all again, then a new one. HostError: it takes the wrong ones."""
    from simulator import trial

    found = trial.run(frames, known)
    if not quiet:
        click.echo("\n".join(_trial_lines(found)))
    if found.refused < found.replayed or (found.live is not None and not found.live.accepted):
        raise HostError(
            "the network server does not tell old frames from new ones",
            "this is a mistake in node071: please report it with the capture",
        )
    return asdict(found)


def _trial_lines(found: Any) -> Iterator[str]:
    yield (
        f"first time: {found.frames} frames, {found.accepted} accepted, {found.copies} copies, "
        f"{len(found.strangers)} refused"
    )
    yield from (f"  {reason}" for reason in _some(found.strangers, "refused"))
    yield f"once more: {found.replayed} frames, {found.refused} refused"
    yield from (f"  {reason}" for reason in _some(found.reasons, "refused"))
    if found.live is not None:
        word = "accepted" if found.live.accepted else f"refused: {found.live.reason}"
        yield f"then a live frame: counter {found.live.f_cnt} of {found.live.name}, {word}"
