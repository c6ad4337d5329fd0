# SPDX-License-Identifier: MIT
"""The radio driver, seen from its bus: what the registers hold in the end, and what it cost."""

import micropython
import time

from lora.sx127x import SX127x
from vectors import refuses

PHY = bytes(range(100, 123))  # 23 bytes, as long as a join-request
CH0, CH1, RX2 = 868100000, 868300000, 869525000


class RegisterFile:
    """The SX1276 as a register file: bursts, a FIFO, flags cleared by ones, and a count."""

    IRQ_RISING = 8

    def __init__(self):
        self.registers = bytearray(0x80)
        self.registers[0x42] = 0x12
        self.written, self.fifo, self.fifo_read, self.resets = [], b"", b"", []
        self.selects = self.moved = 0
        self._selected = False
        self.handler = self.options = None

    def cs(self, level):
        self._selected = not level
        self.selects += not level

    def reset(self, level):
        self.resets.append((level, time.ticks_us()))

    def irq(self, handler, trigger, **options):
        self.handler, self.options = handler, (trigger, options)

    def write(self, buf):
        assert self._selected and buf[0] & 0x80
        self.moved += len(buf)
        address = buf[0] & 0x7F
        if address == 0:
            self.fifo += bytes(buf[1:])
        for value in buf[1:] if address else ():
            self.written.append((address, value))
            if address == 0x12:
                self.registers[address] &= ~value
            elif address not in (0x10, 0x13, 0x19, 0x1A, 0x42):
                self.registers[address] = value
            address += 1

    def write_readinto(self, buf, into):
        assert self._selected and not buf[0] & 0x80 and len(buf) == len(into)
        self.moved += len(buf)
        address = buf[0]
        for index in range(1, len(into)):
            into[index] = self.registers[address + index - 1] if address else self._next()

    def _next(self):
        at = self.registers[0x0D]
        self.registers[0x0D] = at + 1 & 0xFF
        return self.fifo_read[at]

    def cost(self):
        """(chip-selects, bytes) since the last time."""
        spent = self.selects, self.moved
        self.selects = self.moved = 0
        return spent


def made():
    chip = RegisterFile()
    return chip, SX127x(chip, chip.cs, chip.reset, chip, {"hard": True})


def begun():
    chip, radio = made()
    radio.begin()
    chip.written.clear()
    chip.cost()
    return chip, radio


def values(chip, *addresses):
    return bytes(chip.registers[address] for address in addresses).hex()


def heard(chip, flags=0x40, snr=0x24, rssi=72, length=5, start=0x30):
    """Let a packet lie in the chip."""
    chip.registers[0x10], chip.registers[0x12], chip.registers[0x13] = start, flags, length
    chip.registers[0x19], chip.registers[0x1A] = snr, rssi
    chip.fifo_read = bytes(range(256))


def test_begin_leaves_this_register_file_and_no_other():
    chip, radio = made()
    radio.begin()
    expected = bytearray(0x80)
    for address, value in {
        0x01: 0x80,  # LoRa, asleep
        0x09: 0x8C,  # PA_BOOST, 14 dBm
        0x0B: 0x2B,
        0x0C: 0x23,
        0x1D: 0x72,
        0x1E: 0x74,
        0x1F: 0x08,
        0x21: 0x08,
        0x26: 0x04,
        0x2F: 0x40,
        0x31: 0x43,
        0x36: 0x03,
        0x37: 0x0A,
        0x39: 0x34,
        0x42: 0x12,
        0x4D: 0x84,
    }.items():
        expected[address] = value
    assert chip.registers == expected, chip.registers.hex()
    assert chip.written[:2] == [(0x01, 0x00), (0x01, 0x80)]  # DS 4.1.2: LongRange only in sleep


def test_begin_holds_the_reset_pin_low_long_enough():
    chip, radio = made()
    radio.begin()
    (low, low_us), (high, high_us) = chip.resets
    assert (low, high) == (0, 1)
    assert time.ticks_diff(high_us, low_us) >= 100  # DS 7.2.2


def test_another_version_is_named():
    chip, radio = made()
    chip.registers[0x42] = 0x22
    try:
        radio.begin()
    except OSError as error:
        assert "0x22" in str(error), error
    else:
        raise AssertionError("an SX1272 was accepted")


def test_transmit_at_sf7():
    chip, radio = begun()
    before_us = time.ticks_us()
    started_us = radio.transmit(PHY, len(PHY), CH0, 7, 125000, 14)
    assert time.ticks_diff(started_us, before_us) >= 250  # TS_OSC: before it the FIFO is shut
    assert chip.fifo == PHY
    assert values(chip, 0x06, 0x07, 0x08) == "d90666"  # 868.1 MHz
    assert values(chip, 0x1D, 0x1E, 0x26) == "727404"
    assert values(chip, 0x33, 0x3B) == "271d"
    assert values(chip, 0x0D, 0x0E, 0x0F, 0x11, 0x22, 0x40) == "000000001740"
    assert chip.written[0] == (0x01, 0x81) and chip.written[-1] == (0x01, 0x83)


