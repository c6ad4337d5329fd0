# SPDX-License-Identifier: MIT
"""What a person sees of readings: a live table on a terminal, plain lines elsewhere."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, JustifyMethod
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from host import remarks
from host.columns import Column, columns
from host.figures import span
from host.rows import Row

_ROWS = 18  # of the live table: the newest
_OTHER_LINES = 6  # title, head, progress, and a line to spare
_LINK = ("RSSI dBm", "SNR dB", "rate", "frame")  # the last columns of every table
_NARROW = ("RSSI", *_LINK[1:])  # where a kit has more than _FEW columns of its own
_FEW = 4
CLASSROOM = ("co2", "temperature", "humidity")


class Screen:
    """Shows readings as they come, unless `quiet`; the bar goes to stderr where no table is.

    Use it as a context. `clock` is the head of the column of times, `quantities` what there are
    columns for.
    """

    def __init__(
        self,
        title: str,
        console: Console,
        quiet: bool = False,
        clock: str = "time",
        quantities: Iterable[str] = CLASSROOM,
    ):
        self._console, self._title, self._quiet, self._clock = console, title, quiet, clock
        self._columns = columns(quantities)
        self._rows: list[Row] = []
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

    def quantities(self, quantities: Iterable[str]) -> None:
        """Have columns for these instead, from the next reading on."""
        self._columns = columns(quantities)

    def row(self, row: Row) -> None:
        """Show one more reading."""
        first, self._rows = not self._rows, [*self._rows, row][-self._most :]
        if self._live is not None:
            self._live.update(self.drawn())
        elif not self._quiet:
            if first:
                self._line([self._clock, *(each.head for each in self._columns), *self._link()])
            words = (each.text(row.values) for each in self._columns)
            self._line([_time(row), *words, *_came(row)], remarks.remarks(row.values))

    def _link(self) -> tuple[str, ...]:
        return _LINK if len(self._columns) <= _FEW else _NARROW

    def _line(self, words: Iterable[str], said: Iterable[str] = ()) -> None:
        line = "  ".join(f"{word:>9}" for word in words)
        self._console.file.write("  ".join([line, *said]) + "\n")
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
        table.add_column(self._clock, justify="right", no_wrap=True)
        for each in self._columns:
            justify: JustifyMethod = "left" if each.mark else "right"
            table.add_column(each.head, justify=justify, no_wrap=True, min_width=each.width)
        for head in self._link():
            table.add_column(head, justify="right", no_wrap=True)
        for row in self._rows:
            words = [_cell(each, row.values) for each in self._columns]
            table.add_row(_time(row), *words, *_came(row))
        table.caption = ", ".join(remarks.remarks(self._rows[-1].values)) if self._rows else ""
        return Group(table, self._progress)


def _time(row: Row) -> str:
    return row.time.strftime("%a %H:%M")


def _came(row: Row) -> list[str]:
    """How a reading came."""
    return [f"{row.rssi_dbm:.0f}", f"{row.snr_db:.1f}", f"SF{row.sf}", str(row.f_cnt)]


def _cell(column: Column, values: dict[str, Any]) -> str | Text:
    if column.mark is None:
        return column.text(values)
    word, colour = column.mark(values)
    return Text(word, style=colour)


def summary_lines(node: dict[str, Any]) -> list[str]:
    """A node's part of a summary as lines for a person."""
    parts = ", ".join(
        f"{name} {round(mah, 2):.3g}" for name, mah in node["mah_day_by_part"].items()
    )
    tries = "try" if node["join_tries"] == 1 else "tries"
    joined = f"joined after {node['join_tries']} {tries}" if node["joins"] else "never joined"
    duty_cycle = node["duty_cycle_share"]  # None: the region has none
    shares = "" if duty_cycle is None else f"{duty_cycle:.1%} of the duty cycle, "
    return [
        f"{node['name']} ({node['kit']} on {node['board']}): {joined}",
        f"  uplinks   {node['uplinks_sent']} sent, {node['uplinks_heard']} heard",
        f"  airtime   {node['airtime_s']:.1f} s: {shares}"
        f"{node['fair_use_share']:.1%} of fair use (30 s a day)",
        *_outcome(node),
        *remarks.lines(node["remarks"]),
        f"  energy    {node['mah_day']:.0f} mAh a day ({parts})",
        f"  battery   {_battery(node)}",
    ]


