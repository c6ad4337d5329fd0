# SPDX-License-Identifier: MIT
"""What both ends of a run tell of a node: its exchanges with the network, its starts, its log."""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from itertools import groupby, pairwise
from statistics import median
from typing import Any, TypeVar

_S = 1_000_000
_Row = TypeVar("_Row")
USUAL_HZ = 125_000
USUAL_INTERVAL_S = 600.0
_BESIDE_US = 200_000  # a window may open in the preamble, at SF12 as late as that
_LONGEST_US = 10_000_000  # no transmission lasts so long


@dataclass(frozen=True)
class Hearing:
    """One gateway that heard an uplink, and how; `phy` is what it heard."""

    gateway: str
    snr_db: float
    phy: bytes


@dataclass(frozen=True)
class Answer:
    """A downlink as the network planned it; `sent`: a gateway put it on the air."""

    at_us: int
    gateway: str
    freq_hz: int
    sf: int
    sent: bool
    bw_hz: int = USUAL_HZ


@dataclass(frozen=True)
class Window:
    """A receive window of the node; `outcome` is "packet", "timeout" or why there was no packet."""

    opened_us: int
    closed_us: int
    freq_hz: int
    sf: int
    outcome: str
    bw_hz: int = USUAL_HZ


@dataclass
class Exchange:
    """One transmission of a node and all that followed until the next one."""

    start_us: int
    end_us: int
    joining: bool
    freq_hz: int
    sf: int
    heard: list[Hearing] = field(default_factory=list)
    missed: list[tuple[str, str]] = field(default_factory=list)  # gateway, why
    refused: str = ""
    repeated: bool = False  # the same bytes as before, which a network takes once
    answer: Answer | None = None
    not_sent: str = ""  # why the answer did not go
    held: str = ""  # why something else that waits for the node did not go
    windows: list[Window] = field(default_factory=list)

    @property
    def taken(self) -> bool:
        """Whether the network heard and took it."""
        return bool(self.heard) and (not self.refused or self.repeated)

    @property
    def received(self) -> bool:
        """Whether its answer came: a packet in a window that was open for it."""
        answer = self.answer
        return answer is not None and any(
            each.outcome == "packet"
            and each.opened_us <= answer.at_us + _BESIDE_US
            and answer.at_us < each.closed_us
            for each in self.windows
        )

    @property
    def channel(self) -> str:
        return f"{self.freq_hz / 1e6:.1f} MHz"


@dataclass(frozen=True)
class Line:
    """A line of a node's log: when it was written by the node's own clock, and in which life."""

    time_us: int
    life: int  # number of the start, from 0
    uptime_s: int
    text: str


@dataclass
class Node:
    """All that is known of one node; `starts` has (time_us, what the chip says of it)."""

    name: str
    exchanges: list[Exchange] = field(default_factory=list)
    starts: list[tuple[int, str]] = field(default_factory=list)
    log: list[Line] = field(default_factory=list)
    told: list[tuple[int, dict[str, Any]]] = field(default_factory=list)  # of itself, by readings
    has_log: bool = False

    def lines(self, *beginnings: str) -> list[Line]:
        """The lines of its log that begin so."""
        return [each for each in self.log if each.text.startswith(beginnings)]

    @property
    def joined_us(self) -> int | None:
        """When it first joined, by its own word."""
        return next((each.time_us for each in self.lines("joined after")), None)

    @property
    def data(self) -> list[Exchange]:
        """The exchanges that carried data."""
        return [each for each in self.exchanges if not each.joining]

    def interval_s(self) -> float:
        """Seconds between its readings as it usually takes them."""
        times = [each.uptime_s for each in self.lines("reading")]
        gaps = [after - before for before, after in pairwise(times) if after > before]
        return median(gaps) if gaps else USUAL_INTERVAL_S

    def patience_us(self) -> float:
        """How long it may keep silent: its interval grows with a slower data rate."""
        times = [each.uptime_s for each in self.lines("reading")][-4:]
        gaps = [after - before for before, after in pairwise(times)]
        return 2.5 * _S * max([self.interval_s(), *gaps])

    def signs_us(self) -> list[int]:
        """All moments at which it showed that it lives, in their order."""
        found = [each.time_us for each in self.log] + [time_us for time_us, _ in self.starts]
        for each in self.exchanges:
            found += [each.start_us, each.end_us, *(window.closed_us for window in each.windows)]
        return sorted(found)


@dataclass
class Evidence:
    """A run: when it began and ended, its gateways' names, and its nodes."""

    start: datetime
    end_us: int
    gateways: dict[str, str]
    nodes: dict[str, Node]
    remarks: list[str] = field(default_factory=list)  # lines that could not be read

    @cached_property
    def _by_channel(self) -> dict[str, list[tuple[int, int, str]]]:
        """(start, end, node) of all transmissions, in their order."""
        found: dict[str, list[tuple[int, int, str]]] = {}
        for node in self.nodes.values():
            for each in node.exchanges:
                found.setdefault(each.channel, []).append((each.start_us, each.end_us, node.name))
        return {channel: sorted(rows) for channel, rows in found.items()}

    def beside(self, exchange: Exchange, name: str) -> list[str]:
        """The other nodes of the run that sent on the same channel at the same time."""
        rows = self._by_channel[exchange.channel]
        first = bisect_left(rows, (exchange.start_us - _LONGEST_US, 0, ""))
        last = bisect_left(rows, (exchange.end_us, 0, ""))
        return [
            other
            for _, end_us, other in rows[first:last]
            if other != name and end_us > exchange.start_us
        ]

    def clock(self, time_us: float) -> str:
        """A moment of the run by the clock on the wall there."""
        moment = self.start + timedelta(microseconds=round(time_us))
        return moment.strftime("%a %d %b %H:%M:%S")

    def local(self, time_us: int) -> datetime:
        return self.start + timedelta(microseconds=time_us)

    def gateway(self, eui: str) -> str:
        """A gateway by its name, where the run has one for it."""
        return self.gateways.get(eui, eui)


def in_a_row(rows: Iterable[_Row], belongs: Callable[[_Row], Any], needed: int) -> list[_Row]:
    """The first that belong and follow one another, `needed` at least; [] if there are none."""
    for fits, group in groupby(rows, lambda row: bool(belongs(row))):
        found = list(group)
        if fits and len(found) >= needed:
            return found
    return []


def hours(duration_us: float) -> str:
    """A duration as a person says it."""
    seconds = duration_us / _S
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
