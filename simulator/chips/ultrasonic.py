# SPDX-License-Identifier: MIT
"""HC-SR04 and JSN-SR04T as their two pins and the air see them.

A trigger that ends sends a burst; after a delay the echo pin is high for as long as sound takes to
the nearest surface and back: 331.3 m/s * sqrt(1 + T / 273.15) in the air of that place. The surface
is rough (`rough_mm`, one standard deviation of a shot) and gives no echo at all to a share of the
shots (`echo_lost`). Beside that the stream decides, in the order roughness, loss, multiple, short:
a shot in a hundred hears the second echo, one in a hundred the rim of what it looks into.

Times, ranges and failures: hardware.md 1.3 (data sheets of both, HC-SR04 forum thread 55119).
"""

from dataclasses import dataclass
from math import sqrt
from random import Random

from simulator.clock import Clock
from simulator.world import Environment

_MULTIPLE, _SHORT = 0.01, 0.01
_TIRED_US = 50_000  # a burst sooner after the last one hears the echoes of that
_POWER_UP_US = 50_000
_FOREVER = 1 << 62


@dataclass(frozen=True)
class Part:
    """What one of them is like. `rings`: what is too near reads as the nearest, not as no echo."""

    name: str
    trigger_us: int
    delay_us: int
    nearest_mm: float
    farthest_mm: float
    no_echo_us: int
    rings: bool


HC_SR04 = Part("hc-sr04", 10, 460, 20.0, 4000.0, 38_000, False)
JSN_SR04T = Part("jsn-sr04t", 10, 300, 230.0, 6000.0, 60_000, True)


class Ultrasonic:
    """One sensor, and its ways to fail: `silent`, `frozen`, `wet` (water on its face), `deaf` (no
    echo from anything), `sticks` (as many clones do: after a shot without echo its pin stays high
    until its supply goes).
    """

    def __init__(
        self, clock: Clock, environment: Environment, stream: Random, part: Part = HC_SR04
    ):
        self.environment, self.part = environment, part
        self.silent = self.frozen = self.wet = self.deaf = self.sticks = False
        self.powered = True
        self.multiple, self.short = _MULTIPLE, _SHORT  # shares of the shots
        self._clock, self._stream = clock, stream
        self._raised_us: int | None = None  # when the trigger went high
        self._rise_us, self._fall_us = -_TIRED_US, -_TIRED_US  # of the last pulse
        self._length_us: int | None = None
        self._ready_us = clock.now_us
        self._powered_us, self._since_us = 0, clock.now_us

    def power(self, level: int) -> None:
        """Its supply goes on (1) or off (0), which ends whatever it was doing."""
        now_us = self._clock.now_us
        self._account()
        if level and not self.powered:
            self._ready_us = now_us + _POWER_UP_US
        if not level:
            self._fall_us = min(self._fall_us, now_us)
        self.powered = bool(level)

    def trigger(self, level: int) -> None:
        """The trigger pin changes; a pulse that was long enough sends a burst."""
        now_us = self._clock.now_us
        if level:
            self._raised_us = now_us
        elif self._raised_us is not None:
            long_enough = now_us - self._raised_us >= self.part.trigger_us
            self._raised_us = None
            if long_enough and self.powered and not self.silent and now_us >= self._free_us():
                self._shoot(now_us)

    def echo(self, time_us: int) -> tuple[int, int | None]:
        """The level at the echo pin, and when it changes next, None when nothing is on its way."""
        if time_us < self._rise_us:
            return 0, self._rise_us
        if time_us < self._fall_us:
            return 1, None if self._fall_us == _FOREVER else self._fall_us
        return 0, None

    def time_by_state_us(self) -> dict[str, int]:
        """How long it had its supply, and how long not."""
        self._account()
        return {self.part.name: self._powered_us, "off": self._clock.now_us - self._powered_us}

    def _free_us(self) -> int:
        return max(self._ready_us, self._fall_us)

    def _shoot(self, now_us: int) -> None:
        again = now_us - self._fall_us < _TIRED_US
        length_us = self._flight_us(now_us, again)
        if self.frozen and self._length_us is not None:
            length_us = self._length_us
        self._length_us = length_us
        self._rise_us = now_us + self.part.delay_us
        if length_us is not None:
            self._fall_us = self._rise_us + length_us
        elif self.sticks:
            self._fall_us = _FOREVER
        else:
            self._fall_us = self._rise_us + self.part.no_echo_us

    def _flight_us(self, now_us: int, again: bool) -> int | None:
        """How long sound is under way, None for no echo."""
        place, part = self.environment.at(now_us), self.part
        assert place.distance_mm is not None, "a world without a distance"
        distance_mm = place.distance_mm + self._stream.gauss(0, place.rough_mm)
        lost, multiple, short = (self._stream.random() for _ in range(3))
        if lost < place.echo_lost or self.deaf:
            return None
        if multiple < self.multiple:
            distance_mm *= 2
        elif short < self.short or again:
            distance_mm *= 0.3 + 0.5 * short
        if self.wet:  # it hears its own ringing in the drop, or nothing
            distance_mm = part.nearest_mm if multiple < 0.6 else part.farthest_mm + 1
        if distance_mm < part.nearest_mm and part.rings:
            distance_mm = part.nearest_mm
        if not part.nearest_mm <= distance_mm <= part.farthest_mm:
            return None
        speed_mm_us = 0.3313 * sqrt(1 + place.temperature_c / 273.15)
        return round(2 * distance_mm / speed_mm_us)

    def _account(self) -> None:
        now_us = self._clock.now_us
        self._powered_us += now_us - self._since_us if self.powered else 0
        self._since_us = now_us
