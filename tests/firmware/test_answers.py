# SPDX-License-Identifier: MIT
"""lora.answers: each MAC command of TS001 chapter 5, its answer and what it changes."""

import cbor
from lora import answers, commands
from lora.region import find
from lora.session import Session
from network import APP_SKEY, DEV_ADDR, NWK_SKEY, command, down, exchange, joined

EU868 = find("EU868")


def _session():
    session = Session(EU868, DEV_ADDR, NWK_SKEY, APP_SKEY)
    session.data_rate = 5
    return session


def _answer(session, stream, snr_db=0):
    """Return the answers as hex and whether anything else changed."""
    session.answers = b""
    before = cbor.encode(session.record())
    answers.apply(session, EU868, commands.parse(bytes.fromhex(stream)), 254, snr_db)
    out, session.answers = session.answers.hex(), b""
    return out, cbor.encode(session.record()) != before


def test_link_adr():
    session = _session()
    assert _answer(session, "0342050002") == ("0307", True)
    assert (session.data_rate, session.tx_power) == (4, 2)
    assert (session.channel_mask, session.nb_trans) == (5, 2)
    assert _answer(session, "0347050002") == ("0307", True)
    session.tx_power = 2
    assert _answer(session, "03ff070000") == ("0307", True)  # 15 keeps, NbTrans 0 is 1
    assert (session.data_rate, session.tx_power) == (4, 2)
    assert (session.channel_mask, session.nb_trans) == (7, 1)


def test_link_adr_refusals_change_nothing():
    for stream, status in (
        ("0350000000", 4),  # no channel, so none with the data rate
        ("0350080000", 4),  # only an undefined channel
        ("03500f0000", 6),  # an undefined one among them
        ("0350070010", 6),  # ChMaskCntl RFU
        ("0350070070", 6),
        ("0360070000", 5),  # DR6: on no channel
        ("0370070000", 5),  # DR7: not built
        ("0358070000", 3),  # TXPower RFU
        ("03e8080000", 0),
    ):
        assert _answer(_session(), stream) == (f"03{status:02x}", False), stream


def test_link_adr_all_defined_channels():
    session = _session()
    session.set_channel(5, 867100000, 0, 5)
    session.channel_mask = 1
    assert _answer(session, "0350000060") == ("0307", True)
    assert session.channel_mask == 0x27


def test_a_block_of_link_adr_is_one():
    session = _session()
    # DR4 in the first is not used; masks in order; the last one's rate, power and NbTrans
    assert _answer(session, "0343010001" + "0325060003") == ("03070307", True)
    assert (session.data_rate, session.tx_power, session.nb_trans) == (2, 5, 3)
    assert session.channel_mask == 6
    assert _answer(session, "0350010001" * 3) == ("030703070307", True)
    for block in (
        "0350080001" + "0350070001",  # a bad mask anywhere
        "0350070001" + "0358070001",  # a bad power in the last
        "0350070020" + "0350070001",
    ):
        out, changed = _answer(_session(), block)
        assert not changed, block
        assert out[:4] == out[4:] and out != "03070307", out
    # other commands part the blocks: the second one holds by itself
    out, changed = _answer(_session(), "0358070001" + "06" + "0341070001")
    assert out == "0303" + "06fe00" + "0307" and changed


def test_duty_cycle():
    session = _session()
    assert _answer(session, "04fa") == ("04", True)
    assert session.max_duty_cycle == 10


def test_rx_param_setup():
    session = _session()
    assert _answer(session, "05d6d8ac84") == ("0507", True)
    assert (session.rx1_dr_offset, session.rx2_data_rate) == (5, 6)
    assert session.rx2_freq_hz == 869500000
    for stream, status in (
        ("0563d2ad84", 3),  # offset 6
        ("0537d2ad84", 5),  # DR7
        ("0533010204", 6),  # 26 MHz
        ("0533f08a84", 6),  # 868.632 MHz: between the bands
        ("057f010204", 0),
    ):
        assert _answer(_session(), stream) == (f"05{status:02x}", False), stream


def test_dev_status():
    for snr_db, margin in ((-20, "2c"), (7, "07"), (40, "1f"), (-99, "20"), (-1, "3f")):
        assert _answer(_session(), "06", snr_db) == ("06fe" + margin, False)


