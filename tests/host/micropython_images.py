# SPDX-License-Identifier: MIT
"""Images as MicroPython's downloads are built, small: for the ESP32 and for the RP2040."""

import hashlib
import struct
from functools import reduce
from operator import xor

RP2040, RP2350 = 0xE48BFF56, 0xE48BFF59


def esp_image(*segments, chip=0, hashed=True):
    """One image (ESP-IDF, "Firmware Image Format"): 24 bytes of header, segments, checksum."""
    data = struct.pack("<BBBBI", 0xE9, len(segments), 2, 0x20, 0x40080000)
    data += struct.pack("<B3sHBHH4sB", 0xEE, bytes(3), chip, 0, 0, 399, bytes(4), hashed)
    for segment in segments:
        data += struct.pack("<II", 0x3F400020, len(segment)) + segment
    data += bytes(15 - len(data) % 16)
    data += bytes((reduce(xor, b"".join(segments), 0xEF),))
    return data + hashlib.sha256(data).digest() if hashed else data


def partition_table(*rows):
    """Rows of (type, subtype, offset, size, label), and their MD5."""
    table = b"".join(
        b"\xaa\x50" + struct.pack("<BBII16sI", *row[:4], row[4].encode(), 0) for row in rows
    )
    table += b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(table).digest()
    return table.ljust(0xC00, b"\xff")


# MicroPython 1.28, ports/esp32/partitions-4MiBplus.csv
ROWS = (
    (1, 2, 0x9000, 0x6000, "nvs"),
    (1, 1, 0xF000, 0x1000, "phy_init"),
    (0, 0, 0x10000, 0x1F0000, "factory"),
)


def esp32(loader=None, table=None, app=None, size=3000):
    """A download for the ESP32: it goes to 0x1000."""
    loader = loader or esp_image(b"L" * 500, bytes(range(256)))
    app = app or esp_image(bytes(range(251)) * (size // 251 + 1))
    data = loader.ljust(0x7000, b"\xff") + (table or partition_table(*ROWS))
    return data.ljust(0xF000, b"\xff") + app


def uf2(payload=b"MicroPython for the RP2040" * 100, family=RP2040):
    """A UF2 file (microsoft/uf2): 256 bytes of payload in each block of 512."""
    pieces = [payload[at : at + 256].ljust(256, b"\0") for at in range(0, len(payload), 256)]
    blocks = []
    for number, piece in enumerate(pieces):
        head = (
            0x0A324655, 0x9E5D5157, 0x2000, 0x10000000 + 256 * number, 256, number, len(pieces),
            family,
        )  # fmt: skip
        blocks.append(struct.pack("<8I", *head) + piece.ljust(476, b"\0"))
        blocks[-1] += struct.pack("<I", 0x0AB16F30)
    return b"".join(blocks)
