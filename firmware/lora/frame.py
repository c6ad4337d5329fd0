# SPDX-License-Identifier: MIT
"""PHYPayloads of LoRaWAN 1.0.4: data frames, join-requests and join-accepts.

EUIs and keys are bytes in the order a person reads them; their reversal happens only here.
"""

import struct
from collections import namedtuple

from micropython import const

UNCONFIRMED_UP = const(2)
UNCONFIRMED_DOWN = const(3)
CONFIRMED_UP = const(4)
CONFIRMED_DOWN = const(5)
ADR = const(0x80)  # FCtrl: ADR 7 | ADRACKReq 6 (up) | ACK 5 | FPending 4 (down) | FOptsLen 3-0
ADR_ACK_REQ = const(0x40)
ACK = const(0x20)
F_PENDING = const(0x10)

# f_ctrl upper nibble only | f_cnt low 16 bits | f_port None without payload | last three: bytes
DataFrame = namedtuple("DataFrame", "m_type dev_addr f_ctrl f_cnt f_opts f_port frm_payload mic")


class FrameError(ValueError):
    """The bytes are no frame of LoRaWAN 1.0.x, or the fields make none."""


def parse(phy):
    """Split the PHYPayload of a data frame. Checks lengths only: MIC and decryption need keys."""
    if not 12 <= len(phy) <= 255:
        raise FrameError(f"{len(phy)} bytes, need 12 to 255")
    mhdr, dev_addr, f_ctrl, f_cnt = struct.unpack_from("<BIBH", phy)
    if mhdr & 0x1F or not UNCONFIRMED_UP <= mhdr >> 5 <= CONFIRMED_DOWN:
        raise FrameError(f"MHDR 0x{mhdr:02x} is not LoRaWAN R1 data")
    end, mic = 8 + (f_ctrl & 0x0F), len(phy) - 4
    if end > mic:
        raise FrameError("FOpts runs past the MIC")
    return DataFrame(
        mhdr >> 5,
        dev_addr,
        f_ctrl & 0xF0,
        f_cnt,
        bytes(phy[8:end]),
        phy[end] if end < mic else None,
        bytes(phy[end + 1 : mic]),
        bytes(phy[mic:]),
    )


def build(frame):
    """Join the fields of a data frame to a PHYPayload: build(parse(phy)) == phy."""
    if frame.f_port is None and frame.frm_payload:
        raise FrameError("payload without FPort")
    if not UNCONFIRMED_UP <= frame.m_type <= CONFIRMED_DOWN or len(frame.mic) != 4:
        raise FrameError("not a data frame")
    if len(frame.f_opts) > 15 or frame.f_ctrl & ~0xF0 or not 0 <= frame.f_cnt <= 0xFFFF:
        raise FrameError("FHDR out of range")
    f_ctrl = frame.f_ctrl | len(frame.f_opts)
    phy = struct.pack("<BIBH", frame.m_type << 5, frame.dev_addr, f_ctrl, frame.f_cnt)
    phy += frame.f_opts
    if frame.f_port is not None:
        phy += bytes((frame.f_port,)) + frame.frm_payload
    if len(phy) > 251:
        raise FrameError(f"{len(phy) + 4} bytes, 255 at most")
    return phy + frame.mic
