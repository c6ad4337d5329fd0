# SPDX-License-Identifier: MIT
"""The BME280 as its I2C bus and the air see it: registers, forced and normal mode, no lag.

Noise from the stream, drawn in the order temperature (0.005 degC), pressure (0.033 hPa), humidity
(0.02 %), is added to the world. What the converters give is found backwards from the formulas of
the data sheet (BST-BME280-DS002 1.6) in double precision (its chapter 8.1), on the grid of the
oversampling; the filter is left out.
"""

from collections.abc import Callable
from random import Random
from struct import pack

from simulator.chips.i2c import I2cChip
from simulator.clock import Clock
from simulator.world import Environment

_ID, _RESET, _CTRL_HUM, _STATUS, _CTRL_MEAS, _CONFIG = 0xD0, 0xE0, 0xF2, 0xF3, 0xF4, 0xF5
_DATA = 0xF7  # pressure 3, temperature 3, humidity 2
_CALIBRATION, _CALIBRATION_HUM = 0x88, 0xE1
_CHIP_ID, _CHIP_ID_BMP280 = 0x60, 0x58
_RESET_WORD = 0xB6
_MEASURING, _COPYING = 0x08, 0x01  # of the status
_POWER_UP_US = 2000
_SKIPPED = b"\x80\x00\x00\x80\x00\x00\x80\x00"
_STANDBY_US = (500, 62_500, 125_000, 250_000, 500_000, 1_000_000, 10_000, 20_000)
_NOISE = (0.005, 0.033, 0.02)
# One part's calibration: T1 to T3, P1 to P9, H1 to H6. Temperature and pressure: Bosch's example.
_T = (27504, 26435, -1000)
_P = (36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000)
_H = (75, 362, 0, 313, 50, 30)


class Bme280(I2cChip):
    """One sensor at 0x76, or 0x77. `silent`, `frozen` and what follows are its ways to fail.

    `blank`: its calibration reads as this byte. `is_bmp280`: it is the cheaper chip, without a
    humidity. `humidity_stuck`: after a time in fog its humidity stays as it is.
    """

    address = 0x76

    def __init__(self, clock: Clock, environment: Environment, stream: Random):
        self.environment = environment
        self.frozen = self.humidity_stuck = self.is_bmp280 = False
        self.blank: int | None = None
        self._clock, self._stream = clock, stream
        self._copying_until_us = 0
        self._clear()

    def write(self, data: bytes) -> bool:
        """Set the pointer to a register, or write pairs of register and value."""
        if self.mute:
            return False
        self._catch_up()
        if len(data) == 1:
            self._pointer = data[0]
        for register, value in zip(data[::2], data[1::2], strict=False):
            self._set(register, value)
        return True

    def read(self, length: int) -> bytes | None:
        """Registers from the pointer on."""
        if self.mute:
            return None
        self._catch_up()
        start, self._pointer = self._pointer, self._pointer + length
        return bytes(self._register(each & 0xFF) for each in range(start, start + length))

    def _clear(self) -> None:
        self._pointer = 0
        self._ctrl_hum = self._hum_used = self._ctrl_meas = self._config = 0
        self._data = _SKIPPED
        self._measures_until_us = 0  # the end of a measurement under way, 0: none
        self._next_us = 0  # of normal mode

    def _power_up(self) -> None:
        self._clear()
        self._copying_until_us = self._clock.now_us + _POWER_UP_US

    def _set(self, register: int, value: int) -> None:
        if register == _RESET and value == _RESET_WORD:
            self._power_up()
        elif register == _CTRL_HUM:
            self._ctrl_hum = value & 7  # counts from the next write of ctrl_meas on
        elif register == _CONFIG:
            self._config = value
        elif register == _CTRL_MEAS:
            self._ctrl_meas, self._hum_used = value, self._ctrl_hum
            if value & 3 and not self._measures_until_us:
                self._begin(self._clock.now_us)

    def _begin(self, time_us: int) -> None:
        self._measures_until_us = time_us + self._duration_us()

    def _duration_us(self) -> int:
        """At most, data sheet 9.1."""
        humidity, temperature, pressure = self._oversampling()
        duration_us = 1250 + 2300 * temperature
        for times in (pressure, humidity):
            duration_us += 2300 * times + 575 if times else 0
        return duration_us

    def _oversampling(self) -> tuple[int, int, int]:
        """Of humidity, temperature and pressure: 0, 1, 2, 4, 8 or 16 times."""
        codes = (self._hum_used, self._ctrl_meas >> 5, self._ctrl_meas >> 2 & 7)
        return (_times(codes[0]), _times(codes[1]), _times(codes[2]))

    def _catch_up(self) -> None:
        """End what has been measured by now; in normal mode the next follows after standby."""
        while self._measures_until_us and self._measures_until_us <= self._clock.now_us:
            ended_us = self._measures_until_us
            self._measures_until_us = 0
            self._take(ended_us)
            if self._ctrl_meas & 3 == 3:
                self._begin(ended_us + _STANDBY_US[self._config >> 5])
            else:
                self._ctrl_meas &= ~3

    def _take(self, time_us: int) -> None:
        air = self.environment.at(time_us)
        celsius, hectopascal, percent = (
            value + self._stream.gauss(0, noise)
            for value, noise in zip(
                (air.temperature_c, air.pressure_hpa, air.humidity_pct), _NOISE, strict=True
            )
        )
        if self.frozen:
            return
        times_h, times_t, times_p = self._oversampling()
        raw_t = _coarse(_converted(_celsius, celsius, 20), times_t)
        t_fine = _t_fine(raw_t)
        raw_p = _coarse(
            _converted(lambda raw: -_pascal(raw, t_fine), -hectopascal * 100, 20), times_p
        )
        raw_h = _converted(lambda raw: _percent(raw, t_fine), percent, 16) if times_h else 0x8000
        humidity = self._data[6:] if self.humidity_stuck else pack(">H", raw_h)
        self._data = pack(">I", raw_p << 4)[1:] + pack(">I", raw_t << 4)[1:] + humidity

    def _register(self, register: int) -> int:
        if _DATA <= register < _DATA + 8:
            return self._data[register - _DATA]
        copying = _COPYING if self._clock.now_us < self._copying_until_us else 0
        calibration = self._calibration()
        if register in calibration:
            found = calibration[register] if self.blank is None else self.blank
            return 0 if copying else found
        measuring = _MEASURING if self._measures_until_us else 0
        return {
            _ID: _CHIP_ID_BMP280 if self.is_bmp280 else _CHIP_ID,
            _CTRL_HUM: self._ctrl_hum,
            _STATUS: measuring | copying,
            _CTRL_MEAS: self._ctrl_meas,
            _CONFIG: self._config,
        }.get(register, 0)

    def _calibration(self) -> dict[int, int]:
        """Register by register; the last words of humidity share a byte (data sheet table 16)."""
        first = pack("<HhhH8hxB", *_T, *_P, _H[0])
        last = pack("<hB", _H[1], _H[2])
        last += bytes((_H[3] >> 4, _H[3] & 15 | (_H[4] & 15) << 4, _H[4] >> 4)) + pack("b", _H[5])
        return {
            **{_CALIBRATION + at: byte for at, byte in enumerate(first)},
            **{_CALIBRATION_HUM + at: byte for at, byte in enumerate(last)},
        }


