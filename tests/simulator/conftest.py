# SPDX-License-Identifier: MIT
"""Two devices for the network server: pamoja-lorawan's, and the real firmware on a board."""

import json
import random
from base64 import b64decode
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
import trials
from pamoja import lorawan as pamoja

from host.lorawan import next_counter
from simulator import scenario as scenarios
from simulator.events import EventPlan
from simulator.network import Device, Network
from simulator.run import Run

S = 1_000_000
NAME = "classroom-1"
START = datetime(2026, 1, 5, 8, tzinfo=UTC)


class Peer:
    """Joins, counts and hears; it sends every 10 s and keeps to no rule that a test breaks.

    `down`: what the last uplink brought, opened, or None; `sent`: the downlink as it is sent.
    """

    def __init__(self, sf=7, bw_hz=125_000, freq_hz=868_300_000, **options):
        self.own = Device("peer", bytes(range(8)), bytes(8), bytes(range(16)))
        self.server = Network([self.own], random.Random(71), start=START, **options)
        self.channel = {"sf": sf, "bw_hz": bw_hz, "freq_hz": freq_hz}
        self.snr_db = 5.0
        self.time_us, self.f_cnt, self.f_cnt_down = 0, 0, -1
        self.accept = self.session = self.phy = self.sent = self.down = None

    @property
    def link(self):
        return self.server.link(self.own)

    @property
    def state(self):
        return self.link.state

    def join(self, dev_nonce=1):
        own = pamoja.device(self.own.dev_eui, self.own.join_eui, self.own.app_key)
        self.time_us += 10 * S
        verdict = self._send(own.join_request(dev_nonce))
        self.sent = verdict.downlink
        self.accept = own.accept_join(self.sent.phy, dev_nonce)
        self.session, self.f_cnt, self.f_cnt_down = self.accept.session(), 0, -1
        return self

    def report(self, f_opts=b"", payload=b"hi", f_port=1, confirmed=False, adr=False, ack=False):
        """Send the next uplink; returns the verdict."""
        self.time_us += 10 * S
        phy = self.session.encode_uplink(self.f_cnt, f_port, payload, confirmed, adr, ack, f_opts)
        self.f_cnt += 1
        return self.hear(self._send(phy))

    def repeat(self, after_us=4 * S, gateway="g1"):
        """Send the last uplink once more, as it was."""
        self.time_us += after_us
        return self.hear(self._send(self.phy, gateway))

    def asked(self, *requests, answer=None, **fields):
        """Have the network ask; with an answer, give it. Returns the MAC commands that came."""
        self.server.queue_mac(self.own, requests)
        self.report(**fields)
        came = self.commands()
        if answer is not None:
            self.report(answer, **fields)
        return came

    def commands(self):
        """The MAC commands of the last downlink, b"" for none."""
        if self.down is None:
            return b""
        return self.down.payload if self.down.fport == 0 else self.down.fopts

    def hear(self, verdict):
        self.sent, self.down = verdict.downlink, None
        if self.sent is not None:
            low = int.from_bytes(self.sent.phy[6:8], "little")
            self.f_cnt_down = next_counter(self.f_cnt_down, low)
            self.down = self.session.decode(self.sent.phy, self.f_cnt_down)
        return verdict

    def _send(self, phy, gateway="g1"):
        self.phy = phy
        channel = self.channel
        return self.server.uplink(
            self.time_us, phy, channel["freq_hz"], channel["sf"], channel["bw_hz"],
            -80, self.snr_db, gateway,
        )  # fmt: skip


@pytest.fixture
def peer():
    """A function that makes a device which has joined a network with these options."""
    return lambda **options: Peer(**options).join()


@dataclass
class Frame:
    """A data frame as a gateway heard or sent it; `f_opts`: MAC commands, on FPort 0 too."""

    up: bool
    time_us: int  # end of an uplink, start of a downlink
    freq_hz: int
    sf: int
    size: int
    opened: object

    @property
    def f_opts(self):
        return self.opened.payload if self.opened.fport == 0 else self.opened.fopts


class Dialogue(Run):
    """A run whose packets are kept; `deaf`: numbers of the downlinks that nobody hears."""

    deaf = ()

    def _build(self):
        super()._build()
        self.packets, self.downlinks = [], 0
        self._air.on_transmit.append(self.packets.append)

    def _send(self, gateway, downlink):
        self.downlinks += 1
        if self.downlinks - 1 not in self.deaf:
            super()._send(gateway, downlink)

    def uplinks(self):
        """All data uplinks that were sent, repetitions too."""
        return [each for each in self.packets if not each.iq_inverted and each.payload[0]]

    @property
    def state(self):
        """What the network takes the node to have acknowledged."""
        return self.network.link(self.nodes[NAME].device).state

    def later(self, frame):
        """Transmissions after a frame that was heard, their data rates and their channels."""
        found = [each for each in self.uplinks() if each.start_us > frame.time_us]
        channels = {round(each.freq_hz / 1e5) for each in found}
        return found, {each.sf for each in found}, channels

    def frames(self):
        """All data frames of the capture, opened, in the order of time."""
        (device,) = json.loads((self.out / "devices.json").read_text())["nodes"]
        keys = device["sessions"][-1]
        session = pamoja.session(int(keys["dev_addr"], 16), bytes.fromhex(keys["nwk_skey"]),
                                 bytes.fromhex(keys["app_skey"]))  # fmt: skip
        found = []
        for text in (self.out / "capture.jsonl").read_text().splitlines():
            line = json.loads(text)
            packet = line.get("rxpk") or line["txpk"]
            phy = b64decode(packet["data"])
            if phy[0] in (0x00, 0x20):
                continue
            moment = datetime.fromisoformat(line["time"]) - self.scenario.start
            opened = session.decode(phy, int.from_bytes(phy[6:8], "little"))
            sf = int(packet["datr"].removeprefix("SF").split("BW")[0])
            time_us = round(moment.total_seconds() * S)
            freq_hz = round(packet["freq"] * 1e6)
            found.append(Frame("rxpk" in line, time_us, freq_hz, sf, len(phy), opened))
        return found

    def answer_to(self, request):
        """The uplink that follows the downlink with these MAC commands, its first time."""
        frames = self.frames()
        at = next(n for n, each in enumerate(frames) if not each.up and each.f_opts == request)
        return next(each for each in frames[at:] if each.up)


@pytest.fixture
def run(tmp_path):
    """A function: a run whose network has these MAC commands for the node after 18 minutes."""

    def run(*commands, hours=2.0, deaf=(), node=None, **changes):
        usual = scenarios.find(None)
        asked = [EventPlan(NAME, 0.3, commands=stream) for stream in commands]
        changes["events"] = (*asked, *changes.get("events", ()))
        nodes = (replace(usual.nodes[0], **(node or {})),)
        dialogue = Dialogue(replace(usual, duration_h=hours, nodes=nodes, **changes), tmp_path)
        dialogue.deaf = deaf
        dialogue.execute()
        return dialogue

    return run


@pytest.fixture
def trial(tmp_path):
    """A function that runs a trial."""
    return trials.maker(tmp_path)


@pytest.fixture(scope="module")
def trial_once(tmp_path_factory):
    """The same, for a run that several tests look at."""
    return trials.maker(tmp_path_factory.mktemp("trial"))
