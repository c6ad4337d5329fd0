# SPDX-License-Identifier: MIT
"""lora.mac: dialogues byte for byte, windows, counters, what is dropped, ADR, duty cycle."""

import cbor
import network
from lora import frame, mac
from lora.region import find
from network import command, down, exchange, joined, transmit
from vectors import refuses, rows


def _unhex(text):
    return bytes.fromhex(text)


def test_published_join_dialogue():
    node = network.device()
    node.join(1, 5)
    action = node.step(mac.START, 0)
    assert action.phy.hex() == "00010000d07ed5b3703c2b1a000ba3040001008041275f"
    assert action[:6] == (mac.TRANSMIT, 0, 868100000, 7, 125000, 16)
    assert node.airtime_us == 61696
    assert node.step(mac.SENT, 62) == (mac.LISTEN, 5000, 868100000, 7, 125000, 0, b"", 0)
    phy = _unhex("20af242b1b6718190f020b67fc9e74bf04")
    assert node.step(mac.HEARD, 5100, phy).kind == mac.DONE
    assert node.joined and node.heard and not node.stale_join
    session = node.session
    assert session.nwk_skey.hex() == "5f6c23a9e2f1c42c95071c9e25e4fdda"
    assert session.app_skey.hex() == "7fa12f967446215d0ee7a04aab699aa0"
    assert (session.dev_addr, session.data_rate, session.join_nonce) == (0x26011234, 5, 1)
    assert node.last_join_nonce == 1
    session.reserve()
    node.send(1, b"hello")
    action = node.step(mac.START, 100000)
    # pamoja-lorawan, with ADR set
    assert action.phy.hex() == "40341201268000000150c98a3cf6d859553b"
    assert node.step(mac.SENT, 100052).delay_ms == 1000
    # the published downlink: confirmed, ACK, FCnt 3
    node.step(mac.HEARD, 101100, _unhex("a034120126200300022185066d624e"))
    assert node.downlink == (2, b"dl", True, False)
    assert not node.acked  # nothing was confirmed
    assert session.f_cnt_down == 3
    node.send(1, b"hello")
    # its confirmation: ACK in the next uplink, pamoja-lorawan again
    assert exchange(node, 200000).mic.hex() == "70c6ec1c"
    node.send(1, b"hello")  # and in no other
    assert node.step(mac.START, 300000).phy.hex() == "403412012680020001375d32df4df45fe0e9"


def test_published_join_with_cf_list():
    for row in rows("lorawan_frames", "frames"):
        if row["id"] == "gen-ja-eu868-ttn-like":
            break
    key = _unhex(row["keys"]["app_key"])
    node = mac.Mac(network.EU868, bytes(8), bytes(8), key, network.first)
    node.join(row["dev_nonce"], 0)
    transmit(node, 0)
    node.step(mac.HEARD, 5000, _unhex(row["phy_hex"]))
    session = node.session
    assert session.app_skey.hex() == row["derived"]["app_skey"]
    assert [c[0] for c in session.channels if c][3:] == row["cflist_freqs_hz"]
    assert session.channels[3] == (867100000, 0, 5, 867100000)
    assert session.channel_mask == 0xFF
    assert (session.rx1_delay_s, session.rx2_data_rate, session.data_rate) == (5, 3, 0)
    session.reserve()
    node.send(None, b"")
    _, rx1 = transmit(node, 1000000)
    assert (rx1.delay_ms, rx1.sf) == (5000, 12)
    rx2 = node.step(mac.SILENT, 0)
    assert (rx2.delay_ms, rx2.freq_hz, rx2.sf) == (6000, 869525000, 9)


def test_captured_session():
    """A join and a LinkADRReq as a gateway heard them."""
    found = {}
    for row in rows("lorawan_frames", "frames"):
        if row["id"] in ("cap-join-request", "cap-join-accept", "cap-01"):
            found[row["id"]] = row
    request, accept = found["cap-join-request"], found["cap-join-accept"]
    node = mac.Mac(
        network.EU868,
        _unhex(request["dev_eui"]),
        _unhex(request["join_eui"]),
        _unhex(request["keys"]["app_key"]),
        network.first,
    )
    node.join(request["dev_nonce"], 5)
    assert transmit(node, 0)[0].phy.hex() == request["phy_hex"]
    node.step(mac.HEARD, 0, _unhex(accept["phy_hex"]))
    assert node.joined
    node.session.reserve()
    node.session.f_cnt_down = found["cap-01"]["fcnt32"] - 1
    node.send(1, b"x")
    exchange(node, 100000, _unhex(found["cap-01"]["phy_hex"]))
    assert (node.session.data_rate, node.session.tx_power) == (0, 1)
    node.send(1, b"x")
    uplink = exchange(node, 200000)
    assert uplink.f_opts == b"\x03\x07"
    assert uplink.f_ctrl == frame.ADR | frame.ACK


