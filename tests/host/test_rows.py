# SPDX-License-Identifier: MIT
"""Readings that come late, twice or in parts, and what is kept of them."""

from datetime import UTC, datetime, timedelta

from host.rows import Row, once

START = datetime(2026, 11, 23, 8, tzinfo=UTC)


def row(f_cnt, measured_s, age_s, name="way", **values):
    time = START + timedelta(seconds=measured_s)
    return Row(time, name, "", f_cnt, 7, -100.0, 5.0, {"age_s": age_s, **values})


def test_a_reading_that_comes_again_is_kept_as_it_came_first():
    rows = [row(1, 0, 0, co2=600), row(2, 600, 0, co2=610), row(2, 0, 600, name="room", co2=9)]
    again = [row(9, 1, 5000, co2=600), row(9, 599, 4400, co2=610)]  # a second off by the rounding
    assert once([*rows, *again]) == rows


def test_the_parts_of_a_reading_become_one():
    first, second, other = row(1, 0, 0, co2=600), row(2, 1, 8, humidity=45), row(3, 60, 0, co2=610)
    assert once([first, second, other]) == [row(1, 0, 0, co2=600, humidity=45), other]
    assert first.values == {"age_s": 0, "co2": 600}  # what was shown stays as it was


def test_readings_of_a_lost_clock_that_arrive_at_once_are_all_kept():
    rows = [row(5, 900, None, number=number, co2=600) for number in (7, 6, 5)]
    assert once([*rows, row(6, 2000, None, number=6, co2=600)]) == rows


def test_who_passed_is_counted_once_whatever_came_late():
    rows = [
        row(1, 0, 0, count=65530),
        row(2, 2700, 0, count=40, count_difference=46),  # as it was when nothing was in between
        row(3, 900, 2000, count=4, count_difference=10),
        row(3, 1800, 1100, count=24, count_difference=20),
        row(4, 2700, 500, count=40, count_difference=16),
    ]
    found = {each.time: each.values.get("count_difference") for each in once(rows)}
    minutes = {15: 10, 30: 20, 45: 16}
    expected = {START + timedelta(minutes=after): count for after, count in minutes.items()}
    assert found == {START: None, **expected}
