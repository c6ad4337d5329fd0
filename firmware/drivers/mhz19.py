# SPDX-License-Identifier: MIT
"""Winsen MH-Z19B and MH-Z19C: CO2 over a UART, in frames of nine bytes (manual 1.0)."""

import struct
import time
from micropython import const

from drivers.serial import ask, empty
from uplink import FLAGS, WARMING

_LENGTH = const(9)
_READ = const(0x86)
_SET_SELF_CALIBRATION = const(0x79)  # 0xA0 on, 0 off
_ZERO = const(0x87)  # what it measures now becomes 400 ppm
_SET_RANGE = const(0x99)
_GET_RANGE = const(0x9B)  # in no manual; those that do not know it are silent
_ANSWER_MS = const(300)
_BETWEEN_MS = const(100)  # from one setting to the next
_RANGE_PPM = const(5000)
_WARM_UP_MS = const(180000)
# What it says while it warms up, by its firmware: a constant. In air that is so clean, too.
_CONSTANTS = (400, 410, 436)
_JUMP_PPM = const(100)  # between two looks, to a constant: it has started anew
_CLAMP_PPM = const(400)  # it shows no less
_STEADY_PPM = const(100)  # of 400, after a calibration


class Sensor:
    """Measures by itself, from three minutes after its supply came on.

    Options: `range_ppm` 2000, 5000 or 10000; `self_calibration` 1, or 0 in a room that is always
    in use, where it takes the cleanest air of each day for 400 ppm. Setting 9 goes before it.
    """

    FIRST_MS = 1000
    RETRY_MS = 1000
    SETTINGS = (5, 9)  # no altitude
    CALIBRATE_MS = 1200000  # in air of 400 ppm (manual: 20 minutes)
    CALIBRATE_PPM = 400  # to nothing else
    CALIBRATED_MS = 15000  # from then on it shows what came of it
    SAME = 240  # equal replies in a row, two hours: it hangs

    def __init__(self, uart, options):
        self._uart = uart
        self._range_ppm = options.get("range_ppm", _RANGE_PPM)
        self._self_calibration = options.get("self_calibration", 1)
        self.raw = None  # the last reply; one at the lower end says nothing of its health
        self._lost = True  # it may have been without supply
        self._warm_ms = 0  # ticks when it began to warm up
        self._warms = self._constant = False  # constant: it has shown nothing else since
        self._last_ppm = 0

    def start(self, settings):
        """Set range and self-calibration. OSError: silent. ValueError: it has another range."""
        if self._lost:
            self._begin()
        on = settings.values.get(9)
        if on is None:
            on = self._self_calibration
        self._set(_SET_SELF_CALIBRATION, 0xA0 if on else 0, 0)
        self._set(_SET_RANGE, 0, self._range_ppm)
        try:
            (range_ppm,) = struct.unpack_from(">H", self._ask(_GET_RANGE), 4)
        except OSError:
            range_ppm = self._range_ppm  # it does not know the question
        self._ask(_READ)
        self._lost = False
        if range_ppm != self._range_ppm:
            raise ValueError("range of {} ppm".format(range_ppm))

    def measure(self, values):
        """{1: ppm}, or the flag while it warms up. OSError: silent. ValueError: no such value."""
        try:
            self.raw = self._ask(_READ)
        except OSError:
            self._lost = True
            raise
        ppm = decode(self.raw)
        if self._warming(ppm):
            return {FLAGS: WARMING}
        if not _CLAMP_PPM <= ppm <= self._range_ppm:
            raise ValueError("CO2 of {} ppm".format(ppm))
        self._last_ppm = ppm
        if ppm == _CLAMP_PPM:
            self.raw = None
        return {1: ppm}

    def calibrate(self, ppm):
        """Take the air for 400 ppm. OSError: it is not warm, or not there."""
        if self._warms or self._constant or self._lost:
            raise OSError("not warm")
        self._set(_ZERO, 0, 0)

    def calibrated(self):
        """OSError: it shows no 400 ppm after its calibration, or nothing. ValueError: checksum."""
        if abs(decode(self._ask(_READ)) - self.CALIBRATE_PPM) > _STEADY_PPM:
            raise OSError("calibration had no effect")

    def _begin(self):
        self._warm_ms = time.ticks_ms()
        self._warms = self._constant = True
        self._last_ppm = 0

    def _warming(self, ppm):
        """True while its number is none: by time, and by a constant that nothing else followed."""
        known = ppm in _CONSTANTS
        if known and not self._constant and abs(ppm - self._last_ppm) > _JUMP_PPM:
            self._begin()
        if self._warms:
            passed_ms = time.ticks_diff(time.ticks_ms(), self._warm_ms)
            self._warms = passed_ms < _WARM_UP_MS
        if not self._warms and not known:
            self._constant = False
        return self._warms or self._constant

    def _set(self, command, first, last):
        """A setting; the manual knows no answer, some parts give one."""
        empty(self._uart)
        self._uart.write(frame(command, first, last))
        time.sleep_ms(_BETWEEN_MS)

    def _ask(self, command):
        return ask(self._uart, frame(command), lambda data: find(data, command), _ANSWER_MS)


def frame(command, first=0, last=0):
    """A command with its checksum; `first` is byte 3, `last` bytes 6 and 7."""
    body = struct.pack(">BBBBBH", 1, command, first, 0, 0, last)
    return b"\xff" + body + bytes((checksum(body),))


def checksum(body):
    """What makes the sum of bytes 1 to 8 zero."""
    return -sum(body) & 0xFF


def find(data, command):
    """The first whole answer to a command among the bytes, None without one."""
    for at in range(len(data) - _LENGTH + 1):
        if data[at] == 0xFF and data[at + 1] == command and not sum(data[at + 1 : at + 9]) & 0xFF:
            return data[at : at + _LENGTH]
    return None


def decode(answer):
    """Its ppm of CO2. The temperature beside it is that of the sensor's own electronics."""
    return answer[2] << 8 | answer[3]
