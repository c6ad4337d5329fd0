# SPDX-License-Identifier: MIT
"""Draws how a kit is wired to a board whose header is known: one SVG from the same table as
`node071 kits show NAME --board NAME`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from textwrap import wrap
from typing import Any

from host import boards, files, wiring
from host.boards import Board

BOARD = "rpi-pico-rfm95"
FOLDER = "docs/wiring"
_PITCH, _TOP, _SIDE, _BOX, _BOARD = 18, 70, 10, 220, 150
_ROWS = 20
_LANE, _GAP = 8, 12  # between two wires, and from a box to the first
_RED, _BLACK = "#c62828", "#333333"
_COLOURS = ("#1565c0", "#2e7d32", "#ef6c00", "#6a1b9a", "#00838f", "#ad1457", "#795548")
_GROUNDS = (3, 8, 13, 18, 23, 28, 33, 38)
_RADIO = ("sck", "mosi", "miso", "cs", "reset", "dio0", "dio1")
_SWITCH = "Switch of "
_NOTE_COLUMNS = 105


@dataclass
class End:
    """A pin of a box: what stands beside it, which header pin it goes to, its place, its colour."""

    label: str
    pin: int | None  # 0: any GND; None: the output of a switch
    place: str
    colour: str
    x: float = 0.0
    y: float = 0.0


@dataclass
class Box:
    """A part with its pins."""

    title: str
    ends: list[End]
    right: bool = True

    def height(self) -> int:
        """In steps of a pin."""
        return len(self.ends) + 3


def drawings() -> dict[str, str]:
    """Every drawing of the documents, by its path in the checkout."""
    board = boards.boards()[BOARD]
    found = {f"{FOLDER}/radio.svg": draw("The radio", _radio(board), [])}
    for kit in boards.kits().values():
        if not boards.refusal(board, kit):
            plan = wiring.plan(board, kit)
            found[f"{FOLDER}/{kit.name}.svg"] = draw(kit.title, _boxes(plan), plan["notes"])
    return found


def _radio(board: Board) -> list[Box]:
    pins = dict(board.pins())
    wires = [("3.3V", wiring.place(board, "3V3")), ("GND", "GND")]
    names = {"reset": "RST", "cs": "NSS", "dio0": "DIO0", "dio1": "DIO1"}
    wires += [
        (names.get(name, name.upper()), wiring.place(board, f"GP{pins[f'radio {name}']}"))
        for name in _RADIO
    ]
    return [_box("HopeRF RFM95W, with its antenna", wires)]


def _boxes(plan: dict[str, Any]) -> list[Box]:
    parts: dict[str, list[tuple[str, str]]] = {}
    switches: dict[str, list[tuple[str, str]]] = {}
    for wire in plan["wires"]:
        pin, to = wire["pin"], wire["to"]
        if "through a switch" in to:
            feed, control = re.findall(r"\w+ \(pin \d+\)", to)
            to = f"switched {feed.split()[0]}"
            switches[_SWITCH + to[9:]] = [("in", feed), ("on when high", control), ("out", to)]
        parts.setdefault(wire["part"], []).append((pin, to))
    return [_box(title, wires) for title, wires in (parts | switches).items()]


def _box(title: str, wires: list[tuple[str, str]]) -> Box:
    ends = []
    for label, place in wires:
        number = re.search(r"\(pin (\d+)\)", place)
        fed = place.startswith(("3V3", "VBUS", "switched"))
        pin = int(number[1]) if number else 0 if place == "GND" else None
        colour = _RED if fed else _COLOURS[(pin or 0) % len(_COLOURS)] if pin else _BLACK
        ends.append(End(label.split(",")[0], pin, place.replace("pin ", ""), colour))
    signals = [end.pin for end in ends if end.pin and end.colour != _RED]
    return Box(title, ends, not signals or sum(pin > _ROWS for pin in signals) * 2 >= len(signals))


def draw(title: str, boxes: list[Box], notes: list[str]) -> str:
    """The SVG: boxes left and right of the board, and one lane for each wire between."""
    lanes = {side: sum(len(box.ends) for box in boxes if box.right == side) for side in (0, 1)}
    has_left = any(not box.right for box in boxes)
    left = _SIDE + has_left * (_BOX + 2 * _GAP + lanes[0] * _LANE) + 3 * _GAP
    right = left + _BOARD
    box_x = {True: right + 2 * _GAP + (lanes[0] + lanes[1]) * _LANE, False: _SIDE}
    lane = {True: right + _GAP, False: left - _GAP}
    top = {True: _TOP, False: _TOP}
    out: list[str] = []
    over = 0
    for box in boxes:
        x, y = box_x[box.right], top[box.right]
        out += _frame(box, x, y)
        for row, end in enumerate(box.ends):
            end.x, end.y = (x if box.right else x + _BOX), y + (row + 1.5) * _PITCH
        top[box.right] += box.height() * _PITCH
    outs = {end.place: end for box in boxes for end in box.ends if box.title.startswith(_SWITCH)}
    for box in boxes:
        for end in box.ends:
            lane[box.right] += _LANE if box.right else -_LANE
            if end.pin is None:
                switch = outs[end.place]
                if end is not switch:
                    path = [(end.x, end.y), (lane[box.right], end.y), (lane[box.right], switch.y)]
                    out.append(_wire([*path, (switch.x, switch.y)], _RED))
                continue
            pin = end.pin or _ground(end.y, box.right)
            on_right = pin > _ROWS
            pin_x, pin_y = (right if on_right else left), _pin_y(pin)
            path = [(end.x, end.y), (lane[box.right], end.y)]
            if on_right == box.right:
                path += [(lane[box.right], pin_y)]
            else:  # over the top of the board
                over += 1
                high = _TOP - 8 - over * 5
                beside = right + _GAP + (lanes[1] + over) * _LANE if on_right else left - 5 * over
                path += [(lane[box.right], high), (beside, high), (beside, pin_y)]
            out.append(_wire([*path, (pin_x, pin_y)], end.colour))
            out.append(_dot(pin_x, pin_y, end.colour, _label(end, pin), on_right))
    lines = [line for note in notes for line in wrap(f"! {note}", _NOTE_COLUMNS)]
    bottom = max(*top.values(), _TOP + (_ROWS + 2) * _PITCH) + 10
    width = max(box_x[True] + _BOX + _SIDE, 740)
    out[:0] = _header(left)
    out += [_text(_SIDE, bottom + 16 * (at + 1), line, 12) for at, line in enumerate(lines)]
    height = bottom + 16 * (len(lines) + 1)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'font-family="sans-serif" role="img">\n<title>{escape(title)}</title>\n'
        f'<rect width="100%" height="100%" fill="#fff"/>'
    )
    return "\n".join([head, _text(_SIDE, 20, title, 14, "bold"), *out, "</svg>", ""])


def _label(end: End, pin: int) -> str:
    return "GND" if end.place == "GND" else end.place.split(" ")[0]


def _ground(y: float, right: bool) -> int:
    """The nearest pin that is GND on that side."""
    near = [pin for pin in _GROUNDS if (pin > _ROWS) == right]
    return min(near, key=lambda pin: abs(_pin_y(pin) - y))


def _pin_y(pin: int) -> float:
    row = pin - 1 if pin <= _ROWS else 2 * _ROWS - pin
    return _TOP + (row + 1) * _PITCH


def _header(left: float) -> Iterator[str]:
    height = (_ROWS + 2) * _PITCH
    yield (
        f'<rect x="{left:g}" y="{_TOP}" width="{_BOARD}" height="{height}" rx="8" '
        'fill="#e8f5e9" stroke="#2e7d32"/>'
    )
    middle = left + _BOARD / 2
    yield f'<rect x="{middle - 18:g}" y="{_TOP - 6}" width="36" height="16" fill="#bdbdbd"/>'
    yield _text(middle, _TOP + 5, "USB", 9, anchor="middle")
    for pin in range(1, 2 * _ROWS + 1):
        on_right = pin > _ROWS
        x = left + _BOARD - 20 if on_right else left + 20
        yield _text(x, _pin_y(pin) + 3, str(pin), 8, anchor="end" if on_right else "start")
    yield _text(middle, _TOP + height - 6, "Raspberry Pi Pico", 11, anchor="middle")


def _frame(box: Box, x: float, y: float) -> Iterator[str]:
    height = (len(box.ends) + 1) * _PITCH
    yield _text(x, y - 4, box.title, 11, "bold")
    yield (
        f'<rect x="{x:g}" y="{y + 4:g}" width="{_BOX}" height="{height:g}" rx="4" '
        'fill="#fafafa" stroke="#888"/>'
    )
    for row, end in enumerate(box.ends):
        line = f"{end.label} - {end.place}"
        at, anchor = (x + 10, "start") if box.right else (x + _BOX - 10, "end")
        yield _text(at, y + (row + 1.5) * _PITCH + 4, line, 11, anchor=anchor)


def _wire(points: list[tuple[float, float]], colour: str) -> str:
    path = " ".join(f"{x:g},{y:g}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _dot(x: float, y: float, colour: str, label: str, right: bool) -> str:
    at, anchor = (x - 36, "end") if right else (x + 36, "start")
    circle = f'<circle cx="{x:g}" cy="{y:g}" r="4" fill="{colour}"/>'
    return circle + _text(at, y + 3, label, 10, "bold", anchor)


def _text(
    x: float, y: float, text: str, size: int, weight: str = "normal", anchor: str = "start"
) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" font-weight="{weight}" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )


def main() -> None:
    """Draw all of them anew in a checkout."""
    for path, text in drawings().items():
        target = Path(files.root(), path)
        target.parent.mkdir(exist_ok=True)
        target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
