# SPDX-License-Identifier: MIT
"""The power chips of the T-Beams: the driver has the radio fed, and leaves all else as it is."""

import pytest

from host import files, image
from simulator.board import Board
from simulator.chips.power_chip import Fed, PowerChip
from simulator.clock import Clock
from simulator.schedule import run

DRIVER = "drivers/power_chip.py"
PROGRAM = """
from machine import I2C, Pin
from drivers.power_chip import power_radio
power_radio(I2C(0, scl=Pin(22), sda=Pin(21)))
print("done")
"""


class Echo:
    """An SPI chip that is there."""

    selected = False

    def select(self):
        self.selected = True

    def transfer(self, mosi):
        return mosi

    def deselect(self):
        self.selected = False


@pytest.mark.parametrize("kind", ["axp192", "axp2101"])
def test_the_radio_is_fed_and_the_gps_is_not(tmp_path, kind):
    clock, chip = Clock(), PowerChip(kind)
    radio = Fed(Echo(), chip.radio_mv)
    assert chip.radio_mv() == 0 and radio.transfer(b"\x42") == b"\0"
    chip.registers[chip._gps[0]] |= 1 << chip._gps[1]
    before = bytes(chip.registers)
    flash = tmp_path / "flash"
    driver = files.root().joinpath("firmware", DRIVER).read_bytes()
    flash.write_bytes(image.build({"main.py": PROGRAM.encode(), DRIVER: driver}, 64))
    with (tmp_path / "log").open("wb") as log:
        board = Board("bench", "esp32", flash, log, clock, 1)
        board.wire_i2c(22, 21, chip)
        board.power_on()
        try:
            run([board], clock, 2_000_000)
        finally:
            board.power_off()
    assert (tmp_path / "log").read_text() == "done\n"
    assert chip.radio_mv() == 3300 and not chip.gps_on()
    assert radio.transfer(b"\x42") == b"\x42"
    changed = [at for at in range(0x100) if chip.registers[at] != before[at]]
    assert changed == {"axp192": [0x12, 0x28], "axp2101": [0x90, 0x93]}[kind]


def test_a_silent_one_does_not_acknowledge():
    chip = PowerChip()
    chip.silent = True
    assert not chip.write(b"\x03") and chip.read(1) is None
    chip.silent = False
    assert chip.write(b"\x03") and chip.read(1) == b"\x4a"


@pytest.mark.parametrize(("kind", "cut"), [("axp192", b"\x12\x51"), ("axp2101", b"\x80\x00")])
def test_a_board_that_cuts_itself_off_is_seen(kind, cut):
    with pytest.raises(ValueError, match="own supply"):
        PowerChip(kind).write(cut)


@pytest.mark.parametrize(
    ("millivolts", "alive"), [(0, False), (1700, False), (1800, True), (3800, False)]
)
def test_a_radio_is_alive_within_its_volts(millivolts, alive):
    chip = Echo()
    fed = Fed(chip, lambda: millivolts)
    fed.select()
    assert chip.selected == alive and (fed.transfer(b"\x42") == b"\x42") == alive
    fed.deselect()
    assert not chip.selected
