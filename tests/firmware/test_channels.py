# SPDX-License-Identifier: MIT
"""lora.channels: which channel is next, in dynamic and fixed plans."""

import network
from lora import answers, commands, mac
from lora.channels import Channels
from lora.fixed import channel
from lora.region import find
from lora.session import Session
from network import APP_SKEY, DEV_ADDR, NWK_SKEY, down, exchange, joined


def _session(name, data_rate=None):
    region = find(name)
    session = Session(region, DEV_ADDR, NWK_SKEY, APP_SKEY)
    session.data_rate = region.join_data_rates[0] if data_rate is None else data_rate
    return region, session


def _answer(region, session, stream):
    answers.apply(session, region, commands.parse(bytes.fromhex(stream)), 255, 0)
    return session.answers.hex()


class _Random:
    def __init__(self, seed):
        self._state = seed

    def __call__(self, n):
        self._state = (self._state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self._state >> 8) % n


def test_joins_of_a_fixed_plan_alternate_and_take_bank_after_bank():
    for name in ("US915", "AU915"):
        region = find(name)
        narrow_dr, wide_dr = region.join_data_rates
        channels = Channels(region, _Random(7))
        index_of = {channel(region, index)[0]: index for index in range(72)}
        narrow, wide = [], []
        for number in range(128):
            data_rate = wide_dr if number & 1 else narrow_dr
            picked = channels.pick(None, data_rate, number * 10000)[2]
            (wide if number & 1 else narrow).append(index_of[picked[0]])
        assert [index >> 3 for index in narrow] == [number % 8 for number in range(64)]
        assert len(set(narrow)) == 64 and max(narrow) < 64
        for round_of_8 in range(8):
            assert sorted(wide[8 * round_of_8 : 8 * round_of_8 + 8]) == list(range(64, 72))


def test_a_join_in_us915_listens_on_the_channels_own_downlink():
    node = network.device(lambda n: n - 1, find("US915"))
    node.join(1, 0)
    action = node.step(mac.START, 0)
    assert (action.freq_hz, action.sf, action.bw_hz) == (903700000, 10, 125000)  # channel 7
    rx1 = node.step(mac.SENT, 400)
    assert rx1[1:5] == (5000, 927500000, 10, 500000)  # channel 7 again, DR10
    rx2 = node.step(mac.SILENT, 5500)
    assert rx2[1:5] == (6000, 923300000, 12, 500000)


def test_hopping_takes_every_channel_and_none_twice_in_a_row():
    region, session = _session("EU868", 5)
    for index in range(3, 8):
        session.set_channel(index, 867100000 + 200000 * (index - 3), 0, 5)
    channels = Channels(region, _Random(3))
    taken = [channels.pick(session, 5, 0)[2][0] for _ in range(200)]
    assert len(set(taken)) == 8
    assert all([one != other for one, other in zip(taken, taken[1:])])


def test_masks_of_a_fixed_plan():
    for stream, mask in (
        ("03300f0000", 0x0F),  # channels 0 to 15
        ("0330f0ff10", 0xFFF0 << 16),
        ("0330ffff20", 0xFFFF << 32),
        ("0330010030", 1 << 48),
        ("03302c0070" + "0330ff0000", 0x2C << 64 | 0xFF),  # all 125 kHz off, then eight on
        ("0330020060", 0x02 << 64 | (1 << 64) - 1),
        ("0330020050", 0x02 << 64 | 0xFF00),  # bank 1 and its 500 kHz channel
        ("0330810050", 0x81 << 64 | 0xFF << 56 | 0xFF),
    ):
        region, session = _session("US915", 0)
        kept = {0: 0xFFFF, 0x10: 0xFFFF << 16, 0x20: 0xFFFF << 32, 0x30: 0xFFFF << 48}
        control = int(stream[8:10], 16)
        if control in kept:  # one group of sixteen changes, the others stay on
            mask |= (1 << 72) - 1 & ~kept[control]
        count = len(stream) // 10
        assert _answer(region, session, stream) == "0307" * count, stream
        assert session.channel_mask == mask, (stream, hex(session.channel_mask))
        assert session.data_rate == 3


