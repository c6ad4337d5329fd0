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

_FAULTS = re.compile(r"sensor faults 0b([01]+)\b")
_CO2, _TEMPERATURE, _DISTANCE, _WATER_C = 1, 2, 4, 13
_COUNTS, _FAULT_BITS = (7, 11), -1
_FAULT_US = 300_000_000  # a shorter one is a look that went wrong, as when a car moves
_DAY_H, _WALKING_H, _WEEKEND = range(8, 17), range(7, 20), 5
# What a quantity varies by, on the wire, while nothing changes: noise, and the weather of hours.
_STILL = {1: 60, 2: 3, 3: 2, 4: 15, 5: 2, 6: 25, 8: 0, 10: 5, 12: 0, 13: 2}
# How long it is too still, in s: in a classroom by day, outdoors at any time, for the weather. Over
# five days of forty worlds the longest without a fault was 1.0 and 3.7 h; water may be so for 8 h.
_TOO_LONG_S = {_CO2: 5400, _WATER_C: 7200, _DISTANCE: 14000}
_THAW_DC = 4  # water warms by 0.3 degC at most from one reading to the next
_SAME_CO2 = 8  # exactly the same so often: its noise alone is 10 ppm
_SAME_MM, _SAME_SHOTS = 1.5, 9
# So many would be expected in a stretch without any: a quiet hour has a third of the usual ones.
_SURE, _BEFORE = 25, 4
_NEVER_US = 4 * 3_600_000_000  # where none ever was


@dataclass(frozen=True)
class Reading:
    """One reading of a log: its values by wire key."""

    time_us: int
    values: dict[int, int]


def failed(node: Node, evidence: Evidence) -> Finding | None:
    """A sensor that is silent, wrong or frozen, as its node says."""
    lines = [(each, int(found[1], 2)) for each in node.log if (found := _FAULTS.match(each.text))]
    rows = readings(node)
    for began, bits in lines:
        good_us = [each.time_us for each, now in lines if not now & bits]
        # a node that sleeps deeply forgets its faults: there a reading says when one is over
        good_us += [each.time_us for each in rows if not each.values.get(_FAULT_BITS, 0) & bits]
        ended_us = min((each for each in good_us if each > began.time_us), default=None)
        until_us = evidence.end_us if ended_us is None else ended_us
        bad = [each for each in rows if began.time_us <= each.time_us < until_us]
        if bits and until_us - began.time_us >= _FAULT_US and (len(bad) > 1 or _looks(node, began)):
            return _failure(node, evidence, began, bits, ended_us)
    return None


def _looks(node: Node, began: Line) -> bool:
    """Whether a node looked again and again at a sensor that had failed, between two readings."""
    again = [each for each in node.lines("sensor ") if "fails:" in each.text]
    return sum(0 < each.time_us - began.time_us < _FAULT_US for each in again) > 1


def _failure(
    node: Node, evidence: Evidence, began: Line, bits: int, ended_us: int | None
) -> Finding:
    words = [each for each in node.lines("sensor ") if "fails:" in each.text]
    near = min(words, key=lambda each: abs(each.time_us - began.time_us), default=None)
    name, problem = _named(near)
    until = f"again from {evidence.clock(ended_us)}" if ended_us else "not again until the end"
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
    """A counter that counts nothing for so long by day that it cannot be chance."""
    rows = [row for row in readings(node) if _COUNTS[0] in row.values]
    steps = [(before.time_us, row.time_us, _counted(before, row)) for before, row in pairwise(rows)]
    zeros: list[tuple[int, int, int]] = max(_zeros(steps, evidence), key=len, default=[])
    if not zeros:
        return None
    by_day = [
        step for step in steps if _by_day(step[1], evidence, _WALKING_H) and step not in zeros
    ]
    usual = sum(step[2] for step in by_day) / len(by_day) if by_day else 0.0
    lasts_us = zeros[-1][1] - zeros[0][0]
    if usual * len(zeros) < _SURE if usual else lasts_us < _NEVER_US:
        return None
    before = [step[2] for step in steps if step[1] <= zeros[0][0]][-_BEFORE:]
    again = next((step[0] for step in steps if step[0] >= zeros[-1][1] and step[2]), None)
    until = f"again from {evidence.clock(again)}" if again else "not again until the end"
    return Finding(
        "uncounted",
        zeros[0][0],
        f"nobody is counted for {hours(lasts_us)} by day, where {usual:.0f} an interval are usual"
        if usual
        else f"nobody is counted at all, for {hours(lasts_us)} by day",
        (
            f"{', '.join(map(str, before)) or 'nothing'} in the intervals before "
            f"{evidence.clock(zeros[0][0])}, then none; {until}",
        ),
        "stand before it: is the PIR covered, turned away, stuck or without supply? or is the way "
        "closed?",
    )


def _counted(before: Reading, row: Reading) -> int:
    """How many passed between two readings, in both directions; totals turn at 65536."""
    pairs = [(row.values[key], before.values.get(key, 0)) for key in _COUNTS if key in row.values]
    return sum(after - first & 0xFFFF for after, first in pairs)


def _zeros(
    steps: Sequence[tuple[int, int, int]], evidence: Evidence
) -> Iterator[list[tuple[int, int, int]]]:
    """The stretches by day in which nothing was counted."""
    row: list[tuple[int, int, int]] = []
    for step in steps:
        if step[2] or not _by_day(step[1], evidence, _WALKING_H):
            yield row
            row = []
        else:
            row.append(step)
    yield row


def _by_day(time_us: int, evidence: Evidence, day_h: range) -> bool:
    moment = evidence.local(time_us)
    return moment.hour in day_h and moment.weekday() < _WEEKEND


def still(node: Node, evidence: Evidence) -> Finding | None:
    """Nothing of all that a node measures moves, where something always does."""
    rows = readings(node)
    keys = {key for row in rows for key in row.values if key in _STILL}
    telling = next((key for key in _TOO_LONG_S if key in keys), None)
    if telling is None or (telling == _DISTANCE and _TEMPERATURE not in keys):
        return None  # indoors nights are still
    if telling == _WATER_C:
        keys -= {_DISTANCE}  # the level says it
    stretches = list(_flat(rows, keys, evidence, _DAY_H if telling == _CO2 else None))
    if telling == _WATER_C:
        stretches = [each for each in stretches if _thaws(each, rows)]
    found = max(stretches, key=_lasts_us, default=[])
    too_long_us = _TOO_LONG_S[telling] * 1_000_000
    if not found or _lasts_us(found) < too_long_us or _never_moved(rows, found, keys):
        return None
    spans = ", ".join(f"{name} {span}" for name, span in _spans(found, keys))
    return Finding(
        "still",
        found[0].time_us,
        f"what it measures stands still for {hours(_lasts_us(found))}: nothing changes around it",
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


def _thaws(row: Sequence[Reading], rows: Sequence[Reading]) -> bool:
    """Whether a stretch ends with a jump of the water's temperature."""
    if not row:
        return False
    after = [each for each in rows if each.time_us > row[-1].time_us and _WATER_C in each.values]
    return bool(after) and abs(after[0].values[_WATER_C] - row[-1].values[_WATER_C]) >= _THAW_DC


def _flat(
    rows: Sequence[Reading], keys: set[int], evidence: Evidence, hours_h: range | None = None
) -> Iterator[list[Reading]]:
    """Stretches in which nothing moves, each as long as it can be; `hours_h`: of working days."""
    row: list[Reading] = []
    for each in rows:
        there = hours_h is None or _by_day(each.time_us, evidence, hours_h)
        if not there or not keys <= set(each.values):
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
