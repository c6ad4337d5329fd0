# SPDX-License-Identifier: MIT
"""The join of LoRaWAN 1.0.4: its two messages, and the session that an accept begins (TS001 6.2).

The MAC loads this file for a join-request and for its answer, and keeps nothing of it.
"""

import struct
from collections import namedtuple

from lora import crypto
from lora.frame import FrameError
from lora.region import band, downlink_rate
from lora.session import Session

_MHDR_JOIN_REQUEST = b"\x00"
_MHDR_JOIN_ACCEPT = b"\x20"

# cf_list: 16 bytes or none at all
JoinAccept = namedtuple(
    "JoinAccept", "join_nonce net_id dev_addr rx1_dr_offset rx2_data_rate rx1_delay_s cf_list"
)


def request(app_key, join_eui, dev_eui, dev_nonce):
    """Return the 23 bytes of a join-request (TS001 6.2.2)."""
    euis = bytes(reversed(join_eui)) + bytes(reversed(dev_eui))
    phy = _MHDR_JOIN_REQUEST + euis + struct.pack("<H", dev_nonce)
    return phy + crypto.cmac(app_key, phy)[:4]


def parse_accept(app_key, phy):
    """Open and check a join-accept; FrameError when it is not one for this key (TS001 6.2.3)."""
    if len(phy) not in (17, 33) or phy[:1] != _MHDR_JOIN_ACCEPT:
        raise FrameError("not a join-accept")
    plain = crypto.ecb(app_key, bytes(phy[1:]))
    if crypto.cmac(app_key, _MHDR_JOIN_ACCEPT + plain[:-4])[:4] != plain[-4:]:
        raise FrameError("join-accept with a wrong MIC")
    dev_addr, dl_settings, rx_delay = struct.unpack_from("<IBB", plain, 6)
    return JoinAccept(
        int.from_bytes(plain[:3], "little"),
        int.from_bytes(plain[3:6], "little"),
        dev_addr,
        dl_settings >> 4 & 7,
        dl_settings & 15,
        rx_delay & 15 or 1,
        plain[12:-4],
    )


def session(region, app_key, dev_nonce, data_rate, accept):
    """The session of a join-accept at a data rate, None when the device cannot do what it says."""
    if accept.rx1_dr_offset >= len(region.rx1_data_rates[0]):
        return None
    if not downlink_rate(region, accept.rx2_data_rate):
        return None
    keys = session_keys(app_key, accept.join_nonce, accept.net_id, dev_nonce)
    begun = Session(region, accept.dev_addr, keys[0], keys[1])
    begun.join_nonce = accept.join_nonce
    begun.data_rate = data_rate  # TS001 4.3.1.1: that of the join
    begun.rx1_dr_offset = accept.rx1_dr_offset
    begun.rx2_data_rate = accept.rx2_data_rate
    begun.rx1_delay_s = accept.rx1_delay_s
    cf_list(region, begun, accept.cf_list)
    return begun


def session_keys(app_key, join_nonce, net_id, dev_nonce):
    """Return (nwk_skey, app_skey) from the numbers of a join (TS001 6.2.3)."""
    tail = (join_nonce | net_id << 24 | dev_nonce << 48).to_bytes(15, "little")
    keys = crypto.ecb(app_key, b"\x01" + tail + b"\x02" + tail)
    return keys[:16], keys[16:]


def cf_list(region, session, content):
    """Take the channels of a CFList: 16 bytes, the last is its type; b"" for none (RP002 2.2.4)."""
    if content and content[15] == 0 and not region.fixed:
        min_dr, max_dr = region.cf_list_data_rates
        for index in range(5):
            freq_hz = int.from_bytes(content[3 * index : 3 * index + 3], "little") * 100
            if band(region, freq_hz) is not None:
                session.set_channel(len(region.channels) + index, freq_hz, min_dr, max_dr)
    elif content and content[15] == 1 and region.fixed:
        mask = int.from_bytes(content[:10], "little") & session.defined()
        if mask:
            session.channel_mask = mask
            session.keep_usable()
