# SPDX-License-Identifier: MIT
"""What a scenario expects of its run: a closed little grammar, and how a run is held to it.

    [all: | node NAME: | kit NAME: | crowd NAME:] WHAT [after TIME] [by TIME]

WHAT is `MEASURE >= NUMBER` (or <=, ==, >, <), `highest QUANTITY >= NUMBER` (or lowest, last), or
`no EVENT`; TIME is `day N` or `N h` from the start. docs/scenarios.md has the tables.
"""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from math import isfinite
from typing import Any, Protocol

from host import boards, files
from host.errors import meant
from simulator.outcome import outcome

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
# Measures that events.jsonl counts, and what one of them is called after `no`.
COUNTED = {
    "joins": ("joined", "join"),
    "join_tries": ("join-request", "join try"),
    "uplinks": ("uplink", "uplink"),
    "refused": ("refused", "refused frame"),
}
# Of the summary: they stand for the whole run, so they take no time.
WHOLE = (
    "delivered",
    "airtime_s",
    "duty_cycle_share",
    "fair_use_share",
    "mah_day",
    "battery_days_low",
)
READINGS = ("readings", "readings_per_day", "longest_gap_h")
# Of what the node measures, by the wire key that its kit has to have.
OUTCOMES = {
    "co2_minutes_above_800": 1,
    "co2_minutes_above_1200": 1,
    "emptied": 5,
    "count_sum": 7,
    "count_most": 7,
    "count_back_sum": 11,
    "count_back_most": 11,
    "occupied_share": 12,
}
MEASURES = (*WHOLE, *COUNTED, *READINGS, *OUTCOMES)
ENDS = ("highest", "lowest", "last")
# What more time only adds to; late readings may fill a gap, yet until then silence has to be told.
GROWING = (*COUNTED, "airtime_s", "readings", "longest_gap_h", "count_sum", "count_back_sum")
TOGETHER = ("delivered", "airtime_s", *COUNTED, "readings")  # what `all:` can sum up
NO = {"reading": "readings", **{phrase: name for name, (_, phrase) in COUNTED.items()}}
_FLAT = re.compile(r"\s+")
_SUBJECT = re.compile(r"(?:(all)|(node|kit|crowd) (\S+)) ?: ?(.*)")
_TIMES = re.compile(r"(.*?)(?: after (day \S+|\S+ h))?(?: by (day \S+|\S+ h))?")
_COMPARED = re.compile(r"(.*?) ?(>=|<=|==|>|<) ?(\S+)")


class ExpectationError(ValueError):
    """A mistake in an expectation, and what to do."""

    def __init__(self, problem: str, step: str):
        super().__init__(problem)
        self.step = step


@dataclass(frozen=True)
class Expectation:
    """One of them, taken apart: `measure` of `subject` compared with `limit`, within its times.

    `end`: highest, lowest or last of the quantity that `measure` names, "" for a measure.
    """

    text: str
    line: int
    subject: str  # "": every node by itself; all, node, kit, crowd
    name: str
    end: str
    measure: str
    comparison: str
    limit: float
    after_h: float | None = None
    by_h: float | None = None


class Reading(Protocol):
    """A row of readings.csv: each is there once."""

    @property
    def time(self) -> datetime: ...
    @property
    def name(self) -> str: ...
    @property
    def values(self) -> dict[str, Any]: ...


@dataclass
class _Story:
    """What one node, or all of them, did from one hour to another."""

    summaries: list[dict[str, Any]]
    from_h: float
    to_h: float
    rows: list[tuple[float, Reading]] = field(default_factory=list)  # by hour
    events: list[str] = field(default_factory=list)

    def has(self, hour: float) -> bool:
        return self.from_h <= hour <= self.to_h

    def within(self, keys: Iterable[int]) -> dict[str, Any]:
        """The outcome of this time alone."""
        return outcome(keys, [(row.time, row.values) for _, row in self.rows])


def parse(text: str, line: int = 0) -> Expectation:
    """Take one expectation apart. ExpectationError: what is wrong with it."""
    rest = _FLAT.sub(" ", text).strip()
    subject = name = ""
    if found := _SUBJECT.fullmatch(rest):
        subject, name, rest = found[1] or found[2], found[3] or "", found[4]
    times = _TIMES.fullmatch(rest)
    assert times is not None  # both times are optional
    what, after_h, by_h = times[1], _hours(times[2]), _hours(times[3])
    if after_h is not None and by_h is not None and by_h <= after_h:
        raise ExpectationError(f"it ends at {by_h:g} h", f"make 'by' later than {after_h:g} h")
    end, measure, comparison, limit = _what(what)
    if (after_h, by_h) != (None, None) and measure in WHOLE:
        step = f"these take a time: {', '.join(each for each in MEASURES if each not in WHOLE)}"
        raise ExpectationError(f"'{measure}' is of the whole run", step)
    if subject == "all" and not end and measure not in TOGETHER:
        step = f"'all' goes with {', '.join(TOGETHER)}"
        raise ExpectationError(f"'{measure}' is of one node", step)
    if subject == "crowd" and (end or measure != "delivered"):
        raise ExpectationError("of a crowd only 'delivered' is known", "or name a node or kit")
    return Expectation(
        text, line, subject, name, end, measure, comparison, limit, after_h, by_h
    )  # fmt: skip


