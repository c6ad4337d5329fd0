# SPDX-License-Identifier: MIT
"""A board alone: a radio and records on its flash, and nobody who answers."""

from trials import Flash

from host import boards, image, provision
from simulator.air import Air, Place
from simulator.board import Board
from simulator.clock import Clock
from simulator.fleet import wire_radio
from simulator.schedule import run

HOUR_US = 3_600_000_000
HARDWARE, KIT = boards.boards()["rpi-pico-rfm95"], boards.kits()["classroom"]


class Bare:
    """A board with a radio, some records on its flash, and an hour to work."""

    def __init__(self, folder, records):
        contents = image.firmware() | provision.board_records(HARDWARE) | records
        flash = folder / "flash"
        flash.write_bytes(image.build(contents, 352))
        self.clock, self.sent = Clock(), []
        with (folder / "log").open("wb") as log:
            self.board = Board("bare", HARDWARE.chip, flash, log, self.clock, 1)
            air = Air(self.clock, 1)
            air.on_transmit.append(self.sent.append)
            self.radio = wire_radio(
                self.board, HARDWARE, air.station("bare", Place(0, 0)), self.clock
            )
            self.board.wire_input(HARDWARE.button.pin, lambda: 1)
            for pin in HARDWARE.lamp_pins():
                self.board.wire_lamp(pin)
            self.board.power_on()
            try:
                run([self.board], self.clock, HOUR_US)
            finally:
                self.board.power_off()
        self.log = (folder / "log").read_text()
        slots = Flash(HARDWARE, flash).slots()
        self.state = {f"{image.STATE}/{name}": data for name, data in slots.items()}
