# SPDX-License-Identifier: MIT
"""Memory that outlives deep sleep: ESP32's 2048 bytes of RTC memory, with a CRC, good for one wake.

It is lost with the power and kept over resets, so what is read is erased: no counter in it can
come back after a reset.
"""

import binascii
import machine
import struct
from micropython import const

import cbor

_LONGEST = const(2048)
_HEAD = "<HI"  # length of the CBOR behind it, its CRC-32


def pack(value):
    """Return a value's bytes with their length and CRC in front."""
    body = cbor.encode(value)
    return struct.pack(_HEAD, len(body), binascii.crc32(body)) + body


def unpack(data):
    """Return the value, None when there is none or it is not whole."""
    size = struct.calcsize(_HEAD)
    if len(data) < size:
        return None
    length, crc = struct.unpack_from(_HEAD, data)
    body = data[size : size + length]
    if not body or len(body) != length or binascii.crc32(body) != crc:
        return None
    return cbor.decode(body)


def keep(value):
    """Leave a value for the wake from the next deep sleep; False: it is too long."""
    data = pack(value)
    if len(data) > _LONGEST:
        return False
    machine.RTC().memory(data)  # type: ignore[attr-defined]
    return True


def recall():
    """Return the value that was left for this wake, once; None: there is none, or no wake."""
    if machine.reset_cause() != machine.DEEPSLEEP_RESET:  # type: ignore[attr-defined]
        return None
    rtc = machine.RTC()
    data = rtc.memory()  # type: ignore[attr-defined]
    rtc.memory(b"")  # type: ignore[attr-defined]
    return unpack(data)
