# SPDX-License-Identifier: MIT
"""What provisioning wrote is checked before anything is sent: each defect is named."""

import config
import ramdisk
from store import Store

COMMON = {
    "v": 1,
    "name": "classroom-1",
    "chip": "rp2040",
    "region": "EU868",
    "dev_eui": bytes(range(1, 9)),
    "join_eui": bytes(8),
    "interval_s": 600,
    "latency_ms": 5,
    "clock_error_ppm": 2000,
    "radio": {"spi": 0},
    "sensors": [],
}
OTAA = {"app_key": bytes(range(16))}
ABP = {"dev_addr": 0x26011234, "nwk_skey": bytes(range(16)), "app_skey": bytes(range(1, 17))}


def merged(*parts):
    whole = {}
    for part in parts:
        whole.update(part)
    return whole


def stored(values):
    store = Store(ramdisk.fresh() + "/state")
    store.save("config", values)
    return store


def complaint(values):
    """What is wrong with a config, None when nothing is."""
    try:
        config.load(stored(values))
    except config.ConfigError as error:
        return str(error)
    return None


def test_a_whole_config_comes_back_as_it_is():
    for keys in (OTAA, ABP):
        values = merged(COMMON, keys)
        assert config.load(stored(values)) == values


def test_a_board_without_a_config_says_so():
    try:
        config.load(Store(ramdisk.fresh() + "/state"))
    except config.ConfigError as error:
        assert str(error) == "no config on this board"
    else:
        raise AssertionError("loaded")


def test_another_version_or_no_map_is_refused():
    for values in ({}, [], 7, merged(COMMON, OTAA, {"v": 2})):
        assert complaint(values) == "config of another version", values


def test_each_missing_field_is_named():
    for keys in (OTAA, ABP):
        whole = merged(COMMON, keys)
        for name in whole:
            if name in ("v", "dev_addr"):
                continue  # without them it is another version, or a node that joins
            values = dict(whole)
            del values[name]
            assert complaint(values) == "config lacks " + name


def test_a_field_of_another_type_is_missing():
    for name, wrong in (("name", 7), ("interval_s", "600"), ("dev_eui", "0102"), ("radio", [])):
        assert complaint(merged(COMMON, OTAA, {name: wrong})) == "config lacks " + name


def test_an_eui_or_key_of_another_length_is_named_with_both_lengths():
    for keys, name, length in (
        (OTAA, "dev_eui", 8),
        (OTAA, "join_eui", 8),
        (OTAA, "app_key", 16),
        (ABP, "nwk_skey", 16),
        (ABP, "app_skey", 16),
    ):
        for wrong in (0, length - 1, length + 1):
            expected = "config {} has {} bytes, not {}".format(name, wrong, length)
            assert complaint(merged(COMMON, keys, {name: b"\x01" * wrong})) == expected


def test_a_key_of_zeros_is_no_key():
    for keys in (OTAA, ABP):
        for name in keys:
            if name != "dev_addr":
                values = merged(COMMON, keys, {name: bytes(16)})
                assert complaint(values) == "config {} is all zeros".format(name)


def test_the_digest_is_the_beginning_of_sha_256_over_the_cbor():
    assert config.digest({"v": 1}).hex() == "1a19"  # of a1617601
    assert config.digest({"v": 2}) != config.digest({"v": 1})
