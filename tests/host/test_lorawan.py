# SPDX-License-Identifier: MIT
"""host.lorawan and host.maccommands against published vectors: frames, keys, commands, airtime."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host import lorawan, maccommands
from host.lorawan import (
    DataFrame,
    JoinAccept,
    JoinRequest,
    LorawanError,
    MType,
    Session,
    cf_list_freqs_hz,
    next_counter,
    open_join_accept,
    parse,
    parse_data,
)

VECTORS = Path(__file__).parent.parent / "vectors"


def rows(name, table):
    content = json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    return content[table]


def frames(kind):
    found = [row for row in rows("lorawan_frames", "frames") if row["kind"] == kind]
    return pytest.mark.parametrize("row", found, ids=[row["id"] for row in found])


def session_of(row):
    keys = {name: bytes.fromhex(value) for name, value in row["keys"].items()}
    return Session(int(row["dev_addr"], 16), keys["nwk_skey"], keys.get("app_skey", bytes(16)))


def test_aes_and_cmac():
    for row in rows("aes_cmac", "aes128_ecb"):
        key, plain = bytes.fromhex(row["key"]), bytes.fromhex(row["plaintext"])
        assert lorawan.aes128(key, plain).hex() == row["ciphertext"], row["source"]
    for row in rows("aes_cmac", "aes_cmac"):
        key, message = bytes.fromhex(row["key"]), bytes.fromhex(row["message"])
        assert lorawan.cmac(key, message).hex() == row["cmac"], row["source"]


@frames("data")
def test_data_frames(row):
    phy, session = bytes.fromhex(row["phy_hex"]), session_of(row)
    frame = parse(phy)
    assert isinstance(frame, DataFrame)
    assert MType(frame.m_type).name.lower() == row["mtype"]
    assert (frame.dev_addr, frame.f_cnt) == (int(row["dev_addr"], 16), row["fcnt16"])
    assert (frame.f_opts.hex(), frame.f_port) == (row["fopts_hex"], row["fport"])
    assert (frame.frm_payload.hex(), frame.mic.hex()) == (row["frm_payload_hex"], row["mic_hex"])
    f_ctrl = row["fctrl"]
    assert bool(frame.f_ctrl & DataFrame.ADR) == f_ctrl["adr"]
    assert bool(frame.f_ctrl & DataFrame.ACK) == f_ctrl["ack"]
    assert frame.downlink == (row["dir"] == "down")
    request = bool(frame.f_ctrl & DataFrame.ADR_ACK_REQ)
    assert request == f_ctrl["rfu6" if frame.downlink else "adr_ack_req"]
    pending = bool(frame.f_ctrl & DataFrame.F_PENDING)
    assert pending == f_ctrl["fpending" if frame.downlink else "class_b"]
    assert frame.build() == phy
    if not row["mic_valid"]:
        with pytest.raises(LorawanError, match="MIC is wrong"):
            session.open(phy, row["fcnt32"])
        return
    opened = session.open(phy, row["fcnt32"])
    assert opened.f_cnt == row["fcnt32"]
    assert session.seal(opened) == phy
    if "plaintext_hex" in row:
        assert opened.frm_payload.hex() == row["plaintext_hex"]


@frames("negative")
def test_frames_to_drop(row):
    """Those that are whole are dropped for where they come from, which only a receiver knows."""
    phy = bytes.fromhex(row["phy_hex"])
    if row["id"] == "neg-uplink-as-downlink":
        assert not parse(phy).downlink
    elif row["id"] == "neg-foreign-devaddr":
        keys = [bytes.fromhex(row["keys"][name]) for name in ("nwk_skey", "app_skey")]
        with pytest.raises(LorawanError, match="it is for DevAddr 260b1235"):
            Session(0x260B1234, *keys).open(phy, 22)
    else:
        with pytest.raises(LorawanError) as error:
            parse(phy)
        assert error.value.reason and "\n" not in error.value.reason


@frames("join_request")
def test_join_requests(row):
    phy, app_key = bytes.fromhex(row["phy_hex"]), bytes.fromhex(row["keys"]["app_key"])
    request = parse(phy)
    assert isinstance(request, JoinRequest)
    assert (request.join_eui.hex(), request.dev_eui.hex()) == (row["join_eui"], row["dev_eui"])
    assert (request.dev_nonce, request.mic.hex()) == (row["dev_nonce"], row["mic_hex"])
    assert request.mic_ok(app_key) == row["mic_valid"]
    assert (request.build(app_key) == phy) == row["mic_valid"]


@frames("join_accept")
def test_join_accepts(row):
    phy, app_key = bytes.fromhex(row["phy_hex"]), bytes.fromhex(row["keys"]["app_key"])
    if not row["mic_valid"]:
        with pytest.raises(LorawanError, match="MIC of the join-accept is wrong"):
            open_join_accept(phy, app_key)
        return
    accept = open_join_accept(phy, app_key)
    assert accept.join_nonce == row["join_nonce"]
    assert (f"{accept.net_id:06x}", f"{accept.dev_addr:08x}") == (row["net_id"], row["dev_addr"])
    dl_settings = row["dl_settings"]
    assert accept.dl_settings == dl_settings["raw"]
    assert accept.rx1_dr_offset == dl_settings["rx1_dr_offset"]
    assert accept.rx2_data_rate == dl_settings["rx2_dr"]
    assert accept.rx_delay == row["rx_delay"]
    assert accept.rx1_delay_s == (row["rx_delay"] or 1)
    assert accept.cf_list.hex() == row.get("cflist_hex", "")
    assert list(cf_list_freqs_hz(accept.cf_list)) == row.get("cflist_freqs_hz", [])
    assert accept.build(app_key) == phy
    if "derived" in row:
        check_keys(accept, app_key, row)


@frames("key_derivation")
def test_key_derivation(row):
    accept = JoinAccept(row["join_nonce"], int(row["net_id"], 16), 0)
    check_keys(accept, bytes.fromhex(row["keys"]["app_key"]), row)


def check_keys(accept, app_key, row):
    session = accept.session(app_key, row["dev_nonce"])
    derived = {"nwk_skey": session.nwk_skey.hex(), "app_skey": session.app_skey.hex()}
    assert derived == row["derived"]


@frames("frm_crypt")
def test_payload_cipher(row):
    key, f_cnt = bytes.fromhex(row["keys"]["key"]), row["fcnt32"]
    plain, dev_addr = bytes.fromhex(row["plaintext_hex"]), int(row["dev_addr"], 16)
    secret = lorawan.crypt(key, plain, dev_addr, f_cnt, row["dir"] == "down")
    assert secret.hex() == row["ciphertext_hex"]


@frames("mic_only")
def test_data_mic(row):
    key, message = bytes.fromhex(row["keys"]["nwk_skey"]), bytes.fromhex(row["msg_hex"])
    dev_addr, downlink = int(row["dev_addr"], 16), row["dir"] == "down"
    mic = lorawan.data_mic(key, message, dev_addr, row["fcnt32"], downlink)
    assert mic.hex() == row["mic_hex"]


def test_cf_lists():
    for row in rows("mac_commands", "cflist"):
        cf_list, freqs_hz = bytes.fromhex(row["hex"]), tuple(row.get("freqs_hz", ()))
        assert cf_list_freqs_hz(cf_list) == freqs_hz
        if row["type"] == 0:
            assert lorawan.build_cf_list(freqs_hz) == cf_list
    assert lorawan.build_cf_list((867_100_000,)).hex() == "184f84" + "00" * 13


def test_dl_settings():
    for row in rows("mac_commands", "dl_settings"):
        accept = JoinAccept(1, 0x13, 0, dl_settings=row["raw"])
        assert accept.rx1_dr_offset == row["rx1_dr_offset"]
        assert accept.rx2_data_rate == row["rx2_dr"]


# Computed alike by pamoja-lorawan 0.1.18 and lora-packet 0.9.3.
APP_KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
SESSION = Session(
    0x26011234,
    bytes.fromhex("5f6c23a9e2f1c42c95071c9e25e4fdda"),
    bytes.fromhex("7fa12f967446215d0ee7a04aab699aa0"),
)


def test_an_exchange_of_two_other_codecs():
    euis = bytes.fromhex("70b3d57ed0000001"), bytes.fromhex("0004a30b001a2b3c")
    request = JoinRequest(*euis, 1).build(APP_KEY)
    assert request.hex() == "00010000d07ed5b3703c2b1a000ba3040001008041275f"
    joined = bytes.fromhex("20af242b1b6718190f020b67fc9e74bf04")
    accept = open_join_accept(joined, APP_KEY)
    assert accept == JoinAccept(1, 0x13, 0x26011234)
    assert accept.build(APP_KEY) == joined
    assert accept.session(APP_KEY, 1) == SESSION
    up = DataFrame(MType.UNCONFIRMED_UP, 0x26011234, 0, 7, b"", 1, b"hello")
    assert SESSION.seal(up).hex() == "40341201260007000180477f7b19781660ea"
    down = DataFrame(MType.CONFIRMED_DOWN, 0x26011234, DataFrame.ACK, 3, b"", 2, b"dl")
    assert SESSION.seal(down).hex() == "a034120126200300022185066d624e"


def test_port_0_is_ciphered_with_the_network_key():
    swapped = replace(SESSION, app_skey=SESSION.nwk_skey)
    port0 = DataFrame(MType.UNCONFIRMED_UP, 0x26011234, 0, 7, b"", 0, b"\x02")
    port1 = replace(port0, f_port=1)
    assert SESSION.seal(port0) == swapped.seal(port0)
    assert SESSION.seal(port1) != swapped.seal(port1)


@pytest.mark.parametrize(
    ("last", "low", "whole"),
    [
        (-1, 0, 0),
        (-1, 65535, 65535),
        (0, 0, 65536),
        (7, 8, 8),
        (7, 7, 65543),
        (65535, 0, 65536),
        (131070, 65535, 131071),
        (131071, 65535, 196607),
    ],
)
def test_next_counter(last, low, whole):
    assert next_counter(last, low) == whole


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"f_opts": bytes(16)}, "FHDR"),
        ({"f_ctrl": 0x01}, "FHDR"),
        ({"dev_addr": 1 << 32}, "FHDR"),
        ({"m_type": 6}, "message type 6"),
        ({"f_port": 225}, "FPort 225 is reserved"),
        ({"f_port": 0, "f_opts": b"\x02"}, "both in FOpts and on FPort 0"),
        ({"frm_payload": b"x"}, "needs an FPort"),
        ({"f_port": 1, "frm_payload": bytes(243)}, "256 bytes"),
    ],
)
def test_fields_that_make_no_frame(fields, reason):
    frame = replace(DataFrame(MType.UNCONFIRMED_UP, 1, 0, 0), **fields)
    with pytest.raises(LorawanError, match=reason):
        frame.build()


def test_keys_and_counters_of_another_size_are_refused():
    with pytest.raises(LorawanError, match="a key of 15 bytes"):
        lorawan.cmac(bytes(15), b"")
    with pytest.raises(LorawanError, match="counter 4294967296 is over"):
        SESSION.seal(DataFrame(MType.UNCONFIRMED_UP, SESSION.dev_addr, 0, 1 << 32))


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    m_type=st.sampled_from([2, 3, 4, 5]),
    f_ctrl=st.sampled_from([0x00, 0x20, 0x80, 0xF0]),
    f_cnt=st.integers(0, (1 << 32) - 1),
    f_opts=st.binary(max_size=15),
    body=st.none() | st.tuples(st.integers(1, 224), st.binary(max_size=220)),
)
def test_what_was_sealed_opens_again(m_type, f_ctrl, f_cnt, f_opts, body):
    port, payload = body or (None, b"")
    frame = DataFrame(m_type, SESSION.dev_addr, f_ctrl, f_cnt, f_opts, port, payload)
    phy = SESSION.seal(frame)
    assert replace(SESSION.open(phy, f_cnt), mic=bytes(4)) == frame
    assert parse_data(phy).build() == phy
    with pytest.raises(LorawanError):
        SESSION.open(phy[:-1] + bytes((phy[-1] ^ 1,)), f_cnt)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.binary(max_size=40))
def test_garbage_is_a_frame_or_a_lorawan_error(phy):
    try:
        frame = parse(phy)
    except LorawanError:
        return
    assert isinstance(frame, JoinRequest) or frame.build() == phy


def test_mac_command_streams():
    streams = rows("mac_commands", "streams")
    assert len(streams) == 43
    for row in streams:
        downlink = row["dir"] == "down"
        commands, error = maccommands.parse(bytes.fromhex(row["hex"]), downlink)
        found = [{"cid": c.cid, "name": c.name, "fields": dict(c.fields)} for c in commands]
        assert (found, error) == (row["commands"], row["error"]), row["hex"]
        types = [{name: type(value) for name, value in c.fields.items()} for c in commands]
        wanted = [{n: type(v) for n, v in c["fields"].items()} for c in row["commands"]]
        assert types == wanted, row["hex"]
        if error is None:
            built = b"".join(maccommands.build(c.name, **c.fields) for c in commands)
            assert built.hex() == row["hex"]


def test_mac_command_lengths():
    for table, downlink in (("lengths_up", False), ("lengths_down", True)):
        lengths = rows("mac_commands", table)
        for cid in range(256):
            commands, error = maccommands.parse(bytes((cid,)) + bytes(5), downlink)
            if str(cid) not in lengths:
                assert (commands, error) == ([], f"unknown_cid:0x{cid:02x}")
            else:
                assert commands[0].cid == cid
                assert len(maccommands.build(commands[0].name)) == 1 + lengths[str(cid)]


@pytest.mark.parametrize(
    ("name", "fields", "reason"),
    [
        ("LinkADRReq", {"data_rate": 16}, "data_rate of LinkADRReq is out of range"),
        ("DevStatusAns", {"margin": 32}, "margin of DevStatusAns is out of range"),
        ("DevStatusAns", {"margin": -33}, "margin of DevStatusAns is out of range"),
        ("LinkADRReq", {"dr": 5}, "LinkADRReq has no field dr"),
        ("RekeyConf", {}, "no MAC command RekeyConf"),
    ],
)
def test_mac_commands_that_cannot_be(name, fields, reason):
    with pytest.raises(LorawanError, match=reason):
        maccommands.build(name, **fields)


@pytest.mark.parametrize("table", ["airtime", "eu868_generated"])
def test_time_on_air(table):
    for row in rows("airtime", table):
        cr = int(row["cr"][2:])
        explicit, shape = not row.get("implicit_header", False), (row["sf"], row["bw_hz"])
        us = lorawan.time_on_air_us(
            row["phy_payload_len"],
            *shape,
            cr,
            row["preamble"],
            row["crc_on"],
            explicit,
            row["ldro"],
        )
        assert us == row["expected_us"], row


def test_low_data_rate_optimisation_comes_by_itself_above_16_ms():
    for row in rows("airtime", "eu868_generated"):
        us = lorawan.time_on_air_us(
            row["phy_payload_len"], row["sf"], row["bw_hz"], crc=row["crc_on"]
        )
        assert us == row["expected_us"], row


def test_payload_symbols():
    for row in rows("airtime", "payload_symbols"):
        explicit, cr = not row["implicit_header"], int(row["cr"][2:])
        symbols = lorawan.payload_symbols(
            row["phy_payload_len"], row["sf"], cr, explicit=explicit, ldro=row["ldro"]
        )
        assert symbols == row["payload_symbols"], row
