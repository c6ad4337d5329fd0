# SPDX-License-Identifier: MIT
"""HC-SR04 and JSN-SR04T (its mode 0): ultrasound whose echo is the length of a pulse."""

import machine
import time

import distance
from micropython import const

_TRIGGER_US = const(20)  # 10 at least; JSN-SR04T wants 20
_TIMEOUT_US = const(40000)  # 6.8 m at 20 degC; without echo the pulse lasts 38 or 60 ms
_BLIND_MM = const(20)  # HC-SR04
_FARTHEST_MM = const(4500)


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
