# SPDX-License-Identifier: MIT
"""UDP sockets of gateways, and a clock that keeps the time of the world."""

import selectors
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from simulator.clock import Clock
from simulator.wall import Wall

_LONGEST_S = 0.5  # Ctrl-C and the end are seen that soon
_DATAGRAM = 65536
_AT_A_TIME = 64
_BUFFER = 1 << 20
_STEP_US = 50_000


class _Socket:
    """One gateway's end; `receive` gets what comes."""

    def __init__(self, opened: socket.socket):
        self.opened = opened
        self.receive: Callable[[bytes], None] = lambda datagram: None

    def send(self, datagram: bytes) -> None:
        """Send a datagram, which may be lost like any other."""
        with suppress(BlockingIOError, ConnectionRefusedError):  # no room, or nobody there
            self.opened.send(datagram)

    def drain(self) -> None:
        """Take some of what has come; then what is due has its turn."""
        for _ in range(_AT_A_TIME):
            try:
                datagram = self.opened.recv(_DATAGRAM)
            except BlockingIOError:
                return
            except ConnectionRefusedError:  # so the system says of an earlier one
                continue
            self.receive(datagram)


class UdpLine:
    """Sockets to one network server, and the clock of what stands behind them.

    A socket takes datagrams of that server only, and is open on the way to it only: on loopback if
    the server is there.
    OSError: there is no such server.
    """

    def __init__(self, clock: Clock, host: str, port: int):
        self._clock = clock
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        except UnicodeError as error:
            raise OSError("no name of a computer") from error
        self._family, self._address = found[0][0], found[0][4]
        self._selector = selectors.DefaultSelector()
        self.wall = Wall(clock)
        self._waited = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for key in list(self._selector.get_map().values()):
            self._selector.unregister(key.fileobj)
            key.data.opened.close()
        self._selector.close()

    def open(self) -> _Socket:
        """Open one more socket."""
        opened = socket.socket(self._family, socket.SOCK_DGRAM)
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        opened.connect(self._address)  # to loopback it is bound to loopback
        found = _Socket(opened)
        self._selector.register(opened, selectors.EVENT_READ, found)
        return found

    def run(self, going: Callable[[], bool]) -> None:
        """Keep time, and take what comes, for as long as it is `going`."""
        while going():
            behind_us = self._catch_up()
            due_us = self._clock.next_us()
            wait_s = _LONGEST_S if due_us is None else (due_us - self._clock.now_us) / 1e6
            wait_s = 0 if behind_us else min(max(wait_s, 0), _LONGEST_S)
            for key, _ in self._selector.select(wait_s):
                self._catch_up()
                key.data.drain()

    def wait(self, until_us: int) -> int:
        """Wait until it is until_us, or something came, and return the time that it is then.

        `take` takes what came, once the clock has been brought there.
        """
        if not self._waited:  # what it took to get here is no loss
            self._waited, self.wall = True, Wall(self._clock)
        now_us = self.wall.since_us(self._clock.now_us)
        self._selector.select(min(max((until_us - now_us) / 1e6, 0), _LONGEST_S))
        return min(self.wall.now_us(), until_us)

    def take(self) -> None:
        """Take what has come."""
        self._drain(self._selector.select(0))

    def fileno(self) -> int:
        """A descriptor that can be read when something has come."""
        return self._selector.fileno()

    def _drain(self, found: list[tuple[selectors.SelectorKey, int]]) -> None:
        for key, _ in found:
            key.data.drain()

    def _catch_up(self) -> int:
        """Go on to now, but not far at once; returns how far it is behind still, in us.

        After a pause what has come is taken before all is repeated that waits for it.
        """
        now_us = self.wall.now_us()
        self._clock.run_until(min(now_us, self._clock.now_us + _STEP_US))
        return max(now_us - self._clock.now_us, 0)