def test_join_windows_and_silence():
    node = network.device(lambda n: n - 1)
    node.join(7, 2)
    action, rx1 = transmit(node, 0)
    assert (action.freq_hz, action.sf) == (868500000, 10)
    assert rx1 == (mac.LISTEN, 5000, 868500000, 10, 125000, 0, b"", 0)
    rx2 = node.step(mac.SILENT, 5400)
    assert rx2 == (mac.LISTEN, 6000, 869525000, 12, 125000, 0, b"", 0)
    assert node.step(mac.SILENT, 6400).kind == mac.DONE
    assert not node.joined and node.session is None and not node.heard


def test_join_accepts_that_are_dropped():
    first = _unhex("20af242b1b6718190f020b67fc9e74bf04")
    for phy in (
        first[:-1] + b"\x05",
        first[:-1],
        first + bytes(16),
        b"\x60" + first[1:],
        _unhex("2089ea00096faced5030edfe88b63ccc69"),  # pamoja-lorawan: RX1DROffset 6 (RFU)
        _unhex("206a69239cb6ce95f1382ee2d6172f4693"),  # pamoja-lorawan: RX2 at DR7
        down(0),
    ):
        node = network.device()
        node.join(1, 5)
        transmit(node, 0)
        assert node.step(mac.HEARD, 5000, phy).kind == mac.LISTEN, phy
        assert node.session is None and node.last_join_nonce == -1 and not node.stale_join
        assert node.step(mac.HEARD, 6000, first).kind == mac.DONE  # in RX2
        assert node.joined


def test_a_join_nonce_must_grow():
    node = network.device()
    node.last_join_nonce = 1
    node.join(1, 5)
    transmit(node, 0)
    phy = _unhex("20af242b1b6718190f020b67fc9e74bf04")
    assert node.step(mac.HEARD, 5000, phy).kind == mac.LISTEN
    assert node.stale_join and node.session is None
    node.step(mac.SILENT, 6000)
    assert node.stale_join and not node.joined
    node.join(2, 5)
    assert not node.stale_join
    transmit(node, 100000)
    # pamoja-lorawan: JoinNonce 2, RX1DROffset 2, RX2 DR3, delay 3 s, for DevNonce 2
    node.step(mac.HEARD, 105000, _unhex("2091407c6a89271145a0fefa64217ee806"))
    assert node.joined and node.last_join_nonce == 2
    session = node.session
    assert (session.rx1_dr_offset, session.rx2_data_rate, session.rx1_delay_s) == (2, 3, 3)


def test_a_failed_rejoin_keeps_the_session():
    node = joined()
    before = node.session.record()
    node.join(3, 5)
    transmit(node, 0)
    assert node.step(mac.HEARD, 5000, down(0)).kind == mac.LISTEN
    node.step(mac.SILENT, 6000)
    assert node.session.record() == before


def test_join_refuses_what_cannot_be_sent():
    node = network.device()
    for dev_nonce, data_rate in ((-1, 5), (0x10000, 5), (1, 6)):
        assert refuses(ValueError, node.join, dev_nonce, data_rate)
    for dev_nonce in (0, 0xFFFF):
        node.join(dev_nonce, 0)
    node.cancel()
    assert refuses(ValueError, node.send, 1, b"x")
    assert refuses(ValueError, node.step, mac.START, 0)


def test_events_out_of_order_are_refused():
    node = joined()
    for event in (mac.START, mac.SENT, mac.HEARD, mac.SILENT):
        assert refuses(ValueError, node.step, event, 0, b""), event
    node.send(1, b"x")
    node.step(mac.START, 0)
    for event in (mac.START, mac.HEARD, mac.SILENT):
        assert refuses(ValueError, node.step, event, 0, b""), event
    assert refuses(ValueError, node.send, 1, b"x")
    node.step(mac.SENT, 50)
    for event in (mac.START, mac.SENT):
        assert refuses(ValueError, node.step, event, 0), event
    node.cancel()
    node.send(1, b"x")


