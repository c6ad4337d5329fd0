# SPDX-License-Identifier: MIT
"""lora.commands against published streams: lengths both ways, unknown and truncated commands."""

from lora import commands
from vectors import rows


def test_published_streams():
    seen = 0
    for row in rows("mac_commands", "streams"):
        stream = bytes.fromhex(row["hex"])
        parsed = commands.parse(stream, row["dir"] == "down")
        assert [cid for cid, _ in parsed] == [c["cid"] for c in row["commands"]], row["hex"]
        joined = b"".join([bytes((cid,)) + payload for cid, payload in parsed])
        assert stream[: len(joined)] == joined
        assert (joined == stream) == (row["error"] is None), row["hex"]
        seen += 1
    assert seen == 43, seen


def test_lengths_both_ways():
    for name, downlink in (("lengths_down", True), ("lengths_up", False)):
        for lengths in rows("mac_commands", name):
            for cid in range(256):
                length = lengths.get(str(cid))
                parsed = commands.parse(bytes((cid,)) + bytes(range(0x80, 0x88)), downlink)
                if length is None:
                    assert parsed == [], cid
                else:
                    assert parsed[0] == (cid, bytes(range(0x80, 0x80 + length))), cid


def test_a_downlink_is_the_default():
    assert commands.parse(bytes.fromhex("020a0f06")) == [(2, b"\x0a\x0f"), (6, b"")]
