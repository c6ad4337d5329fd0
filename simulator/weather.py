# SPDX-License-Identifier: MIT
"""The weather outdoors: warm after noon, and some days warmer than others."""

from datetime import datetime, timedelta
from math import pi, sin
from random import Random

_DAY_SWING_C, _WARMEST_H = 4.0, 15
_DRIFTS_C = ((2.0, 61.0), (1.5, 173.0))  # how much, and over how many hours
_OUTDOOR_CO2_PPM = 425.0


class Weather:
    """Air temperature around a mean, at any time of the run; the stream shifts the days."""

    def __init__(self, start: datetime, stream: Random, mean_c: float):
        self._start, self._mean_c = start, mean_c
        self._shifts = [stream.random() for _ in _DRIFTS_C]

    def moment(self, time_us: int) -> datetime:
        """The local time."""
        return self._start + timedelta(microseconds=time_us)

    def temperature_c(self, time_us: int) -> float:
        """Of the air."""
        moment = self.moment(time_us)
        hour = moment.hour + moment.minute / 60 + moment.second / 3600
        drifts = sum(
            swing_c * sin(2 * pi * (time_us / 3.6e9 / period_h + shift))
            for (swing_c, period_h), shift in zip(_DRIFTS_C, self._shifts, strict=True)
        )
        day = _DAY_SWING_C * sin(2 * pi * (hour - _WARMEST_H + 6) / 24)
        return self._mean_c + day + drifts

    def air(self, time_us: int) -> dict[str, float]:
        """What the air is at a time, for Conditions."""
        temperature_c = self.temperature_c(time_us)
        humidity_pct = min(max(85.0 - 3.0 * (temperature_c - self._mean_c), 30.0), 100.0)
        return {
            "co2_ppm": _OUTDOOR_CO2_PPM,
            "temperature_c": temperature_c,
            "humidity_pct": humidity_pct,
        }
