# SPDX-License-Identifier: MIT
"""Sensirion SCD40/SCD41: CO2, temperature and humidity over I2C (data sheet 1.3)."""

import struct
import time
from collections import namedtuple

from drivers.sensirion import crc8, words
from micropython import const

_ADDRESS = const(0x62)
_START = const(0x21B1)
_READ = const(0xEC05)
_STOP = const(0x3F86)
_READY = const(0xE4B8)
_WAKE = const(0x36F6)
_POWER_DOWN = const(0x36E0)
_SET_OFFSET = const(0x241D)  # degC * 65535 / 175
_SET_ALTITUDE = const(0x2427)  # m
_SET_SELF_CALIBRATION = const(0x2416)
_CALIBRATE = const(0x362F)
_FRC_FAILED = const(0xFFFF)
_PPM_FULL = const(40000)  # where its output ends; 0 is no measurement
_SETTINGS = ((8, _SET_OFFSET), (7, _SET_ALTITUDE), (9, _SET_SELF_CALIBRATION))

Air = namedtuple("Air", ("co2_ppm", "temperature_dc", "humidity_pct"))  # 0.1 degC


class Sensor:
    """Measures every 5 s once started; `measure` takes the newest sample, each only once."""

    POWER_UP_MS = 1000
    FIRST_MS = 10500  # two samples: the first after a start is not yet data
    RETRY_MS = 5500  # by then there is another one
    SETTINGS = (5, 7, 8, 9)
    CALIBRATE_MS = 180000  # of measurement in the air that it is calibrated to (3.7.1)

    def __init__(self, i2c, options):
        self._i2c = i2c
        self.raw = bytearray(9)

    def start(self, settings):
        """Stop what may still run since before a reset, set up, measure. OSError: no answer.

        `settings` has what FPort 2 sets: altitude in m, offset in 0.1 degC, self-calibration.
        """
        for command in (_WAKE, _STOP):  # a sensor that is awake, or idle, acknowledges neither
            try:
                self._command(command)
            except OSError:
                pass
            time.sleep_ms(30)
        time.sleep_ms(500)
        for key, command in _SETTINGS:
            value = settings.values.get(key)
            if value is not None:
                self._command(command, _offset_word(value) if key == 8 else value)
                time.sleep_ms(1)
        self._command(_START)

    def measure(self, values):
        """{wire key: value} of the newest sample. OSError: none. ValueError: CRC or value."""
        self._command(_READY)
        time.sleep_ms(1)
        self._i2c.readfrom_into(_ADDRESS, memoryview(self.raw)[:3])
        if not words(self.raw, 1)[0] & 0x07FF:
            raise OSError("no new sample")
        self._command(_READ)
        time.sleep_ms(1)
        self._i2c.readfrom_into(_ADDRESS, self.raw)
        air = decode(self.raw)
        return {1: air.co2_ppm, 2: air.temperature_dc, 3: air.humidity_pct}

    def calibrate(self, ppm):
        """Take the air for `ppm` after three minutes of measurement; returns the correction in ppm.

        OSError: the sensor refuses. ValueError: checksum. It stands still afterwards.
        """
        self._command(_STOP)
        time.sleep_ms(500)
        self._command(_CALIBRATE, ppm)
        time.sleep_ms(400)
        reply = memoryview(self.raw)[:3]
        self._i2c.readfrom_into(_ADDRESS, reply)
        (word,) = words(self.raw, 1)
        if word == _FRC_FAILED:
            raise OSError("calibration refused")
        return word - 0x8000

    def sleep(self):
        """Stop, and draw next to nothing until the next start. OSError: no answer."""
        self._command(_STOP)
        time.sleep_ms(500)
        self._command(_POWER_DOWN)

    def _command(self, command, value=None):
        data = struct.pack(">H", command)
        if value is not None:
            word = struct.pack(">H", value)
            data += word + bytes((crc8(word),))
        self._i2c.writeto(_ADDRESS, data)


def _offset_word(offset_dc):
    return (offset_dc * 65535 + 875) // 1750


def decode(reply):
    """Nine bytes of a measurement. ValueError: checksum, or CO2 at an end of the output's range.

    Above the 5000 ppm of its data sheet an SCD41 is no longer exact, and still tells a breath.
    """
    co2, temperature, humidity = words(reply, 3)
    if not 0 < co2 < _PPM_FULL:
        raise ValueError("CO2 of {} ppm".format(co2))
    temperature_dc = (3500 * temperature + 65535) // (2 * 65535) - 450
    return Air(co2, temperature_dc, (200 * humidity + 65535) // (2 * 65535))