def _battery(node: dict[str, Any]) -> str:
    """How long it lasts."""
    low, high = node["battery_days_low"], node["battery_days_high"]
    return "none, it is on mains" if low is None else f"{span(low, high)} on {node['supply']}"


def crowd_lines(summary: dict[str, Any]) -> list[str]:
    """What became of the frames of the cheap nodes, a line for each crowd."""
    return [
        f"{each['name']} ({each['nodes']} cheap nodes): {each['sent']} frames sent, "
        f"{each['heard']} heard"
        for each in summary.get("crowds", ())
    ]


def expected_lines(summary: dict[str, Any]) -> list[str]:
    """How many of a scenario's expectations held, when it has any."""
    rows = summary["expectations"]
    if not rows:
        return []
    line = f"expected: {sum(each['held'] is True for each in rows)} of {len(rows)} held"
    if out := [each for each in rows if each["held"] is None]:
        line += f", {len(out)} not judged: {_unjudged(summary, out)}"
    return [line]


def _unjudged(summary: dict[str, Any], out: list[dict[str, Any]]) -> str:
    """Why these were not."""
    without = sum(each.get("left_out", False) for each in out)
    if without == len(out):
        return "nodes were left out"
    start, end = (datetime.fromisoformat(summary[key]) for key in ("start", "end"))
    minutes = (end - start).total_seconds() / 60
    lasted = f"{minutes:.3g} minutes" if minutes < 120 else f"{minutes / 60:.4g} h"
    shortened = f"the run was shortened to {lasted}"
    if not without:
        return shortened
    return f"{without} as nodes were left out, {len(out) - without} as {shortened}"


def unmet(summary: dict[str, Any]) -> list[str]:
    """One line for each expectation that did not hold: where it stands, and what was found."""
    lines = []
    for each in summary["expectations"]:
        if each["held"] is False:
            found = "nothing" if each["found"] is None else f"{each['found']:g}"
            of = f" ({each['of']})" if each["of"] else ""
            place = f"{summary['scenario']}.toml, line {each['line']}"
            lines.append(f"{place}: expected {each['expect']}, found {found}{of}")
    return lines


def _outcome(node: dict[str, Any]) -> list[str]:
    """What came out for the one who asked for it, by what the node measures."""
    found = []
    if "co2_minutes_above_800" in node:
        found.append(
            f"  CO2       {node['co2_minutes_above_800']} minutes above 800 ppm,"
            f" {node['co2_minutes_above_1200']} above 1200 ppm"
        )
    if node.get("fill_now") is not None:
        times = [_moment(each) for each in node["emptied_at"]]
        emptied = f"emptied {' and '.join(times)}" if times else "not emptied"
        found.append(f"  fill      {node['fill_now']} % now, {emptied}")
    if node.get("level_highest_mm") is not None:
        at = _moment(node["level_highest_at"])
        found.append(
            f"  level     {node['level_now_mm']:+} mm from the mark now,"
            f" highest {node['level_highest_mm']:+} mm, {at}"
        )
    for name, way in (("count", "forward" if "count_back_sum" in node else "passed"),
                      ("count_back", "back")):  # fmt: skip
        if node.get(f"{name}_sum") is not None:
            at = _moment(node[f"{name}_most_at"])
            found.append(
                f"  {way:<9} {node[f'{name}_sum']} in all, at most {node[f'{name}_most']} between"
                f" two readings, until {at}"
            )
    if node.get("occupied_share") is not None:
        found.append(f"  bay       taken for {node['occupied_share']:.0%} of the time")
    return found


def _moment(text: str) -> str:
    return datetime.fromisoformat(text).strftime("%a %H:%M")
