# SPDX-License-Identifier: MIT
"""simulator.network: what it takes, what it refuses and why, and what it sends when."""

import random
from datetime import UTC, datetime

import pytest
from pamoja import lorawan as peer

from host import maccommands
from host.lorawan import (
    DataFrame,
    JoinRequest,
    LorawanError,
    MType,
    Session,
    cf_list_freqs_hz,
    next_counter,
    open_join_accept,
)
from simulator.network import Device, Network
from simulator.regions import REGIONS

JOIN_EUI = bytes.fromhex("70b3d57ed0000001")
DEV_EUI = bytes.fromhex("0004a30b001a2b3c")
APP_KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
START = datetime(2026, 1, 5, 8, tzinfo=UTC)
CHANNEL_HZ = 868_300_000
S = 1_000_000


def device(name="class", dev_eui=DEV_EUI):
    return Device(name, dev_eui, JOIN_EUI, APP_KEY)


def network(*devices, **options):
    return Network(devices, random.Random(71), start=START, **options)


class Node:
    """The other end: joins, counts, and opens what comes back; every uplink ends 10 s later."""

    def __init__(self, server, own):
        self.server, self.own = server, own
        self.time_us, self.dev_nonce, self.f_cnt, self.f_cnt_down = 0, 0, 0, -1
        self.session, self.log = None, []

    def send(self, phy, sf=7, bw_hz=125_000, freq_hz=CHANNEL_HZ, snr_db=5.0, gateway="g1"):
        self.log.append(phy)
        return self.server.uplink(self.time_us, phy, freq_hz, sf, bw_hz, -80, snr_db, gateway)

    def join(self, **channel):
        self.time_us += 10 * S
        request = JoinRequest(self.own.join_eui, self.own.dev_eui, self.dev_nonce)
        self.dev_nonce += 1
        verdict = self.send(request.build(self.own.app_key), **channel)
        assert verdict.accepted and verdict.kind == "join" and verdict.device is self.own
        self.accept = open_join_accept(verdict.downlink.phy, self.own.app_key)
        self.session = self.accept.session(self.own.app_key, request.dev_nonce)
        self.f_cnt, self.f_cnt_down = 0, -1
        return verdict

    def frame(self, payload=b"", f_port=1, f_opts=b"", f_ctrl=0, m_type=MType.UNCONFIRMED_UP):
        port = f_port if payload else None
        plain = DataFrame(m_type, self.session.dev_addr, f_ctrl, self.f_cnt, f_opts, port, payload)
        self.f_cnt += 1
        return self.session.seal(plain)

    def report(self, payload=b"hi", channel=None, **fields):
        self.time_us += 10 * S
        verdict = self.send(self.frame(payload, **fields), **(channel or {}))
        assert verdict.accepted, verdict.reason
        return verdict

    def opened(self, downlink):
        """Open a downlink as a device does: its counter has to go up."""
        low = int.from_bytes(downlink.phy[6:8], "little")
        self.f_cnt_down = next_counter(self.f_cnt_down, low)
        return self.session.open(downlink.phy, self.f_cnt_down)


def joined(**options):
    own = device()
    node = Node(network(own, **options), own)
    node.join()
    return node


def test_a_join_opens_the_session_that_the_device_derives():
    own = device()
    node = Node(network(own, rx1_delay_s=5, rx1_dr_offset=2, rx2_data_rate=3), own)
    verdict = node.join()
    accept = node.accept
    assert own.sessions == [node.session]
    assert (accept.join_nonce, accept.net_id, accept.rx1_delay_s) == (1, 0x13, 5)
    assert (accept.rx1_dr_offset, accept.rx2_data_rate, accept.cf_list) == (2, 3, b"")
    assert accept.dev_addr >> 25 == 0x13  # NwkID: the six low bits of a NetID of type 0
    # RX1 of a join knows no offset (RP002: it comes with the answer)
    sent = verdict.downlink
    assert (sent.time_us, sent.freq_hz) == (node.time_us + 5 * S, CHANNEL_HZ)
    assert (sent.sf, sent.bw_hz, sent.power_dbm, sent.gateway) == (7, 125_000, 14, "g1")
    assert node.report().f_cnt == 0


def test_an_independent_device_joins_and_reports():
    own = device()
    server = network(own, rx2_data_rate=3)
    phone = peer.device(DEV_EUI, JOIN_EUI, APP_KEY)
    verdict = server.uplink(S, phone.join_request(5), CHANNEL_HZ, 7, 125_000, -80, 5, "g1")
    session = phone.accept_join(verdict.downlink.phy, 5).session()
    phy = session.encode_uplink(0, 1, b"hello", True)
    verdict = server.uplink(9 * S, phy, CHANNEL_HZ, 7, 125_000, -80, 5, "g1")
    assert (verdict.accepted, verdict.f_cnt, verdict.payload) == (True, 0, b"hello")
    answer = session.decode(verdict.downlink.phy, 0)
    assert answer.ack and answer.payload == b"" and answer.fport is None


