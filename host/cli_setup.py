# SPDX-License-Identifier: MIT
"""The one command for a classroom: setup, with questions for what was not said."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from host import boards
from host.cli_networks import server_options
from host.commands import NAME, PLACE, Line, as_json, named, show
from host.errors import HostError, WrongUse
from host.ledgers import default_path, for_boards, ledger_options, open_ledger
from host.names import NAME_MOST

if TYPE_CHECKING:
    from host.ledger import Ledger
    from host.setup import Network


@click.command("setup", short_help="Make a board a node, step by step: start here.")
@click.option("--board", metavar="NAME", help="Which: see node071 boards.")
@click.option("--kit", metavar="NAME", help="Its sensors: see node071 kits.")
@click.option("--port", metavar="PORT", help="The serial port; without it: the only board on USB.")
@click.option(
    "--name", type=NAME, metavar="NAME", help="What the node is called; without it: KIT-1, KIT-2."
)
@click.option("--place", type=PLACE, metavar="TEXT", help="Where it hangs, for your own list.")
@click.option("--region", type=click.Choice(boards.REGIONS), metavar="NAME",
              help="Where it sends: EU868 if not given.")  # fmt: skip
@click.option("--micropython", metavar="FILE|VERSION", help="Install this MicroPython.")
@click.option("--lose-backlog", is_flag=True, help="Go on although the board cannot be read.")
@click.option("--replace", is_flag=True, help="What is on the board may go.")
@click.option(
    "--drive", type=click.Path(file_okay=False, path_type=Path),
    help="Where an RP2040 that waits for MicroPython is mounted.",
)  # fmt: skip
@click.option(
    "--firmware", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Your own firmware: a directory with main.py.",
)  # fmt: skip
@server_options
@ledger_options
@as_json
def setup_command(
    board: str | None,
    kit: str | None,
    name: str | None,
    place: str | None,
    url: str | None,
    application: str | None,
    token: str | None,
    ledger: Path | None,
    plain_keys: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Make the board at the USB cable a node: look, install, name, measure, label, register.

    What is not given it asks. It can be run again at any time: it goes on where it was. The label
    and, without a ChirpStack, the file for your network are written into this directory.

    Example:  node071 setup
    """
    from host.progress import Progress
    from host.setup import NOT_ON_A_NETWORK, PRIVATE, UNTIL_THEN, Setup, Teller, Wanted, measured

    asks = sys.stdin.isatty() and not as_json
    hardware = _board(board, asks)
    sensors = _kit(kit, hardware, asks)
    if name is None and asks:
        question = "What is the node to be called? Enter: a name of itself, such as classroom-1"
        name = _text(question, Line(NAME_MOST))
    if place is None and asks:
        place = _text("Where will it hang? For your own list; Enter: not known yet", PLACE)
    network = _network(url, token, application)
    ledger = for_boards(ledger, [options["port"]], options["drive"])
    backups = ledger.parent / "backups"
    wanted = Wanted(hardware, sensors, name=name, place=place, network=network, **options)
    with _ledger(ledger, plain_keys, asks) as book, Progress(quiet=as_json) as progress:
        teller = Teller(progress.say, progress.ask, progress.step)
        done = Setup(wanted, book, backups, teller).run()
    if as_json:
        return show(done.public())
    from host import monitor

    click.echo(f"{done.node.name} is ready: {hardware.title}, {sensors.title}")
    if done.reading is not None:
        click.echo(f"measured just now: {monitor.words(measured(done.reading))}")
    click.echo(f"label: {done.label}")
    if done.joined:
        click.echo("it is on the network: it has joined")
    elif done.registered is not None:
        click.echo(f"registered at {done.registered}\n{UNTIL_THEN}")
    else:
        click.echo(f"{NOT_ON_A_NETWORK} {done.file}\n{PRIVATE}\n{UNTIL_THEN}")


def _board(name: str | None, asks: bool) -> boards.Board:
    """The board that is named, or picked from those that the USB ids allow."""
    rows = boards.boards()
    if name is not None:
        return named(rows, name, "board")  # type: ignore[no-any-return]
    if not asks:
        raise WrongUse("which board is it?", f"give --board, one of: {', '.join(rows)}")
    from host.port import attached

    found = {row.usb for row in attached()}
    likely = {key: row for key, row in rows.items() if found & set(row.usb)} or rows
    picked: boards.Board = _pick("Which board is it? Its name stands on it, or on its bag.", likely)
    return picked


def _kit(name: str | None, board: boards.Board, asks: bool) -> boards.Kit:
    """The kit that is named, or picked from those that go on the board."""
    rows = {key: row for key, row in boards.kits().items() if not boards.refusal(board, row)}
    if name is not None:
        kit: boards.Kit = named(boards.kits(), name, "kit")
        if problem := boards.refusal(board, kit):
            raise HostError(problem, "see node071 boards for others")
        return kit
    if not asks:
        raise WrongUse("what is it to measure?", f"give --kit, one of: {', '.join(rows)}")
    picked: boards.Kit = _pick("What is it to measure?", rows)
    return picked


def _pick(question: str, rows: dict[str, Any]) -> Any:
    """Ask for one of some rows, by its number."""
    click.echo(question, err=True)
    for number, row in enumerate(rows.values(), 1):
        click.echo(f"  {number:2}  {row.title}", err=True)
    number = click.prompt("Its number", type=click.IntRange(1, len(rows)), err=True)
    return list(rows.values())[number - 1]


def _text(question: str, kind: Line) -> str | None:
    answer: str = click.prompt(question, type=kind, default="", show_default=False, err=True)
    return answer or None


def _network(url: str | None, token: str | None, application: str | None) -> "Network | None":
    """The ChirpStack that is configured. WrongUse: only half of it is."""
    from host import networks
    from host.setup import Network

    if not (url or os.environ.get(networks.URL)):
        return None
    return Network(url, token, networks.application(application))


def _ledger(path: Path, plain_keys: bool, asks: bool) -> "Ledger":
    """The ledger; a new one keeps its keys in a file that only this user can read, if they like."""
    from host.passphrase import VARIABLE

    practice = path == default_path(practice=True)
    if path.exists() or plain_keys or practice or os.environ.get(VARIABLE):
        return open_ledger(path, plain_keys)
    plain = not asks or click.confirm(
        "The keys of your nodes are kept on this computer. In a file that only you can read? "
        "No: encrypted, with a password",
        default=True,
        err=True,
    )
    return open_ledger(path, plain)
