# SPDX-License-Identifier: MIT
"""The columns that a kit's quantities have on the screen, and the word or bar that some get."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

ORANGE_PPM, RED_PPM = 800, 1200
ORANGE_PCT, RED_PCT = 60, 80  # how full a bin is
_CELLS = 8  # of a bar
_NO_VALUE = ("no value", "magenta")
_WARMING = ("warming", "cyan")
# (quantity, one beside it): what its first column is called there.
_BESIDE = {("temperature_2", "level"): "water C", ("count", "count_back"): "forward"}
Values = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """`text` is for plain lines; with `mark`, (text, colour), a terminal shows that instead."""

    head: str
    text: Callable[[Values], str]
    mark: Callable[[Values], tuple[str, str]] | None = None
    width: int = 0  # at least: as wide as its longest word, so that the table stands still


def columns(quantities: Iterable[str]) -> list[Column]:
    """The columns of these quantities, what matters most first."""
    chosen, found = set(quantities), []
    for name in _COLUMNS:
        if name in chosen:
            first, *more = _COLUMNS[name]
            heads = [_BESIDE[name, other] for other in chosen if (name, other) in _BESIDE]
            found += [replace(first, head=heads[0]) if heads else first, *more]
    return found


def _plain(name: str, head: str, form: str = "") -> Column:
    def text(values: Values) -> str:
        return "-" if values.get(name) is None else format(values[name], form)

    return Column(head, text)


def _word(head: str, of: Callable[[Values], tuple[str, str]]) -> Column:
    """A word that has a colour, and a dot of that colour before it."""

    def mark(values: Values) -> tuple[str, str]:
        word, colour = of(values)
        return "● " + word, colour

    return Column(head, lambda values: of(values)[0], mark, 10)


def _light(values: Values) -> tuple[str, str]:
    """The traffic light, as the node's own has it."""
    co2_ppm = values.get("co2")
    if co2_ppm is None:
        return _WARMING if "warming" in values.get("flags", ()) else _NO_VALUE
    if co2_ppm < ORANGE_PPM:
        return "good", "green"
    return ("air soon", "dark_orange") if co2_ppm < RED_PPM else ("air now!", "red")


def _bay(values: Values) -> tuple[str, str]:
    taken = values.get("occupied")
    return _NO_VALUE if taken is None else ("taken", "red") if taken else ("free", "green")


def _bin(values: Values) -> tuple[str, str]:
    fill_pct = values.get("fill")
    if fill_pct is None:
        return _NO_VALUE
    colour = "green" if fill_pct < ORANGE_PCT else "dark_orange" if fill_pct < RED_PCT else "red"
    full = _full_cells(fill_pct)
    return "█" * full + "░" * (_CELLS - full), colour


def _full_cells(fill_pct: int) -> int:
    return (fill_pct * _CELLS + 50) // 100


def _bin_text(values: Values) -> str:
    if values.get("fill") is None:
        return _NO_VALUE[0]
    full = _full_cells(values["fill"])
    return "#" * full + "." * (_CELLS - full)


_COLUMNS = {
    "co2": (_plain("co2", "CO2 ppm"), _word("air", _light)),
    "fill": (_plain("fill", "fill %"), Column("bin", _bin_text, _bin, _CELLS)),
    "level": (_plain("level", "level mm", "+"),),
    "occupied": (_word("bay", _bay),),
    "occupancy": (_plain("occupancy", "taken %"),),
    # since the row before, and in all
    "count": (_plain("count_difference", "passed"), _plain("count", "total")),
    "count_back": (_plain("count_back_difference", "back"), _plain("count_back", "total")),
    "distance": (_plain("distance", "dist mm"),),
    "temperature": (_plain("temperature", "temp C"),),
    "temperature_2": (_plain("temperature_2", "temp 2 C"),),
    "humidity": (_plain("humidity", "hum %"),),
    "pressure": (_plain("pressure", "hPa"),),
    "battery": (_plain("battery", "batt V"),),
}
