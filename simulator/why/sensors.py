# SPDX-License-Identifier: MIT
"""Rules about what is measured: sensors that fail by their node's own word, and what is too still.

What is usual was measured on all kits over two days without a fault, see tests.
"""

import re
from ast import literal_eval
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

from host import files
from simulator.why.evidence import Evidence, Line, Node, hours
from simulator.why.findings import Finding

_FAULTS = "sensor faults 0b"
_CO2, _TEMPERATURE, _DISTANCE, _LEVEL, _WATER_C = 1, 2, 4, 6, 13
_COUNTS = (7, 11)
_FAULT_US = 300_000_000  # a shorter one is a look that went wrong, as when a car moves
_DAY_H, _WEEKEND = range(8, 17), 5
# What a quantity varies by, on the wire, while nothing changes: noise, and the weather of hours.
_STILL = {1: 60, 2: 3, 3: 2, 4: 15, 5: 2, 6: 15, 8: 0, 10: 5, 12: 0, 13: 2}
# How long by day it is too still, in s: the first of these that a kit measures counts.
_TOO_LONG_S = ((_CO2, 5400), (_LEVEL, 12000), (_DISTANCE, 7200), (_TEMPERATURE, 7200))
_SAME_CO2 = 8  # exactly the same so often: its noise alone is 10 ppm
_SAME_MM, _SAME_SHOTS = 1.5, 9
_COUNTED, _NOTHING = 5, 4  # intervals with so many on average, then so many with none


@dataclass(frozen=True)
class Reading:
    """One reading of a log: its values by wire key."""

    time_us: int
    values: dict[int, int]


def failed(node: Node, evidence: Evidence) -> Finding | None:
    """A sensor that is silent, wrong or frozen, as its node says."""
    found = [(each, int(each.text.split()[2], 2)) for each in node.lines(_FAULTS)]
    ends_us = [each.time_us for each, _ in found[1:]] + [evidence.end_us]
    lasting = (
        (each, bits)
        for (each, bits), end_us in zip(found, ends_us, strict=False)
        if bits and end_us - each.time_us >= _FAULT_US
    )
    began, bits = next(lasting, (None, 0))
    if began is None:
        return None
    words = [each for each in node.lines("sensor ") if "fails:" in each.text]
    near = min(words, key=lambda each: abs(each.time_us - began.time_us), default=None)
    name, problem = _named(near)
    ended = next((row[0] for row in found if row[0].time_us > began.time_us and not row[1]), None)
    until = f"again from {evidence.clock(ended.time_us)}" if ended else "not again until the end"
    told = [each for time_us, each in node.told if each.get("faults") and time_us > began.time_us]
    frozen = problem == "frozen"
    return Finding(
        "sensor-frozen" if frozen else "sensor-silent",
        began.time_us,
        f"sensor {name} {'repeats the same number' if frozen else 'fails: ' + problem}",
        (
            f"{evidence.clock(began.time_us)}: no value any more for {', '.join(_names(bits))}; "
            f"{until}",
            f"{len(told)} frames with that fault came to the network",
        ),
        "check its wires and its supply; if they are good, replace it",
    )


def repeats(node: Node, evidence: Evidence) -> Finding | None:
    """A sensor without its noise, which its node cannot see: it gives the same again and again."""
    rows = readings(node)
    for name, values, tolerance, least in (
        ("co2", lambda row: row.values.get(_CO2), 0.0, _SAME_CO2),
        ("distance", lambda row: row.values.get(_DISTANCE), _SAME_MM, _SAME_SHOTS),
        ("distance", _uncorrected_mm, _SAME_MM, _SAME_SHOTS),
    ):
        found = _longest(rows, values, tolerance)
        if len(found) >= least:
            return Finding(
                "sensor-frozen",
                found[0].time_us,
                f"the {name} sensor repeats the same number: {len(found)} readings in a row",
                (
                    f"from {evidence.clock(found[0].time_us)} to "
                    f"{evidence.clock(found[-1].time_us)}, without the noise that it has",
                    "its node notices nothing: no fault in its log or its frames",
                ),
                "switch its supply off and on; if that does not help, replace it",
            )
    return None


def uncounted(node: Node, evidence: Evidence) -> Finding | None:
    """A counter that counted well and then, from one reading to the next, not at all."""
    rows = [row for row in readings(node) if _COUNTS[0] in row.values]
    steps = [
        (
            row.time_us,
            sum(
                (row.values[k] - before.values.get(k, 0)) & 0xFFFF
                for k in _COUNTS
                if k in row.values
            ),
        )
        for before, row in pairwise(rows)
    ]
    for at in range(_NOTHING, len(steps) - _NOTHING + 1):
        before = [count for _, count in steps[at - _NOTHING : at]]
        after = [count for _, count in steps[at : at + _NOTHING]]
        if sum(before) >= _COUNTED * _NOTHING and not any(after):
            again = next((time_us for time_us, count in steps[at:] if count), None)
            until = f"again from {evidence.clock(again)}" if again else "not again until the end"
            return Finding(
                "uncounted",
                steps[at - 1][0],
                f"nobody is counted from one reading to the next: {before[-1]}, then 0",
                (
                    f"{', '.join(map(str, before))} in the intervals before "
                    f"{evidence.clock(steps[at - 1][0])}, then none; {until}",
                ),
                "stand before it: is the PIR covered, turned away, stuck or without supply? or is "
                "the way closed?",
            )
    return None


