# SPDX-License-Identifier: MIT
"""The A02YYUW on its line: the published frame, resynchronisation, and what is no distance."""

from drivers import a02yyuw, serial
from uart import Clock, Line
from vectors import refuses

EXAMPLE = "ff07a1a7"  # 1953 mm (DFRobot SEN0311)
REFERENCE_DC = 145  # air in which sound has the 340 m/s that the sensor reckons with


def frame(counted):
    data = bytes((0xFF, counted >> 8, counted & 0xFF))
    return (data + bytes((sum(data) & 0xFF,))).hex()


def made(*frames, **options):
    """A sensor that sends these every 100 ms, the first after 60 ms."""
    clock = Clock(serial, a02yyuw.distance)
    line = Line(clock)
    for number, each in enumerate(frames):
        line.comes(60 + 100 * number, each)
    return clock, line, a02yyuw.Sensor(line, options)


def test_the_published_frame():
    assert a02yyuw.decode(bytes.fromhex(EXAMPLE)) == 1953


def test_every_distance_passes_whatever_its_bytes_are():
    # H and L may be 0xFF, as the head is
    for counted in (0, 255, 511, 767, 1023, 4095, 0xFF00, 0xFFFF):
        assert a02yyuw.decode(bytes.fromhex(frame(counted))) == counted
        assert a02yyuw.decode(bytes.fromhex(frame(counted) * 3)) == counted


def test_the_last_whole_frame_counts():
    data = bytes.fromhex(frame(1000) + frame(1100) + frame(1200)[:6])
    assert a02yyuw.decode(data) == 1100


def test_a_reader_that_comes_in_the_middle_finds_the_next_frame():
    for before in range(1, 5000, 7):
        both = bytes.fromhex(frame(before) + EXAMPLE)
        for missing in (1, 2, 3):
            assert a02yyuw.decode(both[missing:]) == 1953, (before, missing)
            assert a02yyuw.decode(both[missing : 4 + missing - 1]) is None, (before, missing)


def test_no_wrong_byte_passes():
    for at in range(4):
        data = bytearray.fromhex(EXAMPLE)
        data[at] ^= 0x10
        assert a02yyuw.decode(data) is None


def test_a_shot_is_the_next_frame_and_not_what_lay_in_the_buffer():
    clock, line, sensor = made(frame(1000))
    line.comes(0, frame(3000) * 64)
    assert sensor.shot(REFERENCE_DC) == 1000
    assert 60 <= clock.now_ms < 90


def test_a_frame_that_began_before_is_left_out():
    clock, line, sensor = made(frame(1000)[4:], frame(1100))
    line.comes(0, frame(1000)[:4])
    assert sensor.shot(REFERENCE_DC) == 1100
    assert 160 <= clock.now_ms < 190


def test_each_shot_is_a_frame_of_its_own():
    _, _, sensor = made(*[frame(1000 + number) for number in range(7)])
    assert [sensor.shot(REFERENCE_DC) for _ in range(7)] == list(range(1000, 1007))


def test_a_sensor_that_sends_every_300_ms_is_waited_for():
    _, line, sensor = made()
    line.comes(0, frame(900)[:2])
    line.comes(1, frame(900)[2:])
    line.comes(301, frame(1000)[:2])
    line.comes(304, frame(1000)[2:])
    assert sensor.shot(REFERENCE_DC) == 1000


def test_no_echo_is_no_distance():
    for counted in (0, 4501, 5500, 0xFFFD, 0xFFFE):
        _, line, sensor = made(frame(counted))
        assert refuses(ValueError, sensor.shot, REFERENCE_DC)
        assert not line.any()


def test_what_is_too_near_is_no_distance():
    for shown_mm, blind_mm, good in (
        (30, 30, False),
        (31, 30, True),
        (280, 280, False),
        (281, 280, True),
    ):
        _, _, sensor = made(frame(shown_mm), blind_mm=blind_mm)
        if good:
            assert sensor.shot(REFERENCE_DC) == shown_mm
        else:
            assert refuses(ValueError, sensor.shot, REFERENCE_DC)


def test_a_silent_sensor_is_one_error_and_one_that_sends_no_frames_another():
    clock, _, sensor = made()
    assert refuses(OSError, sensor.shot, REFERENCE_DC)
    assert clock.now_ms < 400
    for reply in (EXAMPLE[:4], "ff07a1a8", "00ff00ff"):
        _, _, sensor = made(reply)
        assert refuses(ValueError, sensor.shot, REFERENCE_DC)


def test_relatives_count_centimetres():
    _, _, sensor = made(frame(195), unit_mm=10)
    assert sensor.shot(REFERENCE_DC) == 1950
    _, _, sensor = made(frame(451), unit_mm=10)
    assert refuses(ValueError, sensor.shot, REFERENCE_DC)


def test_its_340_m_s_are_put_right_by_the_airs_temperature():
    # 331.3 m/s * sqrt(1 + T / 273.15) over 340 m/s
    for temperature_dc, shown_mm, true_mm in (
        (145, 4400, 4400),
        (150, 4400, 4404),
        (0, 2000, 1949),
        (-200, 2000, 1876),
        (200, 2000, 2019),
        (400, 2000, 2087),
    ):
        _, _, sensor = made(frame(shown_mm))
        assert abs(sensor.shot(temperature_dc) - true_mm) <= 1, temperature_dc
        _, _, sensor = made(frame(shown_mm), compensated=1)
        assert sensor.shot(temperature_dc) == shown_mm
    assert sensor.COMPENSATED and not made()[2].COMPENSATED


def test_seven_shots_make_a_distance():
    frames = [1000, 1001, 999, 0, 2004, 1000, 1002]
    _, _, sensor = made(*[frame(each) for each in frames])
    assert sensor.measure({2: REFERENCE_DC}) == {4: 1000}
    _, _, sensor = made(*[frame(0)] * 7)
    assert refuses(ValueError, sensor.measure, {2: REFERENCE_DC})
    _, _, sensor = made()
    assert refuses(OSError, sensor.measure, {2: REFERENCE_DC})
