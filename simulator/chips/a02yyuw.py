# SPDX-License-Identifier: MIT
"""The A02YYUW as its UART and the air see it: a frame every 100 ms, from 200 ms after power-on.

It hears the surface as it was 200 ms before (its output is filtered while its RX is high) and
reckons with 340 m/s, so that its millimetres are short in warm air and long in cold. The surface is
rough and loses echoes as the world says; the stream decides, in the order roughness, loss. What is
nearer than 30 mm shows as 30; without an echo, and beyond 4500 mm, it says what `no_echo` names: a
"zero", "none" (no frame), the "last" distance, "far" (5500), or "code", 0xFFFD of a relative.

`unit_mm` 10 is a relative that counts centimetres. `deaf`: nothing gives an echo, as with water on
its face; `rings`: the water rings and shows as the nearest distance.
"""

from math import sqrt
from random import Random

from simulator.chips.uart import FreeRunning
from simulator.clock import Clock
from simulator.world import Environment

_LAG_US = 200_000
_NEAREST_MM, _FARTHEST_MM = 30.0, 4500.0
_NO_ECHO = {"zero": 0, "far": 5500, "code": 0xFFFD}
_ASSUMED_M_S = 340.0


class A02yyuw(FreeRunning):
    """One sensor; its ways to fail are those of UartChip, `no_echo`, `deaf` and `rings`."""

    def __init__(self, clock: Clock, environment: Environment, stream: Random):
        super().__init__(clock, environment, stream)
        self.no_echo, self.deaf, self.rings, self.unit_mm = "zero", False, False, 1
        self._last_mm = 0

    def _frame(self, time_us: int) -> bytes:
        if not (self.frozen and self._last_mm):
            heard_mm = self._heard_mm(max(time_us - _LAG_US, 0))
            if heard_mm is None:
                if self.no_echo == "none":
                    return b""
                if self.no_echo in _NO_ECHO:
                    return _framed(_NO_ECHO[self.no_echo])
            else:
                self._last_mm = round(max(heard_mm, _NEAREST_MM))
        return _framed(self._last_mm // self.unit_mm)

    def _heard_mm(self, time_us: int) -> float | None:
        """What it makes of the echo, None without one."""
        place = self.environment.at(time_us)
        rough_mm = self._stream.gauss(0, place.rough_mm)
        lost = self._stream.random() < place.echo_lost or self.deaf
        if self.rings:
            return _NEAREST_MM
        if place.distance_mm is None or lost:
            return None
        speed_m_s = 331.3 * sqrt(1 + place.temperature_c / 273.15)
        distance_mm = (place.distance_mm + rough_mm) * _ASSUMED_M_S / speed_m_s
        return distance_mm if distance_mm <= _FARTHEST_MM else None


def _framed(counted: int) -> bytes:
    data = b"\xff" + counted.to_bytes(2)
    return data + bytes((sum(data) & 0xFF,))
