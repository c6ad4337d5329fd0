# SPDX-License-Identifier: MIT
"""A CO2 traffic light: green, orange, red; red blinks, so that it is never colour alone."""

from micropython import const

_HYSTERESIS_PPM = const(50)
_OFF = const(0)
_GREEN = const(1)
_ORANGE = const(2)
_RED = const(3)


class TrafficLight:
    """Three pins that are called with a level; the limits may change."""

    def __init__(self, green, orange, red):
        self._pins = (green, orange, red)
        self.orange_ppm, self.red_ppm = 800, 1200
        self._state, self._lit = _OFF, False

    @property
    def blinking(self):
        """True while `tick` is to be called twice a second."""
        return self._state == _RED

    def show(self, co2_ppm):
        """Take a new value: upwards at the limit, downwards 50 ppm below it."""
        state = self._level(co2_ppm)
        if state < self._state:
            state = min(self._level(co2_ppm + _HYSTERESIS_PPM), self._state)
        self._change(state)

    def off(self):
        """No value, no colour."""
        self._change(_OFF)

    def tick(self):
        """Turn the red lamp over."""
        self._lit = not self._lit
        self._pins[2](1 if self._lit else 0)

    def _level(self, co2_ppm):
        if co2_ppm < self.orange_ppm:
            return _GREEN
        return _ORANGE if co2_ppm < self.red_ppm else _RED

    def _change(self, state):
        if state == self._state:
            return
        self._state, self._lit = state, state == _RED
        for index, pin in enumerate(self._pins):
            pin(1 if state == index + 1 else 0)
