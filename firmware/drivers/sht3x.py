# SPDX-License-Identifier: MIT
"""Sensirion SHT30/31/35: temperature and humidity over I2C (data sheet 5)."""

import time

from drivers.climate import climate
from drivers.sensirion import words
from micropython import const

_ADDRESSES = (0x44, 0x45)
_MEASURE = b"\x24\x00"  # high repeatability, no clock stretching
_MEASURE_MS = const(16)  # table 4: 15 ms at most
_BREAK = b"\x30\x93"
_RESET = b"\x30\xa2"
_SERIAL = b"\x37\x80"


class Sensor:
    """Measures when asked."""

    FIRST_MS = 20
    RETRY_MS = 1000  # one that was disturbed answers again by then
    SETTINGS = (8,)

    def __init__(self, i2c, options):
        self._i2c, self._address = i2c, _ADDRESSES[0]
        self.raw = bytearray(6)

    def start(self, settings):
        """Find it at either address by its serial number; end what it may do since before a reset.

        `settings` has the temperature offset. OSError: no answer. ValueError: no serial number.
        """
        self._offset_dc = settings.values.get(8) or 0
        for self._address in _ADDRESSES:
            try:
                for command in (_BREAK, _RESET, _SERIAL):  # a reset is not heard before the break
                    self._i2c.writeto(self._address, command)
                    time.sleep_ms(2)
                self._i2c.readfrom_into(self._address, self.raw)
                words(self.raw, 2)
                return
            except (OSError, ValueError) as error:
                problem = error
        raise problem

    def measure(self, values):
        """{wire key: value}, after 16 ms. OSError: no answer. ValueError: checksum."""
        self._i2c.writeto(self._address, _MEASURE)
        time.sleep_ms(_MEASURE_MS)
        self._i2c.readfrom_into(self._address, self.raw)
        air = decode(self.raw, self._offset_dc)
        return {2: air.temperature_dc, 3: air.humidity_pct}


def decode(reply, offset_dc=0):
    """Six bytes of a measurement. ValueError: checksum."""
    temperature, humidity = words(reply, 2)
    temperature_dc = (3500 * temperature + 65535) // (2 * 65535) - 450
    return climate(temperature_dc, 100000 * humidity // 65535, offset_dc)
