# SPDX-License-Identifier: MIT
"""The packet forwarder byte by byte: its datagrams, its times, what it refuses; no socket."""

import json
from datetime import UTC, datetime
from random import Random

import pytest

from simulator.clock import Clock
from simulator.packet_forwarder import PacketForwarder
from simulator.txpk import Downlink

EUI = bytes.fromhex("0710710000000001")
START = datetime(2014, 1, 12, 8, 59, 28, tzinfo=UTC)
S = 1_000_000
RXPK = {"tmst": 3512348611, "freq": 868.1, "datr": "SF7BW125", "data": "QDQSASYABwABgEd/exl4FmDq"}
DOWN = bytes.fromhex("a034120126200300022185066d624e")
# 15 bytes without a CRC: SF7 46.336 ms, SF12 1.155072 s (AN1200.13)
SF7_US, SF12_US = 46_336, 1_155_072
TXPK = {
    "imme": False, "tmst": 5 * S, "freq": 868.1, "rfch": 0, "powe": 14, "modu": "LORA",
    "datr": "SF7BW125", "codr": "4/5", "ipol": True, "ncrc": True, "size": 15,
    "data": "oDQSASYgAwACIYUGbWJO",
}  # fmt: skip


class Bench:
    def __init__(self, now_us=0, **limits):
        self.clock, self.out, self.air, self.ended = Clock(), [], [], []
        self.clock.run_until(now_us)
        self.forwarder = PacketForwarder(
            EUI, self.clock, START, self.out.append, self.transmit, **limits
        )

    def transmit(self, downlink):
        self.air.append((self.clock.now_us, downlink))

    def push(self):
        self.forwarder.push([RXPK], self.ended.append)

    def ask(self, token="abcd", **changes):
        """Have a txpk come; returns the error of its TX_ACK."""
        txpk = {key: value for key, value in {**TXPK, **changes}.items() if value is not None}
        self.forwarder.receive(bytes.fromhex(f"02{token}03") + json.dumps({"txpk": txpk}).encode())
        if not self.out:
            return None
        answer = self.out.pop()
        assert answer[:12] == bytes.fromhex(f"02{token}05") + EUI
        return json.loads(answer[12:])["txpk_ack"]["error"]

    def counts(self):
        return {name: n for name, n in vars(self.forwarder.counts).items() if n}


@pytest.fixture
def bench():
    return Bench()


# Up.


def test_push_data_byte_for_byte(bench):
    bench.push()
    body = (
        b'{"rxpk":[{"tmst":3512348611,"freq":868.1,"datr":"SF7BW125",'
        b'"data":"QDQSASYABwABgEd/exl4FmDq"}]}'
    )
    assert bench.out == [bytes.fromhex("02 0000 00") + EUI + body]


def test_push_ack_ends_it_and_it_is_not_repeated(bench):
    bench.push()
    bench.forwarder.receive(bytes.fromhex("02000001"))
    bench.clock.run_until(60 * S)
    assert len(bench.out) == 1 and bench.ended == [True]
    assert bench.counts() == {"pushed": 1, "acknowledged": 1}


def test_without_push_ack_the_same_bytes_come_four_times_half_a_second_apart(bench):
    bench.push()
    first = bench.out[0]
    for at_s, datagrams in ((0.499, 1), (0.5, 2), (1, 3), (1.5, 4), (1.999, 4), (60, 4)):
        bench.clock.run_until(round(at_s * S))
        assert bench.out == [first] * datagrams, at_s
        assert bench.ended == ([] if at_s < 2 else [False])
    assert bench.counts() == {"pushed": 1, "repeated": 3, "lost": 1}


def test_each_datagram_is_counted_by_its_own_token(bench):
    bench.push()
    bench.push()
    bench.push()
    assert [datagram[1:3].hex() for datagram in bench.out] == ["0000", "0001", "0002"]
    bench.forwarder.receive(bytes.fromhex("02000101"))
    bench.forwarder.receive(bytes.fromhex("02000101"))  # the network doubles datagrams too
    bench.forwarder.receive(bytes.fromhex("02100001"))
    assert bench.counts() == {"pushed": 3, "acknowledged": 1, "stale": 2}
    assert bench.forwarder.waiting == 2


def test_an_acknowledgement_of_a_repetition_counts(bench):
    bench.push()
    bench.clock.run_until(S)
    bench.forwarder.receive(bytes.fromhex("02000001"))
    assert bench.ended == [True] and bench.counts()["acknowledged"] == 1


