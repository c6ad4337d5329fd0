# SPDX-License-Identifier: MIT
"""MAC commands from the network's side: what it asks, what it makes of the answers.

The device is pamoja-lorawan's; requests and answers are the published streams of
tests/vectors/mac_commands.json. What they mean is TS001-1.0.4 section 5.
"""

import json
from pathlib import Path

import pytest

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
