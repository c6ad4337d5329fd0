# SPDX-License-Identifier: MIT
"""What follows from a distance: fill, level, a bay that is taken; and what has to be there."""

from marks import Marks, fill_pct

NONE = [None, None, None]
BIN = [1200, 350, None]
BAY = {"below_mm": 1800, "hysteresis_mm": 200, "look_s": 60}


def filled(marks, *distances_mm):
    """The fill of one reading after another."""
    found = []
    for distance_mm in distances_mm:
        values = {4: distance_mm}
        assert marks.add(values, BIN) == 0
        found.append(values[5])
    return found


def taken(marks, *distances_mm):
    """Whether the bay is taken at one look after another, None where nothing is known."""
    found = []
    for distance_mm in distances_mm:
        values = {} if distance_mm is None else {4: distance_mm}
        marks.look(values)
        found.append(values.get(8))
    return found


def test_fill_is_the_share_between_the_marks_and_no_more():
    for distance_mm, percent in (
        (1200, 0), (350, 100), (775, 50), (1196, 0), (1195, 1), (5000, 0), (250, 100), (0, 100),
    ):  # fmt: skip
        assert fill_pct(distance_mm, 1200, 350) == percent, distance_mm


def test_a_bin_that_was_emptied_is_seen_at_once():
    assert filled(Marks(None), 400, 1198) == [94, 0]


def test_what_is_thrown_in_is_seen_at_once_up_to_a_fifth():
    assert filled(Marks(None), 1200, 1030, 860) == [0, 20, 40]


def test_a_steep_rise_counts_when_two_of_three_readings_have_it():
    assert filled(Marks(None), 1200, 500, 510) == [0, 0, 81]
    assert filled(Marks(None), 1200, 500, 1190, 500) == [0, 0, 1, 82]
    # a bag that hung in the opening, then one again when the first is forgotten
    assert filled(Marks(None), 1200, 500, 1190, 1190, 500) == [0, 0, 1, 1, 1]


def test_a_jump_is_reckoned_from_what_was_confirmed():
    # 15 and 30 are each a small step; 60 is a jump from 30, and 45 is none
    assert filled(Marks(None), 1200, 1072, 945, 690, 817) == [0, 15, 30, 30, 45]


def test_the_first_reading_of_all_needs_no_second():
    assert filled(Marks(None), 400) == [94]


def test_a_level_is_signed():
    for distance_mm, level_mm in ((1750, 50), (1800, 0), (2300, -500)):
        values = {4: distance_mm}
        assert Marks(None).add(values, [None, None, 1800]) == 0
        assert values == {4: distance_mm, 6: level_mm}


def test_without_marks_there_is_the_distance_only():
    for marks in (NONE, [1200, None, None], [None, 350, None], [350, 350, None]):
        values = {4: 700}
        assert Marks(None).add(values, marks) == 0
        assert values == {4: 700}


def test_without_a_distance_all_that_follows_from_it_is_at_fault():
    values = {2: 80}
    assert Marks(None).add(values, [1200, 350, 1800]) == 1 << 4 | 1 << 5
    assert Marks(BAY).add(values, NONE) == 1 << 7 | 1 << 11
    assert values == {2: 80}


def test_a_silent_sensor_does_not_make_an_old_fill_new():
    marks = Marks(None)
    assert filled(marks, 775) == [50]
    values = {}
    assert marks.add(values, BIN) == 1 << 4 and values == {}
    assert filled(marks, 760) == [52]


def test_a_bay_is_taken_below_its_limit_and_free_again_above_the_hysteresis():
    assert taken(Marks(BAY), 1800, 1799, 1999, 2000, 1999, 1800) == [0, 1, 1, 0, 0, 0]


def test_occupancy_is_the_share_of_the_looks_since_the_last_reading():
    marks = Marks(BAY)
    assert taken(marks, 900, 900, 2600) == [1, 1, 0]
    values = {4: 2600, 8: 0}
    assert marks.add(values, NONE) == 0 and values[12] == 67
    assert taken(marks, 2600, 900) == [0, 1]
    values = {4: 900, 8: 1}
    assert marks.add(values, NONE) == 0 and values[12] == 50


def test_a_look_that_saw_nothing_is_no_look():
    marks = Marks(BAY)
    assert taken(marks, 900, None, None) == [1, None, None]
    values = {}
    assert marks.add(values, NONE) == 1 << 7 and values == {12: 100}
    values = {}
    assert marks.add(values, NONE) == 1 << 7 | 1 << 11


def test_what_is_kept_over_deep_sleep_goes_on_as_if_awake():
    marks, bay = Marks(None), Marks(BAY)
    filled(marks, 1200, 500)
    taken(bay, 900, 2600, 900)
    assert filled(Marks(None, marks.record()), 510) == [81]
    again = Marks(BAY, bay.record())
    assert taken(again, 1900) == [1]
    values = {4: 1900, 8: 1}
    again.add(values, NONE)
    assert values[12] == 75
