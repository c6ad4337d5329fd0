# SPDX-License-Identifier: MIT
"""The commands that work on a node where it hangs: monitor, link-check."""

import json
import sys
from contextlib import suppress

import click

from host.commands import as_json, show

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


@click.command("link-check", short_help="Ask how well a node is heard where it hangs.")
@_port_option
@click.option(
    "--count", type=click.IntRange(1, 10), default=3, show_default=True, metavar="N",
    help="How often; a network gives some ten answers a day.",
)  # fmt: skip
@as_json
def link_check_command(port: str | None, count: int, as_json: bool) -> None:
    """Have the node at PORT ask the network how well it hears it, and say if it can hang here.

    It joins first if it has to. 10 dB to spare, or two gateways, are good. What the checks of a day
    may take of the air is counted on the node, 30 s and ten answers. Afterwards it works on. The
    exit status is 1 unless the verdict is good.

    Example:  node071 link-check
    """
    from host import linkcheck, monitor
    from host.port import Port
    from host.progress import Progress
    from host.visit import Visit

    with (
        Progress(quiet=as_json) as progress,
        Port(monitor.choose(port), progress.say) as line,
        Visit(line) as visit,
    ):
        verdict = linkcheck.check(visit, count, progress.say)
    if as_json:
        show(verdict.public())
    else:
        click.echo(f"{verdict.word}: {linkcheck.ADVICE[verdict.word]}")
        if verdict.message:
            click.echo("note: a message of the network came along and was lost: send it again")
    if verdict.word != "good":
        sys.exit(1)


COMMANDS = (monitor_command, link_check_command)
