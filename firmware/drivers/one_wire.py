# SPDX-License-Identifier: MIT
"""The 1-Wire bus of a sensor."""

from machine import Pin
from onewire import OneWire


class OneWireBus:
    """A 1-Wire bus; every exchange on it begins with a reset, which frees it."""

    def __init__(self, number):
        self.bus = OneWire(Pin(number))

    def recover(self):
        """Let go of the wire, whatever the pin was made to do."""
        self.bus.pin.init(Pin.OPEN_DRAIN, Pin.PULL_UP)
