# SPDX-License-Identifier: MIT
"""MAC commands between the network server and the real firmware, frame by frame on the air.

Each frame is opened by pamoja-lorawan with the keys of the run; requests and answers are bytes.
"""

from itertools import pairwise

import pytest

from host.maccommands import build
from simulator.events import EventPlan

S = 1_000_000
NAME = "classroom-1"


def test_a_duty_cycle_spaces_the_uplinks(run):
    request = build("DutyCycleReq", max_duty_cycle=15)
    dialogue = run(request, hours=3.0)
    answer = dialogue.answer_to(request)
    assert answer.f_opts == b"\4"
    found = [each for each in dialogue.uplinks() if each.end_us >= answer.time_us]
    assert len(found) >= 3
    for before, after in pairwise(found):
        airtime_us = before.end_us - before.start_us
        # 1/32768 of the time, on all channels; milliseconds are the MAC's measure
        assert after.start_us - before.end_us >= airtime_us * 32767 - S


@pytest.mark.parametrize("window", [1, 2])
def test_rx_parameters_are_used_from_the_answer_on(run, window):
    request = build("RXParamSetupReq", rx1_dr_offset=2, rx2_data_rate=4, frequency_hz=868_100_000)
    status = EventPlan(NAME, 0.8, commands=b"\x06")
    dialogue = run(request, events=(status,), downlink_window=window)
    answer = dialogue.answer_to(request)
    assert answer.f_opts == b"\5\7"
    ended, asked = [each for each in dialogue.frames() if not each.up][-2:]
    assert ended.time_us - answer.time_us == window * S and ended.f_opts == b""
    assert {each.sf for each in (ended, asked)} == {9 if window == 1 else 8}
    assert window == 1 or {each.freq_hz for each in (ended, asked)} == {868_100_000}
    # it was heard there: the answer sticks no more, and the status comes
    assert dialogue.answer_to(b"\x06").f_opts[:1] == b"\x06"


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"frequency_hz": 869_300_000}, "0506"),  # between two bands
        ({"rx2_data_rate": 8}, "0505"),
        ({"rx1_dr_offset": 6}, "0503"),
    ],
    ids=str,
)
def test_rx_parameters_that_cannot_be_are_refused(run, fields, answer):
    usual = {"frequency_hz": 869_525_000, "rx2_data_rate": 3, "rx1_dr_offset": 1}
    request = build("RXParamSetupReq", **{**usual, **fields})
    dialogue = run(request, hours=1.0)
    assert dialogue.answer_to(request).f_opts == bytes.fromhex(answer)
    assert (dialogue.state.rx1_dr_offset, dialogue.state.rx2_data_rate) == (0, 0)


@pytest.mark.parametrize("delay_s", [2, 15])
def test_a_delay_is_used_from_the_answer_on(run, delay_s):
    request = build("RXTimingSetupReq", delay=delay_s)
    dialogue = run(request, events=(EventPlan(NAME, 0.8, commands=b"\x06"),))
    answer = dialogue.answer_to(request)
    assert answer.f_opts == b"\x08"
    first = next(each for each in dialogue.frames() if each.time_us > answer.time_us)
    assert not first.up and first.time_us == answer.time_us + delay_s * S
    assert dialogue.answer_to(b"\x06").f_opts[:1] == b"\x06"


@pytest.mark.parametrize(
    ("region", "request_", "answer"),
    [
        ("EU868", "0523d2ad84", "0507"),
        ("EU868", "0803", "08"),
        ("EU868", "0a01107a84", "0a03"),
        ("AS923-1", "091e", "09"),
    ],
)
def test_an_answer_sticks_until_a_downlink_is_heard(run, region, request_, answer):
    request, answer = bytes.fromhex(request_), bytes.fromhex(answer)
    # heard are join-accept, clock and request; then two get lost
    dialogue = run(request, deaf=(3, 4), region=region)
    answers = [each.f_opts for each in dialogue.frames() if each.up]
    at = answers.index(answer)
    assert answers[at : at + 3] == [answer] * 3
    assert set(answers[at + 3 :]) == {b""}


