# SPDX-License-Identifier: MIT
"""The pictures of the wires, and docs/kits.md beside the tables that it speaks of."""

import re
from itertools import islice
from pathlib import Path
from xml.etree import ElementTree

import cbor2
import pytest

from docs import batteries
from host import boards, drawing, wiring

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs/kits.md").read_text()
BOARD = boards.boards()[drawing.BOARD]
DRAWINGS = drawing.drawings()
SVG = "{http://www.w3.org/2000/svg}"


def test_the_pictures_of_the_checkout_are_the_ones_of_the_tables():
    files = {f"docs/wiring/{path.name}": path.read_text() for path in ROOT.glob("docs/wiring/*")}
    assert files.keys() == DRAWINGS.keys(), "run `make docs`"
    assert files == DRAWINGS, "run `make docs`"


def test_each_kit_has_its_picture_and_its_words_on_the_page():
    for kit in boards.kits():
        assert f"![{kit}](wiring/{kit}.svg)" in PAGE and PAGE.count(kit) >= 2, kit
    assert "(wiring/radio.svg)" in PAGE


def ends(svg):
    """(board pin, what is written beside it) of each wire that reaches the board."""
    root = ElementTree.fromstring(svg)
    texts = [
        (float(each.get("x")), float(each.get("y")), each.text) for each in root.iter(f"{SVG}text")
    ]
    numbers = [(x, y, int(text)) for x, y, text in texts if text.isdigit()]
    assert sorted(number for *_, number in numbers) == list(range(1, 41))
    found = set()
    for wire in root.iter(f"{SVG}polyline"):
        x, y = map(float, wire.get("points").split()[-1].split(","))
        near = [number for at_x, at_y, number in numbers if abs(at_x - x) < 25 and at_y - 3 == y]
        if near:
            (label,) = {text for at_x, at_y, text in texts if abs(at_x - x) == 36 and at_y - 3 == y}
            found.add((near[0], label))
    return found


@pytest.mark.parametrize("kit", boards.kits().values(), ids=lambda kit: kit.name)
def test_each_wire_ends_at_the_pin_that_the_table_says(kit):
    found = ends(DRAWINGS[f"docs/wiring/{kit.name}.svg"])
    wires = wiring.plan(BOARD, kit)["wires"]
    places = {
        (int(pin), label)
        for wire in wires
        for label, pin in re.findall(r"(\w+) \(pin (\d+)\)", wire["to"])
    }
    assert {each for each in found if each[1] != "GND"} == places
    grounds = {pin for pin, label in found if label == "GND"}
    assert grounds and grounds <= {3, 8, 13, 18, 23, 28, 33, 38}  # data sheet, figure 2


def test_the_radio_is_on_the_pins_of_the_design():
    # design.md: SCK 2, MOSI 3, MISO 4, CS 5, DIO0 6, DIO1 7, RST 8; 3V3 is pin 36
    found = ends(DRAWINGS["docs/wiring/radio.svg"])
    assert {label for _, label in found} == {"GND", "3V3", *(f"GP{gpio}" for gpio in range(2, 9))}
    assert {(4, "GP2"), (11, "GP8"), (36, "3V3")} <= found


def test_no_supply_is_joined_with_another():
    svg = DRAWINGS["docs/wiring/bin-jsn-sr04t.svg"]
    assert "Switch of 3V3" in svg and "Switch of VBUS" in svg
    assert svg.count("out - switched 3V3") == svg.count("out - switched VBUS") == 1


def test_the_downlinks_of_the_page_calibrate():
    found = [
        cbor2.loads(bytes.fromhex(each)) for each in re.findall(r"`(a200 01 [0-9a-f ]+)`", PAGE)
    ]
    assert found == [{0: 1, 5: 425}, {0: 1, 5: 400}]


def rows():
    """The cells of the table of batteries, by board and kit."""
    block = PAGE.split("<!-- batteries -->\n")[1].split("<!-- end -->")[0]
    table = [line for line in block.splitlines() if line.startswith("|")]
    head = [cell.strip() for cell in table[0].strip("|").split("|")]
    for line in table[2:]:
        names, _, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        for board in names.replace(" (claimed)", "").split(", "):
            yield from (((board, kit), cell) for kit, cell in zip(head[2:], cells, strict=True))


def test_the_batteries_are_those_of_the_kits_that_have_one():
    found = dict(rows())
    kits = {name for name, kit in boards.kits().items() if not kit.mains}
    assert {kit for _, kit in found} == kits - {"bin-hc-sr04"}  # 5 V, from USB
    assert {board for board, _ in found} == set(boards.boards())
    for (board, kit), cell in found.items():
        refused = boards.refusal(boards.boards()[board], boards.kits()[kit])
        assert (cell == "-") == bool(refused), (board, kit)


def test_a_figure_of_the_batteries_is_that_of_a_simulated_day():
    cell = dict(rows())["rpi-pico-rfm95", "water"]
    node = batteries.summary("water", "rpi-pico-rfm95")
    assert node["mah_day"] == pytest.approx(float(cell.split(":")[0]), rel=0.1)
    # which pack it is and what it holds: the page's words are those of the simulator's table
    assert cell == batteries.cell(node)
    assert all(line in PAGE for line in islice(batteries.lines(), 3))
