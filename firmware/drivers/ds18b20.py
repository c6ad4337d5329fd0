# SPDX-License-Identifier: MIT
"""Maxim DS18B20: temperature over 1-Wire (data sheet 19-7487 rev 6), powered by its third wire."""

import time

from micropython import const

_FAMILY = const(0x28)
_SKIP_ROM = const(0xCC)
_CONVERT = const(0x44)
_READ = const(0xBE)
_POLL_MS = const(50)
_POLLS = const(16)  # table 2: 750 ms at 12 bits, at most
_POWER_ON = const(0x0550)  # 85 degC: nothing has been converted since it got its power


class Sensor:
    """The only chip of its kind on the wire; it converts when asked.

    A wire that is low during the conversion proves that there is one: clones that lack power say
    again what they measured before.
    """

    FIRST_MS = 0
    RETRY_MS = 1000  # a bad contact is a good one by then, or none

    def __init__(self, bus, options):
        self._bus = bus
        self._key = options["keys"][0]  # of the air, or of the water
        self._rom = None
        self._scratchpad = bytearray(9)

    def start(self, settings):
        """Find the chip. OSError: none, or more than one."""
        roms = [rom for rom in self._bus.scan() if not self._bus.crc8(rom) and rom[0] == _FAMILY]
        if len(roms) != 1:
            raise OSError("{} DS18B20 on the wire".format(len(roms)))
        self._rom = roms[0]

    def measure(self, values):
        """{wire key: 0.1 degC}, within 0.8 s. OSError: no answer. ValueError: no measurement."""
        self._convert()
        self._reset()
        self._bus.select_rom(self._rom)
        self._bus.writebyte(_READ)
        self._bus.readinto(self._scratchpad)
        if self._bus.crc8(self._scratchpad):
            raise ValueError("checksum")
        return {self._key: decode(self._scratchpad)}

    def _convert(self):
        self._reset()
        self._bus.writebyte(_SKIP_ROM)
        self._bus.writebyte(_CONVERT)
        if self._bus.readbit():
            raise ValueError("no conversion")
        for _ in range(_POLLS):
            time.sleep_ms(_POLL_MS)
            if self._bus.readbit():
                return
        raise ValueError("conversion without an end")

    def _reset(self):
        if not self._bus.reset():
            raise OSError("no presence pulse")


def decode(scratchpad):
    """0.1 degC of a scratchpad whose checksum is right. ValueError: it is no measurement."""
    configuration = scratchpad[4]
    if not configuration:
        raise ValueError("all zeros")  # a wire held low: the checksum of zeros is zero
    undefined_bits = 3 - (configuration >> 5 & 3)  # at 9 to 12 bits, table 2
    raw = scratchpad[0] | scratchpad[1] << 8
    raw = (raw - ((raw & 0x8000) << 1)) >> undefined_bits << undefined_bits
    if raw == _POWER_ON:
        raise ValueError("85.0 degC: its power-on value")
    if not -880 <= raw <= 2000:
        raise ValueError("out of its range of -55 to 125 degC")
    return (raw * 10 + 8) >> 4
