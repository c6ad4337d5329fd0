# SPDX-License-Identifier: MIT
"""simulator.adr does as ChirpStack: its own test cases, then dialogues with a device."""

import pytest

from host.maccommands import build
from simulator.adr import Heard, wanted
from simulator.device import Rate
from simulator.regions import REGIONS

REQUIRED_DB = {5: -7.5, 4: -10.0, 3: -12.5, 0: -20.0}  # by data rate of EU868


def history(snr_db, tx_power, losses=0):
    """A full one, with its losses in the middle."""
    f_cnts = [*range(10), *range(10 + losses, 20 + losses)]
    return [Heard(f_cnt, snr_db, tx_power) for f_cnt in f_cnts]


@pytest.mark.parametrize(
    ("steps", "tx_power", "data_rate", "expected"),
    [  # chirpstack adr/default.rs, test_get_ideal_tx_power_index_and_dr: (TXPower, data rate)
        (0, 1, 3, (1, 3)),
        (1, 1, 4, (1, 5)),
        (1, 1, 5, (2, 5)),
        (2, 1, 3, (1, 5)),
        (2, 1, 4, (2, 5)),
        (2, 1, 5, (3, 5)),
        (2, 5, 5, (5, 5)),
        (-1, 1, 5, (0, 5)),
        (-1, 0, 4, (0, 4)),
        (-10, 0, 4, (0, 4)),
    ],
)
def test_steps_of_3_db_over_a_margin_of_10(steps, tx_power, data_rate, expected):
    for within_db in (0.0, 2.9 * (1 if steps >= 0 else -1)):  # NStep is cut, not rounded
        snr_db = REQUIRED_DB[data_rate] + 10 + 3 * steps + within_db
        present = Rate(data_rate, tx_power, 1)
        found = wanted(history(snr_db, tx_power), present, 12 - data_rate, 5, 5)
        assert (found.tx_power, found.data_rate, found.nb_trans) == (*expected, 1)


def test_the_best_of_the_history_counts():
    found = [Heard(number, snr_db, 0) for number, snr_db in enumerate((-13.0, -7.0, -11.0))]
    assert wanted(found, Rate(0, 0, 1), 12, 5, 7) == Rate(1, 0, 1)


def test_power_goes_up_only_on_a_full_history_at_this_power():
    weak = history(-4.5, 3)  # 7 dB too little
    assert wanted(weak, Rate(5, 3, 1), 7, 5, 7).tx_power == 1
    assert wanted(weak[1:], Rate(5, 3, 1), 7, 5, 7) == Rate(5, 3, 1)
    weak[0].tx_power = 2
    assert wanted(weak, Rate(5, 3, 1), 7, 5, 7) == Rate(5, 3, 1)


def test_a_data_rate_above_the_highest_comes_down():
    assert wanted(history(-10.0, 0), Rate(5, 0, 1), 7, 4, 5).data_rate == 4


@pytest.mark.parametrize(
    ("losses", "present", "expected"),
    [  # chirpstack adr/default.rs, pkt_loss_table: under 5, 10, 30 %, and above
        (0, 1, 1), (0, 2, 1), (0, 3, 2),
        (1, 1, 1), (1, 2, 2), (1, 3, 3),
        (2, 1, 2), (2, 2, 3), (2, 3, 3), (5, 1, 2),
        (6, 1, 3), (6, 2, 3), (6, 3, 3), (50, 1, 3),
        (0, 15, 2),
    ],
)  # fmt: skip
def test_repetitions_follow_the_losses(losses, present, expected):
    lost = history(2.5, 0, losses)
    assert wanted(lost, Rate(5, 0, present), 7, 5, 7).nb_trans == expected
    assert wanted(lost[:19], Rate(5, 0, 1), 7, 5, 7).nb_trans == 1  # 20 uplinks first


# With a device; the network's margin at SF7 and 5 dB is 2.5 dB: nothing to do; at 6 dB one step.


def test_a_device_with_good_reception_is_told_a_data_rate_and_its_channels(peer):
    node = peer(sf=12, adr=True)
    node.report(adr=True)
    # 5 + 20 - 10 = 15 dB: five steps
    assert node.commands() == build("LinkADRReq", data_rate=5, ch_mask=7, nb_trans=1)
    assert node.down.adr
    node.channel["sf"] = 7
    node.report(b"\3\7", adr=True)
    assert node.down is None and node.state.rate == Rate(5, 0, 1)
    node.snr_db = 6.0
    node.report(adr=True)
    assert node.commands() == build("LinkADRReq", data_rate=5, tx_power=1, ch_mask=7, nb_trans=1)
    node.report(b"\3\7", adr=True)
    assert node.state.rate == Rate(5, 1, 1)


def test_channels_that_are_off_stay_off(peer):
    node = peer(sf=8, adr=True, channels_hz=(867_100_000,))
    node.snr_db = -10.0
    node.asked(build("LinkADRReq", data_rate=4, ch_mask=0b1010, nb_trans=1), answer=b"\3\7")
    node.snr_db = 6.0
    node.report(adr=True)
    assert node.commands() == build(
        "LinkADRReq", data_rate=5, tx_power=1, ch_mask=0b1010, nb_trans=1
    )


def test_it_asks_until_it_is_answered(peer):
    node = peer(sf=12, adr=True)
    request = build("LinkADRReq", data_rate=5, ch_mask=7, nb_trans=1)
    for f_cnt in range(5):
        node.report(adr=True)
        assert node.commands() == request and node.down.fcnt == f_cnt
    node.repeat()
    assert node.commands() == request


