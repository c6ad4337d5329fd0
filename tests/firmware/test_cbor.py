# SPDX-License-Identifier: MIT
"""cbor: RFC 8949 appendix A, deterministic encoding, and what is refused."""

import cbor
from vectors import refuses, rows

_UNSUPPORTED = ("f9", "fa", "fb", "f7", "f0", "f8", "c", "d", "5f", "7f", "9f", "bf")


def _supported(hexadecimal):
    if hexadecimal in ("826161bf61626163ff", "83018202039f0405ff", "83019f0203ff820405"):
        return False  # an indefinite length inside
    return not any(hexadecimal.startswith(head) for head in _UNSUPPORTED)


def test_appendix_a():
    seen = 0
    for row in rows("cbor_appendix_a", "vectors"):
        data = bytes.fromhex(row["hex"])
        if not _supported(row["hex"]):
            assert refuses(cbor.CborError, cbor.decode, data), row["hex"]
            continue
        value = cbor.decode(data)
        if "decoded" in row:
            assert value == row["decoded"], row["hex"]
            assert type(value) is type(row["decoded"]), row["hex"]
        assert cbor.encode(value) == data, row["hex"]
        seen += 1
    assert seen == 37, seen


def test_appendix_a_values_without_json():
    assert cbor.decode(b"\x44\x01\x02\x03\x04") == b"\x01\x02\x03\x04"
    assert cbor.decode(bytes.fromhex("a201020304")) == {1: 2, 3: 4}


def test_map_keys_sort_by_their_encoding():
    # RFC 8949 4.2.1: 10, 100, -1, "z", "aa"
    value = {"aa": 4, -1: 2, 100: 1, "z": 3, 10: 0}
    assert cbor.encode(value) == bytes.fromhex("a50a001864012002617a0362616104")


def test_tuples_and_bytearrays_encode_like_lists_and_bytes():
    assert cbor.encode((1, bytearray(b"\x02"))) == b"\x82\x01\x41\x02"


def test_bool_is_no_integer():
    assert cbor.encode([True, 1, False, 0]) == b"\x84\xf5\x01\xf4\x00"


def test_what_has_no_encoding_is_refused():
    for value in (1.5, 1 << 64, -(1 << 64) - 1, {None: 1}, {(1,): 2}, {True: 1}, object(), [len]):
        assert refuses(cbor.CborError, cbor.encode, value), value


def test_every_truncation_is_refused():
    data = cbor.encode({0: [1, 300, -70000], 1: b"bytes", 2: "text", 3: {4: None}})
    for end in range(len(data)):
        assert refuses(cbor.CborError, cbor.decode, data[:end]), end
    assert refuses(cbor.CborError, cbor.decode, data + b"\x00")


def test_a_length_beyond_the_data_takes_no_memory():
    for head in (b"\x5a", b"\x7a", b"\x9a", b"\xba"):
        assert refuses(cbor.CborError, cbor.decode, head + b"\x7f\xff\xff\xff\x00")


def test_duplicate_and_unhashable_keys_are_refused():
    for data in ("a201020103", "a18001", "a1f501", "a1f601", "a2010218010" + "3"):
        assert refuses(cbor.CborError, cbor.decode, bytes.fromhex(data)), data


def test_heads_longer_than_needed_are_read():
    assert cbor.decode(b"\x1b\x00\x00\x00\x00\x00\x00\x00\x05") == 5
    assert cbor.decode(b"\x98\x01\x38\x00") == [-1]


def test_reserved_lengths_and_bad_text_are_refused():
    for data in (b"\x1c" + bytes(16), b"\x3d", b"\x5e", b"\xff", b"\x61\xff", b"\xf8\x14", b""):
        assert refuses(cbor.CborError, cbor.decode, data), data


def test_depth_is_8_both_ways():
    value = 1
    for _ in range(8):
        value = [value]
    assert cbor.decode(cbor.encode(value)) == value
    assert refuses(cbor.CborError, cbor.encode, [value])
    assert refuses(cbor.CborError, cbor.decode, b"\x81" * 9 + b"\x01")
    assert refuses(cbor.CborError, cbor.decode, b"\x81" * 5000)
    value = 1
    for _ in range(8):
        value = {0: value}
    assert cbor.decode(cbor.encode(value)) == value
    assert refuses(cbor.CborError, cbor.encode, {0: value})
    assert refuses(cbor.CborError, cbor.decode, b"\xa1\x00" * 9 + b"\x01")


def test_a_sequence_is_read_item_by_item():
    data = memoryview(b"\xa1\x01\x19\x02\x64\xa1\x00\xf6")
    value, at = cbor.decode_first(data)
    assert (value, at) == ({1: 612}, 5)
    assert cbor.decode_first(data, at) == ({0: None}, 8)
    assert refuses(cbor.CborError, cbor.decode_first, data, 8)
