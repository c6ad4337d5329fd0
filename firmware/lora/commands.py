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
F_OPTS_MAX = const(15)  # bytes

_NONE = const(0xFF)
# payload bytes by CID (TS001 table 15)
_DOWN = b"\xff\xff\x02\x04\x01\x04\x00\x05\x01\x01\x04\xff\xff\x05"
_UP = b"\xff\xff\x00\x01\x00\x01\x02\x01\x00\x00\x01\xff\xff\x00"
# repeated in every uplink until a Class A downlink comes (TS001 5.4, 5.7, 5.8, 5.9)
_STICKY = (RX_PARAM_SETUP, RX_TIMING_SETUP, TX_PARAM_SETUP, DL_CHANNEL)


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


def sticky(answers):
    """Return those that the next uplink repeats."""
    return b"".join([each for each in split(answers) if each[0] in _STICKY])


def split(answers):
    """Return a stream of the device's commands as a list of them, CID first in each."""
    return [bytes((cid,)) + payload for cid, payload in parse(answers, False)]


def fit(out, room):
    """Cut at a whole command what `room` bytes of FOpts cannot hold."""
    size = 0
    for count, answer in enumerate(out):
        size += len(answer)
        if size > room:
            return b"".join(out[:count])
    return b"".join(out)