def test_a_valid_frame_in_rx1_leaves_rx2_shut_and_an_invalid_one_opens_it():
    node = joined()
    node.send(1, b"x")
    transmit(node, 0)
    assert node.step(mac.HEARD, 1100, down(0)).kind == mac.DONE
    node.send(1, b"x")
    transmit(node, 100000)
    rx2 = node.step(mac.HEARD, 101100, down(0))  # the same again
    assert rx2 == (mac.LISTEN, 2000, 869525000, 12, 125000, 0, b"", 0)
    assert not node.heard
    assert node.step(mac.HEARD, 102100, down(1)).kind == mac.DONE
    assert node.heard


def test_what_is_no_downlink_for_us_changes_nothing():
    good = down(0, b"", 1, b"x")
    bad = [good[:-1] + bytes((good[-1] ^ 1,)), good[:11], b"", bytes(300)]
    bad += [down(0, b"", 225, b"x"), down(0, b"\x06", 0, b"\x06"), down(0, m_type=2)]
    bad += [bytes((good[0] | mhdr,)) + good[1:] for mhdr in (1, 4, 0x80)]
    for row in rows("lorawan_frames", "frames"):
        if row["kind"] == "negative":
            bad.append(_unhex(row["phy_hex"]))
    for phy in bad:
        node = joined()
        node.session.adr_ack_cnt = 70
        node.send(1, b"x", confirmed=True)
        transmit(node, 0)
        before = cbor.encode(node.session.record())
        assert node.step(mac.HEARD, 1100, phy).kind == mac.LISTEN, phy
        assert node.step(mac.HEARD, 2100, phy).kind == mac.DONE, phy
        assert cbor.encode(node.session.record()) == before, phy
        assert not node.heard and not node.acked and node.downlink is None


def test_negative_vectors_for_their_own_session():
    """These carry a right MIC: only the rules of the MAC refuse them."""
    seen = 0
    for row in rows("lorawan_frames", "frames"):
        if row["kind"] != "negative":
            continue
        node = network.device()
        keys = row["keys"]
        node.session = network.Session(
            network.EU868, 0x260B1234, _unhex(keys["nwk_skey"]), _unhex(keys["app_skey"])
        )
        node.session.reserve()
        node.session.f_cnt_down = 0x13
        node.send(1, b"x")
        transmit(node, 0)
        before = cbor.encode(node.session.record())
        assert node.step(mac.HEARD, 1100, _unhex(row["phy_hex"])).kind == mac.LISTEN, row["id"]
        assert cbor.encode(node.session.record()) == before, row["id"]
        seen += 1
    assert seen == 7


def test_a_frame_too_long_for_the_windows_data_rate_is_dropped():
    node = joined()
    node.session.data_rate = 0  # M is 59
    for size, kind in ((51, mac.DONE), (52, mac.LISTEN)):
        node.send(1, b"x")
        transmit(node, 200000 * size)
        phy = down(node.session.f_cnt_down + 1, b"", 1, bytes(size))
        assert node.step(mac.HEARD, 0, phy).kind == kind, size


def test_downlink_counters_have_32_bits():
    node = joined()
    now_ms = 0
    for last, phy, f_cnt in (
        (5, "603412012600040009f115b352ff7487", 5),  # pamoja-lorawan: FCnt 4
        (5, "60341201260005000936d0f0590963", 5),  # FCnt 5
        (4, "60341201260005000936d0f0590963", 5),
        (0xFFFF, "6034120126000200093d5c2e01143a36", 0x10002),  # FCnt 0x10002
        (0x10001, "6034120126000200093d5c2e01143a36", 0x10002),
        (0x10002, "6034120126000200093d5c2e01143a36", 0x10002),
        (1, "6034120126000200093d5c2e01143a36", 1),
    ):
        node.session.f_cnt_down = last
        node.send(1, b"x")
        now_ms += 100000
        transmit(node, now_ms)
        kind = node.step(mac.HEARD, 0, _unhex(phy)).kind
        assert (kind == mac.DONE) == (f_cnt != last), (last, phy)
        assert node.session.f_cnt_down == f_cnt, (last, phy)
        node.cancel()
    node.session.f_cnt_down = 0xFFFFFFFE
    node.send(1, b"x")
    transmit(node, now_ms + 100000)
    # pamoja-lorawan: FCnt 0xFFFFFFFF on FPort 224
    node.step(mac.HEARD, 0, _unhex("603412012600ffffe0c2345b06dda2aa"))
    assert node.downlink == (224, b"end", False, False)
    node.send(1, b"x")
    transmit(node, now_ms + 200000)
    assert node.step(mac.HEARD, 0, down(0)).kind == mac.LISTEN


