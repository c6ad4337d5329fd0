# SPDX-License-Identifier: MIT
"""The table of boards, checked, and the config that one of them and a kit make."""

import re
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from host import files, pins
from host.errors import HostError, meant
from host.figures import Range
from host.kits import DRIVERS as DRIVERS
from host.kits import Kit as Kit
from host.kits import Sensor as Sensor
from host.kits import Thresholds as Thresholds
from host.kits import kits as kits
from host.tables import Table

CONFIG_VERSION = 1
REGIONS = (
    "EU868",
    "AS923-1",
    "AS923-2",
    "AS923-3",
    "AS923-4",
    "AU915",
    "IN865",
    "US915",
)  # of firmware/lora/regions
# No kit has a traffic light and one of these, so that they may share its pins.
_BESIDE_LIGHT = ("trigger", "lamp")
_BusNumber = Annotated[int, 0, 2]


@dataclass(frozen=True)
class Radio:
    spi: _BusNumber
    sck: int
    mosi: int
    miso: int
    cs: int
    reset: int
    dio0: int
    pa_boost: bool
    dio1: int | None = None
    tcxo: int | None = None
    tcxo_ms: Annotated[int, 0, 1000] = 5


@dataclass(frozen=True)
class I2c:
    id: _BusNumber
    sda: int
    scl: int


@dataclass(frozen=True)
class Uart:
    id: _BusNumber
    tx: int
    rx: int


@dataclass(frozen=True)
class Switch:
    """A pin and the level at which it is on."""

    pin: int
    on: Annotated[int, 0, 1] = 1


@dataclass(frozen=True)
class Light:
    green: int
    orange: int
    red: int


@dataclass(frozen=True)
class Battery:
    pin: int
    ratio_permille: Annotated[int, 1000, 100000]


@dataclass(frozen=True)
class Board:
    """One row of boards.toml; pins are GPIO numbers, None is not wired."""

    name: str
    title: str
    chip: str
    micropython: str
    usb: list[str]
    filesystem_kib: Annotated[int, 64, 16384]
    latency_ms: Annotated[int, 0, 1000]
    clock_error_ppm: Annotated[int, 0, 20000]
    active_ma: Range
    sleep_ua: Range
    sleep_measured: bool
    source: str
    radio: Radio
    i2c: I2c
    note: str = ""  # what works and what does not
    header: str = ""  # "pico": that of the Raspberry Pi Pico; else its order is not known
    antenna_gain_db: Annotated[int, -20, 30] = 2  # of the antenna that comes along
    taken: dict[str, list[int]] = field(default_factory=dict)  # by what else is on the board
    power_chip: bool = False  # AXP192 or AXP2101 on the I2C bus, which feeds the radio
    vext: Switch | None = None  # powers what else is on the board
    led: Switch | None = None
    light: Light | None = None
    button: Switch | None = None
    battery: Battery | None = None
    uart: Uart | None = None
    flash_offset: int | None = None
    uf2_family: int | None = None
    one_wire: int | None = None
    trigger: int | None = None
    echo: int | None = None
    pir: int | None = None
    pir_2: int | None = None
    lamp: int | None = None
    sensor_power: int | None = None

    def bus(self, use: str) -> int | None:
        """The number of the bus that a use such as "radio sck" belongs to, None for no bus."""
        part = getattr(self, use.split()[0])
        return part.spi if isinstance(part, Radio) else getattr(part, "id", None)

    def lamp_pins(self) -> list[int]:
        """Pins that only shine."""
        lamps = [self.light.green, self.light.orange, self.light.red] if self.light else []
        lamps += [self.lamp] if self.lamp is not None and self.lamp not in lamps else []
        return [*lamps, self.led.pin] if self.led else lamps

    def pins(self) -> list[tuple[str, int]]:
        """(use, GPIO) of every pin that is wired, such as ("radio cs", 5)."""
        found = []
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, Radio | I2c | Uart | Switch | Light | Battery):
                for part in fields(value):
                    if part.name in ("spi", "id", "on", "pa_boost", "tcxo_ms", "ratio_permille"):
                        continue
                    if (number := getattr(value, part.name)) is not None:
                        found.append((f"{each.name} {part.name}", number))
            elif each.name in _PIN_FIELDS and value is not None:
                found.append((each.name, value))
        return found

    def pins_for(self, kit: Kit) -> list[tuple[str, int]]:
        """The same, of those that are in use when a kit is put on it."""
        optional = {"light", "uart", *_PIN_FIELDS} - {*kit.needs(), "sensor_power"}
        if kit.light is not None:
            optional.discard("light")
        return [(use, pin) for use, pin in self.pins() if use.split()[0] not in optional]


_PIN_FIELDS = ("one_wire", "trigger", "echo", "pir", "pir_2", "lamp", "sensor_power")


def refusal(board: Board, kit: Kit) -> str:
    """Why a kit does not go on a board, "" when it does."""
    for name in kit.needs():
        if getattr(board, name) is None:
            return f"'{kit.name}' needs {name}, and '{board.name}' has no free pin for it"
    used: dict[int, str] = {}
    for use, pin in board.pins_for(kit):
        if pin in used:
            return f"'{kit.name}' needs GPIO {pin} of '{board.name}' for {used[pin]} and {use}"
        used[pin] = use
    if "pir" in kit.needs() and not kit.mains and not board.chip.startswith("rp2040"):
        return f"'{kit.name}' has no mains, and '{board.name}' sleeps too deeply to hear a PIR"
    return ""


