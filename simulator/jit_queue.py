# SPDX-License-Identifier: MIT
"""The downlinks that a gateway has promised to send, by the rules of Semtech's jitqueue.c."""

from dataclasses import dataclass
from operator import attrgetter

_START_US = 1_500  # TX_START_DELAY
_MARGIN_US = 1_000  # TX_MARGIN_DELAY
_JIT_US = 40_000  # TX_JIT_DELAY: it is programmed that long before
_PRE_US = _START_US + _JIT_US
_EARLIEST_US = _PRE_US + _MARGIN_US
_MAX_ADVANCE_US = 512_000_000
_SOON_US = 1_000_000  # "immediately" is that late at the earliest
_DEPTH = 32


@dataclass(frozen=True)
class Slot:
    """When one of them is on the air."""

    start_us: int
    airtime_us: int

    def collides(self, other: "Slot") -> bool:
        """Whether one has to be programmed while the other is being sent."""
        first, second = sorted((self, other), key=attrgetter("start_us"))
        gap_us = second.start_us - first.start_us
        return gap_us <= _PRE_US + first.airtime_us + _MARGIN_US


class JitQueue:
    """Slots in the order of time; a refusal is a word of the protocol's TX_ACK."""

    def __init__(self) -> None:
        self._slots: list[Slot] = []

    def __len__(self) -> int:
        return len(self._slots)

    def add(self, now_us: int, start_us: int | None, airtime_us: int) -> Slot | str:
        """Promise a time, None: as soon as there is one. Returns the slot, or why not."""
        self._slots = [each for each in self._slots if each.start_us + each.airtime_us > now_us]
        if len(self._slots) >= _DEPTH:
            return "COLLISION_PACKET"  # as the reference says of a full queue
        if start_us is None:
            slot = self._soonest(now_us, airtime_us)
        elif start_us - now_us <= _EARLIEST_US:
            return "TOO_LATE"
        elif start_us - now_us > _MAX_ADVANCE_US:
            return "TOO_EARLY"
        else:
            slot = Slot(start_us, airtime_us)
            if any(map(slot.collides, self._slots)):
                return "COLLISION_PACKET"
        self._slots.append(slot)
        self._slots.sort(key=attrgetter("start_us"))
        return slot

    def _soonest(self, now_us: int, airtime_us: int) -> Slot:
        slot = Slot(now_us + _SOON_US, airtime_us)
        for other in self._slots:
            if slot.collides(other):
                after_us = other.start_us + other.airtime_us + _PRE_US + _JIT_US + _MARGIN_US
                slot = Slot(after_us, airtime_us)
        return slot
