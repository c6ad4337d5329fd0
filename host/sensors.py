# SPDX-License-Identifier: MIT
"""The sensors that a kit may have: their drivers, what these supply, and the options they take."""

from dataclasses import dataclass
from typing import Annotated

from host.tables import Table

# The drivers of the firmware: the bus that each needs, and the wire keys that it supplies.
DRIVERS = {
    "scd4x": ("i2c", (1, 2, 3)),
    "scd30": ("i2c", (1, 2, 3)),
    "sht4x": ("i2c", (2, 3)),
    "sht3x": ("i2c", (2, 3)),
    "bme280": ("i2c", (2, 3, 10)),
    "ds18b20": ("one_wire", (2, 13)),
    "pir": ("pir", (7, 11)),
    "mhz19": ("uart", (1,)),
    "senseair_s8": ("uart", (1,)),
    "a02yyuw": ("uart", (4,)),
    "maxbotix": ("uart", (4,)),
}
_OPTIONS = {  # of a sensor's entry, by driver
    "pir": ("dead_ms", "window_ms"),
    "mhz19": ("range_ppm", "self_calibration"),
    "senseair_s8": ("self_calibration",),
    "a02yyuw": ("blind_mm", "farthest_mm", "unit_mm", "compensated"),
    "maxbotix": ("blind_mm", "farthest_mm"),
}
_CHOICES = {"range_ppm": (2000, 5000, 10000), "unit_mm": (1, 10)}
MAINS = ("mhz19", "senseair_s8")  # they warm up for minutes, and draw 20 mA


@dataclass(frozen=True)
class Sensor:
    """A sensor of a kit; the options are those of its driver."""

    driver: str
    bus: str
    keys: list[int]
    dead_ms: Annotated[int, 100, 600000] | None = None
    window_ms: Annotated[int, 100, 60000] | None = None
    range_ppm: Annotated[int, 2000, 10000] | None = None
    self_calibration: Annotated[int, 0, 1] | None = None
    blind_mm: Annotated[int, 0, 2000] | None = None
    farthest_mm: Annotated[int, 500, 20000] | None = None
    unit_mm: Annotated[int, 1, 10] | None = None
    compensated: Annotated[int, 0, 1] | None = None


def check_options(table: Table, where: tuple[str | int, ...], sensor: Sensor) -> None:
    """An option is one of its driver's, and a value that it takes. HostError: the first mistake."""
    known = _OPTIONS.get(sensor.driver, ())
    for option, value in vars(sensor).items():
        if value is None or option in ("driver", "bus", "keys"):
            continue
        if option not in known:
            step = f"it has {', '.join(known) or 'none'}"
            problem = f"'{option}' is no option of '{sensor.driver}'"
            raise table.fail((*where, option), problem, step)
        if value not in _CHOICES.get(option, (value,)):
            step = f"it is one of {', '.join(map(str, _CHOICES[option]))}"
            raise table.fail((*where, option), f"'{option}' is {value}", step)
