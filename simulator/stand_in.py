# SPDX-License-Identifier: MIT
"""Images that stand in for MicroPython: right in every field that a tool checks, and small."""

import hashlib
import struct
from functools import reduce
from operator import xor

from host.boards import Board
from simulator.flash_chip import crc32_mpeg

_TEXT = "MicroPython v{} on 2026-04-06; stand-in for {}, without a program\n"
_UF2_MAGIC, _UF2_FAMILY_FLAG = (0x0A324655, 0x9E5D5157, 0x0AB16F30), 0x2000
_XIP = 0x10000000
_PARTITIONS = (
    (1, 2, 0x9000, 0x6000, b"nvs"),
    (1, 1, 0xF000, 0x1000, b"phy_init"),
    (0, 0, 0x10000, 0x1F0000, b"factory"),
)


def image(board: Board, version: str = "1.28.0", size: int = 4096) -> bytes:
    """The .bin (ESP32, for the board's flash_offset) or .uf2 (RP2040) of a MicroPython.

    `size`: about how many bytes its program has.
    """
    text = _TEXT.format(version, board.micropython).encode()
    program = (text * (size // len(text) + 1))[: max(size, len(text))]
    return uf2(_rp2040(program)) if board.chip.startswith("rp2040") else _esp32(program)


def _esp32(program: bytes) -> bytes:
    """From 0x1000 on: boot loader, partition table at 0x8000, program at 0x10000."""
    table = b"".join(
        struct.pack("<HBBII16sI", 0x50AA, kind, subtype, offset, size, label, 0)
        for kind, subtype, offset, size, label in _PARTITIONS
    )
    table += b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(table).digest()
    loader = esp32_image(b"stand-in for the boot loader")
    return loader.ljust(0x7000, b"\xff") + table.ljust(0x8000, b"\xff") + esp32_image(program)


def esp32_image(program: bytes, chip_id: int = 0) -> bytes:
    """One image of ESP-IDF: header, one segment, checksum, SHA-256."""
    program += b"\0" * (-len(program) % 4)
    head = struct.pack(
        "<BBBBIB3sHBHH4sB", 0xE9, 1, 2, 0x20, 0x40080000, 0xEE, bytes(3), chip_id, 0, 0, 0xFFFF,
        bytes(4), 1,
    )  # fmt: skip
    data = head + struct.pack("<II", 0x3F400020, len(program)) + program
    data += b"\0" * (15 - len(data) % 16) + bytes((reduce(xor, program, 0xEF),))
    return data + hashlib.sha256(data).digest()


def _rp2040(program: bytes) -> bytes:
    boot2 = b"stand-in for the second stage of the boot".ljust(252, b"\0")
    return boot2 + struct.pack("<I", crc32_mpeg(boot2)) + program


def uf2(data: bytes, family: int = 0xE48BFF56) -> bytes:
    """A UF2 file that puts these bytes at the start of the flash."""
    count, blocks = (len(data) + 255) // 256, []
    for number in range(count):
        piece = data[number * 256 : number * 256 + 256].ljust(476, b"\0")
        address = _XIP + number * 256
        head = (*_UF2_MAGIC[:2], _UF2_FAMILY_FLAG, address, 256, number, count, family)
        blocks.append(struct.pack("<8I", *head) + piece + struct.pack("<I", _UF2_MAGIC[2]))
    return b"".join(blocks)
