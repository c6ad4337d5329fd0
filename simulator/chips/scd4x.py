# SPDX-License-Identifier: MIT
"""The SCD41 as its I2C bus and the room's air see it.

The stated response: sample k of a measurement that started at t0 is taken at t0 + k * 5 s (30 s in
low power), a single shot at its end. Each value follows the world w as
y += (w - y) * (1 - exp(-period / tau)), period being the time since the last sample, with tau 60 s
for CO2, 120 s for temperature and 90 s for humidity; y begins at w when the first measurement
starts. What is reported is y plus noise from the stream, drawn in the order CO2 (10 ppm),
temperature (0.05 degC), humidity (0.2 %), plus what a forced calibration corrected and less what
the temperature offset has above its default, rounded to the sensor's words.

Commands and times: Sensirion's data sheet 1.7, table 9, and its own driver (embedded-i2c-scd4x).
"""

from collections.abc import Callable
from math import exp
from random import Random

from simulator.chips.i2c import I2cChip
from simulator.chips.sensirion import crc8, words
from simulator.clock import Clock
from simulator.world import Conditions, Environment

_TAU_S = (60.0, 120.0, 90.0)  # CO2, temperature, humidity
_NOISE = (10.0, 0.05, 0.2)
_PERIODIC, _LOW_POWER = 0x21B1, 0x21AC
_PERIOD_US = {_PERIODIC: 5_000_000, _LOW_POWER: 30_000_000}
_STOP, _READ, _READY, _SERIAL, _WAKE, _POWER_DOWN = 0x3F86, 0xEC05, 0xE4B8, 0x3682, 0x36F6, 0x36E0
_FRC, _SELF_TEST, _SINGLE_SHOT, _SINGLE_SHOT_RHT = 0x362F, 0x3639, 0x219D, 0x2196
_PERSIST, _FACTORY_RESET, _REINIT, _VARIANT = 0x3615, 0x3632, 0x3646, 0x202F
_PRESSURE = 0xE000  # sets with a word, reads without
_WHILE_MEASURING = (_STOP, _READ, _READY, _PRESSURE)
# Setting command, reading command, value by default.
_SETTINGS = (
    (0x241D, 0x2318, round(4.0 * 65535 / 175)),  # temperature offset, 4 degC
    (0x2427, 0x2322, 0),  # altitude, m
    (_PRESSURE, _PRESSURE, 1013),  # hPa
    (0x2416, 0x2313, 1),  # automatic self-calibration
    (0x243A, 0x233F, 400),  # its target, ppm
    (0x2445, 0x2340, 44),  # its first period, h
    (0x244E, 0x234B, 156),  # each further period, h
)
_SETTERS = {setter: getter for setter, getter, _ in _SETTINGS}
_DEFAULTS = {getter: value for _, getter, value in _SETTINGS}
# How long each command keeps the sensor deaf, ms; all others 1.
_BUSY_MS = {
    _PERIODIC: 0, _LOW_POWER: 0, _STOP: 500, _WAKE: 30, _FRC: 400, _SELF_TEST: 10000,
    _SINGLE_SHOT: 5000, _SINGLE_SHOT_RHT: 50, _PERSIST: 800, _FACTORY_RESET: 1200, _REINIT: 30,
}  # fmt: skip
_KNOWN = {*_BUSY_MS, *_SETTERS, *_DEFAULTS, _READ, _READY, _SERIAL, _POWER_DOWN, _VARIANT}
_TEMPERATURE_OFFSET = 0x2318
_SERIAL_WORDS = (0xF896, 0x9F07, 0x3BBE)
_VARIANT_WORD = 0x1440  # SCD41
_FRC_MEASURED_US = 180_000_000  # a calibration needs three minutes of measurement first ...
_FRC_SINGLE_SHOT_US = 45_000_000  # ... or more than three single shots
_CO2_MAX_PPM = 40000
_POWER_UP_US = 1_000_000


