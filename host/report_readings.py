# SPDX-License-Identifier: MIT
"""The plots of a report that show what was measured, over time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from host import plots
from host.bins import DUE_PCT, Bin
from host.columns import ORANGE_PPM, RED_PPM
from host.runs import KeptRun, Series

# Light to dark, so that they can be told apart in grey as well.
_SHADES = ("#e6e2f1", "#c6c3e0", "#9e9ac8", "#756bb1", "#54278f", "#2d0a54")
_SLICES = 168  # of the time, in a plot of many nodes


@dataclass(frozen=True)
class Figure:
    """A plot with what stands above it; `svg` is ready for the page."""

    key: str
    title: str
    note: str
    svg: str


@dataclass(frozen=True)
class _Quantity:
    """How a quantity is shown. `limits`: lines with a word above them; `edges`: of its shades."""

    name: str
    title: str
    unit: str
    limits: tuple[tuple[float, str], ...] = ()
    edges: tuple[float, ...] = ()
    floor: float | None = None
    note: str = ""


_QUANTITIES = (
    _Quantity(
        "co2", "CO2 in the air", "ppm", ((ORANGE_PPM, "air soon"), (RED_PPM, "air now!")),
        (ORANGE_PPM, RED_PPM), 400,
        f"Under {ORANGE_PPM} ppm is good; from {RED_PPM} ppm on, open the windows now.",
    ),
    _Quantity(
        "fill", "How full the bins are", "%", ((DUE_PCT, "due"),), (20, 40, 60, DUE_PCT), 0,
        f"From {DUE_PCT} % on a bin is due.",
    ),
    _Quantity("level", "Water level", "mm from the mark", ((0, "the mark"),),
              note="Above the mark is positive."),
    _Quantity("occupancy", "Time that the bay was taken", "% of the interval", (),
              (20, 40, 60, 80), 0),
    _Quantity("count", "Passed in each hour", "an hour", floor=0),
    _Quantity("count_back", "Passed in each hour, the other direction", "an hour", floor=0),
    _Quantity("temperature", "Temperature", "°C"),
    _Quantity("temperature_2", "Second temperature: of the water, or in the box", "°C"),
    _Quantity("humidity", "Humidity", "% relative"),
    _Quantity("pressure", "Air pressure", "hPa"),
    _Quantity("battery", "Battery", "V"),
)  # fmt: skip


def figures(run: KeptRun) -> Iterator[Figure]:
    """One for each quantity that was measured, what matters most first."""
    for quantity in _QUANTITIES:
        series = run.by_hour.get(quantity.name) or run.series.get(quantity.name, {})
        series = {name: rows for name, rows in series.items() if rows}
        if not series:
            continue
        if len(series) <= plots.MOST_LINES:
            yield _lines(run, quantity, series)
        else:
            yield _rows(run, quantity, series)


def _said(quantity: _Quantity, name: str, series: Series) -> str:
    values = [value for _, value in series]
    return (
        f"{name}: {values[-1]:g} at the end, lowest {min(values):g}, highest {max(values):g} "
        f"{quantity.unit}"
    )


def _alt(quantity: _Quantity, series: dict[str, Series]) -> str:
    most = [_said(quantity, name, rows) for name, rows in list(series.items())[:6]]
    more = [f"and {len(series) - 6} more"] if len(series) > 6 else []
    return f"{quantity.title} over time. {'; '.join([*most, *more])}"


def _lines(run: KeptRun, quantity: _Quantity, series: dict[str, Series]) -> Figure:
    """A line for each node."""
    columns = max(1, min(len(series), 350 // (40 + 7 * max(map(len, series)))))
    above = 17 * -(-len(series) // columns) if len(series) > 1 else 0
    plot = plots.Plot(220 + above, (42, 20, 24 + above, 28))
    (axes,) = plot.axes
    axes.set_title(quantity.unit, pad=8 + above)
    plots.clock(axes, run.start, run.end)
    axes.grid(axis="y")
    for number, (name, rows) in enumerate(series.items()):
        options = {"drawstyle": "steps-post"} if quantity.name in run.by_hour else {}
        drawn = plots.line(axes, run.start, rows, number, label=name, **options)
        plot.say(drawn, _said(quantity, name, rows))
    _scale(plot, quantity, [value for rows in series.values() for _, value in rows])
    if len(series) > 1:
        plot.legend(columns)
    note = quantity.note if len(series) > 1 else f"{next(iter(series))}. {quantity.note}"
    return Figure(
        quantity.name, quantity.title, note.strip(), plot.svg(quantity.name, _alt(quantity, series))
    )


def _scale(plot: plots.Plot, quantity: _Quantity, values: Sequence[float]) -> None:
    """All values in view, and the limits that matter with their words."""
    (axes,) = plot.axes
    low, high = min(values), max(values)
    if quantity.limits:
        low = min(low, *(limit for limit, _ in quantity.limits))
        high = max(high, *(limit for limit, _ in quantity.limits))
    if quantity.name in ("fill", "occupancy"):
        low, high = 0, 100
    room = max((high - low) * 0.08, abs(high) * 0.01, 0.5)
    axes.set_ylim(low - room if quantity.floor is None else min(quantity.floor, low), high + room)
    for number, (limit, word) in enumerate(quantity.limits):
        axes.axhline(limit, color=plots.INK, linewidth=0.9, linestyle=(0, (4, 3)))
        above = [other for other, _ in quantity.limits[number + 1 :]]
        if quantity.floor is not None:
            top = above[0] if above else axes.get_ylim()[1]
            shade = "#fdf0d5" if above else "#f6d5cc"
            axes.axhspan(limit, top, color=shade, linewidth=0, zorder=0)
        axes.annotate(
            word, (1, limit), xycoords=axes.get_yaxis_transform(), xytext=(-3, 3),
            textcoords="offset points", ha="right", va="bottom", fontsize=10,
            bbox=plots.PAPER,
        )  # fmt: skip


def _rows(run: KeptRun, quantity: _Quantity, series: dict[str, Series]) -> Figure:
    """A row for each node, darker where the value is higher; its last value behind it."""
    from matplotlib.patches import Patch

    shown = sorted(sorted(series, key=lambda each: -series[each][-1][1])[: plots.MOST_ROWS])
    edges = quantity.edges or _edges([value for rows in series.values() for _, value in rows])
    shades = _SHADES[len(_SHADES) - len(edges) - 1 :] if len(edges) > 3 else _SHADES[:6:2]
    shades = shades if len(shades) > len(edges) else _SHADES
    plot = plots.rows(shown, 40, top=66, bottom=28)
    (axes,) = plot.axes
    plots.clock(axes, run.start, run.end)
    wide = (run.end - run.start) / _SLICES
    for row, name in enumerate(shown):
        for shade, spans in _spans(run.start, wide, series[name], edges).items():
            drawn = plots.bars(axes, run.start, row, spans, shades[shade])
            plot.say(drawn, _said(quantity, name, series[name]))
        plots.beside(axes, row, f"{series[name][-1][1]:g}")
    axes.set_title(f"{quantity.unit}; behind each row the last value", pad=36)
    words = [f"under {edges[0]:g}", *(f"from {edge:g}" for edge in edges)]
    patches = [
        Patch(facecolor=shade, edgecolor=plots.GREY, label=word, linewidth=0.5)
        for shade, word in zip(shades, words, strict=False)
    ]
    plot.legend(-(-len(words) // 2), handles=patches)
    less = f" {len(shown)} of {len(series)} nodes: the highest." if len(shown) < len(series) else ""
    return Figure(
        quantity.name, quantity.title, f"{quantity.note} White: nothing came.{less}".strip(),
        plot.svg(quantity.name, _alt(quantity, series)),
    )  # fmt: skip


def _edges(values: Sequence[float]) -> tuple[float, ...]:
    """Round numbers that cut what was measured into some parts."""
    from matplotlib.ticker import MaxNLocator

    ticks = MaxNLocator(5).tick_values(min(values), max(values))
    return tuple(float(each) for each in ticks if min(values) < each < max(values))[:5]


def _spans(
    start: datetime, wide: timedelta, series: Series, edges: Sequence[float]
) -> dict[int, list[plots.Span]]:
    """When a series was between which edges, by the number of edges below it.

    The highest value of each slice of time counts; a slice without any has the colour of the one
    before when that is near, and none otherwise.
    """
    highest: dict[int, float] = {}
    for time, value in series:
        slice_ = (time - start) // wide
        highest[slice_] = max(highest.get(slice_, value), value)
    slices = list(highest)
    steps = sorted(after - before for before, after in pairwise(slices))
    reach = 3 * steps[len(steps) // 2] if steps else 1
    spans: list[list[int]] = []  # shade, first slice, the slice after its last
    for at, after in zip(slices, [*slices[1:], slices[-1] + 1], strict=True):
        shade = sum(highest[at] >= edge for edge in edges)
        end = after if after - at <= reach else at + 1
        if spans and spans[-1][0] == shade and spans[-1][2] == at:
            spans[-1][2] = end
        else:
            spans.append([shade, at, end])
    found: dict[int, list[plots.Span]] = {}
    for shade, first, end in spans:
        found.setdefault(shade, []).append((start + wide * first, start + wide * end))
    return found


def due(bins: Sequence[Bin]) -> Figure:
    """How full each bin is, and how full it will be in a day; the fullest first."""
    ordered = sorted(bins, key=lambda each: (-each.tomorrow_pct, each.name))[: plots.MOST_ROWS]
    plot = plots.rows([each.name for each in ordered], 92)
    (axes,) = plot.axes
    axes.set_xlim(0, 100)
    axes.set_xlabel("%")
    for row, each in enumerate(ordered):
        colour = plots.COLOURS[1] if each.due else plots.COLOURS[5]
        (now,) = axes.barh(row, each.fill_pct, 0.7, color=colour)
        grown = max(each.tomorrow_pct - each.fill_pct, 0)
        (later,) = axes.barh(
            row, grown, 0.7, each.fill_pct, facecolor="white", edgecolor=colour, hatch="////"
        )
        said = f"{each.name}: {each.fill_pct:.0f} % now, {each.tomorrow_pct:.0f} % in a day"
        plot.say(now, said)
        plot.say(later, said)
        later_pct = "?" if each.rise_pct_day is None else f"{each.tomorrow_pct:.0f}"
        word = f"{each.fill_pct:.0f} → {later_pct}"
        plots.beside(axes, row, word + "  due" * each.due)
    axes.axvline(DUE_PCT, color=plots.INK, linewidth=1.2, linestyle=(0, (4, 3)))
    axes.set_title(f"full: now, hatched in a day; due from {DUE_PCT} % on", pad=8)
    words = [f"{each.name} {each.fill_pct:.0f} %" for each in ordered if each.due]
    alt = f"{len(words)} of {len(bins)} bins are due tomorrow: {', '.join(words) or 'none'}"
    note = "By how much each rose a day in its last three days, emptyings left out."
    if any(each.rise_pct_day is None for each in ordered):
        note += " A question mark: too few hours to tell."
    return Figure("due", "Bins due tomorrow", note, plot.svg("due", alt))