def test_a_join_in_rx2_and_with_more_channels():
    freqs_hz = (867_100_000, 867_300_000, 867_500_000, 867_700_000, 867_900_000)
    own = device()
    node = Node(network(own, downlink_window=2, rx2_data_rate=0, channels_hz=freqs_hz), own)
    sent = node.join().downlink
    assert (sent.time_us, sent.freq_hz) == (node.time_us + 6 * S, 869_525_000)
    assert (sent.sf, sent.bw_hz, sent.power_dbm) == (12, 125_000, 27)
    assert cf_list_freqs_hz(node.accept.cf_list) == freqs_hz


@pytest.mark.parametrize("dev_nonce", [17, 16, 0])
def test_a_dev_nonce_has_to_grow(dev_nonce):
    own = device()
    node = Node(network(own), own)
    node.dev_nonce = 17
    node.join()
    node.time_us += S
    verdict = node.send(JoinRequest(JOIN_EUI, DEV_EUI, dev_nonce).build(APP_KEY))
    assert not verdict.accepted and verdict.downlink is None
    assert verdict.reason == f"DevNonce {dev_nonce} seen before"
    assert len(own.sessions) == 1
    node.join()
    assert node.accept.join_nonce == 2 and node.dev_nonce == 19


@pytest.mark.parametrize(
    ("phy", "reason"),
    [
        (JoinRequest(JOIN_EUI, bytes(8), 1).build(APP_KEY), "unknown DevEUI 0000000000000000"),
        (JoinRequest(bytes(8), DEV_EUI, 1).build(APP_KEY), "unknown JoinEUI 0000000000000000"),
        (JoinRequest(JOIN_EUI, DEV_EUI, 1).build(bytes(16)), "the MIC is wrong"),
        (bytes.fromhex("40341201260007000180477f7b19781660ea"), "unknown DevAddr 26011234"),
        (bytes.fromhex("a034120126200300022185066d624e"), "a downlink"),
        (b"\xe0" + bytes(20), "MHDR e0 is no data frame of LoRaWAN R1"),
        (b"", "0 bytes, a data frame has 12 to 255"),
    ],
)
def test_strangers_are_refused(phy, reason):
    own = device()
    verdict = network(own).uplink(S, phy, CHANNEL_HZ, 7, 125_000, -80, 5, "g1")
    assert (verdict.accepted, verdict.reason, verdict.downlink) == (False, reason, None)
    assert own.sessions == []


def test_a_frame_is_delivered_in_the_clear():
    node = joined()
    verdict = node.report(b"\xa1\x01\x02", f_port=1)
    assert (verdict.kind, verdict.device, verdict.downlink) == ("data", node.own, None)
    assert (verdict.f_cnt, verdict.f_port, verdict.payload) == (0, 1, b"\xa1\x01\x02")
    assert node.report(b"\x07\x03", f_port=0).payload == b"\x07\x03"


def test_a_wrong_mic_changes_nothing():
    node = joined()
    phy = node.frame(b"x")
    verdict = node.send(phy[:-1] + bytes((phy[-1] ^ 1,)))
    assert (verdict.accepted, verdict.reason) == (False, "the MIC is wrong")
    assert node.send(phy).accepted


def test_counters_go_on_beyond_16_bits_and_do_not_come_back():
    node = joined()
    for f_cnt in (0, 65535, 65536, 131071, 131080):
        node.f_cnt = f_cnt
        assert node.report().f_cnt == f_cnt
    for f_cnt in (131080, 131079, 65536, 65535, 0):
        node.f_cnt, node.time_us = f_cnt, node.time_us + S
        verdict = node.send(node.frame(b"hi"))
        assert (verdict.accepted, verdict.reason) == (False, f"counter {f_cnt} seen")
        assert verdict.device is node.own and verdict.f_cnt == f_cnt
    node.f_cnt = 131081
    assert node.report().f_cnt == 131081


