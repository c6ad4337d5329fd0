# SPDX-License-Identifier: MIT
"""A ditch under a bridge: rain fills it slowly, a pump keeps it within limits."""

from dataclasses import dataclass
from datetime import datetime
from math import exp
from random import Random
from typing import Annotated

from simulator.weather import Weather
from simulator.world import Conditions

GRID_US = 60_000_000
_STEP_H = GRID_US / 3_600_000_000
_CATCHMENT = 14.0  # mm of water in the ditch for each mm of rain on the land
_RUN_OFF_H = 3.0  # how long the land holds it back
_SEEPAGE_MM_H = 0.8
_WATER_H = 30.0  # how slowly the water follows the air
_RAIN_H = (1.5, 7.0)
_RAIN_MM_H = (0.8, 4.0)
_RIPPLE_MM, _RAIN_RIPPLE_MM = 3.0, 8.0
_LOST = 0.02


@dataclass(frozen=True)
class Canal:
    """`sensor_mm` is how high the sensor hangs over the mark; levels are above the mark.

    The pump starts at `on_mm` and stops at `off_mm`.
    """

    sensor_mm: Annotated[float, 300, 6000] = 1800.0
    start_mm: Annotated[float, -3000, 3000] = -20.0
    on_mm: Annotated[float, -3000, 3000] = 60.0
    off_mm: Annotated[float, -3000, 3000] = -40.0
    pump_mm_h: Annotated[float, 0, 1000] = 45.0
    showers_a_day: Annotated[float, 0, 24] = 1.2
    mean_c: Annotated[float, -30, 40] = 9.0


@dataclass(frozen=True)
class _Point:
    """The ditch at one point of the grid; `held_mm` of rain is still on the land."""

    level_mm: float
    held_mm: float
    rain_mm_h: float
    water_c: float
    pumping: bool


class Ditch:
    """Integrated on a grid of a minute from the start of the run, linear between."""

    def __init__(self, start: datetime, stream: Random, canal: Canal):
        self._stream, self._canal = stream, canal
        self._weather = Weather(start, stream, canal.mean_c)
        self._rain_until, self._rain_mm_h = 0, 0.0
        self._grid = [_Point(canal.start_mm, 0.0, 0.0, self._weather.temperature_c(0), False)]

    def at(self, time_us: int) -> Conditions:
        """The conditions at a time."""
        index, rest_us = divmod(time_us, GRID_US)
        while len(self._grid) < index + 2:
            self._grid.append(self._after(self._grid[-1]))
        one, two, share = self._grid[index], self._grid[index + 1], rest_us / GRID_US
        level_mm = one.level_mm + (two.level_mm - one.level_mm) * share
        return Conditions(
            **self._weather.air(time_us),
            water_c=one.water_c + (two.water_c - one.water_c) * share,
            distance_mm=self._canal.sensor_mm - level_mm,
            rough_mm=_RAIN_RIPPLE_MM if one.rain_mm_h else _RIPPLE_MM,
            echo_lost=_LOST,
        )

    def level_mm(self, time_us: int) -> float:
        """Above the mark."""
        distance_mm = self.at(time_us).distance_mm
        assert distance_mm is not None
        return self._canal.sensor_mm - distance_mm

    def _after(self, point: _Point) -> _Point:
        canal, step = self._canal, len(self._grid)
        rain_mm_h = self._rain(step)
        runs_off_mm = point.held_mm * (1 - exp(-_STEP_H / _RUN_OFF_H))
        held_mm = point.held_mm - runs_off_mm + rain_mm_h * _STEP_H
        level_mm = point.level_mm + runs_off_mm * _CATCHMENT + _SEEPAGE_MM_H * _STEP_H
        pumping = level_mm > canal.on_mm or (point.pumping and level_mm > canal.off_mm)
        level_mm -= canal.pump_mm_h * _STEP_H * pumping
        air_c = self._weather.temperature_c(step * GRID_US)
        water_c = point.water_c + (max(air_c, 0.0) - point.water_c) * _STEP_H / _WATER_H
        return _Point(level_mm, held_mm, rain_mm_h, water_c, pumping)

    def _rain(self, step: int) -> float:
        """mm/h at a step; the stream decides when showers come and what they bring."""
        begins = self._stream.random() < self._canal.showers_a_day * _STEP_H / 24
        if begins and step >= self._rain_until:
            self._rain_until = step + round(self._stream.uniform(*_RAIN_H) / _STEP_H)
            self._rain_mm_h = self._stream.uniform(*_RAIN_MM_H)
        return self._rain_mm_h if step < self._rain_until else 0.0
