# SPDX-License-Identifier: MIT
"""PIR modules as their pins and the street see them: one, or two across a path.

The output rises when something begins to move and stays high until `high_us` after the last motion
(a part that retriggers) or after the first. Then it is low and blocks for `block_us`; whatever
still moves at the end of that raises it again. So two edges are `high_us` + `block_us` apart at
least. Warming up it may pulse up to `pulses` times, at random moments; a transmission of the node
beside it raises it with the probability `own_tx`, at a random moment of the transmission.

Times: AM312 retailer sheet; HC-SR501 as its trimmers are usually set: 3 s, jumper H.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Annotated, Protocol

from simulator.clock import Clock
from simulator.street import Passage

_LOOK_US = 1_000_000  # how often a frozen one is looked at


@dataclass(frozen=True)
class Part:
    """One kind of module."""

    high_us: int
    block_us: int
    retrigger: bool
    warm_up_us: int
    pulses: int


PARTS = {
    "am312": Part(2_000_000, 2_000_000, True, 30_000_000, 1),
    "hc-sr501": Part(3_000_000, 2_500_000, True, 60_000_000, 3),
}


@dataclass(frozen=True)
class PirOptions:
    """What a scenario says of the PIRs of a node: the part, its trimmer and jumper, the radio."""

    part: str = "am312"
    high_s: Annotated[float, 0.3, 300] | None = None
    retrigger: bool | None = None
    own_tx: Annotated[float, 0, 1] = 0.5


class Passers(Protocol):
    """Where something passes."""

    def after(self, time_us: int) -> Passage | None: ...


class Eye:
    """One module; `on_level` is its output."""

    def __init__(self, clock: Clock, part: Part, on_level: Callable[[int], None]):
        self.level = 0
        self.silent = self.frozen = False
        self._clock, self._part, self._on_level = clock, part, on_level
        self._moves_until_us = self._blocks_until_us = 0

    def stir(self, duration_us: int) -> None:
        """Something moves before it from now on, for so long."""
        now_us = self._clock.now_us
        self._moves_until_us = max(self._moves_until_us, now_us + duration_us)
        if not self.level and now_us >= self._blocks_until_us:
            self._rise()

    def _rise(self) -> None:
        if self.silent or self.frozen:
            return
        self._set(1)
        moves_us = self._moves_until_us if self._part.retrigger else 0
        fall_us = max(self._clock.now_us, moves_us) + self._part.high_us
        self._clock.call_at(fall_us, self._fall)

    def _fall(self) -> None:
        now_us = self._clock.now_us
        due_us = self._moves_until_us + self._part.high_us if self._part.retrigger else 0
        if self.frozen or (due_us > now_us and not self.silent):
            self._clock.call_at(max(due_us, now_us + _LOOK_US), self._fall)
            return
        self._set(0)
        self._blocks_until_us = now_us + self._part.block_us
        self._clock.call_at(self._blocks_until_us, self._open)

    def _open(self) -> None:
        if self._moves_until_us > self._clock.now_us:
            self._rise()

    def _set(self, level: int) -> None:
        self.level = level
        self._on_level(level)


class Pir:
    """The PIRs of a node: `silent`, without power; `frozen`, their outputs stay as they are."""

    def __init__(
        self, clock: Clock, world: Passers, stream: Random, options: PirOptions | None = None
    ):
        self._clock, self._world, self._stream = clock, world, stream
        self._options = options or PirOptions()
        part = PARTS[self._options.part]
        high_s, retrigger = self._options.high_s, self._options.retrigger
        self.part = Part(
            part.high_us if high_s is None else round(high_s * 1e6),
            part.block_us,
            part.retrigger if retrigger is None else retrigger,
            part.warm_up_us,
            part.pulses,
        )
        self.eyes: list[Eye] = []
        self._silent = self._frozen = False
        clock.call_at(clock.now_us, self._expect)
        clock.call_at(clock.now_us, self.power_on)

    def wire(self, on_level: Callable[[int], None]) -> None:
        """One more module, with its output."""
        self.eyes.append(Eye(self._clock, self.part, on_level))

    @property
    def silent(self) -> bool:
        return self._silent

    @silent.setter
    def silent(self, value: bool) -> None:
        self._silent = value
        for eye in self.eyes:
            eye.silent = value

    @property
    def frozen(self) -> bool:
        return self._frozen

    @frozen.setter
    def frozen(self, value: bool) -> None:
        self._frozen = value
        for eye in self.eyes:
            eye.frozen = value

    def power_on(self) -> None:
        """It warms up, and pulses at that."""
        for eye in self.eyes:
            for _ in range(self._stream.randint(0, self.part.pulses)):
                at_us = self._stream.randrange(self.part.warm_up_us)
                self._clock.call_at(self._clock.now_us + at_us, eye.stir, 0)

    def disturb(self, start_us: int, end_us: int) -> None:
        """The node beside it transmits."""
        for eye in self.eyes:
            if self._stream.random() < self._options.own_tx:
                self._clock.call_at(self._stream.randrange(start_us, end_us), eye.stir, 0)

    def time_by_state_us(self) -> dict[str, int]:
        """All of its modules watch all the time."""
        return {self._options.part: len(self.eyes) * self._clock.now_us}

    def _expect(self) -> None:
        """Wait for the next that passes."""
        passage = self._world.after(self._clock.now_us)
        if passage is not None:
            self._clock.call_at(passage.time_us, self._pass, passage)

    def _pass(self, passage: Passage) -> None:
        self._expect()
        if passage.eye is not None:
            for eye in self.eyes[passage.eye : passage.eye + 1]:
                eye.stir(passage.duration_us)
            return
        order = self.eyes[::-1] if passage.back else self.eyes
        for place, eye in enumerate(order):
            at_us = self._clock.now_us + place * passage.gap_us
            self._clock.call_at(at_us, eye.stir, passage.duration_us)
