# SPDX-License-Identifier: MIT
"""The table of kits, checked: what is put on a board."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from host import files
from host.errors import meant
from host.marks import BAY_KEYS, Bay, Marks
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
    "pulse": ("pulse", (4,)),
    "mhz19": ("uart", (1,)),
    "senseair_s8": ("uart", (1,)),
    "a02yyuw": ("uart", (4,)),
    "maxbotix": ("uart", (4,)),
}
# The pins of a board that a sensor on each bus takes.
BUS_PINS = {
    "i2c": ("i2c",),
    "uart": ("uart",),
    "one_wire": ("one_wire",),
    "pulse": ("trigger", "echo"),
    "pir": ("pir",),
}
_COUNT_BACK = 11  # the wire key that takes a second PIR
_OPTIONS = {  # of a sensor's entry, by driver
    "pir": ("dead_ms", "window_ms"),
    "pulse": ("blind_mm", "farthest_mm"),
    "mhz19": ("range_ppm", "self_calibration"),
    "senseair_s8": ("self_calibration",),
    "a02yyuw": ("blind_mm", "farthest_mm", "unit_mm", "compensated"),
    "maxbotix": ("blind_mm", "farthest_mm"),
}
_CHOICES = {"range_ppm": (2000, 5000, 10000), "unit_mm": (1, 10)}
_MAINS = ("mhz19", "senseair_s8")  # they warm up for minutes, and draw 20 mA
_DISTANCE = 4  # the wire key
_Ppm = Annotated[int, 400, 40000]


@dataclass(frozen=True)
class Sensor:
    """A sensor of a kit; the options are those of its driver."""

    driver: str
    bus: str
    keys: list[int]
    dead_ms: Annotated[int, 100, 600000] | None = None
    window_ms: Annotated[int, 100, 60000] | None = None
    blind_mm: Annotated[int, 0, 2000] | None = None
    farthest_mm: Annotated[int, 500, 20000] | None = None
    range_ppm: Annotated[int, 2000, 10000] | None = None
    self_calibration: Annotated[int, 0, 1] | None = None
    unit_mm: Annotated[int, 1, 10] | None = None
    compensated: Annotated[int, 0, 1] | None = None

    def entry(self) -> dict[str, Any]:
        """What the driver gets of it."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class Thresholds:
    orange_ppm: _Ppm
    red_ppm: _Ppm


@dataclass(frozen=True)
class Lamp:
    hold_s: Annotated[int, 1, 3600]


@dataclass(frozen=True)
class Kit:
    """One row of kits.toml: what is put on a board."""

    name: str
    title: str
    interval_s: Annotated[int, 60, 86400]
    sensors: list[Sensor] = field(default_factory=list)
    mains: bool = False
    light: Thresholds | None = None
    lamp: Lamp | None = None
    marks: Marks = field(default_factory=Marks)
    bay: Bay | None = None

    def wire_keys(self) -> list[int]:
        """The wire keys that it reports, those that follow from its distance included."""
        found = {key for sensor in self.sensors for key in sensor.keys}
        return sorted(found | self.marks.keys() | (set(BAY_KEYS) if self.bay else set()))

    def switches_supply(self) -> bool:
        """Its sensors have their supply for a round only; a PIR watches all the time."""
        return not self.mains and "pir" not in self.needs()

    def needs(self) -> list[str]:
        """What a board must have for its sensors, such as "i2c" or "trigger"."""
        found = [name for sensor in self.sensors for name in BUS_PINS[sensor.bus]]
        if any(_COUNT_BACK in sensor.keys for sensor in self.sensors):
            found.append("pir_2")
        if self.lamp is not None:
            found.append("lamp")
        return list(dict.fromkeys(found))


@cache
def kits(path: Path | None = None) -> dict[str, Kit]:
    """All kits of the table, checked. HostError names the line of the first mistake."""
    table = Table(path or files.root() / "kits.toml")
    found = {}
    for name, values in files.load_toml(table.path).items():
        found[name] = table.make(Kit, (name,), values, name=name)
        _check_sensors(table, found[name])
        light = found[name].light
        if light is not None and light.orange_ppm >= light.red_ppm:
            problem = f"orange at {light.orange_ppm} ppm is not below red at {light.red_ppm}"
            raise table.fail((name, "light"), problem, "make orange_ppm the smaller one")
        _check_marks(table, found[name])
    return found


def _check_marks(table: Table, kit: Kit) -> None:
    """What follows from a distance needs one."""
    for name, given in (("marks", kit.marks.given()), ("bay", kit.bay is not None)):
        if given and not any(_DISTANCE in sensor.keys for sensor in kit.sensors):
            problem = f"'{name}' without a sensor that measures a distance"
            raise table.fail((kit.name, name), problem, f"add one with keys = [{_DISTANCE}]")
    if found := kit.marks.problem():
        raise table.fail((kit.name, "marks"), *found)


def _check_sensors(table: Table, kit: Kit) -> None:
    measured: set[int] = set()
    drivers: set[str] = set()
    for index, sensor in enumerate(kit.sensors):
        where = (kit.name, "sensors", index)
        if sensor.driver not in DRIVERS:
            step = meant(sensor.driver, DRIVERS)
            raise table.fail((*where, "driver"), f"no driver '{sensor.driver}'", step)
        bus, keys = DRIVERS[sensor.driver]
        if sensor.bus != bus:
            problem = f"'{sensor.driver}' on bus '{sensor.bus}'"
            raise table.fail((*where, "bus"), problem, f'write bus = "{bus}"')
        if sensor.driver in drivers:
            problem = f"'{sensor.driver}' twice: both would have the same address"
            raise table.fail((*where, "driver"), problem, "leave one out")
        drivers.add(sensor.driver)
        _check_options(table, where, sensor)
        if sensor.driver in _MAINS and not kit.mains:
            problem = f"'{sensor.driver}' wants mains: it warms up for minutes"
            raise table.fail((*where, "driver"), problem, "write mains = true")
        if bus == "uart" and any(each.bus == bus for each in kit.sensors[:index]):
            problem = f"'{sensor.driver}' beside another sensor: a UART has one at its end"
            raise table.fail((*where, "driver"), problem, "leave one out")
        for at, key in enumerate(sensor.keys):
            if key not in keys or key in measured:
                twice = "is measured twice" if key in keys else f"is none of '{sensor.driver}'"
                step = f"it has {', '.join(map(str, keys))}; each key goes to one sensor"
                raise table.fail((*where, "keys", at), f"key {key} {twice}", step)
            measured.add(key)


def _check_options(table: Table, where: tuple[str | int, ...], sensor: Sensor) -> None:
    """An option is one of its driver's, and a value that this takes."""
    known = _OPTIONS.get(sensor.driver, ())
    for option, value in sensor.entry().items():
        if option in ("driver", "bus", "keys"):
            continue
        if option not in known:
            step = f"it has {', '.join(known) or 'none'}"
            problem = f"'{option}' is no option of '{sensor.driver}'"
            raise table.fail((*where, option), problem, step)
        if value not in _CHOICES.get(option, (value,)):
            step = f"it is one of {', '.join(map(str, _CHOICES[option]))}"
            raise table.fail((*where, option), f"'{option}' is {value}", step)
