# SPDX-License-Identifier: MIT
"""The SCD41 as its I2C bus and the room's air see it.

The stated response: sample k of a measurement that started at t0 is taken at t0 + k * 5 s (30 s in
low power). Each value follows the world w as y += (w - y) * (1 - exp(-period / tau)), with tau
60 s for CO2, 120 s for temperature and 90 s for humidity; y begins at w when the first measurement
starts. What is reported is y plus noise from the stream, drawn in the order CO2 (10 ppm),
temperature (0.05 degC), humidity (0.2 %), then rounded to the sensor's words.
"""

from collections.abc import Callable
from math import exp
from random import Random
from struct import pack, unpack

from simulator.clock import Clock
from simulator.world import Conditions, Environment

_TAU_S = (60.0, 120.0, 90.0)  # CO2, temperature, humidity
_NOISE = (10.0, 0.05, 0.2)
_PERIODIC, _LOW_POWER = 0x21B1, 0x21AC
_PERIOD_US = {_PERIODIC: 5_000_000, _LOW_POWER: 30_000_000}
_STOP, _READ, _READY, _SERIAL, _WAKE, _POWER_DOWN = 0x3F86, 0xEC05, 0xE4B8, 0x3682, 0x36F6, 0x36E0
_FRC, _SELF_TEST, _SINGLE_SHOT = 0x362F, 0x3639, 0x219D
_WHILE_MEASURING = (_STOP, _READ, _READY, 0xE000)
# Commands and how long each keeps the sensor deaf, ms (data sheet 1.3, table 9).
_BUSY_MS = {
    _PERIODIC: 0, _LOW_POWER: 0, _STOP: 500, _READ: 1, _READY: 1, _SERIAL: 1, _WAKE: 20,
    _POWER_DOWN: 1, _FRC: 400, _SELF_TEST: 10000, _SINGLE_SHOT: 5000, 0x241D: 1, 0x2318: 1,
    0x2427: 1, 0x2322: 1, 0xE000: 1, 0x2416: 1, 0x2313: 1, 0x3615: 800, 0x3632: 1200,
    0x3646: 20, 0x2196: 50,
}  # fmt: skip
_SETTERS = {0x241D: 0x2318, 0x2427: 0x2322, 0x2416: 0x2313}  # setting command -> reading command
_DEFAULTS = {0x2318: round(4.0 * 65535 / 175), 0x2322: 0, 0x2313: 1}
_TEMPERATURE_OFFSET = 0x2318
_SERIAL_WORDS = (0xF896, 0x9F07, 0x3BBE)
_FRC_MEASURED_US = 180_000_000  # a calibration needs three minutes of measurement first
_CO2_MAX_PPM = 40000


