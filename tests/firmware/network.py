# SPDX-License-Identifier: MIT
"""A device on EU868 for the dialogues, and the network's side of them.

Keys, addresses and the frames named below are the published dialogue of pamoja-lorawan and
lora-packet, which agree on each byte.
"""

from lora import crypto, frame, mac
from lora.region import find
from lora.session import Session

EU868 = find("EU868")

APP_KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
JOIN_EUI = bytes.fromhex("70b3d57ed0000001")
DEV_EUI = bytes.fromhex("0004a30b001a2b3c")
NWK_SKEY = bytes.fromhex("5f6c23a9e2f1c42c95071c9e25e4fdda")
APP_SKEY = bytes.fromhex("7fa12f967446215d0ee7a04aab699aa0")
DEV_ADDR = 0x26011234


def first(n):
    """Stand for a random number."""
    return 0


def device(random=first, region=EU868):
    return mac.Mac(region, DEV_EUI, JOIN_EUI, APP_KEY, random)


def joined(random=first, region=EU868):
    """Return a device whose session is young, at DR5, with counters reserved."""
    node = device(random, region)
    node.session = Session(region, DEV_ADDR, NWK_SKEY, APP_SKEY)
    node.session.data_rate = 5
    node.session.reserve(1 << 20)
    return node


def down(f_cnt, f_opts=b"", f_port=None, payload=b"", f_ctrl=0, m_type=3):
    """Build a downlink for the session of joined()."""
    key = APP_SKEY if f_port else NWK_SKEY
    sealed = crypto.cipher(key, DEV_ADDR, f_cnt, True, payload)
    fields = (m_type, DEV_ADDR, f_ctrl, f_cnt & 0xFFFF, f_opts, f_port, sealed, bytes(4))
    body = frame.build(frame.DataFrame(*fields))[:-4]
    return body + crypto.mic(NWK_SKEY, DEV_ADDR, f_cnt, True, body)


def transmit(node, now_ms):
    """START and SENT; return the transmission and the action for RX1."""
    action = node.step(mac.START, now_ms)
    assert action.kind == mac.TRANSMIT, action
    return action, node.step(mac.SENT, now_ms + (node.airtime_us + 999) // 1000)


def exchange(node, now_ms, phy=None):
    """Run the prepared exchange, phy or nothing in RX1 each time; return the uplink, parsed."""
    action, _ = transmit(node, now_ms)
    if phy is not None:
        assert node.step(mac.HEARD, now_ms + 1100, phy).kind == mac.DONE
    else:
        node.step(mac.SILENT, now_ms + 1100)
        if node.step(mac.SILENT, now_ms + 2100).kind == mac.WAIT:
            exchange(node, now_ms + 300000)
    return frame.parse(action.phy)


def command(node, now_ms, f_opts):
    """Let the network send f_opts after an uplink; return the answers of the uplink after it."""
    node.send(1, b"x")
    exchange(node, now_ms, down(node.session.f_cnt_down + 1, bytes.fromhex(f_opts)))
    node.send(1, b"x")
    return exchange(node, now_ms + 100000).f_opts.hex()
