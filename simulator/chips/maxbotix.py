# SPDX-License-Identifier: MIT
"""The MaxBotix MB7389 as its UART and the air see it: a line every 150 ms, 400 ms after power-on.

"R1234" and a return, in mm (PD11500). It compensates for the temperature of its own housing, which
follows the air, and shows the surface as it was one range cycle before. The surface is rough and
loses echoes as the world says; the stream decides, in the order roughness, loss. What is nearer
than 300 mm shows as 300, what gives no echo and what is beyond 5000 mm as 5000.

`digits` 5 is a part with a longer line. `deaf`: nothing gives an echo, as with water on its face;
`rings`: the water rings and shows as the nearest distance.
"""

from random import Random

from simulator.chips.uart import FreeRunning
from simulator.clock import Clock
from simulator.world import Environment

_NEAREST_MM, _FARTHEST_MM = 300, 5000


class Maxbotix(FreeRunning):
    """One sensor; its ways to fail are those of UartChip, `deaf` and `rings`."""

    period_us = 150_000
    first_us = 400_000

    def __init__(self, clock: Clock, environment: Environment, stream: Random):
        super().__init__(clock, environment, stream)
        self.deaf = self.rings = False
        self.digits = 4
        self._last_mm = 0

    def _frame(self, time_us: int) -> bytes:
        if not (self.frozen and self._last_mm):
            self._last_mm = self._heard_mm(max(time_us - self.period_us, 0))
        return f"R{self._last_mm:0{self.digits}}\r".encode()

    def _heard_mm(self, time_us: int) -> int:
        place = self.environment.at(time_us)
        rough_mm = self._stream.gauss(0, place.rough_mm)
        lost = self._stream.random() < place.echo_lost or self.deaf
        if self.rings:
            return _NEAREST_MM
        if place.distance_mm is None or lost:
            return _FARTHEST_MM
        return round(min(max(place.distance_mm + rough_mm, _NEAREST_MM), _FARTHEST_MM))

    def _corrupted(self, data: bytes) -> bytes:
        """It has no checksum: a digit that is none."""
        return data[:2] + b"?" + data[3:]
