# SPDX-License-Identifier: MIT
"""The Senseair S8 LP as its UART and the air see it, with a response that is stated, not guessed.

Modbus RTU at 9600 baud, one stop bit in and two out, address 0xFE or its own 0x68; what does not
check or is for another is not answered (Modbus over serial line 1.02). A message ends by 3.5
characters of silence; a request that comes with other bytes is none.

Every 4 s from power-on it takes a sample: the step response of the equation dy/dt = (w - y) / tau
to the world w, tau 52 s (T90 is two minutes, PSP126), plus noise of 4 ppm from the stream, plus its
zero error. Before the first sample it shows 0. It shows up to 10000 ppm, above 2000 with the
status bit "out of range".

Self-calibration: at the end of each period (HR32, 180 h) the smallest value of it becomes 400 ppm,
at one stroke, which is the worst that it can do. A background calibration (0x7C06 to HR2) takes the
next sample for 400 ppm and says so in HR1; 0x7C07 takes it for 0 ppm, as in nitrogen.

HR32 and the zero error outlast a power cut. `sleeps`: it hears a request only when some byte has
woken it 5 ms to 1 s before. `browns_out`: the pulse of its lamp, 300 mA every 4 s, pulls its supply
down, so that it starts anew each time and is deaf for 2 s. `status`: bits of IR1.
"""

from collections.abc import Callable
from random import Random
from struct import pack, unpack

from simulator.chips.uart import Sampling
from simulator.clock import Clock
from simulator.world import Environment

_PERIOD_US, _TAU_S, _NOISE_PPM = 4_000_000, 52.0, 4.0
_BOOT_US = 2_000_000
_HOUR_US = 3_600_000_000
_BASE_PPM = 400
_SILENCE_US = 4_000  # 3.5 characters of 11 bits
_BYTE_US = 1_042
_WOKEN_US = (5_000, 1_000_000)
_ANSWER_US = 8_000
_ADDRESSES = (0xFE, 0x68)
_OUT_OF_RANGE, _RANGE_PPM, _FULL_PPM = 0x20, 2000, 10000
_BACKGROUND, _NITROGEN = 0x7C06, 0x7C07
_DONE = {_BACKGROUND: 0x20, _NITROGEN: 0x40}
_ACKNOWLEDGE, _COMMAND, _PERIOD = 0, 1, 31  # addresses of holding registers
_PERIODS_H = (0, *range(4, 4801))
_TYPE, _MAP, _FIRMWARE, _SERIAL = 0x00010E06, 0x0003, 0x0121, 0x071C0DE5
_BAD_FUNCTION, _BAD_ADDRESS, _BAD_VALUE = 1, 2, 3


class SenseairS8(Sampling):
    """One sensor; its ways to fail are those of UartChip, `sleeps`, `browns_out` and `status`."""

    stop_bits = 2
    sample_us, tau_s = _PERIOD_US, _TAU_S

    def __init__(self, clock: Clock, environment: Environment, stream: Random):
        super().__init__(clock, environment, stream)
        self.sleeps = False
        self.status = 0
        self.zero_error_ppm = 0.0  # what it shows too much
        self._period_h = 180
        self._heard = b""
        self._heard_us = -_WOKEN_US[1]  # end of what came last
        self._power_up()

    def _power_up(self) -> None:
        super()._power_up()
        self._shown_ppm = self._acknowledged = self._command = 0
        self._least_ppm: float | None = None  # of this period
        self._heard = b""

    def hear(self, data: bytes) -> None:
        """Take bytes that end now; silence before and after them makes a message."""
        self._catch_up()
        now_us = self._clock.now_us
        quiet_us = now_us - len(data) * _BYTE_US - self._heard_us
        self._heard, self._heard_us = (
            (data if quiet_us > _SILENCE_US else self._heard + data),
            now_us,
        )
        woken = not self.sleeps or _WOKEN_US[0] <= quiet_us <= _WOKEN_US[1]
        if self.powered and woken and now_us - self._began_us >= _BOOT_US:
            self._clock.call_at(now_us + _SILENCE_US, self._end, now_us)

    def _end(self, heard_us: int) -> None:
        """The silence after a message, unless more has come."""
        if heard_us == self._heard_us:
            message, self._heard = self._heard, b""
            if len(message) >= 4 and message[0] in _ADDRESSES and not crc16(message):
                self._perform(message[0], message[1], message[2:-2])

    def _perform(self, address: int, function: int, body: bytes) -> None:
        readers = {3: self._holding, 4: self._input}
        if function not in (*readers, 6):
            answer: bytes | int = _BAD_FUNCTION
        elif len(body) != 4:
            return
        elif function == 6:
            answer = self._write(*unpack(">HH", body))
        else:
            answer = self._read(readers[function], *unpack(">HH", body))
        if isinstance(answer, int):
            function, answer = function | 0x80, bytes((answer,))
        self._send(framed(bytes((address, function)) + answer), _ANSWER_US - _SILENCE_US)

    def _read(self, register: Callable[[int], int | None], first: int, count: int) -> bytes | int:
        values = [register(first + index) for index in range(count)]
        if not 1 <= count <= 32:
            return _BAD_VALUE
        if None in values:
            return _BAD_ADDRESS
        return bytes((2 * count,)) + pack(f">{count}H", *values)

    def _input(self, address: int) -> int | None:
        shown = {
            0: self.status | (_OUT_OF_RANGE if self._shown_ppm > _RANGE_PPM else 0),
            3: self._shown_ppm,
            25: _TYPE >> 16, 26: _TYPE & 0xFFFF, 27: _MAP, 28: _FIRMWARE,
            29: _SERIAL >> 16, 30: _SERIAL & 0xFFFF,
        }  # fmt: skip
        return shown.get(address, 0) if 0 <= address < 32 else None

    def _holding(self, address: int) -> int | None:
        shown = {_ACKNOWLEDGE: self._acknowledged, _COMMAND: self._command, _PERIOD: self._period_h}
        return shown.get(address, 0) if 0 <= address < 32 else None

    def _write(self, address: int, value: int) -> bytes | int:
        if address == _ACKNOWLEDGE:
            self._acknowledged = value
        elif address == _COMMAND and value in _DONE:
            self._command = value  # carried out with the next sample
        elif address == _PERIOD and value in _PERIODS_H:
            self._period_h = value
        else:
            return _BAD_VALUE if address in (_COMMAND, _PERIOD) else _BAD_ADDRESS
        return pack(">HH", address, value)

    def _take(self, time_us: int) -> None:
        inner_ppm = self._follow(time_us)
        if self._command:
            base_ppm = _BASE_PPM if self._command == _BACKGROUND else 0
            self.zero_error_ppm = base_ppm - inner_ppm
            self._acknowledged |= _DONE[self._command]
            self._command = 0
        value_ppm = inner_ppm + self.zero_error_ppm + self._stream.gauss(0, _NOISE_PPM)
        if not self.frozen:
            self._shown_ppm = min(max(round(value_ppm), 0), _FULL_PPM)
        least_ppm = value_ppm if self._least_ppm is None else self._least_ppm
        self._least_ppm = min(least_ppm, value_ppm)
        if self._period_h and not (time_us - self._began_us) % (self._period_h * _HOUR_US):
            self.zero_error_ppm -= self._least_ppm - _BASE_PPM
            self._least_ppm = None


def crc16(data: bytes) -> int:
    """Modbus; over a message and its checksum it is 0."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def framed(message: bytes) -> bytes:
    """A message and its checksum, low byte first."""
    return message + pack("<H", crc16(message))
