# SPDX-License-Identifier: MIT
"""What a person sees of readings: a live table on a terminal, plain lines elsewhere."""

from typing import Any, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

_ROWS = 18  # of the live table: the newest
_ORANGE_PPM, _RED_PPM = 800, 1200
_COLUMNS = ("time", "CO2 ppm", "air", "temp C", "hum %", "RSSI dBm", "SNR dB", "rate", "frame")


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
    """Shows readings as they come, on `out`. Use it as a context."""

    def __init__(self, title: str, out: TextIO):
        self._console = Console(file=out)
        self._live: Live | None = None
        self._rows: list[Any] = []
        self._out, self._title = out, title
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(), console=self._console,
        )  # fmt: skip
        self._task = self._progress.add_task(title, total=1.0)

    def __enter__(self) -> "Screen":
        if self._console.is_terminal:
            self._live = Live(console=self._console, refresh_per_second=8, transient=False)
            self._live.__enter__()
        else:
            self._out.write("  ".join(f"{name:>8}" for name in _COLUMNS) + "\n")
        return self

    def __exit__(self, *error: Any) -> None:
        if self._live is not None:
            self._live.update(self._drawn())
            self._live.__exit__(*error)

    def row(self, row: Any) -> None:
        """Show one more reading."""
        self._rows = [*self._rows[1 - _ROWS :], row]
        if self._live is None:
            self._out.write("  ".join(f"{cell:>8}" for cell in cells(row)) + "\n")
        else:
            self._live.update(self._drawn())

    def progress(self, share: float) -> None:
        """Move the bar; elsewhere than on a terminal there is none."""
        self._progress.update(self._task, completed=share)
        if self._live is not None:
            self._live.update(self._drawn())

    def _drawn(self) -> Group:
        table = Table(title=self._title, expand=False)
        for name in _COLUMNS:
            table.add_column(name, justify="left" if name == "air" else "right")
        for row in self._rows:
            words: list[str | Text] = list(cells(row))
            word, colour = air_word(row.values.get("co2"))
            words[2] = Text("● " + word, style=colour)
            table.add_row(*words)
        return Group(table, self._progress)


def summary_lines(node: dict[str, Any]) -> list[str]:
    """A node's part of a summary as lines for a person."""
    parts = ", ".join(f"{name} {mah:g}" for name, mah in node["mah_day_by_part"].items())
    tries = "try" if node["join_tries"] == 1 else "tries"
    joined = f"joined after {node['join_tries']} {tries}" if node["joins"] else "never joined"
    return [
        f"{node['name']} ({node['kit']} on {node['board']}): {joined}",
        f"  uplinks   {node['uplinks_sent']} sent, {node['uplinks_heard']} heard",
        f"  airtime   {node['airtime_s']:.1f} s: {node['duty_cycle_share']:.1%} of the duty cycle,"
        f" {node['fair_use_share']:.1%} of the network's fair use (30 s a day)",
        f"  CO2       {node['co2_minutes_above_800']} minutes above 800 ppm,"
        f" {node['co2_minutes_above_1200']} above 1200 ppm",
        f"  energy    {node['mah_day']:.0f} mAh a day ({parts})",
    ]