def test_transmit_takes_the_first_bytes_of_a_longer_buffer():
    chip, radio = begun()
    radio.transmit(bytearray(PHY), 4, CH0, 7, 125000, 14)
    assert chip.fifo == PHY[:4] and chip.registers[0x22] == 4


def test_listen_at_sf7():
    chip, radio = begun()
    radio.listen(CH1, 7, 125000, 300)
    assert values(chip, 0x06, 0x07, 0x08) == "d91333"  # 868.3 MHz
    assert values(chip, 0x1D, 0x1E, 0x1F, 0x26) == "72752c04"  # 300 = 0x12c
    assert values(chip, 0x33, 0x3B, 0x40) == "671900"
    assert chip.written[-1] == (0x01, 0x86)
    assert (0x01, 0x81) not in chip.written  # straight from sleep


def test_listen_at_sf12_optimizes_for_low_data_rate():
    chip, radio = begun()
    radio.listen(RX2, 12, 125000, 8)
    assert values(chip, 0x06, 0x07, 0x08) == "d9619a"  # 869.525 MHz, rounded
    assert values(chip, 0x1D, 0x1E, 0x1F, 0x26) == "72c4080c"


def test_low_data_rate_optimization_begins_above_16_ms_a_symbol():
    chip, radio = begun()
    for sf, bw_hz, expected in (
        (10, 125000, 0x04),
        (11, 125000, 0x0C),
        (11, 250000, 0x04),
        (12, 250000, 0x0C),
        (12, 500000, 0x04),
    ):
        radio.listen(CH0, sf, bw_hz, 8)
        assert chip.registers[0x26] == expected, (sf, bw_hz)


def test_iq_is_set_back_to_send():
    chip, radio = begun()
    for _ in range(2):
        radio.listen(CH0, 7, 125000, 8)
        assert values(chip, 0x33, 0x3B) == "6719"
        radio.transmit(PHY, 23, CH0, 7, 125000, 14)
        assert values(chip, 0x33, 0x3B) == "271d"


def test_stale_flags_are_cleared_before_each_window():
    chip, radio = begun()
    for _ in range(2):
        chip.registers[0x12] = 0xC8
        chip.written.clear()
        radio.listen(CH0, 7, 125000, 8)
        assert chip.registers[0x12] == 0
        clears, opens = chip.written.index((0x12, 0xFF)), chip.written.index((0x01, 0x86))
        maps = chip.written.index((0x40, 0)) if (0x40, 0) in chip.written else opens
        assert clears < maps <= opens  # a mapping to a stale flag would be an edge


def test_stale_flags_are_cleared_before_a_transmission():
    chip, radio = begun()
    chip.registers[0x12] = 0xC8
    radio.transmit(PHY, 23, CH0, 7, 125000, 14)
    assert chip.registers[0x12] == 0
    assert chip.written.index((0x12, 0xFF)) < chip.written.index((0x40, 0x40))


def test_tx_power():
    chip, radio = begun()
    for dbm, expected in ((2, "802b84"), (14, "8c2b84"), (17, "8f2b84"), (20, "8f3b87")):
        radio.set_tx_power(dbm)
        assert values(chip, 0x09, 0x0B, 0x4D) == expected, dbm
    chip.cost()
    radio.set_tx_power(20)
    assert chip.cost() == (0, 0)
    radio.set_tx_power(16)
    assert values(chip, 0x09, 0x0B, 0x4D) == "8e2b84"
    for dbm in (1, 18, 19, 21):
        assert refuses(ValueError, radio.set_tx_power, dbm), dbm


def test_500_khz_and_back():
    chip, radio = begun()
    for _ in range(2):
        radio.listen(CH0, 8, 500000, 8)
        assert values(chip, 0x1D, 0x31, 0x36, 0x3A) == "92c30264"  # errata 2.1, 2.3
        chip.registers[0x2F] = chip.registers[0x3A] = 0x20  # the chip's own doing
        radio.listen(CH0, 8, 125000, 8)
        assert values(chip, 0x1D, 0x2F, 0x30, 0x31, 0x36) == "7240004303"


def test_what_cannot_be_is_refused_before_the_bus_is_touched():
    chip, radio = begun()
    for length, sf, bw_hz in (
        (0, 7, 125000),
        (256, 7, 125000),
        (23, 6, 125000),
        (23, 13, 125000),
        (23, 7, 62500),
    ):
        assert refuses(ValueError, radio.transmit, bytes(256), length, CH0, sf, bw_hz, 14)
    for sf, bw_hz, symbols in ((6, 125000, 8), (7, 41700, 8), (7, 125000, 3), (7, 125000, 1024)):
        assert refuses(ValueError, radio.listen, CH0, sf, bw_hz, symbols)
    assert chip.cost() == (0, 0)


