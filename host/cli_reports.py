# SPDX-License-Identifier: MIT
"""The commands that show what a kept run came to: its report, and its bins."""

from pathlib import Path

import click

from host.commands import as_json, show

_RUN = click.argument("run", type=click.Path(path_type=Path))


@click.command("report", short_help="Draw a kept run: one page, to read offline or print.")
@_RUN
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write it here; without it: report.html in RUN.",
)
@as_json
def report_command(run: Path, out: Path | None, as_json: bool) -> None:
    """Draw the run that `simulate --out` kept in the folder RUN: what was measured, what arrived,
    what it cost, and what somebody should look at.

    The page is one file without scripts; it loads nothing and reads well on a phone and on paper.

    Example:  node071 report day
    """
    from host import report

    made = report.write(run, out)
    show(made) if as_json else click.echo(f"{made['report']}: {made['bytes']} bytes")


@click.command("bins", short_help="List the bins due tomorrow, and the shortest round over them.")
@_RUN
@click.option(
    "--depot",
    metavar="A,B",
    help="Where the round begins and ends: latitude,longitude, or x,y in metres as in the run; "
    "without it: the first gateway.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the GeoJSON here; without it: bins.geojson in RUN.",
)
@as_json
def bins_command(run: Path, depot: str | None, out: Path | None, as_json: bool) -> None:
    """List the bins of the run in the folder RUN that will be full tomorrow, by how fast they fill,
    and the shortest round over them; as GeoJSON for a map, too.

    Example:  node071 bins week --depot 52.16,4.49
    """
    from host import emptying

    found = emptying.write(run, depot, out)
    if as_json:
        return show(found)
    click.echo("\n".join(emptying.lines(found)))
    if "next" in found:
        click.echo(found["next"], err=True)


COMMANDS = (report_command, bins_command)
