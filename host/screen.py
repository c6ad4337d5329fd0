# SPDX-License-Identifier: MIT
"""What a person sees of readings: a live table on a terminal, plain lines elsewhere."""

from collections.abc import Iterable
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

_ROWS = 18  # of the live table: the newest
_OTHER_LINES = 6  # title, head, progress, and a line to spare
_ORANGE_PPM, _RED_PPM = 800, 1200
_COLUMNS = ("CO2 ppm", "air", "temp C", "hum %", "RSSI dBm", "SNR dB", "rate", "frame")


def air_word(co2_ppm: int | None) -> tuple[str, str]:
    """(word, colour) of the traffic light for a CO2 value, as the node's own light has it."""
    if co2_ppm is None:
        return "no value", "magenta"
    if co2_ppm < _ORANGE_PPM:
        return "good", "green"
    return ("air soon", "dark_orange") if co2_ppm < _RED_PPM else ("air now!", "red")


def cells(row: Any) -> list[str]:
    """One reading as the words of the table's columns."""
    values = row.values

    def shown(name: str) -> str:
        return "-" if values.get(name) is None else str(values[name])

    return [
        row.time.strftime("%a %H:%M"),
        shown("co2"),
        air_word(values.get("co2"))[0],
        shown("temperature"),
        shown("humidity"),
        f"{row.rssi_dbm:.0f}",
        f"{row.snr_db:.1f}",
        f"SF{row.sf}",
        str(row.f_cnt),
    ]


class Screen:
    """Shows readings as they come, unless `quiet`; the bar goes to stderr where no table is.

    Use it as a context. `clock` is the head of the column of times.
    """

    def __init__(self, title: str, console: Console, quiet: bool = False, clock: str = "time"):
        self._console, self._title, self._quiet = console, title, quiet
        self._columns = (clock, *_COLUMNS)
        self._rows: list[Any] = []
        self._most = max(1, min(_ROWS, console.height - _OTHER_LINES))
        terminal = console.file.isatty() and not console.is_dumb_terminal
        self._live = Live(console=console, refresh_per_second=8) if terminal and not quiet else None
        errors = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(), console=console if self._live else errors, transient=True,
            disable=not (self._live or errors.file.isatty()),
        )  # fmt: skip
        self._task = self._progress.add_task(title, total=1.0)

    def __enter__(self) -> "Screen":
        if self._live is not None:
            self._live.__enter__()
            return self
        self._progress.start()
        return self

    def __exit__(self, *error: Any) -> None:
        if self._live is None:
            self._progress.stop()
        else:
            self._live.update(self.drawn())
            self._live.__exit__(*error)

    def row(self, row: Any) -> None:
        """Show one more reading."""
        first, self._rows = not self._rows, [*self._rows, row][-self._most :]
        if self._live is not None:
            self._live.update(self.drawn())
        elif not self._quiet:
            if first:
                self._line(self._columns)
            self._line(cells(row))

    def _line(self, words: Iterable[str]) -> None:
        self._console.file.write("  ".join(f"{word:>9}" for word in words) + "\n")
        self._console.file.flush()

    def progress(self, share: float) -> None:
        """Move the bar."""
        self._progress.update(self._task, completed=share)
        if self._live is not None:
            self._live.update(self.drawn())

    def drawn(self) -> Group:
        """The table and the bar as they are now; both fit 80 columns."""
        table = Table(
            title=self._title, box=SIMPLE_HEAD, show_edge=False, pad_edge=False,
            collapse_padding=True,
        )  # fmt: skip
        for name in self._columns:
            air = name == "air"  # as wide as its longest word, so that the table stands still
            table.add_column(
                name, justify="left" if air else "right", no_wrap=True, min_width=10 if air else 0
            )
        for row in self._rows:
            words: list[str | Text] = list(cells(row))
            word, colour = air_word(row.values.get("co2"))
            words[2] = Text("● " + word, style=colour)
            table.add_row(*words)
        return Group(table, self._progress)


def summary_lines(node: dict[str, Any]) -> list[str]:
    """A node's part of a summary as lines for a person."""
    parts = ", ".join(f"{name} {mah:.3g}" for name, mah in node["mah_day_by_part"].items())
    tries = "try" if node["join_tries"] == 1 else "tries"
    joined = f"joined after {node['join_tries']} {tries}" if node["joins"] else "never joined"
    duty_cycle = node["duty_cycle_share"]  # None: the region has none
    shares = "" if duty_cycle is None else f"{duty_cycle:.1%} of the duty cycle, "
    return [
        f"{node['name']} ({node['kit']} on {node['board']}): {joined}",
        f"  uplinks   {node['uplinks_sent']} sent, {node['uplinks_heard']} heard",
        f"  airtime   {node['airtime_s']:.1f} s: {shares}"
        f"{node['fair_use_share']:.1%} of fair use (30 s a day)",
        f"  CO2       {node['co2_minutes_above_800']} minutes above 800 ppm,"
        f" {node['co2_minutes_above_1200']} above 1200 ppm",
        f"  energy    {node['mah_day']:.0f} mAh a day ({parts})",
    ]
