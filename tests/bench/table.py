# SPDX-License-Identifier: MIT
"""Rows of figures beside their targets, and how they are printed."""

import sys
from dataclasses import asdict, dataclass

from rich.box import ASCII2
from rich.console import Console
from rich.table import Table

WIDTH = 150  # where there is no terminal to ask


@dataclass(frozen=True)
class Row:
    """One figure: what was measured, what it should be, what others reach, and how it stands."""

    name: str
    measured: str
    target: str
    elsewhere: str
    verdict: str

    def record(self):
        return asdict(self)


def at_most(value, limit, unit=""):
    """Verdict on a figure that should be small."""
    return "met" if value <= limit else f"missed by {value - limit:,.4g}{unit}"


def at_least(value, limit, unit=""):
    """Verdict on a figure that should be large."""
    return "met" if value >= limit else f"missed by {limit - value:,.4g}{unit}"


def missing(what):
    return f"not measured: {what} is missing"


def show(rows):
    """Print the rows for a person, wrapped to the terminal."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    table = Table("what", "measured", "target", "best elsewhere", "verdict", box=ASCII2)
    for row in rows:
        table.add_row(*row.record().values(), end_section=True)
    console.print(table)