def crc8(data: bytes) -> int:
    """Sensirion's checksum: polynomial 0x31, start 0xFF."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ (0x31 if crc & 0x80 else 0)) & 0xFF
    return crc


def words(*values: int) -> bytes:
    """16-bit words, each followed by its checksum."""
    return b"".join(pack(">H", each) + bytes((crc8(pack(">H", each)),)) for each in values)


class Scd4x:
    """One sensor at 0x62. `silent`, `corrupt_crc` and `frozen` are its ways to fail."""

    address = 0x62

    def __init__(self, clock: Clock, environment: Environment, stream: Random):
        self.environment = environment
        self.silent = self.corrupt_crc = self.frozen = False
        self._clock, self._stream = clock, stream
        self._mode = 0  # the command of the measurement that runs, 0 for none
        self._asleep = False
        self._busy_until_us = 0
        self.started_us = self._sampled = 0
        self._y: list[float] | None = None
        self._sample: tuple[int, int, int] | None = None  # not read yet
        self._answer: Callable[[], bytes | None] | None = None
        self._settings = dict(_DEFAULTS)
        self._time_us = {"periodic": 0, "low_power": 0, "idle": 0, "off": 0}
        self._since_us = clock.now_us

    def write(self, data: bytes) -> bool:
        """Take a command, with its word where it has one. False: no acknowledge."""
        if self.silent or self._clock.now_us < self._busy_until_us:
            return False
        self._catch_up()
        if len(data) < 2:
            return not self._asleep
        command = int.from_bytes(data[:2])
        if self._asleep:
            if command == _WAKE:  # carried out, but not acknowledged
                self._enter(0, asleep=False)
                self._busy_until_us = self._clock.now_us + 20_000
            return False
        if command not in _BUSY_MS or (self._mode and command not in _WHILE_MEASURING):
            return False
        if len(data) == 5 and crc8(data[2:4]) != data[4]:
            return False
        self._busy_until_us = self._clock.now_us + _BUSY_MS[command] * 1000
        self._perform(command, int.from_bytes(data[2:4]) if len(data) == 5 else None)
        return True

    def read(self, length: int) -> bytes | None:
        """The answer to the last command. None: no acknowledge."""
        if self.silent or self._asleep or self._clock.now_us < self._busy_until_us:
            return None
        answer, self._answer = self._answer, None
        data = answer() if answer else None
        if data is None:
            return None
        if self.corrupt_crc:
            data = data[:2] + bytes((data[2] ^ 0xFF,)) + data[3:]
        return (data + b"\xff" * length)[:length]

    def time_by_state_us(self) -> dict[str, int]:
        """How long it has been in each state of its supply current."""
        self._enter(self._mode, self._asleep)
        return dict(self._time_us)

    def _perform(self, command: int, word: int | None) -> None:
        self._answer = None
        if command in _PERIOD_US:
            self._start(command)
        elif command == _STOP:
            self._enter(0)
        elif command == _READ:
            self._answer = self._read_sample
        elif command == _READY:
            self._answer = lambda: words(0x8006 if self._sample else 0x8000)
        elif command == _SERIAL:
            self._answer = lambda: words(*_SERIAL_WORDS)
        elif command == _POWER_DOWN:
            self._enter(0, asleep=True)
        elif command == _SELF_TEST:
            self._answer = lambda: words(0)
        elif command == _FRC:
            self._calibrate(word)
        elif command == _SINGLE_SHOT:
            self._single_shot()
        elif command in _SETTERS and word is not None:
            self._settings[_SETTERS[command]] = word
        elif command in self._settings:
            self._answer = lambda: words(self._settings[command])

    def _start(self, command: int) -> None:
        self._enter(command)
        self.started_us, self._sampled, self._sample = self._clock.now_us, 0, None
        if self._y is None:
            self._y = _values(self.environment.at(self.started_us))

    def _single_shot(self) -> None:
        if self._y is None:
            self._y = _values(self.environment.at(self._clock.now_us))
        self._take(self._busy_until_us, 5.0)

    def _calibrate(self, word: int | None) -> None:
        """Forced calibration: the correction it made, or 0xFFFF without measurement before it."""
        measured_us = self._sampled * 5_000_000
        if word is None or self._y is None or measured_us < _FRC_MEASURED_US:
            self._answer = lambda: words(0xFFFF)
        else:
            correction = word - round(self._y[0])
            self._answer = lambda: words((0x8000 + correction) & 0xFFFF)

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
            self._take(self.started_us + self._sampled * period_us, period_us / 1e6)

    def _take(self, time_us: int, period_s: float) -> None:
        assert self._y is not None
        world = _values(self.environment.at(time_us))
        for index, tau_s in enumerate(_TAU_S):
            self._y[index] += (world[index] - self._y[index]) * (1 - exp(-period_s / tau_s))
        co2, temperature, humidity = (
            value + self._stream.gauss(0, noise)
            for value, noise in zip(self._y, _NOISE, strict=True)
        )
        offset_c = (self._settings[_TEMPERATURE_OFFSET] - _DEFAULTS[_TEMPERATURE_OFFSET]) * 175
        temperature -= offset_c / 65535  # the default makes up for the sensor's own warmth
        if self.frozen and self._sample_before is not None:
            self._sample = self._sample_before
            return
        self._sample = self._sample_before = (
            min(max(round(co2), 0), _CO2_MAX_PPM),
            min(max(round((temperature + 45) * 65535 / 175), 0), 0xFFFF),
            min(max(round(humidity * 65535 / 100), 0), 0xFFFF),
        )

    _sample_before: tuple[int, int, int] | None = None

    def _enter(self, mode: int, asleep: bool = False) -> None:
        before = {_PERIODIC: "periodic", _LOW_POWER: "low_power"}.get(self._mode, "idle")
        now_us = self._clock.now_us
        self._time_us["off" if self._asleep else before] += now_us - self._since_us
        self._since_us, self._mode, self._asleep = now_us, mode, asleep


def _values(air: Conditions) -> list[float]:
    return [air.co2_ppm, air.temperature_c, air.humidity_pct]


def samples(reply: bytes) -> tuple[int, ...]:
    """The words of a reply without their checksums."""
    return tuple(unpack(">H", reply[at : at + 2])[0] for at in range(0, len(reply), 3))