def test_uplink_counters_have_32_bits_and_a_limit():
    node = joined()
    node.session.f_cnt_up = 0x10003
    node.send(1, b"hello")
    action, _ = transmit(node, 0)
    assert action.phy.hex() == "403412012680030001ee9f5a3c4438959193"  # pamoja-lorawan
    assert node.session.f_cnt_up == 0x10004
    node.cancel()
    node.session.f_cnt_limit = 0x10004
    node.send(1, b"hello")
    assert refuses(ValueError, node.step, mac.START, 100000)
    assert node.session.f_cnt_up == 0x10004
    node.session.reserve()
    assert node.step(mac.START, 100000).kind == mac.TRANSMIT


def test_confirmed_uplink_with_requests_and_its_answer():
    node = joined()
    node.request(2)
    node.request(13)
    node.request(2)
    node.send(1, b"hi", confirmed=True)
    action, _ = transmit(node, 0)
    assert action.phy.hex() == "8034120126820000020d0150c5e214de00"  # pamoja-lorawan
    phy = _unhex("60341201263900000214020d010203048009b92b945162ec")  # pamoja-lorawan
    node.step(mac.HEARD, 1100, phy)
    assert node.acked and node.heard
    assert node.link_check == (20, 2)
    assert node.device_time == (0x04030201, 0x80)
    assert node.downlink == (9, b"ok", True, True)
    node.send(1, b"hi")
    assert node.link_check is None and node.downlink is None and not node.acked
    assert exchange(node, 100000).f_opts == b""


def test_answers_nobody_asked_for_are_not_believed():
    node = joined()
    node.send(1, b"x")
    exchange(node, 0, down(0, _unhex("0214020d0102030480")))
    assert node.heard
    assert node.link_check is None and node.device_time is None


def test_port_0_carries_commands():
    node = joined()
    node.battery, node.snr_db = 200, -7
    node.send(1, b"x")
    # LinkADRReq DR5 power 2 all channels, RXTimingSetupReq 6 s, DevStatusReq
    exchange(node, 0, down(0, b"", 0, _unhex("03520700010806" + "06")))
    assert node.downlink == (0, b"", False, False)
    assert (node.session.tx_power, node.session.rx1_delay_s) == (2, 6)
    node.send(1, b"x")
    action, rx1 = transmit(node, 100000)
    assert frame.parse(action.phy).f_opts.hex() == "0307" + "08" + "06c839"
    assert (action.power_dbm, rx1.delay_ms) == (12, 6000)


def test_max_payload_counts_what_f_opts_take():
    node = joined()
    for data_rate, size in ((0, 51), (3, 115), (4, 242), (5, 242)):
        node.session.data_rate = data_rate
        assert node.max_payload() == size
    node.session.data_rate = 0
    node.session.answers = _unhex("06ff00" * 4 + "0307")
    node.request(2)
    node.request(13)  # no room beside the others
    assert node.max_payload() == 36
    assert refuses(ValueError, node.send, 1, bytes(37))
    node.send(1, bytes(36))
    assert len(transmit(node, 0)[0].phy) == 64
    assert node.step(mac.SILENT, 0).kind == mac.LISTEN
    node.step(mac.SILENT, 0)
    assert node.max_payload() == 50  # DeviceTimeReq still waits
    for f_port, payload in ((0, b"x"), (224, b"x"), (None, b"x")):
        assert refuses(ValueError, node.send, f_port, payload)
    for f_port in (1, 223):
        node.send(f_port, b"x")


def test_an_empty_frame():
    node = joined()
    node.send(None, b"")
    uplink = exchange(node, 0)
    assert (uplink.f_port, uplink.frm_payload, uplink.f_opts) == (None, b"", b"")


def test_rx1_offset_and_downlink_channel():
    node = joined(lambda n: n - 1)
    assert command(node, 0, "0a02d0a084" + "0531d8ac84") == "0a03" + "0507"
    node.cancel()
    node.send(1, b"x")
    action, rx1 = transmit(node, 300000)
    assert action.freq_hz == 868500000
    assert rx1[:5] == (mac.LISTEN, 1000, 869192000, 10, 125000)
    rx2 = node.step(mac.SILENT, 0)
    assert rx2[:5] == (mac.LISTEN, 2000, 869500000, 11, 125000)


