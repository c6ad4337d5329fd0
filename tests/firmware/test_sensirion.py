# SPDX-License-Identifier: MIT
"""The checksums of Sensirion's words: every worked example of the SCD4x data sheet."""

from drivers.sensirion import crc8, words
from vectors import refuses

# SCD4x data sheet: table 32, then the examples of tables 11 to 24
EXAMPLES = (
    "beef92 6667a2 5eb93c 07e648 091263 079e09 044c42 03db42 01e0b4 7fce7b 0001b0 000081 "
    "8000a2 f89631 9f07c2 3bbe89"
)


def test_the_examples_of_the_data_sheet():
    for example in EXAMPLES.split():
        data = bytes.fromhex(example)
        assert crc8(data[:2]) == data[2], example
        assert words(data, 1) == [int.from_bytes(data[:2], "big")]


def test_only_the_words_asked_for_are_looked_at():
    reply = bytes.fromhex("7fce7b0001b0dead00")
    assert words(reply, 2) == [0x7FCE, 0x0001]
    assert refuses(ValueError, words, reply, 3)


def test_one_wrong_bit_anywhere_is_refused_and_the_word_is_named():
    for bit in range(48):
        reply = bytearray.fromhex("7fce7b0001b0")
        reply[bit // 8] ^= 1 << bit % 8
        try:
            words(reply, 2)
        except ValueError as error:
            assert str(error) == "checksum of word {}".format(bit // 24)
        else:
            raise AssertionError(reply.hex())
