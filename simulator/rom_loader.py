# SPDX-License-Identifier: MIT
"""The boot loader in the ROM of an ESP32, and the stub that esptool puts into its RAM.

Espressif's "Serial Protocol" page: SLIP frames; a request is direction 0, operation, length,
checksum and its data, an answer direction 1, operation, length, value, its data and a status.
"""

import hashlib
import struct
import zlib
from collections.abc import Callable
from functools import reduce
from operator import xor

from simulator.flash_chip import BLOCK, FlashChip

_END = 0xC0
_HEAD, _ANSWER = struct.Struct("<BBHI"), struct.Struct("<BBHI")
_CHECKSUM_SEED = 0xEF
_BAD_MESSAGE, _FAILED, _BAD_CHECKSUM, _BAD_FLASH_WRITE, _BAD_DEFLATE = 0x05, 0x06, 0x07, 0x08, 0x0B
_NOT_ZERO = 0x12205507  # the value with which the ROM answers SYNC; 0 is the stub's
_UART_CLKDIV, _UART_DIVIDER = 0x3FF40014, 347  # a crystal of 40 MHz at 115,200 baud
_DETECT, _ESP32 = 0x40001000, 0x00F01D83
_EFUSE = 0x3FF5A000
_SPI_CMD, _SPI_USR2, _SPI_W0 = 0x3FF42000, 0x3FF42024, 0x3FF42080
_SPI_USR = 1 << 18
_RDID, _WINBOND = 0x9F, 0x40EF
_PICO_D4, _D0WDQ6 = 5, 0
_READ_SLOW = 64
SYNC = bytes((_END, 0, 0x08, 0x24, 0))  # how the first request of every tool begins


class Refused(Exception):
    """A request that the loader cannot do; the argument is its error code."""


