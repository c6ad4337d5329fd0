# SPDX-License-Identifier: MIT
"""The SCD30 as its I2C bus and the room's air see it.

The stated response: sample k of a measurement that started at t0 is taken at t0 + k * interval.
Each value follows the world w as y += (w - y) * (1 - exp(-interval / tau)) with tau 20 s for CO2,
10 s for temperature and 8 s for humidity; y begins at w when the first measurement starts. The cell
counts molecules: the CO2 that is reported is y times the pressure of the air over that which the
sensor reckons with, from its setting or its altitude. Then come the correction of a forced
calibration, noise from the stream, drawn in the order CO2 (10 ppm), temperature (0.1 degC),
humidity (0.1 %), and the temperature offset, which is subtracted. The first sample after power-on
has no CO2 and says 0.

It stretches the clock for 30 ms in each transfer and for 150 ms in the first of a day; an answer is
there 3 ms after its command, and a repeated start in between gets none. Settings and the state of
measuring outlive the power, the pressure does not. Commands: interface description 1.0.
"""

from collections.abc import Callable
from math import exp
from random import Random
from struct import pack

from simulator.chips.i2c import I2cChip
from simulator.chips.sensirion import crc8, words
from simulator.clock import Clock
from simulator.world import Conditions, Environment

_TAU_S = (20.0, 10.0, 8.0)  # CO2, temperature, humidity
_NOISE = (10.0, 0.1, 0.1)
_START, _STOP, _INTERVAL, _READY, _READ = 0x0010, 0x0104, 0x4600, 0x0202, 0x0300
_ASC, _FRC, _OFFSET, _ALTITUDE = 0x5306, 0x5204, 0x5403, 0x5102
_VERSION, _RESET = 0xD100, 0xD304
_FIRMWARE = 0x0342  # 3.66
# What a word is written to: by default, least, most. The same command without a word reads it.
_SETTINGS = {
    _INTERVAL: (2, 2, 1800),  # s
    _ASC: (0, 0, 1),
    _FRC: (400, 400, 2000),  # ppm
    _OFFSET: (0, 0, 0xFFFF),  # 0.01 degC
    _ALTITUDE: (0, 0, 0xFFFF),  # m
}
_BOOT_US = 2_000_000
_ANSWER_US = 3_000
_STRETCH_US, _STRETCH_DAILY_US = 30_000, 150_000
_DAY_US = 86_400_000_000
_SEA_LEVEL_HPA = 1013.25
_CO2_MAX_PPM = 40000.0


