# SPDX-License-Identifier: MIT
"""A capture sent to a network server on loopback: nothing is lost, and noise does not matter."""

import json
import socket
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from test_packet_forwarder import malformed
from udp_server import DATA, serving

from host.captures import Uplink
from simulator.clock import Clock
from simulator.udp_line import UdpLine
from simulator.udp_replay import UdpReplay, rxpk

START = datetime(2026, 11, 23, 6, tzinfo=UTC)
EUIS = ("0710710000000000", "0710710000000001")


def uplinks(count, gateways=EUIS[:1], apart_ms=1):
    """Frames that differ in their last bytes."""
    return [
        Uplink(
            START + timedelta(milliseconds=number * apart_ms), gateways[number % len(gateways)],
            DATA[:-4] + number.to_bytes(4, "big"), 868_300_000, 9, 125_000, -101.6, -3.26,
        )
        for number in range(count)
    ]  # fmt: skip


def numbers(server):
    return [int.from_bytes(b64decode(packet["data"])[-4:], "big") for _, packet in server.frames()]


def test_five_thousand_frames_arrive_once_and_in_order():
    with serving() as server:
        sent = UdpReplay(uplinks(5000), "127.0.0.1", server.port).run()
    assert (sent.frames, sent.sent, sent.acknowledged, sent.lost) == (5000, 5000, 5000, 0)
    assert sorted(set(numbers(server))) == list(range(5000))
    assert len(server.pulls) >= 1 and server.places == {"127.0.0.1"}


def test_a_frame_says_what_was_heard():
    with serving() as server:
        UdpReplay(uplinks(1), "127.0.0.1", server.port).run()
    ((eui, packet),) = server.frames()
    assert eui == EUIS[0]
    assert 0 <= packet.pop("tmst") < 60_000_000  # of the gateway that sends it now
    assert packet == {
        "freq": 868.3, "chan": 0, "rfch": 0, "stat": 1, "modu": "LORA", "datr": "SF9BW125",
        "codr": "4/5", "rssi": -102, "lsnr": -3.3, "size": 18,
        "data": "QDQSASYABwABgEd/exkAAAAA",
    }  # fmt: skip


def test_what_is_not_acknowledged_is_sent_again():
    with serving(drop=lambda number, _: number in (3, 5)) as server:
        sent = UdpReplay(uplinks(10), "127.0.0.1", server.port).run()
    assert (sent.acknowledged, sent.lost, sent.repeated) == (10, 0, 2)
    assert sorted(numbers(server)) == list(range(10))


def test_each_gateway_speaks_for_itself():
    with serving() as server:
        sent = UdpReplay(uplinks(20, EUIS), "127.0.0.1", server.port).run()
    assert sent.acknowledged == 20
    assert sorted(eui for eui, _ in server.frames()) == 10 * [EUIS[0]] + 10 * [EUIS[1]]
    assert {pull[4:].hex() for pull in server.pulls} == set(EUIS)


def test_ten_thousand_malformed_datagrams_stop_nothing():
    random = Random(7)
    with serving(after=lambda number: [malformed(random) for _ in range(5)]) as server:
        sent = UdpReplay(uplinks(2000), "127.0.0.1", server.port).run()
    assert (sent.acknowledged, sent.lost, sent.downlinks) == (2000, 0, 0)
    assert sorted(set(numbers(server))) == list(range(2000)) and server.tx_acks == []


def test_a_server_that_is_not_there_ends_it():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))  # nobody reads it
        port = taken.getsockname()[1]
        sent = UdpReplay(uplinks(100), "127.0.0.1", port, repeat_us=100_000).run()
    assert sent.acknowledged == 0 and 8 <= sent.lost == sent.sent < sent.frames == 100


def test_a_server_that_stops_ends_it():
    with serving(drop=lambda number, _: number > 30) as server:
        sent = UdpReplay(uplinks(200), "127.0.0.1", server.port, repeat_us=200_000).run()
    assert 0 < sent.acknowledged == len(set(numbers(server))) <= 30
    assert sent.lost == sent.sent - sent.acknowledged and sent.sent < 200


def test_losses_here_and_there_do_not_end_it():
    frames = uplinks(150, apart_ms=10)
    lost = {frame.phy for frame in frames[::10]}

    def drop(number, datagram):
        return b64decode(json.loads(datagram[12:])["rxpk"][0]["data"]) in lost

    with serving(drop=drop) as server:
        replay = UdpReplay(frames, "127.0.0.1", server.port, speed=1, repeat_us=100_000)
        sent = replay.run()
    assert (sent.sent, sent.acknowledged, sent.lost) == (150, 135, 15)


def test_at_a_speed_the_frames_keep_their_distances():
    with serving() as server:
        sent = UdpReplay(uplinks(5, apart_ms=1000), "127.0.0.1", server.port, speed=20).run()
    assert numbers(server) == list(range(5)) and sent.acknowledged == 5
    stamps = [packet["tmst"] for _, packet in server.frames()]
    assert [late - early for early, late in pairwise(stamps)] == 4 * [50_000]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_a_socket_to_this_computer_is_not_open_to_others(host):
    with UdpLine(Clock(), host, 9) as line:
        assert line.open().opened.getsockname()[0] in ("127.0.0.1", "::1")


def test_an_empty_capture_sends_nothing():
    with serving() as server:
        assert UdpReplay([], "127.0.0.1", server.port).run().sent == 0


def test_frequencies_to_the_hertz():
    assert rxpk(uplinks(1)[0], 5)["freq"] == 868.3
