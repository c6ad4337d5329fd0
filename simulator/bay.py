# SPDX-License-Identifier: MIT
"""A parking bay under a sensor: cars come, stay and go."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Annotated

from simulator.weather import Weather
from simulator.world import Conditions

_ROOF_MM = (1380.0, 1750.0)
_MOVES_US = 20_000_000  # how long a car takes to come or to go
_MOVING_LOST, _LOST = 0.7, 0.08  # a windscreen throws the sound away
_ROUGH_MM = 4.0
_BUSY_H = (8, 19)
_STAYS_MIN = (6.0, 130.0)


@dataclass(frozen=True)
class Parking:
    """`height_mm` from the sensor down to the ground; a free place is taken after a while."""

    height_mm: Annotated[float, 2000, 4500] = 2600.0
    free_min: Annotated[float, 1, 10000] = 28.0  # in the mean by day
    free_night_min: Annotated[float, 1, 10000] = 300.0
    mean_c: Annotated[float, -30, 40] = 9.0


class Bay:
    """One car after another, as the stream has it."""

    def __init__(self, start: datetime, stream: Random, parking: Parking):
        self._stream, self._parking = stream, parking
        self._weather = Weather(start, stream, parking.mean_c)
        self._changes_us = [0]
        self._roofs_mm = [0.0]  # of the car that is there since, 0 for none

    def at(self, time_us: int) -> Conditions:
        """The conditions at a time."""
        at = self._index(time_us)
        moves = at and time_us - self._changes_us[at] < _MOVES_US
        return Conditions(
            **self._weather.air(time_us),
            distance_mm=self._parking.height_mm - self._roofs_mm[at],
            rough_mm=_ROUGH_MM,
            echo_lost=_MOVING_LOST if moves else _LOST,
        )

    def taken(self, time_us: int) -> bool:
        """True while a car is there."""
        return self._roofs_mm[self._index(time_us)] > 0

    def _index(self, time_us: int) -> int:
        while self._changes_us[-1] <= time_us:
            self._go_on()
        return bisect_right(self._changes_us, time_us) - 1

    def _go_on(self) -> None:
        """The next car comes, or the one that is there goes."""
        since_us = self._changes_us[-1]
        if self._roofs_mm[-1]:
            minutes, roof_mm = self._stream.uniform(*_STAYS_MIN), 0.0
        else:
            busy = _BUSY_H[0] <= self._weather.moment(since_us).hour < _BUSY_H[1]
            mean_min = self._parking.free_min if busy else self._parking.free_night_min
            minutes = 1 + self._stream.expovariate(1 / mean_min)
            roof_mm = self._stream.uniform(*_ROOF_MM)
        self._changes_us.append(since_us + round(minutes * 60_000_000))
        self._roofs_mm.append(roof_mm)
