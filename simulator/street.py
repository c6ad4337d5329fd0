# SPDX-License-Identifier: MIT
"""Who passes, and when: a zebra crossing and a bike path, hour by hour, with sun and wind."""

from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Annotated

from simulator.world import Conditions

_HOUR_US = 3_600_000_000
_EMPTY_H = 24 * 14  # nobody for so long: nobody ever
_WALKED_S = (2.5, 6.0)  # a pedestrian in the view of a PIR
_ABREAST_S = 3.0  # from the first to the last of a group
_M_S = (3.5, 6.5)  # a bike
_VIEW_M, _APART_M = 1.0, 2.0  # of the view of one PIR of a path, and of the two
_SUN = range(10, 16)  # hours in which it may shine into a PIR
# Traffic by the hour as a share of the busiest one.
_WEEKDAY = (
    *(0.02, 0.01, 0.01, 0.01, 0.02, 0.06, 0.25, 0.7, 1.0, 0.55, 0.4, 0.45),
    *(0.65, 0.6, 0.5, 0.6, 0.8, 1.0, 0.75, 0.5, 0.35, 0.25, 0.15, 0.06),
)
_WEEKEND = (
    *(0.08, 0.05, 0.03, 0.01, 0.01, 0.02, 0.05, 0.08, 0.15, 0.25, 0.4, 0.5),
    *(0.55, 0.6, 0.6, 0.55, 0.5, 0.45, 0.4, 0.3, 0.25, 0.2, 0.15, 0.1),
)


@dataclass(frozen=True)
class Passage:
    """Something moves before a PIR, or first one and then the other of two.

    `gap_us` is the time from one view to the other, `duration_us` that in each. `eye` is the only
    one that sees it, None for both: a sunbeam or a branch is no passer.
    """

    time_us: int
    duration_us: int
    gap_us: int = 0
    back: bool = False
    eye: int | None = None


@dataclass(frozen=True)
class Traffic:
    """Pedestrians or bikes an hour when it is busiest, those of a group, and what else moves.

    `forward` is the share of the morning's bikes that go forward, and of the evening's back.
    """

    busiest_per_h: Annotated[float, 0, 2000] = 120.0
    group: Annotated[float, 1, 10] = 1.5
    forward: Annotated[float, 0, 1] = 0.8
    sun_per_h: Annotated[float, 0, 3600] = 0.0
    wind_per_h: Annotated[float, 0, 3600] = 0.0


class Street:
    """Passages of a Poisson process by the hour; `bikes` ride both ways, pedestrians cross."""

    def __init__(self, start: datetime, stream: Random, traffic: Traffic, bikes: bool):
        self._start, self._stream, self._traffic, self._bikes = start, stream, traffic, bikes
        self._passages: list[Passage] = []
        self._hours = 0

    def at(self, time_us: int) -> Conditions:
        """The air of a mild autumn day; nobody here measures it."""
        return Conditions(425.0, 12.0, 80.0)

    def after(self, time_us: int) -> Passage | None:
        """The first passage that begins after a time, None when there never is one."""
        while True:
            place = bisect(self._passages, time_us, key=lambda each: each.time_us)
            found = self._passages[place] if place < len(self._passages) else None
            never_us = time_us + _EMPTY_H * _HOUR_US
            if found is not None and found.time_us < self._hours * _HOUR_US:
                # what the hours to come bring comes after it; who asked before changes nothing
                return found if found.time_us <= never_us else None
            if self._hours * _HOUR_US > never_us:
                return None
            self._advance()

    def log(self, until_us: int) -> Iterator[Passage]:
        """All passages up to a time, in their order."""
        passage = self.after(-1)
        while passage is not None and passage.time_us <= until_us:
            yield passage
            passage = self.after(passage.time_us)

    def _advance(self) -> None:
        """One hour more."""
        moment = self._start + timedelta(hours=self._hours)
        share = (_WEEKEND if moment.weekday() >= 5 else _WEEKDAY)[moment.hour]
        traffic = self._traffic
        for time_us in self._times(traffic.busiest_per_h / traffic.group * share):
            size = 1
            while self._stream.random() < 1 - 1 / traffic.group:
                size += 1
            back = self._bikes and self._goes_back(moment.hour)
            for _ in range(size):
                late_us = round(self._stream.uniform(0, _ABREAST_S) * 1e6) if size > 1 else 0
                self._add(self._passage(time_us + late_us, back))
        for time_us in self._times(traffic.wind_per_h):
            self._add(Passage(time_us, 300_000, eye=self._stream.randrange(2)))
        for time_us in self._times(traffic.sun_per_h if moment.hour in _SUN else 0):
            self._add(Passage(time_us, 0, eye=self._stream.randrange(2)))
        self._hours += 1

    def _times(self, per_h: float) -> Iterator[int]:
        """Times in the hour that begins."""
        hour = self._stream.expovariate(per_h) if per_h else 1.0
        while hour < 1:
            yield round((self._hours + hour) * _HOUR_US)
            hour += self._stream.expovariate(per_h)

    def _goes_back(self, hour: int) -> bool:
        forward = self._traffic.forward
        share = forward if hour < 12 else 1 - forward
        return self._stream.random() >= share

    def _passage(self, time_us: int, back: bool) -> Passage:
        if not self._bikes:
            return Passage(time_us, round(self._stream.uniform(*_WALKED_S) * 1e6))
        speed_m_s = self._stream.uniform(*_M_S)
        view_us, gap_us = (round(way_m / speed_m_s * 1e6) for way_m in (_VIEW_M, _APART_M))
        return Passage(time_us, view_us, gap_us, back)

    def _add(self, passage: Passage) -> None:
        place = bisect(self._passages, passage.time_us, key=lambda each: each.time_us)
        if not place or self._passages[place - 1].time_us != passage.time_us:
            self._passages.insert(place, passage)
