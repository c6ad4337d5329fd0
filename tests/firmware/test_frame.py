# SPDX-License-Identifier: MIT
"""lora.frame against published frames: fields, build(parse(phy)) == phy, refusals."""

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
