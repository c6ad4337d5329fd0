# SPDX-License-Identifier: MIT
"""LinkADRReq and ADR between the network server and the real firmware, and nothing but frames."""

from dataclasses import replace

import pytest

from host.maccommands import build

NAME = "classroom-1"


def test_data_rate_power_channels_and_repetitions_are_taken(run):
    request = build("LinkADRReq", data_rate=3, tx_power=2, ch_mask=0b011, nb_trans=2)
    dialogue = run(request)
    answer = dialogue.answer_to(request)
    assert answer.f_opts == b"\3\7" and answer.sf == 9
    found, rates, channels = dialogue.later(answer)
    assert rates == {9} and channels == {8681, 8683}
    full_dbm = dialogue.uplinks()[0].power_dbm
    assert {each.power_dbm for each in found} == {full_dbm - 4}
    # each uplink twice, byte for byte, the second on the other channel (4.3.1.2)
    pairs = list(zip(found[1::2], found[2::2], strict=False))
    assert len(pairs) >= 3 and all(one.payload == two.payload for one, two in pairs)
    assert all(one.freq_hz != two.freq_hz for one, two in pairs)
    assert len({one.payload for one, _ in pairs}) == len(pairs)


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"ch_mask": 0b1001, "data_rate": 5}, "0306"),  # a channel that does not exist
        ({"ch_mask": 0b1000, "data_rate": 5}, "0304"),  # and so none for the data rate
        ({"ch_mask": 0, "data_rate": 5}, "0304"),
        ({"ch_mask": 7, "data_rate": 9}, "0305"),
        ({"ch_mask": 7, "data_rate": 6}, "0305"),  # on none of its channels
        ({"ch_mask": 7, "data_rate": 5, "tx_power": 9}, "0303"),
        # 2 dBm: PA_BOOST and the antenna give 4 at least
        ({"ch_mask": 7, "data_rate": 5, "tx_power": 7}, "0303"),
        ({"ch_mask": 7, "data_rate": 5, "ch_mask_cntl": 3}, "0306"),  # RFU
    ],
    ids=str,
)
def test_a_bit_that_is_refused_changes_nothing(run, fields, answer):
    request = build("LinkADRReq", **{"tx_power": 3, "nb_trans": 2, **fields})
    dialogue = run(request, hours=1.0)
    frame = dialogue.answer_to(request)
    assert frame.f_opts == bytes.fromhex(answer)
    found, rates, channels = dialogue.later(frame)
    assert rates == {7} and len({each.payload for each in found}) == len(found)
    assert {each.power_dbm for each in found} == {dialogue.uplinks()[0].power_dbm}
    assert dialogue.state.plan.enabled == {0, 1, 2} and channels <= {8681, 8683, 8685}


def test_a_block_is_done_as_one(run):
    block = build("LinkADRReq", data_rate=0, ch_mask=0b001, nb_trans=5) + build(
        "LinkADRReq", data_rate=4, tx_power=1, ch_mask=0b110, nb_trans=1
    )
    dialogue = run(block)
    answer = dialogue.answer_to(block)
    assert answer.f_opts == b"\3\7\3\7"
    _, rates, channels = dialogue.later(answer)
    assert rates == {8} and channels == {8683, 8685}


def test_a_block_with_one_mistake_is_not_done_at_all(run):
    block = build("LinkADRReq", data_rate=4, ch_mask=0b1000, nb_trans=1) + build(
        "LinkADRReq", data_rate=4, ch_mask=0b001, nb_trans=1
    )
    dialogue = run(block)
    answer = dialogue.answer_to(block)
    assert answer.f_opts == b"\3\6\3\6"
    assert dialogue.later(answer)[1] == {7} and len(dialogue.later(answer)[2]) > 1


# ADR


def test_adr_takes_a_personalised_node_from_sf12_to_sf7(run):
    # 300 m from the gateway the SNR is the most that a chip tells, 12 dB, whatever the fading:
    # 12 + 20 - 10 dB of margin are seven steps, five of the data rate and two of the power
    dialogue = run(adr=True, node={"abp": True, "x_m": 500}, hours=6.0)
    frames = dialogue.frames()
    asked, answered = frames[1], frames[2]
    assert frames[0].sf == 12 and asked.opened.adr
    assert asked.f_opts[:1] == b"\x0d" and asked.f_opts[6:] == bytes.fromhex("0352070001")
    assert answered.f_opts == b"\3\7" and answered.sf == 7
    assert dialogue.state.rate.data_rate == 5 and dialogue.state.rate.tx_power > 0
    quiet = [each.power_dbm for each in dialogue.uplinks()][-1]
    asked_dbm = dialogue.uplinks()[0].power_dbm - 2 * dialogue.state.rate.tx_power
    assert quiet == max(asked_dbm, 2)  # PA_BOOST gives no less


def test_adr_is_asked_for_again_when_it_gets_lost(run):
    dialogue = run(adr=True, node={"abp": True}, hours=6.0, deaf=(0, 1))
    frames = [each for each in dialogue.frames() if each.up]
    assert [each.sf for each in frames[:4]] == [12, 12, 12, 7]


# Nothing but frames


def test_the_node_hears_frames_and_nothing_else_of_the_network(run, tmp_path):
    """With a network that only plays the frames of another run, the node does the same."""
    request = build("LinkADRReq", data_rate=4, tx_power=1, ch_mask=5, nb_trans=2)
    other = run(request + build("RXTimingSetupReq", delay=4), hours=3.0)
    sent = [each for each in other.packets if each.iq_inverted]
    assert len(sent) >= 4

    class Played(type(other)):
        def _build(self):
            super()._build()
            (gateway,) = self._gateways.values()
            for packet in sent:
                played = replace(packet, sender=gateway.eui)
                self.clock.call_at(packet.start_us, gateway.send, played)

        def _heard(self, gateway, signal):
            pass

    out = tmp_path / "played"
    played = Played(replace(other.scenario, events=()), out)
    played.execute()
    assert [vars(each) for each in played.uplinks()] == [vars(each) for each in other.uplinks()]
    assert (out / f"{NAME}.log").read_text() == (tmp_path / f"{NAME}.log").read_text()
