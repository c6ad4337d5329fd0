# SPDX-License-Identifier: MIT
"""What a run keeps of the air: JSON Lines and a LoRaTap pcap, in order, byte for byte."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import permutations
from struct import unpack_from

import pytest

from simulator.air import Air, Place, Signal, Transmission
from simulator.capture import Capture
from simulator.clock import Clock
from simulator.gateway import Gateway
from simulator.regions import REGIONS
from simulator.run import Run
from simulator.scenario import FaultPlan, GatewayPlan, find

START = datetime(2026, 11, 23, 7, tzinfo=timezone(timedelta(hours=1)))
EUI = "0710710000000000"
UP = bytes.fromhex("40341201260007000180477f7b19781660ea")
DOWN = bytes.fromhex("a034120126200300022185066d624e")


class Bench:
    """A capture, and what gateways of some EUIs say."""

    def __init__(self, folder, start=START):
        self.folder, self.clock = folder, Clock()
        self.capture = Capture(folder, start)
        air = Air(self.clock, 1)
        station, channels = air.station("gateway", Place(0, 0)), REGIONS["EU868"].heard()
        self.gateway = Gateway(EUI, station, self.clock, channels, print, print)

    def hear(self, at_us, gateway=EUI, rssi_dbm=-101.6, snr_db=-3.26, **changes):
        sent = Transmission(
            at_us - 61_696, at_us, 868_300_000, 7, 125_000, 5, 8, True, False, False, 0x34, 14.0,
            UP, "node",
        )  # fmt: skip
        signal = Signal(replace(sent, **changes), rssi_dbm, snr_db)
        self.capture.heard(at_us, gateway, self.gateway.rxpk(signal), signal)

    def send(self, at_us, gateway=EUI):
        self.clock.run_until(at_us)
        packet = self.gateway.downlink(869_525_000, 12, 125_000, DOWN, 27)
        self.capture.sent(at_us, gateway, self.gateway.txpk(packet), packet)

    def lines(self, name="capture.jsonl"):
        return (self.folder / name).read_text().splitlines()

    def packets(self):
        """(time in us, data) of each record of the pcap."""
        data, found, at = (self.folder / "capture.pcap").read_bytes(), [], 24
        while at < len(data):
            seconds, us, kept, length = unpack_from("<IIII", data, at)
            assert kept == length
            found.append((seconds * 1_000_000 + us, data[at + 16 : at + 16 + length]))
            at += 16 + length
        return found


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_an_uplink_is_one_line_at_the_end_of_its_reception(bench):
    bench.hear(5_061_696)
    bench.capture.close()
    assert bench.lines() == [
        '{"time":"2026-11-23T06:00:05.061696Z","gateway":"0710710000000000","rxpk":{'
        '"tmst":5061696,"freq":868.3,"chan":1,"rfch":0,"stat":1,"modu":"LORA","datr":"SF7BW125",'
        '"codr":"4/5","rssi":-102,"lsnr":-3.3,"size":18,'
        '"data":"QDQSASYABwABgEd/exl4FmDq"}}'
    ]


def test_a_downlink_is_one_line_at_its_start(bench):
    bench.send(6_061_696)
    bench.capture.close()
    assert bench.lines() == [
        '{"time":"2026-11-23T06:00:06.061696Z","gateway":"0710710000000000","txpk":{'
        '"imme":false,"tmst":6061696,"freq":869.525,"rfch":0,"powe":27,"modu":"LORA",'
        '"datr":"SF12BW125","codr":"4/5","ipol":true,"ncrc":true,"size":15,'
        '"data":"oDQSASYgAwACIYUGbWJO"}}'
    ]


def test_an_event_is_one_line(bench):
    bench.capture.event(7, "node", "not heard", "too weak", gateway=EUI)
    bench.capture.event(8, "node", "joined")
    bench.capture.close()
    assert bench.lines("events.jsonl") == [
        '{"t_us":7,"node":"node","event":"not heard","cause":"too weak",'
        '"gateway":"0710710000000000"}',
        '{"t_us":8,"node":"node","event":"joined","cause":""}',
    ]


def test_the_pcap_has_the_head_of_loratap(bench):
    bench.capture.close()
    head = (bench.folder / "capture.pcap").read_bytes()
    # a1b2c3d4 2.4, zone and sigfigs 0, 65535 bytes, link type 270
    assert head == bytes.fromhex("d4c3b2a1 0200 0400 00000000 00000000 ffff0000 0e010000")


def test_an_uplink_in_loratap_byte_for_byte(bench):
    bench.hear(5_061_696)
    bench.capture.close()
    ((time_us, packet),) = bench.packets()
    assert time_us == 1_795_413_605_061_696  # date -d 2026-11-23T06:00:05Z +%s
    head = bytes.fromhex(
        "00 00 000f"  # version, padding, length 15
        "33c134e0 01 07"  # 868.3 MHz, 125 kHz, SF7
        "96 00 00"  # -139 + 150 / 4 = -101.5 dBm; max and current are not known
        "f3"  # -13 / 4 dB
        "34"
    )
    assert packet == head + UP


def test_a_downlink_in_loratap_byte_for_byte(bench):
    bench.send(6_061_696)
    bench.capture.close()
    ((_, packet),) = bench.packets()
    head = bytes.fromhex("00 00 000f 33d3e608 01 0c 00 00 00 00 34")
    assert packet == head + DOWN


@pytest.mark.parametrize(
    ("rssi_dbm", "snr_db", "rssi", "snr"),
    [
        (-101.6, 0.0, 37, 0),  # -139 + 37
        (-101.6, -0.1, 150, 0),  # -139 + 150 / 4
        (-139.0, 3.0, 0, 12),
        (-145.0, -20.0, 0, 0xB0),
        (-60.0, -1.0, 255, 0xFC),
        (20.0, 12.0, 159, 48),
    ],
)
def test_strengths_in_loratap(bench, rssi_dbm, snr_db, rssi, snr):
    bench.hear(100_000, rssi_dbm=rssi_dbm, snr_db=snr_db)
    bench.capture.close()
    ((_, packet),) = bench.packets()
    assert (packet[10], packet[13]) == (rssi, snr)


def test_the_band_in_loratap(bench):
    bench.hear(100_000, bw_hz=250_000, sf=8, freq_hz=868_300_000)
    bench.capture.close()
    ((_, packet),) = bench.packets()
    assert packet[8:10] == bytes((2, 8))


def test_the_counter_wraps_and_the_time_does_not(bench):
    bench.hear((1 << 32) + 5)
    bench.capture.close()
    ((time_us, _),) = bench.packets()
    assert json.loads(bench.lines()[0])["rxpk"]["tmst"] == 5
    assert time_us == 1_795_413_600_000_000 + (1 << 32) + 5


def test_a_start_between_two_seconds_is_kept_to_the_microsecond(tmp_path):
    bench = Bench(tmp_path, datetime(2026, 11, 23, 6, 0, 0, 123_457, tzinfo=UTC))
    bench.hear(1_000_000)
    bench.capture.close()
    assert bench.packets()[0][0] == 1_795_413_601_123_457
    assert json.loads(bench.lines()[0])["time"] == "2026-11-23T06:00:01.123457Z"


def order(bench):
    return [(each["time"][-10:-1], each["gateway"]) for each in map(json.loads, bench.lines())]


@pytest.mark.parametrize("arrivals", list(permutations("abc")))
def test_what_happens_at_once_is_in_the_order_of_the_gateways(tmp_path, arrivals):
    bench = Bench(tmp_path)
    bench.hear(4_000_000, "c")
    for gateway in arrivals:  # a downlink that was planned earlier comes before an uplink's end
        bench.send(5_000_000, gateway) if gateway == "b" else bench.hear(5_000_000, gateway)
    bench.hear(5_000_001, "a")
    bench.capture.close()
    late = "05.000000"
    expected = [("04.000000", "c"), (late, "a"), (late, "b"), (late, "c"), ("05.000001", "a")]
    assert order(bench) == expected
    ups = [packet.endswith(UP) for _, packet in bench.packets()]
    assert ups == [gateway != "b" for _, gateway in expected]


def test_one_gateways_doings_stay_in_their_order(bench):
    bench.hear(5_000_000, "a")
    bench.send(5_000_000, "a")
    bench.hear(5_000_000, "a", sf=8)
    bench.capture.close()
    assert ["rxpk" in line for line in bench.lines()] == [True, False, True]


def test_a_line_is_on_disk_once_anything_later_happens(bench):
    bench.hear(5_000_000)
    bench.capture.event(5_000_000, "node", "joined")
    assert bench.lines() == [] and len(bench.lines("events.jsonl")) == 1
    bench.capture.event(5_000_001, "node", "uplink")
    assert len(bench.lines()) == 1 and len(bench.packets()) == 1


def ran(folder, **changes):
    """(capture, events) of a short run of the classroom."""
    Run(replace(find(None), duration_h=0.1, **changes), folder).execute()
    names = ("capture.jsonl", "events.jsonl")
    return tuple(
        [json.loads(line) for line in (folder / name).read_text().splitlines()] for name in names
    )


def test_the_gateway_that_hears_best_answers_and_the_order_holds(tmp_path):
    lines, _ = ran(tmp_path, gateways=(GatewayPlan("far", 2000.0), GatewayPlan("near", 300.0)))
    far, near = "0710710000000000", "0710710000000001"
    assert [each["gateway"] for each in lines[:3]] == [far, near, near]
    assert ["rxpk" in each for each in lines[:3]] == [True, True, False]
    assert {each["gateway"] for each in lines if "txpk" in each} == {near}
    keys = [(each["time"], each["gateway"]) for each in lines]
    assert keys == sorted(keys) and len(lines) > 5


def test_what_a_gateway_could_not_send_is_an_event_and_not_on_the_air(tmp_path):
    (tmp_path / "first").mkdir()
    first, _ = ran(tmp_path / "first")
    assert "txpk" in first[1]  # the join-accept
    heard_h = first[0]["rxpk"]["tmst"] / 3.6e9
    off = FaultPlan("gateway-off", heard_h + 2 / 3600, gateway="town-hall", until_h=heard_h + 0.01)
    lines, events = ran(tmp_path, faults=(off,))
    (lost,) = [each for each in events if each["event"] == "downlink not sent"]
    assert lost == {
        "t_us": first[1]["txpk"]["tmst"],
        "node": "classroom-1",
        "event": "downlink not sent",
        "cause": "gateway off",
        "gateway": "0710710000000000",
    }
    assert lines[0] == first[0] and "rxpk" in lines[1]  # it asks again