def test_a_network_without_adr_and_a_device_without_its_bit_are_left_alone(peer):
    for options, adr in (({}, True), ({"adr": True}, False)):
        node = peer(sf=12, **options)
        for _ in range(25):
            node.report(adr=adr)
            assert node.down is None


def test_lost_uplinks_bring_repetitions(peer):
    node = peer(adr=True)
    for number in range(19):
        node.report(adr=True)
        assert node.down is None
        node.f_cnt += number % 10 == 5  # two are lost
    node.report(adr=True)
    assert node.commands() == build("LinkADRReq", data_rate=5, ch_mask=7, nb_trans=2)
    node.report(b"\3\7", adr=True)
    assert node.state.rate == Rate(5, 0, 2)
    # the history starts anew, without a loss: ChirpStack takes the repetition back at once
    assert node.commands() == build("LinkADRReq", data_rate=5, ch_mask=7, nb_trans=1)


def test_a_device_that_backs_off_is_taken_to_be_at_full_power(peer):
    node = peer(adr=True)
    node.snr_db = 6.0
    node.report(adr=True)
    node.report(b"\3\7", adr=True)
    assert node.state.rate == Rate(5, 1, 1)
    node.channel["sf"], node.snr_db = 8, -5.0
    node.report(adr=True)
    assert node.state.rate == Rate(4, 0, 1) and len(node.link.adr.history) == 1


def test_a_power_that_is_refused_is_a_limit(peer):
    node = peer(adr=True)
    node.snr_db = 9.0
    node.report(adr=True)
    assert node.commands() == build("LinkADRReq", data_rate=5, tx_power=2, ch_mask=7, nb_trans=1)
    node.report(b"\3\3", adr=True)
    assert node.commands() == build("LinkADRReq", data_rate=5, tx_power=1, ch_mask=7, nb_trans=1)


def test_four_refusals_end_it(peer):
    node = peer(sf=12, adr=True)
    node.report(adr=True)
    for _ in range(3):
        assert node.commands()
        node.report(b"\3\5", adr=True)
    assert node.commands()
    node.report(b"\3\5", adr=True)
    assert node.down is None
    node.asked(build("LinkADRReq", data_rate=0, ch_mask=7, nb_trans=1), answer=b"\3\7", adr=True)
    assert node.commands()  # it took one: there is hope again


def test_the_best_copy_of_an_uplink_counts(peer):
    node = peer(adr=True)
    node.report(adr=True)
    assert node.down is None
    node.snr_db = 6.0
    node.repeat(100_000, "g2")  # a copy
    node.snr_db = 5.0
    node.report(adr=True)
    assert node.commands() == build("LinkADRReq", data_rate=5, tx_power=1, ch_mask=7, nb_trans=1)


def test_a_mask_and_a_new_channel_do_not_go_together(peer):
    node = peer(sf=12, adr=True)
    request = build("NewChannelReq", ch_index=3, frequency_hz=867_100_000, max_dr=5)
    assert node.asked(request, adr=True) == request
    node.report(b"\7\3", adr=True)
    assert node.commands() == build("LinkADRReq", data_rate=5, ch_mask=15, nb_trans=1)


# Fixed plans: the network keeps a device to what its gateways hear.

SUB_BAND_2 = build("LinkADRReq", ch_mask=2, ch_mask_cntl=7, nb_trans=1) + build(
    "LinkADRReq", ch_mask=0xFF00, nb_trans=1
)


def test_a_device_on_all_channels_is_told_the_sub_band(peer):
    node = peer(region=REGIONS["US915"], sf=10, freq_hz=903_900_000)
    node.report()
    assert node.down is None and node.state.plan.enabled == {*range(8, 16), 65}
    node.state.plan.enable_defaults()
    node.report()
    assert node.commands() == SUB_BAND_2
    node.report(b"\3\7\3\7")
    assert node.down is None and node.state.plan.enabled == {*range(8, 16), 65}


def test_the_mask_is_of_the_first_block_with_channels(peer):
    node = peer(region=REGIONS["US915"], sf=8, bw_hz=500_000, freq_hz=904_600_000, adr=True)
    node.snr_db = -5.0
    node.report(adr=True)
    node.state.plan.enabled = {65}
    node.report(adr=True)
    assert node.commands() == build(
        "LinkADRReq", data_rate=3, ch_mask=2, ch_mask_cntl=4, nb_trans=1
    )


def test_a_device_that_gave_up_its_last_channel_is_on_the_defaults(peer):
    node = peer(adr=True)
    # two fit into FOpts, the third comes with the answer to them
    node.asked(*(build("NewChannelReq", ch_index=n) for n in (0, 1, 2)), answer=b"\7\3" * 2)
    node.report(b"\7\3", adr=True)
    assert node.state.plan.enabled == set()
    node.snr_db = 6.0
    node.report(adr=True)
    assert node.commands() == build("LinkADRReq", data_rate=5, tx_power=1, ch_mask=7, nb_trans=1)


def test_adr_stays_at_125_khz(peer):
    node = peer(region=REGIONS["US915"], sf=8, bw_hz=500_000, freq_hz=904_600_000, adr=True)
    node.snr_db = -5.0
    node.report(adr=True)
    assert node.commands() == build("LinkADRReq", data_rate=3, ch_mask=0xFF00, nb_trans=1)
