# SPDX-License-Identifier: MIT
"""The MH-Z19B as its UART and the air see it, with a response that is stated, not guessed.

Every 5 s from power-on it takes a sample: the step response of the equation dy/dt = (w - y) / tau
to the world w, tau 52 s (T90 is 120 s, manual 1.0), plus noise of 3 ppm from the stream, plus its
zero error. It shows whole ppm, no less than 400 and no more than its range, and for the first three
minutes a constant, `preheat_ppm`.

Self-calibration: at the end of each 24 h from power-on the smallest value of that day becomes
400 ppm, at one stroke, which is the worst that it can do. In a room that is never below 600 ppm it
reads 200 too low after a day. A zero calibration takes the present value for 400 ppm.

Range, self-calibration and zero error outlast a power cut. `browns_out`: the pulse of its lamp, 150
mA every 5 s, pulls its supply down, so that it starts anew each time. `plain`: a part as the manual
describes it; others acknowledge settings and answer 0x7D and 0x9B, too (revspace.nl, MH-Z19B).
"""

from random import Random
from struct import pack

from simulator.chips.uart import Sampling
from simulator.clock import Clock
from simulator.world import Environment

_PERIOD_US, _TAU_S, _NOISE_PPM = 5_000_000, 52.0, 3.0
_PREHEAT_US = 180_000_000
_DAY_US = 86_400_000_000
_FLOOR_PPM = 400
_LENGTH = 9
_ANSWER_US = 12_000  # from the last byte of a command
_READ, _ZERO, _SET_ABC, _GET_ABC, _SET_RANGE, _GET_RANGE = 0x86, 0x87, 0x79, 0x7D, 0x99, 0x9B
_RANGES_PPM = (2000, 5000, 10000)


class MhZ19(Sampling):
    """One sensor; its ways to fail are those of UartChip and `browns_out`."""

    sample_us, tau_s = _PERIOD_US, _TAU_S

    def __init__(self, clock: Clock, environment: Environment, stream: Random):
        super().__init__(clock, environment, stream)
        self.preheat_ppm = 410  # 400 or 436 with other firmware
        self.plain = False
        self.range_ppm, self.self_calibration = 5000, True
        self.zero_error_ppm = 0.0  # what it shows too much
        self._heard = b""
        self._shown_ppm = 0
        self._power_up()

    def _power_up(self) -> None:
        super()._power_up()
        self._least_ppm: float | None = None  # of this day

    def hear(self, data: bytes) -> None:
        """Take bytes of commands; what is none is dropped up to the next 0xFF."""
        self._catch_up()
        if not self.powered:
            return
        self._heard += data
        while len(self._heard) >= _LENGTH:
            begin = self._heard.find(b"\xff")
            self._heard = self._heard[begin:] if begin >= 0 else b""
            if len(self._heard) < _LENGTH:
                break
            command, rest = self._heard[:_LENGTH], self._heard[_LENGTH:]
            if command[1] == 1 and not sum(command[1:]) & 0xFF:
                self._heard = rest
                self._perform(command)
            else:
                self._heard = self._heard[1:]

    def _perform(self, command: bytes) -> None:
        acknowledged = pack(">B5x", 1)
        kind = command[2]
        if kind == _READ:
            celsius = self.environment.at(self._clock.now_us).temperature_c
            self._answer(kind, pack(">HB3x", self._shown(), round(celsius) + 40))
        elif kind == _ZERO and self._y is not None:
            self.zero_error_ppm = _FLOOR_PPM - self._y
        elif kind == _SET_ABC:
            self.self_calibration = command[3] == 0xA0
            self._extra(kind, acknowledged)
        elif kind == _SET_RANGE:
            range_ppm = int.from_bytes(command[6:8])
            if range_ppm in _RANGES_PPM:
                self.range_ppm = range_ppm
                self._extra(kind, acknowledged)
        elif kind == _GET_ABC:
            self._extra(kind, pack(">5xB", self.self_calibration))
        elif kind == _GET_RANGE:
            self._extra(kind, pack(">2xH2x", self.range_ppm))

    def _extra(self, kind: int, body: bytes) -> None:
        """An answer that the manual does not have."""
        if not self.plain:
            self._answer(kind, body)

    def _answer(self, kind: int, body: bytes) -> None:
        data = bytes((kind,)) + body
        self._send(b"\xff" + data + bytes((-sum(data) & 0xFF,)), _ANSWER_US)

    def _shown(self) -> int:
        if self._clock.now_us - self._began_us < _PREHEAT_US:
            return self.preheat_ppm
        return self._shown_ppm

    def _take(self, time_us: int) -> None:
        inner_ppm = self._follow(time_us)
        value_ppm = inner_ppm + self.zero_error_ppm + self._stream.gauss(0, _NOISE_PPM)
        if not self.frozen:
            self._shown_ppm = min(max(round(value_ppm), _FLOOR_PPM), self.range_ppm)
        if time_us - self._began_us >= _PREHEAT_US:
            least_ppm = value_ppm if self._least_ppm is None else self._least_ppm
            self._least_ppm = min(least_ppm, value_ppm)
        if not (time_us - self._began_us) % _DAY_US:
            if self.self_calibration and self._least_ppm is not None:
                self.zero_error_ppm -= self._least_ppm - _FLOOR_PPM
            self._least_ppm = None
