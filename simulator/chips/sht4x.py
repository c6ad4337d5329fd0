# SPDX-License-Identifier: MIT
"""The SHT40 as its I2C bus and the air see it: no lag, and noise from the stream.

The noise is 0.04 degC and 0.1 %. Its own time constants (8 s for humidity, a few for temperature)
are short against the world's grid of 5 s and are left out.

The heater warms the sensor by 0.3 degC for each mW in a pulse of 1 s (200 mW: the 60 degC that its
users have to stay below 125 degC) and by 0.1 degC in one of 0.1 s, an estimate. The vapour around
it stays, so that the relative humidity falls. The next measurement knows nothing of it.
"""

from math import exp
from random import Random

from simulator.chips.i2c import I2cChip
from simulator.chips.sensirion import words
from simulator.clock import Clock
from simulator.world import Environment

# Measure commands: how long each takes at most, us (data sheet 7.1, table 5; with the heater as
# Sensirion's embedded-i2c-sht4x waits), and by how much the heater warms, degC.
_MEASURE = {
    0xFD: (8300, 0.0),
    0xF6: (4500, 0.0),
    0xE0: (1700, 0.0),
    0x39: (1_100_000, 60.0),  # 200 mW
    0x32: (110_000, 20.0),
    0x2F: (1_100_000, 33.0),  # 110 mW
    0x24: (110_000, 11.0),
    0x1E: (1_100_000, 6.0),  # 20 mW
    0x15: (110_000, 2.0),
}
_SERIAL, _SOFT_RESET = 0x89, 0x94
_SERIAL_WORDS = (0x0F0A, 0x7B25)
_POWER_UP_US = 1000
_NOISE_C, _NOISE_PCT = 0.04, 0.1


class Sht4x(I2cChip):
    """One sensor at 0x44, which does not acknowledge while it measures."""

    address = 0x44

    def __init__(self, clock: Clock, environment: Environment, stream: Random):
        self.environment = environment
        self.corrupt_crc = self.frozen = False
        self._clock, self._stream = clock, stream
        self._busy_until_us = 0
        self._reply: bytes | None = None
        self._before: bytes | None = None

    def write(self, data: bytes) -> bool:
        """Take a command of one byte. False: no acknowledge."""
        if self.mute or self._clock.now_us < self._busy_until_us:
            return False
        if data and data[0] in _MEASURE:
            duration_us, warmer_c = _MEASURE[data[0]]
            self._busy_until_us = self._clock.now_us + duration_us
            self._measure(warmer_c)
        elif data and data[0] == _SERIAL:
            self._reply = words(*_SERIAL_WORDS)
        elif data and data[0] == _SOFT_RESET:
            self._busy_until_us, self._reply = self._clock.now_us + 1000, None
        elif data:
            return False
        return True

    def read(self, length: int) -> bytes | None:
        """The reply, once. None: no acknowledge."""
        if self.mute or self._clock.now_us < self._busy_until_us or self._reply is None:
            return None
        reply, self._reply = self._reply, None
        if self.corrupt_crc:
            reply = reply[:2] + bytes((reply[2] ^ 0xFF,)) + reply[3:]
        return (reply + b"\xff" * length)[:length]

    def _power_up(self) -> None:
        self._busy_until_us, self._reply = self._clock.now_us + _POWER_UP_US, None

    def _measure(self, warmer_c: float) -> None:
        air = self.environment.at(self._busy_until_us)
        warm_c = air.temperature_c + warmer_c
        share = _saturation_hpa(air.temperature_c) / _saturation_hpa(warm_c)
        temperature_c = warm_c + self._stream.gauss(0, _NOISE_C)
        humidity_pct = air.humidity_pct * share + self._stream.gauss(0, _NOISE_PCT)
        if not (self.frozen and self._before):
            self._before = words(
                min(max(round((temperature_c + 45) * 65535 / 175), 0), 0xFFFF),
                min(max(round((humidity_pct + 6) * 65535 / 125), 0), 0xFFFF),
            )
        self._reply = self._before


def _saturation_hpa(temperature_c: float) -> float:
    """Vapour pressure at 100 % (Magnus formula, Sonntag 1990)."""
    return 6.112 * exp(17.62 * temperature_c / (243.12 + temperature_c))