def test_masks_of_a_fixed_plan_that_are_refused():
    for stream, answer in (
        ("0330000070", "0304"),  # no channel at all
        ("0330010070", "0305"),  # one of 500 kHz has no DR3
        ("0340ff0060", "0307"),  # DR4 has eight
        ("0380ff0060", "0305"),  # DR8 is for downlinks
        ("033fff0060", "0307"),  # TXPower 15 keeps
    ):
        region, session = _session("US915", 0)
        assert _answer(region, session, stream) == answer, stream


def test_commands_about_channels_stay_unanswered_in_a_fixed_plan():
    region, session = _session("US915", 0)
    before = session.record()
    assert _answer(region, session, "0703184f8450" + "0a00d2ad84") == ""
    assert session.record() == before


def test_rx_param_setup_takes_downlink_data_rates_only():
    for stream, answer in (
        ("0508a8e38c", "0507"),  # DR8 at 923.3 MHz
        ("050da8e38c", "0507"),
        ("0503a8e38c", "0505"),
        ("050ea8e38c", "0505"),
        ("0548a8e38c", "0503"),  # RX1DROffset 4
    ):
        region, session = _session("US915", 0)
        assert _answer(region, session, stream) == answer, stream


def test_tx_param_setup_sets_dwell_times_and_power():
    region, session = _session("AS923", 2)
    assert (session.uplink_dwell, session.downlink_dwell, session.max_eirp_dbm) == (1, 0, 16)
    assert session.max_mac_payload(2) == 19 and not session.usable(1)
    assert _answer(region, session, "0902") == "09"
    assert (session.uplink_dwell, session.downlink_dwell, session.max_eirp_dbm) == (0, 0, 12)
    assert session.max_mac_payload(2) == 123 and session.usable(1)
    session.data_rate = 0
    assert _answer(region, session, "093f") == "09"
    assert (session.uplink_dwell, session.downlink_dwell, session.max_eirp_dbm) == (1, 1, 36)
    assert session.data_rate == 2  # DR0 and DR1 last longer than 400 ms
    powers = (8, 10, 12, 13, 14, 16, 18, 20, 21, 24, 26, 27, 29, 30, 33, 36)
    for index, dbm in enumerate(powers):
        _answer(region, session, "09{:02x}".format(index))
        assert session.max_eirp_dbm == dbm, index


def test_tx_param_setup_counts_in_the_next_uplink_and_its_answer_sticks():
    node = joined(region=find("AS923"))
    node.session.data_rate = 3
    node.send(1, b"x")
    exchange(node, 0, down(0, bytes.fromhex("0902")))
    for now_ms in (1000000, 2000000):
        node.send(1, b"x")
        action = node.step(mac.START, now_ms)
        assert action.power_dbm == 12
        node.cancel()
    assert node.session.answers == b"\x09"


def test_the_ladder_of_a_fixed_plan_ends_with_all_channels():
    node = joined(region=find("US915"))
    session = node.session
    session.data_rate, session.channel_mask, session.tx_power = 1, 0xFF, 5
    seen = []
    for count in range(193):
        if count in (95, 96, 128, 160):
            seen.append((session.tx_power, session.data_rate, session.channel_mask == 0xFF))
        node.send(1, b"x")
        exchange(node, count * 1000000)
    assert seen == [(5, 1, True), (0, 1, True), (0, 0, True), (0, 0, False)]
    assert session.channel_mask == (1 << 72) - 1


def test_a_mask_of_72_channels_survives_a_record():
    region, session = _session("AU915")
    session.channel_mask = 0x81 << 64 | 0xFF << 56
    restored = Session.restore(region, session.record())
    assert restored.channel_mask == session.channel_mask
    assert restored.usable(6)[1][0] == 915900000 + 7 * 1600000


def test_deep_sleep_leaves_rests_and_tried_channels_as_they_were():
    region = find("US915")
    channels, seen = Channels(region, _Random(7)), []
    for number in range(64):
        picked = channels.pick(None, region.join_data_rates[0], number * 1000)[2]
        channels.book(picked[0], 1000, number * 1000, 4)
        seen.append(picked[0])
        woken = Channels(region, _Random(number))
        woken.restore(channels.record())
        channels = woken
    assert len(set(seen)) == 64
    # DutyCycleReq's 1/16: fifteen times the airtime of 1 ms
    assert channels.pick(None, region.join_data_rates[0], 63014)[0] == 1
