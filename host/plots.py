# SPDX-License-Identifier: MIT
"""Draws plots as SVG to stand in a page: the same bytes for the same numbers, legible on a phone.

Every plot is 400 units wide with letters of 11, so it can be read on a phone, and in print two of
them stand beside each other. Colours are those of Okabe and Ito, which everybody tells apart, and
never say anything alone: lines have dashes, bars hatches and numbers.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from html import escape
from io import StringIO
from itertools import chain, pairwise
from math import nan
from typing import TYPE_CHECKING, Any

from host.errors import HostError
from host.runs import Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (9, 2)))
HATCHES = ("", "////", "||", "\\\\\\\\", "--")
INK, GREY, PALE = "#1a1a1a", "#5f5f5f", "#d9d9d9"
PAPER = {"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.5}  # behind a word
WIDTH, ROW = 400, 16  # units of a plot, and of one row of names
_BAR = 0.84  # of a row
MOST_LINES, MOST_ROWS = len(COLOURS), 60
_LETTER, _SMALL = 11.0, 10.0
_LETTER_WIDTH = 6.4  # of _SMALL letters, generously
_BUCKETS = 240  # of a line: the lowest and highest of each are drawn
_HOURS = (1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 720)
_STYLE = {
    "svg.fonttype": "none",
    "font.size": _LETTER,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "text.color": INK,
    "text.parse_math": False,  # a $ in a name is a $
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.titlesize": _LETTER,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": PALE,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": _SMALL,
    "ytick.labelsize": _SMALL,
    "hatch.linewidth": 0.6,
    "hatch.color": INK,
    "legend.fontsize": _SMALL,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "path.simplify": False,
}

Span = tuple[datetime, datetime]  # from, to


@contextmanager
def style() -> Iterator[None]:
    """Draw inside it. HostError: the library that draws is not installed."""
    try:
        import matplotlib
    except ImportError as error:
        step = "install it: pip install 'node071[report]'"
        raise HostError("a report needs matplotlib", step) from error
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells how it finds its letters
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


class Plot:
    """One plot, `height` units high; `axes` are its panels, beside each other.

    `sides`: what is left free for letters, in units, on the left, right, top and bottom.
    """

    def __init__(
        self,
        height: float,
        sides: tuple[float, float, float, float] = (42, 20, 24, 28),
        panels: int = 1,
        gap: float = 28,
    ):
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure

        left, right, top, bottom = sides
        self._figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72)
        FigureCanvasSVG(self._figure)
        wide = (WIDTH - left - right - gap * (panels - 1)) / panels
        self.axes: list[Axes] = [
            self._figure.add_axes(
                (
                    (left + number * (wide + gap)) / WIDTH,
                    bottom / height,
                    wide / WIDTH,
                    (height - top - bottom) / height,
                )
            )
            for number in range(panels)
        ]
        self._said: list[str] = []

    def say(self, artist: Any, text: str) -> None:
        """What a mouse over `artist` is told, and who listens instead of looking."""
        artist.set_gid(f"said-{len(self._said)}")
        self._said.append(text)

    def legend(self, columns: int, **options: Any) -> None:
        """What the marks of the first panel mean, above it."""
        self.axes[0].legend(
            loc="lower left", bbox_to_anchor=(0, 1.0), ncols=columns, borderaxespad=0.2,
            handlelength=2.2, columnspacing=1.2, handletextpad=0.5, **options,
        )  # fmt: skip

    def svg(self, name: str, alt: str) -> str:
        """The element, with ids of its own by `name`; `alt` says in words what it shows."""
        import matplotlib

        file = StringIO()
        nothing: dict[str, Any] = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        with matplotlib.rc_context({"svg.hashsalt": name}):
            self._figure.savefig(file, format="svg", metadata=nothing)
        text = re.sub(
            r"^.*?(?=<svg)|<metadata>.*?</metadata>|<!--.*?-->", "", file.getvalue(), flags=re.S
        )
        text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", text, flags=re.S)
        text = re.sub(r'<g id="said-(\d+)">', self._title, text)
        text = re.sub(r'(<g|<patch) id="[^"]*"', r"\1", text)
        text = re.sub(r"; font-family: [^;\"]*|font-family: [^;\"]*;? ?", "", text)
        text = re.sub(r"(font: [\d.]+px) [^;\"]*", r"\1 sans-serif", text)
        head = f'<svg viewBox="0 0 {WIDTH} {self._figure.get_figheight() * 72:g}" role="img"'
        text = re.sub(r"^<svg[^>]*>", f'{head} aria-label="{escape(alt)}">', text)
        return re.sub(r"\n\s*", "\n", text).strip()

    def _title(self, found: re.Match[str]) -> str:
        return f'<g class="said"><title>{escape(self._said[int(found[1])])}</title>'


def short(name: str, most: int = 20) -> str:
    """A name that fits before a row."""
    return name if len(name) <= most else name[: most - 1] + "…"


def room_for(names: Sequence[str]) -> float:
    """The units that the longest of these names needs before the rows."""
    return 14 + _LETTER_WIDTH * max(map(len, map(short, names)), default=0)


def rows(
    names: Sequence[str], right: float = 14, panels: int = 1, top: float = 24, bottom: float = 38
) -> Plot:
    """A plot with one row for each name, the first on top."""
    height = top + bottom + ROW * len(names)
    plot = Plot(height, (room_for(names), right, top, bottom), panels)
    for number, axes in enumerate(plot.axes):
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_yticks(range(len(names)), list(map(short, names)) if number == 0 else [])
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
    return plot


def beside(axes: "Axes", row: float, text: str, x: float | None = None, **options: Any) -> None:
    """A word at the end of a row: right of the panel, or right of `x` in it."""
    place = (1.0, row) if x is None else (x, row)
    frame = axes.get_yaxis_transform() if x is None else axes.transData
    axes.annotate(
        text, place, xycoords=frame, xytext=(4, 0), textcoords="offset points", va="center",
        fontsize=_SMALL, **options,
    )  # fmt: skip


def hours(start: datetime, time: datetime) -> float:
    """Where a time stands on the axis of `clock`."""
    return (time - start) / timedelta(hours=1)


def clock(axes: "Axes", start: datetime, end: datetime) -> None:
    """Let the panel run from start to end, with days and hours below it."""
    step_h = next((each for each in _HOURS if hours(start, end) / each <= 8), _HOURS[-1])
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    count = int(hours(midnight, end) / step_h) + 1
    times = [midnight + timedelta(hours=step_h) * number for number in range(count)]
    times = [each for each in times if each >= start]
    words = [f"{each:%H:%M}" if each.hour else f"{each:%a} {each.day}" for each in times]
    axes.set_xlim(0, hours(start, end))
    axes.set_xticks([hours(start, each) for each in times], words)
    axes.grid(axis="x")


def line(axes: "Axes", start: datetime, series: Series, number: int, **options: Any) -> Any:
    """Draw a series in the colour and the dashes of its number, with gaps where nothing came."""
    times, values = zip(*gaps(thin(series)), strict=True)
    looks = {"color": COLOURS[number % len(COLOURS)], "linestyle": DASHES[number % len(DASHES)]}
    (drawn,) = axes.plot([hours(start, each) for each in times], values, **(looks | options))
    return drawn


def bars(axes: "Axes", start: datetime, row: float, spans: Sequence[Span], color: str) -> Any:
    """Draw when something was so, as one broken line that fills most of a row."""
    ends = [(hours(start, begin), hours(start, end), nan) for begin, end in spans]
    looks: dict[str, Any] = {"color": color, "linewidth": _BAR * ROW, "solid_capstyle": "butt"}
    (drawn,) = axes.plot(list(chain(*ends)), [row] * 3 * len(ends), **looks)
    return drawn


def thin(series: Series, buckets: int = _BUCKETS) -> Series:
    """At most two values a bucket of time, the lowest and the highest: no peak is lost."""
    if len(series) <= 2 * buckets:
        return series
    first, last = series[0][0], series[-1][0]
    wide = (last - first) / buckets or timedelta(seconds=1)
    by_bucket: dict[int, Series] = {}
    for row in series:
        by_bucket.setdefault(min((row[0] - first) // wide, buckets - 1), []).append(row)
    found = {}
    for near in by_bucket.values():
        for choose in (min, max):
            kept = choose(near, key=lambda each: each[1])
            found[kept[0]] = kept[1]
    return sorted(found.items())


def gaps(series: Series) -> Series:
    """The same with a missing value wherever there was nothing for three times the usual step."""
    steps = [after - before for (before, _), (after, _) in pairwise(series)]
    if not steps:
        return series
    usual, found = sorted(steps)[len(steps) // 2], series[:1]
    for step, row in zip(steps, series[1:], strict=True):
        if step > 3 * usual:
            found.append((row[0] - step / 2, nan))
        found.append(row)
    return found
