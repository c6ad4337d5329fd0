# SPDX-License-Identifier: MIT
"""MicroPython images for the ESP32: checked to the last byte, and written by esptool."""

import hashlib
import os
import re
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from host.errors import HostError

DEAF = "deaf"  # the code of a chip that does not listen: nothing was written
OFFSET = 0x1000  # of the image in flash: the boot loader begins there
SECTOR = 4096
_TABLE = 0x8000  # the partition table (ESP-IDF, CONFIG_PARTITION_TABLE_OFFSET)
_TABLE_BYTES = 0xC00
_MAGIC = 0xE9
_HEADER = struct.Struct("<BBBBI4xH9xB")  # magic, segments, mode, size, entry; chip id; hash
_SEGMENT = struct.Struct("<II")  # address, length
_ENTRY = struct.Struct("<2sBBII16sI")
_ENTRY_MAGIC, _MD5_MAGIC = b"\xaa\x50", b"\xeb\xeb"
_APP, _CHECKSUM = 0, 0xEF
_CHIPS = {0: "ESP32", 2: "ESP32-S2", 5: "ESP32-C3", 9: "ESP32-S3", 12: "ESP32-C2", 13: "ESP32-C6"}
_BAUDS = (460800, 115200)  # some cables and CH340 clones only do the second
_TIMEOUT_S = 600
_WRITING = re.compile(r"Writing at 0x([0-9a-f]+)")
_REACHED = "Connected to "  # what esptool says once a chip has answered
ANOTHER = "download it again, or take the file for this board: node071 boards show NAME"


@dataclass(frozen=True)
class Partition:
    """A row of the partition table: bytes from the start of the flash."""

    label: str
    kind: int
    offset: int
    size: int


def check(data: bytes) -> list[Partition]:
    """Check a whole image: boot loader, partition table, application; its partitions.

    HostError: it is for another chip, damaged, or no image at all.
    """
    check_image(data, "boot loader")
    table = partitions(data[_TABLE - OFFSET : _TABLE - OFFSET + _TABLE_BYTES])
    apps = [row for row in table if row.kind == _APP]
    if not apps:
        raise HostError("the file has no application for the board", ANOTHER)
    check_image(data[apps[0].offset - OFFSET :], "application")
    return table


def check_image(data: bytes, what: str) -> int:
    """Check one image (ESP-IDF, esp_app_format.h): magic, chip, checksum, SHA-256; its length."""
    if len(data) < _HEADER.size or data[0] != _MAGIC:
        raise HostError(f"the file has no ESP32 {what}: it does not begin with E9", ANOTHER)
    _, segments, _, _, _, chip, hashed = _HEADER.unpack_from(data)
    if chip:
        name = _CHIPS.get(chip, f"chip {chip}")
        raise HostError(f"the {what} is for the {name}, not for the ESP32", ANOTHER)
    at, checksum = _HEADER.size, _CHECKSUM
    for _ in range(segments):
        if at + _SEGMENT.size > len(data):
            raise HostError(f"the file ends within its {what}", ANOTHER)
        _, length = _SEGMENT.unpack_from(data, at)
        body = data[at + _SEGMENT.size : at + _SEGMENT.size + length]
        if len(body) != length:
            raise HostError(f"the file ends within its {what}", ANOTHER)
        checksum ^= _xor(body)
        at += _SEGMENT.size + length
    end = at - at % 16 + 15  # the checksum is the last byte of a line of 16
    if data[end : end + 1] != bytes((checksum,)):
        raise HostError(f"the checksum of the {what} is wrong: the file is damaged", ANOTHER)
    end += 1
    if hashed:
        if hashlib.sha256(data[:end]).digest() != data[end : end + 32]:
            raise HostError(f"the SHA-256 of the {what} is wrong: the file is damaged", ANOTHER)
        end += 32
    return end


def _xor(data: bytes) -> int:
    """All bytes of a segment, one over the other; in words, as images have megabytes."""
    whole = int.from_bytes(data, "little")
    width = 8 << max(len(data) - 1, 0).bit_length()
    while width > 8:
        width //= 2
        whole = (whole >> width) ^ (whole & ((1 << width) - 1))
    return whole


def partitions(table: bytes) -> list[Partition]:
    """The rows of a partition table, its MD5 checked."""
    rows: list[Partition] = []
    for at in range(0, len(table) - _ENTRY.size + 1, _ENTRY.size):
        magic, kind, _, offset, size, label, _ = _ENTRY.unpack_from(table, at)
        if magic == _MD5_MAGIC:
            if hashlib.md5(table[:at]).digest() != table[at + 16 : at + 32]:
                raise HostError("the partition table is damaged: its MD5 is wrong", ANOTHER)
            break
        if magic != _ENTRY_MAGIC:
            break
        rows.append(Partition(label.rstrip(b"\0").decode("ascii", "replace"), kind, offset, size))
    if not rows:
        raise HostError("the file has no partition table", ANOTHER)
    return rows


