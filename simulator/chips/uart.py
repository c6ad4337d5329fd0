# SPDX-License-Identifier: MIT
"""What every chip on a UART can do to it, beside answering."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from math import exp
from random import Random

from simulator.clock import Clock
from simulator.world import Environment


class UartChip:
    """A chip with a supply that may be switched.

    `silent`: it sends nothing. `corrupt`: its checksums are wrong. `partial`: of each frame only
    the first half leaves it. `frozen`: its numbers stand still. `late_us`: it answers later.
    """

    baudrate = 9600
    stop_bits = 1
    late_us = 0

    def __init__(self, clock: Clock, environment: Environment, stream: Random):
        self.environment = environment
        self.silent = self.corrupt = self.partial = self.frozen = False
        self.powered = True
        self._clock, self._stream = clock, stream
        self._leaving: list[tuple[int, bytes]] = []
        self._on_us, self._was_on_us = clock.now_us, 0

    def power(self, level: int) -> None:
        """Its supply goes on (1) or off (0)."""
        now_us = self._clock.now_us
        if level and not self.powered:
            self._on_us = now_us
            self._power_up()
        elif self.powered and not level:
            self._was_on_us += now_us - self._on_us
            self._leaving.clear()
        self.powered = bool(level)

    def sent(self, from_us: int, until_us: int) -> Iterator[tuple[int, bytes]]:
        """(time of the first edge, bytes) of what it began to send after `from_us`."""
        while self._leaving and self._leaving[0][0] <= until_us:
            begin_us, data = self._leaving.pop(0)
            if not self.silent:
                yield begin_us, self._spoiled(data)

    def time_by_state_us(self) -> dict[str, int]:
        """How long it had its supply, and how long not."""
        on_us = self._was_on_us + (self._clock.now_us - self._on_us if self.powered else 0)
        return {"on": on_us, "off": self._clock.now_us - on_us}

    def _send(self, data: bytes, after_us: int) -> None:
        self._leaving.append((self._clock.now_us + after_us + self.late_us, data))

    def _spoiled(self, data: bytes) -> bytes:
        if self.corrupt:
            data = self._corrupted(data)
        return data[: len(data) // 2] if self.partial else data

    def _corrupted(self, data: bytes) -> bytes:
        return data[:-1] + bytes((data[-1] ^ 0x15,))

    def _power_up(self) -> None:
        """Be as after power-on."""


class FreeRunning(UartChip, ABC):
    """A chip that sends by itself, every `period_us` from when it has its supply."""

    period_us = 100_000
    first_us = 200_000  # until the first frame

    def hear(self, data: bytes) -> None:
        """It listens to nobody."""

    def sent(self, from_us: int, until_us: int) -> Iterator[tuple[int, bytes]]:
        """(time of the first edge, bytes) of what it began to send after `from_us`."""
        first_us = self._on_us + self.first_us
        number = max((from_us - first_us) // self.period_us + 1, 0)
        while self.powered and (begin_us := first_us + number * self.period_us) <= until_us:
            data = b"" if self.silent else self._frame(begin_us)
            if data:
                yield begin_us, self._spoiled(data)
            number += 1

    @abstractmethod
    def _frame(self, time_us: int) -> bytes:
        """What it sends at a time; nothing, where it sends nothing."""


class Sampling(UartChip, ABC):
    """A chip that takes a sample of CO2 every `sample_us` from power-on, with a lag of `tau_s`.

    `browns_out`: the pulse of its lamp pulls its supply down, so that it starts anew each time.
    """

    sample_us: int
    tau_s: float

    def __init__(self, clock: Clock, environment: Environment, stream: Random):
        super().__init__(clock, environment, stream)
        self.browns_out = False
        self._y: float | None = None  # before its first sample ever, what is there

    def _power_up(self) -> None:
        self._began_us, self._sampled = self._clock.now_us, 0

    def _catch_up(self) -> None:
        """Take the samples that were due since the last access."""
        if not self.powered:
            return
        began_us = self._began_us
        due = (self._clock.now_us - began_us) // self.sample_us
        while self._sampled < due:
            self._sampled += 1
            self._take(began_us + self._sampled * self.sample_us)
        if self.browns_out and due:
            self._power_up()
            self._began_us = began_us + due * self.sample_us

    def _follow(self, time_us: int) -> float:
        """Its inner value at a sample, in ppm: the world with the lag of its chamber."""
        world_ppm = self.environment.at(time_us).co2_ppm
        before_ppm = world_ppm if self._y is None else self._y
        step = 1 - exp(-self.sample_us / 1e6 / self.tau_s)
        self._y = before_ppm + (world_ppm - before_ppm) * step
        return self._y

    @abstractmethod
    def _take(self, time_us: int) -> None:
        """Make a sample of a time into what it shows."""
