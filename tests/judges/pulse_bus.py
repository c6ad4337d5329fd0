# SPDX-License-Identifier: MIT
"""Two pins in virtual time between adafruit-circuitpython-hcsr04 and the ultrasonic model."""

import sys
import types

from circuitpython import VirtualTime

from simulator.chips.ultrasonic import Ultrasonic
from simulator.clock import Clock

_READ_US = 2  # a look at a pin, on a fast board


class Pins:
    """The chip behind the pins "trigger" and "echo", which the driver opens by their names."""

    clock: Clock
    chip: Ultrasonic


class DigitalInOut:
    """digitalio.DigitalInOut; a look takes its time, so that the driver's loops end."""

    def __init__(self, pin: str):
        self._pin, self.direction = pin, None

    @property
    def value(self) -> bool:
        now_us = Pins.clock.now_us + _READ_US
        Pins.clock.run_until(now_us)
        return bool(Pins.chip.echo(now_us)[0])

    @value.setter
    def value(self, level: bool) -> None:
        Pins.chip.trigger(int(level))


class Direction:
    INPUT, OUTPUT = "in", "out"


sys.modules["digitalio"] = types.ModuleType("digitalio")
sys.modules["digitalio"].DigitalInOut = DigitalInOut
sys.modules["digitalio"].Direction = Direction
sys.modules["pulseio"] = None  # a board without it: the driver looks at the pin by itself
import adafruit_hcsr04  # noqa: E402

del sys.modules["digitalio"], sys.modules["pulseio"]


def driver(clock: Clock, chip: Ultrasonic) -> adafruit_hcsr04.HCSR04:
    """The driver, unchanged, with the chip on its pins."""
    Pins.clock, Pins.chip = clock, chip
    adafruit_hcsr04.time = VirtualTime(clock)
    return adafruit_hcsr04.HCSR04("trigger", "echo")
