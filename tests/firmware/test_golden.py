# SPDX-License-Identifier: MIT
"""The firmware's side of the golden vectors: what a node sends is what every decoder reads."""

import cbor
import ramdisk
import status
import uplink
from backlog import Reading
from settings import Settings
from store import Store
from vectors import rows

CONFIG = {"interval_s": 600, "light": {"orange_ppm": 800, "red_ppm": 1200}}
LARGEST = 242  # DR5 of EU868


def from_pairs(pairs):
    """A map of the file: pairs, with bytes as {"hex": ...}."""
    return {key: from_json(value) for key, value in pairs}


def from_json(value):
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value


def test_cbor_reads_and_writes_every_map():
    seen = 0
    for kind in ("readings", "settings", "answers", "status"):
        for row in rows("readings", kind):
            data, at = bytes.fromhex(row["payload"]), 0
            for pairs in row["wire"]:
                values, end = cbor.decode_first(data, at)
                assert values == from_pairs(pairs), row["name"]
                assert cbor.encode(values) == data[at:end], row["name"]
                at = end
            assert at == len(data)
            seen += 1
    assert seen > 90, seen


def age(reading):
    return reading.uptime_s  # these tests keep it there


def test_readings_become_their_payloads():
    for row in rows("readings", "readings"):
        readings = []
        for pairs in row["wire"]:
            values = from_pairs(pairs)
            age_s, number = values.pop(0, 0), values.pop(-3, len(readings))
            readings.append(Reading(number, 1, age_s, values, None))
        payload, taken = uplink.pack(readings, LARGEST, age)
        assert payload.hex() == row["payload"], row["name"]
        assert taken == [(reading.number, []) for reading in readings], row["name"]


def test_what_does_not_fit_is_split():
    for row in rows("readings", "splits"):
        left = None
        for payload in row["payloads"]:
            values = from_pairs(row["values"])
            reading = Reading(row["number"], 1, row["age_s"], values, left)
            found, taken = uplink.pack([reading], row["limit"], age)
            assert found.hex() == payload, row["name"]
            left = taken[0][1]
        assert left == [], row["name"]


def test_settings_are_answered():
    for row in rows("readings", "answers"):
        values = Settings(Store(ramdisk.fresh() + "/state"), CONFIG)
        answer, _ = values.handle(bytes.fromhex(row["to"]), lambda setting: setting != 6)
        if row["later"] is not None:
            answer = values.result(row["later"])
        assert answer.hex() == row["payload"], row["name"]


def test_every_setting_in_range_is_taken():
    for row in rows("readings", "settings"):
        known = row["decoded"]["unknown"] == {}
        with_lamp = CONFIG | {"lamp": {"pin": 19, "hold_s": 30}}
        values = Settings(Store(ramdisk.fresh() + "/state"), with_lamp)
        answer, _ = values.handle(bytes.fromhex(row["payload"]), lambda setting: True)
        assert (cbor.decode(answer)[1] in (0, 4)) == known, row["name"]


def test_status_has_as_many_keys_as_fit():
    for row in rows("readings", "status"):
        known = from_pairs(row["values"])
        frame = status.frame([known.get(key) for key in range(14)], row["limit"])
        assert frame.hex() == row["payload"], row["name"]