def test_tokens_go_round(bench):
    for _ in range(0x10001):
        bench.push()
        token = bench.out.pop()[1:3]
        bench.forwarder.receive(b"\x02" + token + b"\x01")
    assert token == b"\0\0" and bench.counts()["acknowledged"] == 0x10001


def test_the_way_for_downlinks_is_held_open_every_five_seconds(bench):
    bench.forwarder.begin()
    bench.clock.run_until(14_999_999)
    assert [datagram.hex() for datagram in bench.out] == [
        f"02{token:04x}02" + EUI.hex() for token in range(3)
    ]
    bench.forwarder.receive(bytes.fromhex("02000204"))
    bench.forwarder.receive(bytes.fromhex("02000004"))  # of ten seconds ago
    assert bench.counts() == {"pulled": 3, "pull_acks": 1, "stale": 1}


def test_stat_every_thirty_seconds_since_the_last_one(bench):
    bench.forwarder.begin()
    bench.push()
    bench.push()
    bench.forwarder.receive(bytes.fromhex("02000101"))
    bench.ask()
    bench.clock.run_until(90 * S)
    stats = [json.loads(each[12:])["stat"] for each in bench.out if b"stat" in each]
    assert stats[0] == {
        "time": "2014-01-12 08:59:58 GMT", "rxnb": 2, "rxok": 2, "rxfw": 2, "ackr": 50.0,
        "dwnb": 1, "txnb": 1,
    }  # fmt: skip
    assert stats[1] == {
        "time": "2014-01-12 09:00:28 GMT", "rxnb": 0, "rxok": 0, "rxfw": 0, "ackr": 0.0,
        "dwnb": 0, "txnb": 0,
    }  # fmt: skip
    assert len(stats) == 3  # none is repeated: the next one says it anew


# Down.


def test_a_downlink_is_acknowledged_at_once_and_sent_at_its_time(bench):
    assert bench.ask() == "NONE"
    bench.clock.run_until(5 * S - 1)
    assert bench.air == []
    bench.clock.run_until(6 * S)
    down = Downlink(5 * S, False, 868_100_000, 7, 125_000, 5, 8, False, True, 14, DOWN)
    assert bench.air == [(5 * S, down)] and down.airtime_us() == SF7_US
    assert bench.counts() == {"downlinks": 1, "sent": 1}


def test_tx_ack_byte_for_byte(bench):
    bench.forwarder.receive(bytes.fromhex("02beef03") + json.dumps({"txpk": TXPK}).encode())
    assert bench.out == [bytes.fromhex("02beef05") + EUI + b'{"txpk_ack":{"error":"NONE"}}']


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"tmst": 42_500}, "TOO_LATE"),  # 1500 + 1000 + 40000 us: jitqueue.c
        ({"tmst": 42_501}, "NONE"),
        ({"tmst": (1 << 32) - 1}, "TOO_LATE"),  # a microsecond ago
        ({"tmst": 512 * S}, "NONE"),
        ({"tmst": 512 * S + 1}, "TOO_EARLY"),
        ({"freq": 862.9}, "TX_FREQ"),
        ({"freq": 870.1}, "TX_FREQ"),
        ({"powe": 27}, "NONE"),
        ({"powe": 28}, "TX_POWER"),
        ({"tmst": None, "tmms": 1_000_000_000_000}, "GPS_UNLOCKED"),
        ({"powe": None, "prea": 10, "ncrc": None, "ipol": None}, "NONE"),
        ({"data": "oDQSASYgAwACIYUGbWJOAA"}, "NONE"),  # 16 bytes without padding
    ],
)
def test_what_it_refuses(bench, changes, error):
    assert bench.ask(**changes) == error
    bench.clock.run_until(600 * S)
    assert len(bench.air) == (error == "NONE")
    assert bench.counts().get("refused", 0) == (error != "NONE")


def test_the_counter_wraps():
    bench = Bench(now_us=(1 << 32) - S)
    assert bench.forwarder.tmst() == 0xFFFFFFFF - S + 1
    assert bench.ask(tmst=S) == "NONE"
    bench.clock.run_until((1 << 32) + 2 * S)
    assert [at_us for at_us, _ in bench.air] == [(1 << 32) + S]
    assert bench.forwarder.tmst() == 2 * S


