# SPDX-License-Identifier: MIT
"""A 1-Wire bus: chips that share one wire, which is low as soon as one of them pulls it."""

from collections.abc import Sequence
from typing import Protocol

_RESET, _READ, _WRITE = range(3)


class OneWireDevice(Protocol):
    """A chip on a 1-Wire bus, slot by slot."""

    def reset(self) -> bool:
        """A reset pulse; True: it answers with its presence."""

    def read_bit(self) -> int:
        """A read slot; 0: it pulls the wire."""

    def write_bit(self, bit: int) -> None:
        """A write slot."""


class OneWireBus:
    """The wire with its pull-up."""

    def __init__(self, chips: Sequence[OneWireDevice]):
        self._chips = chips

    def reset(self) -> bool:
        """True when a chip is there."""
        present = [chip.reset() for chip in self._chips]  # each of them gets the pulse
        return any(present)

    def read_bit(self) -> int:
        """What the master reads in one slot."""
        levels = [chip.read_bit() for chip in self._chips]
        return min(levels, default=1)

    def write_bit(self, bit: int) -> None:
        """One slot of the master."""
        for chip in self._chips:
            chip.write_bit(bit)

    def serve(self, kind: int, data: bytes) -> bytes:
        """A request of a board: reset, read `data[0]` bits, or write `data[0]` bits of the rest.

        Bits are the least significant first, as on the wire.
        """
        if kind == _RESET:
            return bytes((self.reset(),))
        if kind == _READ:
            value = sum(self.read_bit() << at for at in range(data[0]))
            return value.to_bytes((data[0] + 7) // 8, "little")
        for at in range(data[0]):
            self.write_bit(data[1 + at // 8] >> at % 8 & 1)
        return b""
