# SPDX-License-Identifier: MIT
"""The plots of a report that show radio, energy and places, node by node."""

from collections import Counter
from collections.abc import Iterator
from statistics import quantiles
from typing import Any

from host import plots
from host.places import Map
from host.report_readings import Figure
from host.rounds import Round
from host.runs import Heard, KeptRun

_NEEDED_DB = {7: -7.5, 8: -10.0, 9: -12.5, 10: -15.0, 11: -17.5, 12: -20.0}  # SX1276, table 13
_LABELLED = 16  # places with their names; more would lie on each other


def figures(run: KeptRun) -> Iterator[Figure]:
    """One for each of what the files of the run tell of."""
    nodes = run.nodes
    if any(len(rows) > 1 for rows in run.heard.values()):
        yield _strength(run)
    if nodes:
        yield _delivery(nodes)
        yield _airtime(nodes)
        for mains in (False, True):  # on one scale those on a battery would hardly be seen
            if some := [node for node in nodes if (node.get("supply") == "mains") is mains]:
                yield _energy(some, mains)
    if any(node.get("battery_days") for node in nodes):
        yield _battery(nodes)


def _first(nodes: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], str]:
    """As many nodes as fit a plot, and a word when they are not all."""
    if len(nodes) <= plots.MOST_ROWS:
        return nodes, ""
    return nodes[: plots.MOST_ROWS], f" The first {plots.MOST_ROWS} of {len(nodes)} nodes."


def _names(nodes: list[dict[str, Any]]) -> list[str]:
    return [node["name"] for node in nodes]


