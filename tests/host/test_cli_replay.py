# SPDX-License-Identifier: MIT
"""`node071 replay` to a network server: how it is told where to, and what it says of it."""

import json
import socket
from base64 import b64encode

import pytest
from click.testing import CliRunner
from udp_server import serving

from host.cli import cli
from host.lorawan import DataFrame, MType, Session

PACKET = {"freq": 868.1, "datr": "SF7BW125", "rssi": -100, "lsnr": 7.5, "data": "QA=="}
HEAD = {"time": "2026-11-23T06:00:00.5Z", "gateway": "0710710000000000"}


def run(*words):
    return CliRunner().invoke(cli, [str(word) for word in words], prog_name="node071")


@pytest.fixture
def capture(tmp_path):
    path = tmp_path / "capture.jsonl"
    path.write_text(3 * (json.dumps({**HEAD, "rxpk": PACKET}) + "\n") + "hello\n")
    return path


def test_to_a_server_in_words_and_in_json(capture):
    with serving() as server:
        done = run("replay", capture, "--to", f"udp://127.0.0.1:{server.port}")
        value = run("replay", capture, "--to", f"udp://localhost:{server.port}", "--json").stdout
    assert done.exit_code == 0
    assert done.stderr == "capture.jsonl, line 4: not JSON; passed over\n"
    said = f"udp://127.0.0.1:{server.port}: 3 frames, 3 sent, 3 acknowledged, 0 lost, 0 repeated, "
    assert done.stdout.startswith(said) and done.stdout.count("\n") == 1
    value = json.loads(value)
    assert (value["sent"], value["acknowledged"], value["lost"]) == (3, 3, 0)
    assert value["foreign_lines"] == ["line 4: not JSON"]
    assert [eui for eui, _ in server.frames()] == 6 * [HEAD["gateway"]]


def test_as_another_gateway_and_at_a_speed(capture):
    with serving() as server:
        words = ("--gateway", "0011223344556677", "--speed", "100")
        done = run("replay", capture, "--to", f"udp://127.0.0.1:{server.port}", *words)
    assert done.exit_code == 0
    assert {eui for eui, _ in server.frames()} == {"0011223344556677"}


def test_nobody_there_is_one_line(capture):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    done = run("replay", capture, "--to", f"udp://127.0.0.1:{port}", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["error"] == f"udp://127.0.0.1:{port} does not answer"


def test_a_frame_that_was_not_acknowledged_is_a_failure(capture):
    lost = {2, 4, 5, 6}  # the second frame, and its three repetitions after the third
    with serving(drop=lambda number, _: number in lost) as server:
        done = run("replay", capture, "--to", f"udp://127.0.0.1:{server.port}")
    assert done.exit_code == 1 and "2 acknowledged, 1 lost, 3 repeated" in done.stdout
    assert f"udp://127.0.0.1:{server.port} acknowledged 2 of 3 frames; " in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--to moon", "'moon' is not one of 'table', 'network', 'node', 'udp://HOST:PORT'"),
        ("--to udp://", "'udp://' is not of the form udp://HOST:PORT"),
        ("--to udp://host:99999", "is not of the form udp://HOST:PORT"),
        ("--to udp://host:0", "is not of the form udp://HOST:PORT"),
        ("--to udp://host:1700/x", "is not of the form udp://HOST:PORT"),
        ("--to udp://host --speed 0", "'--speed': 0.0 is not in the range x>0"),
        ("--to udp://host --gateway 00", "1 bytes, 8 are needed"),
        ("--speed 2", "--speed and --gateway are of a server; add --to udp://HOST:PORT"),
    ],
)
def test_wrong_use_is_one_line(capture, words, said):
    done = run("replay", capture, *words.split())
    assert done.exit_code == 2 and said in done.stderr and done.stderr.count("\n") == 1


def test_who_heard_it_has_to_be_known(tmp_path):
    path = tmp_path / "capture.jsonl"
    path.write_text(json.dumps({**HEAD, "gateway": "attic", "rxpk": PACKET}))
    done = run("replay", path, "--to", "udp://127.0.0.1:9")
    assert done.exit_code == 2
    assert "capture.jsonl does not say which gateway heard its frames; give" in done.stderr


def test_a_name_that_is_none_is_one_line(capture):
    name = 64 * "a"  # a part of a name has 63 at most
    done = run("replay", capture, "--to", f"udp://{name}:1700")
    assert done.exit_code == 1
    said = f"error: udp://{name}:1700: no name of a computer; check the name of the server"
    assert done.stderr.splitlines()[-1] == said


