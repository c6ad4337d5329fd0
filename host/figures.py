# SPDX-License-Identifier: MIT
"""A figure and how far it may be off, and a length of time in words."""

from collections.abc import Iterable
from dataclasses import dataclass

_DAYS_A_MONTH, _DAYS_A_YEAR = 30.4, 365
_MONTHS_FROM_DAYS, _YEARS_FROM_DAYS = 60, 3 * 365


@dataclass(frozen=True)
class Range:
    """A figure: what it usually is, and the least and the most that it may be."""

    low: float
    typical: float
    high: float

    def __add__(self, other: "Range") -> "Range":
        return Range(self.low + other.low, self.typical + other.typical, self.high + other.high)

    def __mul__(self, factor: float) -> "Range":
        return Range(self.low * factor, self.typical * factor, self.high * factor)

    @property
    def ordered(self) -> bool:
        """Whether it is a range at all, and of nothing negative."""
        return 0 <= self.low <= self.typical <= self.high

    def text(self, factor: float = 1) -> str:
        """Such as "1.2 to 1.5", or one number when there is no doubt."""
        low, high = f"{self.low * factor:g}", f"{self.high * factor:g}"
        return low if low == high else f"{low} to {high}"


def exactly(value: float) -> Range:
    """A figure of which no range is known."""
    return Range(value, value, value)


def total(ranges: Iterable[Range]) -> Range:
    """Their sum: the worst of one may come with the worst of all others."""
    return sum(ranges, Range(0, 0, 0))


def span(low_days: float, high_days: float) -> str:
    """From one length of time to another, such as "8 to 14 months"; the shorter gives the unit."""
    unit_days, name = 1.0, "day"
    if low_days >= _YEARS_FROM_DAYS:
        unit_days, name = _DAYS_A_YEAR, "year"
    elif low_days >= _MONTHS_FROM_DAYS:
        unit_days, name = _DAYS_A_MONTH, "month"
    low, high = round(low_days / unit_days), round(high_days / unit_days)
    shown = f"{low}" if low == high else f"{low} to {high}"
    return f"{shown} {name}" if shown == "1" else f"{shown} {name}s"
