# SPDX-License-Identifier: MIT
"""Sensirion SHT40/41/45: temperature and humidity over I2C (data sheet 7.1)."""

import time

from drivers.climate import climate
from drivers.sensirion import words
from micropython import const

_ADDRESS = const(0x44)
_MEASURE = b"\xfd"  # high repeatability
_MEASURE_MS = const(10)  # table 5: 8.3 ms at most


class Sensor:
    """Measures when asked."""

    FIRST_MS = 10
    RETRY_MS = 1000  # one that was disturbed answers again by then
    SETTINGS = (8,)

    def __init__(self, i2c, options):
        self._i2c = i2c
        self.raw = bytearray(6)

    def start(self, settings):
        """Note the temperature offset; a missing sensor shows at the first measurement."""
        self._offset_dc = settings.values.get(8) or 0

    def measure(self, values):
        """{wire key: value}, after 10 ms. OSError: no answer. ValueError: checksum."""
        self._i2c.writeto(_ADDRESS, _MEASURE)
        time.sleep_ms(_MEASURE_MS)
        self._i2c.readfrom_into(_ADDRESS, self.raw)
        air = decode(self.raw, self._offset_dc)
        return {2: air.temperature_dc, 3: air.humidity_pct}


def decode(reply, offset_dc=0):
    """Six bytes of a measurement. ValueError: checksum."""
    temperature, humidity = words(reply, 2)
    temperature_dc = (3500 * temperature + 65535) // (2 * 65535) - 450
    return climate(temperature_dc, 125000 * humidity // 65535 - 6000, offset_dc)