def test_the_channel_is_picked_at_random_among_those_that_are_free():
    asked = []

    def random(n):
        asked.append(n)
        return n - 1

    node = joined(random)
    node.session.set_channel(3, 867100000, 0, 4)  # lacks DR5
    node.session.set_channel(4, 867300000, 0, 5)
    node.session.channel_mask &= ~1
    node.send(1, b"x")
    assert transmit(node, 0)[0].freq_hz == 867300000
    node.cancel()
    node.send(1, b"x")  # band L rests, M is free
    assert transmit(node, 100)[0].freq_hz == 868500000
    assert asked == [3, 2]


def test_adr_ladder_as_in_table_9():
    node = joined()
    session = node.session
    session.data_rate, session.tx_power, session.nb_trans = 1, 3, 3
    session.set_channel(3, 867100000, 0, 5)
    session.channel_mask = 8
    for count in range(193):
        seen = (session.data_rate, session.tx_power, session.nb_trans, session.channel_mask)
        if count < 96:
            assert seen == (1, 3, 3, 8), count
        elif count < 128:
            assert seen == (1, 0, 3, 8), count
        elif count < 160:
            assert seen == (0, 0, 3, 8), count
        else:
            assert seen == (0, 0, 1, 15), count
        node.send(1, b"x")
        uplink = exchange(node, count * 1000000)
        assert bool(uplink.f_ctrl & frame.ADR_ACK_REQ) == (count >= 64), count
        assert uplink.f_ctrl & frame.ADR
    node.send(1, b"x")
    exchange(node, 193000000, down(0))
    assert session.adr_ack_cnt == 0
    node.send(1, b"x")
    assert exchange(node, 194000000).f_ctrl == frame.ADR


def test_the_ladder_steps_over_data_rates_without_a_channel():
    node = joined()
    session = node.session
    session.set_channel(3, 867100000, 0, 1)
    session.set_channel(4, 867300000, 5, 5)
    session.channel_mask, session.adr_ack_cnt = 0x18, 127
    node.send(1, b"x")
    exchange(node, 0)
    assert session.data_rate == 1
    assert session.channel_mask == 0x18


def _repeat(node, now_ms, count, confirmed=False):
    """Send one uplink and let nothing be heard; return [(time, freq_hz, phy)]."""
    node.send(1, b"x", confirmed)
    sent = []
    for number in range(count):
        action = node.step(mac.START, now_ms)
        while action.kind == mac.WAIT:
            now_ms += action.delay_ms
            action = node.step(mac.START, now_ms)
        sent.append((now_ms, action.freq_hz, action.phy))
        node.step(mac.SENT, now_ms + 47)
        node.step(mac.SILENT, now_ms + 1100)
        now_ms += 2100
        action = node.step(mac.SILENT, now_ms)
        assert action.kind == (mac.DONE if number == count - 1 else mac.WAIT), number
        assert node.under_way == (number < count - 1)
        assert action.kind == mac.DONE or action.rule == mac.REPETITION
    return sent


def test_nb_trans_repeats_the_same_bytes_on_other_channels():
    node = joined()
    node.session.nb_trans = 4
    sent = _repeat(node, 0, 4)
    assert len({phy for _, _, phy in sent}) == 1
    for (_, before_hz, _), (_, after_hz, _) in zip(sent, sent[1:]):
        assert before_hz != after_hz
    assert (node.session.f_cnt_up, node.session.adr_ack_cnt) == (1, 1)
    # each repetition keeps the duty cycle: 47 ms of airtime, then 99 times that
    gaps = [after[0] - before[0] for before, after in zip(sent, sent[1:])]
    assert all([gap_ms >= 46 * 100 for gap_ms in gaps]), gaps


def test_any_downlink_ends_the_repetitions():
    node = joined()
    node.session.nb_trans = 5
    node.send(1, b"x")
    transmit(node, 0)
    node.step(mac.SILENT, 1100)
    assert node.step(mac.SILENT, 2100) == (mac.WAIT, 0, 0, 0, 0, 0, b"", mac.REPETITION)
    assert refuses(ValueError, node.send, 1, b"y")  # one exchange at a time
    transmit(node, 10000)
    assert node.step(mac.HEARD, 11100, down(0)).kind == mac.DONE
    assert node.heard and not node.under_way
    node.send(1, b"y")


def test_an_invalid_downlink_ends_no_repetition():
    node = joined()
    node.session.nb_trans = 2
    node.send(1, b"x")
    transmit(node, 0)
    bad = down(0)[:-1] + b"\x00"
    assert node.step(mac.HEARD, 1100, bad).kind == mac.LISTEN
    assert node.step(mac.HEARD, 2100, bad).kind == mac.WAIT
    transmit(node, 20000)
    node.step(mac.SILENT, 21000)
    assert node.step(mac.SILENT, 22000).kind == mac.DONE


