# SPDX-License-Identifier: MIT
"""What outlives deep sleep: whole, or not there."""

import memory
import network
from backlog import Backlog
from delivery import Budget, Delivery

KEPT = [[7, 1, 0, None], 86400000, {3: [1, 2]}, b"\x00\xff"]


def test_the_bytes_are_length_crc_and_cbor():
    assert memory.pack(7).hex() == "01002e7a664c07"  # CRC-32 of 07, as zlib computes it


def test_what_was_packed_comes_back_also_with_old_bytes_behind_it():
    assert memory.unpack(memory.pack(KEPT)) == KEPT
    assert memory.unpack(memory.pack(KEPT) + b"\xa5" * 100) == KEPT


def test_no_flipped_bit_and_no_cut_is_taken():
    data = memory.pack(KEPT)
    for bit in range(8 * len(data)):
        spoilt = bytearray(data)
        spoilt[bit >> 3] ^= 1 << (bit & 7)
        assert memory.unpack(spoilt) is None, bit
    for length in range(len(data)):
        assert memory.unpack(data[:length]) is None, length


def test_erased_and_fresh_memory_hold_nothing():
    for data in (b"", bytes(2048), b"\xff" * 2048):
        assert memory.unpack(data) is None


def test_a_week_of_readings_that_wait_leaves_room_in_2048_bytes():
    month_ms = 31 * 86400 * 1000
    files = dict.fromkeys(range(60000, 60128), 65535)
    backlog = Backlog(kept=[60128 * 8, 1000, files, {}])
    delivery, budget = Delivery(21600, 2678400, 86400), Budget(30)
    for hour in range(720, 744):
        budget.spend(1250000, hour * 3600)
    channels = network.device().channels
    channels.restore([[month_ms] * 7, 868100000, bytes(9)])
    reporter = [[1 << 31, 95], channels.record(), [2678400, {}, 150, False, False]]
    reporter += [delivery.record(), budget.record(), [2678400] * 3, [4, 2678400, False, 0]]
    reporter += [[[], False, False], [-120, -80]]
    kept = [backlog.record(), reporter, [month_ms, month_ms, 0]]
    size = len(memory.pack([month_ms, 670000000000, month_ms, [[9999, 1, 0, None], kept]]))
    assert 1000 < size < 1400, size
