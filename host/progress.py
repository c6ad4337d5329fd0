# SPDX-License-Identifier: MIT
"""What goes on, on stderr: a bar or a line for what takes its time, and what a person has to do."""

import sys

import click
from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bars


class Progress:
    """As a context; bars on a terminal, elsewhere a line for each; nothing at all when quiet."""

    def __init__(self, quiet: bool = False):
        self._quiet = quiet
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=quiet or not sys.stderr.isatty(),
        )
        self._lines = not quiet and not sys.stderr.isatty()
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "Progress":
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def step(self, what: str, share: float) -> None:
        """Show how far something has come, 0 to 1; what is done is not shown any more."""
        if share >= 1.0:
            if what in self._tasks:
                self._bars.remove_task(self._tasks.pop(what))
            return
        if what not in self._tasks:
            if self._lines:
                click.echo(f"{what} ...", err=True)
            self._tasks[what] = self._bars.add_task(what, total=1.0)
        self._bars.update(self._tasks[what], completed=share)

    def say(self, line: str) -> None:
        """A line for the person at the computer."""
        if not self._quiet:
            self._bars.stop()
            click.echo(line, err=True)
            self._bars.start()

    def ask(self, question: str) -> bool:
        """Yes or no; no where nobody can answer."""
        if self._quiet or not sys.stdin.isatty():
            return False
        self._bars.stop()
        answer = click.confirm(question, err=True)
        self._bars.start()
        return answer
