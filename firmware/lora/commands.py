# SPDX-License-Identifier: MIT
"""MAC commands of LoRaWAN 1.0.4, Class A: identifiers, lengths, and how a stream is cut."""

from micropython import const

LINK_CHECK = const(0x02)
LINK_ADR = const(0x03)
DUTY_CYCLE = const(0x04)
RX_PARAM_SETUP = const(0x05)
DEV_STATUS = const(0x06)
NEW_CHANNEL = const(0x07)
RX_TIMING_SETUP = const(0x08)
TX_PARAM_SETUP = const(0x09)
DL_CHANNEL = const(0x0A)
DEVICE_TIME = const(0x0D)

_NONE = const(0xFF)
# payload bytes by CID (TS001 table 15)
_DOWN = b"\xff\xff\x02\x04\x01\x04\x00\x05\x01\x01\x04\xff\xff\x05"
_UP = b"\xff\xff\x00\x01\x00\x01\x02\x01\x00\x00\x01\xff\xff\x00"


def parse(stream, downlink=True):
    """Return [(cid, payload)] up to the first unknown or cut-off command (TS001 5)."""
    lengths = _DOWN if downlink else _UP
    commands, at = [], 0
    while at < len(stream):
        cid = stream[at]
        length = lengths[cid] if cid < len(lengths) else _NONE
        end = at + 1 + length
        if length == _NONE or end > len(stream):
            break
        commands.append((cid, bytes(stream[at + 1 : end])))
        at = end
    return commands
