# SPDX-License-Identifier: MIT
"""MAC commands from the network's side: what it asks, what it makes of the answers.

The device is pamoja-lorawan's; requests and answers are the published streams of
tests/vectors/mac_commands.json. What they mean is TS001-1.0.4 section 5.
"""

import json
from pathlib import Path

import pytest

from host import maccommands
from host.maccommands import build
from simulator.regions import REGIONS

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "mac_commands.json").read_text(encoding="utf-8")
)
S = 1_000_000


def published(direction, name):
    """(stream, fields) of each published stream that is this one command."""
    return [
        (bytes.fromhex(each["hex"]), each["commands"][0]["fields"])
        for each in VECTORS["streams"]
        if each["dir"] == direction
        and each["error"] is None
        and [command["name"] for command in each["commands"]] == [name]
    ]


REQUESTS = {
    bytes.fromhex(each["hex"])
    for each in VECTORS["streams"]
    if each["dir"] == "down"
    and each["error"] is None
    and each["hex"]
    # the answers of a network are no requests
    and not {0x02, 0x0D} & {command["cid"] for command in each["commands"]}
}
ANSWERS = [
    (bytes.fromhex(each["hex"]), each["commands"][0]["name"])
    for each in VECTORS["streams"]
    if each["dir"] == "up" and len(each["commands"]) == 1 and each["error"] is None
]


@pytest.mark.parametrize("stream", sorted(REQUESTS), ids=bytes.hex)
def test_a_request_arrives_as_it_was_published(peer, stream):
    assert peer().asked(stream) == stream


@pytest.mark.parametrize("stream", sorted(REQUESTS), ids=bytes.hex)
def test_what_stays_unanswered_is_asked_three_times(peer, stream):
    node = peer()
    node.server.queue_mac(node.own, [stream])
    came = []
    for _ in range(6):
        node.report()
        came.append(node.commands())
    assert came == [stream] * 3 + [b""] * 3
    counters = node.f_cnt_down  # each time in a frame of its own
    assert counters == 2


@pytest.mark.parametrize(("answer", "name"), ANSWERS, ids=str)
def test_an_answer_that_nobody_asked_for_changes_nothing(peer, answer, name):
    node = peer()
    node.report()
    before = observed(node)
    node.report(answer)
    assert observed(node) == before


def observed(node):
    """All that the network goes by, but for the time."""
    state = node.state
    seen = {key: value for key, value in vars(state).items() if key not in ("plan", "_region")}
    return seen, dict(state.plan.channels), set(state.plan.enabled)


# LinkADRReq


def test_link_adr_sets_data_rate_power_repetitions_and_channels(peer):
    node = peer()
    request = build("LinkADRReq", data_rate=4, tx_power=2, ch_mask=0b101, nb_trans=3)
    assert node.asked(request) == bytes.fromhex("0342050003")
    assert node.state.rate.data_rate == 5  # until it says yes
    node.channel["sf"] = 8
    node.report(bytes.fromhex("0307"))
    rate = node.state.rate
    assert (rate.data_rate, rate.tx_power, rate.nb_trans) == (4, 2, 3)
    assert node.state.plan.enabled == {0, 2}


def test_link_adr_keeps_what_is_15_and_takes_no_repetitions_for_one(peer):
    node = peer()
    node.asked(build("LinkADRReq", data_rate=5, tx_power=2, ch_mask=7, nb_trans=2), answer=b"\3\7")
    node.asked(build("LinkADRReq", data_rate=15, tx_power=15, ch_mask=3), answer=b"\3\7")
    rate = node.state.rate
    assert (rate.data_rate, rate.tx_power, rate.nb_trans) == (5, 2, 1)
    assert node.state.plan.enabled == {0, 1}


@pytest.mark.parametrize(
    ("answer", "fields"),
    [row for row in published("up", "LinkADRAns") if not all(row[1].values())],
    ids=str,
)
def test_link_adr_refused_in_any_bit_changes_nothing(peer, answer, fields):
    node = peer()
    node.report()
    before = observed(node)
    node.asked(bytes.fromhex("0342050003"), answer=answer)
    after = observed(node)
    after[0]["max_tx_power"] = before[0]["max_tx_power"]
    assert after == before
    # a power that it cannot do is a limit from now on (ChirpStack)
    assert node.state.max_tx_power == (7 if fields["power_ack"] else 1)
    node.report()
    assert node.down is None  # and is not asked again


