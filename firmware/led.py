# SPDX-License-Identifier: MIT
"""The LED of the board: it blinks a code for whoever stands before it (readings.LEDS)."""

import machine
from micropython import const

NO_NETWORK = const(1)
RADIO_SILENT = const(2)
NOT_PROVISIONED = const(3)
REGISTERED_ANEW = const(4)
KEYS_USED_UP = const(5)
SAFE_MODE = const(6)
NO_MARK = const(7)

_HALF_MS = const(300)  # of a blink: on, then off
_PAUSE_MS = const(5000)


class Led:
    """`code` blinks until it is 0; `light(level)` is called, None where the board has no LED."""

    def __init__(self, light):
        self._light = light
        self._halves = 0  # left of the code that is being shown
        self.code = 0

    @property
    def busy(self):
        """True while `tick` is to be called."""
        return self._light is not None and (self.code != 0 or self._halves != 0)

    def tick(self, left_ms):
        """Go one step on; returns the ms to the next. A code that does not fit is not begun."""
        if not self._halves:
            self._halves = self._halves_in(left_ms)
        if not self._halves:
            return _PAUSE_MS
        self._halves -= 1
        self._light(self._halves & 1)
        return _HALF_MS if self._halves else _PAUSE_MS

    def show(self, left_ms, wait_ms):
        """Blink the code once, if it fits, with `wait_ms` to pass the time: before a sleep."""
        for half in range(self._halves_in(left_ms)):
            self._light(~half & 1)
            wait_ms(_HALF_MS)

    def _halves_in(self, left_ms):
        halves = 0 if self._light is None else 2 * self.code
        return halves if halves * _HALF_MS <= left_ms else 0


def light(entry):
    """A function that lights the LED of an entry {pin, on} at 1, None without one."""
    if not entry:
        return None
    on = entry.get("on", 1)
    pin = machine.Pin(entry["pin"], machine.Pin.OUT, value=1 - on)
    return lambda level: pin(level if on else 1 - level)
