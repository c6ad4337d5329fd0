# SPDX-License-Identifier: MIT
"""UF2 images for the RP2040: checked block by block, and copied to the drive of its boot loader."""

import os
import struct
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from host.errors import HostError

# https://github.com/microsoft/uf2: blocks of 512 bytes
_BLOCK = 512
_HEAD = struct.Struct("<8I")
_MAGIC, _MAGIC_2, _MAGIC_END = 0x0A324655, 0x9E5D5157, 0x0AB16F30
_HAS_FAMILY, _NOT_MAIN_FLASH = 0x2000, 0x0001
_FAMILIES = {
    0xE48BFF56: "RP2040",
    0xE48BFF59: "RP2350",
    0xE48BFF5A: "RP2350",
    0xADA52840: "nRF52840",
    0x68ED2B88: "SAMD21",
    0xBFDD4EEE: "ESP32-S2",
    0xC47E5767: "ESP32-S3",
}
INFO = "INFO_UF2.TXT"
_ANOTHER = "download it again, or take the file for this board: node071 boards show NAME"


def check(data: bytes, family: int) -> int:
    """Check every block; the number of blocks. HostError: damaged, or for another chip."""
    if not data or len(data) % _BLOCK:
        raise HostError(f"a file of {len(data)} bytes is no UF2: it has blocks of 512", _ANOTHER)
    count = len(data) // _BLOCK
    for number in range(count):
        block = data[number * _BLOCK : (number + 1) * _BLOCK]
        magic, magic_2, flags, _, size, own, total, of = _HEAD.unpack_from(block)
        (end,) = struct.unpack_from("<I", block, _BLOCK - 4)
        if (magic, magic_2, end) != (_MAGIC, _MAGIC_2, _MAGIC_END):
            raise HostError(f"block {number} is no UF2 block: the file is damaged", _ANOTHER)
        if not flags & _HAS_FAMILY or of != family:
            chip = _FAMILIES.get(of, f"family {of:#010x}") if flags & _HAS_FAMILY else "no chip"
            wanted = _FAMILIES.get(family, f"{family:#010x}")
            raise HostError(f"the file is for {chip}, the board is an {wanted}", _ANOTHER)
        if (own, total) != (number, count) or size > 476 or flags & _NOT_MAIN_FLASH:
            raise HostError(
                f"block {number} of {count} says {own} of {total}: the file is damaged", _ANOTHER
            )
    return count


def drives(places: Iterable[Path] | None = None) -> list[Path]:
    """The drives of boards that wait for a UF2 file."""
    return [
        place
        for place in (_places() if places is None else places)
        if "Board-ID" in board_id_text(place)
    ]


def board_id_text(drive: Path) -> str:
    """What INFO_UF2.TXT of a drive says, "" when there is none."""
    try:
        return (drive / INFO).read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _places() -> Iterator[Path]:
    """Where this computer mounts drives."""
    for root in ("/media", "/run/media", "/mnt", "/Volumes"):
        yield from Path(root).glob("*")
        yield from Path(root).glob("*/*")
    if os.name == "nt":
        yield from (Path(f"{letter}:/") for letter in "DEFGHIJKLMNOPQRSTUVWXYZ")


def copy(data: bytes, drive: Path, family: int, wait_s: float = 30.0) -> None:
    """Copy a checked file to a drive, which goes away when the board has it.

    HostError: the drive is not of an RP2040, or it stays as if nothing had come.
    """
    check(data, family)
    said = board_id_text(drive)
    if family == 0xE48BFF56 and "RPI-RP2" not in said.split():
        raise HostError(
            f"{drive} is no drive of an RP2040", "hold BOOTSEL while you plug the board in"
        )
    target = drive / "micropython.uf2"
    try:
        with target.open("wb", buffering=0) as file:
            for at in range(0, len(data), 64 * _BLOCK):
                file.write(data[at : at + 64 * _BLOCK])
            os.fsync(file.fileno())
    except OSError as error:
        # the board restarts with the last block: the drive may go before the file is closed
        if (drive / INFO).exists():
            raise HostError(
                f"{drive} does not take the file: {error.strerror}",
                "plug the board in again while you hold BOOTSEL",
            ) from error
    end_s = time.monotonic() + wait_s
    while (drive / INFO).exists():
        if time.monotonic() > end_s:
            raise HostError(
                f"the board did not restart from {drive}",
                "plug it in again while you hold BOOTSEL, and run the same command again",
            )
        time.sleep(0.1)
