# SPDX-License-Identifier: MIT
"""How a board's time runs."""

from dataclasses import dataclass, field

_MILLION = 1_000_000


@dataclass
class Timing:
    """A board's crystal, and how long its interpreter is held up; `irq_us` None: as its family."""

    clock_ppm: int = 0
    irq_us: int | None = None  # from the edge to the handler
    stall_us: int = 0  # after every sleep, as a garbage collection would
    _since_us: int = field(default=0, init=False)
    _counted_us: int = field(default=0, init=False)

    def start(self, now_us: int) -> None:
        """The power comes: it counts from 0."""
        self._since_us, self._counted_us = now_us, 0

    def counted_us(self, now_us: int) -> int:
        """What it has counted since the power came."""
        passed_us = now_us - self._since_us
        return self._counted_us + passed_us * (_MILLION + self.clock_ppm) // _MILLION

    def real_us(self, board_us: int) -> int:
        """How long a time takes that is so long by the board's own clock."""
        return board_us * _MILLION // (_MILLION + self.clock_ppm)

    def drift(self, clock_ppm: int, now_us: int) -> None:
        """The crystal runs at another rate from now on; what it has counted stays."""
        self._counted_us, self._since_us = self.counted_us(now_us), now_us
        self.clock_ppm = clock_ppm
