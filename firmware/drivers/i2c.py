# SPDX-License-Identifier: MIT
"""The I2C bus of the sensors."""

import machine
import time
from machine import Pin
from micropython import const

_HZ = const(100000)
_TIMEOUT_US = const(200000)  # SCD30 stretches the clock for up to 150 ms


class I2cBus:
    """An I2C bus that can be freed from a chip that holds its data line low, as at its start.

    Without a number the lines are moved by software, which waits for a stretched clock as long as
    it takes: the ESP32's own I2C gives up after 13 ms, whatever its timeout says.
    """

    def __init__(self, scl, sda, number=None):
        self._scl, self._sda, self._number = scl, sda, number
        self._free()
        self.bus = self._open()

    def _open(self):
        lines = {"scl": Pin(self._scl), "sda": Pin(self._sda)}
        if self._number is None:
            return machine.SoftI2C(freq=_HZ, timeout=_TIMEOUT_US, **lines)
        return machine.I2C(self._number, freq=_HZ, timeout=_TIMEOUT_US, **lines)

    def _free(self):
        """Nine clocks and a stop (I2C specification 3.1.16)."""
        scl, sda = [
            Pin(number, Pin.OPEN_DRAIN, Pin.PULL_UP, value=1) for number in (self._scl, self._sda)
        ]
        for _ in range(9):
            scl(0)
            time.sleep_us(5)
            scl(1)
            time.sleep_us(5)
        sda(0)
        time.sleep_us(5)
        sda(1)

    def recover(self):
        """Free the lines; the bus works as before."""
        self._free()
        self._open()  # the pins belong to the same bus object again
