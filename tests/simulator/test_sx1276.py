# SPDX-License-Identifier: MIT
"""The SX1276 model against its data sheet: registers, modes, pins, packets and their times."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from simulator.air import Signal, Transmission
from simulator.chips.sx1276 import SX1276
from simulator.clock import Clock

VECTORS = Path(__file__).parent.parent / "vectors" / "airtime.json"
ROWS = json.loads(VECTORS.read_text(encoding="utf-8"))
OP_MODE, FLAGS = 0x01, 0x12
SLEEP, STANDBY, FSTX, TX, FSRX, RX_CONTINUOUS, RX_SINGLE, CAD = range(0x80, 0x88)
SYMBOL_US = 1024  # SF7, 125 kHz
TX_FROM_STANDBY_US = 60 + 55  # TS_FS, and 5 us + 1.25 * PaRamp of 40 us
RX_FROM_STANDBY_US = 60 + 71  # TS_FS, and TS_RE at 125 kHz
OSCILLATOR_US = 250


class Antenna:
    """Keeps what was sent, and holds what is on the air."""

    def __init__(self):
        self.sent, self.heard = [], []

    def transmit(self, transmission):
        self.sent.append(transmission)

    def signals(self):
        return self.heard


class Bench:
    """One chip, powered long enough; `write` and `read` are one transaction each."""

    def __init__(self):
        self.clock, self.antenna, self.edges = Clock(), Antenna(), []
        self.chip = SX1276(self.clock, self.antenna, self._edge)
        self.wait(10_000)

    def _edge(self, dio, level):
        self.edges.append((self.clock.now_us, dio, level))

    def wait(self, duration_us):
        self.clock.run_until(self.clock.now_us + duration_us)

    def transfer(self, *data):
        self.chip.select()
        answer = self.chip.transfer(bytes(data))
        self.chip.deselect()
        return answer[1:]

    def write(self, address, *values):
        self.transfer(0x80 | address, *values)

    def read(self, address, count=1):
        answer = self.transfer(address, *bytes(count))
        return answer[0] if count == 1 else answer

    def lora(self):
        """LoRa mode, standby, 868.1 MHz, SF7; the crystal runs."""
        self.write(OP_MODE, 0x00)
        self.write(OP_MODE, SLEEP)
        self.write(0x06, 0xD9, 0x06, 0x66)
        self.write(0x31, 0x43)
        self.write(OP_MODE, STANDBY)
        self.wait(1000)
        self.edges.clear()
        return self

    def send(self, payload):
        self.write(0x0D, 0, 0, 0)
        self.write(0x00, *payload)
        self.write(0x22, len(payload))
        self.write(0x40, 0x40)
        self.write(OP_MODE, TX)

    def listen(self, symbols, mode=RX_SINGLE):
        """Enter a receive mode; returns when the receiver is ready."""
        self.write(0x1E, self.read(0x1E) & 0xFC | symbols >> 8, symbols & 0xFF)
        self.write(OP_MODE, mode)
        return self.clock.now_us + RX_FROM_STANDBY_US

    def arrive(self, at_us, rssi_dbm=-100.0, snr_db=5.0, clean=True, **changes):
        """Have a packet begin at a time; SF7, 10 bytes without CRC unless changed: 36096 us."""
        sent = Transmission(
            at_us, at_us + 36096, 868_100_000, 7, 125_000, 5, 8, False, False, False, 0x12,
            14.0, b"0123456789", "gateway",
        )  # fmt: skip
        signal = Signal(replace(sent, **changes), rssi_dbm, snr_db, clean)
        self.clock.call_at(at_us, self._begin, signal)
        return signal

    def _begin(self, signal):
        self.antenna.heard.append(signal)
        self.chip.arrive(signal)

    def received(self):
        """(flags, bytes) of the packet, read as the data sheet says."""
        self.write(0x0D, self.read(0x10))
        length = self.read(0x13)
        return self.read(FLAGS), self.transfer(0, *bytes(length))


@pytest.fixture
def cold():
    return Bench()


@pytest.fixture
def bench():
    return Bench().lora()


# Bus and registers.


def test_reset_values(cold):
    assert cold.read(OP_MODE, 12) == bytes.fromhex("09 00000000 6c8000 4f 09 2b 20")
    assert cold.read(0x40, 3) == bytes.fromhex("000012")
    assert cold.read(0x4D) == 0x84
    cold.lora()
    assert cold.read(0x0D, 3) == bytes.fromhex("008000")
    assert cold.read(0x1D, 7) == bytes.fromhex("72 70 64 0008 01 ff")
    assert (cold.read(0x33), cold.read(0x37), cold.read(0x39)) == (0x27, 0x0A, 0x12)
    assert (cold.read(0x18), cold.read(0x3B)) == (0x10, 0x1D)


def test_registers_of_lora_mode_are_hidden_in_fsk_mode(cold):
    assert cold.read(0x1D) == 0
    cold.write(0x1D, 0x55)
    cold.lora()
    assert cold.read(0x1D) == 0x72
    cold.write(OP_MODE, 0xC1)  # AccessSharedReg
    assert cold.read(0x1D) == 0x55


def test_long_range_mode_changes_only_in_sleep(cold):
    cold.write(OP_MODE, 0x81)
    assert cold.read(OP_MODE) == 0x01
    cold.write(OP_MODE, SLEEP)  # from standby: too early
    assert cold.read(OP_MODE) == 0x00
    cold.write(OP_MODE, SLEEP)
    assert cold.read(OP_MODE) == 0x80
    cold.write(OP_MODE, 0x01)
    assert cold.read(OP_MODE) == 0x81


def test_bursts_count_on_and_what_is_read_only_stays(bench):
    bench.write(0x0D, 1, 2, 3, 0xEE, 5)
    assert bench.read(0x0D, 5) == bytes((1, 2, 3, 0, 5))
    bench.write(0x42, 0x33)
    assert bench.read(0x42) == 0x12


def test_a_transaction_may_come_in_pieces(bench):
    bench.chip.select()
    assert bench.chip.transfer(b"\x1d") == b"\0"
    assert bench.chip.transfer(b"\0\0") == b"\x72\x70"
    bench.chip.deselect()
    assert bench.chip.transfer(b"\x1d\0") == b"\0\0"  # nobody is selected


def test_traffic_is_counted(bench):
    before = bench.chip.transactions, bench.chip.bytes_moved
    bench.write(0x06, 1, 2, 3)
    bench.read(0x42)
    assert (bench.chip.transactions, bench.chip.bytes_moved) == (before[0] + 2, before[1] + 6)


def test_fifo_is_one_address_with_a_pointer_of_its_own(bench):
    bench.write(0x0D, 0xFE)
    bench.write(0x00, 1, 2, 3, 4)
    assert bench.read(0x0D) == 0x02  # round the end
    bench.write(0x0D, 0xFE)
    assert bench.transfer(0x00, 0, 0, 0, 0) == bytes((1, 2, 3, 4))


def test_fifo_is_lost_and_shut_in_sleep(bench):
    bench.write(0x00, 1, 2)
    bench.write(OP_MODE, SLEEP)
    bench.write(0x0D, 0)
    bench.write(0x00, 7, 7)
    assert (bench.read(0x00), bench.read(0x0D)) == (0, 0)
    bench.write(OP_MODE, STANDBY)
    bench.wait(OSCILLATOR_US - 1)
    bench.write(0x00, 9)
    assert bench.read(0x0D) == 0  # the crystal does not run yet
    bench.wait(1)
    assert bench.transfer(0x00, 0, 0) == b"\0\0"
    assert bench.read(0x0D) == 2


def test_reset_pin(bench):
    bench.write(0x39, 0x34)
    bench.chip.reset(0)
    bench.wait(99)
    bench.chip.reset(1)
    assert bench.read(0x39) == 0x34  # under 100 us
    bench.chip.reset(0)
    bench.wait(100)
    assert bench.read(0x42) == 0
    bench.chip.reset(1)
    bench.wait(4999)
    assert bench.read(0x42) == 0
    bench.wait(1)
    assert (bench.read(0x42), bench.read(OP_MODE)) == (0x12, 0x09)
    assert bench.lora().read(0x39) == 0x12


def test_power_on_takes_10_ms():
    bench = Bench.__new__(Bench)
    bench.clock = Clock()
    bench.chip = SX1276(bench.clock, Antenna(), lambda dio, level: None)
    bench.wait(9_999)
    assert bench.read(0x42) == 0
    bench.wait(1)
    assert bench.read(0x42) == 0x12


# Flags and pins.


def test_flags_are_cleared_by_ones(bench):
    bench.send(b"x")
    bench.wait(100_000)
    assert bench.read(FLAGS) == 0x08
    bench.write(FLAGS, 0xF7)
    assert bench.read(FLAGS) == 0x08
    bench.write(FLAGS, 0x08)
    assert bench.read(FLAGS) == 0


def test_a_masked_flag_is_not_set(bench):
    bench.write(0x11, 0x08)
    bench.send(b"x")
    bench.wait(100_000)
    assert (bench.read(FLAGS), bench.read(OP_MODE)) == (0, STANDBY)
    assert (0, 1) not in [edge[1:] for edge in bench.edges]


def test_dio0_shows_the_flag_that_it_is_mapped_to(bench):
    bench.write(0x40, 0x40)
    bench.send(b"x")
    bench.wait(100_000)
    (sent,) = bench.antenna.sent
    dio0 = [edge for edge in bench.edges if edge[1] == 0]
    assert dio0 == [(sent.end_us, 0, 1)]
    bench.write(0x40, 0x00)  # RxDone
    assert bench.edges[-1] == (bench.clock.now_us, 0, 0)
    bench.write(0x40, 0x40)  # back to the stale TxDone: an edge again
    assert bench.edges[-1][1:] == (0, 1)
    bench.write(FLAGS, 0x08)
    assert bench.edges[-1][1:] == (0, 0)


def test_dio1_shows_the_timeout_and_dio3_the_header(bench):
    bench.write(0x40, 0x01)
    ready_us = bench.listen(10)
    bench.wait(50_000)
    assert (ready_us + 10 * SYMBOL_US, 1, 1) in bench.edges
    bench.edges.clear()
    start_us = bench.clock.now_us + 1000
    bench.listen(100)
    bench.arrive(start_us)
    bench.wait(100_000)
    header_us = start_us + (8 + 8) * SYMBOL_US + 4352  # preamble, 4.25 symbols, 8 symbols
    assert (header_us, 3, 1) in bench.edges
    assert (start_us + 36096, 0, 1) in bench.edges


def test_dio4_and_dio5_show_lock_and_mode(bench):
    bench.write(0x41, 0x40)
    bench.write(OP_MODE, FSTX)
    start_us = bench.clock.now_us
    bench.wait(1000)
    assert bench.edges == [(start_us, 5, 0), (start_us + 60, 4, 1), (start_us + 60, 5, 1)]


def test_no_lora_event_shows_in_fsk_mode(cold):
    cold.write(OP_MODE, 0x00)
    cold.write(OP_MODE, 0x01)
    cold.wait(1000)
    assert cold.edges == []
    cold.write(OP_MODE, 0x00)
    cold.write(OP_MODE, SLEEP)
    cold.write(OP_MODE, STANDBY)
    cold.wait(1000)
    assert [edge[1:] for edge in cold.edges] == [(5, 1)]


# Modes and their times.


def test_crystal_takes_its_time_after_sleep(bench):
    bench.write(OP_MODE, SLEEP)
    bench.edges.clear()
    bench.write(OP_MODE, STANDBY)
    start_us = bench.clock.now_us
    bench.wait(1000)
    assert bench.edges == [(start_us + OSCILLATOR_US, 5, 1)]


def test_transmitter_starts_after_synthesizer_and_ramp(bench):
    start_us = bench.clock.now_us
    bench.send(b"x")
    bench.wait(100_000)
    assert bench.antenna.sent[0].start_us == start_us + TX_FROM_STANDBY_US
    bench.write(OP_MODE, FSTX)
    bench.wait(100)
    start_us = bench.clock.now_us
    bench.write(OP_MODE, TX)  # the synthesizer runs already
    bench.wait(100_000)
    assert bench.antenna.sent[1].start_us == start_us + TX_FROM_STANDBY_US - 60


@pytest.mark.parametrize("symbols", [4, 8, 255, 256, 1023])
def test_single_reception_times_out_to_the_microsecond(bench, symbols):
    ready_us = bench.listen(symbols)
    bench.clock.run_until(ready_us + symbols * SYMBOL_US - 1)
    assert (bench.read(FLAGS), bench.read(OP_MODE)) == (0, RX_SINGLE)
    bench.wait(1)
    assert (bench.read(FLAGS), bench.read(OP_MODE)) == (0x80, STANDBY)


def test_single_reception_straight_from_sleep(bench):
    bench.write(0x1F, 8)
    bench.write(OP_MODE, SLEEP)
    bench.write(OP_MODE, RX_SINGLE)
    timeout_us = OSCILLATOR_US + RX_FROM_STANDBY_US + 8 * SYMBOL_US
    bench.wait(timeout_us - 1)
    assert bench.read(FLAGS) == 0
    bench.wait(1)
    assert bench.read(FLAGS) == 0x80


def test_sleep_ends_a_reception_for_good(bench):
    bench.listen(20)
    bench.wait(5000)
    bench.write(OP_MODE, SLEEP)
    bench.wait(1_000_000)
    assert bench.read(FLAGS) == 0


def test_writing_the_mode_it_is_in_disturbs_nothing(bench):
    bench.arrive(bench.listen(0, RX_CONTINUOUS) + 100)
    bench.wait(20_000)
    bench.write(OP_MODE, RX_CONTINUOUS)
    bench.wait(20_000)
    assert bench.received() == (0x50, b"0123456789")


def test_channel_activity_detection_finds_nothing(bench):
    bench.write(OP_MODE, CAD)
    bench.wait(10_000)
    assert (bench.read(FLAGS), bench.read(OP_MODE)) == (0x04, STANDBY)


def test_time_in_each_state_adds_up(bench):
    before = bench.chip.time_by_state_us()
    bench.write(0x09, 0x8C)
    bench.send(b"x")
    bench.wait(200_000)
    bench.write(OP_MODE, SLEEP)
    bench.wait(1_000_000)
    bench.write(0x4D, 0x87)
    bench.write(OP_MODE, TX)
    bench.wait(100_000)
    bench.listen(8)
    bench.wait(100_000)
    after = bench.chip.time_by_state_us()
    assert sum(after.values()) == bench.clock.now_us
    spent = {state: after[state] - before.get(state, 0) for state in after}
    first, second = bench.antenna.sent
    assert spent["boost"] == first.end_us - first.start_us
    assert spent["boost+20"] == second.end_us - second.start_us
    assert spent["rx"] == 8 * SYMBOL_US
    assert spent["sleep"] == 1_000_000
    assert spent["fs"] == 2 * TX_FROM_STANDBY_US + RX_FROM_STANDBY_US


# Sending.


def test_what_goes_on_the_air(bench):
    bench.write(0x06, 0xD9, 0x13, 0x33)
    bench.write(0x09, 0x8F)
    bench.write(0x1D, 0x84, 0x94)
    bench.write(0x20, 0x01, 0x02)
    bench.write(0x39, 0x34)
    bench.send(b"the air")
    bench.wait(2_000_000)
    (sent,) = bench.antenna.sent
    assert sent == Transmission(
        sent.start_us, sent.end_us, 868_299_988, 9, 250_000, 6, 258, True, False, False, 0x34,
        17.0, b"the air", "sx1276",
    )  # fmt: skip
    assert (bench.read(FLAGS), bench.read(OP_MODE)) == (0x08, STANDBY)


def test_payload_lies_at_the_base_and_wraps(bench):
    bench.write(0x0D, 0xFD, 0xFD)
    bench.write(0x00, *b"wraps")
    bench.write(0x22, 5)
    bench.write(OP_MODE, TX)
    bench.wait(100_000)
    assert bench.antenna.sent[0].payload == b"wraps"


@pytest.mark.parametrize(
    ("config", "dac", "dbm"),
    [(0x80, 0x84, 2), (0x8C, 0x84, 14), (0x8F, 0x84, 17), (0x8F, 0x87, 20), (0x80, 0x87, 5),
     (0x7F, 0x84, 15 - 30), (0x4F, 0x84, 13.2 - 30), (0x7F, 0x87, 15 - 30)],
)  # fmt: skip
def test_power_at_the_antenna(bench, config, dac, dbm):
    bench.write(0x09, config)
    bench.write(0x4D, dac)
    bench.send(b"x")
    bench.wait(100_000)
    assert bench.antenna.sent[0].power_dbm == pytest.approx(dbm)


def test_the_polarity_bit_of_sending_works_against_the_data_sheet(bench):
    for value, inverted in ((0x27, False), (0x67, False), (0x26, True), (0x66, True)):
        bench.write(0x33, value)
        bench.send(b"x")
        bench.wait(100_000)
        assert bench.antenna.sent[-1].iq_inverted is inverted, hex(value)


BANDWIDTHS = {7800: 0, 10400: 1, 15600: 2, 20800: 3, 31250: 4, 41700: 5, 62500: 6}
BANDWIDTHS |= {125000: 7, 250000: 8, 500000: 9}


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS["airtime"] + ROWS["eu868_generated"] if row["bw_hz"] in BANDWIDTHS],
    ids=lambda row: f"{row['sf']}-{row['bw_hz'] // 1000}-{row['phy_payload_len']}",
)
def test_airtime_is_as_published(bench, row):
    implicit = row.get("implicit_header", False)
    bench.write(0x1D, BANDWIDTHS[row["bw_hz"]] << 4 | (int(row["cr"][2]) - 4) << 1 | implicit)
    bench.write(0x1E, row["sf"] << 4 | row["crc_on"] << 2)
    bench.write(0x20, row["preamble"] >> 8, row["preamble"] & 0xFF)
    bench.write(0x26, row["ldro"] << 3)
    bench.send(bytes(row["phy_payload_len"]))
    bench.wait(20_000_000)
    (sent,) = bench.antenna.sent
    assert sent.end_us - sent.start_us == row["expected_us"]


def test_sending_with_the_wrong_data_rate_optimization_arrives_as_noise(bench):
    bench.write(0x1E, 0xC0)
    for ldro, payload in ((0x08, True), (0x00, False)):
        bench.write(0x26, ldro)
        bench.send(b"slow")
        bench.wait(5_000_000)
        assert (bench.antenna.sent[-1].payload == b"slow") is payload


# Receiving.


def test_a_packet_is_received(bench):
    start_us = bench.listen(8) + 2000
    bench.arrive(start_us)
    bench.clock.run_until(start_us + 36095)
    assert bench.read(FLAGS) == 0x10
    assert bench.read(0x18) == 0x2F  # 4/5, header valid, ongoing, synchronized, detected
    bench.wait(1)
    assert bench.read(OP_MODE) == STANDBY
    assert bench.received() == (0x50, b"0123456789")
    assert bench.read(0x14, 4) == bytes((0, 1, 0, 1))  # headers, packets
    assert bench.read(0x1C) & 0x40 == 0
    bench.wait(1_000_000)
    assert bench.read(FLAGS) == 0x50  # and no timeout after it
    bench.write(OP_MODE, SLEEP)
    assert (bench.read(0x14, 4), bench.read(FLAGS)) == (bytes(4), 0x50)


@pytest.mark.parametrize("lead_us", [-3 * SYMBOL_US, -3 * SYMBOL_US - 1])
def test_five_symbols_of_preamble_must_be_left(bench, lead_us):
    start_us = bench.clock.now_us + 20_000
    bench.arrive(start_us)
    bench.clock.run_until(start_us - lead_us - RX_FROM_STANDBY_US)
    bench.listen(20)
    bench.wait(100_000)
    assert bench.read(FLAGS) == (0x50 if lead_us == -3 * SYMBOL_US else 0x80)


@pytest.mark.parametrize("late_us", [0, 1])
def test_preamble_must_be_detected_before_the_timeout(bench, late_us):
    ready_us = bench.listen(20)
    bench.arrive(ready_us + 15 * SYMBOL_US - 1 + late_us)
    bench.wait(100_000)
    assert bench.read(FLAGS) == (0x50 if late_us == 0 else 0x80)


@pytest.mark.parametrize(
    ("changes", "heard"),
    [
        ({}, True),
        ({"freq_hz": 868_131_000}, True),
        ({"freq_hz": 868_132_000}, False),  # over a quarter of the bandwidth
        ({"freq_hz": 868_068_000}, False),
        ({"sf": 8}, False),
        ({"bw_hz": 250_000}, False),
        ({"iq_inverted": True}, False),
        ({"sync_word": 0x34}, False),
        ({"snr_db": -7.5}, True),
        ({"snr_db": -7.75}, False),
        ({"implicit_header": True}, False),
        ({"preamble_symbols": 4}, False),
    ],
    ids=str,
)
def test_what_can_be_heard(bench, changes, heard):
    bench.arrive(bench.listen(30) + 100, **changes)
    bench.wait(200_000)
    assert (bench.read(FLAGS) & 0x40 != 0) is heard


def test_inverted_reception(bench):
    for value, inverted, flags in ((0x67, True, 0x50), (0x66, True, 0x50), (0x67, False, 0x80)):
        bench.write(0x33, value)
        bench.write(FLAGS, 0xFF)
        bench.arrive(bench.listen(30) + 100, iq_inverted=inverted)
        bench.wait(200_000)
        assert bench.read(FLAGS) == flags


@pytest.mark.parametrize(
    ("crc_on", "clean", "flags", "intact"),
    [
        (False, True, 0x50, True),
        (False, False, 0x50, False),
        (True, True, 0x50, True),
        (True, False, 0x70, False),
    ],
)
def test_crc(bench, crc_on, clean, flags, intact):
    bench.arrive(bench.listen(30) + 100, crc_on=crc_on, clean=clean)
    bench.wait(200_000)
    found, payload = bench.received()
    assert (found, payload == b"0123456789") == (flags, intact)
    assert bench.read(0x1C) & 0x40 == (0x40 if crc_on else 0)
    assert bench.read(0x16, 2) == bytes((0, 0 if flags & 0x20 else 1))


def test_a_signal_may_be_buried_on_its_way(bench):
    signal = bench.arrive(bench.listen(30) + 100, crc_on=True)
    bench.wait(30_000)
    signal.clean = False
    bench.wait(200_000)
    assert bench.read(FLAGS) == 0x70


@pytest.mark.parametrize(
    ("rssi_dbm", "snr_db", "snr", "rssi"),
    [(-80.0, 9.25, 37, 72), (-37.0, 12.0, 48, 112), (-120.0, -5.0, 0xEC, 42), (-200.0, 0.0, 0, 0)],
)
def test_strength_registers(bench, rssi_dbm, snr_db, snr, rssi):
    bench.arrive(bench.listen(30) + 100, rssi_dbm, snr_db)
    bench.wait(200_000)
    assert (bench.read(0x19), bench.read(0x1A)) == (snr, rssi)


def test_current_rssi_is_noise_or_signal(bench):
    bench.arrive(bench.listen(0, RX_CONTINUOUS) + 1000, rssi_dbm=-90.0)
    bench.wait(1000)
    assert bench.read(0x1B) == 157 - 117  # -174 dBm/Hz, 125 kHz, 6 dB
    bench.wait(1000)
    assert bench.read(0x1B) == 157 - 90


def test_continuous_reception_goes_on_and_packets_lie_one_after_the_other(bench):
    ready_us = bench.listen(4, RX_CONTINUOUS)
    for number, text in enumerate((b"first", b"second")):
        at_us = ready_us + 100_000 + 50_000 * number
        bench.arrive(at_us, payload=text, end_us=at_us + 30_976)
    bench.wait(140_000)
    assert bench.received() == (0x50, b"first")
    bench.wait(60_000)
    assert (bench.read(0x10), bench.read(0x25)) == (5, 11)
    assert bench.received() == (0x50, b"second")
    assert (bench.read(OP_MODE), bench.read(0x16, 2)) == (RX_CONTINUOUS, b"\0\2")


def test_a_second_packet_does_not_take_over(bench):
    ready_us = bench.listen(30)
    bench.arrive(ready_us + 100)
    bench.arrive(ready_us + 200, payload=b"the second")
    bench.wait(200_000)
    assert bench.received()[1] == b"0123456789"


def test_too_long_a_packet_is_ignored(bench):
    bench.write(0x23, 9)
    bench.arrive(bench.listen(30) + 100)
    bench.wait(1_000_000)
    # the window has no end of its own any more: a driver needs a timer
    assert (bench.read(FLAGS), bench.read(OP_MODE)) == (0, RX_SINGLE)


@pytest.mark.parametrize(("ldro", "intact"), [(0x08, True), (0x00, False)])
def test_data_rate_optimization_must_agree(bench, ldro, intact):
    bench.write(0x1E, 0xC0)
    bench.write(0x26, ldro)
    at_us = bench.listen(30) + 100
    bench.arrive(at_us, sf=12, end_us=at_us + 991_232)
    bench.wait(2_000_000)
    assert (bench.received()[1] == b"0123456789") is intact


def test_automatic_if_is_noticed(bench):
    assert not bench.chip.spurious_reception
    bench.write(0x31, 0xC3)  # the reset value: erratum 2.3
    assert bench.chip.spurious_reception
    bench.write(0x1D, 0x92)
    assert not bench.chip.spurious_reception
