# SPDX-License-Identifier: MIT
"""Sensirion SCD30: CO2, temperature and humidity over I2C (interface description 1.0)."""

import struct
import time
from collections import namedtuple

from drivers.sensirion import crc8, words
from micropython import const

_ADDRESS = const(0x61)
_START = const(0x0010)  # with the pressure in hPa, 0: by altitude; also while it measures
_INTERVAL = const(0x4600)  # s
_READY = const(0x0202)
_READ = const(0x0300)
_SET_OFFSET = const(0x5403)  # 0.01 degC
_SET_ALTITUDE = const(0x5102)  # m
_SET_SELF_CALIBRATION = const(0x5306)
_CALIBRATE = const(0x5204)  # ppm
_RESET = const(0xD304)
_ANSWER_MS = const(5)  # a stop and more than 3 ms have to be between a command and its answer
_INTERVAL_S = const(2)  # a forced calibration needs the shortest
_PPM_FULL = const(40000)  # where its output ends; 0 is no measurement
_PRESSURE = const(10)  # the wire key, 0.1 hPa
_PRESSURE_STEP_HPA = const(2)  # 0.2 % of the CO2
_SETTINGS = ((8, _SET_OFFSET), (7, _SET_ALTITUDE), (9, _SET_SELF_CALIBRATION))

Air = namedtuple("Air", ("co2_ppm", "temperature_dc", "humidity_pct"))  # 0.1 degC


class Sensor:
    """Measures every 2 s once started; `measure` takes the newest sample, each only once.

    A pressure that a sensor before it has measured goes before the altitude of the settings.
    """

    POWER_UP_MS = 2000
    FIRST_MS = 4500  # two samples: the first after power-on has no CO2
    RETRY_MS = 2500  # by then there is another one
    SETTINGS = (5, 7, 8, 9)
    CALIBRATE_MS = 180000  # of measurement in the air that it is calibrated to: 2 minutes and more

    def __init__(self, i2c, options):
        self._i2c = i2c
        self._word = bytearray(3)
        self.raw = bytearray(18)

    def start(self, settings):
        """Set up and measure. OSError: no answer. ValueError: checksum.

        `settings` has what FPort 2 sets: altitude in m, offset in 0.1 degC, self-calibration.
        """
        self._set(_INTERVAL, _INTERVAL_S)
        for key, command in _SETTINGS:
            value = settings.values.get(key)
            if value is not None:
                self._set(command, 10 * value if key == 8 else value)
        self._pressure_hpa = 0
        self._command(_START, 0)

    def measure(self, values):
        """{wire key: value} of the newest sample. OSError: none. ValueError: CRC or value."""
        if not self._ask(_READY):
            raise OSError("no new sample")
        self._read(_READ, self.raw)
        if _PRESSURE in values:
            self._compensate((values[_PRESSURE] + 5) // 10)
        air = decode(self.raw)
        return {1: air.co2_ppm, 2: air.temperature_dc, 3: air.humidity_pct}

    def calibrate(self, ppm):
        """Take the air for `ppm` after three minutes of measurement.

        OSError: the sensor refuses. ValueError: checksum.
        """
        self._command(_CALIBRATE, ppm)
        time.sleep_ms(_ANSWER_MS)
        if self._ask(_CALIBRATE) != ppm:
            raise OSError("calibration refused")

    def reset(self):
        """Start again as after power-on, in 2 s. OSError: no answer."""
        self._command(_RESET)

    def _compensate(self, pressure_hpa):
        """Have the next samples reckoned for the pressure of the air."""
        changed_hpa = abs(pressure_hpa - self._pressure_hpa)
        if 700 <= pressure_hpa <= 1400 and changed_hpa >= _PRESSURE_STEP_HPA:
            self._command(_START, pressure_hpa)
            self._pressure_hpa = pressure_hpa

    def _set(self, command, value):
        """Set what it does not have yet: it keeps settings in a memory that wears."""
        if self._ask(command) != value:
            self._command(command, value)
            time.sleep_ms(_ANSWER_MS)

    def _ask(self, command):
        self._read(command, self._word)
        return words(self._word, 1)[0]

    def _read(self, command, reply):
        self._command(command)
        time.sleep_ms(_ANSWER_MS)
        self._i2c.readfrom_into(_ADDRESS, reply)

    def _command(self, command, value=None):
        data = struct.pack(">H", command)
        if value is not None:
            word = struct.pack(">H", value)
            data += word + bytes((crc8(word),))
        self._i2c.writeto(_ADDRESS, data)


def scaled(bits, steps):
    """A float of 32 bits (IEEE 754) in so many steps a unit, rounded. ValueError: no number."""
    exponent, value = bits >> 23 & 0xFF, (bits & 0x7FFFFF | 0x800000) * steps
    if exponent == 0xFF:
        raise ValueError("no number")
    shift = 150 - exponent  # 127, and 23 bits behind the point
    value = value + (1 << shift - 1) >> shift if shift > 0 else value << -shift
    return -value if bits >> 31 else value


def decode(reply):
    """Eighteen bytes of a measurement. ValueError: checksum, no number, or one that cannot be."""
    halves = words(reply, 6)
    co2, temperature_dc, humidity = [
        scaled(halves[at] << 16 | halves[at + 1], steps) for at, steps in ((0, 1), (2, 10), (4, 1))
    ]
    if not 0 < co2 < _PPM_FULL or not -400 <= temperature_dc <= 1250:
        raise ValueError("CO2 of {} ppm at {} / 10 degC".format(co2, temperature_dc))
    return Air(co2, temperature_dc, min(max(humidity, 0), 100))
