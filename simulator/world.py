# SPDX-License-Identifier: MIT
"""What there is to measure: a classroom that fills with CO2 and is aired."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp, pi, sin
from random import Random
from typing import Annotated, Protocol

GRID_US = 5_000_000
_STEP_H = GRID_US / 3_600_000_000


@dataclass(frozen=True)
class Conditions:
    """The air at one place and time; where there is a distance to measure, what it is to.

    `rough_mm`: one standard deviation of a shot; `echo_lost`: share of shots without an echo.
    """

    co2_ppm: Annotated[float, 0, 40000]
    temperature_c: Annotated[float, -50, 100]
    humidity_pct: Annotated[float, 0, 100]
    water_c: Annotated[float, -5, 60] | None = None
    pressure_hpa: Annotated[float, 300, 1100] = 1013.25
    distance_mm: Annotated[float, 0, 20000] | None = None
    rough_mm: Annotated[float, 0, 1000] = 0.0
    echo_lost: Annotated[float, 0, 1] = 0.0


@dataclass(frozen=True)
class Room:
    """A classroom; `windows_opened` is the share of the breaks in which they are."""

    pupils: Annotated[int, 0, 1000] = 28
    volume_m3: Annotated[float, 1, 100000] = 180.0
    ventilation_m3_h: Annotated[float, 1, 100000] = 260.0
    window_m3_h: Annotated[float, 0, 100000] = 1100.0
    co2_l_h_pupil: Annotated[float, 0, 100] = 11.5
    outdoor_co2_ppm: Annotated[float, 300, 5000] = 425.0
    outdoor_c: Annotated[float, -50, 50] = 7.0
    outdoor_humidity_pct: Annotated[float, 0, 100] = 85.0
    windows_opened: Annotated[float, 0, 1] = 0.8


class Environment(Protocol):
    """Anything that can be measured at a time of the run, also one that has passed."""

    def at(self, time_us: int) -> Conditions: ...


class Step:
    """One set of conditions, and another from `at_us` on."""

    def __init__(self, before: Conditions, after: Conditions, at_us: int):
        self._before, self._after, self._at_us = before, after, at_us

    def at(self, time_us: int) -> Conditions:
        """The conditions at a time."""
        return self._before if time_us < self._at_us else self._after


# Minutes of the day in which the class is in: lessons, break, lessons, lunch, lessons.
_LESSONS = ((510, 610), (625, 720), (765, 900))
_AIRED_MIN = 12  # how long windows stay open at the start of a break


class Classroom:
    """A room as a mass balance: V dC/dt = G + Q (C_out - C), and the same for heat and vapour.

    Integrated on a grid of 5 s from the start of the run, linear between; `stream` decides on
    which breaks the windows are opened. Generation: 3.2 ml/s of CO2 a pupil (facts: 3.0 to 3.5).
    """

    def __init__(self, start: datetime, stream: Random, room: Room):
        self._start, self._stream, self._room = start, stream, room
        self._co2_ml_h = room.co2_l_h_pupil * 1000 * room.pupils
        self._outdoor_vapour = _vapour_g_m3(room.outdoor_c, room.outdoor_humidity_pct)
        self._opened: dict[tuple[int, int], bool] = {}
        self._co2, self._air_c, self._vapour = room.outdoor_co2_ppm, 17.5, 6.5
        self._grid = [self._conditions()]

    def at(self, time_us: int) -> Conditions:
        """The conditions at a time, between two points of the grid on a line."""
        index, rest_us = divmod(time_us, GRID_US)
        while len(self._grid) < index + 2:
            self._advance()
        one, two, share = self._grid[index], self._grid[index + 1], rest_us / GRID_US
        return Conditions(
            one.co2_ppm + (two.co2_ppm - one.co2_ppm) * share,
            one.temperature_c + (two.temperature_c - one.temperature_c) * share,
            one.humidity_pct + (two.humidity_pct - one.humidity_pct) * share,
        )

    def log(self, until_us: int) -> Iterator[tuple[int, Conditions]]:
        """(time_us, conditions) at every point of the grid up to `until_us`."""
        self.at(until_us)
        for index in range(until_us // GRID_US + 1):
            yield index * GRID_US, self._grid[index]

    def _advance(self) -> None:
        moment = self._start + timedelta(microseconds=(len(self._grid) - 1) * GRID_US)
        inside, open_window = self._presence(moment)
        room = self._room
        flow_m3_h = room.ventilation_m3_h + (room.window_m3_h if open_window else 0.0)
        share = 1 - exp(-flow_m3_h / room.volume_m3 * _STEP_H)
        # the exact step of each balance while its inputs stand still
        target_ppm = room.outdoor_co2_ppm + inside * self._co2_ml_h / flow_m3_h
        self._co2 += share * (target_ppm - self._co2)
        vapour_g_h = inside * room.pupils * 40.0
        self._vapour += share * (self._outdoor_vapour + vapour_g_h / flow_m3_h - self._vapour)
        hour = moment.hour + moment.minute / 60
        heated_c = 20.0 if 6 <= hour < 17 else 16.0
        target_c = heated_c + 2.5 * inside - (3.0 if open_window else 0.0)
        target_c += 0.4 * sin(2 * pi * (hour - 9) / 24)
        self._air_c += (target_c - self._air_c) * (1 - exp(-_STEP_H / 0.6))
        self._grid.append(self._conditions())

    def _presence(self, moment: datetime) -> tuple[float, bool]:
        """(share of the pupils inside, whether a window is open)."""
        if moment.weekday() >= 5:
            return 0.0, False
        minute = moment.hour * 60 + moment.minute
        for lesson, (begins, ends) in enumerate(_LESSONS):
            if begins <= minute < ends:
                return 1.0, False
            if ends <= minute < ends + _AIRED_MIN:
                key = (moment.toordinal(), lesson)
                if key not in self._opened:
                    self._opened[key] = self._stream.random() < self._room.windows_opened
                return 0.0, self._opened[key]
        return 0.0, False

    def _conditions(self) -> Conditions:
        full = _vapour_g_m3(self._air_c, 100.0)
        humidity = min(max(100.0 * self._vapour / full, 0.0), 100.0)
        return Conditions(self._co2, self._air_c, humidity)


def _vapour_g_m3(temperature_c: float, humidity_pct: float) -> float:
    """Absolute humidity by the Magnus formula (Alduchov and Eskridge 1996)."""
    pressure_hpa = 6.1094 * exp(17.625 * temperature_c / (temperature_c + 243.04))
    return 216.7 * humidity_pct / 100 * pressure_hpa / (temperature_c + 273.15)
