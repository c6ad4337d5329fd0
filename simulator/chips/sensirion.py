# SPDX-License-Identifier: MIT
"""What Sensirion's sensors say on an I2C bus: 16-bit words, each with a checksum."""

from struct import pack


def crc8(data: bytes) -> int:
    """Sensirion's checksum: polynomial 0x31, start 0xFF."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ (0x31 if crc & 0x80 else 0)) & 0xFF
    return crc


def words(*values: int) -> bytes:
    """16-bit words, each followed by its checksum."""
    return b"".join(pack(">H", each) + bytes((crc8(pack(">H", each)),)) for each in values)