@pytest.mark.parametrize(
    ("offset", "up", "down"),
    [
        (0, (7, 125_000), (7, 125_000)),
        (2, (7, 125_000), (9, 125_000)),
        (5, (9, 125_000), (12, 125_000)),
        (1, (7, 250_000), (7, 125_000)),
        (0, (12, 125_000), (12, 125_000)),
    ],
)
def test_rx1_has_the_channel_and_the_data_rate_less_the_offset(offset, up, down):
    node = joined(rx1_dr_offset=offset, rx1_delay_s=5)
    channel = {"sf": up[0], "bw_hz": up[1], "freq_hz": 868_500_000}
    sent = node.report(m_type=MType.CONFIRMED_UP, channel=channel).downlink
    assert (sent.time_us, sent.freq_hz) == (node.time_us + 5 * S, 868_500_000)
    assert (sent.sf, sent.bw_hz) == down


def test_rx2_comes_a_second_later_with_its_own_data_rate():
    node = joined(downlink_window=2, rx2_data_rate=3)
    sent = node.report(m_type=MType.CONFIRMED_UP).downlink
    assert (sent.time_us, sent.freq_hz) == (node.time_us + 2 * S, 869_525_000)
    assert (sent.sf, sent.bw_hz, sent.power_dbm) == (9, 125_000, 27)


def test_an_unknown_data_rate_is_refused():
    node = joined()
    node.time_us += S
    verdict = node.send(node.frame(b"x"), sf=6)
    assert verdict.reason == "no data rate has SF6 and 125000 Hz"


def test_a_confirmed_uplink_is_acknowledged_and_its_repetition_again():
    node = joined()
    node.time_us += 10 * S
    phy = node.frame(b"x", m_type=MType.CONFIRMED_UP)
    first = node.send(phy)
    answer = node.opened(first.downlink)
    assert (answer.f_ctrl, answer.f_cnt, answer.f_port) == (DataFrame.ACK, 0, None)
    assert answer.m_type == MType.UNCONFIRMED_DOWN
    node.time_us += 4 * S  # the ACK got lost
    again = node.send(phy)
    assert (again.accepted, again.reason, again.payload) == (False, "counter 0 seen", b"")
    answer = node.opened(again.downlink)
    assert (answer.f_ctrl, answer.f_cnt) == (DataFrame.ACK, 1)
    assert again.downlink.time_us == node.time_us + S
    node.report(b"y")
    node.time_us += S
    assert node.send(phy).downlink is None  # no longer the last one


def test_an_adr_ack_req_is_answered():
    node = joined()
    answer = node.opened(node.report(f_ctrl=DataFrame.ADR | DataFrame.ADR_ACK_REQ).downlink)
    assert (answer.f_ctrl, answer.f_opts, answer.f_port) == (0, b"", None)
    assert node.report(f_ctrl=DataFrame.ADR).downlink is None


def test_an_adr_ack_req_may_mean_all_channels():
    """As ChirpStack: a device that heard nothing for long may have gone back to all of them."""
    own = device()
    channel = {"sf": 10, "freq_hz": 903_900_000}
    node = Node(network(own, region=REGIONS["US915"]), own)
    node.join(**channel)
    assert node.report(channel=channel).downlink is None
    sent = node.report(channel=channel, f_ctrl=DataFrame.ADR_ACK_REQ).downlink
    assert node.opened(sent).f_opts == bytes.fromhex("0300020071 030000ff01".replace(" ", ""))


def test_an_adr_ack_req_may_mean_the_default_channels_besides_others():
    node = joined(channels_hz=(867_100_000,), adr=True)
    request = maccommands.build("LinkADRReq", data_rate=5, ch_mask=8, nb_trans=1)
    node.server.queue_mac(node.own, [request])
    node.report()
    node.report(f_opts=b"\3\7")
    plan = node.server.link(node.own).state.plan
    assert plan.enabled == {3}
    node.report(f_ctrl=DataFrame.ADR_ACK_REQ)
    assert plan.enabled == {0, 1, 2, 3}


def test_no_uplink_follows_the_last_counter():
    node = joined()
    node.report()
    node.server.link(node.own).f_cnt_up = 0xFFFFFFFF
    node.f_cnt = 7
    verdict = node.send(node.frame(b"x"))
    assert (verdict.accepted, verdict.reason) == (False, "counter 7 seen")


@pytest.mark.parametrize(
    ("sf", "snr_db", "margin"), [(7, 5.0, 12), (12, -18.5, 1), (12, -22.0, 0), (9, 1.9, 14)]
)
def test_a_link_check_tells_the_margin(sf, snr_db, margin):
    node = joined()
    channel = {"sf": sf, "snr_db": snr_db}
    answer = node.opened(node.report(f_opts=b"\x02", channel=channel).downlink)
    assert answer.f_opts == bytes((0x02, margin, 1))


def test_a_link_check_on_port_0():
    node = joined()
    assert node.opened(node.report(b"\x02", f_port=0).downlink).f_opts == bytes((2, 12, 1))


