# SPDX-License-Identifier: MIT
"""A device for the network server whose frames pamoja-lorawan builds and opens."""

import random
from datetime import UTC, datetime

import pytest
from pamoja import lorawan as pamoja

from host.lorawan import next_counter
from simulator.network import Device, Network

S = 1_000_000
START = datetime(2026, 1, 5, 8, tzinfo=UTC)


class Peer:
    """Joins, counts and hears; it sends every 10 s and keeps to no rule that a test breaks.

    `down`: what the last uplink brought, opened, or None; `sent`: the downlink as it is sent.
    """

    def __init__(self, sf=7, bw_hz=125_000, freq_hz=868_300_000, **options):
        self.own = Device("peer", bytes(range(8)), bytes(8), bytes(range(16)))
        self.server = Network([self.own], random.Random(71), start=START, **options)
        self.channel = {"sf": sf, "bw_hz": bw_hz, "freq_hz": freq_hz}
        self.snr_db = 5.0
        self.time_us, self.f_cnt, self.f_cnt_down = 0, 0, -1
        self.accept = self.session = self.phy = self.sent = self.down = None

    @property
    def link(self):
        return self.server.link(self.own)

    @property
    def state(self):
        return self.link.state

    def join(self, dev_nonce=1):
        own = pamoja.device(self.own.dev_eui, self.own.join_eui, self.own.app_key)
        self.time_us += 10 * S
        verdict = self._send(own.join_request(dev_nonce))
        self.sent = verdict.downlink
        self.accept = own.accept_join(self.sent.phy, dev_nonce)
        self.session, self.f_cnt, self.f_cnt_down = self.accept.session(), 0, -1
        return self

    def report(self, f_opts=b"", payload=b"hi", f_port=1, confirmed=False, adr=False, ack=False):
        """Send the next uplink; returns the verdict."""
        self.time_us += 10 * S
        phy = self.session.encode_uplink(self.f_cnt, f_port, payload, confirmed, adr, ack, f_opts)
        self.f_cnt += 1
        return self.hear(self._send(phy))

    def repeat(self, after_us=4 * S, gateway="g1"):
        """Send the last uplink once more, as it was."""
        self.time_us += after_us
        return self.hear(self._send(self.phy, gateway))

    def asked(self, *requests, answer=None, **fields):
        """Have the network ask; with an answer, give it. Returns the MAC commands that came."""
        self.server.queue_mac(self.own, requests)
        self.report(**fields)
        came = self.commands()
        if answer is not None:
            self.report(answer, **fields)
        return came

    def commands(self):
        """The MAC commands of the last downlink, b"" for none."""
        if self.down is None:
            return b""
        return self.down.payload if self.down.fport == 0 else self.down.fopts

    def hear(self, verdict):
        self.sent, self.down = verdict.downlink, None
        if self.sent is not None:
            low = int.from_bytes(self.sent.phy[6:8], "little")
            self.f_cnt_down = next_counter(self.f_cnt_down, low)
            self.down = self.session.decode(self.sent.phy, self.f_cnt_down)
        return verdict

    def _send(self, phy, gateway="g1"):
        self.phy = phy
        channel = self.channel
        return self.server.uplink(
            self.time_us, phy, channel["freq_hz"], channel["sf"], channel["bw_hz"],
            -80, self.snr_db, gateway,
        )  # fmt: skip


@pytest.fixture
def peer():
    """A function that makes a device which has joined a network with these options."""
    return lambda **options: Peer(**options).join()
