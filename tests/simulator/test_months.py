# SPDX-License-Identifier: MIT
"""A week of the months' proof: outages, a power cut, a network that changes its mind."""

import months


def test_a_week_with_outages_and_a_cut_loses_nothing_that_was_promised(tmp_path):
    result = months.run(7, 1, tmp_path)
    assert months.problems(result) == []
    assert result.starts == 2 and len(result.stored) > 930
    assert len(result.covered) > 50 and len(result.waiting) >= 19
    # what came while all worked is the air's own share, and doubles were there to be removed
    assert len(result.outside & result.arrived) >= 0.98 * len(result.outside)
    assert result.doubles > 0 and result.without_age < 40