def test_copies_of_other_gateways_count_and_are_no_uplinks():
    node = joined()
    verdict = node.report(f_opts=b"\x02", channel={"snr_db": -3.0})
    sent = verdict.downlink
    assert sent.phy and sent.gateway == "g1"
    for delay_us, gateway, snr_db in ((0, "g2", 2.0), (199_999, "g3", -1.0)):
        node.time_us += delay_us
        copy = node.send(node.log[-1], gateway=gateway, snr_db=snr_db)
        assert (copy.accepted, copy.reason, copy.downlink) == (False, "duplicate", None)
        assert copy.device is node.own
    assert node.server.duplicates == 2
    assert node.opened(sent).f_opts == bytes((2, 9, 3))  # 2 dB is 9.5 over -7.5 dB
    assert sent.gateway == "g2"  # which hears the node best
    node.time_us += 1
    assert node.send(node.log[-1], gateway="g4").reason == "counter 0 seen"


def test_the_best_gateway_sends_a_join_accept():
    own = device()
    node = Node(network(own), own)
    sent = node.join(snr_db=-3.0).downlink
    phy = sent.phy
    assert node.send(node.log[-1], gateway="g2", snr_db=4.0).reason == "duplicate"
    assert (sent.gateway, sent.phy) == ("g2", phy)


def test_device_time_is_gps_time_at_the_end_of_the_uplink():
    node = joined()
    node.time_us = 90 * S + 500_000 - 10 * S
    answer = node.opened(node.report(f_opts=b"\x0d").downlink)
    # 2026-01-05T08:00:00Z is 1451635218 s after 1980-01-06, with 18 leap seconds
    assert answer.f_opts == b"\x0d" + (1451635218 + 90).to_bytes(4, "little") + b"\x80"


def test_two_questions_are_answered_once_each_link_check_first():
    node = joined()
    answer = node.opened(node.report(f_opts=b"\x0d\x02\x02").downlink)
    commands, error = maccommands.parse(answer.f_opts, downlink=True)
    assert [each.name for each in commands] == ["LinkCheckAns", "DeviceTimeAns"] and error is None


def test_the_queue_goes_out_one_by_one():
    node = joined()
    server, own = node.server, node.own
    server.queue(own, 2, b"first", confirmed=True)
    server.queue(own, 3, b"second")
    first = node.opened(node.report(f_opts=b"\x02").downlink)
    assert (first.m_type, first.f_ctrl) == (MType.CONFIRMED_DOWN, DataFrame.F_PENDING)
    assert (first.f_port, first.frm_payload, first.f_opts[:1]) == (2, b"first", b"\x02")
    verdict = node.report(m_type=MType.CONFIRMED_UP, f_ctrl=DataFrame.ACK)
    second = node.opened(verdict.downlink)
    assert verdict.acked and second.m_type == MType.UNCONFIRMED_DOWN
    assert second.f_ctrl == DataFrame.ACK
    assert (second.f_port, second.frm_payload, second.f_cnt) == (3, b"second", 1)
    assert node.report().downlink is None


def test_a_payload_waits_for_a_data_rate_that_carries_it():
    node = joined()
    node.server.queue(node.own, 2, bytes(52))
    assert node.report(channel={"sf": 12}).downlink is None
    pending = node.opened(node.report(f_opts=b"\x02", channel={"sf": 12}).downlink)
    assert (pending.f_ctrl, pending.f_port) == (DataFrame.F_PENDING, None)
    assert node.opened(node.report(channel={"sf": 9}).downlink).frm_payload == bytes(52)
    node.server.queue(node.own, 2, bytes(51))
    assert node.opened(node.report(channel={"sf": 12}).downlink).frm_payload == bytes(51)
    with pytest.raises(ValueError, match="243 bytes for FPort 2"):
        node.server.queue(node.own, 2, bytes(243))


def test_port_0_travels_alone():
    node = joined()
    node.server.queue(node.own, 0, b"\x06")
    node.server.queue_mac(node.own, [b"\x04\x00"])
    asked = node.opened(node.report(f_opts=b"\x02").downlink)
    assert asked.f_port is None and asked.f_opts[3:] == b"\x04\x00"
    answer = node.opened(node.report().downlink)
    assert (answer.f_port, answer.frm_payload, answer.f_opts) == (0, b"\x06", b"")


