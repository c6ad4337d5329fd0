# SPDX-License-Identifier: MIT
"""The commands that work on a node where it hangs: monitor."""

import json
import sys
from contextlib import suppress

import click

from host.commands import as_json

_port_option = click.option(
    "--port", metavar="PORT", help="The serial port; without it: the only board on USB."
)


@click.command("monitor", short_help="Show what a node says at its port.")
@_port_option
@as_json
def monitor_command(port: str | None, as_json: bool) -> None:
    """Show each line that the node at PORT prints, with the time, until Ctrl-C.

    It only listens: the node goes on with its work. Unplug it and plug it in again: the monitor
    goes on. With --json one JSON object a line.

    Example:  node071 monitor
    """
    from host import monitor

    def advise(text: str) -> None:
        click.echo(text, err=True)

    lines = monitor.follow(port)
    with suppress(KeyboardInterrupt):
        for line in lines if as_json else monitor.advised(lines, advise):
            if as_json:
                click.echo(json.dumps(line.public()))
            else:
                click.secho(line.shown(), fg=monitor.COLOURS.get(line.kind))
            sys.stdout.flush()


COMMANDS = (monitor_command,)
