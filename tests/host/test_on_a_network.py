# SPDX-License-Identifier: MIT
"""A virtual board with a network in its air, and the toolkit as programs: joined, and how well."""

import json
import subprocess
import sys
import threading
import time
from base64 import b64decode, b64encode

import pytest
from udp_server import serving
from workbench import PICO, TTGO, Workbench

from host import files, lorawan, monitor
from host.enrol import Wish
from simulator.virtual_board import UNPLUGGED

HANG_S = 240
pytestmark = pytest.mark.timeout(HANG_S)  # in real time: it takes as long as it takes


class Told(list):
    """What a virtual board tells; `wait` until it has told of something so many times."""

    def wait(self, wanted, times=1):
        end_s = time.monotonic() + HANG_S
        while sum(wanted in line for line in self) < times:
            assert time.monotonic() < end_s, self
            time.sleep(0.05)
        return next(line for line in self if wanted in line)


def done(program):
    """(exit status, stdout, stderr) of a program that ends by itself."""
    out, errors = program.communicate(timeout=HANG_S)
    return program.returncode, out, errors


def later_firmware(folder):
    """Our firmware, which measures first when it has had the time to join."""
    for path in (files.root() / "firmware").rglob("*.py"):
        text = path.read_text().replace("_SETTLE_MS = const(30000)", "_SETTLE_MS = const(20000)")
        own = folder / path.relative_to(files.root() / "firmware")
        own.parent.mkdir(parents=True, exist_ok=True)
        own.write_text(text)
    return folder


def test_setup_sees_it_join_and_link_check_says_how_well_it_is_heard(tmp_path):
    told = Told()
    with Workbench(tmp_path, PICO, contents={}, network=True, tell=told.append) as bench:
        program = subprocess.Popen(
            [sys.executable, "-m", "host.cli", "setup", "--board", PICO, "--kit", "classroom",
             "--port", bench.link, "--ledger", bench.ledger_path,
             "--firmware", later_firmware(tmp_path / "firmware")],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            cwd=tmp_path, env={"PYTHONPATH": str(files.root()), "PATH": ""},
        )  # fmt: skip
        status, out, errors = done(program)
        assert status == 0, errors
        assert "it is on the network: it has joined" in out and "not on a network" not in out
        assert not list(tmp_path.glob("*-tts.csv"))  # no key lies about
        told.wait("network: classroom-1 joins")
        # 150 m away, SNR at the most that a chip tells: 12 dB, 7.5 dB under it are enough for SF7
        status, out, errors = done(bench.start("link-check", "--count", 2, "--json", ledger=False))
        verdict = json.loads(out)
        assert (status, verdict["verdict"], len(verdict["answers"])) == (0, "good", 2), errors
        for answer in verdict["answers"]:
            assert (answer["sf"], answer["margin_db"], answer["gateways"]) == (7, 19, 1)
            assert -100 < answer["rssi_dbm"] < -80 and answer["snr_db"] == 12
        assert sum("joins" in line for line in told) == 1
        memory = tmp_path / "flash.network"
        assert memory.stat().st_mode & 0o777 == 0o600
        # the board is put away and taken out again: the session of both goes on
        bench.board.stop()
        bench.board.start()
        status, out, errors = done(bench.start("link-check", "--count", 1, "--json", ledger=False))
        assert json.loads(out)["verdict"] == "good", errors
        assert sum("joins" in line for line in told) == 1


def test_monitor_shows_that_it_joins_and_new_keys_are_known_at_once(tmp_path):
    told = Told()
    with Workbench(tmp_path, TTGO, network=True, tell=told.append) as bench:
        first = bench.provision().node
        program = bench.start("monitor", "--json", ledger=False)
        lines = (json.loads(line) for line in program.stdout)
        joined = next(line for line in lines if line["text"].startswith("joined after"))
        assert joined["kind"] == "good"
        program.send_signal(2)
        assert program.wait(HANG_S) == 0
        program.stdout.close()
        program.stderr.close()
        second = bench.provision(wish=Wish(new_keys=True)).node
        assert first.identity.app_key != second.identity.app_key
        told.wait("joins", times=2)
        assert sum(line.startswith("network: knows") for line in told) == 2
        assert not any("refused" in line for line in told)


def test_a_node_that_nobody_hears_is_told_so(tmp_path):
    with Workbench(tmp_path, PICO) as bench:
        bench.provision()
        program = bench.start("monitor", ledger=False)
        out = iter(program.stdout.readline, "")
        assert next(line for line in out if "join try 1 was not answered" in line)
        assert program.stderr.readline().strip() == monitor.NO_NETWORK
        program.send_signal(2)
        program.communicate(timeout=HANG_S)


def test_its_gateway_speaks_to_a_server_and_goes_on_without_the_board(tmp_path):
    told, app_key, accepted = Told(), [], threading.Event()

    def after(number):
        """Answer a join-request as a network server does: in RX1, by a PULL_RESP."""
        (packet,) = json.loads(server.pushes[-1][12:]).get("rxpk") or (None,)
        request = packet and lorawan.parse(b64decode(packet["data"]))
        if not isinstance(request, lorawan.JoinRequest) or not request.mic_ok(app_key[0]):
            return ()
        phy = lorawan.JoinAccept(1, 0x13, 0x26011234).build(app_key[0])
        txpk = {
            "imme": False, "tmst": (packet["tmst"] + 5_000_000) & 0xFFFFFFFF,
            "freq": packet["freq"], "rfch": 0, "powe": 14, "modu": "LORA", "datr": packet["datr"],
            "codr": "4/5", "ipol": True, "ncrc": True, "size": len(phy),
            "data": b64encode(phy).decode(),
        }  # fmt: skip
        accepted.set()
        return [bytes.fromhex("02123403") + json.dumps({"txpk": txpk}).encode()]

    with serving(after=after) as server:
        place = ("127.0.0.1", server.port)
        with Workbench(tmp_path, PICO, server=place, tell=told.append) as bench:
            node = bench.provision().node
            app_key.append(node.identity.app_key)
            told.wait(f"network: {node.name} joins")
            assert accepted.is_set()
            assert [json.loads(each[12:]) for each in server.tx_acks] == [
                {"txpk_ack": {"error": "NONE"}}
            ]
            eui = f"07107100{node.unique_id.hex()[-8:]}"
            assert {pull[4:].hex() for pull in server.pulls} == {eui}
            assert server.places == {"127.0.0.1"}
            bench.board.become(UNPLUGGED)
            before = len(server.pulls)
            end_s = time.monotonic() + HANG_S
            while len(server.pulls) < before + 2:
                assert time.monotonic() < end_s
                time.sleep(0.05)


def test_one_network_at_a_time():
    words = ("virtual-board", "--board", PICO, "--network", "--gateway", "udp://localhost")
    program = subprocess.run(
        [sys.executable, "-m", "host.cli", *words], capture_output=True, text=True, timeout=60
    )
    assert program.returncode == 2 and "exclude each other" in program.stderr