def test_the_interrupt_stamps_and_flags_without_allocating():
    chip, radio = begun()
    assert chip.options == (chip.IRQ_RISING, {"hard": True})
    radio.transmit(PHY, 23, CH0, 7, 125000, 14)
    assert not radio.flag
    before_us = time.ticks_us()
    micropython.heap_lock()
    try:
        chip.handler(chip)
    finally:
        micropython.heap_unlock()
    assert radio.flag and 0 <= time.ticks_diff(radio.stamp_us, before_us) < 1000000
    radio.listen(CH0, 7, 125000, 8)
    assert not radio.flag


def test_read_gives_the_bytes_and_how_strong_they_came():
    chip, radio = begun()
    heard(chip)
    buffer = bytearray(8)
    assert radio.read(buffer) == 5
    assert buffer == bytes((0x30, 0x31, 0x32, 0x33, 0x34, 0, 0, 0))
    assert (radio.rssi_dbm, radio.snr_qdb) == (-80, 36)  # DS 5.5.5: -157 + 16/15 * 72
    heard(chip, snr=0xE7, rssi=40)
    assert radio.read(buffer) == 5
    assert (radio.rssi_dbm, radio.snr_qdb) == (-123, -25)  # -157 + 40 - 6.25


def test_read_gives_nothing_for_silence_and_bad_crc():
    chip, radio = begun()
    for flags in (0x00, 0x80, 0x70):
        heard(chip, flags=flags)
        assert radio.read(bytearray(8)) == 0, flags
    assert (radio.rssi_dbm, radio.snr_qdb) == (0, 0)


def test_a_packet_longer_than_the_buffer_is_refused():
    chip, radio = begun()
    heard(chip, length=9)
    assert refuses(ValueError, radio.read, bytearray(8))


def test_the_longest_packet_is_read():
    chip, radio = begun()
    heard(chip, length=255, start=0)
    buffer = bytearray(255)
    assert radio.read(buffer) == 255 and buffer == bytes(range(255))


def test_flags_are_polled_until_the_operation_is_over():
    chip, radio = begun()
    radio.listen(CH0, 7, 125000, 8)
    chip.cost()
    assert radio.irq_flags() == 0
    chip.registers[0x12] = radio.VALID_HEADER
    assert radio.irq_flags() == 0x10
    chip.registers[0x12] = radio.RX_TIMEOUT
    assert radio.irq_flags() == radio.irq_flags() == 0x80
    assert chip.cost() == (3, 6)
    radio.listen(CH0, 7, 125000, 8)
    assert radio.irq_flags() == 0  # the next operation is asked anew


def test_begin_forgets_what_it_had_written():
    chip, radio = begun()
    radio.transmit(PHY, 23, CH1, 9, 250000, 20)
    chip.registers[:] = bytes(0x80)
    chip.registers[0x42] = 0x12
    radio.begin()
    radio.transmit(PHY, 23, CH1, 9, 250000, 20)
    assert values(chip, 0x06, 0x07, 0x08, 0x1D, 0x1E, 0x26) == "d91333829404"
    assert values(chip, 0x09, 0x0B, 0x4D, 0x33, 0x3B, 0x40) == "8f3b87271d40"


def test_sleep_and_standby():
    chip, radio = begun()
    radio.standby()
    assert chip.registers[0x01] == 0x81
    radio.sleep()
    assert chip.registers[0x01] == 0x80


def test_cost_of_sending_23_bytes():
    chip, radio = begun()
    costs = []
    for freq_hz in (CH0, CH1, CH0, CH1):
        chip.cost()
        radio.transmit(PHY, 23, freq_hz, 7, 125000, 14)
        radio.sleep()
        costs.append(chip.cost())
    print("send 23 bytes:", costs)
    for selects, moved in costs[1:]:
        assert selects <= 8 and moved <= 45, costs


def test_cost_of_a_class_a_cycle():
    chip, radio = begun()
    costs = []
    for freq_hz in (CH0, CH1, CH0, CH1):
        chip.cost()
        radio.transmit(PHY, 23, freq_hz, 7, 125000, 14)
        radio.sleep()
        for window in ((freq_hz, 7, 125000, 24), (RX2, 12, 125000, 8)):
            radio.listen(*window)
            chip.registers[0x12] = radio.RX_TIMEOUT
            assert radio.irq_flags() == radio.RX_TIMEOUT and not radio.irq_flags() & radio.RX_DONE
            radio.sleep()
        costs.append(chip.cost())
    print("Class A cycle:", costs)
    for selects, moved in costs[1:]:
        assert selects <= 28 and moved <= 100, costs
