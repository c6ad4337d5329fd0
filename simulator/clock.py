# SPDX-License-Identifier: MIT
"""Virtual time in whole microseconds: it jumps from event to event."""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Any


class Event:
    """One callback that waits for its time; cancelled by `Clock.cancel`."""

    __slots__ = ("args", "callback", "time_us")

    def __init__(self, time_us: int, callback: Callable[..., None] | None, args: tuple[Any, ...]):
        self.time_us, self.callback, self.args = time_us, callback, args


class Clock:
    """A queue of events; `now_us` moves before a callback runs, ties run in scheduling order.

    What others put on it (`post`) comes after its own of the same moment, in the order of names.
    """

    def __init__(self) -> None:
        self.now_us = 0
        self._due: list[tuple[int, str, int, Event]] = []
        self._order = count()

    def call_at(self, time_us: int, callback: Callable[..., None], *args: Any) -> Event:
        """Run `callback(*args)` at `time_us`. ValueError: that time has passed."""
        return self.post(time_us, "", callback, *args)

    def post(self, time_us: int, name: str, callback: Callable[..., None], *args: Any) -> Event:
        """The same for somebody who has a clock of his own."""
        if time_us < self.now_us:
            raise ValueError(f"{time_us} us is in the past, it is {self.now_us} us")
        event = Event(time_us, callback, args)
        heappush(self._due, (time_us, name, next(self._order), event))
        return event

    def cancel(self, event: Event | None) -> None:
        """Forget an event; one that has run or was cancelled already, or None, is fine."""
        if event is not None:
            event.callback = None

    def next_us(self) -> int | None:
        """Time of the next event, None when nothing is due."""
        while self._due and self._due[0][3].callback is None:
            heappop(self._due)
        return self._due[0][0] if self._due else None

    def next_key(self) -> tuple[int, str] | None:
        """The same with the name of who put it there, "" for its own."""
        return None if self.next_us() is None else self._due[0][:2]

    def run_until(self, end_us: int) -> None:
        """Run all that is due up to and at `end_us`, and leave the time there."""
        while (due_us := self.next_us()) is not None and due_us <= end_us:
            self.step()
        self.now_us = max(self.now_us, end_us)

    def step(self) -> None:
        """Run the next event. IndexError: nothing is due."""
        self.next_us()  # drops what was cancelled
        self.now_us, _, _, event = heappop(self._due)
        callback, event.callback = event.callback, None
        if callback is not None:
            callback(*event.args)
