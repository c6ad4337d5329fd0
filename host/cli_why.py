# SPDX-License-Identifier: MIT
"""The command that explains a run that was kept."""

from pathlib import Path

import click

from host.commands import as_json, show


@click.command("why", short_help="Say why a node of a kept run did not join or fell silent.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--node", metavar="NAME", help="Only this node; without it: all of the run.")
@as_json
def why(run: Path, node: str | None, as_json: bool) -> None:
    """Explain the nodes of RUN, a folder that `simulate --out` made: the first cause of what went
    wrong, as both ends saw it, and the next step.

    It reads capture.jsonl, events.jsonl and the logs of the nodes, and nothing else of the run.

    Example:  node071 why day --node classroom-1
    """
    from host import desk

    record, lines = desk.why(run, node)
    show(record) if as_json else click.echo("\n".join(lines))