def filesystem(rows: list[Partition], flash_bytes: int) -> tuple[int, int]:
    """(offset, bytes) of the filesystem: its partition, or what the others leave of the flash.

    MicroPython makes that partition itself at its start (ports/esp32/main.c).
    """
    for row in rows:
        if row.label == "vfs":
            return row.offset, row.size
    offset = -(-max(row.offset + row.size for row in rows) // SECTOR) * SECTOR
    if offset + 64 * SECTOR > flash_bytes:
        raise HostError("this MicroPython leaves no room for files on the board", ANOTHER)
    return offset, flash_bytes - offset


def read_mac(port: str, lock: tuple[int, ...] = (), attempts: int = 2) -> bytes | None:
    """The MAC address of the chip in its boot loader, None: no ESP32 answers."""
    words = ["--connect-attempts", str(attempts), "read-mac"]
    status, output = _esptool(words, port, lock, 60)
    found = re.search(r"MAC:\s*((?:[0-9a-f]{2}:){5}[0-9a-f]{2})\b", output, re.I)
    return bytes.fromhex(found[1].replace(":", "")) if status == 0 and found else None


def write(
    port: str,
    parts: Mapping[int, bytes],
    lock: tuple[int, ...] = (),
    progress: Callable[[float], None] = lambda share: None,
) -> None:
    """Write bytes at their offsets, in one run; esptool compares an MD5 of each with the flash.

    `progress` gets the share that is written, 0 to 1, as esptool says where it is.
    HostError says what stands in the way; with the code DEAF nothing was written.
    """

    def hear(line: str) -> None:
        if found := _WRITING.match(line):
            progress(_share(parts, int(found[1], 16)))

    output, reached = "", False
    with ExitStack() as files:
        words, held = [], lock
        for at, data in sorted(parts.items()):
            name, descriptors = files.enter_context(_nameless(data))
            words += [hex(at), name]
            held += descriptors
        for baud in _BAUDS:
            speed = ["--baud", str(baud), "write-flash"]
            status, output = _esptool([*speed, *words], port, held, _TIMEOUT_S, hear)
            if status == 0:
                return
            # one that was stopped may have reached it and not said so
            reached = reached or status is None or _REACHED in output
            if not reached:
                break  # it begins at the same speed always
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    said = next((line for line in reversed(lines) if "error" in line.lower()), "it says nothing")
    if not reached and "Could not open" not in said:
        raise HostError(
            f"the ESP32 on {port} does not listen to its boot loader: {said[:100]}",
            "hold its BOOT button, press reset, let go of BOOT, and run the same command again; "
            "take an SD card out",
            DEAF,
        )
    raise HostError(
        f"esptool did not finish: {said[:140]}",
        "use a short cable, and run the same command again: what was on the board is kept",
        "" if reached else DEAF,
    )


def _share(parts: Mapping[int, bytes], address: int) -> float:
    """How much of the parts lies before an address in flash, 0 to 1."""
    before = sum(min(max(address - at, 0), len(data)) for at, data in parts.items())
    return before / sum(map(len, parts.values()))


@contextmanager
def _nameless(data: bytes) -> Iterator[tuple[str, tuple[int, ...]]]:
    """(path for a program that inherits the descriptors, descriptors) of bytes that hold keys.

    They are gone with the last program that has them, also with one that is killed. Windows has
    no such thing: there it is a file in a folder of this user, which the end of the run removes.
    """
    if os.name == "nt":
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "part.bin")
            path.write_bytes(data)
            yield str(path), ()
        return
    with _without_name() as file:
        file.write(data)
        file.flush()
        yield f"/dev/fd/{file.fileno()}", (file.fileno(),)


def _without_name() -> IO[bytes]:
    if sys.platform == "linux":
        return os.fdopen(os.memfd_create("node071"), "wb")
    return tempfile.TemporaryFile()


def _esptool(
    words: list[str],
    port: str,
    lock: tuple[int, ...],
    timeout_s: float,
    hear: Callable[[str], None] = lambda line: None,
) -> tuple[int | None, str]:
    """(exit status, what it said, which `hear` gets line by line); None: it was too slow."""
    slow, said = threading.Event(), []
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "esptool", "--chip", "esp32", "--port", port, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        pass_fds=lock if sys.platform != "win32" else (),
    ) as program:
        assert program.stdout is not None

        def stop() -> None:
            slow.set()
            program.kill()

        late = threading.Timer(timeout_s, stop)
        late.start()
        try:
            for line in program.stdout:
                said.append(line)
                hear(line)
            status = program.wait()
        finally:
            late.cancel()
            program.kill()
    if slow.is_set():
        return None, "error: the board stopped answering"
    return status, "".join(said)
