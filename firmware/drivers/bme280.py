# SPDX-License-Identifier: MIT
"""Bosch BME280: temperature, humidity and pressure over I2C (BST-BME280-DS002 1.6)."""

import struct
import time
from collections import namedtuple

from drivers.climate import climate
from micropython import const

_ADDRESSES = (0x76, 0x77)
_ID = const(0xD0)
_BME280 = const(0x60)
_RESET = b"\xe0\xb6"
# Humidity first, as it counts from the write of ctrl_meas on; forced, single oversampling.
_START = b"\xf2\x01\xf4\x25"
_STATUS = const(0xF3)  # measuring 3 | im_update 0; F7 to FE have what was measured
_MEASURE_MS = const(10)  # 9.1: 9.3 ms at most
_CALIBRATION = ((0x88, 26), (0xE1, 7))
_SKIPPED = const(0x80000)
_SKIPPED_HUMIDITY = const(0x8000)
_FOG_PCT = const(95)
_SAME = const(10)  # equal humidities in fog: it is stuck there

Calibration = namedtuple("Calibration", "t1 t2 t3 p1 p2 p3 p4 p5 p6 p7 p8 p9 h1 h2 h3 h4 h5 h6")
Reading = namedtuple("Reading", ("temperature_cc", "pressure_256", "humidity_mpct"))


class Sensor:
    """Measures when asked. It sits on a board that warms it: the settings may have an offset."""

    FIRST_MS = 10
    RETRY_MS = 1000
    SETTINGS = (8,)

    def __init__(self, i2c, options):
        self._i2c, self._address = i2c, _ADDRESSES[0]
        self.raw = bytearray(12)  # status, four registers of control, data
        self._humidity, self._same = None, 0

    def start(self, settings):
        """Find it at either address, reset it, read its calibration.

        OSError: no answer. ValueError: another chip, or no calibration.
        """
        self._offset_dc = settings.values.get(8) or 0
        self._find()
        self._i2c.writeto(self._address, _RESET)
        time.sleep_ms(5)
        if self._read(_STATUS, 1)[0] & 0x01:
            raise OSError("still copies its calibration")
        first, last = [self._read(*part) for part in _CALIBRATION]
        if first + last in (bytes(33), b"\xff" * 33):
            raise ValueError("no calibration")
        self._calibration = calibration(first, last)

    def _find(self):
        problem = None
        for self._address in _ADDRESSES:
            try:
                found = self._read(_ID, 1)[0]
                if found == _BME280:
                    return
                problem = ValueError("id {:#x}, a BME280 has 0x60".format(found))
            except OSError:
                pass
        raise problem or OSError("no answer")

    def measure(self, values):
        """{wire key: value}, after 10 ms. OSError: no answer. ValueError: values that cannot be.

        A humidity that is stuck in fog is left out.
        """
        self._i2c.writeto(self._address, _START)
        time.sleep_ms(_MEASURE_MS)
        self._i2c.writeto(self._address, bytes((_STATUS,)))
        self._i2c.readfrom_into(self._address, self.raw)
        if self.raw[0] & 0x08:
            raise OSError("still measures")
        data = self.raw[4:]
        reading = decode(data, self._calibration)
        air = climate((reading.temperature_cc + 5) // 10, reading.humidity_mpct, self._offset_dc)
        found = {2: air.temperature_dc, 10: (reading.pressure_256 + 1280) // 2560}
        if not self._stuck(data[6:], reading.humidity_mpct // 1000):
            found[3] = air.humidity_pct
        return found

    def _stuck(self, humidity, humidity_pct):
        same = humidity == self._humidity and humidity_pct >= _FOG_PCT
        self._humidity, self._same = humidity, self._same + 1 if same else 1
        return self._same >= _SAME

    def _read(self, register, count):
        reply = bytearray(count)
        self._i2c.writeto(self._address, bytes((register,)))
        self._i2c.readfrom_into(self._address, reply)
        return bytes(reply)


def calibration(first, last):
    """The words of table 16 from registers 88 to A1 and E1 to E7."""
    words = struct.unpack("<HhhHhhhhhhhhBB", first)
    h2, h3, h4, shared, h5, h6 = struct.unpack("<hBbBbb", last)
    humidity = (words[13], h2, h3, h4 << 4 | shared & 0x0F, h5 << 4 | shared >> 4, h6)
    return Calibration(*(words[:12] + humidity))


def decode(data, by):
    """Registers F7 to FE as 0.01 degC, Pa / 256 and 0.001 %, by a calibration (4.2.3).

    ValueError: a value was skipped, or one that cannot be.
    """
    pressure = (data[0] << 16 | data[1] << 8 | data[2]) >> 4
    temperature = (data[3] << 16 | data[4] << 8 | data[5]) >> 4
    humidity = data[6] << 8 | data[7]
    if _SKIPPED in (pressure, temperature) or humidity == _SKIPPED_HUMIDITY:
        raise ValueError("not measured")
    fine = t_fine(temperature, by)
    found = Reading(
        fine * 5 + 128 >> 8, _pressure(pressure, fine, by), _humidity(humidity, fine, by)
    )
    if not -4000 <= found.temperature_cc <= 8500:
        raise ValueError("{} / 100 degC".format(found.temperature_cc))
    if not 30000 * 256 <= found.pressure_256 <= 110000 * 256:
        raise ValueError("{} / 256 Pa".format(found.pressure_256))
    return found


def t_fine(raw, by):
    """The temperature in the unit of Bosch's formulas, 1/5120 degC."""
    one = ((raw >> 3) - (by.t1 << 1)) * by.t2 >> 11
    two = (((raw >> 4) - by.t1) ** 2 >> 12) * by.t3 >> 14
    return one + two


def _pressure(raw, fine, by):
    var1 = fine - 128000
    var2 = var1 * var1 * by.p6 + (var1 * by.p5 << 17) + (by.p4 << 35)
    var1 = (var1 * var1 * by.p3 >> 8) + (var1 * by.p2 << 12)
    var1 = ((1 << 47) + var1) * by.p1 >> 33
    if var1 <= 0:
        raise ValueError("no pressure")
    pressure = ((1048576 - raw << 31) - var2) * 3125 // var1
    var1 = by.p9 * (pressure >> 13) * (pressure >> 13) >> 25
    var2 = by.p8 * pressure >> 19
    return (pressure + var1 + var2 >> 8) + (by.p7 << 4)


def _humidity(raw, fine, by):
    rest = fine - 76800
    offset = (raw << 14) - (by.h4 << 20) - by.h5 * rest + 16384 >> 15
    slope = (rest * by.h6 >> 10) * ((rest * by.h3 >> 11) + 32768) >> 10
    value = offset * ((slope + 2097152) * by.h2 + 8192 >> 14)
    value -= ((value >> 15) * (value >> 15) >> 7) * by.h1 >> 4
    return (min(max(value, 0), 419430400) >> 12) * 1000 >> 10
