# SPDX-License-Identifier: MIT
"""What a summary says of a class, a bin, a water, a way and a bay."""

from datetime import UTC, datetime, timedelta

from simulator.outcome import outcome

START = datetime(2026, 11, 23, 6, tzinfo=UTC)


def rows(name, *values, every_min=20):
    """Readings of one quantity, None where it is missing; they come in another order."""
    found = [
        (START + timedelta(minutes=every_min * at), {} if value is None else {name: value})
        for at, value in enumerate(values)
    ]
    return found[::-1]


def test_a_class_has_its_minutes_above_the_limits():
    found = outcome([1, 2, 3], rows("co2", 700, 800, 1200, None, 900, 1300, every_min=10))
    # 800 stands for 10 minutes, 1200 for 20 up to 900, that for 10; the last for none
    assert found == {"co2_minutes_above_800": 40, "co2_minutes_above_1200": 20}
    (hourly,) = [outcome([1], rows("co2", 900, 900, every_min=180))]
    assert hourly["co2_minutes_above_800"] == 60


def test_a_bin_has_its_fill_and_when_it_was_emptied():
    found = outcome([2, 4, 5], rows("fill", 60, 95, None, 3, 20, 12, 45, 15))
    at = [(START + timedelta(minutes=20 * step)).isoformat() for step in (3, 7)]
    assert found == {"fill_now": 15, "emptied_at": at}  # 20 to 12 is settling


def test_a_water_has_its_highest_level():
    found = outcome([2, 4, 6], rows("level", -50, 12, None, 9, 12))
    at = (START + timedelta(minutes=20)).isoformat()
    assert found == {"level_now_mm": 12, "level_highest_mm": 12, "level_highest_at": at}


def test_a_way_has_its_sums_and_its_busiest_intervals():
    moments = [(START + timedelta(minutes=20 * step)).isoformat() for step in (1, 3)]
    both = [
        (time, {**there, **back})
        for (time, there), (_, back) in zip(
            rows("count_difference", None, 7, None, 2),
            rows("count_back_difference", 0, None, 3, 4),
            strict=True,
        )
    ]
    there = {"count_sum": 9, "count_most": 7, "count_most_at": moments[0]}
    back = {"count_back_sum": 7, "count_back_most": 4, "count_back_most_at": moments[1]}
    assert outcome([7], both) == there
    assert outcome([7, 11], both) == there | back
    assert set(outcome([7], rows("count", 5)).values()) == {None}


def test_a_bay_has_the_share_of_its_time():
    assert outcome([4, 8, 12], rows("occupancy", 0, 100, None, 33)) == {"occupied_share": 0.443}


def test_without_readings_there_is_nothing_to_say():
    assert outcome([5], []) == {"fill_now": None, "emptied_at": []}
    assert set(outcome([6, 12], []).values()) == {None}
    assert outcome([2, 3], rows("temperature", 20.5)) == {}
