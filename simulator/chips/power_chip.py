# SPDX-License-Identifier: MIT
"""The power chip of a T-Beam, AXP192 or AXP2101: registers, and the rail that its radio hangs on.

The rails of radio and GPS are off at the start: what an AXP2101 does there, and the worst that an
AXP192 can. The rail that feeds the board itself is checked: to touch it ends the board.
"""

from collections.abc import Callable
from typing import Protocol

from simulator.chips.i2c import I2cChip

_ADDRESS = 0x34
_IC_TYPE = 0x03
# IC type; registers at the start; (register, bit) that feeds board, radio, GPS; the radio's volts
_KINDS = {
    "axp192": (0x03, {0x12: 0x53, 0x28: 0xCF}, (0x12, 1), (0x12, 2), (0x12, 3)),
    "axp2101": (0x4A, {0x80: 0x01, 0x90: 0x00, 0x93: 0x0D}, (0x80, 0), (0x90, 1), (0x90, 2)),
}


class PowerChip(I2cChip):
    """One chip on I2C; `silent` as the others."""

    address = _ADDRESS

    def __init__(self, kind: str = "axp2101"):
        ic_type, start, self._board, self._radio, self._gps = _KINDS[kind]
        self._kind, self.registers = kind, bytearray(0x100)
        self.registers[_IC_TYPE] = ic_type
        for register, value in start.items():
            self.registers[register] = value
        self._pointer = 0

    def write(self, data: bytes) -> bool:
        """A register's number, and values for it and those after it."""
        if self.silent:
            return False
        self._pointer = data[0] if data else self._pointer
        for value in data[1:]:
            self.registers[self._pointer] = value
            self._pointer = (self._pointer + 1) & 0xFF
        if not self._fed(self._board):
            raise ValueError("the board has cut off its own supply")
        return True

    def read(self, length: int) -> bytes | None:
        """Registers from the number that was written last."""
        if self.silent:
            return None
        return (bytes(self.registers[self._pointer :]) + bytes(length))[:length]

    def radio_mv(self) -> int:
        """What the radio gets."""
        if not self._fed(self._radio):
            return 0
        if self._kind == "axp192":
            return 1800 + 100 * (self.registers[0x28] >> 4)  # LDO2, REG28
        return 500 + 100 * (self.registers[0x93] & 0x1F)  # ALDO2, REG93

    def gps_on(self) -> bool:
        """Whether the GPS draws its 30 mA."""
        return self._fed(self._gps)

    def _fed(self, place: tuple[int, int]) -> bool:
        register, bit = place
        return bool(self.registers[register] >> bit & 1)


class SpiChip(Protocol):
    """What hangs on the rail."""

    def select(self) -> None: ...
    def transfer(self, mosi: bytes) -> bytes: ...
    def deselect(self) -> None: ...


class Fed:
    """An SPI chip that is dead unless it has 1.8 to 3.7 V (SX1276 data sheet, table 3)."""

    def __init__(self, chip: SpiChip, millivolts: Callable[[], int]):
        self._chip, self._millivolts = chip, millivolts

    def select(self) -> None:
        if self._alive():
            self._chip.select()

    def transfer(self, mosi: bytes) -> bytes:
        return self._chip.transfer(mosi) if self._alive() else bytes(len(mosi))

    def deselect(self) -> None:
        self._chip.deselect()

    def _alive(self) -> bool:
        return 1800 <= self._millivolts() <= 3700
