# SPDX-License-Identifier: MIT
"""Runs whose gateways speak to a network server on loopback: the real firmware, in real time."""

import json
from base64 import b64decode
from dataclasses import replace
from random import Random

import pytest
from test_packet_forwarder import malformed
from udp_server import serving

from host import files, lorawan
from host.errors import HostError
from host.ledgers import open_ledger
from host.state import State
from simulator import scenario as scenarios
from simulator.clock import Clock
from simulator.device import Device
from simulator.events import EventPlan
from simulator.faults import FaultPlan
from simulator.flash_chip import files_of
from simulator.overhearing import Overhearing
from simulator.reception import Verdict
from simulator.regions import REGIONS
from simulator.served_run import LEDGER, ServedRun
from simulator.udp_gateways import UdpGateways
from simulator.udp_line import UdpLine

FOR_A_JOIN_S = 7  # the first join-request leaves 3 to 8 s after the start
USUAL = scenarios.find(None)


def served(folder, server, seconds=FOR_A_JOIN_S, **changes):
    """A run of so many seconds."""
    plan = replace(USUAL, duration_h=seconds / 3600, seed=4, **changes)
    run = ServedRun(plan, folder, ("127.0.0.1", server.port))
    run.execute()
    return run


def requests(server):
    """The join-requests that came, each once."""
    found = [lorawan.parse(b64decode(packet["data"])) for _, packet in server.frames()]
    return list(dict.fromkeys(found))


def test_ten_thousand_malformed_datagrams_change_nothing(tmp_path):
    random, sent = Random(3), []

    def after(number):
        sent.extend(malformed(random) for _ in range(10_000))
        return sent

    with serving(after=after) as server:
        run = served(tmp_path, server, seconds=10)
        (request,) = requests(server)
    (forwarder,) = run.udp.forwarders.values()
    assert len(sent) == 10_000 and forwarder.counts.malformed > 1000  # the system drops some
    assert forwarder.counts.acknowledged == forwarder.counts.pushed == 1
    assert (forwarder.counts.downlinks, forwarder.counts.stale) == (0, 0)
    assert request.mic_ok(run.nodes["classroom-1"].identity.app_key)
    assert server.tx_acks == [] and run.hours * 3600 == pytest.approx(10)


def test_a_second_run_goes_on_with_the_same_nodes(tmp_path):
    def state():
        files = files_of((tmp_path / "classroom-1.flash").read_bytes())
        return State({f"/{path}": data for path, data in files.items()})

    with serving() as server:
        served(tmp_path, server)
        (first,) = requests(server)
        assert (first.dev_nonce, state().load("dev_nonce")) == (0, 1)
        served(tmp_path, server, seconds=4)
    assert state().load("start")[0] == 2 and state().load("dev_nonce") == 1
    assert state().load("config")["dev_eui"] == first.dev_eui
    with open_ledger(tmp_path / LEDGER, create=False) as ledger:
        (node,) = ledger.nodes()
    assert (node.dev_eui, node.kit, node.board) == (first.dev_eui, "classroom", "rpi-pico-rfm95")
    assert first.mic_ok(node.identity.app_key)


def test_nodes_of_another_seed_are_not_mixed_in(tmp_path):
    with serving() as server:
        served(tmp_path, server, seconds=0.1)
        with pytest.raises(HostError, match="classroom-1"):
            ServedRun(
                replace(USUAL, duration_h=0.1, seed=5), tmp_path, ("127.0.0.1", server.port)
            ).execute()


def test_the_firmware_of_nodes_that_go_on_is_the_one_that_is_asked_for(tmp_path):
    firmware = tmp_path / "firmware"
    for path in sorted((files.root() / "firmware").rglob("*.py")):
        own = firmware / path.relative_to(files.root() / "firmware")
        own.parent.mkdir(parents=True, exist_ok=True)
        own.write_text(path.read_text().replace('"start", began', '"starts", began'))
    with serving() as server:
        served(tmp_path / "out", server, seconds=4)
        plan = replace(USUAL, duration_h=4 / 3600, seed=4)
        place = ("127.0.0.1", server.port)
        ServedRun(plan, tmp_path / "out", place, firmware=firmware).execute()
    log = (tmp_path / "out" / "classroom-1.log").read_text()
    assert "node071 classroom-1 starts 2" in log  # the second start of this flash


def test_a_gateway_without_power_says_nothing(tmp_path):
    off = (FaultPlan("gateway-off", 0.0, gateway="town-hall"),)
    with serving() as server:
        served(tmp_path, server, seconds=6, faults=off)
    assert len(server.pulls) <= 1 and server.pushes == []


@pytest.mark.parametrize("there", [False, True])
def test_a_server_that_does_not_answer_is_said_after_some_seconds(tmp_path, there):
    told = []
    with serving() as server:
        place = ("127.0.0.1", server.port if there else 9)
        plan = replace(USUAL, duration_h=5 / 3600)
        ServedRun(plan, tmp_path, place, told.append).execute()
    said = "udp://127.0.0.1:9 does not answer: is a network server there, and UDP let through?"
    assert (said in told) is not there and sum("answer" in each for each in told) == (not there)


