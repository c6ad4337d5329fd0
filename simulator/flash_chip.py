# SPDX-License-Identifier: MIT
"""The flash chip of a virtual board, a file, and what its boot loader looks for in it."""

import binascii
import fcntl
import hashlib
import os
import struct
from functools import reduce
from operator import xor
from pathlib import Path

import cbor2
from littlefs import LittleFS, LittleFSError

from host.boards import Board
from host.errors import WrongUse

BLOCK = 4096
_ESP_TABLE, _ESP_APP, _ESP_FILES = 0x8000, 0x10000, 0x200000
_ESP_MAGIC, _ESP32_CHIP_ID, _ESP_CHECKSUM = 0xE9, 0, 0xEF
_ENTRY, _ENTRY_MAGIC = struct.Struct("<HBBII16sI"), 0x50AA
_APP, _DATA = 0, 1
_PICO_BOOT2 = 256
_XIP_SIZE = {"RPI_PICO": 2 << 20, "RPI_PICO_W": 2 << 20, "ADAFRUIT_FEATHER_RP2040": 8 << 20}
_MICROPYTHON = b"MicroPython v"  # in the text of every image


class FlashChip:
    """The bytes of one flash chip, kept in a file; `filesystem` is (offset, size) of the files.

    `filesystem_kib`: a smaller filesystem than the board's own.
    """

    def __init__(self, path: Path, board: Board, filesystem_kib: int | None = None):
        self.path, self.board = path, board
        self.esp32 = not board.chip.startswith("rp2040")
        self._filesystem_kib = filesystem_kib
        own = board.filesystem_kib * 1024
        self.size = _ESP_FILES + own if self.esp32 else _XIP_SIZE[board.micropython]
        # there while a UF2 file was taken in part: the program ends somewhere
        self.half_written = path.with_name(path.name + ".half")
        if not path.exists():
            path.touch(0o600)  # it will hold keys
            with path.open("wb") as file:
                for _ in range(self.size // BLOCK):
                    file.write(b"\xff" * BLOCK)
        if path.stat().st_size != self.size:
            raise WrongUse(
                f"{path} has {path.stat().st_size} bytes, the flash of {board.name} {self.size}",
                "name another file, or the board that it is of",
            )

    def hold(self) -> None:
        """Keep others away until it is released. WrongUse: another virtual board has it."""
        self._held = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._held)
            step = "name another --flash, or end that one"
            raise WrongUse(f"another virtual board has {self.path}", step) from None

    def release(self) -> None:
        """Another virtual board may have it now."""
        os.close(self._held)

    def read(self, offset: int, size: int) -> bytes:
        """Bytes of the chip; past its end it starts again."""
        with self.path.open("rb") as file:
            file.seek(offset % self.size)
            data = file.read(size)
        return data if len(data) == size else data + self.read(0, size - len(data))

    def write(self, offset: int, data: bytes) -> None:
        """Program bytes: bits go from 1 to 0 only, as in flash that was not erased."""
        with self.path.open("r+b") as file:
            file.seek(offset)
            before = file.read(len(data))
            file.seek(offset)
            if before.count(0xFF) == len(before):
                file.write(data[: len(before)])
            else:
                file.write(bytes(old & new for old, new in zip(before, data, strict=False)))

    def erase(self, offset: int, size: int) -> None:
        """Erase the blocks that hold these bytes."""
        first, end = offset // BLOCK, min((offset + size + BLOCK - 1) // BLOCK, self.size // BLOCK)
        with self.path.open("r+b") as file:
            file.seek(first * BLOCK)
            for _ in range(first, end):
                file.write(b"\xff" * BLOCK)

    # What is in it.

    def problem(self) -> str:
        """Why the boot loader finds no program that it starts, "" when it does."""
        if not self.esp32:
            boot2 = self.read(0, _PICO_BOOT2)
            good = crc32_mpeg(boot2[:-4]) == int.from_bytes(boot2[-4:], "little")
            return "" if good else "no second stage of the boot"
        loader = self._from(self.board.flash_offset or 0)
        return image_problem(loader) or image_problem(self._from(self._app_offset()))

    def holds_micropython(self) -> bool:
        """True when that program is a MicroPython."""
        begin = self._app_offset() if self.esp32 else 0
        return _MICROPYTHON in self.read(begin, self.filesystem[0] - begin)

    @property
    def filesystem(self) -> tuple[int, int]:
        """Where MicroPython keeps its files.

        ESP32: in the partition vfs, or in all that is left after the last one.
        """
        own = self.board.filesystem_kib * 1024
        if self.esp32:
            rows = self._partitions()
            for kind, offset, size, label in rows:
                if kind == _DATA and label == "vfs":
                    return offset, self._limited(size)
            end = max((offset + size for _, offset, size, _ in rows), default=_ESP_FILES)
            return end, self._limited(self.size - end)
        end = min(self.size, _XIP_SIZE[self.board.micropython])
        return end - own, self._limited(own)

    def _limited(self, size: int) -> int:
        return size if self._filesystem_kib is None else min(size, self._filesystem_kib * 1024)

    def _from(self, offset: int) -> bytes:
        return self.read(offset, self.filesystem[0] - offset)

    def _partitions(self) -> list[tuple[int, int, int, str]]:
        """(type, offset, size, label) of the partition table."""
        rows, table = [], self.read(_ESP_TABLE, 0xC00)
        for magic, kind, _, offset, size, label, _ in _ENTRY.iter_unpack(table):
            if magic != _ENTRY_MAGIC:
                break
            rows.append((kind, offset, size, label.rstrip(b"\0").decode(errors="replace")))
        return rows

    def _app_offset(self) -> int:
        return next((row[1] for row in self._partitions() if row[0] == _APP), _ESP_APP)

    def files(self) -> dict[str, bytes]:
        """The files of its filesystem by path, none when it cannot be mounted."""
        offset, size = self.filesystem
        return files_of(self.read(offset, size))

    def config(self) -> dict[str, object]:
        """The config that provisioning wrote, empty without one."""
        found = self.files()
        slots = [found.get(f"state/config.{slot}", b"") for slot in (0, 1)]
        good = [
            (int.from_bytes(slot[:4], "little"), cbor2.loads(slot[4:-4]))
            for slot in slots
            if len(slot) > 8 and binascii.crc32(slot[:-4]) == int.from_bytes(slot[-4:], "little")
        ]
        return dict(max(good, key=lambda each: each[0])[1]) if good else {}


