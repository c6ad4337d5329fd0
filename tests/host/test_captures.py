# SPDX-License-Identifier: MIT
"""What a packet forwarder logs in the field: many packets a line, no time, no gateway, noise."""

import json

import pytest

from host import captures

# The rxpk of Semtech's PROTOCOL.TXT, 3.2, in one PUSH_DATA: the second is FSK; and the stat of 3.3
PUSH_DATA = """\
{"rxpk":[{"time":"2013-03-31T16:21:17.528002Z","tmst":3512348611,"chan":2,"rfch":0,"freq":866.349812,\
"stat":1,"modu":"LORA","datr":"SF7BW125","codr":"4/6","rssi":-35,"lsnr":5.1,"size":32,\
"data":"-DS4CGaDCdG+48eJNM3Vai-zDpsR71Pn9CPA9uCON84"},\
{"time":"2013-03-31T16:21:17.530974Z","tmst":3512348514,"chan":9,"rfch":1,"freq":869.1,"stat":1,\
"modu":"FSK","datr":50000,"rssi":-75,"size":16,"data":"VEVTVF9QQUNLRVRfMTIzNA=="}]}"""
STAT = '{"stat":{"time":"2014-01-12 08:59:28 GMT","rxnb":2,"rxok":2,"rxfw":2,"ackr":100.0}}'
PACKET = {
    "tmst": 1_000_000, "freq": 868.1, "stat": 1, "modu": "LORA", "datr": "SF7BW125",
    "codr": "4/5", "rssi": -100, "lsnr": 7.5, "size": 1, "data": "QA==",
}  # fmt: skip
NO_PACKET = "not a LoRa packet of the packet forwarder"


def push(*tmsts, **changes):
    return json.dumps({"rxpk": [{**PACKET, "tmst": tmst, **changes} for tmst in tmsts]})


def read(tmp_path, *lines):
    path, foreign = tmp_path / "log", []
    path.write_text("".join(line + "\n" for line in lines))
    return list(captures.frames(path, foreign)), [(each.number, each.problem) for each in foreign]


def times(frames):
    return [frame.time.isoformat() for frame in frames]


def test_the_example_of_the_protocol(tmp_path):
    # its base64 is of the alphabet for addresses in one packet, so that one is not ours
    text = PUSH_DATA.replace("-DS4", "+DS4").replace("ai-z", "ai/z")
    (found,), foreign = read(tmp_path, text)
    assert foreign == [(1, NO_PACKET)]  # FSK
    assert times([found]) == ["2013-03-31T16:21:17.528002+00:00"]
    assert (found.gateway, found.freq_hz, found.sf, found.bw_hz) == ("", 866_349_812, 7, 125_000)
    assert (found.rssi_dbm, found.snr_db, len(found.phy)) == (-35, 5.1, 32)


@pytest.mark.parametrize(
    "prefix",
    ["", "JSON up: ", "Nov 23 06:00:00 attic lora_pkt_fwd[371]: JSON up: "],
)
def test_lines_as_they_are_logged(tmp_path, prefix):
    found, foreign = read(
        tmp_path, "##### 2026-11-23 06:00:00 GMT #####", prefix + push(5, 6), "# RF packets: 2",
    )  # fmt: skip
    assert [frame.phy for frame in found] == [b"\x40", b"\x40"]
    assert foreign == [(1, "not JSON"), (3, "not JSON")]


def test_a_packet_that_is_broken_leaves_those_beside_it(tmp_path):
    values = json.loads(push(1, 2, 3, 4))
    values["rxpk"][0] = None
    values["rxpk"][1]["stat"] = -1
    del values["rxpk"][2]["lsnr"]
    found, foreign = read(tmp_path, json.dumps(values))
    assert len(found) == 1
    assert foreign == [(1, NO_PACKET), (1, "a packet with a wrong CRC"), (1, "'lsnr' is missing")]


def test_without_gps_the_last_stat_and_tmst_are_the_time(tmp_path):
    found, foreign = read(
        tmp_path, push(4_000_000_000), STAT, push(4_294_967_290), push(10), push(2_000_010, 5),
    )  # fmt: skip
    assert foreign == []
    assert times(found) == [
        "1970-01-01T00:00:00+00:00",
        "2014-01-12T08:59:28+00:00",
        "2014-01-12T08:59:28.000016+00:00",  # tmst went round
        "2014-01-12T08:59:30.000016+00:00",
        "2014-01-12T08:59:28.000011+00:00",  # heard before, told after
    ]


def test_a_stat_beside_packets_and_downlinks_are_no_foreign_lines(tmp_path):
    both = {**json.loads(STAT), **json.loads(push(7))}
    down = 'JSON down: {"txpk":{"imme":false,"tmst":1000007,"data":"oDQSASYgAwACIYUGbWJO"}}'
    (up, sent), foreign = read(tmp_path, json.dumps(both), down)
    assert foreign == [] and times([up, sent]) == 2 * ["2014-01-12T08:59:28+00:00"]
    assert isinstance(sent, captures.Downlink) and sent.phy[:1] == b"\xa0"


def test_base64_without_its_padding(tmp_path):
    (found,), foreign = read(tmp_path, push(1, data="QA"))
    assert found.phy == b"\x40" and foreign == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"rxpk":[]', "not JSON"),
        ('{"rxpk":7}', NO_PACKET),
        (push("soon"), NO_PACKET),
        (push(1, time="soon"), NO_PACKET),
        (push(1, data=5), NO_PACKET),
        ('{"stat":5,"rxpk":[5]}', NO_PACKET),
        ('{"txpk":[5]}', NO_PACKET),
        ('{"txpk":{"data":"?"}}', NO_PACKET),
    ],
)
def test_a_foreign_line_is_named(tmp_path, line, problem):
    found, foreign = read(tmp_path, line, push(1))
    assert foreign == [(1, problem)] and len(found) == 1


def test_a_counter_that_is_none_spoils_no_packet_after_it(tmp_path):
    found, foreign = read(tmp_path, push("x", time="2026-11-23T06:00:00Z"), push(5), push(7))
    assert foreign == [(1, NO_PACKET)]
    assert times(found) == ["2026-11-23T06:00:00+00:00", "2026-11-23T06:00:00.000002+00:00"]


def test_a_stat_that_is_older_does_not_set_the_time_back(tmp_path):
    found, _ = read(tmp_path, push(5, time="2026-11-23T06:00:00Z"), STAT, push(7))
    assert times(found)[1] == "2026-11-23T06:00:00.000002+00:00"
