# SPDX-License-Identifier: MIT
"""A kept run read back: into rows, and to a network server that knows old frames from new ones."""

import json
from base64 import b64decode
from dataclasses import replace
from datetime import timedelta

import cbor2
import pytest

from host import captures, replay
from host.errors import HostError
from host.lorawan import DataFrame, MType, Session
from simulator import scenario, trial
from simulator.run import Run

SESSION = Session(0x260B1234, b"n" * 16, b"a" * 16)
DEVICES = [
    {
        "name": "room-1",
        "dev_eui": "0102030405060708",
        "join_eui": "00" * 8,
        "app_key": "11" * 16,
        "sessions": [
            {"dev_addr": "260b1234", "nwk_skey": (b"n" * 16).hex(), "app_skey": (b"a" * 16).hex()}
        ],
    }
]


class Kept:
    """A short run of the simulator with what it kept."""

    def __init__(self, folder):
        self.run = Run(replace(scenario.find(None), duration_h=2), folder)
        (self.node,) = self.run.execute()["nodes"]
        self.path = folder / "capture.jsonl"
        self.devices = replay.load_devices(self.path, None)

    def uplinks(self):
        foreign = []
        found = list(captures.uplinks(self.path, foreign))
        assert not foreign
        return found


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return Kept(tmp_path_factory.mktemp("kept"))


def rows_of(frames, devices):
    reader = replay.Reader(devices)
    return [row for frame in frames for row in reader.rows(frame)], reader.counts


# Into rows.


def test_a_run_read_back_is_the_run(kept):
    rows, counts = rows_of(kept.uplinks(), kept.devices)
    assert counts["frames"] == kept.node["uplinks_heard"] + kept.node["joins"] == 14
    assert (counts["decoded"], counts["joins"]) == (13, 1)
    assert counts["unknown"] == counts["repeated"] == counts["other"] == counts["unreadable"] == 0
    assert [(row.f_cnt, row.values) for row in rows] == [
        (row.f_cnt, row.values) for row in kept.run.rows
    ]
    for row, live in zip(rows, kept.run.rows, strict=True):
        assert abs(row.time - live.time) < timedelta(seconds=1)
        assert (row.name, row.dev_eui, row.sf) == (live.name, live.dev_eui, live.sf)
        assert abs(row.snr_db - live.snr_db) <= 0.05 and abs(row.rssi_dbm - live.rssi_dbm) <= 0.5


def test_a_frame_counts_once(kept):
    frames = kept.uplinks()
    _, counts = rows_of([*frames, *frames[::-1]], kept.devices)
    assert (counts["decoded"], counts["joins"], counts["repeated"]) == (13, 1, 14)


def test_without_its_keys_nothing_is_decoded(kept):
    rows, counts = rows_of(kept.uplinks(), DEVICES)
    assert rows == [] and counts["unknown"] == 13


def heard(payload, f_cnt=1, f_port=1, m_type=MType.UNCONFIRMED_UP, template=None):
    frame = DataFrame(m_type, SESSION.dev_addr, 0, f_cnt, b"", f_port, payload)
    return replace(template, phy=SESSION.seal(frame))


@pytest.mark.parametrize(
    ("frame", "what"),
    [
        ({"payload": cbor2.dumps({1: 612})}, "decoded"),
        ({"payload": b"\xff", "f_cnt": 0x1FFFF & 0xFFFF}, "unreadable"),
        ({"payload": b"\x01", "f_port": 3}, "other"),
        ({"payload": cbor2.dumps({1: 612}), "m_type": MType.UNCONFIRMED_DOWN}, "unknown"),
    ],
)
def test_what_becomes_of_a_frame(kept, frame, what):
    rows, counts = rows_of([heard(**frame, template=kept.uplinks()[0])], DEVICES)
    assert counts == dict.fromkeys(counts, 0) | {"frames": 1, what: 1}
    assert len(rows) == (what == "decoded")


def test_bytes_that_are_no_frame(kept):
    frames = [replace(kept.uplinks()[0], phy=phy) for phy in (b"", b"\xe0" * 12, b"\x40" * 11)]
    assert rows_of(frames, DEVICES)[1]["unknown"] == 3


# Lines that are none of ours.

PACKET = {"freq": 868.1, "datr": "SF7BW125", "rssi": -100, "lsnr": 7.5, "data": "QA=="}
NO_PACKET = "not a LoRa packet of the packet forwarder"
HEAD = {"time": "2026-11-23T06:00:00.5Z", "gateway": "0710710000000000"}


