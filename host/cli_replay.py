# SPDX-License-Identifier: MIT
"""The command that takes the frames of a capture once more."""

from pathlib import Path
from typing import Any

import click

from host.commands import Secret, UdpServer, as_json, show
from host.errors import WrongUse


class _Target(click.ParamType):  # type: ignore[type-arg]
    """`table`, `network`, `node`, or the (host, port) of udp://HOST:PORT."""

    name = "target"
    _KNOWN = ("table", "network", "node")

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | tuple[str, int]:
        """Wrong use: it is neither, or has no such form."""
        if value in self._KNOWN:
            return str(value)
        if not value.startswith("udp://"):
            self.fail(
                f"'{value}' is not one of 'table', 'network', 'node', 'udp://HOST:PORT'", param, ctx
            )
        return UdpServer().convert(value, param, ctx)


@click.command("replay", short_help="Read a kept run again, or send its frames once more.")
@click.argument("capture", type=click.Path(path_type=Path))
@click.option(
    "--keys",
    "--devices",
    "keys",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The keys of the nodes, or `ledger`; without it: devices.json beside CAPTURE.",
)
@click.option(
    "--ledger",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PATH",
    help="The keys of another ledger than that of your user.",
)
@click.option(
    "--to",
    "target",
    type=_Target(),
    metavar="TARGET",
    default="table",
    show_default=True,
    help="table: decode; network: to a fresh one; node: its downlinks into the windows of a node; "
    "udp://HOST:PORT: to a server, as a gateway.",
)
@click.option(
    "--node", metavar="NAME", help="Only the frames of this node; with --to node: which of several."
)
@click.option(
    "--speed",
    type=click.FloatRange(0, min_open=True),
    metavar="X",
    help="With udp://: X times as fast as it was; without it as fast as it is acknowledged.",
)
@click.option(
    "--gateway", type=Secret(8), metavar="EUI", help="With udp://: as this gateway, for all frames."
)
@as_json
def replay(
    capture: Path,
    keys: Path | None,
    ledger: Path | None,
    target: str | tuple[str, int],
    node: str | None,
    speed: float | None,
    gateway: bytes | None,
    as_json: bool,
) -> None:
    """Take the frames of CAPTURE once more: a capture.jsonl that `simulate --out` kept, or the log
    of a gateway's packet forwarder, with one rxpk or PUSH_DATA a line.

    A network server has to take each frame once, to refuse it when it comes again, and to go on
    with the next one that is new. One at udp://HOST:PORT gets them as from the gateways that heard
    them, each until it is acknowledged; it has to know these gateways.

    With --to node the downlinks of a run go into the windows of its node as it was left, with
    forged ones beside them: the real firmware has to refuse them all, and to take a new one at
    last. The run must have kept its flash: simulate --gateway, or --keep-flash.

    Example:  node071 replay day/capture.jsonl
    """
    from host import desk

    if isinstance(target, tuple):
        result = desk.send(capture, keys, ledger, target, speed, gateway, node, quiet=as_json)
    elif speed is not None or gateway is not None:
        raise WrongUse("--speed and --gateway are of a server", "add --to udp://HOST:PORT")
    elif target == "node":
        result = desk.attack(capture, keys, ledger, node, quiet=as_json)
    else:
        result = desk.replay(capture, keys, ledger, target, node, quiet=as_json)
    if as_json:
        show(result)