def test_new_channel():
    session = _session()
    assert _answer(session, "0703184f8450") == ("0703", True)
    assert session.channels[3] == (867100000, 0, 5, 867100000)
    assert session.channel_mask == 15
    assert _answer(session, "0703184f8463") == ("0703", True)
    assert session.channels[3] == (867100000, 3, 6, 867100000)
    assert _answer(session, "070f184f8455") == ("0703", True)
    assert session.channels[15] == (867100000, 5, 5, 867100000)
    assert _answer(session, "070f00000000") == ("0703", True)
    assert _answer(session, "070300000000") == ("0703", True)
    assert session.channels[3] is None and session.channel_mask == 7
    for stream, out in (
        ("07030102045a", "0700"),  # published: 26 MHz, min above max
        ("0700184f8450", "0702"),  # a default channel
        ("070000000050", "0700"),  # it cannot be removed
        ("0710184f8450", "0702"),  # index 16
        ("0703184f8470", "0701"),  # DR7
        ("0703184f8405", "0701"),
        ("0703f08a8450", "0702"),
    ):
        assert _answer(_session(), stream) == (out, False), stream


def test_removing_the_last_channel_of_a_data_rate():
    session = _session()
    session.set_channel(3, 867100000, 6, 6)
    session.data_rate, session.channel_mask = 6, 8
    assert _answer(session, "070300000000") == ("0703", True)
    assert session.usable(session.data_rate)
    assert session.channel_mask == 7


def test_rx_timing_setup():
    session = _session()
    assert _answer(session, "08f6") == ("08", True)
    assert session.rx1_delay_s == 6
    assert _answer(session, "0800") == ("08", True)
    assert session.rx1_delay_s == 1


def test_dl_channel():
    session = _session()
    assert _answer(session, "0a00d2ad84") == ("0a03", True)
    assert session.channels[0] == (868100000, 0, 5, 869525000)
    for stream, out in (
        ("0a05d2ad84", "0a01"),
        ("0a10d2ad84", "0a01"),
        ("0aff010204", "0a00"),
        ("0a00010204", "0a02"),
    ):
        assert _answer(_session(), stream) == (out, False), stream


def test_tx_param_setup_is_ignored_in_eu868():
    assert _answer(_session(), "091f") == ("", False)
    assert _answer(_session(), "091f" + "06") == ("06fe00", False)


def test_answers_stop_at_15_bytes_at_a_whole_command():
    out, _ = _answer(_session(), "06" * 6 + "0a00d2ad84")
    assert out == "06fe00" * 5
    # the requests after it are done nevertheless, and a shorter answer does not jump the queue
    session = _session()
    out, _ = _answer(session, "06" * 4 + "0a00d2ad84" + "0802" * 2 + "04" + "01")
    assert out == "06fe00" * 4 + "0a03" + "08"
    assert session.max_duty_cycle == 1


def test_sticky_answers_repeat_until_a_downlink():
    node = joined()
    everything = "0531d2ad84" + "06" + "0802" + "0a00d2ad84" + "0401"
    assert command(node, 0, everything) == "0507" + "06ff00" + "08" + "0a03" + "04"
    for now_s in (200, 300):
        node.send(1, b"x")
        assert exchange(node, now_s * 1000).f_opts.hex() == "0507" + "08" + "0a03"
    assert node.max_payload() == 242 - 5
    node.send(1, b"x")
    exchange(node, 400000, down(1))
    node.send(1, b"x")
    assert exchange(node, 500000).f_opts == b""


def test_pending_answers_survive_a_restart():
    node = joined()
    node.send(1, b"x")
    exchange(node, 0, down(0, b"\x06\x08\x02", m_type=5))
    node.session = Session.restore(EU868, cbor.decode(cbor.encode(node.session.record())))
    node.session.reserve()
    node.send(1, b"x")
    uplink = exchange(node, 100000)
    assert uplink.f_opts.hex() == "06ff00" + "08"
    assert uplink.f_ctrl == 0xA0
    node.session = Session.restore(EU868, node.session.record())
    node.session.reserve()
    node.send(1, b"x")
    assert exchange(node, 200000).f_opts.hex() == "08"