def lines_of(tmp_path, *lines, end="\n"):
    path = tmp_path / "capture.jsonl"
    texts = [each if isinstance(each, str) else json.dumps(each) for each in lines]
    path.write_text("\n".join(texts) + end)
    foreign = []
    found = list(captures.uplinks(path, foreign))
    return found, [(each.number, each.problem) for each in foreign]


def test_a_line_of_the_packet_forwarder(tmp_path):
    (found,), foreign = lines_of(tmp_path, {**HEAD, "rxpk": PACKET})
    assert foreign == []
    assert found.time.isoformat() == "2026-11-23T06:00:00.500000+00:00"
    assert (found.phy, found.freq_hz, found.sf, found.bw_hz) == (b"\x40", 868_100_000, 7, 125_000)
    assert (found.rssi_dbm, found.snr_db, found.gateway) == (-100, 7.5, HEAD["gateway"])


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("hello", "not JSON"),
        ("1", NO_PACKET),
        ('["rxpk"]', NO_PACKET),
        ("{}", "neither rxpk nor txpk"),
        ({"rxpk": PACKET}, "'tmst' is missing"),
        ({**HEAD, "time": 5, "rxpk": PACKET}, NO_PACKET),
        ({**HEAD, "rxpk": [[PACKET]]}, NO_PACKET),
        ({**HEAD, "rxpk": {**PACKET, "stat": -1}}, "a packet with a wrong CRC"),
        ({**HEAD, "rxpk": {**PACKET, "datr": 50000}}, NO_PACKET),
        ({**HEAD, "rxpk": {**PACKET, "data": "Q"}}, NO_PACKET),
        ({**HEAD, "rxpk": {**PACKET, "freq": "x"}}, NO_PACKET),
        ('{"time": "2026-11-23T06:00:00Z", "gateway": "", "rxpk": {"datr": "SF7BW125", '
         '"freq": 1e999, "rssi": 0, "lsnr": 0, "data": ""}}', NO_PACKET),
        ('{"time": "2026-11-23T06:00:00Z", "gateway": "", "rxpk": {"datr": "SF7BW125", '
         '"freq": 868.1, "rssi": NaN, "lsnr": 0, "data": ""}}', NO_PACKET),
        ("[" * 100000, NO_PACKET),
        ('{"rxpk": ' + "1" * 5000 + "}", NO_PACKET),
    ],
)  # fmt: skip
def test_a_foreign_line_is_named_and_passed_over(tmp_path, line, problem):
    found, foreign = lines_of(tmp_path, {**HEAD, "txpk": {}}, "", line, {**HEAD, "rxpk": PACKET})
    assert foreign == [(3, problem)] and len(found) == 1


def test_a_truncated_capture_loses_its_last_line_only(tmp_path, kept):
    text = kept.path.read_text()
    path = tmp_path / "capture.jsonl"
    for cut in (1, 10, 100):
        path.write_text(text[: -1 - cut])
        foreign = []
        found = list(captures.uplinks(path, foreign))
        assert [each.problem for each in foreign] == ["cut short"]
        assert foreign[0].number == len(text.splitlines())
        assert found == kept.uplinks()[: len(found)] and len(found) >= 12
    path.write_text(text[:-1])  # all but the end of the line: nothing is lost
    foreign = []
    assert list(captures.uplinks(path, foreign)) == kept.uplinks() and not foreign


def test_a_file_that_is_no_text(tmp_path, kept):
    path = tmp_path / "capture.pcap"
    path.write_bytes(kept.path.with_name("capture.pcap").read_bytes())
    foreign = []
    assert list(captures.uplinks(path, foreign)) == [] and foreign


# The keys.


