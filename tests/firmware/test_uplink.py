# SPDX-License-Identifier: MIT
"""Frames of readings, byte for byte."""

import cbor
import uplink
from backlog import Reading

AIR = {1: 612, 2: 213, 3: 45}


def reading(number, values=AIR):
    return Reading(number, 1, 0, values, None)


def fresh(_):
    return 0


def test_co2_temperature_and_humidity_take_11_bytes():
    payload, taken = uplink.pack([reading(0)], 51, fresh)
    assert payload.hex() == "a3011902640218d503182d"
    assert len(payload) == 11 and [left for _, left in taken] == [[]]


def test_from_25_6_degrees_it_takes_12():
    payload, _ = uplink.pack([reading(0, {1: 612, 2: 256, 3: 45})], 51, fresh)
    assert payload.hex() == "a301190264021901000318" + "2d"


def test_an_age_shows_from_10_seconds_on():
    assert uplink.pack([reading(0)], 51, lambda _: 9)[0].hex() == "a3011902640218d503182d"
    assert uplink.pack([reading(0)], 51, lambda _: 10)[0].hex() == "a4000a011902640218d503182d"


def test_a_lost_clock_gives_null_and_the_running_number():
    payload, _ = uplink.pack([reading(65537)], 51, lambda _: None)
    assert cbor.decode(payload) == {0: None, 1: 612, 2: 213, 3: 45, -3: 1}


def test_several_readings_make_a_sequence_newest_first():
    payload, taken = uplink.pack([reading(3), reading(2), reading(1)], 30, fresh)
    assert payload.hex() == "a3011902640218d503182d" * 2
    assert taken == [(3, []), (2, [])]


def test_no_frame_is_ever_longer_than_its_limit():
    values = {1: 612, 2: -213, 3: 45, 9: 371, -1: 2, -2: 1}
    for limit in range(1, 60):
        rows = [reading(3, values), reading(2, values), reading(1, values)]
        payload, _ = uplink.pack(rows, limit, lambda _: 700)
        assert len(payload) <= limit


def test_a_reading_that_does_not_fit_is_split_and_loses_nothing():
    values = {1: 612, 2: 213, 3: 45, 9: 371, -1: 2, -2: 1}
    row, found, frames = reading(0, values), {}, 0
    while row.left != []:
        payload, taken = uplink.pack([row], 12, lambda _: 700)
        part = cbor.decode(payload)
        assert part.pop(0) == 700
        if not frames:
            assert -1 in part and -2 in part
        found.update(part)
        row = Reading(0, 1, 0, values, taken[0][1])
        frames += 1
    assert found == values and frames == 3
