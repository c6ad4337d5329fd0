# SPDX-License-Identifier: MIT
"""The serial port of a virtual board: a pseudo-terminal, and what a cable can do wrong."""

import errno
import os
import pty
import select
import time
import tty
from pathlib import Path

from host.errors import WrongUse

_DEAF_S = 5.0  # a board gives up on a host that reads nothing for so long
_QUEUE = 8192
FLUSH_S = 0.001  # a pseudo-terminal does not always tell that there is room again


class CablePulled(Exception):
    """The cable was pulled, where a test had asked for it."""


class Port:
    """One line: `path` is what a program opens; `attached` tells whether one has it open.

    `bytes_per_s` is the speed of the line to the board, 0 for as fast as it goes. `link` is a
    symbolic link that leads to it, whatever number it has.
    """

    def __init__(self, bytes_per_s: int = 0, link: Path | None = None):
        self.bytes_per_s, self.link = bytes_per_s, link
        self.to_board_left: int | None = None  # bytes until the cable is pulled, None: never
        self.to_host_left: int | None = None
        self.attached = False
        self.watch_for = b""  # bytes whose arrival sets `seen`
        self.seen = False
        self.path = ""
        self._tail = b""
        self._master = -1
        self._pulled: list[int] = []  # ends of those that were plugged in before
        self._queue = bytearray()
        self._moved_s = self._may_read_s = 0.0

    def open(self) -> None:
        """Plug it in; nothing happens when it is."""
        if self._master >= 0:
            return
        self._master, slave = pty.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        os.close(slave)  # without one of ours the master tells who else has it open
        os.set_blocking(self._master, False)
        self.attached = False
        self._queue.clear()
        if self.link is not None:
            if self.link.exists() and not self.link.is_symlink():
                raise WrongUse(f"{self.link} is there, and is no link", "name another --link")
            self.link.unlink(missing_ok=True)
            self.link.symlink_to(self.path)

    def pull(self) -> None:
        """Pull it out: the path is gone, a program that had it open gets an error.

        Its number stays taken until `close`: a program that tries the path again must not find
        another board there.
        """
        if self._master < 0:
            return
        self._pulled.append(os.open(self.path, os.O_RDWR | os.O_NOCTTY))
        os.close(self._master)
        self._master, self.attached = -1, False
        self._queue.clear()
        link = self.link  # another board may have taken it over
        if link is not None and link.is_symlink() and os.readlink(link) == self.path:
            link.unlink()

    def close(self) -> None:
        """Pull it out for good."""
        self.pull()
        while self._pulled:
            os.close(self._pulled.pop())

    def fileno(self) -> int:
        return self._master

    def look(self) -> bool:
        """See who is there; True: the program that had it open has closed it."""
        if self._master < 0:
            return False
        before, self.attached = self.attached, not self._hung_up()
        if before and not self.attached:
            self._queue.clear()
        return before and not self.attached

    def _hung_up(self) -> bool:
        poll = select.poll()
        poll.register(self._master, select.POLLIN)
        events = dict(poll.poll(0)).get(self._master, 0)
        return bool(events & select.POLLHUP) and not events & select.POLLIN

    def read(self) -> bytes:
        """What has been typed since."""
        now_s = time.monotonic()
        if self._master < 0 or now_s < self._may_read_s:
            return b""
        most = 64 if self.bytes_per_s else 4096
        if self.to_board_left is not None:
            most = min(most, self.to_board_left)
        try:
            data = os.read(self._master, most)
        except OSError as error:
            if error.errno not in (errno.EIO, errno.EAGAIN):
                raise
            return b""
        if self.bytes_per_s:
            self._may_read_s = max(self._may_read_s, now_s - 0.05) + len(data) / self.bytes_per_s
        if self.to_board_left is not None:
            self.to_board_left -= len(data)
        if self.watch_for:
            self._tail = (self._tail + data)[-len(data) - len(self.watch_for) :]
            self.seen = self.seen or self.watch_for in self._tail
        return data

    def write(self, data: bytes) -> None:
        """Send it; what nobody is there for is lost, as on a wire."""
        if self.attached:
            if not self._queue:
                self._moved_s = time.monotonic()
            self._queue += data
            self.flush()

    def flush(self) -> None:
        """Send what waits, as much as goes."""
        while self._queue and self._master >= 0 and self.to_host_left != 0:
            piece = bytes(self._queue[:_QUEUE])
            if self.to_host_left is not None:
                piece = piece[: self.to_host_left]
            try:
                count = os.write(self._master, piece)
            except BlockingIOError:
                if time.monotonic() - self._moved_s > _DEAF_S:
                    self._queue.clear()
                return
            self._moved_s = time.monotonic()
            del self._queue[:count]
            if self.to_host_left is not None:
                self.to_host_left -= count

    def strain(self) -> None:
        """CablePulled: as many bytes as it was to carry have gone, in one of the directions."""
        if 0 in (self.to_board_left, self.to_host_left):
            raise CablePulled

    @property
    def full(self) -> bool:
        """True when the board had better wait before it sends more."""
        return len(self._queue) >= _QUEUE

    @property
    def waits(self) -> bool:
        """True when there is something to flush."""
        return bool(self._queue)