@pytest.mark.parametrize(
    ("apart_us", "datr", "error"),
    [
        # the second is programmed 41.5 ms before it starts, a margin of 1 ms after the first
        (SF7_US + 42_500, "SF7BW125", "COLLISION_PACKET"),
        (SF7_US + 42_501, "SF7BW125", "NONE"),
        (-SF7_US - 42_500, "SF7BW125", "COLLISION_PACKET"),
        (-SF7_US - 42_501, "SF7BW125", "NONE"),
        (0, "SF7BW125", "COLLISION_PACKET"),
        (-SF12_US - 42_500, "SF12BW125", "COLLISION_PACKET"),
        (-SF12_US - 42_501, "SF12BW125", "NONE"),
    ],
)
def test_two_downlinks_do_not_overlap(bench, apart_us, datr, error):
    assert bench.ask(tmst=5 * S) == "NONE"
    assert bench.ask(tmst=5 * S + apart_us, datr=datr) == error
    bench.clock.run_until(20 * S)
    assert len(bench.air) == 1 + (error == "NONE")


def test_thirty_two_are_promised_at_most(bench):
    errors = [bench.ask(tmst=(number + 1) * S) for number in range(33)]
    assert errors == ["NONE"] * 32 + ["COLLISION_PACKET"]
    bench.clock.run_until(S + SF7_US)  # the first is out
    assert bench.ask(tmst=40 * S) == "NONE"


def test_at_once_is_the_first_gap_after_a_second(bench):
    assert bench.ask(imme=True, tmst=None) == "NONE"
    assert bench.ask(imme=True, tmst=None) == "NONE"
    bench.clock.run_until(3 * S)
    second_us = S + SF7_US + 41_500 + 40_000 + 1_000  # jitqueue.c, of an immediate one
    assert [at_us for at_us, _ in bench.air] == [S, second_us]


# What is none of the protocol.

NO_TXPK = [
    {"tmst": None}, {"tmst": -1}, {"tmst": 1 << 32}, {"tmst": 1.5}, {"tmst": True}, {"imme": 0},
    {"freq": None}, {"freq": "x"}, {"freq": []}, {"freq": float("inf")}, {"freq": float("nan")},
    {"modu": "FSK"}, {"modu": None}, {"datr": 50000}, {"datr": "SF7"}, {"datr": "SF13BW125"},
    {"datr": "SF7BW126"}, {"datr": "SFxBW125"}, {"codr": "4/9"}, {"codr": None}, {"codr": []},
    {"data": None}, {"data": ""}, {"data": "?"}, {"data": "A"}, {"data": 5},
    {"data": "AAAA" * 86}, {"powe": "14"}, {"powe": 1 << 40}, {"prea": 5}, {"prea": 1 << 40},
    {"ipol": 1}, {"ncrc": "yes"},
]  # fmt: skip


@pytest.mark.parametrize("changes", NO_TXPK, ids=str)
def test_a_txpk_that_is_none_is_not_answered(bench, changes):
    assert bench.ask(**changes) is None
    assert bench.counts() == {"malformed": 1}


def malformed(random):
    """A datagram that is none of the protocol: noise, or one of its own with a fault in it."""
    good = bytes.fromhex("02000003") + json.dumps({"txpk": TXPK}).encode()
    kind = random.randrange(7)
    if kind == 0:  # any bytes but for the version
        return bytes((random.choice([0, 1, *range(3, 256)]),)) + random.randbytes(
            random.randrange(300)
        )
    if kind == 1:  # cut off
        return good[: random.randrange(len(good))]
    if kind == 2:  # a byte that is no UTF-8
        at = random.randrange(4, len(good))
        return good[:at] + bytes((random.randrange(0x80, 0xC0),)) + good[at + 1 :]
    if kind == 3:  # of a kind that a gateway sends, or nobody
        return b"\x02\0\0" + bytes((random.choice([0, 2, *range(5, 256)]),)) + good[4:]
    if kind == 4:  # an acknowledgement with something behind it
        return bytes((2, 0, 0, random.choice((1, 4)))) + random.randbytes(random.randrange(1, 9))
    if kind == 5:
        return bytes.fromhex("02000003") + random.choice(
            [b"[]", b"5", b"null", b'{"txpk":[]}', b"[" * 5000, b'{"rxpk":[]}', b"1" * 5000]
        )
    changes = random.choice(NO_TXPK)
    txpk = {key: value for key, value in {**TXPK, **changes}.items() if value is not None}
    return bytes.fromhex("02000003") + json.dumps({"txpk": txpk}).encode()


def test_ten_thousand_malformed_datagrams_change_nothing(bench):
    bench.push()
    del bench.out[:]
    random = Random(71)
    for _ in range(10_000):
        bench.forwarder.receive(malformed(random))
    assert bench.counts() == {"pushed": 1, "malformed": 10_000}
    assert bench.out == [] and bench.ended == []
    bench.forwarder.receive(bytes.fromhex("02000001"))
    assert bench.ended == [True]
    assert bench.ask() == "NONE"
    bench.clock.run_until(6 * S)
    assert len(bench.air) == 1
