# SPDX-License-Identifier: MIT
"""The chip model is driven, unchanged, by adafruit-circuitpython-rfm9x, which knows nothing of it.

Run in an environment of its own that holds pytest and that driver:
PYTHONPATH=.:tests/judges python -m pytest tests/judges/test_sx1276_judge.py
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import rfm9x_bus

from simulator.air import Signal, Transmission
from simulator.chips.sx1276 import SX1276
from simulator.clock import Clock

VECTORS = Path(__file__).parent.parent / "vectors" / "airtime.json"
AIRTIMES = [
    row
    for row in json.loads(VECTORS.read_text())["airtime"]
    # the driver sends 5 bytes at least, always an explicit header, and never sets up SF6 rightly
    if row["phy_payload_len"] >= 5 and not row["implicit_header"] and row["sf"] >= 7
]
HEADER = bytes((255, 255, 0, 0))  # RadioHead's, in front of each packet


class Antenna:
    """Keeps what was sent, and holds what is on the air."""

    def __init__(self):
        self.sent, self.heard = [], []

    def transmit(self, transmission):
        self.sent.append(transmission)

    def signals(self):
        return self.heard


class Bench:
    def __init__(self):
        self.clock, self.antenna, self.edges = Clock(), Antenna(), []
        self.chip = SX1276(self.clock, self.antenna, self._edge)

    def _edge(self, dio, level):
        self.edges.append((self.clock.now_us, dio, level))

    def driver(self, frequency_mhz=868.1, **options):
        return rfm9x_bus.drive(self.clock, self.chip, frequency_mhz, **options)

    def arrive_at(self, time_us, rssi_dbm=-80.0, snr_db=9.0, clean=True, **changes):
        """Have a packet come from elsewhere: by default 10 bytes at SF7, 41216 us."""
        sent = Transmission(
            time_us, time_us + 41216, 868_100_000, 7, 125_000, 5, 8, True, False, False, 0x12,
            14.0, HEADER + b"judged", "elsewhere",
        )  # fmt: skip
        signal = Signal(replace(sent, **changes), rssi_dbm, snr_db, clean)
        self.clock.call_at(time_us, self.chip.arrive, signal)


@pytest.fixture
def bench():
    return Bench()


def test_it_finds_the_chip_and_sets_it_up(bench):
    radio = bench.driver(867.1)
    assert radio.frequency_mhz == pytest.approx(867.1, abs=0.0001)
    assert (radio.spreading_factor, radio.signal_bandwidth, radio.coding_rate) == (7, 125000, 5)
    assert radio.preamble_length == 8 and radio.enable_crc and radio.tx_power == 13
    assert bench.chip.registers[0x01] == 0x81


def test_another_version_is_refused(bench):
    reset = bench.chip.reset

    def become_sx1272(level):
        reset(level)
        bench.chip.registers[0x42] = 0x22

    bench.chip.reset = become_sx1272
    with pytest.raises(RuntimeError, match="version"):
        bench.driver()


def test_the_bytes_that_it_sends_are_on_the_air(bench):
    radio = bench.driver()
    radio.tx_power = 23
    assert radio.send(b"meet de klas", destination=7, node=9, identifier=3, flags=1)
    (sent,) = bench.antenna.sent
    assert sent.payload == bytes((7, 9, 3, 1)) + b"meet de klas"
    assert (sent.sf, sent.bw_hz, sent.cr, sent.preamble_symbols) == (7, 125000, 5, 8)
    assert sent.crc_on and not sent.implicit_header and not sent.iq_inverted
    assert (sent.sync_word, sent.power_dbm) == (0x12, 20.0)
    assert sent.freq_hz == pytest.approx(868_100_000, abs=62)  # one step of the synthesizer


def test_two_packets_follow_each_other(bench):
    radio = bench.driver()
    assert radio.send(b"one") and radio.send(b"twenty-two")
    assert [sent.payload[4:] for sent in bench.antenna.sent] == [b"one", b"twenty-two"]


def test_a_transmission_longer_than_its_patience_times_out(bench):
    radio = bench.driver()
    radio.xmit_timeout = 0.05
    assert radio.send(bytes(8)) and not radio.send(bytes(200))


@pytest.mark.parametrize("row", AIRTIMES, ids=lambda row: f"{row['sf']}-{row['phy_payload_len']}")
def test_airtime_is_as_published(bench, row):
    radio = bench.driver(crc=row["crc_on"])
    radio.spreading_factor, radio.signal_bandwidth = row["sf"], row["bw_hz"]
    radio.coding_rate, radio.preamble_length = int(row["cr"][2]), row["preamble"]
    radio.low_datarate_optimize = row["ldro"]
    radio.xmit_timeout = 20
    assert radio.send(bytes(row["phy_payload_len"] - 4))
    (sent,) = bench.antenna.sent
    assert sent.end_us - sent.start_us == row["expected_us"]
    done_us = next(time_us for time_us, dio, level in bench.edges if (dio, level) == (0, 1))
    assert done_us == sent.end_us  # the driver has mapped TxDone to DIO0


def test_it_receives_what_arrives(bench):
    radio = bench.driver()
    bench.arrive_at(bench.clock.now_us + 100_000)
    began_us = bench.clock.now_us
    assert radio.receive(with_header=True) == HEADER + b"judged"
    assert 141_216 <= bench.clock.now_us - began_us < 143_000
    assert radio.last_snr == 9.0
    # -80 dBm; the driver leaves out the 16/15 of DS 5.5.5: 77 above -157, times 15/16
    assert radio.last_rssi == -157 + 72
    assert radio.crc_error_count == 0


def test_rssi_and_snr_below_the_noise(bench):
    radio = bench.driver()
    bench.arrive_at(bench.clock.now_us + 1000, rssi_dbm=-123.0, snr_db=-6.25)
    assert radio.receive() == b"judged"
    assert radio.last_snr == -6.25
    assert radio.last_rssi + radio.last_snr == pytest.approx(-123.0, abs=0.5)  # DS 5.5.5


def test_packets_in_a_row_each_arrive(bench):
    radio = bench.driver()
    for number in range(3):
        at_us = bench.clock.now_us + 50_000 + number * 60_000
        bench.arrive_at(at_us, end_us=at_us + 41216, payload=HEADER + b"number %d" % number)
    assert [radio.receive() for _ in range(3)] == [b"number 0", b"number 1", b"number 2"]


def test_silence_ends_with_its_timeout(bench):
    radio = bench.driver()
    began_us = bench.clock.now_us
    assert radio.receive(timeout=0.3) is None
    assert 300_000 <= bench.clock.now_us - began_us < 301_000


def test_a_buried_packet_is_a_crc_error(bench):
    radio = bench.driver()
    bench.arrive_at(bench.clock.now_us + 1000, clean=False)
    assert radio.receive() is None
    assert radio.crc_error_count == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"freq_hz": 868_140_000},
        {"sf": 8},
        {"bw_hz": 250_000},
        {"iq_inverted": True},
        {"sync_word": 0x34},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_it_is_not_set_for_is_not_heard(bench, changes):
    radio = bench.driver()
    bench.arrive_at(bench.clock.now_us + 1000, **changes)
    assert radio.receive(timeout=0.2) is None


def test_an_answer_is_sent_in_reliable_mode(bench):
    radio = bench.driver()
    radio.node, sent = 9, bytes((9, 4, 77, 0)) + b"please"
    bench.arrive_at(bench.clock.now_us + 1000, payload=sent)
    assert radio.receive(with_ack=True) == b"please"
    assert [each.payload for each in bench.antenna.sent] == [bytes((4, 9, 77, 0x80)) + b"!"]
