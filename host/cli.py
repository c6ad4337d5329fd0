# SPDX-License-Identifier: MIT
"""The command line: parse, call one function, print."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from host import (
    boards,
    cli_devices,
    cli_networks,
    cli_nodes,
    cli_replay,
    cli_reports,
    cli_setup,
    cli_visits,
    cli_why,
)
from host.commands import Commands, Secret, UdpServer, as_json, named, show
from host.errors import WrongUse

_EXPECTED = "look into the run with --out DIR, or correct that line"


@click.group(cls=Commands)
@click.version_option(package_name="node071")
def cli() -> None:
    """Node071: small boxes that measure, and report over LoRaWAN radio.

    With a board at the USB cable, start with:  node071 setup

    Without one:  node071 simulate
    """


@cli.group("boards", invoke_without_command=True)
@as_json
@click.pass_context
def boards_group(ctx: click.Context, as_json: bool) -> None:
    """List the boards that the firmware runs on.

    The wiring of one of them:  node071 boards show NAME
    """
    if ctx.invoked_subcommand is None:
        _list(boards.boards(), as_json)


@boards_group.command("show")
@click.argument("name")
@as_json
def boards_show(name: str, as_json: bool) -> None:
    """Show which pin of board NAME does what."""
    from host import wiring

    board = named(boards.boards(), name, "board")
    if as_json:
        return show(asdict(board))
    click.echo(f"{board.name}: {board.title} ({board.chip})")
    click.echo("\n".join([*wiring.facts(board), "", *wiring.picture(board)]))


@cli.group("kits", invoke_without_command=True)
@as_json
@click.pass_context
def kits_group(ctx: click.Context, as_json: bool) -> None:
    """List the kits: the sensors that are put on a board.

    What one of them measures:  node071 kits show NAME
    """
    if ctx.invoked_subcommand is None:
        _list(boards.kits(), as_json)


@kits_group.command("show", short_help="Show what a kit measures, or how it is wired.")
@click.argument("name")
@click.option("--board", metavar="NAME", help="Show which wire goes where on this board.")
@as_json
def kits_show(name: str, board: str | None, as_json: bool) -> None:
    """Show the sensors of kit NAME and what they measure, or how they are wired.

    Example:  node071 kits show classroom --board rpi-pico-rfm95
    """
    from host import decode, wiring

    kit = named(boards.kits(), name, "kit")
    if board is not None:
        plan = wiring.plan(named(boards.boards(), board, "board"), kit)
        return show(plan) if as_json else click.echo("\n".join(wiring.table(plan)))
    if as_json:
        return show(asdict(kit))
    click.echo(f"{kit.name}: {kit.title}, every {kit.interval_s} s")
    for sensor in kit.sensors:
        click.echo(f"  {sensor.driver} on {sensor.bus}: {', '.join(decode.names(sensor.keys))}")


def _list(rows: dict[str, Any], as_json: bool) -> None:
    if as_json:
        return show([asdict(row) for row in rows.values()])
    for row in rows.values():
        click.echo(f"{row.name:22} {row.title}")


@cli.command("decode")
@click.option("--payload", type=Secret(), help="What a frame carries, already decrypted.")
@click.option(
    "--f-port", default=1, metavar="N", show_default=True,
    help="Its port: 1 readings, 2 settings, 3 status.",
)  # fmt: skip
@click.option("--phy", type=Secret(), help="Or a whole frame as it went over the air.")
@click.option("--nwk-skey", type=Secret(16), help="With --phy: the network session key.")
@click.option("--app-skey", type=Secret(16), help="With --phy: the application session key.")
@click.option(
    "--f-cnt", type=click.IntRange(0, 0xFFFFFFFF), metavar="N",
    help="With --phy: its whole frame counter.",
)  # fmt: skip
@as_json
def decode_command(
    payload: bytes | None,
    f_port: int,
    phy: bytes | None,
    nwk_skey: bytes | None,
    app_skey: bytes | None,
    f_cnt: int | None,
    as_json: bool,
) -> None:
    """Say what a payload or a frame of a node means.

    HEX is hexadecimal digits, @FILE for a file that holds them, or - for the standard input: so
    nobody sees a key in the list of processes.

    Example:  node071 decode --payload a3011902640218d503182d
    """
    from host import decode

    if (payload is None) == (phy is None):
        raise WrongUse("nothing to decode, or too much", "give --payload HEX or --phy HEX")
    if payload is not None:
        result = decode.decode_payload(payload, f_port)
    elif phy is not None and nwk_skey is not None and app_skey is not None:
        result = decode.decode_phy(phy, nwk_skey, app_skey, f_cnt)
    else:
        raise WrongUse("--phy is encrypted", "give --nwk-skey HEX and --app-skey HEX too")
    show(result) if as_json else click.echo("\n".join(decode.lines(result)))


@cli.command("simulate", short_help="Run a class for a day: the real firmware, virtual time.")
@click.argument("scenario", required=False)
@click.option(
    "--seed", type=click.IntRange(0), metavar="N", help="Chance: the same number, the same run."
)
@click.option("--hours", type=float, metavar="H", help="How long the run lasts, in virtual time.")
@click.option("--list", "listed", is_flag=True, help="List the scenarios that come along.")
@click.option(
    "--nodes",
    type=click.IntRange(1),
    metavar="N",
    help="At most N nodes of each kind of which the scenario has many.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep all that happens in this directory.",
)
@click.option(
    "--firmware",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Run your own firmware: a directory with main.py.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    metavar="N",
    help="How many boards compute at once; without it two a core. What comes out is the same.",
)
@click.option(
    "--gateway", "server", type=UdpServer(), metavar="udp://HOST:PORT",
    help="A network server for its gateways, in real time; needs --out.",
)  # fmt: skip
@click.option("--keep-flash", is_flag=True, help="Keep the flash of the nodes in DIR as well.")
@as_json
def simulate(
    scenario: str | None,
    seed: int | None,
    hours: float | None,
    listed: bool,
    nodes: int | None,
    out: Path | None,
    firmware: Path | None,
    jobs: int | None,
    server: tuple[str, int] | None,
    keep_flash: bool,
    as_json: bool,
) -> None:
    """Run the real firmware on a virtual board, in virtual time: a day takes seconds.

    SCENARIO says who is where and what there is to measure: a name of --list, a kit of `node071
    kits`, or a file of your own that ends in .toml. Without one it is a school day of one
    classroom. When what it expects of the run did not come true, the exit status is 1.

    With --gateway its gateways speak to ChirpStack or The Things Stack by the Semtech UDP protocol,
    until Ctrl-C: docs/network-servers.md. The nodes last in DIR, and go on when it is run again.

    Example:  node071 simulate --hours 6 --out day
    """
    from host import desk
    from host.screen import unmet

    if listed:
        titles = desk.titles()
        if as_json:
            return show([{"name": name, "title": title} for name, title in titles.items()])
        return click.echo("\n".join(f"{name:20} {title}" for name, title in titles.items()))
    summary = desk.simulate(
        scenario, seed, hours, out, firmware, quiet=as_json, jobs=jobs, nodes=nodes,
        server=server, keep_flash=keep_flash,
    )  # fmt: skip
    failed = unmet(summary)
    if as_json:
        more = {"error": failed[0], "next": _EXPECTED} if failed else {}
        show(summary | more)
    for line in () if as_json else failed:
        click.echo(f"error: {line}; {_EXPECTED}", err=True)
    if failed:
        sys.exit(1)


@cli.command("virtual-board", short_help="Run a virtual board at a serial port: to try, to teach.")
@click.option("--board", metavar="NAME", required=True, help="Which: see node071 boards.")
@click.option(
    "--mode",
    type=click.Choice(["micropython", "bootloader", "silent", "garbage"]),
    default="micropython",
    show_default=True,
    help="What it does at first; silent and garbage are for tests.",
)
@click.option(
    "--flash",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep its flash chip in this file; without it all is gone at the end.",
)
@click.option("--link", type=click.Path(path_type=Path), help="A name for its port that stays.")
@click.option(
    "--drive",
    type=click.Path(path_type=Path),
    help="RP2040: the folder that is its UF2 drive; it comes and goes, so name a new one.",
)
@click.option("--kit", metavar="NAME", help="Its sensors; else those that it is provisioned with.")
@click.option("--unique-id", type=Secret(), help="Its MAC (6 bytes) or flash id (8 bytes).")
@click.option(
    "--filesystem-kib", type=click.IntRange(16), metavar="N", help="A smaller filesystem, to fill."
)
@click.option("--network", is_flag=True, help="A gateway and a small network are in its air.")
@click.option(
    "--gateway", "server", type=UdpServer(), metavar="udp://HOST:PORT",
    help="Or the gateway speaks to this network server.",
)  # fmt: skip
@click.option("--at-speed", is_flag=True, help="Line and flash as slow as those of a real one.")
@click.option(
    "--firmware",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Your own firmware is on it: a directory with main.py. It is not provisioned yet.",
)
@as_json
def virtual_board(
    board: str,
    mode: str,
    flash: Path | None,
    firmware: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Run a virtual board at a pseudo-terminal until Ctrl-C: flash it, provision it, watch it.

    The first line names its port. esptool writes to it, mpremote talks to it. Its MicroPython is
    the unix port: a MicroPython that is flashed is checked and kept, not executed. On a terminal
    Enter presses its reset button, b and Enter its boot button too, u pulls the plug, p puts it in.

    Nobody hears it, unless --network puts a gateway with a small network into its air, which knows
    the board by what is in its flash: it joins, and node071 link-check gives a verdict.

    Example:  node071 virtual-board --board ttgo-lora32-v2_1 --flash board.bin --link port
    """
    from host import desk

    named(boards.boards(), board, "board")
    if options["network"] and options["server"]:
        raise WrongUse("--network and --gateway exclude each other", "leave one of them out")
    if options["kit"] is not None:
        named(boards.kits(), options["kit"], "kit")

    def found(facts: dict[str, Any]) -> None:
        show(facts) if as_json else click.echo(facts["port"] or facts["drive"])
        click.echo(f"its keys go into {facts['ledger']}", err=True)
        sys.stdout.flush()

    desk.virtual_board(board, mode, flash, firmware, found, **options)


boards_group.add_command(cli_nodes.hash_command)
for command in (
    cli_setup.setup_command,
    cli_nodes.doctor_command,
    cli_nodes.flash_command,
    cli_nodes.provision_command,
    cli_devices.devices,
    cli_devices.retire,
    cli_devices.backup,
    cli_devices.restore,
    cli_devices.passphrase_command,
    cli_replay.replay,
    cli_why.why,
    *cli_reports.COMMANDS,
    *cli_visits.COMMANDS,
    *cli_networks.COMMANDS,
):
    cli.add_command(command)


def main() -> None:
    """Run the command line."""
    cli(prog_name="node071")


if __name__ == "__main__":
    main()
