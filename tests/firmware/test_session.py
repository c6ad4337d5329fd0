# SPDX-License-Identifier: MIT
"""lora.session: the record, reserved counters, channels."""

import cbor
from lora.region import find
from lora.session import Session
from network import APP_SKEY, DEV_ADDR, NWK_SKEY

EU868 = find("EU868")


def _session():
    return Session(EU868, DEV_ADDR, NWK_SKEY, APP_SKEY)


def test_a_fresh_session_has_the_regions_defaults():
    session = _session()
    assert (session.f_cnt_up, session.f_cnt_down, session.f_cnt_limit) == (0, -1, 0)
    assert session.channels[:4] == [
        (868100000, 0, 5, 868100000),
        (868300000, 0, 5, 868300000),
        (868500000, 0, 5, 868500000),
        None,
    ]
    assert len(session.channels) == 16
    assert (session.channel_mask, session.defined()) == (7, 7)
    assert (session.rx2_freq_hz, session.rx2_data_rate) == (869525000, 0)
    assert (session.rx1_delay_s, session.rx1_dr_offset, session.nb_trans) == (1, 0, 1)


def test_a_record_brings_everything_back():
    session = _session()
    session.f_cnt_up = session.f_cnt_limit = 0xFFFFFFFF
    session.f_cnt_down, session.join_nonce, session.data_rate = 3, 4, 5
    session.tx_power, session.nb_trans, session.rx1_dr_offset = 6, 7, 8
    session.rx2_data_rate, session.rx1_delay_s, session.max_duty_cycle = 9, 10, 11
    session.adr_ack_cnt = 12
    session.rx2_freq_hz = 869000000
    session.set_channel(5, 867100000, 0, 6)
    session.channels[0] = (868100000, 0, 5, 869100000)
    session.answers, session.ack_pending = b"\x08", True
    stored = cbor.encode(session.record())
    restored = Session.restore(EU868, cbor.decode(stored))
    assert cbor.encode(restored.record()) == stored
    assert restored.channels == session.channels
    assert restored.record() == session.record()
    assert restored.usable(6) == [(867100000, 0, 6, 867100000)]
    assert (restored.dev_addr, restored.nwk_skey) == (DEV_ADDR, NWK_SKEY)


def test_keys_of_a_record_never_move():
    record = _session().record()
    assert [record[key] for key in (0, 1, 2, 3, 5)] == [DEV_ADDR, NWK_SKEY, APP_SKEY, 0, -1]
    assert sorted(record) == list(range(23))
    assert (record[11], record[14], record[19]) == (b"\x07" + bytes(8), 869525000, False)


def test_a_restart_skips_counters_and_repeats_none():
    session = _session()
    assert session.reserve() == 64
    stored = session.record()
    session.f_cnt_up = 63
    assert Session.restore(EU868, stored).f_cnt_up == 64
    assert Session.restore(EU868, stored).f_cnt_limit == 64


def test_a_record_without_its_counted_keys_restores():
    session = _session()
    session.reserve()
    record = session.record()
    for key in Session.COUNTED:
        del record[key]
    session.f_cnt_up = session.adr_ack_cnt = 9
    later = session.record()
    for key in Session.COUNTED:
        del later[key]
    assert later == record
    assert Session.restore(EU868, record).f_cnt_up == 64
    record[99] = "from newer firmware"
    assert Session.restore(EU868, record).dev_addr == DEV_ADDR


def test_counters_end_at_32_bits():
    session = _session()
    session.f_cnt_up = 0xFFFFFFF0
    assert session.reserve() == 0x100000000


def test_removing_a_channel_takes_it_out_of_the_mask():
    session = _session()
    session.set_channel(3, 867100000, 0, 5)
    assert session.channel_mask == 15
    session.set_channel(3, 0, 0, 0)
    assert (session.channel_mask, session.defined()) == (7, 7)


def test_usable_needs_mask_and_data_rate():
    session = _session()
    session.set_channel(3, 867100000, 2, 3)
    assert len(session.usable(2)) == 4
    assert len(session.usable(4)) == 3
    assert session.usable(6) == []
    assert session.usable(2, 8) == [(867100000, 2, 3, 867100000)]
