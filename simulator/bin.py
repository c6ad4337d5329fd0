# SPDX-License-Identifier: MIT
"""A waste bin: bags are thrown in and settle, a truck empties it once it is full enough."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp
from random import Random
from typing import Annotated

from simulator.weather import Weather
from simulator.world import Conditions

_SETTLES = 0.3  # share of a bag's height that is air ...
_SETTLE_US = 6 * 3_600_000_000  # ... and goes like this
_SLOPES_US = 1_200_000_000  # how long a fresh heap slopes
_FLAT_LOST, _SLOPE_LOST = 0.05, 0.4  # shots without echo
_ROUGH_MM = 6.0
_DAY_H = (7.0, 22.0)  # when bags come


@dataclass(frozen=True)
class Container:
    """A bin of `depth_mm` from the sensor to its floor; above `full_mm` nothing more goes in.

    The truck comes at `truck_h` on the day after the heap was higher than `truck_share` of that.
    `bridges` is the share of the bags that hang in the opening for a while, which looks full.
    """

    depth_mm: Annotated[float, 400, 6000] = 1200.0
    full_mm: Annotated[float, 100, 6000] = 350.0
    bags_a_day: Annotated[float, 0, 200] = 9.0
    bag_mm: Annotated[float, 1, 1000] = 55.0
    bridges: Annotated[float, 0, 1] = 0.02
    truck_h: Annotated[float, 0, 24] = 7.5
    truck_share: Annotated[float, 0, 1] = 0.8
    mean_c: Annotated[float, -30, 40] = 9.0


@dataclass(frozen=True)
class _Heap:
    """From one event to the next: `loose_mm` of it settle away."""

    firm_mm: float
    loose_mm: float
    fell_us: int  # when the last bag came to rest
    bridge_until_us: int = 0

    def height_mm(self, since_us: int) -> float:
        return self.firm_mm + self.loose_mm * exp(-since_us / _SETTLE_US)


class Bin:
    """The heap day by day, as the stream has it; `emptied_us` are the visits of the truck."""

    def __init__(self, start: datetime, stream: Random, container: Container):
        self._stream, self._container = stream, container
        self._weather = Weather(start, stream, container.mean_c)
        self._midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
        self._start = start
        self._times = [0]
        self._heaps = [_Heap(0.0, 0.0, -_SLOPES_US)]
        self._days = 0
        self.emptied_us: list[int] = []

    def at(self, time_us: int) -> Conditions:
        """The conditions at a time."""
        while self._day_us(self._days) <= time_us:
            self._live_a_day()
        at = bisect_right(self._times, time_us) - 1
        heap, since_us = self._heaps[at], time_us - self._times[at]
        distance_mm = self._container.depth_mm - heap.height_mm(since_us)
        if time_us < heap.bridge_until_us:
            distance_mm = self._container.full_mm
        slope = exp(-(time_us - heap.fell_us) / _SLOPES_US)
        return Conditions(
            **self._weather.air(time_us),
            distance_mm=distance_mm,
            rough_mm=_ROUGH_MM,
            echo_lost=_FLAT_LOST + _SLOPE_LOST * slope,
        )

    def _day_us(self, day: int) -> int:
        """When a day begins, counted from the midnight before the start."""
        return round(
            (self._midnight + timedelta(days=day) - self._start) / timedelta(microseconds=1)
        )

    def _live_a_day(self) -> None:
        midnight_us, container = self._day_us(self._days), self._container
        self._days += 1
        hours = [(container.truck_h, True)] if self._calls_the_truck(midnight_us) else []
        bags = round(self._stream.gauss(container.bags_a_day, container.bags_a_day**0.5))
        hours += [(self._stream.uniform(*_DAY_H), False) for _ in range(max(bags, 0))]
        for hour, truck in sorted(hours):
            time_us = midnight_us + round(hour * 3_600_000_000)
            sizes = self._stream.gauss(1, 0.3), self._stream.random(), self._stream.uniform(5, 25)
            if time_us <= 0:
                continue
            if truck:
                self.emptied_us.append(time_us)
                self._add(time_us, _Heap(0.0, 0.0, time_us))
            else:
                self._throw_in(time_us, *sizes)

    def _calls_the_truck(self, midnight_us: int) -> bool:
        heap_mm = self._heaps[-1].height_mm(max(midnight_us - self._times[-1], 0))
        return heap_mm > self._container.truck_share * self._highest_mm()

    def _highest_mm(self) -> float:
        return self._container.depth_mm - self._container.full_mm

    def _throw_in(self, time_us: int, size: float, bridge: float, bridge_min: float) -> None:
        bag_mm = self._container.bag_mm * max(size, 0.2)
        heap, since_us = self._heaps[-1], time_us - self._times[-1]
        height_mm = heap.height_mm(since_us)
        if height_mm + bag_mm > self._highest_mm():
            return  # it is put beside the bin
        loose_mm = height_mm - heap.firm_mm
        until_us = (
            time_us + round(bridge_min * 60_000_000) if bridge < self._container.bridges else 0
        )
        grown = _Heap(
            heap.firm_mm + bag_mm * (1 - _SETTLES),
            loose_mm + bag_mm * _SETTLES,
            time_us,
            max(until_us, heap.bridge_until_us),
        )
        self._add(time_us, grown)

    def _add(self, time_us: int, heap: _Heap) -> None:
        self._times.append(time_us)
        self._heaps.append(heap)
