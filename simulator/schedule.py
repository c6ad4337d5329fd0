# SPDX-License-Identifier: MIT
"""Who is next: boards that run side by side, and everything in one order all the same.

Each board has a clock of its own, with its chips and faults on it; the air, the gateways and the
network have the common clock. While its radio does not listen nothing common can touch a board: it
is served ahead, and the lease of an answer ends with what is next on its own clock. While it
listens it is served in the common order of (time, name), and the lease ends with whatever is next
anywhere. What a board does to the others waits on the common clock under (time, name, number), and
that clock goes on to a moment only when no board can put anything before it there. So each board
and the common clock have one order of things each, however many boards compute at once.
"""

import os
import select
from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from simulator.board import Board
from simulator.clock import Clock
from simulator.core import SharedCore

_Key = tuple[int, str]
_Entry = tuple[int, str, Board]
_NEVER: _Key = (1 << 62, "")
_CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
USUAL_JOBS = 2 * (_CORES or 1)  # while some wait for their answer no core is idle


def run(boards: Sequence[Board], clock: Clock, end_us: int, jobs: int = 1) -> None:
    """Serve all boards and events until `end_us`, with `jobs` boards computing at once.

    HostError: one hangs or ends by itself. A board alone may be on the common clock itself.
    """
    alone = len(boards) == 1 and boards[0].clock is clock
    _Schedule(boards, Clock() if alone else clock, end_us, jobs).run()


class _Schedule:
    """Boards by what they wait for; each is in one of the three, under (time, name)."""

    def __init__(self, boards: Sequence[Board], clock: Clock, end_us: int, jobs: int):
        self._boards, self._clock, self._end_us, self._jobs = boards, clock, end_us, jobs
        self._ahead: list[_Entry] = []  # heaps
        self._bound: list[_Entry] = []
        self._busy: dict[int, _Entry] = {}  # by descriptor
        self._poll = select.poll()
        self._core = SharedCore(boards, min(jobs, len(boards)))
        self._hang_s = min((board.hang_s for board in boards), default=0)
        for board in boards:
            self._file(board)

    def run(self) -> None:
        try:
            self._run()
        finally:
            self._core.leave()

    def _run(self) -> None:
        while True:
            if self._bound and self._step():
                continue  # whoever is bound comes after it
            if (len(self._busy) < self._jobs and self._serve()) or self._step():
                continue
            if not self._busy:
                break
            self._wait()
        for clock in (*(board.clock for board in self._boards), self._clock):
            clock.run_until(self._end_us)

    def _file(self, board: Board) -> None:
        if board.busy:
            self._busy[board.fileno()] = (board.clock.now_us, board.name, board)
            self._poll.register(board.fileno(), select.POLLIN)
        else:
            heap = self._bound if board.listens() else self._ahead
            heappush(heap, (board.due_us(), board.name, board))

    def _first(self) -> _Entry | _Key:
        """Before this no board does anything; one that computes goes on from its last answer."""
        first: _Entry | _Key = _NEVER
        for heap in (self._ahead, self._bound):
            if heap and heap[0] < first:
                first = heap[0]
        for entry in self._busy.values():
            if entry < first:
                first = entry
        return first

    def _step(self) -> bool:
        """Run an event of the common clock, which may touch boards that listen; False: none can."""
        event = self._clock.next_key()
        if event is None or event[0] > self._end_us or event > self._first():
            return False
        self._clock.step()
        if self._bound:
            self._bound = [(board.due_us(), board.name, board) for _, _, board in self._bound]
            heapify(self._bound)
        return True

    def _serve(self) -> bool:
        """Have a board do what is due; False: each has to wait for others, or for the end."""
        if self._bound and self._bound[0] is self._first() and self._bound[0][0] <= self._end_us:
            self._clock.now_us, _, board = heappop(self._bound)  # where nothing is due before it
            board.step(self._lease_us)
        elif self._ahead and self._ahead[0][0] <= self._end_us:
            board = heappop(self._ahead)[2]
            board.step(self._lease_us)
            while not board.busy and board.due_us() <= self._end_us:
                board.step(self._lease_us)
        else:
            return False
        self._file(board)
        return True

    def _lease_us(self, board: Board) -> int:
        """Until when nothing can touch a board that is being served."""
        lease_us, own_us = self._end_us, board.clock.next_us()
        if own_us is not None and own_us < lease_us:
            lease_us = own_us
        if board.listens():
            common_us = self._clock.next_us()
            lease_us = min(lease_us, self._first()[0], lease_us if common_us is None else common_us)
        return lease_us

    def _wait(self) -> None:
        """Wait until a board asks."""
        found = self._core.poll(self._poll, 1000 * self._hang_s)
        if not found:
            raise min(self._busy.values())[2].hung()
        for descriptor, _ in found:
            board = self._busy[descriptor][2]
            if board.take():
                self._poll.unregister(descriptor)
                del self._busy[descriptor]
                self._file(board)
