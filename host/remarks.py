# SPDX-License-Identifier: MIT
"""What a node says of its own readings, in words, and what to do about it."""

from collections import Counter
from collections.abc import Iterable
from textwrap import wrap
from typing import Any

# By the words of readings.FLAGS.
ADVICE = {
    "warming": "the sensor has just started; wait some minutes",
    "needs airing": "for a week CO2 never fell to 500 ppm: open windows, at the end of the day too",
    "noisy": "the sensor sees more than there can be: is a wire loose, the surface rough, the "
    "antenna too near?",
    "not temperature-compensated": "no temperature was known; the distance may be 2 % off",
    "calibration due": "put it in fresh air and calibrate it: docs/kits.md says how",
}
BATTERY_LOW = "battery low"
ADVICE[BATTERY_LOW] = "charge or change it soon; meanwhile it measures half as often"
_LOW_V, _NONE_V = 3.5, 2.0  # firmware/drivers/battery.py has its own
_FAULT = "no good value came: look at the sensor and its wires"


def remarks(values: dict[str, Any]) -> list[str]:
    """The flags of a reading, "no NAME" for each quantity at fault, and what its battery tells."""
    faults = [f"no {name.replace('_', ' ')}" for name in values.get("faults", ())]
    battery_v = values.get("battery")
    low = battery_v is not None and _NONE_V <= battery_v < _LOW_V
    return [*values.get("flags", ()), *faults, *[BATTERY_LOW] * low]


def counted(readings: Iterable[dict[str, Any]]) -> dict[str, int]:
    """In how many readings each remark stands."""
    return dict(Counter(remark for values in readings for remark in remarks(values)))


def advice(remark: str) -> str:
    """What to do about it."""
    return ADVICE.get(remark, _FAULT)


def lines(counts: dict[str, int]) -> list[str]:
    """A summary's remarks for a person, with the next step, in 80 columns."""
    found = []
    for remark, count in counts.items():
        text = f"{remark} ({count} reading{'s'[: count > 1]}): {advice(remark)}"
        found += wrap(text, 80, initial_indent="  remark    ", subsequent_indent=" " * 12)
    return found
