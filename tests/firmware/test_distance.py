# SPDX-License-Identifier: MIT
"""The shared filter of distances (hardware.md 1.3): which shots count, and what they come to."""

import distance
from vectors import refuses

NOISY, UNCOMPENSATED = 4, 8  # bits of key -4
NO_ECHO = ValueError("no echo")


class Shots:
    """A sensor with a script: distances in mm, or what a shot raises."""

    SHOT_MS = 0

    def __init__(self, *script):
        self.script, self.temperatures_dc = list(script), []

    def shot(self, temperature_dc):
        self.temperatures_dc.append(temperature_dc)
        found = self.script.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


class Compensated(Shots):
    COMPENSATED = True


def measured(*script):
    return distance.measure(Shots(*script), {2: 200})


def test_the_median_of_seven_is_reported():
    assert measured(1004, 998, 1001, 1000, 999, 1002, 1003) == {4: 1001}


def test_shots_that_fail_are_dropped_and_four_are_enough():
    assert measured(1000, NO_ECHO, 1002, NO_ECHO, 1004, NO_ECHO, 1005) == {4: 1003}


def test_three_good_shots_are_too_few_and_it_stops_at_the_fourth_bad_one():
    sensor = Shots(1000, NO_ECHO, NO_ECHO, 1000, NO_ECHO, NO_ECHO, 1000)
    assert refuses(ValueError, distance.measure, sensor, {2: 200})
    assert sensor.script == [1000]


def test_a_silent_sensor_is_not_asked_again():
    sensor = Shots(1000, OSError("no pulse"), 1000)
    assert refuses(OSError, distance.measure, sensor, {2: 200})
    assert sensor.script == [1000]


def test_outliers_are_beyond_three_median_deviations():
    # multiple echoes and the rim: median 1001, deviations 0 1 1 2 3 600 1001, their median 2
    assert distance.settled([1000, 1001, 1003, 2002, 401, 1004, 1000]) == (1001, 4)
    # deviations 0 4 4 5 12 ...: 12 is three times 4 and stays, 13 goes
    assert distance.settled([1000, 996, 1004, 995, 1012, 1004, 996]) == (1000, 17)
    assert distance.settled([1000, 996, 1004, 995, 1013, 1004, 996]) == (998, 9)


def test_equal_shots_do_not_make_a_millimetre_an_outlier():
    assert distance.settled([1000] * 5 + [1001, 1009]) == (1000, 9)
    assert distance.settled([1000] * 5 + [1001, 1010]) == (1000, 1)


def test_of_an_even_count_it_is_the_mean_of_the_middle_two():
    assert distance.median([4, 1, 2, 9]) == 3
    assert distance.median([4, 1, 3, 9]) == 4  # 3.5
    assert distance.median([7]) == 7


def test_a_spread_that_is_not_the_sensors_is_flagged():
    # 40 mm and a fiftieth of the distance: 60 mm at 1 m
    evenly = [970, 980, 990, 1000, 1010, 1020, 1030]
    assert measured(*evenly) == {4: 1000}
    assert measured(*evenly[:-1], 1031) == {4: 1000, -4: NOISY}


def test_the_temperature_is_that_of_the_air_then_that_of_the_other_sensor():
    for values, temperature_dc in (({2: -85, 13: 40}, -85), ({13: 40}, 40), ({2: 0, 13: 40}, 0)):
        sensor = Shots(*[1000] * 7)
        assert distance.measure(sensor, values) == {4: 1000}
        assert sensor.temperatures_dc == [temperature_dc] * 7


def test_without_a_temperature_ten_degrees_are_taken_and_it_is_said():
    sensor = Shots(*[1000] * 7)
    assert distance.measure(sensor, {3: 50}) == {4: 1000, -4: UNCOMPENSATED}
    assert sensor.temperatures_dc == [100] * 7
    noisy = Shots(900, 930, 970, 1000, 1030, 1070, 1100)
    assert distance.measure(noisy, {}) == {4: 1000, -4: NOISY | UNCOMPENSATED}


def test_a_sensor_that_knows_its_temperature_needs_none():
    assert distance.measure(Compensated(*[1000] * 7), {}) == {4: 1000}


def test_the_speed_of_sound_is_that_of_hardware_md():
    for celsius, dm_s in ((-20, 3189), (0, 3313), (10, 3373), (20, 3432), (40, 3547)):
        assert abs(distance.sound_mm_s(10 * celsius) - 100 * dm_s) <= 90, celsius


def test_an_echo_is_there_and_back():
    assert distance.echo_mm(58 * 100, 200) == 995  # the rule of thumb says 1 m at 58 us/cm: 22 degC
    assert distance.echo_mm(5831, 190) == 999
    assert distance.echo_mm(23_310, 200) == 4000  # as far as an HC-SR04 reaches
    assert distance.echo_mm(23_310, -200) == 3717  # 7.1 % less at -20 degC
    assert distance.echo_mm(0, 200) == 0
