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

import select
from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from simulator.board import Board
from simulator.clock import Clock

_Key = tuple[int, str]
_NEVER = (1 << 62, "")


def run(boards: Sequence[Board], clock: Clock, end_us: int, jobs: int = 1) -> None:
    """Serve all boards and events until `end_us`, with `jobs` boards computing at once.

    HostError: one hangs or ends by itself. A board alone may be on the common clock itself.
    """
    alone = len(boards) == 1 and boards[0].clock is clock
    _Schedule(boards, Clock() if alone else clock, end_us, jobs).run()


class _Schedule:
    """Boards by what they wait for; each is in one of the three."""

    def __init__(self, boards: Sequence[Board], clock: Clock, end_us: int, jobs: int):
        self._boards, self._clock, self._end_us, self._jobs = boards, clock, end_us, jobs
        self._ahead: list[tuple[int, str, Board]] = []  # heaps by (time, name)
        self._bound: list[tuple[int, str, Board]] = []
        self._busy: dict[int, Board] = {}  # by descriptor
        self._poll = select.poll()
        for board in boards:
            self._file(board)

    def run(self) -> None:
        while True:
            event = self._clock.next_key() or _NEVER
            first = self._first()
            if event <= first and event[0] <= self._end_us:
                self._step()
            elif len(self._busy) < self._jobs and self._serve(min(event, first)):
                pass
            elif self._busy:
                self._wait()
            else:
                break
        for clock in (*(board.clock for board in self._boards), self._clock):
            clock.run_until(self._end_us)

    def _file(self, board: Board) -> None:
        if board.busy:
            self._busy[board.fileno()] = board
            self._poll.register(board.fileno(), select.POLLIN)
        else:
            heap = self._bound if board.listens() else self._ahead
            heappush(heap, (board.due_us(), board.name, board))

    def _first(self) -> _Key:
        """Before this no board does anything; one that computes goes on from its last answer."""
        keys = [heap[0][:2] for heap in (self._ahead, self._bound) if heap]
        keys += [(board.clock.now_us, board.name) for board in self._busy.values()]
        return min(keys, default=_NEVER)

    def _step(self) -> None:
        """One event of the common clock; it may have touched boards that listen."""
        self._clock.step()
        self._bound = [(board.due_us(), board.name, board) for _, _, board in self._bound]
        heapify(self._bound)

    def _serve(self, first: _Key) -> bool:
        """Have a board do what is due; False: each has to wait for others, or for the end."""
        if self._bound and self._bound[0][:2] <= first and first[0] <= self._end_us:
            due_us, _, board = heappop(self._bound)
            self._clock.now_us = due_us  # nothing is due there before this board
            board.step(self._lease_us)
        elif self._ahead and self._ahead[0][0] <= self._end_us:
            board = heappop(self._ahead)[2]
            while not board.busy and board.due_us() <= self._end_us:
                board.step(self._lease_us)
        else:
            return False
        self._file(board)
        return True

    def _lease_us(self, board: Board) -> int:
        """Until when nothing can touch a board that is being served."""
        leases_us = [self._end_us]
        if (due_us := board.clock.next_us()) is not None:
            leases_us.append(due_us)
        if board.listens():
            leases_us += [(self._clock.next_key() or _NEVER)[0], self._first()[0]]
        return min(leases_us)

    def _wait(self) -> None:
        """Wait until a board asks."""
        found = self._poll.poll(1000 * min(board.hang_s for board in self._busy.values()))
        if not found:
            raise min(
                self._busy.values(), key=lambda board: (board.clock.now_us, board.name)
            ).hung()
        for descriptor, _ in found:
            if self._busy[descriptor].take():
                self._poll.unregister(descriptor)
                self._file(self._busy.pop(descriptor))
