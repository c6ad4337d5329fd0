# SPDX-License-Identifier: MIT
"""The commands about nodes that were made: list, show, retire, back up, bring back."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from host.cli_networks import server_options
from host.commands import Passphrase, as_json, show, sure
from host.errors import WrongUse
from host.ledgers import ledger_option, ledger_options, open_ledger

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group("devices", invoke_without_command=True)
@click.option("--retired", is_flag=True, help="Those that are out of use too.")
@click.option("--check", is_flag=True, help="First ask ChirpStack when it heard each of them.")
@server_options
@ledger_options
@as_json
@click.pass_context
def devices(
    ctx: click.Context,
    retired: bool,
    check: bool,
    url: str | None,
    application: str | None,
    token: str | None,
    ledger: Path | None,
    plain_keys: bool,
    as_json: bool,
) -> None:
    """List the nodes that were made on this computer.

    One of them, with its history:  node071 devices show NAME
    """
    if ctx.invoked_subcommand is not None:
        return
    from host import roster

    if check:
        _check(url, application, token, ledger, plain_keys)
    known = roster.nodes(ledger, plain_keys)
    nodes = [node for node in known if retired or node.retired_at is None]
    if as_json:
        return show([node.public() for node in nodes])
    click.echo("\n".join(roster.table(nodes, ledger, len(known) - len(nodes))))


def _check(
    url: str | None,
    application: str | None,
    token: str | None,
    ledger: Path | None,
    plain_keys: bool,
) -> None:
    from host import networks

    application_id = networks.application(application)
    with (
        networks.server(url, token) as server,
        open_ledger(ledger, plain_keys, create=False) as opened,
    ):
        missing = networks.check(opened, server, application_id)
    if missing:
        click.echo(f"note: not in that application: {', '.join(missing)}", err=True)


@devices.command("show", short_help="Show one node and its history.")
@click.argument("name")
@click.option("--show-keys", is_flag=True, help="Its keys too: see that nobody looks on.")
@ledger_options
@as_json
def devices_show(
    name: str, show_keys: bool, ledger: Path | None, plain_keys: bool, as_json: bool
) -> None:
    """Show the node NAME, which may be its DevEUI too, and what happened to it."""
    from host import roster

    with open_ledger(ledger, plain_keys, create=False) as opened:
        value = roster.about(opened, name, show_keys)
    show(value) if as_json else click.echo("\n".join(roster.lines(value)))


@click.command("retire", short_help="Mark a node as out of use; its numbers are kept.")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@ledger_options
@as_json
def retire(name: str, yes: bool, ledger: Path | None, plain_keys: bool, as_json: bool) -> None:
    """Mark the node NAME as out of use.

    Its EUI and its numbers are kept, its name is free for another node. Take it off the network
    there: node071 cannot do that.
    """
    with open_ledger(ledger, plain_keys, create=False) as opened:
        node = opened.node(name)
        sure(f"Retire {node.name} ({node.dev_eui.hex()})?", yes)
        node = opened.retire(node.dev_eui)
    if as_json:
        return show(node.public())
    click.echo(f"{node.name} is retired; take {node.dev_eui.hex()} off the network there")


@click.command("backup", short_help="Write the whole ledger into one file.")
@click.argument("file", type=_FILE)
@click.option("--passphrase", type=Passphrase(), help="Of the backup of an unencrypted ledger.")
@ledger_options
@as_json
def backup(
    file: Path, passphrase: str | None, ledger: Path | None, plain_keys: bool, as_json: bool
) -> None:
    """Write all nodes, keys and history into FILE, encrypted with the passphrase of the ledger.

    An unencrypted ledger asks for one; with --plain-keys its backup is not encrypted either.

    Example:  node071 backup nodes-2027-01.backup
    """
    from host import roster

    count = roster.backup(file, ledger, plain_keys, passphrase)
    if as_json:
        show({"file": str(file), "nodes": count})


@click.command("restore", short_help="Bring the nodes of a backup back.")
@click.argument("file", type=_FILE)
@click.option("--passphrase", type=Passphrase(), help="Of the backup, if it is another one.")
@ledger_options
@as_json
def restore(
    file: Path, passphrase: str | None, ledger: Path | None, plain_keys: bool, as_json: bool
) -> None:
    """Bring the nodes of the backup FILE into the ledger; without a ledger it becomes one.

    Nothing newer is lost: of two rows of a node the newer one stays, with the higher counters.
    """
    from host import roster

    merged: Any = asdict(roster.restore(file, ledger, plain_keys, passphrase))
    if as_json:
        return show(merged)
    click.echo(", ".join(f"{len(names)} {what}" for what, names in merged.items()))


@click.command("passphrase", short_help="Change the passphrase of the ledger, or do without.")
@click.option("--new", type=Passphrase(), help="The new one; without it you are asked.")
@click.option("--plain-keys", is_flag=True, help="None any more: a file that only you can read.")
@ledger_option
@as_json
def passphrase_command(
    new: str | None, plain_keys: bool, ledger: Path | None, as_json: bool
) -> None:
    """Lock the keys of all nodes with another passphrase; an unencrypted ledger gets one.

    All keys or none: it can be cut off at any moment. Backups of before keep the passphrase that
    they have.

    Example:  node071 passphrase
    """
    from host import ledgers

    if new is not None and plain_keys:
        raise WrongUse("--new and --plain-keys exclude each other", "leave one out")
    count = ledgers.change_passphrase(ledger, new, plain_keys)
    if as_json:
        return show({"nodes": count, "encrypted": not plain_keys})
    how = "in a file that only you can read" if plain_keys else "behind the new passphrase"
    click.echo(f"the keys of {count} nodes are {how}; make a new backup: node071 backup FILE")