def still(node: Node, evidence: Evidence) -> Finding | None:
    """Nothing of all that a node measures moves, on a working day."""
    rows = readings(node)
    keys = {key for row in rows for key in row.values if key in _STILL}
    least_s = next((least_s for key, least_s in _TOO_LONG_S if key in keys), None)
    if least_s is None:
        return None
    found = max(_flat(rows, keys, evidence), key=_lasts_us, default=[])
    if not found or _lasts_us(found) < least_s * 1_000_000 or _never_moved(rows, found, keys):
        return None
    spans = ", ".join(f"{name} {span}" for name, span in _spans(found, keys))
    return Finding(
        "still",
        found[0].time_us,
        f"what it measures stands still for {hours(_lasts_us(found))} by day: nothing changes "
        "around it",
        (
            f"from {evidence.clock(found[0].time_us)} to {evidence.clock(found[-1].time_us)}, "
            f"{len(found)} readings: {spans}",
            "its sensors answer, with their noise",
        ),
        "go and look: is the box closed, covered, or carried off to a cupboard?",
    )


RULES = (failed, repeats, uncounted, still)


def readings(node: Node) -> list[Reading]:
    """The readings of a log; what is no reading is left out."""
    found = []
    for each in node.lines("reading {"):
        try:
            values = literal_eval(each.text.removeprefix("reading "))
        except (ValueError, SyntaxError):
            continue  # cut short
        found.append(Reading(each.time_us, values))
    return found


def _named(line: Line | None) -> tuple[str, str]:
    matched = re.match(r"sensor (\S+) fails: (.*)", line.text) if line else None
    return (matched[1], matched[2]) if matched else ("of these", "no value")


def _names(bits: int) -> list[str]:
    by_key = {row[0]: row[1] for row in files.readings().QUANTITIES}
    return [by_key[key] for key in range(1, 24) if bits >> (key - 1) & 1]


def _uncorrected_mm(row: Reading) -> float | None:
    """The distance without what the air's temperature makes of it."""
    distance = row.values.get(_DISTANCE)
    warm_dc = row.values.get(_TEMPERATURE, row.values.get(_WATER_C))
    if distance is None or warm_dc is None:
        return None
    return distance / sqrt(1 + warm_dc / 2731.5)


def _longest(
    rows: Sequence[Reading], value: Callable[[Reading], float | None], tolerance: float
) -> list[Reading]:
    """The longest stretch whose values are that near to each other."""
    best: list[Reading] = []
    row: list[Reading] = []
    low = high = 0.0
    for each in rows:
        number = value(each)
        if number is None:
            row = []
            continue
        if not row or max(high, number) - min(low, number) > tolerance:
            row, low, high = [], number, number
        row.append(each)
        low, high = min(low, number), max(high, number)
        best = max(best, row, key=len) if len(row) <= len(best) else list(row)
    return best


def _flat(rows: Sequence[Reading], keys: set[int], evidence: Evidence) -> Iterator[list[Reading]]:
    """Stretches by day in which nothing moves, each as long as it can be."""
    row: list[Reading] = []
    for each in rows:
        moment = evidence.local(each.time_us)
        by_day = moment.hour in _DAY_H and moment.weekday() < _WEEKEND
        if not by_day or not keys <= set(each.values):
            yield row
            row = []
            continue
        row = [*row, each]
        while any(span > _STILL[key] for key, span in _by_key(row, keys)):
            if len(row) > 1:
                yield row[:-1]
            row = row[1:]
    yield row


def _by_key(row: Sequence[Reading], keys: set[int]) -> Iterator[tuple[int, int]]:
    for key in sorted(keys):
        values = [each.values[key] for each in row]
        yield key, max(values) - min(values)


def _spans(row: Sequence[Reading], keys: set[int]) -> Iterator[tuple[str, str]]:
    table = {each[0]: each for each in files.readings().QUANTITIES}
    for key, span in _by_key(row, keys):
        _, name, unit, steps, *_ = table[key]
        yield name, f"within {span / steps:g} {unit}".strip()


def _never_moved(rows: Sequence[Reading], found: Sequence[Reading], keys: set[int]) -> bool:
    """Whether it was as still all the time: then nothing says that it ever moves."""
    rest = [each for each in rows if keys <= set(each.values)]
    return all(span <= _STILL[key] for key, span in _by_key(rest, keys))


def _lasts_us(row: Sequence[Reading]) -> int:
    return row[-1].time_us - row[0].time_us if row else 0
