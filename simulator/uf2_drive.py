# SPDX-License-Identifier: MIT
"""The boot loader of an RP2040: a drive that takes a UF2 file; here the drive is a folder."""

import shutil
import struct
import time
from pathlib import Path

from host.errors import WrongUse
from simulator.flash_chip import BLOCK, FlashChip

_MAGIC, _END_MAGIC = (0x0A324655, 0x9E5D5157), 0x0AB16F30
_BLOCK_SIZE, _PAYLOAD = 512, 256
_NOT_MAIN_FLASH, _FAMILY_PRESENT = 0x0001, 0x2000
_RP2040, _XIP = 0xE48BFF56, 0x10000000
_EJECT_S = 0.3  # until the computer has noticed that its copy is done
_INFO_NAME = "INFO_UF2.TXT"
_INFO = "UF2 Bootloader v3.0\nModel: Raspberry Pi RP2\nBoard-ID: RPI-RP2\n"
_INDEX = "<html><body>Copy a UF2 file here.</body></html>\n"


def free(folder: Path) -> None:
    """WrongUse: what is there is not a drive that was left behind, and would go with it."""
    if any(folder.glob("*")) and not (folder / _INFO_NAME).is_file():
        raise WrongUse(f"{folder} has files in it", "name an empty folder with --drive")


class Uf2Drive:
    """The folder while the boot loader runs: it takes what is copied there, block by block.

    `look` returns True once a file was taken whole; then the board starts it. As the real one it
    passes over what is not for this chip without a word; `said` tells what and why.
    """

    def __init__(self, folder: Path, flash: FlashChip):
        self.folder, self._flash = folder, flash
        self.said: list[str] = []
        self.bytes_left: int | None = None  # that it takes before the cable is pulled
        self._whole_s: float | None = None
        self._seen: dict[Path, int] = {}  # bytes of each file that were looked at
        self._taken: dict[Path, set[int]] = {}  # numbers of its blocks
        self._erased: dict[Path, set[int]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _INFO_NAME).write_text(_INFO, newline="\r\n")
        (folder / "INDEX.HTM").write_text(_INDEX)

    def eject(self) -> None:
        """The drive is gone, with all that was copied to it."""
        shutil.rmtree(self.folder, ignore_errors=True)  # somebody may just be writing there

    def look(self) -> bool:
        """Take what has come since."""
        if self._whole_s is None:
            for path in sorted(self.folder.glob("*.[uU][fF]2")):
                if self._grown(path):
                    self._flash.half_written.unlink(missing_ok=True)
                    self._whole_s = time.monotonic()
                    break
        return self._whole_s is not None and time.monotonic() - self._whole_s > _EJECT_S

    def _grown(self, path: Path) -> bool:
        """Take the blocks that have come; True: all are there. A file that shrank is a new one."""
        try:
            with path.open("rb") as file:
                if file.seek(0, 2) < self._seen.get(path, 0):
                    for kept in (self._seen, self._taken, self._erased):
                        kept.pop(path, None)
                seen = file.seek(self._seen.get(path, 0))
                data = file.read(self.bytes_left)
        except FileNotFoundError:
            return False
        for at in range(0, len(data) // _BLOCK_SIZE * _BLOCK_SIZE, _BLOCK_SIZE):
            self._seen[path] = seen + at + _BLOCK_SIZE
            if self.bytes_left is not None:
                self.bytes_left -= _BLOCK_SIZE
            if self._take(path, data[at : at + _BLOCK_SIZE]):
                return True
        if self.bytes_left is not None and self.bytes_left < _BLOCK_SIZE:
            self.bytes_left = 0
        return False

    def _take(self, path: Path, block: bytes) -> bool:
        """Take one block; True: it was the last one that was missing."""
        *magic, flags, address, size, number, count, family = struct.unpack_from("<8I", block)
        offset = address - _XIP
        problem = ""
        if tuple(magic) != _MAGIC or struct.unpack_from("<I", block, 508)[0] != _END_MAGIC:
            problem = "no UF2 block"
        elif not flags & _FAMILY_PRESENT or family != _RP2040:
            problem = f"family 0x{family:08X}, this chip is 0x{_RP2040:08X}"
        elif flags & _NOT_MAIN_FLASH or size != _PAYLOAD:
            problem = "not for the flash"
        elif not 0 <= offset <= self._flash.size - _PAYLOAD or offset % _PAYLOAD:
            problem = f"address 0x{address:08X} is not in the flash"
        elif number >= count:
            problem = f"block {number} of {count}"
        if problem:
            self.said.append(f"{path.name}: {problem}")
            return False
        self._flash.half_written.touch()
        erased = self._erased.setdefault(path, set())
        if offset // BLOCK not in erased:
            self._flash.erase(offset, _PAYLOAD)
            erased.add(offset // BLOCK)
        self._flash.write(offset, block[32 : 32 + _PAYLOAD])
        taken = self._taken.setdefault(path, set())
        taken.add(number)
        return bool(len(taken) == count)
