# SPDX-License-Identifier: MIT
"""What Sensirion's I2C sensors share: 16-bit words, each with a checksum."""


def crc8(data):
    """Polynomial 0x31, start 0xFF (SCD4x data sheet 3.11)."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc << 1 ^ (0x31 if crc & 0x80 else 0)
        crc &= 0xFF
    return crc


def words(reply, count):
    """The first `count` words of a reply. ValueError: a checksum is wrong."""
    found = []
    for at in range(0, 3 * count, 3):
        if crc8(reply[at : at + 2]) != reply[at + 2]:
            raise ValueError("checksum of word {}".format(at // 3))
        found.append(reply[at] << 8 | reply[at + 1])
    return found
