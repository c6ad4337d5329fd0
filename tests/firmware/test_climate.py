# SPDX-License-Identifier: MIT
"""What a temperature offset does to the humidity, beside tables of the vapour pressure."""

from drivers.climate import climate

# Saturation vapour pressure over water in Pa (Wexler's tables in ASHRAE Fundamentals, chapter 1)
SATURATION_PA = {0: 611, 10: 1228, 16: 1818, 20: 2339, 21: 2488, 25: 3169, 30: 4247, 40: 7384}


def test_without_an_offset_humidity_is_rounded_and_kept_within_0_and_100():
    for humidity_mpct, humidity_pct in (
        (-6000, 0), (499, 0), (500, 1), (44499, 44), (44500, 45), (99500, 100), (119000, 100),
    ):  # fmt: skip
        assert climate(213, humidity_mpct) == (213, humidity_pct)


def test_less_by_an_offset_the_same_vapour_is_a_higher_humidity():
    for warm_c, cool_c in ((25, 21), (20, 16), (30, 25), (25, 20), (30, 10), (40, 20), (10, 0)):
        found = climate(10 * warm_c, 30000, 10 * (warm_c - cool_c))
        expected_mpct = 30000 * SATURATION_PA[warm_c] // SATURATION_PA[cool_c]
        assert found.temperature_dc == 10 * cool_c
        assert abs(1000 * min(100, found.humidity_pct) - min(expected_mpct, 100000)) <= 1100, (
            warm_c, cool_c, found,
        )  # fmt: skip


def test_below_zero_too():
    found = climate(-60, 50000, 20)  # over water: 390.2 Pa at -6 degC, 334.7 at -8
    assert found.temperature_dc == -80 and 57 <= found.humidity_pct <= 59