def test_a_new_channel_is_used(run):
    request = build("NewChannelReq", ch_index=3, frequency_hz=867_100_000, max_dr=5)
    dialogue = run(request, hours=4.0)
    answer = dialogue.answer_to(request)
    assert answer.f_opts == b"\7\3"
    assert dialogue.later(answer)[2] == {8681, 8683, 8685, 8671}
    assert dialogue.nodes[NAME].uplinks_heard == dialogue.nodes[NAME].uplinks_sent


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"frequency_hz": 869_300_000}, "0702"),
        ({"min_dr": 5, "max_dr": 2}, "0701"),
        ({"max_dr": 9}, "0701"),
        ({"ch_index": 16}, "0702"),
        ({"ch_index": 1}, "0702"),  # a default channel is read-only
    ],
    ids=str,
)
def test_a_new_channel_that_cannot_be_is_refused(run, fields, answer):
    usual = {"ch_index": 3, "frequency_hz": 867_100_000, "max_dr": 5}
    request = build("NewChannelReq", **{**usual, **fields})
    dialogue = run(request, hours=1.0)
    frame = dialogue.answer_to(request)
    assert frame.f_opts == bytes.fromhex(answer)
    assert dialogue.later(frame)[2] <= {8681, 8683, 8685}


def test_a_channel_is_taken_away(run):
    gone = b"".join(build("NewChannelReq", ch_index=index) for index in (3, 4))
    dialogue = run(gone, hours=4.0, cf_list=True)
    answer = dialogue.answer_to(gone)
    assert answer.f_opts == b"\7\3\7\3"
    # the CFList has 867.1 to 867.9 MHz as channels 3 to 7
    assert dialogue.later(answer)[2] == {8681, 8683, 8685, 8675, 8677, 8679}


def test_rx1_moves_with_a_dl_channel(run):
    requests = build("LinkADRReq", data_rate=5, ch_mask=1, nb_trans=1) + build(
        "DlChannelReq", ch_index=0, frequency_hz=868_200_000
    )
    dialogue = run(requests, events=(EventPlan(NAME, 0.8, commands=b"\x06"),))
    assert dialogue.answer_to(requests).f_opts == bytes.fromhex("0307 0a03")
    ended, asked = [each for each in dialogue.frames() if not each.up][-2:]
    assert ended.freq_hz == asked.freq_hz == 868_200_000
    assert dialogue.answer_to(b"\x06").f_opts[:1] == b"\x06"  # heard there


@pytest.mark.parametrize(
    ("fields", "answer"),
    [({"ch_index": 5}, "0a01"), ({"frequency_hz": 869_300_000}, "0a02")],
    ids=str,
)
def test_a_dl_channel_that_cannot_be_is_refused(run, fields, answer):
    request = build("DlChannelReq", **{"ch_index": 1, "frequency_hz": 868_200_000, **fields})
    dialogue = run(request, hours=1.0)
    assert dialogue.answer_to(request).f_opts == bytes.fromhex(answer)


def test_a_status_tells_how_the_request_was_heard(run):
    dialogue = run(b"\x06", hours=1.0)
    answer = dialogue.answer_to(b"\x06").f_opts
    assert len(answer) == 3 and answer[1] == 0  # on mains
    # 14 dBm over 800 m: 10 dB over the noise, and what fading makes of it
    assert 6 <= answer[2] <= 12 and dialogue.state.margin_db == answer[2]


def test_dwell_times_are_taken_where_the_region_has_them(run):
    request = build("TXParamSetupReq", max_eirp_index=3)
    dialogue = run(request, region="AS923-1")
    assert dialogue.answer_to(request).f_opts == b"\x09"
    assert (dialogue.state.uplink_dwell, dialogue.state.max_eirp_dbm) == (False, 13)


def test_dwell_times_are_not_answered_elsewhere(run):
    request = build("TXParamSetupReq", max_eirp_index=3)
    dialogue = run(request)
    frames = dialogue.frames()
    assert [each.f_opts for each in frames if not each.up][1:] == [request] * 3
    assert all(each.f_opts == b"" for each in frames[2:] if each.up)


def test_answers_keep_the_order_of_the_requests(run):
    stream = bytes.fromhex("0405 06 0803 0342070001".replace(" ", ""))
    dialogue = run(stream)
    answer = dialogue.answer_to(stream).f_opts
    assert answer[:2] == b"\x04\x06" and answer[4:] == b"\x08\x03\x07"


