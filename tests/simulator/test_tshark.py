# SPDX-License-Identifier: MIT
"""The pcap of a run in the real tshark: it is LoRaWAN, its MICs are right, it decrypts to ours."""

import json
import os
import subprocess
import sys
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import pytest

from host.lorawan import Session, parse
from simulator.run import Run
from simulator.scenario import find

ROOT = Path(__file__).parents[2]
FIELDS = {
    "version": "loratap.version",
    "protocols": "frame.protocols",
    "freq_hz": "loratap.channel.frequency",
    "bandwidth": "loratap.channel.bandwidth",
    "sf": "loratap.channel.sf",
    "rssi": "loratap.rssi.packet",
    "snr": "loratap.rssi.snr",
    "m_type": "lorawan.mhdr.mtype",
    "dev_addr": "lorawan.fhdr.devaddr",
    "f_cnt": "lorawan.fhdr.fcnt",
    "f_port": "lorawan.fport",
    "dev_eui": "lorawan.join_request.deveui",
    "mic": "lorawan.mic.status",
    "payload": "lorawan.frmpayload_decrypted",
    "malformed": "_ws.malformed",
}
MIC_GOOD = "1"


@pytest.fixture(scope="module")
def shown(tool, tmp_path_factory):
    """(lines of capture.jsonl, what tshark says of the same frames, the device)."""
    tshark, folder = tool("tshark"), tmp_path_factory.mktemp("run")
    Run(replace(find(None), duration_h=1), folder).execute()
    (device,) = json.loads((folder / "devices.json").read_text())["nodes"]
    (session,) = device["sessions"]
    address = bytes.fromhex(session["dev_addr"])[::-1].hex()
    rows = (
        (address, session["nwk_skey"], session["app_skey"], "f" * 16),
        ("0" * 8, "0" * 32, device["app_key"], device["join_eui"]),  # of join-requests
    )
    keys = ["uat:encryption_keys_lorawan:" + ",".join(f'"{each}"' for each in row) for row in rows]
    words = [tshark, "-r", folder / "capture.pcap", "-T", "fields", "-E", "separator=;"]
    words += [word for key in keys for word in ("-o", key)]
    words += [word for field in FIELDS.values() for word in ("-e", field)]
    done = subprocess.run(
        words, capture_output=True, text=True, check=True, env=os.environ | {"HOME": str(folder)}
    )
    lines = [json.loads(line) for line in (folder / "capture.jsonl").read_text().splitlines()]
    frames = [dict(zip(FIELDS, line.split(";"), strict=True)) for line in done.stdout.splitlines()]
    assert len(lines) == len(frames) > 8
    return list(zip(lines, frames, strict=True)), device


def test_each_frame_is_lorawan_of_the_right_kind(shown):
    pairs, _ = shown
    for line, frame in pairs:
        packet = line.get("rxpk") or line["txpk"]
        assert (frame["version"], frame["protocols"]) == ("0", "loratap:lorawan")
        assert int(frame["m_type"]) == b64decode(packet["data"])[0] >> 5
        assert int(frame["freq_hz"]) == round(packet["freq"] * 1e6)
        assert f"SF{frame['sf']}BW{125 * int(frame['bandwidth'])}" == packet["datr"]
        if "rxpk" in line:
            assert int(frame["snr"]) / 4 == pytest.approx(packet["lsnr"], abs=0.2)
            assert int(frame["rssi"]) - 139 == pytest.approx(packet["rssi"], abs=1)


def test_nothing_is_malformed_but_what_tshark_looks_for_a_port_in(shown):
    """Wireshark 4.0 takes the MIC of a downlink without a port for one."""
    pairs, _ = shown
    for line, frame in pairs:
        if frame["malformed"]:
            phy = b64decode(line["txpk"]["data"])
            assert phy[0] >> 5 == 3 and len(phy) == 12 + (phy[5] & 0x0F) > 12
    assert sum(not frame["malformed"] for _, frame in pairs) > 6


def test_tshark_finds_the_mics_right_and_decrypts_what_we_do(shown):
    pairs, device = shown
    (keys,) = device["sessions"]
    session = Session(
        int(keys["dev_addr"], 16), bytes.fromhex(keys["nwk_skey"]), bytes.fromhex(keys["app_skey"])
    )
    ups = [(b64decode(line["rxpk"]["data"]), frame) for line, frame in pairs if "rxpk" in line]
    request, *data = ups
    assert request[1]["dev_eui"].replace(":", "") == device["dev_eui"]
    assert request[1]["mic"] == MIC_GOOD
    assert len(data) > 4
    for phy, frame in data:
        ours = session.open(phy, parse(phy).f_cnt)
        assert frame["mic"] == MIC_GOOD
        assert int(frame["dev_addr"], 16) == session.dev_addr
        assert (int(frame["f_cnt"]), int(frame["f_port"], 16)) == (ours.f_cnt, ours.f_port)
        assert bytes.fromhex(frame["payload"]) == ours.frm_payload


@pytest.mark.parametrize(("required", "end"), [("0", "skipped"), ("1", "failed")])
def test_without_it_one_line_says_so_and_it_is_a_failure_if_asked(tmp_path, required, end):
    path = tmp_path / "test_it.py"
    path.write_text("def test_it(tool):\n    tool('no-such-program')\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rsf", "-p", "conftest", "-c", os.devnull, path],
        env=os.environ | {"REQUIRE_TOOLS": required, "PYTHONPATH": f"{ROOT / 'tests'}:{ROOT}"},
        capture_output=True,
        text=True,
    )
    assert f"1 {end}" in done.stdout
    assert "no-such-program is missing: sudo apt install no-such-program" in done.stdout
