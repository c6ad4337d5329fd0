# SPDX-License-Identifier: MIT
"""The board's side of the fuzz run: one case a line on standard input, one answer a line.

A case is `KIND HEX`, an answer JSON; what an exception says goes into {"raised": ...}.
"""

import json
import sys

import cbor
import network
from drivers import scd4x, sht4x
from lora import mac
from lora.region import find
from settings import Settings

REGIONS = tuple([find(name) for name in ("EU868", "US915", "AU915", "AS923", "IN865")])
CONFIG = {"interval_s": 600, "light": {"orange_ppm": 800, "red_ppm": 1200}}
LAST_F_CNT = 5
JOIN_NONCE = 3
DEV_NONCE = 7


def downlink(phy):
    """Let any bytes arrive in RX1 of a device that has a session."""
    node = network.joined()
    node.session.f_cnt_down, node.session.adr_ack_cnt = LAST_F_CNT, 70
    node.send(1, b"x")
    network.transmit(node, 0)
    before = cbor.encode(node.session.record())
    kind = node.step(mac.HEARD, 1100, phy).kind
    changed = cbor.encode(node.session.record()) != before
    done = kind == mac.DONE
    if not done:
        node.step(mac.SILENT, 2100)
    return {"heard": node.heard, "done": done, "changed": changed, "f_cnt": node.session.f_cnt_down}


def join_accept(phy):
    """Let any bytes answer a join-request."""
    node = network.device()
    node.last_join_nonce = JOIN_NONCE
    node.join(DEV_NONCE, 5)
    network.transmit(node, 0)
    node.step(mac.HEARD, 5000, phy)
    if node.session is None:
        return {"joined": node.joined, "stale": node.stale_join}
    session = node.session
    keys = {"nwk_skey": session.nwk_skey.hex(), "app_skey": session.app_skey.hex()}
    keys.update({"joined": node.joined, "dev_addr": session.dev_addr})
    return keys


def commands(data):
    """Any MAC commands under a right MIC: region, 1 for FPort 0, then the stream."""
    region = REGIONS[data[0] % len(REGIONS)]
    node = network.joined(region=region)
    node.session.data_rate = region.join_data_rates[0]
    node.session.reserve(1000)
    stream = data[2:]
    down = network.down(0, b"", 0, stream) if data[1] else network.down(0, stream[:15])
    node.send(1, b"x")
    network.exchange(node, 0, down)
    sent = []
    for number in (1, 2):
        room = node.max_payload()
        node.send(1, bytes(min(room, 11))) if room else node.send(None, b"")
        action = node.step(mac.START, number << 40)
        longest = node.session.max_mac_payload(node.session.data_rate)
        sent.append([action.phy.hex(), action.freq_hz, action.sf, action.bw_hz, longest + 5])
        listen = node.step(mac.SENT, (number << 40) + 3000)
        sent[-1].append([listen.delay_ms, listen.freq_hz, listen.sf, listen.bw_hz])
        node.cancel()
    cbor.encode(node.session.record())
    return {"region": region.name, "heard": True, "sent": sent}


class Memory:
    """A store that keeps records as what flash would give back."""

    def __init__(self):
        self.records = {}

    def load(self, name):
        data = self.records.get(name)
        return None if data is None else cbor.decode(data)

    def save(self, name, value):
        self.records[name] = cbor.encode(value)


def settings(payload):
    """Any bytes on FPort 2."""
    store = Memory()
    values = Settings(store, CONFIG)
    before = dict(values.values)
    answer, actions = values.handle(payload, lambda setting: setting in (5, 8, 9))
    again = Settings(store, CONFIG)
    return {
        "answer": answer and answer.hex(),
        "actions": sorted(actions),
        "before": sorted(before.items()),
        "after": sorted(values.values.items()),
        "stored": sorted(again.values.items()),
    }


def decode(data):
    """Any bytes as CBOR; what was understood comes back encoded."""
    try:
        return {"value": cbor.encode(cbor.decode(data)).hex()}
    except cbor.CborError:
        return {"value": None}


def sensor(reply):
    """Any bytes from a sensor: nine of an SCD4x, six of an SHT4x."""
    try:
        return {"values": list(scd4x.decode(reply) if len(reply) == 9 else sht4x.decode(reply))}
    except ValueError:
        return {"values": None}


CASES = {
    "downlink": downlink,
    "join-accept": join_accept,
    "commands": commands,
    "settings": settings,
    "cbor": decode,
    "sensor": sensor,
}

while True:
    line = sys.stdin.readline()
    if not line:
        break
    kind, _, text = line.strip().partition(" ")
    try:
        answer = CASES[kind](bytes.fromhex(text))
    except Exception as error:
        answer = {"raised": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer))
