# SPDX-License-Identifier: MIT
"""Where each wire goes: the pins of a board as a picture, and a kit's sensors on a board."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from host.boards import Board, Kit, refusal
from host.errors import HostError

# The Raspberry Pi Pico's header (its data sheet, figure 2), USB above: pins 1 to 20, 40 to 21.
_PICO_LEFT = (
    *("GP0", "GP1", "GND", "GP2", "GP3", "GP4", "GP5", "GND", "GP6", "GP7", "GP8", "GP9", "GND"),
    *("GP10", "GP11", "GP12", "GP13", "GND", "GP14", "GP15"),
)
_PICO_RIGHT = (
    *("VBUS", "VSYS", "GND", "3V3_EN", "3V3", "ADC_VREF", "GP28", "AGND", "GP27", "GP26", "RUN"),
    *("GP22", "GND", "GP21", "GP20", "GP19", "GP18", "GND", "GP17", "GP16"),
)
_I2C = (("SDA", "i2c sda"), ("SCL", "i2c scl"))
_SERIAL = (("TX", "uart rx"), ("RX", "uart tx"))  # crossed
_PULL_UPS = "I2C: SDA and SCL need 4.7 kohm to 3V3 each; most modules have these resistors"
_NO_HD = "leave HD open: 7 s at GND calibrate it to 400 ppm, whatever is in the air"
_FIVE = "it does not work from 3.3 V; its data lines are 3.3 V and go to the board as they are"


@dataclass(frozen=True)
class Part:
    """What a driver is for: its supply ("3V3" or "5V"), its pins by the board's, what to know."""

    title: str
    supply: str
    lines: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()


PARTS = {
    "scd4x": Part("Sensirion SCD40 or SCD41", "3V3", _I2C),
    "scd30": Part("Sensirion SCD30", "3V3", _I2C, ("SEL stays open or at GND",)),
    "sht4x": Part("Sensirion SHT4x", "3V3", _I2C, ("never 5 V: it stands 3.6 V at the most",)),
    "sht3x": Part("Sensirion SHT3x", "3V3", _I2C),
    "bme280": Part("Bosch BME280", "3V3", _I2C, ("never 5 V without a module for it",)),
    "mhz19": Part("Winsen MH-Z19B or MH-Z19C", "5V", _SERIAL, (_FIVE, _NO_HD)),
    "senseair_s8": Part("Senseair S8 LP", "5V", _SERIAL, (_FIVE,)),
    "ds18b20": Part(
        "Maxim DS18B20",
        "3V3",
        (("DQ", "one_wire"),),
        (
            "DQ needs a resistor of 4.7 kohm to 3V3",
            "connect all three wires: without VDD it is refused",
        ),
    ),
    "a02yyuw": Part(
        "DFRobot A02YYUW",
        "3V3",
        (("TX", "uart rx"),),
        ("leave its RX open: then what it sends is filtered",),
    ),
    "maxbotix": Part(
        "MaxBotix MB73xx",
        "3V3",
        (("pin 5, serial", "uart rx"),),
        ("the TTL version: RS232 levels are the wrong way round",),
    ),
    "pulse": Part(
        "HC-SR04 or JSN-SR04T",
        "5V",
        (("TRIG", "trigger"), ("ECHO", "echo")),
        (
            "ECHO has 5 V: 1 kohm from ECHO to the pin and 2 kohm from the pin to GND",
            "a JSN-SR04T V3 works at 3V3 and then needs no divider",
        ),
    ),
    "pir": Part(
        "PIR: HC-SR501 or AM312",
        "5V",
        (("OUT", "pir"), ("OUT of the second one", "pir_2")),
        (
            "an HC-SR501 needs 4.5 V at least, an AM312 works at 3V3; OUT has 3.3 V in both",
            "away from the antenna, in the shade",
        ),
    ),
}


@dataclass(frozen=True)
class Wire:
    """From a pin of a part to one of the board."""

    part: str
    pin: str
    to: str


