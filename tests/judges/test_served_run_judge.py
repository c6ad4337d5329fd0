# SPDX-License-Identifier: MIT
"""The real firmware on virtual boards, over UDP on loopback, at a network server that is not ours.

The simulator runs as a program of the project's own environment: pamoja-gateway lives here alone.
"""

import json
import os
import subprocess
import time
from pathlib import Path
from zlib import crc32

import pytest
from pamoja._native import LorawanMacCommand as MacCommand
from site_server import serving

from host import lorawan

ROOT = Path(__file__).parent.parent.parent
PYTHON = os.environ.get("NODE071_PYTHON", str(ROOT / ".venv/bin/python"))
HANG_S = 120
SCENARIO = """
start = 2026-11-23T07:00:00+01:00
duration_h = 1
[[gateway]]
name = "town-hall"
x_m = 300
[[node]]
name = "room"
kit = "classroom"
board = "rpi-pico-rfm95"
world = "room"
[world.room]
kind = "classroom"
"""
HURRIED = {  # it reports every few seconds, so that nobody has to wait: nothing else is changed
    "cycle.py": [
        ("_SETTLE_MS = const(30000)", "_SETTLE_MS = const(0)"),
        ("_LOOK_MS = const(30000)", "_LOOK_MS = const(5000)"),
    ],
    "settings.py": [
        ('config["interval_s"]', "5"),
        ('"airtime_budget_s", 30', '"airtime_budget_s", 86400'),
    ],
}
DEV_STATUS, INTERVAL = b"\x06", bytes.fromhex("a2000701190384")  # sequence 7, interval 900 s


def hurried(folder):
    """A firmware directory that reports often."""
    for path in (ROOT / "firmware").rglob("*.py"):
        text, name = path.read_text(), str(path.relative_to(ROOT / "firmware"))
        for old, new in HURRIED.get(name, ()):
            assert text.count(old) == 1, (name, old)
            text = text.replace(old, new)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


class Program:
    """`node071 simulate --gateway` on the port of a site; `end` is Ctrl-C."""

    def __init__(self, folder, port):
        (folder / "room.toml").write_text(SCENARIO)
        self.out = folder / "out"
        words = ["simulate", folder / "room.toml", "--gateway", f"udp://127.0.0.1:{port}"]
        words += ["--out", self.out, "--firmware", hurried(folder / "firmware"), "--json"]
        self._program = subprocess.Popen(
            [PYTHON, "-m", "host.cli", *map(str, words)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    def register(self, site):
        """Have the site know the node, from the file that is there before anything is sent."""
        wait_for(lambda: self._program.poll() is not None or (self.out / "devices.json").exists())
        wait_for(lambda: (self.out / "devices.json").read_text().endswith("}\n"))
        (device,) = json.loads((self.out / "devices.json").read_text())["nodes"]
        assert (self.out / "devices.json").stat().st_mode & 0o777 == 0o600
        keys = [bytes.fromhex(device[name]) for name in ("dev_eui", "join_eui", "app_key")]
        site.network.register(*keys)
        return keys

    def end(self):
        self._program.send_signal(2)
        out, errors = self._program.communicate(timeout=HANG_S)
        assert self._program.returncode == 0, errors
        return json.loads(out)["nodes"][0], errors


def wait_for(found):
    end_s = time.monotonic() + HANG_S
    while not found():
        assert time.monotonic() < end_s
        time.sleep(0.05)


def opened(site, session):
    """(FOpts, FPort, payload) of the data uplinks that the site took, opened by our own codec."""
    found = []
    for event, phy in site.events:
        if event.outcome == "data":
            frame = session.open(phy, event.fcnt)
            found.append((frame.f_opts, frame.f_port, frame.frm_payload))
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run up to where the node has joined, obeyed a MAC command, and taken settings."""
    said = []

    def answer(site, event):
        if event.outcome != "data" or len(said) == 2:
            return None
        said.append(event.fcnt)
        if len(said) == 1:
            request = MacCommand(DEV_STATUS[0], "Downlink")
            return site.network.command(event.dev_addr, event.slot, [request])
        return site.network.answer(event.dev_addr, event.slot, 2, INTERVAL)

    with serving(answer) as site:
        program = Program(tmp_path_factory.mktemp("run"), site.port)
        dev_eui, join_eui, app_key = program.register(site)
        wait_for(lambda: any(event.fport == 2 for event, _ in site.events))
        summary, errors = program.end()
    (device,) = json.loads((program.out / "devices.json").read_text())["nodes"]
    keys = device["sessions"][-1]
    session = lorawan.Session(
        int(keys["dev_addr"], 16), bytes.fromhex(keys["nwk_skey"]), bytes.fromhex(keys["app_skey"])
    )
    return site, session, summary, program.out, errors, (dev_eui, join_eui, app_key)


def test_a_node_joins_and_its_readings_arrive(run):
    site, session, summary, *_, (dev_eui, _, _) = run
    joined = [event for event, _ in site.events if event.outcome == "joined"]
    assert [event.dev_eui for event in joined] == [dev_eui.hex()]
    assert joined[0].dev_addr == session.dev_addr
    assert summary["joins"] == 1 and summary["uplinks_heard"] >= 3 and summary["decoded"] >= 2
    _, f_port, payload = opened(site, session)[0]
    assert f_port == 1 and payload[0] >> 5 == 5  # a map: CO2 first
    assert payload[1] == 1


def test_it_answers_a_mac_command(run):
    site, session, *_ = run
    answers = [f_opts for f_opts, _, _ in opened(site, session) if f_opts[:1] == DEV_STATUS]
    assert len(answers) == 1
    answer, more = answers[0][:3], answers[0][3:]
    assert answer[1] == 0 and answer[2] < 64  # mains, a margin of 6 bits
    assert more in (b"", b"\x0d")  # what the node asks by itself: the time


def test_it_takes_settings_and_says_so(run):
    site, session, *_ = run
    (answer,) = [payload for _, f_port, payload in opened(site, session) if f_port == 2]
    assert answer[:3] == bytes.fromhex("a20007")  # sequence 7


def test_downlinks_went_at_their_time_and_were_acknowledged(run):
    site, _, _, out, *_ = run
    assert site.statuses == ["NONE"] * 3
    lines = [json.loads(line) for line in (out / "capture.jsonl").read_text().splitlines()]
    stamps = []
    for line in lines:
        if "rxpk" in line:
            heard = line["rxpk"]
        else:
            assert line["txpk"]["freq"] == heard["freq"]  # RX1
            stamps.append((line["txpk"]["tmst"] - heard["tmst"]) / 1e6)
    assert stamps == [5.0, 5.0, 5.0]


def test_gateways_speak_from_loopback_and_no_key_is_said(run):
    site, _, _, out, errors, keys = run
    eui = f"071071{crc32(b'1'):08x}00"  # of the seed
    assert site.gateways == {(eui, "127.0.0.1")} and f"gateway {eui} speaks to" in errors
    assert f"node071 export tts-csv --ledger {out / 'nodes.ledger'}" in errors
    assert keys[2].hex() not in errors.lower()
    for name in ("room.flash", "nodes.ledger", "devices.json"):
        assert (out / name).stat().st_mode & 0o777 == 0o600