def test_a_block_of_link_adr_counts_its_masks_in_order_and_the_rest_of_the_last(peer):
    node = peer(sf=10, freq_hz=903_900_000, region=REGIONS["US915"])
    every_bank_off = build("LinkADRReq", data_rate=9, tx_power=9, ch_mask_cntl=7, nb_trans=9)
    bank = build("LinkADRReq", data_rate=3, tx_power=4, ch_mask=0xFF, nb_trans=2)
    assert node.asked(every_bank_off, bank) == every_bank_off + bank
    node.channel["sf"] = 7
    node.report(bytes.fromhex("03070307"))
    assert node.state.plan.enabled == set(range(8))
    rate = node.state.rate
    assert (rate.data_rate, rate.tx_power, rate.nb_trans) == (3, 4, 2)


@pytest.mark.parametrize("answer", ["03070306", "03060307", "0306", "03060306"])
def test_a_block_with_one_refusal_is_refused(peer, answer):
    node = peer()
    node.report()
    before = observed(node)
    request = build("LinkADRReq", data_rate=4, tx_power=2, ch_mask=1, nb_trans=2)
    node.asked(request, request, answer=bytes.fromhex(answer))
    assert observed(node) == before


def test_a_block_stays_together(peer):
    node = peer()
    status = b"\x06"
    block = bytes.fromhex("0342050003") * 3
    assert node.asked(status, block) == status  # 1 + 15 do not fit FOpts
    node.report(bytes.fromhex("06ff00"))
    assert (node.commands(), node.down.fport) == (block, None)


def test_two_blocks_do_not_become_one(peer):
    node = peer()
    one, other = bytes.fromhex("0342050003"), bytes.fromhex("0342070001")
    node.server.queue_mac(node.own, [one])
    node.server.queue_mac(node.own, [other])
    node.report()
    assert node.commands() == one and node.down.fpending
    node.channel["sf"] = 8
    node.report(b"\3\7")
    assert node.commands() == other and not node.down.fpending


def test_a_block_longer_than_f_opts_travels_on_port_0(peer):
    node = peer(sf=10, freq_hz=903_900_000, region=REGIONS["US915"])
    block = b"".join(
        build("LinkADRReq", data_rate=0, ch_mask=0xFF, ch_mask_cntl=control, nb_trans=1)
        for control in (7, 0, 1, 2)
    )
    node.server.queue(node.own, 2, b"waits")
    assert node.asked(block) == block
    assert node.down.fport == 0 and node.down.fopts == b"" and node.down.fpending
    node.report(b"\3\7" * 4)
    assert node.state.plan.enabled == {*range(8), *range(16, 24), *range(32, 40), *range(64, 72)}
    assert (node.down.fport, node.down.payload) == (2, b"waits")


@pytest.mark.parametrize(
    ("control", "mask", "enabled"),
    [
        (0, 0x00F0, {*range(4, 8), *range(16, 72)}),
        (3, 0x8001, {*range(48), 48, 63, *range(64, 72)}),
        (4, 0xFF03, {*range(64), 64, 65}),
        (5, 0xFF02, {*range(8, 16), 65}),
        (6, 0x0080, {*range(64), 71}),
        (7, 0x0081, {64, 71}),
    ],
)
def test_masks_of_a_fixed_plan(peer, control, mask, enabled):
    node = peer(sf=10, freq_hz=903_900_000, region=REGIONS["US915"])
    node.report()
    node.state.plan.enabled = set(range(72))
    request = build("LinkADRReq", data_rate=0, ch_mask=mask, ch_mask_cntl=control, nb_trans=1)
    node.asked(request, answer=b"\3\7")
    assert node.state.plan.enabled == enabled