def frame_of(number, joining):
    """A frame of device 1 or 2, by its DevEUI or its DevAddr, which go in the clear."""
    if joining:
        phy = (
            bytes(9) + b"\xaa" + bytes(6) + bytes((number, 5, 0)) + bytes(4)
        )  # DevEUI little-endian
    else:
        phy = b"\x40" + bytes((number, 0, 0, 0)) + bytes(3) + b"\x01" + bytes(8)
    return {**HEAD, "rxpk": {**PACKET, "data": b64encode(phy).decode()}}


@pytest.fixture
def of_two(tmp_path):
    frames = [frame_of(1, True), frame_of(2, True), frame_of(2, False), frame_of(1, False)]
    path = tmp_path / "capture.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in [*frames, frames[2]]))
    session = {"nwk_skey": 32 * "0", "app_skey": 32 * "0"}
    nodes = [
        {
            "name": name,
            "dev_eui": f"{number:02x}" + 12 * "0" + "aA",
            "join_eui": 16 * "0",
            "app_key": 32 * "0",
            "sessions": [{**session, "dev_addr": f"{number:08x}"}],
        }
        for number, name in ((1, "one"), (2, "two"))
    ]
    (tmp_path / "devices.json").write_text(json.dumps({"nodes": nodes}))
    return path


def test_only_the_frames_of_one_node_go_to_a_server_or_into_the_table(of_two):
    with serving() as server:
        done = run("replay", of_two, "--to", f"udp://127.0.0.1:{server.port}", "--node", "two")
        sent = [packet["data"] for _, packet in server.frames()]
    assert done.exit_code == 0 and "3 frames, 3 sent, 3 acknowledged" in done.stdout
    own = [frame_of(2, joining)["rxpk"]["data"] for joining in (True, False, False)]
    assert sorted(sent) == sorted(own)
    counts = json.loads(run("replay", of_two, "--node", "one", "--json").stdout)
    assert (counts["frames"], counts["joins"]) == (2, 1)
    words = run("replay", of_two, "--node", "two", "--to", "network").stdout
    assert words.startswith("first time: 3 frames, ")


def test_what_another_node_of_the_same_address_sent_is_not_read_as_of_the_one(of_two):
    devices = of_two.with_name("devices.json")
    value = json.loads(devices.read_text())
    own = value["nodes"][1]["sessions"][0]
    own |= {"dev_addr": "00000001", "nwk_skey": 32 * "2"}
    devices.write_text(json.dumps(value))
    session = Session(1, bytes.fromhex(own["nwk_skey"]), bytes(16))
    reading = bytes.fromhex("a3011902640218d503182d")
    phy = session.seal(DataFrame(MType.UNCONFIRMED_UP, 1, 0, 0, b"", 1, reading))
    packet = {**PACKET, "data": b64encode(phy).decode()}
    of_two.write_text(json.dumps({**HEAD, "rxpk": packet}) + "\n")
    for name, decoded in (("one", 0), ("two", 1)):
        counts = json.loads(run("replay", of_two, "--node", name, "--json").stdout)
        assert (counts["frames"], counts["decoded"], counts["unknown"]) == (1, decoded, 1 - decoded)


def test_a_node_that_has_no_keys_is_wrong_use(of_two):
    done = run("replay", of_two, "--node", "three")
    assert done.exit_code == 2
    assert done.stderr == "error: no node 'three' has keys here; there are: one, two\n"
    assert "; did you mean two? there are: " in run("replay", of_two, "--node", "twoo").stderr


def test_the_keys_of_a_ledger_are_of_the_one_that_is_named(of_two, tmp_path):
    missing = {"NODE071_LEDGER": str(tmp_path / "no.ledger"), "HOME": str(tmp_path)}
    words = ["replay", str(of_two), "--keys", "ledger"]
    done = CliRunner().invoke(cli, words, env=missing)
    assert done.exit_code == 1 and f"no ledger at {tmp_path / 'no.ledger'}" in done.stderr
    done = CliRunner().invoke(cli, [*words, "--ledger", str(tmp_path / "other")], env=missing)
    assert done.exit_code == 1 and f"no ledger at {tmp_path / 'other'}" in done.stderr
    done = CliRunner().invoke(cli, words[:2], env=missing)  # the keys beside it
    assert done.exit_code == 0, done.output
