# SPDX-License-Identifier: MIT
"""The packet forwarder before a network side that is not ours: pamoja-gateway joins and answers.

It conflicts with pamoja-lorawan, so it lives with the judges.
"""

from base64 import b64encode
from datetime import UTC, datetime

import pytest
from pamoja import gateway as peer
from pamoja import lora
from pamoja._native import LorawanMacCommand as MacCommand

from host import lorawan
from simulator.clock import Clock
from simulator.packet_forwarder import PacketForwarder

EUI = bytes.fromhex("0710710000000001")
DEV_EUI, JOIN_EUI, APP_KEY = bytes(range(8)), bytes(8), bytes(range(16))
S = 1_000_000


class Bench:
    """A site of pamoja's, the forwarder, and a clock; datagrams go to and fro as bytes."""

    def __init__(self):
        self.clock, self.out, self.air = Clock(), [], []
        self.clock.run_until((1 << 32) - 3 * S)  # the counter wraps on the way
        start = datetime(2026, 11, 23, 6, tzinfo=UTC)
        self.forwarder = PacketForwarder(EUI, self.clock, start, self.out.append, self._sent)
        self.site = peer.Network(lora.plan_for("EU868"), 0x13)
        self.site.register(DEV_EUI, JOIN_EUI, APP_KEY)

    def _sent(self, downlink):
        self.air.append((self.clock.now_us, downlink))

    def take(self):
        """What the forwarder said last, read by pamoja and acknowledged by it."""
        packet = peer.parse(self.out.pop())
        if packet.kind != peer.PacketKind.TX_ACK:
            self.forwarder.receive(peer.encode(peer.acknowledgment(packet)))
        return packet

    def hear(self, phy):
        """An uplink at the gateway now; returns what pamoja takes it for."""
        data = {
            "tmst": self.forwarder.tmst(), "freq": 868.1, "chan": 0, "rfch": 0, "stat": 1,
            "modu": "LORA", "datr": "SF7BW125", "codr": "4/5", "rssi": -100, "lsnr": 7.5,
            "size": len(phy), "data": b64encode(phy).decode(),
        }  # fmt: skip
        self.forwarder.push([data])
        packet = self.take()
        assert packet.gateway == EUI.hex()
        (heard,) = packet.packets
        assert heard.payload == phy and heard.crc == peer.Crc.OK
        assert (heard.frequency_hz, heard.link.spreading_factor) == (868_100_000, 7)
        assert (heard.rssi_dbm, heard.snr_db) == (-100.0, 7.5)
        assert heard.timestamp_us == self.forwarder.tmst()
        return self.site.uplink(heard)

    def transmit(self, txpk, token=0xABCD):
        """Have pamoja ask for a downlink; returns the status of the TX_ACK, as it reads it."""
        packet = peer.Packet(peer.PacketKind.PULL_RESP, token, transmit=txpk)
        self.forwarder.receive(peer.encode(packet))
        answer = self.take()
        assert (answer.kind, answer.token, answer.gateway) == ("TxAck", token, EUI.hex())
        return answer.tx_status

    def sent_after(self, us):
        """The one downlink that went out so long after now."""
        at_us = self.clock.now_us + us
        self.clock.run_until(at_us)
        ((sent_us, downlink),) = self.air
        self.air.clear()
        assert sent_us == at_us
        return downlink

    def join(self):
        request = lorawan.JoinRequest(JOIN_EUI, DEV_EUI, 1).build(APP_KEY)
        event = self.hear(request)
        assert (event.outcome, event.dev_eui) == ("joined", DEV_EUI.hex())
        assert self.transmit(event.accept) == "NONE"
        down = self.sent_after(5 * S)
        assert (down.freq_hz, down.sf, down.iq_inverted) == (868_100_000, 7, True)
        accept = lorawan.open_join_accept(down.phy, APP_KEY)
        assert accept.dev_addr == event.dev_addr
        return accept.session(APP_KEY, 1)


@pytest.fixture
def bench():
    return Bench()


def test_a_device_joins_talks_and_is_answered(bench):
    session = bench.join()
    frame = lorawan.DataFrame(lorawan.MType.UNCONFIRMED_UP, session.dev_addr, 0, 0, b"", 1, b"21.5")
    event = bench.hear(session.seal(frame))
    assert (event.outcome, event.fcnt, event.fport, event.payload) == ("data", 0, 1, b"21.5")
    assert bench.transmit(bench.site.answer(session.dev_addr, event.slot, 2, b"ok")) == "NONE"
    down = session.open(bench.sent_after(S).phy, 0)
    assert (down.f_port, down.frm_payload, down.downlink) == (2, b"ok", True)


def test_the_way_for_downlinks_and_the_counts(bench):
    bench.forwarder.begin()
    packet = bench.take()
    assert (packet.kind, packet.gateway) == ("PullData", EUI.hex())
    assert bench.forwarder.counts.pull_acks == 1
    bench.join()
    bench.out.clear()
    bench.clock.run_until(bench.clock.now_us + 25 * S)
    status = next(found for found in map(peer.parse, bench.out) if found.status).status
    assert (status.received, status.received_ok, status.forwarded) == (1, 1, 1)
    assert status.acknowledged_percent == 100.0


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "NONE"),
        ({"timestamp_us": (1 << 32) - 3 * S + 42_500}, "TOO_LATE"),
        ({"timestamp_us": 600 * S}, "TOO_EARLY"),
        ({"frequency_hz": 915_000_000}, "TX_FREQ"),
        ({"power_dbm": 30}, "TX_POWER"),
        ({"timestamp_us": None, "gps_millis": 10**12, "immediate": False}, "GPS_UNLOCKED"),
        ({"timestamp_us": None, "immediate": True}, "NONE"),
    ],
)
def test_what_became_of_a_downlink_is_read_there(bench, changes, status):
    values = {
        "frequency_hz": 868_100_000, "payload": bytes(15), "link": lora.link(7, 125_000),
        "timestamp_us": S, "power_dbm": 14, "invert_polarity": True, "without_crc": True,
    }  # fmt: skip
    assert bench.transmit(peer.Txpk(**{**values, **changes})) == status


def test_two_at_once_collide(bench):
    down = peer.Txpk(868_100_000, bytes(15), link=lora.link(7, 125_000), timestamp_us=S)
    assert [bench.transmit(down), bench.transmit(down)] == ["NONE", "COLLISION_PACKET"]


def test_a_mac_command_arrives(bench):
    session = bench.join()
    frame = lorawan.DataFrame(lorawan.MType.UNCONFIRMED_UP, session.dev_addr, 0, 0, b"", 1, b"x")
    event = bench.hear(session.seal(frame))
    request = MacCommand(0x06, "Downlink")
    assert bench.transmit(bench.site.command(session.dev_addr, event.slot, [request])) == "NONE"
    assert session.open(bench.sent_after(S).phy, 0).f_opts == b"\x06"  # DevStatusReq