def test_more_answers_than_f_opts_hold_are_asked_for_again(run):
    dialogue = run(b"\x06" * 6)
    frames = dialogue.frames()
    asked = [each.f_opts for each in frames if not each.up][1:]
    assert asked == [b"\x06" * 6, b"\x06"]
    answers = [each.f_opts for each in frames if each.up and each.f_opts[:1] == b"\x06"]
    assert [len(each) for each in answers] == [15, 3]


def test_a_command_to_come_ends_those_of_a_frame(run):
    raw = EventPlan(NAME, 0.3, f_port=0, payload=bytes.fromhex("0401 0b 0803"))
    dialogue = run(hours=1.0, events=(raw,))
    assert dialogue.answer_to(raw.payload).f_opts == b"\x04"


def test_commands_on_port_0_are_taken(run):
    raw = EventPlan(NAME, 0.3, f_port=0, payload=bytes.fromhex("0803"))
    dialogue = run(hours=1.0, events=(raw,))
    assert dialogue.answer_to(raw.payload).f_opts == b"\x08"
    assert dialogue.state.rx1_delay_s == 3


def test_a_long_block_on_port_0_is_done_as_one(run):
    block = b"".join(
        build("LinkADRReq", data_rate=3, ch_mask=mask, ch_mask_cntl=control, nb_trans=1)
        for control, mask in ((7, 2), (0, 0x0F00), (1, 0), (2, 0))
    )
    dialogue = run(block, region="US915", hours=3.0)
    answer = dialogue.answer_to(block)
    assert answer.f_opts == b"\3\7" * 4
    assert dialogue.later(answer)[2] == {9039, 9041, 9043, 9045}


# Questions of the node, confirmed downlinks


def test_the_time_and_the_link_check_are_answered(run):
    dialogue = run(hours=7.0)
    frames = dialogue.frames()
    asked, told = frames[0], frames[1]
    assert asked.f_opts == b"\x0d" and told.f_opts[:1] == b"\x0d"
    # GPS time at the end of that uplink: 2026-11-23T06:00Z, 18 leap seconds on
    gps_s = int.from_bytes(told.f_opts[1:5], "little")
    assert gps_s == 1479448818 + asked.time_us // S
    proof = next(each for each in frames if each.up and each.f_opts == b"\x02")
    check = frames[frames.index(proof) + 1]
    assert not check.up and check.f_opts[0] == 2 and check.f_opts[2] == 1


def test_a_confirmed_downlink_is_acknowledged_with_the_next_uplink_only(run):
    sure = EventPlan(NAME, 0.3, payload=bytes.fromhex("a2000101190258"), confirmed=True)
    dialogue = run(events=(sure,))
    frames = dialogue.frames()
    at = next(n for n, each in enumerate(frames) if not each.up and each.opened.confirmed)
    acks = [each.opened.ack for each in frames[at:] if each.up]
    assert acks[0] and not any(acks[1:]) and len(acks) >= 5
    # its sequence 1 is answered: done
    answer = next(each for each in frames[at:] if each.up and each.opened.fport == 2)
    assert answer.opened.payload == bytes.fromhex("a200010100")


def test_a_confirmed_downlink_that_got_lost_comes_again_with_another_counter(run):
    sure = EventPlan(NAME, 0.3, payload=bytes.fromhex("a2000101190258"), confirmed=True)
    dialogue = run(events=(sure,), deaf=(2, 3))  # join-accept, clock; then two get lost
    sent = [each for each in dialogue.frames() if not each.up and each.opened.confirmed]
    assert [each.opened.fcnt for each in sent] == [3]  # 1 and 2 went into the void
    events = (dialogue.out / "events.jsonl").read_text()
    assert events.count('"acknowledged"') == 1


def test_f_pending_is_followed_by_an_uplink_soon(run):
    two = [EventPlan(NAME, 0.3, f_port=9, payload=each) for each in (b"one", b"two")]
    frames = run(hours=1.0, events=tuple(two)).frames()
    at = next(n for n, each in enumerate(frames) if each.opened.payload == b"one")
    first, poll, second = frames[at : at + 3]
    assert first.opened.fpending and not second.opened.fpending
    # it has nothing to say itself, and waits only for its sub-band: 99 times 51 ms
    assert poll.opened.fport is None and poll.time_us - first.time_us < 6 * S
    assert second.opened.payload == b"two"
