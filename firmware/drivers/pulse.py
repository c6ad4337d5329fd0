# SPDX-License-Identifier: MIT
"""HC-SR04 and JSN-SR04T (its mode 0): ultrasound whose echo is the length of a pulse."""

import machine
import time

import distance
from machine import Pin
from micropython import const

_TRIGGER_US = const(20)  # 10 at least; JSN-SR04T wants 20
_TIMEOUT_US = const(40000)  # 6.8 m at 20 degC; without echo the pulse lasts 38 or 60 ms
_BLIND_MM = const(20)  # HC-SR04
_FARTHEST_MM = const(4500)
_CYCLE_MS = const(100)  # without supply, and with it until the first shot


class Sensor:
    """Shoots when asked. `pins` has `trigger`, `echo` and `cycle()`, which takes its supply away
    for a moment, False where that cannot be done.

    Options, in mm: `blind_mm`, how near nothing is seen (HC-SR04 20, JSN-SR04T 250); `farthest_mm`.
    """

    FIRST_MS = 100  # after power-on
    RETRY_MS = 500
    SHOT_MS = 100  # until the echoes of the last shot have died away

    def __init__(self, pins, options):
        self._pins = pins
        self._blind_mm = options.get("blind_mm", _BLIND_MM)
        self._farthest_mm = options.get("farthest_mm", _FARTHEST_MM)

    def start(self, settings):
        """Nothing to set up; a missing sensor shows at the first measurement."""

    def measure(self, values):
        """{4: mm}, within 1.8 s. OSError: no pulse. ValueError: no echo that can be believed."""
        return distance.measure(self, values)

    def shot(self, temperature_dc):
        """One distance in mm. OSError: no pulse, or one without end. ValueError: no echo, blind."""
        pins = self._pins
        if pins.echo() and not (pins.cycle() and not pins.echo()):
            raise OSError("echo stays high")
        pins.trigger(1)
        time.sleep_us(_TRIGGER_US)
        pins.trigger(0)
        echo_us = machine.time_pulse_us(pins.echo, 1, _TIMEOUT_US)
        if echo_us == -2:
            raise OSError("no pulse")
        distance_mm = distance.echo_mm(echo_us, temperature_dc)
        if echo_us < 0 or distance_mm > self._farthest_mm:
            raise ValueError("no echo")
        if distance_mm <= self._blind_mm:
            raise ValueError("nearer than {} mm".format(self._blind_mm))
        return distance_mm


class PulseBus:
    """The two pins of an ultrasonic sensor; `supply` is the pin that switches it on, or None."""

    def __init__(self, trigger, echo, supply):
        self.bus = self
        self.trigger = Pin(trigger, Pin.OUT, value=0)
        self.echo, self._supply = Pin(echo, Pin.IN), supply

    def cycle(self):
        """Take the supply away for a moment, and wait until it works again. False: no switch."""
        if self._supply is None:
            return False
        for level in (0, 1):
            self._supply(level)
            time.sleep_ms(_CYCLE_MS)
        return True

    recover = cycle