def test_events_of_our_own_network_are_refused(tmp_path):
    plan = replace(USUAL, events=(EventPlan("classroom-1", 0.3, commands=b"\x06"),))
    with pytest.raises(HostError, match="events of our own network"):
        ServedRun(plan, tmp_path, ("127.0.0.1", 9))


def test_a_server_without_a_name_is_said(tmp_path):
    with pytest.raises(HostError, match=r"udp://no-such-host\.invalid:1700: "):
        ServedRun(USUAL, tmp_path, ("no-such-host.invalid", 1700)).execute()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_sockets_of_gateways_are_bound_to_loopback(host):
    udp = UdpGateways((host, 9), Clock(), REGIONS["EU868"], [], lambda *put: None)
    assert udp.line.open().opened.getsockname()[0] == host
    udp.close()


# Its clock.


def test_a_datagram_ends_the_wait_and_is_taken_when_the_clock_is_there():
    clock, came = Clock(), []
    with serving() as server, UdpLine(clock, "127.0.0.1", server.port) as line:
        socket = line.open()
        socket.receive = lambda datagram: came.append((clock.now_us, datagram))
        socket.send(bytes.fromhex("02123402") + bytes(8))
        far_us = 60_000_000
        while not came:
            now_us = line.wait(far_us)
            assert clock.now_us <= now_us < far_us
            clock.run_until(now_us)
            line.take()
        assert came == [(now_us, bytes.fromhex("02123404"))]


def test_a_clock_that_fell_behind_does_not_hurry(monkeypatch):
    now_ns = [0]
    monkeypatch.setattr("simulator.wall.time.monotonic_ns", lambda: now_ns[0])
    clock = Clock()
    with UdpLine(clock, "127.0.0.1", 9) as line:
        assert line.wait(0) == 0
        now_ns[0] = 10_000_000  # 10 ms: no more than a moment
        assert line.wait(10_000) == 10_000 and line.wall.lost_us == 0
        clock.run_until(10_000)
        now_ns[0] = 5_000_000_000
        assert line.wait(10_000) == 10_000 and line.wall.lost_us == 4_990_000
        now_ns[0] += 300_000  # from here on it goes as fast as the world
        assert line.wait(10_300) == 10_300


# What the nodes say is opened by their keys.

KEY, EUI = bytes(range(16)), bytes(range(8))


def device():
    return Device("one", EUI, bytes(8), KEY)


def test_a_session_is_learned_from_its_join_accept():
    own = device()
    overhearing = Overhearing([own])
    accept = lorawan.JoinAccept(1, 0x13, 0x26011234)
    session = accept.session(KEY, 7)
    frame = lorawan.DataFrame(lorawan.MType.UNCONFIRMED_UP, 0x26011234, 0, 5, b"", 1, b"hi")
    phy = session.seal(frame)
    assert overhearing.uplink(phy) is None  # nobody knows it yet
    assert overhearing.downlink(accept.build(KEY)) == Verdict(False, kind="data")  # unasked
    assert overhearing.uplink(lorawan.JoinRequest(bytes(8), EUI, 7).build(KEY)) is None
    assert overhearing.downlink(accept.build(bytes(16))) == Verdict(False, kind="data")
    assert overhearing.downlink(accept.build(KEY)) == Verdict(True, device=own, kind="join")
    assert own.sessions == [session]
    verdict = overhearing.uplink(phy)
    assert (verdict.f_cnt, verdict.f_port, verdict.payload) == (5, 1, b"hi")
    assert overhearing.uplink(phy) is None  # a copy, from another gateway
    down = lorawan.DataFrame(lorawan.MType.UNCONFIRMED_DOWN, 0x26011234, 0, 0, b"\x06")
    assert overhearing.downlink(session.seal(down)) == Verdict(False, device=own, kind="data")


@pytest.mark.parametrize("region", REGIONS.values(), ids=lambda each: each.name)
def test_a_gateway_sends_wherever_its_region_listens(region, tmp_path):
    udp = UdpGateways(("127.0.0.1", 9), Clock(), region, [], lambda *put: None)
    low_hz, high_hz = udp._tx_hz
    own = [each.downlink_hz for each in region.channels] + [region.rx2_freq_hz, *region.more_hz]
    assert all(low_hz <= each <= high_hz for each in own) and high_hz - low_hz < 30_000_000
    udp.close()


def test_devices_say_what_they_are(tmp_path):
    with serving() as server:
        served(tmp_path, server, seconds=0.1)
    (row,) = json.loads((tmp_path / "devices.json").read_text())["nodes"]
    assert (row["board"], row["kit"], row["sessions"]) == ("rpi-pico-rfm95", "classroom", [])
    assert (tmp_path / "classroom-1.flash").stat().st_mode & 0o777 == 0o600
