# SPDX-License-Identifier: MIT
"""What a run comes to for the one who asked for it: of a class, bin, water, bay or way."""

from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise
from typing import Any

_EMPTIED_PCT = 30  # a bin that falls by so much was emptied
_Series = list[tuple[datetime, int]]


def outcome(
    keys: Iterable[int], readings: Iterable[tuple[datetime, dict[str, Any]]]
) -> dict[str, Any]:
    """The numbers of a summary that depend on what a node measures, by the wire keys of its kit."""
    rows = sorted(readings, key=lambda each: each[0])

    def series(name: str) -> _Series:
        return [(time, values[name]) for time, values in rows if values.get(name) is not None]

    found: dict[str, Any] = {}
    if 1 in keys:
        co2 = series("co2")
        found["co2_minutes_above_800"] = _minutes_above(co2, 800)
        found["co2_minutes_above_1200"] = _minutes_above(co2, 1200)
    if 5 in keys:
        found |= _bin(series("fill"))
    if 6 in keys:
        found |= _water(series("level"))
    for key, name in ((7, "count"), (11, "count_back")):
        if key in keys:
            found |= _counted(name, series(f"{name}_difference"))
    if 12 in keys:
        shares = [share for _, share in series("occupancy")]
        found["occupied_share"] = round(sum(shares) / len(shares) / 100, 3) if shares else None
    return found


def _minutes_above(co2: _Series, limit_ppm: int) -> int:
    """A reading stands for the time up to the next one, an hour at most."""
    minutes = 0.0
    for (time, ppm), (after, _) in pairwise(co2):
        if ppm >= limit_ppm:
            minutes += min((after - time).total_seconds() / 60, 60)
    return round(minutes)


def _bin(fill: _Series) -> dict[str, Any]:
    drops = [
        after.isoformat()
        for (_, before_pct), (after, pct) in pairwise(fill)
        if before_pct - pct >= _EMPTIED_PCT
    ]
    return {"fill_now": fill[-1][1] if fill else None, "emptied_at": drops}


def _counted(name: str, differences: _Series) -> dict[str, Any]:
    """How many in all, and the busiest of the intervals, by its end."""
    at, most = max(differences, key=lambda each: each[1], default=(None, None))
    return {
        f"{name}_sum": sum(difference for _, difference in differences) if differences else None,
        f"{name}_most": most,
        f"{name}_most_at": at.isoformat() if at else None,
    }


def _water(level: _Series) -> dict[str, Any]:
    at, highest_mm = max(level, key=lambda each: each[1], default=(None, None))
    return {
        "level_now_mm": level[-1][1] if level else None,
        "level_highest_mm": highest_mm,
        "level_highest_at": at.isoformat() if at else None,
    }