def test_mask_control_6_of_a_dynamic_plan_switches_on_what_is_defined(peer):
    node = peer(channels_hz=(867_100_000, 867_300_000))
    node.asked(bytes.fromhex("0350010001"), answer=b"\3\7")
    assert node.state.plan.enabled == {0}
    captured = bytes.fromhex("0301070061")  # lorawan-parser's capture
    node.channel["sf"] = 12
    node.asked(captured, answer=b"\3\7")
    assert node.state.plan.enabled == {0, 1, 2, 3, 4}
    assert (node.state.rate.data_rate, node.state.rate.tx_power) == (0, 1)


# The other requests


@pytest.mark.parametrize(("request_", "fields"), published("down", "DutyCycleReq"), ids=str)
def test_a_duty_cycle_counts_once_it_is_answered(peer, request_, fields):
    node = peer()
    node.asked(request_)
    assert node.state.max_duty_cycle == 0
    node.report(b"\4")
    assert node.state.max_duty_cycle == fields["max_duty_cycle"] == 13


def test_rx_parameters_count_from_the_windows_of_the_uplink_that_answers(peer):
    node = peer()
    request = build("RXParamSetupReq", rx1_dr_offset=2, rx2_data_rate=3, frequency_hz=869_525_000)
    assert node.asked(request) == bytes.fromhex("0523d2ad84")
    assert node.sent.sf == 7
    node.report(b"\5\7")
    assert (node.sent.sf, node.sent.freq_hz) == (9, 868_300_000)
    assert (node.state.rx2_data_rate, node.state.rx2_freq_hz) == (3, 869_525_000)


@pytest.mark.parametrize(
    ("answer", "fields"),
    [row for row in published("up", "RXParamSetupAns") if not all(row[1].values())],
    ids=str,
)
def test_rx_parameters_refused_leave_the_windows(peer, answer, fields):
    node = peer(downlink_window=2)
    request = build("RXParamSetupReq", rx1_dr_offset=0, rx2_data_rate=3, frequency_hz=868_100_000)
    node.asked(request, answer=answer)
    assert (node.sent.sf, node.sent.freq_hz) == (12, 869_525_000)


@pytest.mark.parametrize(("request_", "fields"), published("down", "RXTimingSetupReq"), ids=str)
def test_a_delay_counts_from_the_uplink_that_answers(peer, request_, fields):
    node = peer()
    node.asked(request_)
    assert node.sent.time_us == node.time_us + S
    node.report(b"\x08")
    assert node.sent.time_us == node.time_us + fields["delay"] * S


def test_a_delay_of_0_is_a_second(peer):
    node = peer(rx1_delay_s=5)
    node.asked(b"\x08\x00", answer=b"\x08")
    assert node.sent.time_us == node.time_us + S


@pytest.mark.parametrize(("answer", "fields"), published("up", "NewChannelAns"), ids=str)
def test_a_new_channel_exists_when_both_bits_say_so(peer, answer, fields):
    node = peer()
    request = build("NewChannelReq", ch_index=3, frequency_hz=867_100_000, max_dr=5, min_dr=1)
    assert node.asked(request) == bytes.fromhex("0703184f8451")
    node.report(answer)
    plan = node.state.plan
    assert (3 in plan.channels) == (3 in plan.enabled) == all(fields.values())
    if all(fields.values()):
        assert (plan.channels[3].freq_hz, plan.channels[3].min_dr, plan.channels[3].max_dr) == (
            867_100_000, 1, 5)  # fmt: skip


def test_a_channel_of_frequency_0_is_gone(peer):
    node = peer(channels_hz=(867_100_000,))
    node.asked(build("NewChannelReq", ch_index=3), answer=b"\7\3")
    assert node.state.plan.channels.keys() == node.state.plan.enabled == {0, 1, 2}


def test_rx1_moves_with_a_dl_channel_and_back_with_a_new_one(peer):
    node = peer(channels_hz=(867_100_000,), freq_hz=867_100_000)
    request = build("DlChannelReq", ch_index=3, frequency_hz=868_200_000)
    assert node.asked(request) == bytes.fromhex("0a03107a84")
    assert node.sent.freq_hz == 867_100_000
    node.report(b"\x0a\x03")
    assert node.sent.freq_hz == 868_200_000
    again = build("NewChannelReq", ch_index=3, frequency_hz=867_100_000, max_dr=5)
    node.asked(again, answer=b"\7\3", confirmed=True)
    assert node.sent.freq_hz == 867_100_000


