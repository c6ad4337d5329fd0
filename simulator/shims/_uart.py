# SPDX-License-Identifier: MIT
"""`machine.UART` as each chip family has it; the bytes themselves are the host's business."""

import struct

import _wire
from _pin import connected, give, rp2040

_OPEN, _CLOSE, _WRITE, _ANY, _READ, _SLEEP, _WAKE = range(7)
_CHUNK = 256
_RP2040_RXBUF = 32, 32766
_ESP32_FIFO = 128
_FOREVER_US = 1 << 60
_EIO = 5
_lines = {}  # number -> bytes of TX and RX while it is open, b"" once it was closed


class UART:
    """8N1 only. An object made anew and the one before it are the same UART."""

    def __init__(self, id, *arguments, **options):
        if id not in ((0, 1) if rp2040() else (1, 2)):  # 0 of an ESP32 is its serial line
            raise ValueError("UART({}) doesn't exist".format(id))
        self._id = id
        _lines.pop(id, None)
        self.init(*arguments, **options)

    def init(self, baudrate=115200, bits=8, parity=None, stop=1, *, tx, rx, rxbuf=256, timeout=0,
             timeout_char=0):  # fmt: skip
        if (bits, parity, stop) != (8, None, 1):
            raise ValueError("only 8N1 is modelled")
        if rp2040():
            _check_rp2040(self._id, tx._id, rx._id, rxbuf)
            rxbuf = max(rxbuf, _RP2040_RXBUF[0])
            timeout_char = max(timeout_char, 13000 // baudrate + 1)
        elif rxbuf <= _ESP32_FIFO or tx._id >= 34:
            raise OSError(-1)  # ESP_FAIL: no larger than the FIFO; a pin that is an input only
        self._char_us = 10000000 // baudrate
        self._wait_us = timeout * 1000, timeout_char * 1000
        self._bus = "UART", self._id
        self._pins = give(self._bus, tx, rx)
        _lines[self._id] = bytes(self._pins)
        self._ask(_OPEN, struct.pack(">IH", baudrate, rxbuf))

    def _ask(self, verb, body=b""):
        if not _lines[self._id]:
            raise OSError(_EIO)  # it was closed
        _wire.spend(_wire.board["pin_us"])
        if not connected(self._bus, self._pins):
            return b""
        return _wire.trip(_wire.OP_UART, bytes((verb,)) + _lines[self._id] + body)

    def any(self):
        count = self._ask(_ANY)
        return count[0] << 8 | count[1] if count else 0

    def write(self, data):
        self._ask(_WRITE, bytes(data))
        return len(data)

    def read(self, count=-1):
        if count != -1:
            return self._read(count) or None
        data = chunk = self._read(_CHUNK)
        while len(chunk) == _CHUNK:
            chunk = self._read(_CHUNK)
            data += chunk
        return data or None

    def readinto(self, buffer, count=None):
        data = self._read(len(buffer) if count is None else min(count, len(buffer)))
        buffer[: len(data)] = data
        return len(data) or None

    def _read(self, count):
        """RP2040 waits for each byte up to its timeout, ESP32 once for all behind the first."""
        data, waited_us = b"", 0
        while len(data) < count:
            more = self._ask(_READ, struct.pack(">H", count - len(data)))
            if more:
                if rp2040() or not data:
                    waited_us = 0
                data += more
            elif waited_us >= self._wait_us[1 if data else 0]:
                break
            else:
                _wire.sleep(self._char_us)
                waited_us += self._char_us
        return bytes(data)

    def deinit(self):
        self._ask(_CLOSE)
        _lines[self._id] = b""


def _check_rp2040(number, tx, rx, rxbuf):
    """ports/rp2/machine_uart.c: once closed, it is given no buffer for the one that it lost."""
    if _lines.get(number) == b"":
        raise MemoryError("make it anew, its buffer went with deinit")
    for name, pin, line in (("TX", tx, 0), ("RX", rx, 1)):
        if pin & 3 != line or pin + 4 >> 3 & 1 != number:
            raise ValueError("bad {} pin".format(name))
    if rxbuf > _RP2040_RXBUF[1]:
        raise ValueError("rxbuf too large")


def before_light_sleep():
    """The clock of a UART will stand still; what an RP2040 has received may be its end."""
    for each in _lines.values():
        if each and _wire.trip(_wire.OP_UART, bytes((_SLEEP,)) + each)[0]:
            _wire.sleep(_FOREVER_US)


def after_light_sleep():
    """It runs again."""
    for each in _lines.values():
        if each:
            _wire.trip(_wire.OP_UART, bytes((_WAKE,)) + each)
