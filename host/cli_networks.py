# SPDX-License-Identifier: MIT
"""The commands that bring nodes onto a network: codec, label."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from host.commands import as_json, show
from host.errors import HostError
from host.ledgers import ledger_options, open_ledger

if TYPE_CHECKING:
    from host.node import Node

names = click.argument("names", metavar="[NAME]...", nargs=-1)


def _nodes(names: tuple[str, ...], ledger: Path | None, plain_keys: bool) -> list[Node]:
    """The nodes of these names, or all that are in use."""
    with open_ledger(ledger, plain_keys, create=False) as opened:
        found = [opened.node(name) for name in dict.fromkeys(names)] if names else opened.nodes()
    if not found:
        raise HostError("no node is in use", "make one: node071 provision")
    return found


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
@names
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), default="labels.pdf",
    show_default=True, metavar="FILE", help="The sheet.",
)  # fmt: skip
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
    from host import label

    labels = [label.Label(node.identity, node.kit, node.place) for node in
              _nodes(names, ledger, plain_keys)]  # fmt: skip
    written = [str(path) for path in label.write(labels, out, first, png)]
    show({"written": written}) if as_json else click.echo("\n".join(written))


COMMANDS = (codec_command, label_command)