def changed(**changes):
    (node,) = DEVICES
    return {"nodes": [{**node, **changes}]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{\n\n nodes", "devices.json, line 3: Expecting property name"),
        ("[]", "devices.json is no list of nodes with keys"),
        ("{}", "devices.json is no list of nodes with keys"),
        ('{"nodes": 5}', "devices.json is no list of nodes with keys"),
        ("[" * 100000, "devices.json is no list of nodes with keys"),
        ('{"nodes": [5]}', "devices.json, node 1: it has no name"),
        (changed(name=1), "devices.json, node 1: it has no name"),
        ({"nodes": [DEVICES[0], {"name": "b"}]}, "node 2: it has no list of sessions"),
        (changed(region=[]), "devices.json, node 1: its region is not a text"),
        (changed(app_key="11" * 15), "'app_key' is missing or not 16 bytes of hex"),
        (changed(dev_eui="xy"), "'dev_eui' is missing or not 8 bytes of hex"),
        (changed(join_eui=None), "'join_eui' is missing or not 8 bytes of hex"),
        (changed(sessions=[5]), "'dev_addr' is missing or not 4 bytes of hex"),
        (changed(sessions=[{"dev_addr": "01"}]), "'dev_addr' is missing or not 4 bytes of hex"),
        (changed(sessions=[{"dev_addr": "01" * 4}]), "'nwk_skey' is missing or not 16 bytes"),
    ],
)
def test_keys_that_are_none_are_one_line(tmp_path, content, said):
    path = tmp_path / "devices.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(HostError) as error:
        replay.load_devices(tmp_path / "capture.jsonl", None)
    assert said in str(error.value) and "\n" not in str(error.value) and error.value.next_step
    assert "1111" not in str(error.value)


def test_keys_that_are_not_there(tmp_path):
    with pytest.raises(HostError, match=r"devices\.json does not exist") as error:
        replay.load_devices(tmp_path / "capture.jsonl", None)
    assert "--keys FILE" in error.value.next_step
    path = tmp_path / "elsewhere.json"
    path.write_text(json.dumps({"nodes": DEVICES}))
    assert replay.load_devices(tmp_path / "capture.jsonl", path) == DEVICES


# To a network.


def test_a_network_takes_each_frame_once_refuses_it_again_and_goes_on(kept):
    found = trial.run(kept.uplinks(), kept.devices)
    assert (found.frames, found.accepted, found.copies, found.strangers) == (13, 13, 0, [])
    assert (found.replayed, found.refused) == (13, 13)
    counters = [f"counter {f_cnt} seen" for f_cnt in range(12)]
    assert found.reasons == ["DevNonce 0 seen before", *counters]
    assert found.live == trial.Live("classroom-1", 12, True, "")


def test_a_network_takes_copies_of_other_gateways_for_one_frame(kept):
    frames = kept.uplinks()
    copies = [replace(frame, gateway="0710710000000001", snr_db=1.0) for frame in frames]
    found = trial.run([*copies, *frames], kept.devices)
    assert (found.frames, found.accepted, found.copies) == (26, 13, 13)
    assert (found.replayed, found.refused) == (13, 13)
    assert found.live == trial.Live("classroom-1", 12, True, "")


def test_a_network_says_why_it_refuses_strangers(kept):
    found = trial.run(kept.uplinks(), DEVICES)
    dev_eui = kept.node["dev_eui"]
    dev_addr = kept.devices[0]["sessions"][0]["dev_addr"]
    reasons = [f"unknown DevEUI {dev_eui}"] + 13 * [f"unknown DevAddr {dev_addr}"]
    assert found.strangers == reasons and found.accepted == found.replayed == 0
    assert found.live is None


def test_a_spoiled_frame_is_refused_and_the_others_are_not(kept):
    frames = kept.uplinks()
    spoiled = replace(frames[5], phy=frames[5].phy[:-1] + bytes((frames[5].phy[-1] ^ 1,)))
    found = trial.run([*frames[:5], spoiled, *frames[6:]], kept.devices)
    assert (found.accepted, found.refused, found.strangers) == (12, 12, ["the MIC is wrong"])
    assert found.live.accepted


def test_a_capture_may_be_out_of_order_or_empty(kept):
    found = trial.run(kept.uplinks()[::-1], kept.devices)
    assert (found.accepted, found.refused, found.strangers) == (13, 13, [])
    found = trial.run([], kept.devices)
    assert (found.frames, found.live) == (0, None)
    (join, *_) = kept.uplinks()
    found = trial.run([join], kept.devices)
    assert (found.accepted, found.reasons, found.live) == (1, ["DevNonce 0 seen before"], None)


def test_what_is_replayed_is_what_was_on_the_air(kept):
    lines = [json.loads(line) for line in kept.path.read_text().splitlines()]
    phys = [b64decode(line["rxpk"]["data"]) for line in lines if "rxpk" in line]
    assert [frame.phy for frame in kept.uplinks()] == phys
