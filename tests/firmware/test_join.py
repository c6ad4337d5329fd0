# SPDX-License-Identifier: MIT
"""lora.join against published joins: both messages, session keys, and what a CFList brings."""

from lora import frame, join
from lora.join import cf_list
from lora.region import find
from lora.session import Session
from network import APP_SKEY, DEV_ADDR, NWK_SKEY
from vectors import refuses, rows


def _session(name, data_rate=None):
    region = find(name)
    session = Session(region, DEV_ADDR, NWK_SKEY, APP_SKEY)
    session.data_rate = region.join_data_rates[0] if data_rate is None else data_rate
    return region, session


def test_join_requests():
    seen = 0
    for row in rows("lorawan_frames", "frames"):
        if row["kind"] != "join_request":
            continue
        phy = join.request(
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
            assert refuses(frame.FrameError, join.parse_accept, key, phy), row["id"]
            continue
        accept = join.parse_accept(key, phy)
        assert accept.join_nonce == row["join_nonce"], row["id"]
        assert accept.net_id == int(row["net_id"], 16), row["id"]
        assert accept.dev_addr == int(row["dev_addr"], 16), row["id"]
        assert accept.rx1_dr_offset == row["dl_settings"]["rx1_dr_offset"], row["id"]
        assert accept.rx2_data_rate == row["dl_settings"]["rx2_dr"], row["id"]
        assert accept.rx1_delay_s == (row["rx_delay"] or 1), row["id"]
        assert accept.cf_list.hex() == row.get("cflist_hex", ""), row["id"]
        for end in range(len(phy)):
            assert refuses(frame.FrameError, join.parse_accept, key, phy[:end]), end
        wrong = bytes((0x60,)) + phy[1:]
        assert refuses(frame.FrameError, join.parse_accept, key, wrong), row["id"]
        seen += 1
    assert seen == 5, seen


def test_session_keys():
    seen = 0
    for row in rows("lorawan_frames", "frames"):
        if "derived" not in row:
            continue
        nwk_skey, app_skey = join.session_keys(
            bytes.fromhex(row["keys"]["app_key"]),
            row["join_nonce"],
            int(row["net_id"], 16),
            row["dev_nonce"],
        )
        assert nwk_skey.hex() == row["derived"]["nwk_skey"], row["id"]
        assert app_skey.hex() == row["derived"]["app_skey"], row["id"]
        seen += 1
    assert seen >= 5, seen


def test_cf_list_of_type_0():
    # published: 867.1 to 867.9 MHz
    for row in rows("lorawan_frames", "frames"):
        if row["id"] == "gen-ja-eu868-ttn-like":
            break
    content = b"".join([(hz // 100).to_bytes(3, "little") for hz in row["cflist_freqs_hz"]])
    region, session = _session("EU868")
    cf_list(region, session, content + b"\x00")
    assert [each[0] for each in session.channels if each][3:] == row["cflist_freqs_hz"]
    region, session = _session("AS923-3")
    cf_list(region, session, (9170000).to_bytes(3, "little") + bytes(13))
    assert session.channels[2] == (917000000, 0, 5, 917000000)  # two defaults there
    assert session.defined() == 7


def test_cf_list_of_type_1():
    region, session = _session("US915")
    content = bytes.fromhex("00ff" + "0000" * 3 + "0200") + bytes(5) + b"\x01"
    cf_list(region, session, content)
    assert session.channel_mask == 0xFF00 | 0x02 << 64
    assert [each[0] for each in session.usable(4)] == [904600000]
    # joined at DR4, and the list has no 500 kHz channel: the data rate follows
    region, session = _session("US915", 4)
    cf_list(region, session, bytes.fromhex("ff00") + bytes(13) + b"\x01")
    assert (session.channel_mask, session.data_rate) == (0xFF, 3)


def test_cf_lists_that_say_nothing_change_nothing():
    for name, content in (
        ("EU868", b""),
        ("EU868", bytes(15) + b"\x00"),
        ("EU868", b"\x01" * 15 + b"\x01"),  # of the other kind of plan
        ("EU868", b"\x01" * 15 + b"\x02"),
        ("US915", bytes(15) + b"\x01"),
        ("US915", b"\x01" * 15 + b"\x00"),
    ):
        region, session = _session(name)
        before = session.record()
        cf_list(region, session, content)
        assert session.record() == before, (name, content)