class RomLoader:
    """What bytes it is told and what it answers; `left` is set when it starts the program.

    `mac`: 6 bytes, in reading order.
    """

    def __init__(self, flash: FlashChip, mac: bytes):
        self.left = self.synced = False
        self._flash, self._stub = flash, False
        self._frame: bytearray | None = None
        self._at = self._erased_to = self._left = 0
        self._inflate: zlib._Decompress | None = None
        self._begin = self._read_at = self._read_end = self._in_flight = 0
        self._block = self._most = 0
        self._digest = hashlib.md5()
        package = _PICO_D4 if "pico" in flash.board.chip else _D0WDQ6
        self._registers = {
            _DETECT: _ESP32,
            _UART_CLKDIV: _UART_DIVIDER,
            _EFUSE + 4: int.from_bytes(mac[2:], "big"),
            _EFUSE + 8: int.from_bytes(mac[:2], "big"),
            _EFUSE + 12: 1 << 15 | 1 << 13 | package << 9,  # revision 1, 240 MHz
        }
        self.baud = 115200  # a pseudo-terminal has none, but a line at speed follows it
        self._operations: dict[int, Callable[[bytes], bytes]] = {
            0x02: self._flash_begin,
            0x03: self._flash_data,
            0x04: self._flash_end,
            0x05: self._nothing,  # MEM_BEGIN: where the stub goes is not of interest
            0x06: self._nothing,  # MEM_END starts it
            0x07: self._nothing,
            0x09: self._write_register,
            0x0A: self._nothing,  # its answer is a value
            0x0B: self._nothing,  # SPI_SET_PARAMS
            0x0D: self._nothing,  # SPI_ATTACH
            0x0F: self._change_baud,
            0x10: self._deflate_begin,
            0x11: self._deflate_data,
            0x12: self._flash_end,
            0x13: self._md5,
        }
        self._of_rom: dict[int, Callable[[bytes], bytes]] = {0x0E: self._read_slow}
        self._of_stub: dict[int, Callable[[bytes], bytes]] = {
            0xD0: self._erase_all,
            0xD1: self._erase_region,
            0xD2: self._read_flash,
            0xD3: self._run,
        }

    def hear(self, data: bytes) -> bytes:
        """Take what came over the line and return what it says to that."""
        said = b""
        for byte in data:
            if byte == _END:
                if self._frame:
                    said += self._take(_unescape(bytes(self._frame)))
                    self._frame = None
                else:
                    self._frame = bytearray()
            elif self._frame is not None:
                self._frame.append(byte)
        return said

    def _take(self, frame: bytes) -> bytes:
        if self._read_at < self._read_end or self._in_flight:
            return self._acknowledged(frame)
        if len(frame) < _HEAD.size:
            return b""
        direction, operation, length, checksum = _HEAD.unpack_from(frame)
        data = frame[_HEAD.size :]
        if direction or len(data) != length:
            return b""
        if operation == 0x08:
            self.synced = True
            return self._answer(operation, b"", 0 if self._stub else _NOT_ZERO) * 8
        own = self._of_stub if self._stub else self._of_rom
        perform = self._operations.get(operation) or own.get(operation)
        try:
            if perform is None:
                raise Refused(_BAD_MESSAGE)
            if operation in (0x03, 0x07, 0x11) and checksum != reduce(
                xor, data[16:], _CHECKSUM_SEED
            ):
                raise Refused(_BAD_CHECKSUM)
            body = perform(data)
        except Refused as refusal:
            return self._answer(operation, b"", error=refusal.args[0])
        value = self._register(data) if operation == 0x0A else 0
        return self._answer(operation, body, value) + self._afterwards(operation, data)

    def _answer(self, operation: int, body: bytes, value: int = 0, error: int = 0) -> bytes:
        status = bytes((1 if error else 0, error)) + (b"" if self._stub else b"\0\0")
        body += status
        return slip(_ANSWER.pack(1, operation, len(body), value) + body)

    def _afterwards(self, operation: int, data: bytes) -> bytes:
        """What follows the answer: the greeting of the stub, or the flash that was asked for."""
        if operation == 0x06 and not self._stub and data[:4] == bytes(4):
            self._stub = True
            return slip(b"OHAI")
        return self._send_flash() if operation == 0xD2 else b""

    # What the ROM and the stub do alike.

    def _nothing(self, data: bytes) -> bytes:
        return b""

    def _change_baud(self, data: bytes) -> bytes:
        self.baud = int.from_bytes(data[:4], "little")
        return b""

    def _register(self, data: bytes) -> int:
        return self._registers.get(int.from_bytes(data[:4], "little"), 0)

    def _write_register(self, data: bytes) -> bytes:
        for address, value, mask, _ in struct.iter_unpack("<IIII", data):
            before = self._registers.get(address, 0)
            self._registers[address] = before & ~mask | value & mask
            if address == _SPI_CMD and value & _SPI_USR:
                self._flash_command()
        return b""

    def _flash_command(self) -> None:
        """A command of the flash chip itself; it is done before anybody looks."""
        command = self._registers.get(_SPI_USR2, 0) & 0xFF
        size_code = (self._flash.size - 1).bit_length()
        self._registers[_SPI_W0] = size_code << 16 | _WINBOND if command == _RDID else 0
        self._registers[_SPI_CMD] = 0

    def _flash_begin(self, data: bytes) -> bytes:
        size, _, _, offset = struct.unpack_from("<IIII", data)
        if offset + size > self._flash.size:
            raise Refused(_BAD_FLASH_WRITE)
        self._at, self._left, self._erased_to = offset, size, offset // BLOCK * BLOCK
        if not self._stub:  # the ROM erases first, the stub on its way
            self._erase_to(offset + size)
        return b""

    def _erase_to(self, end: int) -> None:
        if end > self._erased_to:
            self._flash.erase(self._erased_to, end - self._erased_to)
            self._erased_to = (end + BLOCK - 1) // BLOCK * BLOCK

    def _flash_data(self, data: bytes) -> bytes:
        self._program(data[16:])
        return b""

    def _program(self, data: bytes) -> None:
        """Write what comes next; the tool fills the last block up, which is not for the flash."""
        data = data[: self._left] if self._stub else data
        self._erase_to(self._at + len(data))
        self._flash.write(self._at, data)
        self._at += len(data)
        self._left -= len(data)

    def _flash_end(self, data: bytes) -> bytes:
        if data[:4] == bytes(4) and not self._stub:
            self.left = True
        return b""

    def _deflate_begin(self, data: bytes) -> bytes:
        self._inflate = zlib.decompressobj()
        return self._flash_begin(data)

    def _deflate_data(self, data: bytes) -> bytes:
        if self._inflate is None:
            raise Refused(_FAILED)
        try:
            self._program(self._inflate.decompress(data[16:]))
        except zlib.error as error:
            raise Refused(_BAD_DEFLATE) from error
        return b""

    def _md5(self, data: bytes) -> bytes:
        offset, size, _, _ = struct.unpack_from("<IIII", data)
        digest = hashlib.md5(self._flash.read(offset, size))
        return digest.digest() if self._stub else digest.hexdigest().encode()

    def _read_slow(self, data: bytes) -> bytes:
        offset, size = struct.unpack_from("<II", data)
        return self._flash.read(offset, min(size, _READ_SLOW)).ljust(_READ_SLOW, b"\0")

    # What only the stub can do.

    def _erase_all(self, data: bytes) -> bytes:
        self._flash.erase(0, self._flash.size)
        return b""

    def _erase_region(self, data: bytes) -> bytes:
        self._flash.erase(*struct.unpack_from("<II", data))
        return b""

    def _run(self, data: bytes) -> bytes:
        self.left = True
        return b""

    def _read_flash(self, data: bytes) -> bytes:
        offset, size, block, most = struct.unpack_from("<IIII", data)
        self._read_at, self._read_end, self._in_flight = offset, offset + size, 0
        self._block, self._most, self._begin = block, most, offset
        self._digest = hashlib.md5()
        return b""

    def _send_flash(self) -> bytes:
        """As many blocks as may be under way; the digest after the last one is acknowledged."""
        said = b""
        while self._read_at < self._read_end and self._in_flight < self._most:
            piece = self._flash.read(
                self._read_at, min(self._block, self._read_end - self._read_at)
            )
            self._digest.update(piece)
            self._read_at += len(piece)
            self._in_flight += 1
            said += slip(piece)
        return said

    def _acknowledged(self, frame: bytes) -> bytes:
        """The tool tells how many bytes it has."""
        if len(frame) != 4:
            return b""
        have = self._begin + int.from_bytes(frame, "little")
        self._in_flight = (self._read_at - have + self._block - 1) // self._block
        if have >= self._read_end:
            self._in_flight = 0
            return slip(self._digest.digest())
        return self._send_flash()


def slip(frame: bytes) -> bytes:
    """The frame between its ends."""
    body = frame.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")
    return b"\xc0" + body + b"\xc0"


def _unescape(body: bytes) -> bytes:
    return body.replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb")
