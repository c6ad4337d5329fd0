# SPDX-License-Identifier: MIT
"""The commands that bring nodes onto a network: codec, label, export."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from host.commands import Passphrase, as_json, show
from host.errors import WrongUse
from host.ledgers import ledger_options, open_ledger

_FILE = click.Path(dir_okay=False, path_type=Path)
_names = click.argument("names", metavar="[NAME]...", nargs=-1)


@click.command("codec", short_help="Print the payload formatter for the networks.")
@as_json
def codec_command(as_json: bool) -> None:
    """Print the payload formatter for The Things Stack and ChirpStack: JavaScript.

    Example:  node071 codec > node071.js
    """
    from host import codec

    text = codec.javascript()
    show({"javascript": text}) if as_json else click.echo(text, nl=False)


@click.command("label", short_help="Make labels to print: name, DevEUI, QR code.")
@_names
@click.option(
    "--out", type=_FILE, default="labels.pdf", show_default=True, metavar="FILE", help="The sheet."
)
@click.option("--png", is_flag=True, help="Also make a picture of each label, beside FILE.")
@click.option(
    "--first", type=click.IntRange(1, 14), default=1, metavar="N",
    help="The first label of the sheet that is not used yet: 1 to 14, by rows.",
)  # fmt: skip
@ledger_options
@as_json
def label_command(
    names: tuple[str, ...],
    out: Path,
    png: bool,
    first: int,
    ledger: Path | None,
    plain_keys: bool,
    as_json: bool,
) -> None:
    """Make a sheet of labels for the nodes of these names; without one, for all.

    A4, 14 labels of 99.1 by 38.1 mm (L7163 and its equals), or plain paper to cut. Print it at
    100 %. The QR code (TR005) says DevEUI and JoinEUI to the app of a network; no key is on it.

    Example:  node071 label --first 5
    """
    from host import label, networks

    nodes = networks.nodes(names, ledger, plain_keys)
    labels = [label.Label(node.identity, node.kit, node.place) for node in nodes]
    written = [str(path) for path in label.write(labels, out, first, png)]
    show({"written": written}) if as_json else click.echo("\n".join(written))


@click.group("export", short_help="Register nodes: files for a network, or its API.")
@as_json
def export_group(as_json: bool) -> None:
    """Bring nodes onto The Things Stack or ChirpStack.

    Files with keys are for their owner only. docs/networks.md has the steps, click by click.
    """


def _node_options(command: Callable[..., Any]) -> Callable[..., Any]:
    return _names(ledger_options(as_json(command)))


_out = click.option(
    "--out", type=_FILE, metavar="FILE",
    help="Without it: in this directory, named after the node, or nodes- for more.",
)  # fmt: skip


def server_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a command that asks ChirpStack: `url`, `application` and `token`."""
    for name, options in (
        ("--token", {"type": Passphrase(), "metavar": "@FILE",
                     "help": "Its API token: @FILE, or - for standard input."}),
        ("--application", {"metavar": "ID", "help": "The application there."}),
        ("--url", {"metavar": "URL", "help": "ChirpStack, such as http://localhost:8080."}),
    ):  # fmt: skip
        command = click.option(name, **options)(command)
    return command


@export_group.command("tts-csv", short_help="A file for The Things Stack's console.")
@_out
@_node_options
def tts_csv(
    names: tuple[str, ...], out: Path | None, ledger: Path | None, plain_keys: bool, as_json: bool
) -> None:
    """Write nodes for The Things Stack's console: Import end devices, CSV.

    Example:  node071 export tts-csv classroom-1
    """
    _write(names, ledger, plain_keys, "tts.csv", out, as_json)


@export_group.command("tts-json", short_help="A file for The Things Stack's ttn-lw-cli.")
@_out
@_node_options
def tts_json(
    names: tuple[str, ...], out: Path | None, ledger: Path | None, plain_keys: bool, as_json: bool
) -> None:
    """Write nodes for The Things Stack's command line.

    Then:  ttn-lw-cli end-devices create --application-id APP < nodes-tts.json
    """
    _write(names, ledger, plain_keys, "tts.json", out, as_json)


@export_group.command("chirpstack", short_help="ChirpStack: over its API, or a file.")
@server_options
@click.option(
    "--device-profile", metavar="ID",
    help="Without it: the one named Node071 and the region, made with the codec.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Ask ChirpStack, and change nothing.")
@click.option("--out", type=_FILE, metavar="FILE", help="Write a file, and ask no ChirpStack.")
@_node_options
def chirpstack_command(
    names: tuple[str, ...],
    out: Path | None,
    url: str | None,
    application: str | None,
    token: str | None,
    device_profile: str | None,
    dry_run: bool,
    ledger: Path | None,
    plain_keys: bool,
    as_json: bool,
) -> None:
    """Register nodes in ChirpStack over its API. Run again it goes on where it stopped.

    What is there already stays, and gets the name and the key that the node has. Address,
    application and token may also be set as NODE071_CHIRPSTACK_URL, _APPLICATION, _TOKEN.

    With --out FILE it writes the bodies of its REST API instead (.json), or a table (.csv).

    Example:  node071 export chirpstack --url URL --application ID --token @FILE
    """
    from host import export, networks

    if out is not None:
        if url or application or token or device_profile or dry_run:
            raise WrongUse("--out writes a file and asks no network", "leave it out, or the others")
        kind = "chirpstack.csv" if out.suffix == ".csv" else "chirpstack.json"
        return _write(names, ledger, plain_keys, kind, out, as_json)
    there, rows = networks.application(application), []
    with (
        networks.server(url, token) as server,
        open_ledger(ledger, plain_keys, create=False) as opened,
    ):
        nodes = networks.chosen(opened, names)
        _note(export.notes(nodes), as_json)
        for node, what in networks.register(
            opened, nodes, server, there, device_profile, dry_run, named=bool(names)
        ):
            rows.append({"name": node.name, "dev_eui": node.dev_eui.hex(), "done": what})
            if not as_json:
                click.echo(f"{node.name:22} {node.dev_eui.hex()}  {what}")
    if as_json:
        show({"nodes": rows, "dry_run": dry_run, "notes": export.notes(nodes)})
    elif dry_run:
        click.echo("this was a dry run: nothing was changed", err=True)


def _write(
    names: tuple[str, ...],
    ledger: Path | None,
    plain_keys: bool,
    kind: str,
    out: Path | None,
    as_json: bool,
) -> None:
    from host import networks

    path, notes = networks.write(
        networks.nodes(names, ledger, plain_keys), kind, out, named=bool(names)
    )
    if as_json:
        return show({"written": str(path), "notes": notes})
    click.echo(path)
    _note(notes, as_json)


def _note(notes: list[str], as_json: bool) -> None:
    for note in () if as_json else notes:
        click.echo(f"note: {note}", err=True)


COMMANDS = (codec_command, label_command, export_group)