@cache
def boards(path: Path | None = None) -> dict[str, Board]:
    """All boards of the table, checked. HostError names the line of the first mistake."""
    table = Table(path or files.root() / "boards.toml")
    found = {}
    for name, values in files.load_toml(table.path).items():
        found[name] = table.make(Board, (name,), values, name=name)
        _check_currents(table, found[name])
        _check_pins(table, found[name])
        _check_flashing(table, found[name])
    return found


def _check_currents(table: Table, board: Board) -> None:
    for name, current in (("active_ma", board.active_ma), ("sleep_ua", board.sleep_ua)):
        if not current.ordered:
            step = "give them as 0 <= low <= typical <= high"
            raise table.fail((board.name, name), f"'{name}' is no range", step)


def _check_pins(table: Table, board: Board) -> None:
    if board.chip not in pins.CHIPS:
        step = meant(board.chip, pins.CHIPS)
        raise table.fail((board.name, "chip"), f"unknown chip '{board.chip}'", step)
    taken = {pin: name for name, numbers in board.taken.items() for pin in numbers}
    used: dict[int, str] = {}
    for use, pin in board.pins():
        where = (board.name, *use.split())
        if problem := pins.problem(board.chip, use, pin, board.bus(use)):
            raise table.fail(where, f"{use}: {problem}", "choose another pin")
        if pin in taken:
            problem = f"{use}: GPIO {pin} belongs to the board's {taken[pin]}"
            raise table.fail(where, problem, "choose another pin")
        if pin in used and not (used[pin].startswith("light ") and use in _BESIDE_LIGHT):
            problem = f"GPIO {pin} is {used[pin]} and {use}"
            raise table.fail(where, problem, "choose another pin for one of them")
        used[pin] = use


def _check_flashing(table: Table, board: Board) -> None:
    """A chip is flashed in one way, and found by what its USB says."""
    right, wrong = "flash_offset", "uf2_family"
    if board.chip.startswith("rp2040"):
        right, wrong = wrong, right
    if getattr(board, right) is None:
        step = f"add {right} = ..."
        raise table.fail((board.name, right), f"'{right}' is missing", step)
    if getattr(board, wrong) is not None:
        step = f"take it out; '{board.chip}' has {right}"
        raise table.fail((board.name, wrong), f"'{wrong}' is of another chip", step)
    for at, each in enumerate(board.usb):
        if not re.fullmatch("[0-9A-F]{4}:[0-9A-F]{4}", each):
            step = 'write vendor and product as "10C4:EA60"'
            raise table.fail((board.name, "usb", at), f"'{each}' is no USB id", step)


def config_for(
    board: Board,
    kit: Kit,
    name: str,
    dev_eui: bytes,
    join_eui: bytes,
    app_key: bytes,
    region: str = "EU868",
) -> dict[str, Any]:
    """The config that goes to a board: CBOR-able, with string keys; EUIs and key in reading order.

    A kit on mains does not report a battery, and its sensors always have their supply.
    HostError: the kit does not go on the board, or the firmware does not know the region.
    """
    if region not in REGIONS:
        raise HostError(f"unknown region '{region}'", meant(region, REGIONS))
    if problem := refusal(board, kit):
        raise HostError(problem, "see node071 boards for others")
    config: dict[str, Any] = {
        "v": CONFIG_VERSION,
        "name": name,
        "kit": kit.name,
        "board": board.name,
        "chip": board.chip,
        "region": region,
        "dev_eui": dev_eui,
        "join_eui": join_eui,
        "app_key": app_key,
        "interval_s": kit.interval_s,
        "mains": kit.mains,
        "latency_ms": board.latency_ms,
        "clock_error_ppm": board.clock_error_ppm,
        "antenna_gain_db": board.antenna_gain_db,
        "radio": _numbers(board.radio),
        "i2c": _numbers(board.i2c),
        "sensors": [sensor.entry() for sensor in kit.sensors],
    }
    if any(sensor.bus == "pulse" for sensor in kit.sensors):
        config["pulse"] = {"trigger": board.trigger, "echo": board.echo}
    if kit.marks.given():
        config["marks"] = kit.marks.as_list()
    if kit.bay is not None:
        config["bay"] = _numbers(kit.bay)
    if kit.light is not None and board.light is not None:
        config["light"] = _numbers(board.light) | _numbers(kit.light)
    if board.power_chip:
        config["power_chip"] = True
    if board.vext is not None:
        config["vext"] = _numbers(board.vext)
    if board.led is not None:
        config["led"] = _numbers(board.led)
    if board.button is not None:
        config["button"] = _numbers(board.button)
    if board.battery is not None and not kit.mains:
        config["battery"] = _numbers(board.battery)
    config |= {name: getattr(board, name) for name in ("pir", "pir_2") if name in kit.needs()}
    if kit.lamp is not None:
        config["lamp"] = {"pin": board.lamp, "hold_s": kit.lamp.hold_s}
    if "uart" in kit.needs():
        config["uart"] = _numbers(board.uart)
    if "one_wire" in kit.needs():
        config["one_wire"] = board.one_wire
    if board.sensor_power is not None and kit.switches_supply():
        config["sensor_power"] = board.sensor_power
    return config


def _numbers(part: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(part).items() if value is not None}
