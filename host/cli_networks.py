# SPDX-License-Identifier: MIT
"""The commands that bring nodes onto a network: codec."""

import click

from host.commands import as_json, show


@click.command("codec", short_help="Print the payload formatter for the networks.")
@as_json
def codec_command(as_json: bool) -> None:
    """Print the payload formatter for The Things Stack and ChirpStack: JavaScript.

    Example:  node071 codec > node071.js
    """
    from host import codec

    text = codec.javascript()
    show({"javascript": text}) if as_json else click.echo(text, nl=False)


COMMANDS = (codec_command,)