def picture(board: Board) -> list[str]:
    """The header of a board with what each pin does; a list of GPIOs where its order is unknown."""
    uses: dict[int, str] = {}
    for use, gpio in board.pins():
        shown = use.removesuffix(" pin").replace("_", " ")
        uses[gpio] = f"{uses[gpio]}, {shown}" if gpio in uses else shown
    for name, gpios in board.taken.items():
        uses |= dict.fromkeys(gpios, f"({name})")
    if not board.header:
        return [f"  GPIO {gpio:2}  {uses[gpio]}" for gpio in sorted(uses)]
    lines = [" " * 31 + "USB"]
    for row, (left, right) in enumerate(zip(_PICO_LEFT, _PICO_RIGHT, strict=True)):
        ends = f"{row + 1:2} o      o {40 - row:2}"
        left_use, right_use = _use(uses, left), _use(uses, right)
        lines.append(f"{left_use:>17}  {left:>5} | {ends} | {right:<8}  {right_use}".rstrip())
    inside = [gpio for gpio in sorted(uses) if f"GP{gpio}" not in _PICO_LEFT + _PICO_RIGHT]
    return lines + [f"  on the board itself: GPIO {gpio}  {uses[gpio]}" for gpio in inside]


def facts(board: Board) -> list[str]:
    """What else is worth knowing of a board, line by line."""
    how = "measured" if board.sleep_measured else "claimed, not measured"
    lines = [
        f"  MicroPython {board.micropython}; USB {', '.join(board.usb)}",
        f"  asleep {board.sleep_ua.text(0.001)} mA ({how}), awake {board.active_ma.text()} mA",
        f"  from: {board.source}",
    ]
    return [*lines, f"  note: {board.note}"] if board.note else lines


def _use(uses: dict[int, str], label: str) -> str:
    return uses.get(int(label[2:]), "") if label.startswith("GP") else ""


def plan(board: Board, kit: Kit) -> dict[str, Any]:
    """All wires of a kit on a board, and what to know first. HostError: it does not go on it."""
    if problem := refusal(board, kit):
        raise HostError(problem, "see node071 boards for others")
    wires = [*_sensor_wires(board, kit), *_lamp_wires(board, kit)]
    return {
        "kit": kit.name,
        "board": board.name,
        "wires": [asdict(wire) for wire in wires],
        "notes": _notes(board, kit),
    }


def table(plan: dict[str, Any]) -> list[str]:
    """A plan as lines to read at the workbench."""
    lines = [f"{plan['kit']} on {plan['board']}"]
    part = ""
    for wire in plan["wires"]:
        if wire["part"] != part:
            part = wire["part"]
            lines.append(f"  {part}")
        lines.append(f"    {wire['pin']:<36} {wire['to']}")
    return [*lines, *(f"  ! {note}" for note in plan["notes"])]


def _notes(board: Board, kit: Kit) -> list[str]:
    found = [f"{part.title}: {note}" for part in _parts(kit) for note in part.notes]
    if any(part.lines is _I2C for part in _parts(kit)):
        found.append(_PULL_UPS)
    if any(part.supply == "5V" for part in _parts(kit)):
        found.append("5V is there only while the board hangs on USB or on 5 V itself")
    if board.note:
        found.append(f"{board.title}: {board.note}")
    return found


def _parts(kit: Kit) -> list[Part]:
    return [PARTS[sensor.driver] for sensor in kit.sensors]


def _sensor_wires(board: Board, kit: Kit) -> Iterator[Wire]:
    pins = dict(board.pins_for(kit))
    for part in _parts(kit):
        yield Wire(part.title, "supply", _supply(board, kit, part.supply))
        yield Wire(part.title, "GND", place(board, "GND"))
        for pin, use in part.lines:
            if use in pins:
                yield Wire(part.title, pin, place(board, f"GP{pins[use]}"))


def _lamp_wires(board: Board, kit: Kit) -> Iterator[Wire]:
    pins = dict(board.pins_for(kit))
    for use in ("light green", "light orange", "light red"):
        if use in pins:
            lamp = f"{use.split()[1]} LED, with 330 ohm to GND"
            yield Wire("traffic light", lamp, place(board, f"GP{pins[use]}"))
    if "lamp" in pins:
        yield Wire("lamp", "input of its driver", place(board, f"GP{pins['lamp']}"))


def _supply(board: Board, kit: Kit, supply: str) -> str:
    at = place(board, supply)
    if board.sensor_power is None or not kit.switches_supply():
        return at
    return f"{at}, through a switch that is closed while {_place_of(board)} is high"


def _place_of(board: Board) -> str:
    return place(board, f"GP{board.sensor_power}")


def place(board: Board, label: str) -> str:
    """A pin as it is printed on the board, and its number on a header that is known."""
    if not board.header:
        return label.replace("GP", "GPIO ")
    label = "VBUS" if label == "5V" else label
    for labels, first, step in ((_PICO_LEFT, 1, 1), (_PICO_RIGHT, 40, -1)):
        if label in labels and label != "GND":
            return f"{label} (pin {first + step * labels.index(label)})"
    return label