@pytest.mark.parametrize(
    ("answer", "fields"),
    [row for row in published("up", "DlChannelAns") if not all(row[1].values())],
    ids=str,
)
def test_a_dl_channel_refused_leaves_rx1(peer, answer, fields):
    node = peer()
    node.asked(bytes.fromhex("0a01107a84"), answer=answer)
    assert node.sent.freq_hz == 868_300_000


@pytest.mark.parametrize(("answer", "fields"), published("up", "DevStatusAns"), ids=str)
def test_a_status_is_kept(peer, answer, fields):
    node = peer()
    node.asked(b"\x06", answer=answer)
    assert (node.state.battery, node.state.margin_db) == (fields["battery"], fields["margin"])


@pytest.mark.parametrize(("request_", "fields"), published("down", "TXParamSetupReq"), ids=str)
def test_dwell_times_and_eirp_count_once_they_are_answered(peer, request_, fields):
    node = peer(region=REGIONS["AS923-1"], sf=12, freq_hz=923_200_000)
    assert (node.asked(request_), node.sent.sf) == (request_, 12)
    node.report(b"\x09")
    state = node.state
    assert state.uplink_dwell == fields["uplink_dwell"]
    assert state.downlink_dwell == fields["downlink_dwell"]
    assert state.max_eirp_dbm == fields["max_eirp_dbm"]
    # RP002 2.9.3: no RX1 below DR2 under a dwell time, from this answer's windows on
    assert node.sent.sf == (10 if fields["downlink_dwell"] else 12)
    node.server.queue(node.own, 2, bytes(12))
    node.report()
    assert (node.down is None) == fields["downlink_dwell"]  # 19 bytes of MACPayload at DR2


# Answers that stick, that are cut, that are unknown


@pytest.mark.parametrize(
    ("request_", "answer"),
    [("0523d2ad84", "0507"), ("0803", "08"), ("091e", "09"), ("0a01107a84", "0a03")],
)
def test_a_sticky_answer_is_ended_by_a_downlink(peer, request_, answer):
    node = peer(region=REGIONS["AS923-1"], freq_hz=923_200_000)
    node.asked(bytes.fromhex(request_), answer=bytes.fromhex(answer))
    assert node.down is not None and node.down.fopts == b"" and node.down.fport is None
    node.report(bytes.fromhex(answer))  # it did not arrive
    assert node.down is not None
    node.report()
    assert node.down is None


@pytest.mark.parametrize(
    ("request_", "answer"), [("0403", "04"), ("06", "060022"), ("0350070001", "0307")]
)
def test_another_answer_is_said_once_and_needs_no_downlink(peer, request_, answer):
    node = peer()
    node.asked(bytes.fromhex(request_), answer=bytes.fromhex(answer))
    assert node.down is None


def test_a_repeated_answer_does_not_pass_for_that_to_another_request(peer):
    node = peer()
    node.asked(b"\x08\x03")
    node.server.queue_mac(node.own, [b"\x08\x05"])
    node.report(b"\x08")
    assert node.commands() == b"" and node.state.rx1_delay_s == 3
    node.report(b"\x08")  # the downlink got lost: the same answer again
    assert node.commands() == b"" and node.state.rx1_delay_s == 3
    node.report()  # now it has heard
    assert node.commands() == b"\x08\x05"
    node.report(b"\x08")
    assert node.state.rx1_delay_s == 5


def test_an_answer_lost_with_its_uplink_comes_with_the_next(peer):
    node = peer()
    node.asked(b"\x08\x03")
    node.f_cnt += 1  # unheard
    node.report(b"\x08")
    assert node.sent.time_us == node.time_us + 3 * S


