# SPDX-License-Identifier: MIT
"""The battery behind its divider: the mean of 16 samples, in hundredths of a volt."""

from drivers.battery import Battery, level


def read_cv(samples_mv, ratio_permille):
    """The result, and how many samples were not taken."""
    left = list(samples_mv)
    return Battery(lambda: left.pop(0), ratio_permille).read_cv(), len(left)


def test_two_equal_resistors_double_it():
    assert read_cv([2100] * 20, 2000) == (420, 4)


def test_noise_is_averaged_away():
    assert read_cv([1600, 2200] * 8, 2000)[0] == 380


def test_it_is_rounded_to_the_nearest_hundredth():
    # V / 3 of a Pico's VSYS pin
    for millivolts, centivolts in ((1401, 420), (1402, 421), (1398, 419), (0, 0), (3300, 990)):
        assert read_cv([millivolts] * 16, 3000)[0] == centivolts, millivolts
    assert read_cv([1400] * 15 + [1427], 3000)[0] == 421  # 4.2051 V
    assert read_cv([1400] * 15 + [1426], 3000)[0] == 420  # 4.2049 V


def test_dev_status_ans_is_1_to_254_between_empty_and_full():
    # TS001 5.5: 1 is the minimum, 254 the maximum; 0 and 255 say something else
    assert [level(cv) for cv in (0, 299, 300, 360, 420, 500)] == [1, 1, 1, 127, 254, 254]
    assert Battery(lambda: 1800, 2000).level() == 127


def test_under_3_5_v_it_is_low_and_under_2_v_there_is_none():
    low = [Battery(lambda mv=mv: mv, 2000).low() for mv in (1748, 1747, 1600, 998, 997, 0)]
    assert low == [False, True, True, True, False, False]


def test_under_3_3_v_it_is_spent_and_under_2_v_there_is_none():
    spent = [Battery(lambda mv=mv: mv, 2000).spent() for mv in (1648, 1647, 998, 997, 0)]
    assert spent == [False, True, True, False, False]
