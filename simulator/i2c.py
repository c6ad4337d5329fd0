# SPDX-License-Identifier: MIT
"""An I2C bus of a board: the chips on its two lines, and what a transfer comes to."""

import struct

from simulator.devices import I2cDevice

_ANSWER = struct.Struct("<BI")  # as simulator/shims/machine.py reads it
_NACK, _ACK, _HELD = range(3)


class I2cBus:
    """The chips on one pair of lines."""

    def __init__(self) -> None:
        self._chips: dict[int, I2cDevice] = {}

    def add(self, chip: I2cDevice) -> None:
        """Put a chip on it."""
        self._chips[chip.address] = chip

    @property
    def held(self) -> bool:
        """A chip holds SDA low."""
        return any(chip.held_clocks for chip in self._chips.values())

    def clock(self) -> None:
        """A rising edge of SCL: the next bit of a chip that waits in the middle of a byte."""
        for chip in self._chips.values():
            chip.held_clocks = max(chip.held_clocks - 1, 0)

    def write(self, address: int, data: bytes) -> bytes:
        """A write: its outcome, and how long the clock was stretched."""
        chip = self._chips.get(address)
        if chip is None or self.held:
            return _ANSWER.pack(_HELD if self.held else _NACK, 0)
        return _ANSWER.pack(_ACK if chip.write(data) else _NACK, chip.stretched_us)

    def read(self, address: int, length: int) -> bytes:
        """A read: the same, and what was read."""
        chip = self._chips.get(address)
        if chip is None or self.held:
            return _ANSWER.pack(_HELD if self.held else _NACK, 0)
        data = chip.read(length)
        return _ANSWER.pack(_NACK if data is None else _ACK, chip.stretched_us) + (data or b"")