def test_the_old_session_holds_until_the_new_one_is_used():
    node = joined()
    node.report()
    old, node.f_cnt = node.session, 1
    node.join()
    new, node.session, node.f_cnt = node.session, old, 1
    assert node.report().f_cnt == 1  # the join-accept got lost
    node.session, node.f_cnt = new, 0
    assert node.report().f_cnt == 0
    node.session, node.f_cnt, node.time_us = old, 2, node.time_us + S
    verdict = node.send(node.frame(b"x"))
    assert verdict.reason == "a session from before the last join"
    assert verdict.device is node.own


def test_a_session_by_personalisation():
    own = device()
    node = Node(network(own), own)
    node.session = Session(0x26000001, bytes(range(16)), bytes(range(16, 32)))
    node.server.accept_session(own, node.session)
    node.f_cnt = 70_000 & 0xFFFF
    assert node.report().payload == b"hi"
    assert own.sessions == [node.session]


def test_a_personalised_device_listens_where_the_region_says():
    own = device()
    node = Node(network(own, rx1_delay_s=5, rx1_dr_offset=3, rx2_data_rate=3), own)
    node.session = Session(0x26000001, bytes(range(16)), bytes(range(16, 32)))
    node.server.accept_session(own, node.session)
    sent = node.report(m_type=MType.CONFIRMED_UP).downlink
    assert (sent.time_us, sent.sf) == (node.time_us + S, 7)


def test_the_state_of_a_device_that_was_never_heard_is_nobodys():
    own = device()
    with pytest.raises(LookupError):
        network(own).link(own)


def played():
    """A day with three joins, one of them unheard by the device; returns the node."""
    node = joined()
    for _ in range(3):
        node.report(b"one")
    node.join()
    node.join()
    node.report(b"two", m_type=MType.CONFIRMED_UP)
    node.f_cnt = 65_534
    for _ in range(4):
        node.report(b"three")
    return node


def test_a_capture_plays_into_a_fresh_network_once():
    node = played()
    copy = Device.restore(node.own.record())
    assert copy.sessions == node.own.sessions and len(copy.sessions) == 3
    server = network(copy)
    server_rng = Network([copy], random.Random(1), start=START)
    del server_rng
    for time_s, phy in enumerate(node.log):
        verdict = server.uplink(time_s * S, phy, CHANNEL_HZ, 7, 125_000, -80, 5, "g1")
        assert verdict.accepted, verdict.reason
    assert copy.sessions == node.own.sessions
    reasons = []
    for time_s, phy in enumerate(node.log, 1000):
        verdict = server.uplink(time_s * S, phy, CHANNEL_HZ, 7, 125_000, -80, 5, "g1")
        assert not verdict.accepted
        reasons.append(verdict.reason)
    assert reasons == [
        "DevNonce 0 seen before",
        *[f"counter {f_cnt} seen" for f_cnt in range(3)],
        "DevNonce 1 seen before",
        "DevNonce 2 seen before",
        *[f"counter {f_cnt} seen" for f_cnt in (0, 65534, 65535, 65536, 65537)],
    ]
    node.server, node.own, node.time_us = server, copy, 5000 * S
    assert node.report(b"live").f_cnt == 65_538
    node.join()
    assert node.accept.join_nonce == 4
    assert node.report(b"live").f_cnt == 0


def test_a_capture_that_lacks_its_joins_plays_too():
    node = played()
    copy = Device.restore(node.own.record())
    server = network(copy)
    data = [phy for phy in node.log if phy[0] != 0]
    for time_s, phy in enumerate(data):
        assert server.uplink(time_s * S, phy, CHANNEL_HZ, 7, 125_000, -80, 5, "g1").accepted
    node.server, node.own, node.time_us = server, copy, 5000 * S
    node.join()
    assert node.accept.join_nonce == 4 and len(copy.sessions) == 4


def test_the_same_seed_gives_the_same_network():
    logs = [played().log for _ in range(2)]
    assert logs[0] == logs[1]


def test_two_devices_do_not_meet():
    first, second = device(), device("other", bytes(8))
    server = network(first, second)
    nodes = [Node(server, first), Node(server, second)]
    for node in nodes:
        node.join()
    server.queue(first, 2, b"for the first")
    nodes[0].time_us = nodes[1].time_us = 60 * S
    assert nodes[1].report().downlink is None
    sent = nodes[0].report().downlink
    assert nodes[0].opened(sent).frm_payload == b"for the first"
    with pytest.raises(LorawanError):
        nodes[1].opened(sent)


@pytest.mark.parametrize(
    "options",
    [
        {"net_id": 0x600000},
        {"downlink_window": 3},
        {"rx1_delay_s": 16},
        {"rx1_dr_offset": 6},
        {"rx2_data_rate": 7},
    ],
)
def test_settings_that_cannot_be(options):
    with pytest.raises(ValueError, match="need a"):
        network(device(), **options)