def test_a_confirmed_uplink_waits_one_to_three_seconds_before_the_next_frame():
    for random, wait_ms in ((lambda n: 0, 1000), (lambda n: n - 1, 3000)):
        node = joined(random)
        node.session.nb_trans = 2
        sent = _repeat(node, 0, 2, confirmed=True)
        assert len({phy for _, _, phy in sent}) == 1
        assert not node.acked
        node.send(1, b"y")
        now_ms = sent[1][0] + 2100
        # the repetition's band is free before that: nothing else holds it up
        node.session.set_channel(3, 867100000, 0, 5)
        node.session.channel_mask = 8
        action = node.step(mac.START, now_ms)
        assert action == (mac.WAIT, wait_ms, 0, 0, 0, 0, b"", mac.REPETITION)
        assert node.step(mac.START, now_ms + wait_ms).kind == mac.TRANSMIT


def test_an_acknowledged_uplink_does_not_wait():
    node = joined()
    node.send(1, b"x", confirmed=True)
    transmit(node, 0)
    node.step(mac.HEARD, 1100, down(0, f_ctrl=frame.ACK))
    assert node.acked
    node.session.set_channel(3, 867100000, 0, 5)
    node.session.channel_mask = 8
    node.send(1, b"y")
    assert node.step(mac.START, 1200).kind == mac.TRANSMIT
    node.cancel()
    # a downlink without the ACK ends the repetitions, and leaves the pause
    node.session.nb_trans = 3
    node.send(1, b"x", confirmed=True)
    transmit(node, 100000)
    assert node.step(mac.HEARD, 101100, down(1)).kind == mac.DONE
    assert node.heard and not node.acked
    node.send(1, b"y")
    assert node.step(mac.START, 101100) == (mac.WAIT, 1000, 0, 0, 0, 0, b"", mac.REPETITION)


def test_f_opts_shrink_to_what_a_slow_data_rate_carries():
    node = joined(region=find("US915"))
    node.session.data_rate = 0  # M is 19: 11 bytes beside FHDR and FPort
    node.session.answers = _unhex("06ff00" * 5)
    node.request(2)
    assert node.max_payload() == 1  # three answers, a request
    node.send(1, b"z")
    uplink = exchange(node, 0)
    assert uplink.f_opts.hex() == "06ff00" * 3 + "02"
    assert uplink.f_port == 1
    assert node.session.answers.hex() == "06ff00" * 2  # the others follow


def test_sub_band_duty_cycle():
    node = joined()
    node.session.data_rate = 0
    node.send(1, bytes(51))
    transmit(node, 0)
    assert node.airtime_us == 2793472
    node.cancel()
    node.send(1, b"x")
    # SENT came at 2794 ms, then 99 times the airtime: 276554 ms
    assert node.step(mac.START, 3000) == (mac.WAIT, 276348, 0, 0, 0, 0, b"", 1)
    assert node.step(mac.START, 279347) == (mac.WAIT, 1, 0, 0, 0, 0, b"", 1)
    assert node.step(mac.START, 279348).kind == mac.TRANSMIT


def test_duty_cycle_is_booked_when_sent_never_comes():
    node = joined()
    node.send(1, b"x")
    node.step(mac.START, 0)
    node.cancel()
    node.send(1, b"x")
    assert node.step(mac.START, 100).kind == mac.WAIT


def test_duty_cycle_request_limits_all_bands():
    node = joined()
    node.session.set_channel(3, 867100000, 0, 5)
    assert command(node, 0, "040a") == "04"
    node.cancel()
    node.send(1, b"x")
    # 46336 us * 1023 after 100000 + 47 ms
    action = node.step(mac.START, 110000)
    airtime_us = node.airtime_us
    rest_ms = (airtime_us * 1023 + 999) // 1000
    end_ms = 100000 + (airtime_us + 999) // 1000
    assert action == (mac.WAIT, end_ms + rest_ms - 110000, 0, 0, 0, 0, b"", 2)


def test_joins_keep_the_duty_cycle_too():
    node = network.device()
    node.join(1, 0)
    transmit(node, 0)
    node.cancel()
    node.join(2, 0)
    action = node.step(mac.START, 1483)
    assert (action.kind, action.delay_ms) == (mac.WAIT, (1482752 * 99 + 999) // 1000)
