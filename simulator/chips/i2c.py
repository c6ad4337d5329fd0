# SPDX-License-Identifier: MIT
"""What every chip on an I2C bus can do to it, beside answering."""

from simulator.clock import Clock


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
    _clock: Clock
    _supplied_us = _switched_us = 0  # how long it had its supply before it was last switched

    @property
    def mute(self) -> bool:
        """It acknowledges nothing."""
        return self.silent or not self.powered

    def power(self, level: int) -> None:
        """Its supply goes on (1) or off (0)."""
        self._supplied_us = self._with_supply_us()
        self._switched_us = self._clock.now_us
        if level and not self.powered:
            self._power_up()
        self.powered = bool(level)
        self.held_clocks = 0

    def time_by_state_us(self) -> dict[str, int]:
        """How long it idled with its supply, and how long it had none; it was made at 0."""
        on_us = self._with_supply_us()
        return {"idle": on_us, "off": self._clock.now_us - on_us}

    def _with_supply_us(self) -> int:
        return self._supplied_us + self.powered * (self._clock.now_us - self._switched_us)

    def _power_up(self) -> None:
        """Be as after power-on."""
