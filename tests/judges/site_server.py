# SPDX-License-Identifier: MIT
"""A network server that is not ours, on a UDP port: pamoja-gateway behind a socket, in a thread."""

import socket
import threading
from contextlib import contextmanager

from pamoja import gateway as peer
from pamoja import lora

RX1_DELAY_US = 5_000_000  # as The Things Stack: it gives a slow computer time


class Site:
    """Acknowledges what gateways say, lets devices join, and answers each uplink by `answer`.

    `answer(site, event)` returns a txpk or None. `events` are those that pamoja made of uplinks,
    `statuses` what became of downlinks, `malformed` what it could not read.
    """

    def __init__(self, answer):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.network = peer.Network(lora.plan_for("EU868"), 0x13, RX1_DELAY_US)
        self._answer, self._token = answer, 0
        self._pulls = {}  # EUI -> the address of its last PULL_DATA
        self.events, self.statuses, self.gateways = [], [], set()

    def serve(self):
        while True:
            datagram, place = self.socket.recvfrom(65536)
            if not datagram:
                return
            packet = peer.parse(datagram)
            self.gateways.add((packet.gateway, place[0]))
            if packet.kind == peer.PacketKind.TX_ACK:
                self.statuses.append(packet.tx_status)
                continue
            self.socket.sendto(peer.encode(peer.acknowledgment(packet)), place)
            if packet.kind == peer.PacketKind.PULL_DATA:
                self._pulls[packet.gateway] = place
            for heard in packet.packets or ():
                self._take(packet.gateway, heard)

    def _take(self, gateway, heard):
        event = self.network.uplink(heard)
        self.events.append((event, heard.payload))
        txpk = event.accept if event.outcome == "joined" else self._answer(self, event)
        if txpk is not None:
            self._token += 1
            packet = peer.Packet(peer.PacketKind.PULL_RESP, self._token, transmit=txpk)
            self.socket.sendto(peer.encode(packet), self._pulls[gateway])


@contextmanager
def serving(answer):
    """A site that runs; an empty datagram ends it."""
    site = Site(answer)
    thread = threading.Thread(target=site.serve, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.socket.sendto(b"", ("127.0.0.1", site.port))
        thread.join(10)
        site.socket.close()