class Scd4x(I2cChip):
    """One sensor at 0x62. `silent`, `corrupt_crc` and `frozen` are its ways to fail."""

    address = 0x62

    def __init__(self, clock: Clock, environment: Environment, stream: Random):
        self.environment = environment
        self.corrupt_crc = self.frozen = False
        self._clock, self._stream = clock, stream
        self._mode = 0  # the command of the measurement that runs, 0 for none
        self._asleep = False
        self._busy_until_us = 0
        self.started_us = self._sampled = 0
        self._y: list[float] | None = None
        self._y_us = 0  # when _y was true
        self._measured_us = 0  # since the last start; what a calibration asks for
        self._sample: tuple[int, int, int] | None = None  # not read yet
        self._sample_before: tuple[int, int, int] | None = None
        self._answer: Callable[[], bytes | None] | None = None
        self._settings, self._persisted = dict(_DEFAULTS), dict(_DEFAULTS)
        self._correction_ppm = 0  # from forced calibrations; in an EEPROM of its own
        self._time_us = {"periodic": 0, "low_power": 0, "single_shot": 0, "idle": 0, "off": 0}
        self._since_us = self._shot_until_us = clock.now_us

    def write(self, data: bytes) -> bool:
        """Take a command, with its word where it has one. False: no acknowledge."""
        if self.mute or self._clock.now_us < self._busy_until_us:
            return False
        self._catch_up()
        if len(data) < 2:
            return not self._asleep
        command = int.from_bytes(data[:2])
        if command not in _KNOWN or (self._mode and command not in _WHILE_MEASURING):
            return False
        if self._asleep and command != _WAKE:
            return False
        if len(data) == 5 and crc8(data[2:4]) != data[4]:
            return False
        self._busy_until_us = self._clock.now_us + _BUSY_MS.get(command, 1) * 1000
        self._perform(command, int.from_bytes(data[2:4]) if len(data) == 5 else None)
        return command != _WAKE  # carried out, but never acknowledged

    def read(self, length: int) -> bytes | None:
        """The answer to the last command. None: no acknowledge."""
        if self.mute or self._asleep or self._clock.now_us < self._busy_until_us:
            return None
        answer, self._answer = self._answer, None
        data = answer() if answer else None
        if data is None:
            return None
        if self.corrupt_crc:
            data = data[:2] + bytes((data[2] ^ 0xFF,)) + data[3:]
        return (data + b"\xff" * length)[:length]

    def power(self, level: int) -> None:
        """Its supply goes on (1) or off (0)."""
        self._account()
        super().power(level)

    def _power_up(self) -> None:
        self._mode, self._asleep = 0, False
        self._sample, self._answer, self._measured_us = None, None, 0
        self._settings = dict(self._persisted)
        self._busy_until_us = self._clock.now_us + _POWER_UP_US

    def time_by_state_us(self) -> dict[str, int]:
        """How long it has been in each state of its supply current."""
        self._account()
        return dict(self._time_us)

    def _perform(self, command: int, word: int | None) -> None:
        self._answer = None
        if command in _PERIOD_US:
            self._start(command)
        elif command in (_STOP, _WAKE):
            self._enter(0)
        elif command == _POWER_DOWN:
            self._enter(0, asleep=True)
        elif command in (_SINGLE_SHOT, _SINGLE_SHOT_RHT):
            self._single_shot(command == _SINGLE_SHOT_RHT)
        elif command == _FRC:
            self._calibrate(word)
        elif command == _PERSIST:
            self._persisted = dict(self._settings)
        elif command == _REINIT:
            self._settings = dict(self._persisted)
        elif command == _FACTORY_RESET:
            self._settings, self._persisted = dict(_DEFAULTS), dict(_DEFAULTS)
            self._correction_ppm = 0
        elif command in _SETTERS and word is not None:
            self._settings[_SETTERS[command]] = word
        else:
            self._answer = self._reading(command)

    def _reading(self, command: int) -> Callable[[], bytes | None]:
        """What a command that asks for something will be answered."""
        if command == _READ:
            return self._read_sample
        if command == _READY:
            return lambda: words(0x8006 if self._sample else 0x8000)
        if command == _SERIAL:
            return lambda: words(*_SERIAL_WORDS)
        if command in self._settings:
            return lambda: words(self._settings[command])
        word = {_VARIANT: _VARIANT_WORD, _SELF_TEST: 0}.get(command)
        return lambda: None if word is None else words(word)

    def _start(self, command: int) -> None:
        self._enter(command)
        self.started_us, self._sampled, self._sample = self._clock.now_us, 0, None
        self._measured_us = 0
        self._begin()

    def _begin(self) -> None:
        """The first measurement of all starts with what is there."""
        if self._y is None:
            self._y, self._y_us = (
                _values(self.environment.at(self._clock.now_us)),
                self._clock.now_us,
            )

    def _single_shot(self, rht_only: bool) -> None:
        self._account()
        self._begin()
        self._shot_until_us = self._busy_until_us
        self._measured_us += 0 if rht_only else _FRC_SINGLE_SHOT_US
        self._take(self._busy_until_us)
        if rht_only and self._sample:
            self._sample = (0, *self._sample[1:])

    def _calibrate(self, word: int | None) -> None:
        """Forced calibration: the correction it made, or 0xFFFF without measurement before it."""
        if word is None or self._y is None or self._measured_us < _FRC_MEASURED_US:
            self._answer = lambda: words(0xFFFF)
        else:
            correction_ppm = word - round(self._y[0] + self._correction_ppm)
            self._correction_ppm += correction_ppm
            self._answer = lambda: words((0x8000 + correction_ppm) & 0xFFFF)

    def _read_sample(self) -> bytes | None:
        """The newest sample, once; nothing new is no acknowledge."""
        sample, self._sample = self._sample, None
        return words(*sample) if sample else None

    def _catch_up(self) -> None:
        """Take the samples that were due since the last access."""
        if not self._mode:
            return
        period_us = _PERIOD_US[self._mode]
        due = (self._clock.now_us - self.started_us) // period_us
        while self._sampled < due:
            self._sampled += 1
            self._measured_us += period_us
            self._take(self.started_us + self._sampled * period_us)

    def _take(self, time_us: int) -> None:
        assert self._y is not None
        world, period_s = _values(self.environment.at(time_us)), (time_us - self._y_us) / 1e6
        self._y_us = time_us
        for index, tau_s in enumerate(_TAU_S):
            self._y[index] += (world[index] - self._y[index]) * (1 - exp(-period_s / tau_s))
        co2, temperature, humidity = (
            value + self._stream.gauss(0, noise)
            for value, noise in zip(self._y, _NOISE, strict=True)
        )
        offset_c = (self._settings[_TEMPERATURE_OFFSET] - _DEFAULTS[_TEMPERATURE_OFFSET]) * 175
        temperature -= offset_c / 65535  # the default makes up for the sensor's own warmth
        co2 += self._correction_ppm
        if self.frozen and self._sample_before is not None:
            self._sample = self._sample_before
            return
        self._sample = self._sample_before = (
            min(max(round(co2), 0), _CO2_MAX_PPM),
            min(max(round((temperature + 45) * 65535 / 175), 0), 0xFFFF),
            min(max(round(humidity * 65535 / 100), 0), 0xFFFF),
        )

    def _enter(self, mode: int, asleep: bool = False) -> None:
        self._account()
        self._mode, self._asleep = mode, asleep

    def _account(self) -> None:
        """Add the time since the last change to the state that it was spent in."""
        state = {_PERIODIC: "periodic", _LOW_POWER: "low_power"}.get(self._mode, "idle")
        now_us = self._clock.now_us
        shot_us = max(min(now_us, self._shot_until_us) - self._since_us, 0)
        self._time_us["single_shot"] += shot_us
        asleep = self._asleep or not self.powered
        self._time_us["off" if asleep else state] += now_us - self._since_us - shot_us
        self._since_us = now_us


def _values(air: Conditions) -> list[float]:
    return [air.co2_ppm, air.temperature_c, air.humidity_pct]