def _strength(run: KeptRun) -> Figure:
    nodes, less = _first([node for node in run.nodes if len(run.heard.get(node["name"], [])) > 1])
    words = [_rates(run.heard[node["name"]]) for node in nodes]
    plot = plots.rows(_names(nodes), 12 + 6.4 * max(map(len, words)), top=42)
    (axes,) = plot.axes
    said = []
    for row, (node, word) in enumerate(zip(nodes, words, strict=True)):
        values = sorted(each.snr_db for each in run.heard[node["name"]])
        low, middle, high = (quantiles(values, n=20)[at] for at in (0, 9, 18))
        said.append(f"{node['name']}: SNR {middle:.1f} dB, {word}")
        axes.hlines(row, low, high, color=plots.COLOURS[0], linewidth=3)
        (dot,) = axes.plot(middle, row, "o", color=plots.COLOURS[0], markersize=7)
        plot.say(dot, f"{said[-1]}; nine of ten between {low:.1f} and {high:.1f} dB")
        plots.beside(axes, row, word)
    used = {each.sf for rows in run.heard.values() for each in rows}
    low, high = axes.get_xlim()
    for line, sf in enumerate(sorted({min(used), max(used)})):
        axes.axvline(_NEEDED_DB[sf], color=plots.INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.annotate(
            f"SF{sf} needs {_NEEDED_DB[sf]:g} dB", (_NEEDED_DB[sf], 1.0), (2, 3 + 12 * line),
            xycoords=("data", "axes fraction"), textcoords="offset points", fontsize=10,
        )  # fmt: skip
    axes.set_xlim(min(low, _NEEDED_DB[max(used)] - 1), high)
    axes.set_xlabel("SNR at the gateway that heard it best, dB")
    note = "Dot: the middle; bar: nine frames of ten. Behind it the data rates that were used."
    return Figure("snr", "Signal and data rate", note + less, plot.svg("snr", ". ".join(said)))


def _rates(rows: list[Heard]) -> str:
    """The spreading factors of a node's frames, the usual one first."""
    counts = Counter(each.sf for each in rows).most_common(2)
    if len(counts) == 1:
        return f"SF{counts[0][0]}"
    return ", ".join(f"SF{sf} {100 * count / len(rows):.0f} %" for sf, count in counts)


def _delivery(nodes: list[dict[str, Any]]) -> Figure:
    shown, less = _first(nodes)
    plot = plots.rows(_names(shown), 128)
    (axes,) = plot.axes
    axes.set_xlim(0, 100)
    said = []
    for row, node in enumerate(shown):
        sent, heard = node["uplinks_sent"], node["uplinks_heard"]
        share = 100 * heard / sent if sent else 0.0
        (bar,) = axes.barh(row, share, 0.7, color=plots.COLOURS[0])
        said.append(f"{node['name']}: {sent} sent, {heard} heard, {node['decoded']} decoded")
        plot.say(bar, said[-1])
        plots.beside(axes, row, f"{sent} / {heard} / {node['decoded']}")
    axes.set_xlabel("share that was heard, %")
    axes.annotate("sent / heard / decoded", (1, 1), (4, 5), xycoords="axes fraction",
                  textcoords="offset points", fontsize=10)  # fmt: skip
    note = "Messages with readings or status, without join requests."
    return Figure("delivery", "Delivery", note + less, plot.svg("delivery", ". ".join(said)))


def _airtime(nodes: list[dict[str, Any]]) -> Figure:
    shown, less = _first(nodes)
    limited = any(node["duty_cycle_share"] is not None for node in shown)
    columns = [("fair_use_share", "of fair use (30 s a day), %")]
    if limited:
        columns.append(("duty_cycle_share", "of the duty cycle, %"))
    plot = plots.rows(_names(shown), 48, panels=len(columns), top=8)
    said = [_used(node) for node in shown]
    for axes, (key, label), colour in zip(plot.axes, columns, plots.COLOURS, strict=False):
        most = max(100 * node[key] for node in shown)
        for row, node in enumerate(shown):
            (bar,) = axes.barh(row, 100 * node[key], 0.7, color=colour)
            plot.say(bar, said[row])
            plots.beside(axes, row, f"{100 * node[key]:.3g}", 100 * node[key])
        axes.set_xlim(0, max(most, 0.1) * 1.35)
        axes.locator_params(axis="x", nbins=4)
        axes.set_xlabel(label)
        if most > 60:
            axes.axvline(100, color=plots.INK, linewidth=1.2, linestyle=(0, (4, 3)))
    note = "100 % is all that a node may use."
    return Figure("airtime", "Time on the air", note + less, plot.svg("airtime", ". ".join(said)))


def _used(node: dict[str, Any]) -> str:
    """Of the air, in words."""
    said = f"{node['name']}: {node['airtime_s']:.1f} s on the air, "
    said += f"{100 * node['fair_use_share']:.1f} % of fair use"
    if node["duty_cycle_share"] is not None:
        said += f", {100 * node['duty_cycle_share']:.1f} % of the duty cycle"
    return said


def _energy(nodes: list[dict[str, Any]], mains: bool) -> Figure:
    shown, less = _first(nodes)
    parts = list(dict.fromkeys(part for node in shown for part in node["mah_day_by_part"]))
    ranged = any(node.get("mah_day_high") for node in shown)
    plot = plots.rows(_names(shown), 64 if ranged else 52, top=42)
    (axes,) = plot.axes
    said = []
    for row, node in enumerate(shown):
        begin, words = 0.0, []
        for number, part in enumerate(parts):
            mah = node["mah_day_by_part"].get(part, 0.0)
            (bar,) = axes.barh(
                row, mah, 0.7, begin, color=plots.COLOURS[-1 - number % len(plots.COLOURS)],
                hatch=plots.HATCHES[number % len(plots.HATCHES)], edgecolor=plots.INK,
                linewidth=0.4, label=part if row == 0 else "",
            )  # fmt: skip
            words.append(f"{part} {mah:.3g}")
            plot.say(bar, f"{node['name']}, {part}: {mah:.3g} mAh a day")
            begin += mah
        end = begin
        if node.get("mah_day_high") is not None:
            end = node["mah_day_high"]
            axes.plot([node["mah_day_low"], end], [row, row], "|-", color=plots.INK, linewidth=1.6)
            words.append(f"between {node['mah_day_low']:.3g} and {end:.3g}")
        plots.beside(axes, row, f"{node['mah_day']:.3g}", end)
        said.append(f"{node['name']}: {node['mah_day']:.3g} mAh a day ({', '.join(words)})")
    axes.set_xlim(0, axes.get_xlim()[1] * 1.02)
    axes.set_xlabel("mAh a day")
    plot.legend(len(parts))
    note = "What each part takes." + " The line: how uncertain that is." * ranged
    key, title = ("energy-mains", "Energy, on mains") if mains else ("energy", "Energy")
    return Figure(key, title, note + less, plot.svg(key, ". ".join(said)))


def _battery(nodes: list[dict[str, Any]]) -> Figure:
    shown, less = _first([node for node in nodes if node.get("battery_days")])
    plot = plots.rows(_names(shown), 60, top=8)
    (axes,) = plot.axes
    said = []
    for row, node in enumerate(shown):
        days = node["battery_days"]
        low, high = node.get("battery_days_low", days), node.get("battery_days_high", days)
        said.append(f"{node['name']}: {days:.0f} days, between {low:.0f} and {high:.0f}")
        axes.hlines(row, low, high, color=plots.COLOURS[2], linewidth=3)
        (dot,) = axes.plot(days, row, "o", color=plots.COLOURS[2], markersize=7)
        plot.say(dot, said[-1])
        plots.beside(axes, row, f"{days:.0f}")
    axes.set_xlim(0, axes.get_xlim()[1])
    axes.set_xlabel("days; the dot is the most likely, the bar the range")
    note = f"At this pace, from {shown[0].get('supply', 'a battery')}."
    return Figure("battery", "Battery life", note + less, plot.svg("battery-life", ". ".join(said)))


def places(run: KeptRun, found: Map, tour: Round | None, due: set[str]) -> Figure:
    """A map without tiles: nodes, gateways, who hears whom best, and the round."""
    dots, masts = list(found.nodes.values()), list(found.gateways.values())
    across = [place.x_m for place in (*dots, *masts, *([tour.depot] if tour else ()))]
    up = [place.y_m for place in (*dots, *masts, *([tour.depot] if tour else ()))]
    wide = max(max(across) - min(across), max(up) - min(up) * 1.0, 100.0)
    high = max(max(up) - min(up), wide * 0.25)
    room, inner = wide * 0.1, 320
    height = min(max(inner * (high + 2 * room) / (wide + 2 * room), 160), 460)
    plot = plots.Plot(height + 74, (50, 26, 36, 38))
    (axes,) = plot.axes
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlim(min(across) - room, max(across) + room)
    middle = (max(up) + min(up)) / 2
    axes.set_ylim(middle - high / 2 - room, middle + high / 2 + room)
    for dot in dots:
        best = Counter(each.gateway for each in run.heard.get(dot.name, ())).most_common(1)
        mast = found.gateways.get(best[0][0]) if best else None
        if mast is not None:
            axes.plot([dot.x_m, mast.x_m], [dot.y_m, mast.y_m], color=plots.PALE, linewidth=0.8)
    if tour is not None and tour.stops:
        way = [tour.depot, *tour.stops, tour.depot]
        axes.plot([each.x_m for each in way], [each.y_m for each in way],
                  color=plots.COLOURS[1], linewidth=1.8, label="the round")  # fmt: skip
    for number, dot in enumerate(dots):
        urgent = dot.name in due
        (drawn,) = axes.plot(
            dot.x_m, dot.y_m, "s" if urgent else "o", markersize=9 if urgent else 7,
            color=plots.COLOURS[1 if urgent else 0], markeredgecolor="white",
        )  # fmt: skip
        plot.say(
            drawn, f"{dot.name}{', due' * urgent}: {dot.x_m:.0f} m east, {dot.y_m:.0f} m north"
        )
        if len(dots) <= _LABELLED or (urgent and len(due) <= _LABELLED):
            _label(axes, dot, number)
    for number, mast in enumerate(masts):
        (drawn,) = axes.plot(mast.x_m, mast.y_m, "^", markersize=11, color=plots.INK)
        plot.say(drawn, f"gateway {mast.name}: {mast.x_m:.0f} m east, {mast.y_m:.0f} m north")
        _label(axes, mast, number, weight="bold")
    _legend(plot, bool(due), tour is not None and bool(tour.stops))
    axes.set_xlabel("m to the east")
    axes.set_title("m to the north", pad=22)
    axes.grid(True)
    note = "A thin line: which gateway hears the node best."
    if tour is not None and tour.stops:
        note += f" The round: {tour.metres / 1000:.1f} km, streets reckoned as 1.3 straight lines."
    if not found.assumed:
        note += f" The origin is at {found.origin[0]:.5f}, {found.origin[1]:.5f}."
    alt = f"Map of {len(dots)} nodes and {len(masts)} gateways. {note}"
    return Figure("map", "Map", note, plot.svg("map", alt))


def _label(axes: Any, place: Any, number: int, **options: Any) -> None:
    axes.annotate(
        plots.short(place.name), (place.x_m, place.y_m), (0, 7 if number % 2 == 0 else -7),
        textcoords="offset points", fontsize=10, ha="center",
        va="bottom" if number % 2 == 0 else "top", bbox=plots.PAPER, **options,
    )  # fmt: skip


def _legend(plot: plots.Plot, due: bool, tour: bool) -> None:
    from matplotlib.lines import Line2D

    marks = [("o", plots.COLOURS[0], "node"), ("^", plots.INK, "gateway")]
    if due:
        marks.insert(1, ("s", plots.COLOURS[1], "bin due"))
    handles = [
        Line2D([], [], marker=mark, color=colour, linestyle="none", markersize=7, label=word)
        for mark, colour, word in marks
    ]
    if tour:
        handles.append(Line2D([], [], color=plots.COLOURS[1], label="round"))
    plot.legend(len(handles), handles=handles)
