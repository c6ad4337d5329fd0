# SPDX-License-Identifier: MIT
"""The simulator and a board that computes for it take turns, and so they share one core.

Left to the kernel, each wakes on whichever core is idle, and to wake that takes longer than most
of what is asked for: docs/performance.md has the figures.
"""

import os
import select
from collections.abc import Sequence
from pathlib import Path

from simulator.board import Board

_LOOK_EACH = 1000  # waits, of which a run has some thousands a second
_STAT = Path("/proc/thread-self/stat")
_PROCESSOR = 36  # proc(5), /proc/pid/stat: field 39, counted behind the name


class SharedCore:
    """The core of the boards and of the thread that waits for them, if one computes `at_once`.

    Once in a while it is the one where the kernel wakes this thread then, as others use the
    computer too. Where a process cannot be kept on a core, nothing is (macOS).
    """

    def __init__(self, boards: Sequence[Board], at_once: int):
        self._boards, self._waits = boards, 0
        self._usual: set[int] = set()  # the cores that are allowed, where there is a choice
        if at_once == 1 and hasattr(os, "sched_getaffinity") and _STAT.exists():
            self._usual = os.sched_getaffinity(0)

    def poll(self, poll: "select.poll", timeout_ms: int) -> list[tuple[int, int]]:
        """What `poll` finds, on the shared core from here on."""
        looks = bool(self._usual) and self._waits % _LOOK_EACH == 0
        self._waits += 1
        if looks:
            self.leave()
        found = poll.poll(timeout_ms)
        if looks:
            core = _here()
            os.sched_setaffinity(0, {core})
            for board in self._boards:
                board.stay_on(core)
        return found

    def leave(self) -> None:
        """Let this thread go where it likes; what it starts from now on may too."""
        if self._usual:
            os.sched_setaffinity(0, self._usual)


def _here() -> int:
    """The core that this thread runs on."""
    return int(_STAT.read_text().rpartition(") ")[2].split()[_PROCESSOR])