class Scd30(I2cChip):
    """One sensor at 0x61. `silent`, `corrupt_crc`, `frozen` and what follows are its ways to fail.

    `no_number`: its CO2 is a NaN. `hung`: no sample is ever ready, until a reset.
    """

    address = 0x61

    def __init__(self, clock: Clock, environment: Environment, stream: Random):
        self.environment = environment
        self.corrupt_crc = self.frozen = self.no_number = self.hung = False
        self._clock, self._stream = clock, stream
        self._settings = {command: row[0] for command, row in _SETTINGS.items()}
        self._pressure_hpa = 0  # 0: by altitude
        self._correction_ppm = 0.0
        self._measuring = False
        self._busy_until_us = 0
        self.started_us = self._sampled = 0
        self._y: list[float] | None = None
        self._y_us = 0
        self._first = True  # since power-on
        self._ready = False
        self._sample = (0.0, 0.0, 0.0)
        self._answer_us = 0  # when the answer is there
        self._answer: Callable[[], bytes] | None = None
        self._stretched_day = -1
        self._time_us = {"continuous": 0, "waiting": 0, "off": 0}
        self._since_us = clock.now_us

    def write(self, data: bytes) -> bool:
        """Take a command, with its word where it has one. False: no acknowledge."""
        if self.mute or self._clock.now_us < self._busy_until_us:
            return False
        self._stretch()
        self._catch_up()
        if len(data) < 2:
            return True
        command = int.from_bytes(data[:2])
        if len(data) == 5 and crc8(data[2:4]) != data[4]:
            return False
        self._answer = None
        self._answer_us = self._clock.now_us + self.stretched_us + _ANSWER_US
        return self._perform(command, int.from_bytes(data[2:4]) if len(data) == 5 else None)

    def read(self, length: int) -> bytes | None:
        """The answer to the last command. None: no acknowledge."""
        answer = self._answer
        if self.mute or answer is None or self._clock.now_us < self._answer_us:
            return None
        self._stretch()
        data = answer()
        if self.corrupt_crc:
            data = data[:2] + bytes((data[2] ^ 0xFF,)) + data[3:]
        return (data + b"\xff" * length)[:length]

    def power(self, level: int) -> None:
        """Its supply goes on (1) or off (0)."""
        self._account()
        super().power(level)

    def time_by_state_us(self) -> dict[str, int]:
        """How long it has been in each state of its supply current."""
        self._account()
        return dict(self._time_us)

    def _power_up(self) -> None:
        self._pressure_hpa, self._first, self._ready, self.hung = 0, True, False, False
        self._answer, self._stretched_day = None, -1
        self._busy_until_us = self._clock.now_us + _BOOT_US
        if self._measuring:
            self._start(self._busy_until_us)

    def _perform(self, command: int, word: int | None) -> bool:
        if command == _START and word is not None:
            return self._take_start(word)
        if command in _SETTINGS and word is not None:
            return self._set(command, word)
        if command == _STOP:
            self._enter(False)
        elif command == _RESET:
            self._power_up()
        elif command == _READ:
            self._answer = self._read_sample
        else:
            value = {
                _START: self._pressure_hpa,
                _READY: int(self._ready and not self.hung),
                _VERSION: _FIRMWARE,
                **self._settings,
            }.get(command)
            if value is None:
                return False
            self._answer = lambda: words(value)
        return True

    def _take_start(self, pressure_hpa: int) -> bool:
        if pressure_hpa and not 700 <= pressure_hpa <= 1400:
            return False
        self._pressure_hpa = pressure_hpa
        if not self._measuring:
            self._enter(True)
            self._start(self._clock.now_us)
        return True

    def _set(self, command: int, word: int) -> bool:
        _, least, most = _SETTINGS[command]
        if not least <= word <= most:
            return False
        self._settings[command] = word
        if command == _INTERVAL:
            self._start(self._clock.now_us)
        elif command == _FRC and self._y is not None:
            now_ppm = self._y[0] * self._pressure_share(self._clock.now_us)
            self._correction_ppm = word - now_ppm
        return True

    def _start(self, time_us: int) -> None:
        self.started_us, self._sampled, self._ready = time_us, 0, False
        if self._y is None:
            self._y, self._y_us = _values(self.environment.at(time_us)), time_us

    def _read_sample(self) -> bytes:
        """The newest sample, and once more the same for whoever does not ask whether it is new."""
        self._ready = False
        return b"".join(words(*_halves(value)) for value in self._sample)

    def _catch_up(self) -> None:
        """Take the samples that were due since the last access."""
        if not self._measuring:
            return
        interval_us = self._settings[_INTERVAL] * 1_000_000
        due = (self._clock.now_us - self.started_us) // interval_us
        while self._sampled < due:
            self._sampled += 1
            self._take(self.started_us + self._sampled * interval_us)

    def _take(self, time_us: int) -> None:
        assert self._y is not None
        world, period_s = _values(self.environment.at(time_us)), (time_us - self._y_us) / 1e6
        self._y_us = time_us
        for index, tau_s in enumerate(_TAU_S):
            self._y[index] += (world[index] - self._y[index]) * (1 - exp(-period_s / tau_s))
        co2, temperature, humidity = self._y
        co2 = co2 * self._pressure_share(time_us) + self._correction_ppm
        co2, temperature, humidity = (
            value + self._stream.gauss(0, noise)
            for value, noise in zip((co2, temperature, humidity), _NOISE, strict=True)
        )
        temperature -= self._settings[_OFFSET] / 100
        if not self.frozen:
            co2 = 0.0 if self._first else min(max(co2, 0.0), _CO2_MAX_PPM)
            self._sample = (
                float("nan") if self.no_number else co2,
                temperature,
                min(max(humidity, 0.0), 100.0),
            )
        self._first, self._ready = False, True

    def _pressure_share(self, time_us: int) -> float:
        """The pressure of the air over that which the sensor takes it for."""
        by_altitude = _SEA_LEVEL_HPA * (1 - 2.25577e-5 * self._settings[_ALTITUDE]) ** 5.25588
        return self.environment.at(time_us).pressure_hpa / (self._pressure_hpa or by_altitude)

    def _stretch(self) -> None:
        day = self._clock.now_us // _DAY_US
        self.stretched_us = _STRETCH_US if day == self._stretched_day else _STRETCH_DAILY_US
        self._stretched_day = day

    def _enter(self, measuring: bool) -> None:
        self._account()
        self._measuring = measuring

    def _account(self) -> None:
        """Add the time since the last change to the state that it was spent in."""
        state = "continuous" if self._measuring else "waiting"
        now_us = self._clock.now_us
        self._time_us[state if self.powered else "off"] += now_us - self._since_us
        self._since_us = now_us


def _values(air: Conditions) -> list[float]:
    return [air.co2_ppm, air.temperature_c, air.humidity_pct]


def _halves(value: float) -> tuple[int, int]:
    """A 32-bit float as two words, the high one first."""
    data = pack(">f", value)
    return int.from_bytes(data[:2]), int.from_bytes(data[2:])