def _what(text: str) -> tuple[str, str, str, float]:
    """(end, measure, comparison, limit) of what stands between the subject and the times."""
    if text.startswith("no "):
        phrase = text.removeprefix("no ")
        if phrase not in NO:
            step = meant(phrase, NO, f"known after 'no': {', '.join(NO)}")
            raise ExpectationError(f"unknown event '{phrase}'", step)
        return "", NO[phrase], "==", 0.0
    found = _COMPARED.fullmatch(text)
    if found is None:
        step = 'for example "delivered >= 0.95", "highest fill >= 80" or "no join after day 1"'
        raise ExpectationError(f"'{text}' says nothing that can be held", step)
    end, measure = "", found[1]
    if measure.split(" ")[0] in ENDS:
        end, _, measure = measure.partition(" ")
        known: Iterable[str] = _quantities()
    else:
        known = MEASURES
    if measure not in known:
        what = "quantity" if end else "measure"
        raise ExpectationError(f"unknown {what} '{measure}'", meant(measure, known))
    return end, measure, found[2], _number(found[3])


def _quantities() -> dict[str, int]:
    """What a reading can have, by name: its wire key."""
    return {row[1]: row[0] for row in files.readings().QUANTITIES if row[0] > 0}


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ExpectationError(f"'{text}' is no number", "write it plainly, as 0.95") from None
    if not isfinite(number):
        raise ExpectationError(f"'{text}' is no number", "write it plainly, as 0.95")
    return number


def _hours(text: str | None) -> float | None:
    if text is None:
        return None
    hours = _number(text.removeprefix("day ").removesuffix(" h"))
    hours *= 24 if text.startswith("day ") else 1
    if hours < 0:
        raise ExpectationError(f"'{text}' is before the start", "count from the start, from 0 on")
    return hours


def check(
    expected: Expectation,
    nodes: Mapping[str, str],
    kits: Mapping[str, str],
    crowds: Iterable[str],
    duration_h: float,
) -> None:
    """What it is about exists and can be measured. ExpectationError: not so.

    `nodes`: by the name of a node the name of its table; `kits`: by node.
    """
    if (expected.after_h or 0) >= duration_h or (expected.by_h or 0) > duration_h:
        raise ExpectationError("its time is never reached", f"the run has {duration_h:g} h")
    if expected.subject == "crowd":
        return _known(expected.name, "crowd", list(crowds))
    if expected.subject == "node":
        _known(expected.name, "node", [*dict.fromkeys([*nodes.values(), *nodes])])
    if expected.subject == "kit":
        _known(expected.name, "kit", list(dict.fromkeys(kits.values())))
    about = [name for name in nodes if _is_about(expected, name, nodes[name], kits[name])]
    if not about:
        raise ExpectationError("there is no node that it is about", "begin with crowd NAME:")
    key = _quantities()[expected.measure] if expected.end else OUTCOMES.get(expected.measure)
    for name in about:
        if key is not None and key not in boards.kits()[kits[name]].wire_keys():
            problem = f"{name} does not report what '{expected.measure}' needs"
            raise ExpectationError(problem, "begin with node NAME: or kit NAME:")


def _known(name: str, what: str, known: list[str]) -> None:
    if name not in known:
        raise ExpectationError(f"unknown {what} '{name}'", meant(name, known))


def _is_about(expected: Expectation, name: str, group: str, kit: str) -> bool:
    if expected.subject == "node":
        return expected.name in (name, group)
    return expected.subject != "kit" or expected.name == kit


def judge(expectations: Iterable[Expectation], run: "Kept") -> list[dict[str, Any]]:
    """Hold a run to its expectations: line, text, what was found and of whom, whether it held.

    Of several nodes the worst is told. `held` is None when the nodes that an expectation is about
    were left out (`left_out`), when the run ended before the time that it is about, or when it was
    shortened and may hold later.
    """
    found = []
    for each in expectations:
        value: float | None = None
        of, held = "", None
        if (each.after_h or 0) < run.duration_h and (each.by_h or 0) <= run.duration_h:
            for name, value_of in run.values(each):
                if held is None or _worse(each, value_of, value):
                    of, value = name, value_of
                    held = value is not None and COMPARISONS[each.comparison](value, each.limit)
        if held is False and run.shortened and _may_hold_later(each, value):
            held = None
        found.append({
            "line": each.line, "expect": each.text, "held": held, "found": value, "of": of,
            "left_out": run.left_out(each),
        })  # fmt: skip
    return found