def _times(code: int) -> int:
    return 1 << min(code, 5) - 1 if code else 0


def _coarse(raw: int, times: int) -> int:
    """16 bits at single oversampling, one more with each doubling; 0x80000 when skipped."""
    if not times:
        return 0x80000
    unused = 5 - times.bit_length()
    return raw >> unused << unused


def _converted(formula: Callable[[int], float], value: float, bits: int) -> int:
    """The reading of the converter for which the rising formula gives the value."""
    low, high = 0, (1 << bits) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if formula(middle) >= value else (middle + 1, high)
    return low


# Data sheet 8.1.


def _t_fine(raw: int) -> float:
    one = (raw / 16384 - _T[0] / 1024) * _T[1]
    two = (raw / 131072 - _T[0] / 8192) ** 2 * _T[2]
    return one + two


def _celsius(raw: int) -> float:
    return _t_fine(raw) / 5120


def _pascal(raw: int, t_fine: float) -> float:
    var1 = t_fine / 2 - 64000
    var2 = var1 * var1 * _P[5] / 32768 + var1 * _P[4] * 2
    var2 = var2 / 4 + _P[3] * 65536
    var1 = (_P[2] * var1 * var1 / 524288 + _P[1] * var1) / 524288
    var1 = (1 + var1 / 32768) * _P[0]
    pressure = (1048576 - raw - var2 / 4096) * 6250 / var1
    var1 = _P[8] * pressure * pressure / 2147483648
    var2 = pressure * _P[7] / 32768
    return pressure + (var1 + var2 + _P[6]) / 16


def _percent(raw: int, t_fine: float) -> float:
    rest = t_fine - 76800
    humidity = raw - (_H[3] * 64 + _H[4] / 16384 * rest)
    slope = 1 + _H[5] / 67108864 * rest * (1 + _H[2] / 67108864 * rest)
    humidity *= _H[1] / 65536 * slope
    return humidity * (1 - _H[0] * humidity / 524288)
