# SPDX-License-Identifier: MIT
"""What a node draws from its supply, by part, from the time that each part spent in each state."""

from collections.abc import Mapping
from typing import Any

from host.boards import Board
from host.figures import Range, total
from simulator.currents import PACK, RADIO_MA, SENSORS_MA, Pack

_HOUR_US = 3_600_000_000
_DAYS_A_MONTH = 365 / 12


def drawn_mah(time_by_state_us: Mapping[str, int], currents_ma: Mapping[str, Range]) -> Range:
    """mAh of a part that was in each state for so long. KeyError: a state without a current."""
    return total(
        currents_ma[state] * (spent_us / _HOUR_US) for state, spent_us in time_by_state_us.items()
    )


def by_part_mah(
    board: Board,
    board_us: Mapping[str, int],
    radio_us: Mapping[str, int],
    sensors_us: Mapping[str, Mapping[str, int]],
) -> dict[str, Range]:
    """mAh of radio, sensors, processor and sleep so far; `sensors_us` by driver.

    Sleep is what the whole board draws while its processor sleeps, its regulators included.
    """
    sensors = (drawn_mah(states, SENSORS_MA[name]) for name, states in sensors_us.items())
    awake, asleep = ({state: board_us.get(state, 0)} for state in ("awake", "asleep"))
    return {
        "radio": drawn_mah(radio_us, RADIO_MA),
        "sensors": total(sensors),
        "processor": drawn_mah(awake, {"awake": board.active_ma}),
        "sleep": drawn_mah(asleep, {"asleep": board.sleep_ua * 0.001}),
    }


def battery_days(mah_day: Range, pack: Pack = PACK) -> Range:
    """How long a pack lasts: the least with the smallest pack and the most that may be drawn."""

    def days(capacity_mah: float, drawn_mah: float, loss_pct_month: float) -> float:
        lost_mah = capacity_mah * loss_pct_month / 100 / _DAYS_A_MONTH
        return capacity_mah * pack.usable_pct / 100 / (drawn_mah + lost_mah)

    mah, loss = pack.mah, pack.loss_pct_month
    return Range(
        days(mah.low, mah_day.high, loss.high),
        days(mah.typical, mah_day.typical, loss.typical),
        days(mah.high, mah_day.low, loss.low),
    )


def summary(parts_mah: Mapping[str, Range], days: float, mains: bool) -> dict[str, Any]:
    """The energy of a node in a summary; a kit on mains has no battery."""
    mah_day = total(parts_mah.values()) * (1 / days)
    lasts = None if mains else battery_days(mah_day)
    return {
        "mah_day": round(mah_day.typical, 2),
        "mah_day_low": round(mah_day.low, 2),
        "mah_day_high": round(mah_day.high, 2),
        "mah_day_by_part": {
            name: round(each.typical / days, 3) for name, each in parts_mah.items()
        },
        "supply": "mains" if mains else PACK.title,
        "battery_days": lasts and round(lasts.typical, 1),
        "battery_days_low": lasts and round(lasts.low, 1),
        "battery_days_high": lasts and round(lasts.high, 1),
    }
