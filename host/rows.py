# SPDX-License-Identifier: MIT
"""A reading as it arrived: a row on the screen and of readings.csv."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


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
