# SPDX-License-Identifier: MIT
"""The real firmware with a config that is none: it says so and stays off the air."""

import pytest
from bare import HARDWARE, KIT, Bare

from host import boards, image, provision

IDENTITY = provision.new_identity("room-1", bytes(7) + b"\x01", lambda count: b"k" * count)


def config(**changes):
    """The record of a config with something changed; None: left out."""
    values = boards.config_for(
        HARDWARE, KIT, "room-1", IDENTITY.dev_eui, IDENTITY.join_eui, IDENTITY.app_key
    )
    values = {key: value for key, value in (values | changes).items() if value is not None}
    return {"/state/config.0": image.record(values)}


def torn(record):
    """A record with one wrong bit in its CRC."""
    return record[:-1] + bytes((record[-1] ^ 1,))


def test_with_its_key_it_joins(tmp_path):
    bare = Bare(tmp_path, config())
    assert bare.sent and "not provisioned" not in bare.log


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ({}, "no config on this board"),
        (config(app_key=None), "config lacks app_key"),
        (config(app_key="k" * 16), "config lacks app_key"),
        (config(app_key=b"k" * 15), "config app_key has 15 bytes, not 16"),
        (config(app_key=bytes(16)), "config app_key is all zeros"),
        (config(dev_eui=None), "config lacks dev_eui"),
        (config(dev_addr=1, nwk_skey=b"n" * 16), "config lacks app_skey"),
        (config(v=2), "config of another version"),
        ({"/state/config.0": image.record([1])}, "config of another version"),
        (
            {"/state/config.0": config()["/state/config.0"][:-1] + b"\x00"},
            "no config on this board",
        ),
    ],
)
def test_without_it_the_node_says_so_and_never_transmits(tmp_path, records, said):
    bare = Bare(tmp_path, records)
    assert bare.sent == [] and bare.radio.time_by_state_us().keys().isdisjoint({"rfo", "boost"})
    lines = [line for line in bare.log.splitlines() if "not provisioned" in line]
    assert len(lines) > 100
    assert all(f"not provisioned: {said} - next: node071 provision" in line for line in lines)
    assert "Traceback" not in bare.log and bare.board.starts == [(0, "power")]
    # somebody who stands before it without a computer sees it too
    levels = {level for _, pin, level in bare.board.outputs if pin == HARDWARE.led.pin}
    assert levels == {0, 1}
    assert b"k" * 16 not in bare.log.encode()
