# SPDX-License-Identifier: MIT
"""Sensirion SHT40/41/45: temperature and humidity over I2C (data sheet 7.1)."""

import time
from collections import namedtuple

from drivers.sensirion import words
from micropython import const

_ADDRESS = const(0x44)
_MEASURE = b"\xfd"  # high repeatability
_MEASURE_MS = const(10)  # table 5: 8.3 ms at most

Climate = namedtuple("Climate", ("temperature_dc", "humidity_pct"))  # 0.1 degC


class Sensor:
    """Measures when asked."""

    FIRST_MS = 10
    RETRY_MS = 1000  # one that was disturbed answers again by then

    def __init__(self, i2c, options):
        self._i2c = i2c
        self.raw = bytearray(6)

    def start(self, settings):
        """Nothing to set up; a missing sensor shows at the first measurement."""

    def measure(self, values):
        """{wire key: value}, after 10 ms. OSError: no answer. ValueError: checksum."""
        self._i2c.writeto(_ADDRESS, _MEASURE)
        time.sleep_ms(_MEASURE_MS)
        self._i2c.readfrom_into(_ADDRESS, self.raw)
        climate = decode(self.raw)
        return {2: climate.temperature_dc, 3: climate.humidity_pct}


def decode(reply):
    """Six bytes of a measurement. ValueError: checksum."""
    temperature, humidity = words(reply, 2)
    temperature_dc = (3500 * temperature + 65535) // (2 * 65535) - 450
    humidity_pct = (250 * humidity + 65535) // (2 * 65535) - 6
    return Climate(temperature_dc, min(max(humidity_pct, 0), 100))