def _may_hold_later(expected: Expectation, value: float | None) -> bool:
    """Whether more time can mend what does not hold."""
    if expected.by_h is not None:
        return False
    if value is None:
        return True
    if expected.measure == "delivered":  # a share is one of what was sent so far
        return False
    if expected.end == "lowest":
        return expected.comparison[0] == "<" or value > expected.limit
    if expected.end == "highest" or expected.measure in GROWING:
        return expected.comparison[0] == ">" or value < expected.limit
    return True


def _worse(expected: Expectation, value: float | None, than: float | None) -> bool:
    """Whether a value is further on the wrong side; nothing at all is worst."""
    if value is None or than is None:
        return value is None and than is not None
    if expected.comparison == "==":
        return abs(value - expected.limit) > abs(than - expected.limit)
    return value < than if expected.comparison[0] == ">" else value > than


class Kept:
    """What a run left behind, by node; `shortened`: it did not last as long as its scenario."""

    def __init__(
        self,
        duration_h: float,
        start: datetime,
        groups: Mapping[str, str],
        summary: Mapping[str, Any],
        rows: Iterable[Reading],
        events: Iterable[Mapping[str, Any]],
        shortened: bool = False,
    ):
        self.duration_h, self.shortened = duration_h, shortened
        self._groups, self._summary = groups, summary
        names = [each["name"] for each in summary["nodes"]]
        self._rows: dict[str, list[tuple[float, Reading]]] = {name: [] for name in names}
        self._events: dict[str, list[tuple[float, str]]] = {name: [] for name in names}
        for row in rows:
            self._rows[row.name].append(((row.time - start).total_seconds() / 3600, row))
        counted = {event for event, _ in COUNTED.values()}
        for each in events:
            if each["event"] in counted and each["cause"] != "duplicate":
                mine = self._events.get(each["node"])
                if mine is not None:
                    mine.append((each["t_us"] / 3.6e9, each["event"]))

    def left_out(self, expected: Expectation) -> bool:
        """Whether the run had no node that an expectation is about."""
        return expected.subject != "crowd" and not self._about(expected)

    def values(self, expected: Expectation) -> Iterable[tuple[str, float | None]]:
        """(name, value) of each that an expectation is about."""
        if expected.subject == "crowd":
            crowds = self._summary.get("crowds", ())
            yield from ((c["name"], c["share"]) for c in crowds if c["name"] == expected.name)
            return
        nodes = self._about(expected)
        if expected.subject == "all":
            yield "", _value(expected, self._story(expected, nodes))
            return
        for each in nodes:
            yield each["name"], _value(expected, self._story(expected, [each]))

    def _about(self, expected: Expectation) -> list[dict[str, Any]]:
        return [
            each
            for each in self._summary["nodes"]
            if _is_about(expected, each["name"], self._groups[each["name"]], each["kit"])
        ]

    def _story(self, expected: Expectation, nodes: list[dict[str, Any]]) -> _Story:
        story = _Story(nodes, expected.after_h or 0.0, expected.by_h or self.duration_h)
        for name in (each["name"] for each in nodes):
            story.rows += [each for each in self._rows[name] if story.has(each[0])]
            story.events += [event for hour, event in self._events[name] if story.has(hour)]
        return story


def _value(expected: Expectation, story: _Story) -> float | None:
    measure = expected.measure
    if expected.end:
        series = [
            row.values.get(measure) for _, row in sorted(story.rows, key=lambda each: each[0])
        ]
        numbers = [each for each in series if each is not None]
        if not numbers:
            return None
        ends = {"highest": max(numbers), "lowest": min(numbers), "last": numbers[-1]}
        return float(ends[expected.end])
    if measure in COUNTED:
        return story.events.count(COUNTED[measure][0])
    if measure in READINGS:
        return _of_readings(measure, story)
    if measure in OUTCOMES:
        found = story.within([OUTCOMES[measure]])
        value = len(found["emptied_at"]) if measure == "emptied" else found[measure]
    elif measure == "delivered":
        sent = sum(each["uplinks_sent"] for each in story.summaries)
        heard = sum(each["uplinks_heard"] for each in story.summaries)
        value = round(heard / sent, 4) if sent else None
    elif measure == "airtime_s":
        value = round(sum(each[measure] for each in story.summaries), 3)
    else:
        (summary,) = story.summaries
        value = summary[measure]
    return value


def _of_readings(measure: str, story: _Story) -> float:
    """How many there are, and the longest time without one, from end to end."""
    count = len(story.rows)
    if measure == "readings":
        return count
    if measure == "readings_per_day":
        return round(count / (story.to_h - story.from_h) * 24, 2)
    hours = [story.from_h, *sorted(hour for hour, _ in story.rows), story.to_h]
    return round(max(after - before for before, after in pairwise(hours)), 3)
