# SPDX-License-Identifier: MIT
"""The gateway: what it hears and misses and why, what it sends, and its words (GWMP)."""

from base64 import b64encode
from dataclasses import replace

import pytest

from simulator.air import Air, Place, Signal, Transmission
from simulator.clock import Clock
from simulator.gateway import Gateway
from simulator.regions import REGIONS

EUI = "0710710000000000"
CHANNELS = REGIONS["EU868"].heard()
LENGTH_US = 50_000
PACKET = Transmission(
    0, LENGTH_US, 868_100_000, 7, 125_000, 5, 8, True, False, False, 0x34, 14.0, b"packet", "node",
)  # fmt: skip
DOWNLINK = bytes.fromhex("a034120126200300022185066d62")
# 14 bytes at SF7 and 125 kHz without a CRC (AN1200.13): 12.25 + 28 symbols of 1024 us; 33 with
DOWNLINK_US = 41_216


class Bench:
    """One gateway; `heard` and `missed` as it told them, with their times."""

    def __init__(self, channels=CHANNELS):
        self.clock = Clock()
        self.air = Air(self.clock, 1)
        self.station = self.air.station("gateway", Place(0, 0))
        self.gateway = Gateway(EUI, self.station, self.clock, channels, self._heard, self._missed)
        self.heard, self.missed = [], []

    def _heard(self, gateway, signal):
        assert gateway is self.gateway
        self.heard.append((self.clock.now_us, signal))

    def _missed(self, gateway, packet, cause):
        assert gateway is self.gateway
        self.missed.append((self.clock.now_us, packet.sender, cause))

    def arrive(self, at_us=0, snr_db=8.0, rssi_dbm=-100.0, **changes):
        """Have a packet begin at the antenna, of 50 ms unless changed."""
        self.clock.run_until(at_us)
        packet = replace(PACKET, start_us=at_us, end_us=at_us + LENGTH_US)
        signal = Signal(replace(packet, **changes), rssi_dbm, snr_db)
        self.station.hear(signal)
        return signal

    def send(self, at_us):
        self.clock.run_until(at_us)
        return self.gateway.send(self.gateway.downlink(868_100_000, 7, 125_000, DOWNLINK, 14))

    def end(self):
        """Let a second pass; returns the causes of what was missed."""
        self.clock.run_until(self.clock.now_us + 1_000_000)
        return [cause for _, _, cause in self.missed]


@pytest.fixture
def bench():
    return Bench()


def test_a_packet_is_told_at_its_end(bench):
    signal = bench.arrive(1000)
    bench.clock.run_until(1000 + LENGTH_US - 1)
    assert bench.heard == []
    assert bench.end() == []
    assert bench.heard == [(1000 + LENGTH_US, signal)]


@pytest.mark.parametrize(
    ("sf", "floor_db"),
    # SX1276 data sheet 4.1.1.2
    [(7, -7.5), (8, -10.0), (9, -12.5), (10, -15.0), (11, -17.5), (12, -20.0)],
)
def test_each_spreading_factor_has_its_floor(bench, sf, floor_db):
    bench.arrive(0, snr_db=floor_db, sf=sf)
    bench.arrive(100_000, snr_db=floor_db - 0.1, sf=sf)
    assert bench.end() == [f"too weak: SNR {floor_db - 0.1:.1f} dB"]
    assert [time_us for time_us, _ in bench.heard] == [LENGTH_US]
    assert bench.missed[0][:2] == (150_000, "node")  # known at once, told at the end


def test_sf6_is_not_heard(bench):
    bench.arrive(0, sf=6)
    assert bench.end() == ["too weak: SNR 8.0 dB"] and not bench.heard


@pytest.mark.parametrize("changes", [{"iq_inverted": True}, {"sync_word": 0x12}])
def test_what_is_no_uplink_of_lorawan_is_neither_heard_nor_missed(bench, changes):
    bench.arrive(0, **changes)
    assert bench.end() == [] and bench.heard == []


def eight(bench):
    """Eight packets that do not disturb each other, one a millisecond."""
    for number in range(8):
        bench.arrive(number * 1000, freq_hz=867_100_000 + number * 200_000)


def test_eight_demodulators(bench):
    eight(bench)
    bench.arrive(8000, sf=8, sender="ninth")
    bench.arrive(LENGTH_US, sf=9, sender="tenth")  # the first has just ended
    assert bench.end() == ["all demodulators busy"]
    assert bench.missed == [(8000 + LENGTH_US, "ninth", "all demodulators busy")]
    assert len(bench.heard) == 9


def test_what_it_does_not_lock_on_to_takes_no_demodulator(bench):
    for number in range(8):
        bench.arrive(number, snr_db=-30.0, sf=8, freq_hz=867_100_000 + number * 200_000)
    bench.arrive(100, iq_inverted=True, freq_hz=869_525_000)
    bench.arrive(200)
    assert bench.end() == ["too weak: SNR -30.0 dB"] * 8 and len(bench.heard) == 1


def test_a_collision_is_told_at_the_end(bench):
    bench.arrive(0, sender="one")
    bench.arrive(20_000, rssi_dbm=-100.5, sender="two")
    assert bench.end() == ["collision", "collision"] and not bench.heard
    bench.arrive(2_000_000, sender="three")
    bench.arrive(2_020_000, rssi_dbm=-110.0, sender="four")
    assert bench.end()[2:] == ["collision"]
    assert bench.missed[-1][1] == "four" and len(bench.heard) == 1


