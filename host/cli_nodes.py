# SPDX-License-Identifier: MIT
"""The commands that work on a board at a port: doctor, flash, provision."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from host import boards
from host.commands import NAME, PLACE, Secret, as_json, named, show
from host.errors import HostError, WrongUse
from host.ledgers import ledger_options

if TYPE_CHECKING:
    from host.keys import EuiBlock

_port_option = click.option(
    "--port", metavar="PORT", help="The serial port; without it: the only board on USB."
)
_board_option = click.option("--board", required=True, metavar="NAME", help="See node071 boards.")
_replace_option = click.option(
    "--replace", is_flag=True, help="What is on the board may go: it is to be another one."
)
_firmware_option = click.option(
    "--firmware",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Your own firmware: a directory with main.py.",
)


class _Block(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.4 on
    name = "block"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> "EuiBlock":
        """A block of EUIs; wrong use says how it is written."""
        from host.keys import EuiBlock

        return value if isinstance(value, EuiBlock) else EuiBlock.parse(value)


@click.command("provision", short_help="Make the board at a port a node, and check it.")
@click.option("--board", metavar="NAME", help="See node071 boards.")
@click.option("--kit", metavar="NAME", help="See node071 kits.")
@click.option(
    "--port", "ports", metavar="PORT", multiple=True,
    help="The serial port; without it: the only board on USB. With --manifest: several times.",
)  # fmt: skip
@click.option(
    "--manifest",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Many nodes: a CSV or TOML file with name, board, kit of each.",
)
@click.option(
    "--wait", "wait_s", type=click.FloatRange(0), default=300, show_default=True, metavar="S",
    help="With --manifest: how long to wait for the next board.",
)  # fmt: skip
@click.option(
    "--name", type=NAME, metavar="NAME", help="What the node is called; without it: KIT-1, KIT-2."
)
@click.option("--region", type=click.Choice(boards.REGIONS), metavar="NAME",
              help="Where it sends: EU868 if not given.")  # fmt: skip
@click.option("--place", type=PLACE, metavar="TEXT", help="Where it hangs, for your own list.")
@click.option("--dev-eui", type=Secret(8), help="Its DevEUI; without it: from the board.")
@click.option("--eui-block", type=_Block(), help="Or the next one of FIRST/COUNT or FIRST-LAST.")
@click.option("--join-eui", type=Secret(8), help="Its JoinEUI; without it: zeros.")
@click.option("--app-key", type=Secret(16), help="Its AppKey, @FILE or -; without it: a new one.")
@click.option("--site-secret", type=Secret(), help="Or @FILE or -: the AppKey is derived from it.")
@click.option("--new-keys", is_flag=True, help="The network's side was made anew: so are the keys.")
@click.option("--show-keys", is_flag=True, help="Print the AppKey too.")
@_replace_option
@_firmware_option
@ledger_options
@as_json
def provision_command(
    board: str | None,
    kit: str | None,
    ports: tuple[str, ...],
    manifest: Path | None,
    wait_s: float,
    region: str | None,
    place: str | None,
    eui_block: "EuiBlock | None",
    show_keys: bool,
    replace: bool,
    firmware: Path | None,
    ledger: Path | None,
    plain_keys: bool,
    as_json: bool,
    **wish: Any,
) -> None:
    """Give the board at PORT its identity and the settings of a kit, and read all of it back.

    The board needs MicroPython; if it lacks our firmware it gets that too. Run it again whenever
    it was interrupted: the same board gets the same identity.

    With --manifest it makes all the nodes of a file, on every board that is plugged in, one after
    another and at several ports at once. Run again it goes on with those that are not done.

    Example:  node071 provision --board rpi-pico-rfm95 --kit classroom
    """
    from host import provisioning
    from host.enrol import Wish
    from host.ledgers import for_boards, open_ledger
    from host.port import Port, choose
    from host.progress import Progress
    from host.visit import Visit

    if manifest is not None:
        one = {"--board": board, "--kit": kit, "--name": wish["name"], "--dev-eui": wish["dev_eui"]}
        one |= {
            "--app-key": wish["app_key"],
            "--new-keys": wish["new_keys"],
            "--show-keys": show_keys,
        }
        if given := [option for option, value in one.items() if value]:
            raise WrongUse(f"{given[0]} is for one node, not for a manifest", "leave it out")
        wishes = Wish(block=eui_block, **wish)
        return _provision_many(
            manifest, ledger, plain_keys, as_json, ports=ports, wish=wishes, region=region,
            place=place, replace=replace, firmware=firmware, wait_s=wait_s,
        )  # fmt: skip
    if board is None or kit is None:
        missing = "--kit" if board else "--board"
        raise WrongUse(f"missing option '{missing}'", "see node071 provision --help")
    if len(ports) > 1:
        raise WrongUse("several ports are for a --manifest", "name one --port")
    order = provisioning.Order(
        named(boards.boards(), board, "board"),
        named(boards.kits(), kit, "kit"),
        Wish(block=eui_block, **wish),
        region,
        place,
        replace,
        firmware,
    )
    if problem := boards.refusal(order.board, order.kit):
        raise HostError(problem, "see node071 boards for others")
    place_of_port = choose(ports[0] if ports else None, order.board.usb)
    with (
        open_ledger(for_boards(ledger, ports), plain_keys) as book,
        Progress(quiet=as_json) as progress,
        Port(place_of_port, progress.say) as line,
        Visit(line, progress.step) as visit,
    ):
        receipt = provisioning.provision(visit, book, order)
    key = {"app_key": receipt.node.identity.app_key.hex()} if show_keys else {}
    if as_json:
        return show(receipt.public() | key)
    node = receipt.node
    click.echo(f"{node.name}: {node.kit} on {node.board}, DevEUI {node.dev_eui.hex().upper()}")
    for name, value in key.items():
        click.echo(f"{name}: {value.upper()}")
    done = "written and read back" if receipt.changed else "was so already, read back"
    if receipt.was_retired:
        click.echo(f"note: {provisioning.IN_USE_AGAIN}", err=True)
    click.echo(f"{done}; next: node071 export tts-csv, or your network's own page")


def _provision_many(
    path: Path, ledger: Path | None, plain_keys: bool, as_json: bool, **plan: Any
) -> None:
    """Do the rows of a manifest; exit status 1 when one of them is not written afterwards."""
    from host import manifest, roster
    from host.batch import Batch, Plan
    from host.ledgers import for_boards, open_ledger
    from host.progress import Progress

    receipts = path.with_name(path.name + ".receipts.jsonl")
    try:
        rows = manifest.read(path)
        ledger = for_boards(ledger, plan["ports"])
        with open_ledger(ledger, plain_keys) as book, Progress(quiet=as_json) as progress:
            manifest.check_ledger(path, rows, book, plan["wish"].join_eui, plan["region"])
            done = Batch(rows, book, Plan(receipts, **plan), progress).run()
    except manifest.Mistakes as error:
        if as_json:
            mistakes = [vars(each) for each in error.mistakes]
            show({"error": str(error), "next": error.next_step, "mistakes": mistakes})
        for each in () if as_json else error.mistakes:
            line = f"error: {path.name}, line {each.line}: {each.problem}; {each.next_step}"
            click.echo(line, err=True)
        sys.exit(1)
    failed = [row for row in done if not row.written]
    if as_json:
        show({"nodes": [each.public() for each in done], "failed": len(failed)})
    else:
        click.echo("\n".join(roster.receipts(done)))
        for row in failed:
            click.echo(f"error: {row.row.name}: {row.problem}; {row.next_step}", err=True)
        click.echo(f"{len(done) - len(failed)} of {len(done)} are written; receipts: {receipts}")
    if failed:
        sys.exit(1)


@click.command("flash", short_help="Put firmware, and MicroPython, on the board at a port.")
@_board_option
@_port_option
@click.option(
    "--micropython", metavar="FILE|VERSION", help="Install this MicroPython too, such as 1.28.0."
)
@click.option("--lose-backlog", is_flag=True, help="Go on although the board cannot be read.")
@click.option(
    "--drive",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where an RP2040 that waits for a UF2 file is mounted.",
)
@_replace_option
@_firmware_option
@ledger_options
@as_json
def flash_command(
    board: str,
    port: str | None,
    micropython: str | None,
    lose_backlog: bool,
    drive: Path | None,
    replace: bool,
    firmware: Path | None,
    ledger: Path | None,
    plain_keys: bool,
    as_json: bool,
) -> None:
    """Bring the firmware of the board at PORT up to date; what it is and holds stays.

    Only files that differ are sent, and they come into force all at once: a pulled cable leaves
    the old firmware or the new one. With --micropython all is written anew, and given back.

    Example:  node071 flash --board ttgo-lora32-v2_1 --micropython 1.28.0
    """
    from host import bootdrive, flash, images
    from host.ledgers import for_boards, open_ledger
    from host.port import Port, choose
    from host.progress import Progress
    from host.provisioning import IN_USE_AGAIN

    hardware = named(boards.boards(), board, "board")
    waits = bootdrive.waiting(hardware, port, drive)
    if waits is not None and micropython is None:
        step = f"node071 flash --board {board} --micropython 1.28.0"
        raise HostError("the board waits for MicroPython", step)
    place_of_port = "" if waits else choose(port, hardware.usb)
    ledger = for_boards(ledger, [port], drive)
    backups = ledger.parent / "backups"
    with open_ledger(ledger, plain_keys) as book, Progress(quiet=as_json) as progress:
        made = images.get(hardware, micropython, book) if micropython else None
        if made is not None:
            progress.say(f"{made.name}: SHA-256 {made.sha256}")
        if waits is not None and made is not None:
            place_of_port = bootdrive.wake(hardware, port, waits, made.data)
            made = None  # it has it now
        with Port(place_of_port, progress.say) as line:
            job = flash.Job(hardware, made, lose_backlog, replace, firmware, drive, progress.ask)
            report = flash.Flasher(line, book, backups, job, progress.step).run()
    if as_json:
        return show(report.public())
    who = report.node.name if report.node else "a board that is no node yet"
    click.echo(f"{who}: {report.written} files written, {report.removed} removed, compared")
    if report.readings:
        click.echo(f"{report.readings} files of readings that wait are on it")
    if report.was_retired:
        click.echo(f"note: {IN_USE_AGAIN}", err=True)
    if report.node is None:
        click.echo(f"next: node071 provision --board {board} --kit NAME")


@click.command("doctor", short_help="Find boards, and what is wrong with them.")
@_port_option
@as_json
def doctor_command(port: str | None, as_json: bool) -> None:
    """Look at every board that is plugged in, or at the one at PORT, and say what to do next.

    A node that is at work is interrupted and goes on afterwards. The exit status is 1 when
    something is wrong.

    Example:  node071 doctor
    """
    from host import doctor
    from host.progress import Progress

    with Progress(quiet=as_json) as progress:
        looks = doctor.examine(port, progress.say)
    if as_json:
        show([look.public() for look in looks])
    else:
        for look in looks:
            click.echo(f"{look.place}: {look.what}{f' ({look.usb})' if look.usb else ''}")
            for each in look.findings:
                click.echo(f"  {'wrong' if each.wrong else 'note'}: {each.cause}")
                click.echo(f"  next: {each.next_step}")
            if look.well:
                click.echo("  nothing is wrong")
    if not all(look.well for look in looks):
        sys.exit(1)


@click.command("hash")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@ledger_options
@as_json
def hash_command(file: Path, ledger: Path | None, plain_keys: bool, as_json: bool) -> None:
    """Show the SHA-256 of a MicroPython FILE, and keep it for this name.

    Nobody publishes these hashes: compare it with the one of a colleague. From now on another
    file of the same name is refused.
    """
    import hashlib

    from host.ledgers import open_ledger

    found = hashlib.sha256(file.read_bytes()).hexdigest()
    with open_ledger(ledger, plain_keys) as book:
        kept = book.first_use(file.name, found)
    if kept != found:
        raise HostError(
            f"{file.name} has SHA-256 {found[:16]}..., and {kept[:16]}... is kept for this name",
            "download it again; if you built it yourself, give it another name",
        )
    if as_json:
        return show({"name": file.name, "sha256": found})
    click.echo(f"{found}  {file.name}")
