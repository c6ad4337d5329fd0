# SPDX-License-Identifier: MIT
"""What a board asks of the chips on its buses."""

from typing import Protocol


class SpiDevice(Protocol):
    """A chip on an SPI bus, behind a chip-select of its own."""

    def select(self) -> None: ...
    def transfer(self, mosi: bytes) -> bytes: ...
    def deselect(self) -> None: ...


class I2cDevice(Protocol):
    """A chip on an I2C bus; False and None are a missing acknowledge.

    `stretched_us`: how long it held SCL low in the last transfer; `held_clocks`: it holds SDA low
    until it has seen so many more clocks.
    """

    address: int
    stretched_us: int
    held_clocks: int

    def write(self, data: bytes) -> bool: ...
    def read(self, length: int) -> bytes | None: ...


class PulseDevice(Protocol):
    """A sensor that answers a pulse at its trigger pin by one at its echo pin."""

    def trigger(self, level: int) -> None: ...
    def echo(self, time_us: int) -> tuple[int, int | None]:
        """The level, and when it changes next, None for not before something else happens."""
