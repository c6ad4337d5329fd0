# SPDX-License-Identifier: MIT
"""Answers to MAC requests that stick, are cut off, unknown or lost; the device is pamoja-lorawan's.

TS001-1.0.4 section 5.
"""

import pytest

from host.maccommands import build
from simulator.regions import REGIONS

S = 1_000_000


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
