# SPDX-License-Identifier: MIT
"""What the network answers and sends besides MAC requests; the device is pamoja-lorawan's."""

import json
from pathlib import Path

from host import maccommands

VECTORS = Path(__file__).parents[1] / "vectors" / "mac_commands.json"
S = 1_000_000


def test_a_link_check_and_the_time_are_answered_with_every_repetition(peer):
    node = peer()
    node.report(b"\x02\x0d")
    first = node.down
    assert first.fopts[:3] == bytes((2, 12, 1)) and first.fopts[3] == 0x0D
    seconds = int.from_bytes(first.fopts[4:8], "little")
    # 2026-01-05T08:00:00Z is 1451635218 s after 1980-01-06, with 18 leap seconds
    assert seconds == 1451635218 + node.time_us // S and first.fopts[8] == 0
    verdict = node.repeat(3 * S + 500_000)
    assert (verdict.accepted, verdict.reason) == (False, "counter 0 seen")
    assert int.from_bytes(node.down.fopts[4:8], "little") == seconds + 3
    assert node.down.fopts[8] == 128 and node.down.fcnt == 1


def test_published_answers_of_a_network():
    vectors = json.loads(VECTORS.read_text(encoding="utf-8"))["streams"]
    streams = {each["hex"]: each["commands"] for each in vectors}
    for hexed, name in (("020a0f", "LinkCheckAns"), ("0d0100000000", "DeviceTimeAns")):
        assert maccommands.build(name, **streams[hexed][0]["fields"]).hex() == hexed


# Confirmed downlinks, repetitions, counters


def test_a_confirmed_downlink_is_sent_as_a_new_frame_until_its_ack(peer):
    node = peer()
    node.server.queue(node.own, 2, b"\xa1\x01\x05", confirmed=True)
    for f_cnt in range(3):
        verdict = node.report()
        assert (node.down.confirmed, node.down.payload) == (True, b"\xa1\x01\x05")
        assert node.down.fcnt == f_cnt and not verdict.acked
    verdict = node.report(ack=True)
    assert verdict.acked and node.down is None
    assert not node.report(ack=True).acked  # nothing waits for that


def test_an_unconfirmed_downlink_is_sent_once(peer):
    node = peer()
    node.server.queue(node.own, 2, b"once")
    node.report()
    assert node.down.payload == b"once" and not node.down.confirmed
    node.report()
    assert node.down is None
    node.server.queue(node.own, 2, b"once more")
    node.report()
    node.repeat()
    assert node.down is None


def test_a_repetition_is_no_uplink_and_gets_what_got_lost_in_a_new_frame(peer):
    node = peer()
    node.server.queue(node.own, 2, b"sure", confirmed=True)
    node.server.queue_mac(node.own, [b"\x06"])
    node.report()
    for f_cnt in (1, 2):
        verdict = node.repeat()
        assert not verdict.accepted and verdict.payload == b""
        assert (node.down.payload, node.down.fopts, node.down.fcnt) == (b"sure", b"\x06", f_cnt)
    node.report(b"\x06\xff\x00", ack=True)
    assert node.state.battery == 255 and node.down is None


def test_a_copy_of_another_gateway_is_no_repetition(peer):
    node = peer()
    node.server.queue(node.own, 2, b"sure", confirmed=True)
    node.report(confirmed=True)
    assert node.repeat(150_000, "g2").reason == "duplicate" and node.down is None
    node.repeat()
    assert node.down.ack and node.down.fcnt == 1


def test_f_pending_says_that_more_waits(peer):
    node = peer()
    node.server.queue(node.own, 2, b"one")
    node.server.queue(node.own, 2, b"two")
    node.report()
    assert node.down.fpending
    node.report()
    assert not node.down.fpending
    node.server.queue_mac(node.own, [bytes.fromhex("0703184f8450")] * 3)
    node.report()
    assert node.down.fopts == bytes.fromhex("0703184f8450") * 2 and node.down.fpending


def test_the_downlink_counter_has_32_bits(peer):
    node = peer()
    node.report(confirmed=True)
    node.link.f_cnt_down = node.f_cnt_down = 0xFFFF
    node.report(confirmed=True)
    assert (node.down.fcnt, node.f_cnt_down) == (0, 0x10000)  # opened with all 32 bits
    node.link.f_cnt_down = node.f_cnt_down = 0xFFFFFFFE
    node.report(confirmed=True)
    assert node.f_cnt_down == 0xFFFFFFFF
    verdict = node.report(confirmed=True)
    assert verdict.accepted and verdict.downlink is None  # no counter is used twice


def test_what_waited_in_a_session_goes_on_in_the_next(peer):
    node = peer()
    node.server.queue(node.own, 2, b"sure", confirmed=True)
    node.server.queue_mac(node.own, [b"\x08\x03"])
    node.report()
    node.join(2)
    node.report()
    assert (node.down.payload, node.down.fopts) == (b"sure", b"\x08\x03")


def test_a_join_puts_everything_back(peer):
    node = peer()
    node.asked(b"\x08\x03", b"\x04\x05", answer=b"\x08\x04")
    node.join(2)
    node.report(confirmed=True)
    assert node.sent.time_us == node.time_us + S and node.state.max_duty_cycle == 0


def test_a_join_accept_in_rx2_is_where_a_device_without_a_session_listens(peer):
    node = peer(downlink_window=2, rx2_data_rate=3)
    assert (node.sent.sf, node.sent.freq_hz) == (12, 869_525_000)
    node.report(confirmed=True)
    assert (node.sent.sf, node.sent.freq_hz) == (9, 869_525_000)