def files_of(data: bytes) -> dict[str, bytes]:
    """The files of a LittleFS image by path, none when it cannot be mounted."""
    fs = LittleFS(block_size=BLOCK, block_count=len(data) // BLOCK, mount=False)
    fs.context.buffer = bytearray(data)
    found = {}
    try:
        fs.mount()
        for folder, _, names in fs.walk("/"):
            for name in names:
                path = f"{folder.rstrip('/')}/{name}"
                with fs.open(path, "rb") as file:
                    found[path.removeprefix("/")] = file.read()
    except LittleFSError:
        return {}
    return found


def image_problem(data: bytes) -> str:
    """Why the ESP32's boot loader does not take this image, "" when it does."""
    if len(data) < 24 or data[0] != _ESP_MAGIC:
        return f"invalid header: 0x{int.from_bytes(data[:4], 'little'):08x}"
    segments, chip_id, hashed = data[1], int.from_bytes(data[12:14], "little"), data[23]
    if chip_id != _ESP32_CHIP_ID:
        return f"mismatch chip ID, expected {_ESP32_CHIP_ID}, found {chip_id}"
    at, checksum = 24, _ESP_CHECKSUM
    for _ in range(segments):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + size > len(data):
            return "invalid segment length"
        checksum = reduce(xor, data[at + 8 : at + 8 + size], checksum)
        at += 8 + size
    at |= 15  # the checksum ends a row of 16 bytes
    if data[at : at + 1] != bytes((checksum,)):
        return "Checksum failed"
    if hashed and hashlib.sha256(data[: at + 1]).digest() != data[at + 1 : at + 33]:
        return "Image hash failed"
    return ""


def crc32_mpeg(data: bytes) -> int:
    """The CRC with which RP2040's boot ROM checks the first 252 bytes (datasheet 2.8.1.3.1)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
    return crc
