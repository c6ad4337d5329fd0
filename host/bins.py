# SPDX-License-Identifier: MIT
"""Which bins of a run are due tomorrow, by how fast they fill."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from host.columns import RED_PCT
from host.runs import KeptRun, Series

DUE_PCT = RED_PCT  # from here on the screen shows a bin in red
_AHEAD = timedelta(hours=24)
_LOOK_BACK = timedelta(hours=72)
_LEAST = timedelta(hours=20)  # less knows the day and not the night
_EMPTIED_PCT = 30  # a bin that falls by so much was emptied


@dataclass(frozen=True)
class Bin:
    """A bin at the end of a run. `rise_pct_day`: None when it was heard for too short a time."""

    name: str
    time: datetime  # of its last reading
    fill_pct: float
    rise_pct_day: float | None
    tomorrow_pct: float  # a day after the end of the run; what it is now when nobody knows better

    @property
    def due(self) -> bool:
        """It is as full as that by tomorrow."""
        return self.tomorrow_pct >= DUE_PCT


def bins(run: KeptRun) -> list[Bin]:
    """Every node of a run that told how full it is, in the order of the run."""
    return [_bin(name, rows, run.end) for name, rows in run.series.get("fill", {}).items()]


def _bin(name: str, series: Series, end: datetime) -> Bin:
    time, fill_pct = series[-1]
    rise, tomorrow_pct = rise_pct_day(series), fill_pct
    if rise is not None:
        days = max(end - time, timedelta()) + _AHEAD
        tomorrow_pct = min(max(fill_pct + max(rise, 0) * (days / timedelta(days=1)), 0), 100)
    return Bin(name, time, fill_pct, rise and round(rise, 1), round(tomorrow_pct, 1))


def rise_pct_day(series: Series) -> float | None:
    """By how much a bin rose a day in its last three days, emptyings left out; None: too short."""
    recent = [row for row in series if series[-1][0] - row[0] <= _LOOK_BACK]
    risen_pct, spent = 0.0, timedelta()
    for (before, was_pct), (after, pct) in pairwise(recent):
        if was_pct - pct < _EMPTIED_PCT:
            risen_pct += pct - was_pct
            spent += after - before
    return risen_pct / (spent / timedelta(days=1)) if spent >= _LEAST else None