def test_what_is_cut_off_is_asked_again(peer):
    node = peer()
    requests = [b"\x04\x01", b"\x06", b"\x08\x02"]
    assert node.asked(*requests) == b"".join(requests)
    node.report(bytes.fromhex("04 06ff1e"))  # no room for the third
    assert (node.state.max_duty_cycle, node.state.battery) == (1, 255)
    assert node.commands() == b"\x08\x02"
    node.report(b"\x08")
    assert node.state.rx1_delay_s == 2


def test_what_is_asked_again_keeps_its_order(peer):
    node = peer()
    stream = bytes.fromhex("0401 06 0803")
    assert node.asked(stream) == stream
    node.report()
    assert node.commands() == stream


def test_each_of_two_requests_of_a_kind_has_its_own_answer(peer):
    node = peer()
    requests = [
        build("NewChannelReq", ch_index=index, frequency_hz=867_100_000 + 200_000 * index, max_dr=5)
        for index in (3, 4)
    ]
    node.asked(*requests, answer=b"\7\0\7\3")
    assert node.state.plan.enabled == {0, 1, 2, 4}


def test_channels_that_do_not_exist_are_not_believed(peer):
    node = peer()
    node.asked(bytes.fromhex("0350ffff01"), answer=b"\3\7")
    node.asked(build("DlChannelReq", ch_index=9, frequency_hz=868_100_000), answer=b"\x0a\3")
    assert node.state.plan.enabled == node.state.plan.channels.keys() == {0, 1, 2}


def test_an_unknown_command_ends_the_answers(peer):
    node = peer()
    node.asked(b"\x04\x01", b"\x08\x03", answer=bytes.fromhex("04 ff 08"))
    assert (node.state.max_duty_cycle, node.state.rx1_delay_s) == (1, 1)


def test_bits_to_come_are_ignored(peer):
    node = peer()
    node.asked(bytes.fromhex("0342050003"), answer=bytes.fromhex("03f8"))
    assert node.state.plan.enabled == {0, 1, 2}
    node.asked(bytes.fromhex("0351050003"), answer=bytes.fromhex("03ff"))
    assert node.state.plan.enabled == {0, 2}


def test_answers_on_port_0_count_as_in_f_opts(peer):
    node = peer()
    node.asked(b"\x08\x03")
    node.report(payload=b"\x08", f_port=0)
    assert node.sent.time_us == node.time_us + 3 * S


@pytest.mark.parametrize("stream", ["0b01", "0300", "ff", "0312040045ff"])
def test_what_is_no_command_of_a_network_is_not_queued(peer, stream):
    node = peer()
    with pytest.raises(ValueError, match=stream):
        node.server.queue_mac(node.own, [bytes.fromhex(stream)])


def test_no_more_is_asked_than_one_uplink_can_answer(peer):
    # TS001 5: 11 bytes of FRMPayload at DR0 of US915; an answer to DevStatusReq has 3
    node = peer(region=REGIONS["US915"], sf=10, freq_hz=903_900_000)
    assert node.asked(b"\x06" * 5, adr=True) == b"\x06" * 3
    assert node.down.fpending
    fast = peer(region=REGIONS["US915"], sf=7, freq_hz=903_900_000)
    assert fast.asked(b"\x06" * 5, adr=True) == b"\x06" * 5
    # without the ADR bit it may be at any data rate by then
    free = peer(region=REGIONS["US915"], sf=7, freq_hz=903_900_000)
    assert free.asked(b"\x06" * 5) == b"\x06" * 3


def test_no_more_is_asked_than_a_downlink_may_carry(peer):
    node = peer(region=REGIONS["AS923-1"], sf=10, freq_hz=923_200_000)
    node.asked(build("TXParamSetupReq", downlink_dwell=1), answer=b"\x09")
    requests = [build("NewChannelReq", ch_index=n, frequency_hz=923_600_000) for n in (2, 3)]
    # MACPayload of 19 bytes at DR2: 7 of FHDR, 12 of FOpts
    assert node.asked(*requests, b"\x06") == b"".join(requests)
    assert node.down.fpending


# Answers of the network


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
    streams = {each["hex"]: each["commands"] for each in VECTORS["streams"]}
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
