# SPDX-License-Identifier: MIT
"""Two-slot records and counters, on a real LittleFS."""

import os

import ramdisk
from store import Counter, Store


def spoil(path, at, value=None):
    with open(path, "rb") as file:
        data = bytearray(file.read())
    if value is None:
        data = data[:at]
    else:
        data[at] ^= value
    with open(path, "wb") as file:
        file.write(data)


def test_a_record_comes_back_after_a_restart():
    root = ramdisk.fresh() + "/state"
    Store(root).save("session", {0: b"\x01\x02", 3: [1, None, -5]})
    assert Store(root).load("session") == {0: b"\x01\x02", 3: [1, None, -5]}
    assert Store(root).load("other") is None


def test_the_bytes_of_a_slot_are_sequence_cbor_and_crc():
    root = ramdisk.fresh() + "/state"
    Store(root).save("n", 7)
    with open(root + "/n.0", "rb") as file:
        assert file.read().hex() == "0000000007be624658"  # CRC-32 as zlib computes it


def test_saves_take_turns_between_the_slots():
    root = ramdisk.fresh() + "/state"
    store = Store(root)
    store.save("n", 1)
    store.save("n", 2)
    assert sorted(os.listdir(root)) == ["n.0", "n.1"]
    store.save("n", 3)
    assert Store(root).load("n") == 3
    os.remove(root + "/n.0")
    assert Store(root).load("n") == 2


def test_a_torn_or_flipped_slot_leaves_the_one_before():
    for at, flip in ((4, 0x10), (0, 1), (7, None), (2, None), (-1, 0x80)):
        root = ramdisk.fresh() + "/state"
        store = Store(root)
        store.save("n", [1, b"old"])
        store.save("n", [2, b"new"])
        spoil(root + "/n.1", at, flip)
        assert Store(root).load("n") == [1, b"old"], (at, flip)


def test_a_save_after_a_torn_slot_replaces_the_torn_one():
    root = ramdisk.fresh() + "/state"
    store = Store(root)
    store.save("n", 1)
    store.save("n", 2)
    spoil(root + "/n.1", 5)
    again = Store(root)
    again.save("n", 3)
    assert Store(root).load("n") == 3
    spoil(root + "/n.1", 5)
    assert Store(root).load("n") == 1


def test_a_counter_is_in_flash_before_it_is_given_out():
    root = ramdisk.fresh() + "/state"
    assert [Counter(Store(root), "dev_nonce").next() for _ in range(3)] == [0, 1, 2]
    counter = Counter(Store(root), "dev_nonce")
    assert counter.next() == 3
    assert Store(root).load("dev_nonce") == 4


def test_a_counter_ends_instead_of_starting_again():
    root = ramdisk.fresh() + "/state"
    Store(root).save("dev_nonce", 0xFFFF)
    counter = Counter(Store(root), "dev_nonce")
    assert counter.next() == 0xFFFF
    for _ in range(2):
        try:
            counter.next()
            raise AssertionError("65536 was given out")
        except OverflowError:
            pass
