# SPDX-License-Identifier: MIT
"""Senseair S8: CO2 over a UART in Modbus RTU (TDE2067); addresses are register numbers less 1."""

import struct
import time
from micropython import const

from drivers.serial import ask
from uplink import CALIBRATION_DUE, FLAGS, WARMING

_ANY_ADDRESS = const(0xFE)
_READ_HOLDING = const(3)
_READ_INPUT = const(4)
_WRITE_HOLDING = const(6)
_METER_STATUS = const(0)  # IR1; IR4 is the CO2
_ACKNOWLEDGE = const(0)  # HR1
_COMMAND = const(1)  # HR2
_PERIOD = const(0x1F)  # HR32, of the self-calibration, in hours; 0 is off
_BACKGROUND = const(0x7C06)  # its neighbour 0x7C07 is for nitrogen and spoils it for air
_BACKGROUND_DONE = const(1 << 5)
_PERIOD_H = const(180)
# MeterStatus: fatal, algorithm, output, self-diagnostics, memory. Bit 5, out of range, is no fault:
# above 2000 ppm it is less exact.
_FAULTS = const(0x5D)
_OFFSET_REGULATION = const(0x02)
_ANSWER_MS = const(300)
_WAKE_MS = const(10)  # that byte, and 5 after it
_WARM_UP_MS = const(120000)  # T90
_PPM_FULL = const(10000)


class Sensor:
    """Measures by itself every 2 or 4 s, from two minutes after its supply came on.

    Option: `self_calibration` 1, or 0 in a room that is always in use, where it takes the cleanest
    air of a week for 400 ppm. Setting 9 goes before it.
    """

    FIRST_MS = 4000
    RETRY_MS = 1000
    SETTINGS = (5, 9)  # no altitude
    CALIBRATE_MS = 180000  # in air of 400 ppm
    CALIBRATE_PPM = 400  # to nothing else
    CALIBRATED_MS = 6000  # a cycle of its lamp and a little
    SAME = 240  # equal replies in a row, two hours: it hangs

    def __init__(self, uart, options):
        self._uart = uart
        self._self_calibration = options.get("self_calibration", 1)
        self.raw = b""
        self._lost = True  # it may have been without supply
        self._warm_ms = 0  # ticks when it began to warm up
        self._warms = False

    def start(self, settings):
        """Set the self-calibration if it is not so yet. OSError: silent. ValueError: checksum."""
        if self._lost:
            self._warms, self._warm_ms = True, time.ticks_ms()
        on = settings.values.get(9)
        if on is None:
            on = self._self_calibration
        (hours,) = self._read(_READ_HOLDING, _PERIOD, 1)
        if bool(hours) != bool(on):
            self._write(_PERIOD, _PERIOD_H if on else 0)
        self._lost = False

    def measure(self, values):
        """{1: ppm} and perhaps flags. OSError: silent. ValueError: checksum, status, or value."""
        try:
            self.raw = self._ask(_READ_INPUT, _METER_STATUS, 4)
        except OSError:
            self._lost = True
            raise
        status, _, _, ppm = decode(self.raw)
        if status & _FAULTS:
            raise ValueError("meter status {:#04x}".format(status))
        if self._warming():
            return {FLAGS: WARMING}
        if not 0 < ppm <= _PPM_FULL:
            raise ValueError("CO2 of {} ppm".format(ppm))
        return {1: ppm, FLAGS: CALIBRATION_DUE} if status & _OFFSET_REGULATION else {1: ppm}

    def calibrate(self, ppm):
        """Take the air for 400 ppm. OSError: it is not warm, or not there. ValueError: checksum."""
        if self._warms or self._lost:
            raise OSError("not warm")
        self._write(_ACKNOWLEDGE, 0)
        self._write(_COMMAND, _BACKGROUND)

    def calibrated(self):
        """OSError: it has not done it, or does not answer. ValueError: checksum."""
        (done,) = self._read(_READ_HOLDING, _ACKNOWLEDGE, 1)
        if not done & _BACKGROUND_DONE:
            raise OSError("calibration refused")

    def _warming(self):
        if self._warms:
            self._warms = time.ticks_diff(time.ticks_ms(), self._warm_ms) < _WARM_UP_MS
        return self._warms

    def _read(self, function, address, count):
        return decode(self._ask(function, address, count))

    def _write(self, address, value):
        """What is written comes back. ValueError: something else did."""
        if self._ask(_WRITE_HOLDING, address, value) != request(_WRITE_HOLDING, address, value):
            raise ValueError("no echo of a write")

    def _ask(self, function, address, value):
        self._uart.write(b"\0")  # some sleep until they hear something
        time.sleep_ms(_WAKE_MS)
        message = request(function, address, value)
        return ask(self._uart, message, lambda data: find(data, function), _ANSWER_MS)


def request(function, address, value):
    """Eight bytes; `value` is how many registers to read, or what to write."""
    body = struct.pack(">BBHH", _ANY_ADDRESS, function, address, value)
    return body + struct.pack("<H", crc16(body))


def crc16(data):
    """Modbus: polynomial 0xA001, start 0xFFFF; its low byte is sent first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def find(data, function):
    """The answer among the bytes, None while it is not whole. ValueError: it refuses."""
    for at in range(len(data) - 4):
        if data[at] != _ANY_ADDRESS:
            continue
        if data[at + 1] == function | 0x80 and _whole(data, at, 5):
            raise ValueError("exception {}".format(data[at + 2]))
        length = 8 if function == _WRITE_HOLDING else 5 + data[at + 2]
        if data[at + 1] == function and _whole(data, at, length):
            return data[at : at + length]
    return None


def _whole(data, at, length):
    """True when all is there and the checksum over it is right: then it comes out as 0."""
    return len(data) >= at + length and not crc16(data[at : at + length])


def decode(answer):
    """The registers of an answer to a read."""
    return struct.unpack(">{}H".format(answer[2] >> 1), answer[3:-2])
