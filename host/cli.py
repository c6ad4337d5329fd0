# SPDX-License-Identifier: MIT
"""The command line: parse, call one function, print."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from host import boards, decode
from host.errors import HostError


class Commands(click.Group):
    """Turns what went wrong into one line, the next step, and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; errors of files, boards and runs never show a stack trace."""
        try:
            return super().invoke(ctx)
        except HostError as error:
            _fail(str(error), error.next_step)
        except BrokenPipeError:
            raise  # the reader left, as `head` does: click ends without a word
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            _fail(f"{place}{error.strerror or error}", "check the path and its permissions")


def _fail(cause: str, step: str) -> None:
    if "--json" in sys.argv:
        click.echo(json.dumps({"error": cause, "next": step}))
    else:
        click.echo(f"error: {cause}", err=True)
        if step:
            click.echo(f"next:  {step}", err=True)
    raise SystemExit(1)


class Secret(click.ParamType[bytes]):
    """Hex bytes, or @FILE, or - for standard input, so that a key stays out of process lists."""

    name = "hex"

    def __init__(self, size: int | None = None):
        self._size = size

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> bytes:
        """Bytes in reading order; wrong use when it is not hex or of another length."""
        if value == "-":
            value = sys.stdin.read()
        elif value.startswith("@"):
            value = Path(value[1:]).read_text()
        try:
            data = bytes.fromhex(value.strip())
        except ValueError:
            self.fail("not hexadecimal", param, ctx)
        if self._size is not None and len(data) != self._size:
            self.fail(f"{len(data)} bytes, {self._size} are needed", param, ctx)
        return data


as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")


def show(value: Any) -> None:
    """Print one JSON value."""
    click.echo(json.dumps(value, indent=2, default=str))


@click.group(cls=Commands)
@click.version_option(package_name="node071")
def cli() -> None:
    """Sensor nodes that report over LoRaWAN: simulate, decode, replay."""


@cli.group("boards", invoke_without_command=True)
@as_json
@click.pass_context
def boards_group(ctx: click.Context, as_json: bool) -> None:
    """List the boards that the firmware runs on."""
    if ctx.invoked_subcommand is None:
        _list(boards.boards(), as_json)


@boards_group.command("show")
@click.argument("name")
@as_json
def boards_show(name: str, as_json: bool) -> None:
    """Show which pin of board NAME does what."""
    board = _named(boards.boards(), name, "board")
    if as_json:
        return show(asdict(board))
    click.echo(f"{board.name}: {board.title} ({board.chip})")
    for use, pin in sorted(board.pins(), key=lambda each: each[1]):
        click.echo(f"  GPIO {pin:2}  {use}")


@cli.group("kits", invoke_without_command=True)
@as_json
@click.pass_context
def kits_group(ctx: click.Context, as_json: bool) -> None:
    """List the kits: what is put on a board."""
    if ctx.invoked_subcommand is None:
        _list(boards.kits(), as_json)


@kits_group.command("show")
@click.argument("name")
@as_json
def kits_show(name: str, as_json: bool) -> None:
    """Show the sensors of kit NAME and what they measure."""
    kit = _named(boards.kits(), name, "kit")
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


def _named(rows: dict[str, Any], name: str, what: str) -> Any:
    if name not in rows:
        raise click.UsageError(f"unknown {what} '{name}'; known: {', '.join(rows)}")
    return rows[name]


@cli.command("decode")
@click.option("--payload", type=Secret(), help="A decrypted payload.")
@click.option("--f-port", default=1, show_default=True, help="Its FPort.")
@click.option("--phy", type=Secret(), help="A whole frame (PHYPayload) instead.")
@click.option("--nwk-skey", type=Secret(16), help="NwkSKey: hex, @FILE or -.")
@click.option("--app-skey", type=Secret(16), help="AppSKey: hex, @FILE or -.")
@click.option("--f-cnt", type=click.IntRange(0, 0xFFFFFFFF), help="The whole frame counter.")
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
    """Say what a payload or a frame means."""
    if (payload is None) == (phy is None):
        raise click.UsageError("give --payload HEX or --phy HEX")
    if phy is not None and (nwk_skey is None or app_skey is None):
        raise click.UsageError("--phy needs --nwk-skey and --app-skey")
    if payload is not None:
        result = decode.decode_payload(payload, f_port)
    elif phy is not None and nwk_skey is not None and app_skey is not None:
        result = decode.decode_phy(phy, nwk_skey, app_skey, f_cnt)
    show(result) if as_json else click.echo("\n".join(decode.lines(result)))


@cli.command("simulate")
@click.argument("scenario", required=False)
@click.option("--seed", type=click.IntRange(0), help="Another seed than the scenario's.")
@click.option("--hours", type=float, help="Stop after so many hours of virtual time.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Keep the run here.")
@click.option(
    "--firmware",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Run the firmware of this directory instead.",
)
@as_json
def simulate(
    scenario: str | None,
    seed: int | None,
    hours: float | None,
    out: Path | None,
    firmware: Path | None,
    as_json: bool,
) -> None:
    """Run SCENARIO (a name, a kit or a .toml file) with the real firmware, in virtual time.

    Without SCENARIO: a school day of one classroom.
    """
    from host import desk

    summary = desk.simulate(scenario, seed, hours, out, firmware, quiet=as_json)
    if as_json:
        show(summary)


@cli.command("replay")
@click.argument("capture", type=click.Path(path_type=Path))
@click.option("--devices", type=click.Path(path_type=Path), help="Keys; beside CAPTURE if unset.")
@click.option("--to", "target", type=click.Choice(["table", "network"]), default="table",
              show_default=True, help="Where the frames go.")  # fmt: skip
@as_json
def replay_command(capture: Path, devices: Path | None, target: str, as_json: bool) -> None:
    """Put the frames of CAPTURE through the decoder, or into a fresh network server."""
    from host import desk

    result = desk.replay(capture, devices, target, quiet=as_json)
    if as_json:
        show(result)


def main() -> None:
    """Run the command line."""
    cli(prog_name="node071")


if __name__ == "__main__":
    main()
