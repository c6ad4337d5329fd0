# SPDX-License-Identifier: MIT
"""A reading as it arrived: a row on the screen and, once, of readings.csv."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from host.decode import LEAST_APART_S, Counts, Deduplicator


@dataclass(frozen=True)
class Row:
    """One reading as the network's side has it."""

    time: datetime  # when it was measured
    name: str
    dev_eui: str
    f_cnt: int
    sf: int
    rssi_dbm: float
    snr_db: float
    values: dict[str, Any]


def once(rows: Iterable[Row]) -> list[Row]:
    """Each reading as it came first, with all of its parts; what came again is left out.

    Late ones are there by now: what passed since the reading before is counted anew.
    """
    seen, first = Deduplicator(LEAST_APART_S), []
    for row in rows:
        known = len(seen.rows)
        seen.add(row.name, _arrival_s(row), row.values)
        if len(seen.rows) > known:
            first.append(row)
    found = [
        replace(row, values={"age_s": row.values["age_s"], **whole.values})
        for row, whole in zip(first, seen.rows, strict=True)
    ]
    counts = Counts()
    for row in sorted(found, key=lambda each: each.time):
        counts.add(row.name, _arrival_s(row), [row.values])
    return found


def _arrival_s(row: Row) -> float:
    return row.time.timestamp() + (row.values["age_s"] or 0)
