# SPDX-License-Identifier: MIT
"""What the firmware draws at random; the rest of power.py is tested on boards."""

from power import random_below


def test_every_number_below_the_limit_comes_and_no_other():
    assert {random_below(3) for _ in range(300)} == {0, 1, 2}
