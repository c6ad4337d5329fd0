# SPDX-License-Identifier: MIT
"""A network server's side of the Semtech UDP protocol, in a thread of its own, for tests."""

import json
import socket
import threading
from contextlib import contextmanager

DATA = bytes.fromhex("40341201260007000180477f7b19781660ea")


class Server:
    """Acknowledges at once; `drop(number, datagram)` says which PUSH_DATA it does not see.

    `after(number)` are datagrams that follow the acknowledgement of the number-th PUSH_DATA.
    """

    def __init__(self, drop=lambda number, datagram: False, after=lambda number: ()):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self._drop, self._after, self._seen = drop, after, 0
        self.pushes, self.pulls, self.tx_acks, self.places = [], [], [], set()

    def serve(self):
        while datagram := self._take():
            kind, place = datagram[3], self._from
            self.places.add(place[0])
            if kind == 0:
                self._push(datagram, place)
            elif kind == 2:
                self.pulls.append(datagram)
                self.socket.sendto(datagram[:3] + b"\x04", place)
            else:
                self.tx_acks.append(datagram)

    def _take(self):
        datagram, self._from = self.socket.recvfrom(65536)
        return datagram

    def _push(self, datagram, place):
        self._seen += 1
        if self._drop(self._seen, datagram):
            return
        self.pushes.append(datagram)
        self.socket.sendto(datagram[:3] + b"\x01", place)
        for each in self._after(self._seen):
            self.socket.sendto(each, place)

    def frames(self):
        """(EUI, rxpk) of each uplink that came."""
        return [
            (each[4:12].hex(), packet)
            for each in self.pushes
            for packet in json.loads(each[12:]).get("rxpk", ())
        ]


@contextmanager
def serving(**options):
    """A server that runs; an empty datagram ends it."""
    server = Server(**options)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.socket.sendto(b"", ("127.0.0.1", server.port))
        thread.join()
        server.socket.close()
