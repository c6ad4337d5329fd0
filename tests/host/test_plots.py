# SPDX-License-Identifier: MIT
"""What is left out of a plot, and what is not."""

from datetime import UTC, datetime, timedelta
from math import isnan

from host.plots import gaps, thin

START = datetime(2026, 11, 23, tzinfo=UTC)


def every(minutes, values):
    return [(START + timedelta(minutes=minutes * at), value) for at, value in enumerate(values)]


def test_no_peak_is_lost_by_thinning():
    rows = every(1, [50.0] * 10_000)
    rows[4321], rows[7777] = (rows[4321][0], 99.0), (rows[7777][0], 1.0)
    found = thin(rows, 240)
    assert len(found) <= 480
    assert rows[4321] in found and rows[7777] in found
    assert found == sorted(found) and found[0] == rows[0]


def test_what_is_short_stays_as_it_is():
    rows = every(10, list(range(480)))
    assert thin(rows, 240) == rows


def test_a_line_breaks_where_nothing_came():
    rows = every(10, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
    del rows[2:5]
    found = gaps(rows)
    assert [value for _, value in found if not isnan(value)] == [1, 2, 6, 7]
    assert isnan(found[2][1]) and rows[1][0] < found[2][0] < rows[2][0]
    whole = every(10, [1.0, 2.0, 3.0])
    del whole[1]  # one that is missing is bridged
    assert gaps([*every(10, [0.0, 1.0]), *[(t + timedelta(minutes=20), v) for t, v in whole]]) == [
        *every(10, [0.0, 1.0]),
        *[(t + timedelta(minutes=20), v) for t, v in whole],
    ]
    assert gaps([]) == []
