# SPDX-License-Identifier: MIT
"""Boards and kits: the two tables, checked, and the config that a pair of them makes."""

from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

from host import files
from host.errors import HostError

CONFIG_VERSION = 1
DRIVERS = {"scd4x": "i2c", "sht4x": "i2c"}  # and the bus that each needs
_RP2040_LAST = 29
_ESP32_LAST = 39
_ESP32_FLASH = range(6, 12)
_PICO_D4_FLASH = (16, 17)
_ESP32_STRAPPING = (0, 2, 5, 12, 15)
_ESP32_INPUT_ONLY = range(34, 40)
_PROG_SIZE = {"rp2040": 256, "esp32": 32}  # what each stock image formats LittleFS with
_CHIPS = ("esp32", "esp32-pico-d4", "rp2040", "rp2040-w")
# Pins that the board's maker chose: strapping pins may be among them.
_FIXED = ("radio", "led", "battery", "i2c")
_OUTPUTS = ("cs", "sck", "mosi", "reset", "tcxo", "green", "orange", "red", "lamp", "trigger")


@dataclass(frozen=True)
class Radio:
    spi: int
    sck: int
    mosi: int
    miso: int
    cs: int
    reset: int
    dio0: int
    pa_boost: bool
    dio1: int | None = None
    tcxo: int | None = None
    tcxo_ms: int = 5


@dataclass(frozen=True)
class I2c:
    id: int
    sda: int
    scl: int


@dataclass(frozen=True)
class Uart:
    id: int
    tx: int
    rx: int


@dataclass(frozen=True)
class Switch:
    """A pin and the level at which it is on."""

    pin: int
    on: int = 1


@dataclass(frozen=True)
class Light:
    green: int
    orange: int
    red: int


@dataclass(frozen=True)
class Battery:
    pin: int
    ratio_permille: int


@dataclass(frozen=True)
class Board:
    """One row of boards.toml; pins are GPIO numbers, None is not wired."""

    name: str
    title: str
    chip: str
    micropython: str
    usb: list[str]
    filesystem_kib: int
    latency_ms: int
    clock_error_ppm: int
    active_ma: int
    sleep_ua: int
    source: str
    radio: Radio
    i2c: I2c
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

    @property
    def prog_size(self) -> int:
        """Bytes that LittleFS programs at once, as the stock image has it."""
        return _PROG_SIZE["rp2040" if self.chip.startswith("rp2040") else "esp32"]

    def lamp_pins(self) -> list[int]:
        """Pins that only shine."""
        lamps = [self.light.green, self.light.orange, self.light.red] if self.light else []
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


_PIN_FIELDS = ("one_wire", "trigger", "echo", "pir", "pir_2", "lamp", "sensor_power")
_PARTS: dict[str, type] = {
    "radio": Radio,
    "i2c": I2c,
    "uart": Uart,
    "led": Switch,
    "button": Switch,
    "light": Light,
    "battery": Battery,
}


@dataclass(frozen=True)
class Sensor:
    driver: str
    bus: str
    keys: list[int]


@dataclass(frozen=True)
class Thresholds:
    orange_ppm: int
    red_ppm: int


@dataclass(frozen=True)
class Kit:
    """One row of kits.toml: what is put on a board."""

    name: str
    title: str
    interval_s: int
    sensors: list[Sensor] = field(default_factory=list)
    mains: bool = False
    light: Thresholds | None = None


class _Table:
    """Turns the rows of one file into dataclasses; complaints name file and line."""

    def __init__(self, path: Path):
        self.path = path

    def fail(self, row: str, key: str, problem: str, step: str) -> HostError:
        line = files.line_of(self.path, row, key)
        return HostError(f"{self.path.name}, line {line}: [{row}] {problem}", step)

    def make(self, kind: type, row: str, key: str, values: Any, **given: Any) -> Any:
        if not isinstance(values, dict):
            raise self.fail(row, key, f"{key} is not a table", f"write {key} = {{ ... }}")
        known = {each.name: each for each in fields(kind)}
        for name in values:
            if name not in known or name in given:
                step = f"known here: {', '.join(each for each in known if each not in given)}"
                raise self.fail(row, key or name, f"unknown key '{name}'", step)
        for name, each in known.items():
            required = each.default is MISSING and each.default_factory is MISSING
            if required and name not in values and name not in given:
                raise self.fail(row, key, f"{key or 'the table'} lacks '{name}'", f"add {name}")
            if name in values and not _is(values[name], each.type):
                raise self.fail(
                    row, key or name, f"'{name}' is not {_word(each.type)}", "correct it"
                )
        return kind(**given, **values)


