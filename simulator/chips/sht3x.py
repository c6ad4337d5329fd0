# SPDX-License-Identifier: MIT
"""The SHT30/31/35 as its I2C bus and the air see it: no lag, and noise from the stream.

The noise is 0.04 degC and 0.1 %, drawn in this order. The heater is only a bit of the status.
Commands and times: data sheet 5, tables 4 to 17.
"""

from random import Random

from simulator.chips.i2c import I2cChip
from simulator.chips.sensirion import words
from simulator.clock import Clock
from simulator.world import Environment

# Single shots: how long each takes at most, us, and whether a read of it stretches the clock.
_SINGLE = {
    0x2400: (15_000, False), 0x240B: (6_000, False), 0x2416: (4_000, False),
    0x2C06: (15_000, True), 0x2C0D: (6_000, True), 0x2C10: (4_000, True),
}  # fmt: skip
# Periodic measurement by the first byte of its command: from one to the next, us.
_PERIODS_US = {0x20: 2_000_000, 0x21: 1_000_000, 0x22: 500_000, 0x23: 250_000, 0x27: 100_000}
_FETCH, _BREAK, _RESET, _SERIAL = 0xE000, 0x3093, 0x30A2, 0x3780
_STATUS, _CLEAR, _HEATER_ON, _HEATER_OFF = 0xF32D, 0x3041, 0x306D, 0x3066
_STATUS_AT_RESET, _STATUS_HEATER = 0x8010, 0x2000
_SERIAL_WORDS = (0x1A2B, 0x3C4D)
_RESET_US = 1500
_NOISE_C, _NOISE_PCT = 0.04, 0.1


class Sht3x(I2cChip):
    """One sensor at 0x44, or 0x45; it acknowledges nothing while it measures.

    `silent`, `corrupt_crc` and `frozen` are its ways to fail.
    """

    address = 0x44

    def __init__(self, clock: Clock, environment: Environment, stream: Random):
        self.environment = environment
        self.corrupt_crc = self.frozen = False
        self._clock, self._stream = clock, stream
        self._busy_until_us = 0
        self._stretches = False  # the read of what it measures now
        self._period_us = self._since_us = 0  # 0: single shots; since the last one that was fetched
        self._status = _STATUS_AT_RESET
        self._reply: bytes | None = None
        self._before: bytes | None = None

    def write(self, data: bytes) -> bool:
        """Take a command of two bytes. False: no acknowledge."""
        self.stretched_us = 0
        if self.mute or self._clock.now_us < self._busy_until_us:
            return False
        if len(data) < 2:
            return True
        command = int.from_bytes(data[:2])
        if self._period_us and command not in (_FETCH, _BREAK, _STATUS):
            return False
        return self._perform(command)

    def read(self, length: int) -> bytes | None:
        """The reply, once. None: no acknowledge."""
        left_us = self._busy_until_us - self._clock.now_us
        if self.mute or self._reply is None or (left_us > 0 and not self._stretches):
            return None
        self.stretched_us = max(left_us, 0)
        reply, self._reply = self._reply, None
        if self.corrupt_crc:
            reply = reply[:2] + bytes((reply[2] ^ 0xFF,)) + reply[3:]
        return (reply + b"\xff" * length)[:length]

    def _power_up(self) -> None:
        self._busy_until_us = self._clock.now_us + _RESET_US
        self._reply, self._period_us, self._status = None, 0, _STATUS_AT_RESET

    def _perform(self, command: int) -> bool:
        if command in _SINGLE:
            duration_us, self._stretches = _SINGLE[command]
            self._busy_until_us = self._clock.now_us + duration_us
            self._reply = self._measured(self._busy_until_us)
        elif command >> 8 in _PERIODS_US:
            self._period_us, self._since_us = _PERIODS_US[command >> 8], self._clock.now_us
        elif command == _FETCH:
            return self._fetch()
        elif command == _BREAK:
            self._period_us, self._reply = 0, None
        elif command == _RESET:
            self._power_up()
        elif command == _SERIAL:
            self._reply = words(*_SERIAL_WORDS)
        elif command == _STATUS:
            self._reply = words(self._status)
        elif command == _CLEAR:
            self._status &= _STATUS_HEATER
        elif command == _HEATER_ON:
            self._status |= _STATUS_HEATER
        elif command == _HEATER_OFF:
            self._status &= ~_STATUS_HEATER
        else:
            return False
        return True

    def _fetch(self) -> bool:
        """The newest of the periodic measurements, once."""
        passed = (self._clock.now_us - self._since_us) // self._period_us if self._period_us else 0
        if not passed:
            return False
        self._since_us += passed * self._period_us
        self._reply = self._measured(self._since_us)
        return True

    def _measured(self, time_us: int) -> bytes:
        air = self.environment.at(time_us)
        temperature_c = air.temperature_c + self._stream.gauss(0, _NOISE_C)
        humidity_pct = air.humidity_pct + self._stream.gauss(0, _NOISE_PCT)
        if not (self.frozen and self._before):
            self._before = words(
                min(max(round((temperature_c + 45) * 65535 / 175), 0), 0xFFFF),
                min(max(round(humidity_pct * 65535 / 100), 0), 0xFFFF),
            )
        return self._before