@pytest.mark.parametrize(
    ("at_us", "hears"),
    [
        (1_000_000 - LENGTH_US - 1, True),  # it has just ended
        (1_000_000 - LENGTH_US + 1, False),
        (999_999, False),
        (1_000_001, False),
        (1_000_000 + DOWNLINK_US - 1, False),
        (1_000_000 + DOWNLINK_US, True),
    ],
)
def test_while_it_sends_it_hears_nothing(bench, at_us, hears):
    bench.clock.call_at(1_000_000, bench.send, 1_000_000)
    bench.arrive(at_us)
    assert bench.end() == ([] if hears else ["gateway was sending"])
    assert len(bench.heard) == hears


def test_it_sends_one_downlink_at_a_time(bench):
    sent = []
    bench.air.on_transmit.append(sent.append)
    assert bench.send(1000) == ""
    assert bench.send(1000 + DOWNLINK_US - 1) == "gateway was sending"
    assert bench.send(1000 + DOWNLINK_US) == ""
    assert [packet.start_us for packet in sent] == [1000, 1000 + DOWNLINK_US]


def test_off_it_neither_hears_nor_sends(bench):
    sent = []
    bench.air.on_transmit.append(sent.append)
    bench.gateway.off = True
    bench.arrive(0)
    assert bench.end() == ["gateway off"]
    assert bench.send(2_000_000) == "gateway off" and sent == []
    bench.gateway.off = False
    bench.arrive(3_000_000)
    bench.clock.run_until(3_010_000)
    bench.gateway.off = True  # in the middle of a packet
    assert bench.end() == ["gateway off"] * 2 and bench.heard == []
    bench.arrive(5_000_000)
    bench.gateway.off = False  # again in the middle
    assert bench.end() == ["gateway off"] * 3 and bench.heard == []
    bench.arrive(7_000_000)
    assert bench.end() == ["gateway off"] * 3 and len(bench.heard) == 1


def test_a_downlink_is_inverted_and_has_no_crc(bench):
    bench.clock.run_until(5_000_000)
    sent = bench.gateway.downlink(869_525_000, 7, 125_000, DOWNLINK, 27)
    assert sent == Transmission(
        5_000_000, 5_000_000 + DOWNLINK_US, 869_525_000, 7, 125_000, 5, 8, False, False, True, 0x34,
        27, DOWNLINK, EUI,
    )  # fmt: skip


def test_a_node_hears_the_downlink(bench):
    node = bench.air.station("node", Place(500, 0))
    assert bench.send(1000) == ""
    (signal,) = node.signals()
    assert signal.transmission.payload == DOWNLINK and signal.transmission.sender == EUI


def test_the_words_of_an_uplink(bench):
    signal = bench.arrive(
        (1 << 32) + 7, rssi_dbm=-101.6, snr_db=-3.26, sf=10, freq_hz=868_099_976, cr=6
    )
    # facts/lorawan.md section 4; PROTOCOL.md of sx1302_hal
    assert bench.gateway.rxpk(signal) == {
        "tmst": 7 + LENGTH_US,  # 32 bits, the end of the reception
        "freq": 868.1,  # the channel's, not the packet's
        "chan": 0,
        "rfch": 0,
        "stat": 1,
        "modu": "LORA",
        "datr": "SF10BW125",
        "codr": "4/6",
        "rssi": -102,
        "lsnr": -3.3,
        "size": 6,
        "data": b64encode(b"packet").decode(),
    }


@pytest.mark.parametrize(
    ("region", "freq_hz", "bw_hz", "channel"),
    # EU-global_conf.json and US-global_conf.json of The Things Network's gateway-conf
    [
        ("EU868", 868_100_000, 125_000, 0),
        ("EU868", 868_500_000, 125_000, 2),
        ("EU868", 867_100_000, 125_000, 3),
        ("EU868", 867_900_000, 125_000, 7),
        ("EU868", 868_300_000, 250_000, 8),
        ("US915", 903_900_000, 125_000, 0),
        ("US915", 905_300_000, 125_000, 7),
        ("US915", 904_600_000, 500_000, 8),
        ("AS923-1", 923_400_000, 250_000, 8),
    ],
)
def test_the_channel_is_the_things_networks(region, freq_hz, bw_hz, channel):
    bench = Bench(REGIONS[region].heard())
    words = bench.gateway.rxpk(bench.arrive(0, freq_hz=freq_hz, bw_hz=bw_hz))
    assert (words["freq"], words["chan"], words["rfch"]) == (freq_hz / 1e6, channel, 0)
    assert words["datr"] == f"SF7BW{bw_hz // 1000}"


@pytest.mark.parametrize(
    ("freq_hz", "bw_hz", "hears"),
    [
        (867_931_250, 125_000, True),  # a quarter of the bandwidth off
        (867_931_251, 125_000, False),
        (868_068_749, 125_000, False),
        (868_300_000, 250_000, True),
        (868_100_000, 250_000, False),
        (868_700_000, 125_000, False),
    ],
)
def test_it_hears_only_its_channels(bench, freq_hz, bw_hz, hears):
    bench.arrive(0, freq_hz=freq_hz, bw_hz=bw_hz)
    assert bench.end() == ([] if hears else [f"no gateway channel at {freq_hz / 1e6:.1f} MHz"])
    assert len(bench.heard) == hears


def test_the_words_of_a_downlink(bench):
    bench.clock.run_until((1 << 32) + 9)
    sent = bench.gateway.downlink(869_525_000, 12, 125_000, DOWNLINK, 27)
    assert bench.gateway.txpk(sent) == {
        "imme": False,
        "tmst": 9,  # its start
        "freq": 869.525,
        "rfch": 0,  # a packet forwarder sends nothing without it
        "powe": 27,
        "modu": "LORA",
        "datr": "SF12BW125",
        "codr": "4/5",
        "ipol": True,
        "ncrc": True,
        "size": 14,
        "data": "oDQSASYgAwACIYUGbWI=",
    }