def _word(kind: Any) -> str:
    return str(getattr(kind, "__name__", kind))


def _is(value: Any, kind: Any) -> bool:
    """Whether a value has the type that a field is annotated with."""
    allowed = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    return type(value) in [get_origin(each) or each for each in allowed]


@cache
def boards(path: Path | None = None) -> dict[str, Board]:
    """All boards of the table, checked. HostError names the line of the first mistake."""
    table = _Table(path or files.root() / "boards.toml")
    found = {}
    for name, values in files.load_toml(table.path).items():
        parts = {
            key: table.make(_PARTS[key], name, key, value) if key in _PARTS else value
            for key, value in values.items()
        }
        found[name] = table.make(Board, name, "", parts, name=name)
        _check_pins(table, found[name])
    return found


def _check_pins(table: _Table, board: Board) -> None:
    if board.chip not in _CHIPS:
        step = f"chips: {', '.join(_CHIPS)}"
        raise table.fail(board.name, "chip", f"unknown chip '{board.chip}'", step)
    used: dict[int, str] = {}
    for use, pin in board.pins():
        key = use.split()[0]
        if problem := _pin_problem(board.chip, use, pin):
            raise table.fail(board.name, key, f"{use}: {problem}", "choose another pin")
        if pin in used:
            problem = f"GPIO {pin} is {used[pin]} and {use}"
            raise table.fail(board.name, key, problem, "choose another pin for one of them")
        used[pin] = use


def _pin_problem(chip: str, use: str, pin: int) -> str:
    """Why a chip cannot use a pin so, "" when it can."""
    if chip.startswith("rp2040"):
        if not 0 <= pin <= _RP2040_LAST:
            return f"the RP2040 has no GPIO {pin}"
        own = chip == "rp2040-w" and pin in (23, 24, 25, 29)
        return f"GPIO {pin} belongs to the Pico W's radio" if own else ""
    if not 0 <= pin <= _ESP32_LAST or pin in (20, 24, 28, 29, 30, 31):
        return f"the ESP32 has no GPIO {pin}"
    if pin in _ESP32_FLASH or (chip == "esp32-pico-d4" and pin in _PICO_D4_FLASH):
        return f"GPIO {pin} belongs to the flash"
    if pin in _ESP32_INPUT_ONLY and use.split()[-1] in _OUTPUTS:
        return f"GPIO {pin} is an input only"
    if pin in _ESP32_STRAPPING and use.split()[0] not in _FIXED:
        return f"GPIO {pin} decides how the chip starts (strapping)"
    return ""


@cache
def kits(path: Path | None = None) -> dict[str, Kit]:
    """All kits of the table, checked. HostError names the line of the first mistake."""
    table = _Table(path or files.root() / "kits.toml")
    known_keys = {row[0] for row in files.readings().QUANTITIES}
    found = {}
    for name, values in files.load_toml(table.path).items():
        parts = dict(values)
        rows = values.get("sensors", [])
        parts["sensors"] = [table.make(Sensor, name, "sensors", row) for row in rows]
        if "light" in values:
            parts["light"] = table.make(Thresholds, name, "light", values["light"])
        kit: Kit = table.make(Kit, name, "", parts, name=name)
        for sensor in kit.sensors:
            if DRIVERS.get(sensor.driver) != sensor.bus:
                step = f"drivers: {', '.join(f'{d} ({b})' for d, b in DRIVERS.items())}"
                problem = f"no driver '{sensor.driver}' on bus '{sensor.bus}'"
                raise table.fail(name, "sensors", problem, step)
            if not known_keys.issuperset(sensor.keys):
                raise table.fail(name, "sensors", f"unknown key in {sensor.keys}", "see docs")
        found[name] = kit
    return found


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

    A kit on mains does not report a battery.
    """
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
        "latency_ms": board.latency_ms,
        "clock_error_ppm": board.clock_error_ppm,
        "radio": _numbers(board.radio),
        "i2c": _numbers(board.i2c),
        "sensors": [vars(sensor) for sensor in kit.sensors],
    }
    if kit.light is not None and board.light is not None:
        config["light"] = _numbers(board.light) | _numbers(kit.light)
    if board.led is not None:
        config["led"] = _numbers(board.led)
    if board.button is not None:
        config["button"] = _numbers(board.button)
    if board.battery is not None and not kit.mains:
        config["battery"] = _numbers(board.battery)
    return config


def _numbers(part: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(part).items() if value is not None}
