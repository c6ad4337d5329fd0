# SPDX-License-Identifier: MIT
"""lora.frame against published frames: fields, build(parse(phy)) == phy, refusals, joins."""

from lora import frame
from vectors import refuses, rows

_M_TYPES = ("unconfirmed_up", "unconfirmed_down", "confirmed_up", "confirmed_down")


def test_published_data_frames():
    for row in rows("lorawan_frames", "frames"):
        if row["kind"] != "data":
            continue
        phy = bytes.fromhex(row["phy_hex"])
        parsed = frame.parse(phy)
        assert parsed.m_type == 2 + _M_TYPES.index(row["mtype"]), row["id"]
        assert parsed.dev_addr == int(row["dev_addr"], 16), row["id"]
        assert parsed.f_cnt == row["fcnt16"], row["id"]
        assert bool(parsed.f_ctrl & frame.ADR) == row["fctrl"]["adr"], row["id"]
        assert bool(parsed.f_ctrl & frame.ACK) == row["fctrl"]["ack"], row["id"]
        assert parsed.f_opts.hex() == row["fopts_hex"], row["id"]
        assert parsed.f_port == row["fport"], row["id"]
        assert parsed.frm_payload.hex() == row["frm_payload_hex"], row["id"]
        assert parsed.mic.hex() == row["mic_hex"], row["id"]
        assert frame.build(parsed) == phy, row["id"]
        assert frame.parse(memoryview(phy)) == parsed, row["id"]


def test_ill_formed_frames_are_refused():
    refused = []
    for row in rows("lorawan_frames", "frames"):
        if row["kind"] == "negative" and refuses(
            frame.FrameError, frame.parse, bytes.fromhex(row["phy_hex"])
        ):
            refused.append(row["id"])
    # the other three are well-formed: the MAC drops them
    assert refused == ["neg-too-short-11", "neg-foptslen-overrun", "neg-rfu-mtype", "neg-jr-len-22"]


def test_mhdr():
    body = bytes(11)
    for mhdr in range(256):
        accepted = mhdr in (0x40, 0x60, 0x80, 0xA0)
        phy = bytes((mhdr,)) + body
        assert refuses(frame.FrameError, frame.parse, phy) != accepted, mhdr


def test_every_f_opts_len_and_cut():
    for length in range(16):
        head = b"\x60\x01\x02\x03\x04" + bytes((length, 7, 0))
        for size in range(19):
            phy = head + bytes(size) + b"\xaa\xbb\xcc\xdd"
            if size < length:
                assert refuses(frame.FrameError, frame.parse, phy), (length, size)
                continue
            parsed = frame.parse(phy)
            assert len(parsed.f_opts) == length
            assert parsed.f_port == (0 if size > length else None)
            assert len(parsed.frm_payload) == max(size - length - 1, 0)
            assert frame.build(parsed) == phy


def test_build_refuses_what_parse_would_not_give():
    good = frame.DataFrame(2, 0x26011234, 0x80, 7, b"", 1, b"x", bytes(4))
    frame.build(good)
    for field, value in (
        (0, 0),
        (0, 6),
        (2, 0x01),
        (3, 0x10000),
        (4, bytes(16)),
        (5, None),
        (6, bytes(243)),
        (7, bytes(3)),
    ):
        fields = list(good)
        fields[field] = value
        assert refuses(frame.FrameError, frame.build, frame.DataFrame(*fields)), field
    assert refuses(frame.FrameError, frame.parse, b"\x40" + bytes(255))


def test_join_requests():
    seen = 0
    for row in rows("lorawan_frames", "frames"):
        if row["kind"] != "join_request":
            continue
        phy = frame.join_request(
            bytes.fromhex(row["keys"]["app_key"]),
            bytes.fromhex(row["join_eui"]),
            bytes.fromhex(row["dev_eui"]),
            row["dev_nonce"],
        )
        assert (phy.hex() == row["phy_hex"]) == row["mic_valid"], row["id"]
        assert phy[-4:].hex() == row.get("expected_mic_hex", row["mic_hex"]), row["id"]
        seen += 1
    assert seen == 6, seen


def test_join_accepts():
    seen = 0
    for row in rows("lorawan_frames", "frames"):
        if row["kind"] != "join_accept":
            continue
        key, phy = bytes.fromhex(row["keys"]["app_key"]), bytes.fromhex(row["phy_hex"])
        if not row["mic_valid"]:
            assert refuses(frame.FrameError, frame.parse_join_accept, key, phy), row["id"]
            continue
        accept = frame.parse_join_accept(key, phy)
        assert accept.join_nonce == row["join_nonce"], row["id"]
        assert accept.net_id == int(row["net_id"], 16), row["id"]
        assert accept.dev_addr == int(row["dev_addr"], 16), row["id"]
        assert accept.rx1_dr_offset == row["dl_settings"]["rx1_dr_offset"], row["id"]
        assert accept.rx2_data_rate == row["dl_settings"]["rx2_dr"], row["id"]
        assert accept.rx1_delay_s == (row["rx_delay"] or 1), row["id"]
        assert accept.cf_list.hex() == row.get("cflist_hex", ""), row["id"]
        for end in range(len(phy)):
            assert refuses(frame.FrameError, frame.parse_join_accept, key, phy[:end]), end
        wrong = bytes((0x60,)) + phy[1:]
        assert refuses(frame.FrameError, frame.parse_join_accept, key, wrong), row["id"]
        seen += 1
    assert seen == 5, seen
