# SPDX-License-Identifier: MIT
"""The MaxBotix HRXL on its line: its text, and what of it is no distance."""

from drivers import maxbotix, serial
from uart import Clock, Line
from vectors import refuses


def made(*lines, **options):
    """A sensor that sends these every 150 ms, the first after 60 ms."""
    clock = Clock(serial, maxbotix.distance)
    line = Line(clock)
    for number, each in enumerate(lines):
        line.comes(60 + 150 * number, each.encode().hex())
    return clock, line, maxbotix.Sensor(line, options)


def test_a_line_is_r_and_four_or_five_digits():
    for text, found_mm in (
        (b"R1234\r", 1234),
        (b"R0300\r", 300),
        (b"R09999\r", 9999),
        (b"R12345\r", 12345),
        (b"R123\r", None),
        (b"R123456\r", None),
        (b"1234\r", None),
        (b"R12 4\r", None),
        (b"R1234", None),  # it is not whole yet
        (b"", None),
    ):
        assert maxbotix.decode(text) == found_mm, text


def test_the_last_whole_line_counts():
    assert maxbotix.decode(b"34\rR1000\rR1100\rR12") == 1100
    assert maxbotix.decode(b"R1000\rR1?00\r") == 1000


def test_what_it_says_at_power_on_is_no_distance():
    greeting = b"\r\rMaxBotix Inc. HRXL-MaxSonar-WR\rPN:MB7389\rTempI\r"
    assert maxbotix.decode(greeting) is None
    assert maxbotix.decode(greeting + b"R0850\r") == 850


def test_a_shot_is_the_next_line_and_not_what_lay_in_the_buffer():
    clock, line, sensor = made("R1000\r")
    line.comes(0, ("R3000\r" * 42 + "R300").encode().hex())
    assert sensor.shot(150) == 1000 and 60 <= clock.now_ms < 90


def test_the_rest_of_a_line_that_began_before_is_no_distance():
    clock, line, sensor = made("2345\r", "R0800\r")
    line.comes(0, b"R1".hex())
    assert sensor.shot(150) == 800 and 210 <= clock.now_ms < 240


def test_its_largest_number_is_no_echo_and_its_smallest_is_too_near():
    for text, options, good in (
        ("R5000\r", {}, False),
        ("R4999\r", {}, True),
        ("R0300\r", {}, False),
        ("R0301\r", {}, True),
        ("R9999\r", {"farthest_mm": 9999}, False),
        ("R5000\r", {"farthest_mm": 9999}, True),
        ("R0500\r", {"blind_mm": 500}, False),
    ):
        _, _, sensor = made(text, **options)
        if good:
            assert sensor.shot(150) == int(text[1:5])
        else:
            assert refuses(ValueError, sensor.shot, 150)


def test_a_silent_sensor_is_one_error_and_one_that_sends_no_lines_another():
    clock, _, sensor = made()
    assert refuses(OSError, sensor.shot, 150) and clock.now_ms < 350
    for text in ("R12", "R1?34\r", "\r"):
        _, _, sensor = made(text)
        assert refuses(ValueError, sensor.shot, 150)
    _, line, sensor = made()
    line.comes(60, "5b" * 6)  # what a part with the polarity of RS-232 may look like
    assert refuses(ValueError, sensor.shot, 150)


def test_it_knows_the_airs_temperature_by_itself():
    for temperature_dc in (-200, 0, 400):
        _, _, sensor = made("R2000\r")
        assert sensor.shot(temperature_dc) == 2000
    assert sensor.COMPENSATED


def test_seven_shots_make_a_distance():
    lines = ["R{:04}\r".format(each) for each in (1000, 1001, 999, 5000, 2004, 1000, 1002)]
    _, _, sensor = made(*lines)
    assert sensor.measure({}) == {4: 1000}
