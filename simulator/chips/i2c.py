# SPDX-License-Identifier: MIT
"""What every chip on an I2C bus can do to it, beside answering."""


class I2cChip:
    """A chip with a supply that may be switched; what it does not persist goes with it.

    `stretched_us`: how long it held SCL low in the last transfer. `held_clocks`: it was left in the
    middle of a byte, and holds SDA low until it has seen so many clocks.
    """

    address = 0
    stretched_us = 0
    held_clocks = 0
    powered = True
    silent = False

    @property
    def mute(self) -> bool:
        """It acknowledges nothing."""
        return self.silent or not self.powered

    def power(self, level: int) -> None:
        """Its supply goes on (1) or off (0)."""
        if level and not self.powered:
            self._power_up()
        self.powered = bool(level)
        self.held_clocks = 0

    def _power_up(self) -> None:
        """Be as after power-on."""
