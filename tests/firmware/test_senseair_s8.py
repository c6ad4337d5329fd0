# SPDX-License-Identifier: MIT
"""The Senseair S8 on its line: the messages that everybody's libraries send and read (facts), and
what is made of them, and when.
"""

import struct

from drivers import senseair_s8, serial
from uart import Clock, Line
from uplink import CALIBRATION_DUE, FLAGS, WARMING
from vectors import refuses

WAKE = "> 00"
STATUS_AND_CO2 = (WAKE, "> fe0400000004e5c6")
EXAMPLE = "fe0408000000000000019016e6"  # 400 ppm
PERIOD = (WAKE, "> fe03001f0001a1c3")
OFF, ON = "fe06001f0000ac03", "fe06001f00b4ac74"
CLEAR, BACKGROUND = "fe06000000009dc5", "fe0600017c066cc7"
RESULT = (WAKE, "> fe03000000019005")
MINUTES_2 = 120000


class Settings:
    def __init__(self, **values):
        self.values = {int(key[1:]): value for key, value in values.items()}


def crc(data):
    """Modbus, by long division of the bits in the order in which they are sent."""
    rest = 0xFFFF
    for byte in data:
        for bit in range(8):
            out = (rest ^ byte >> bit) & 1
            rest = rest >> 1 ^ (0xA001 if out else 0)
    return struct.pack("<H", rest)


def framed(hexed):
    data = bytes.fromhex(hexed)
    return (data + crc(data)).hex()


def answer(ppm, status=0):
    return framed("fe0408{:04x}00000000{:04x}".format(status, ppm))


def holds(value):
    return "< " + framed("fe0302{:04x}".format(value))


def echo(message):
    return (WAKE, "> " + message, "< " + message)


def made(*steps, **options):
    clock = Clock(serial, senseair_s8)
    line = Line(clock, *steps)
    return clock, line, senseair_s8.Sensor(line, options)


def started(*replies):
    """A warm sensor, and what it is going to answer."""
    clock, line, sensor = made(*PERIOD, holds(180))
    sensor.start(Settings())
    clock.sleep_ms(MINUTES_2)
    for reply in (answer(500),) + replies:
        line.then(*STATUS_AND_CO2, "< " + reply)
    assert sensor.measure({}) == {1: 500}
    return clock, line, sensor


def test_the_requests_are_those_that_are_published():
    for function, address, value, message in (
        (4, 3, 1, "fe0400030001d5c5"),
        (4, 0, 4, "fe0400000004e5c6"),
        (3, 0x1F, 1, "fe03001f0001a1c3"),
        (3, 0, 1, "fe03000000019005"),
        (6, 0x1F, 0, OFF),
        (6, 0x1F, 180, ON),
        (6, 0, 0, CLEAR),
        (6, 1, 0x7C06, BACKGROUND),
    ):
        assert senseair_s8.request(function, address, value).hex() == message


def test_the_published_answers():
    data = bytes.fromhex(EXAMPLE)
    assert senseair_s8.find(data, 4) == data and senseair_s8.decode(data) == (0, 0, 0, 400)
    data = bytes.fromhex("fe04020388adb2")  # with its own checksum, not its request's
    assert senseair_s8.find(data, 4) == data and senseair_s8.decode(data) == (904,)
    assert senseair_s8.find(bytes.fromhex("fe04020388d5c5"), 4) is None


def test_no_wrong_byte_passes():
    for at in range(13):
        for flip in (0x01, 0x80):
            data = bytearray.fromhex(EXAMPLE)
            data[at] ^= flip
            assert senseair_s8.find(data, 4) is None
        assert senseair_s8.find(bytes.fromhex(EXAMPLE)[:at], 4) is None


def test_an_answer_is_found_behind_noise():
    data = bytes.fromhex(EXAMPLE)
    for noise in (b"\x00", b"\xfe", b"\xfe\x04\x02", b"\xff\xfe\x84\xfe"):
        assert senseair_s8.find(noise + data, 4) == data


def test_a_refusal_is_an_error():
    for function in (3, 4, 6):
        data = bytes.fromhex(framed("fe{:02x}02".format(0x80 | function)))
        assert refuses(ValueError, senseair_s8.find, data, function)
        assert senseair_s8.find(data[:4], function) is None  # it is not whole yet


def test_each_request_comes_5_ms_after_a_byte_that_wakes():
    clock, line, sensor = made(*PERIOD)
    times, write = [], line.write
    line.write = lambda data: (times.append(clock.now_ms), write(data))
    assert refuses(OSError, sensor.start, Settings())
    woken_ms, asked_ms = times
    assert asked_ms - woken_ms >= 7  # the byte itself takes 1.04 ms


def test_self_calibration_is_written_only_where_it_differs():
    for hours, option, setting, written in (
        (180, {}, {}, None),
        (96, {}, {}, None),  # somebody's own period
        (0, {}, {}, ON),
        (180, {"self_calibration": 0}, {}, OFF),
        (180, {"self_calibration": 0}, {"_9": 1}, None),
        (180, {}, {"_9": 0}, OFF),
        (0, {}, {"_9": 0}, None),
    ):
        steps = echo(written) if written else ()
        _, line, sensor = made(*PERIOD, holds(hours), *steps, **option)
        sensor.start(Settings(**setting))
        assert line.over()


def test_a_write_that_comes_back_changed_is_an_error():
    _, _, sensor = made(*PERIOD, holds(180), WAKE, "> " + OFF, "< " + ON, self_calibration=0)
    assert refuses(ValueError, sensor.start, Settings())


def test_a_silent_sensor_does_not_start_and_does_not_measure():
    _, line, sensor = made(*PERIOD, *STATUS_AND_CO2)
    assert refuses(OSError, sensor.start, Settings())
    assert refuses(OSError, sensor.measure, {})
    assert line.over()


def test_for_two_minutes_it_warms():
    clock, line, sensor = made(*PERIOD, holds(180))
    sensor.start(Settings())
    for ppm in (0, 400, 650, 800):
        line.then(*STATUS_AND_CO2, "< " + answer(ppm))
        assert sensor.measure({}) == {FLAGS: WARMING}
        clock.sleep_ms(29000)
    assert clock.now_ms < MINUTES_2
    clock.sleep_ms(5000)
    line.then(*STATUS_AND_CO2, "< " + answer(800))
    assert sensor.measure({}) == {1: 800} and line.over()


def test_one_that_was_silent_may_have_lost_its_supply_and_warms_up_again():
    clock, line, sensor = started()
    line.then(*STATUS_AND_CO2)
    assert refuses(OSError, sensor.measure, {})
    line.then(*PERIOD, holds(180), *STATUS_AND_CO2, "< " + answer(700))
    sensor.start(Settings())
    assert sensor.measure({}) == {FLAGS: WARMING}
    clock.sleep_ms(MINUTES_2)
    line.then(*STATUS_AND_CO2, "< " + answer(710))
    assert sensor.measure({}) == {1: 710} and line.over()


def test_new_settings_do_not_make_it_cold():
    _, line, sensor = started()
    line.then(*PERIOD, holds(180), *echo(OFF), *STATUS_AND_CO2, "< " + answer(600))
    sensor.start(Settings(_9=0))
    assert sensor.measure({}) == {1: 600} and line.over()


def test_a_status_that_says_that_it_is_broken_is_an_error():
    for bit, broken in enumerate((1, 0, 1, 1, 1, 0, 1)):  # TDE2067, MeterStatus
        _, _, sensor = started(answer(600, 1 << bit))
        if broken:
            assert refuses(ValueError, sensor.measure, {}), bit
        else:
            assert sensor.measure({})[1] == 600, bit


def test_regulating_its_offset_it_asks_for_a_calibration():
    _, _, sensor = started(answer(600, 0x02), answer(2400, 0x20))
    assert sensor.measure({}) == {1: 600, FLAGS: CALIBRATION_DUE}
    assert sensor.measure({}) == {1: 2400}  # out of its range, and red all the same


def test_what_cannot_be_is_refused():
    for ppm in (0, 10001, 65535):
        _, line, sensor = started(answer(ppm))
        assert refuses(ValueError, sensor.measure, {})
        assert line.over()
    _, _, sensor = started(answer(10000))
    assert sensor.measure({}) == {1: 10000}


def test_half_a_message_and_a_wrong_checksum_are_no_numbers():
    for reply in (EXAMPLE[:12], EXAMPLE[:-2] + "e7"):
        _, line, sensor = started(reply)
        assert refuses(ValueError, sensor.measure, {})
        assert line.over()


def test_its_last_reply_tells_whether_it_hangs():
    _, _, sensor = started(answer(470))
    sensor.measure({})
    assert sensor.raw.hex() == answer(470) and sensor.SAME * 30 == 7200


def test_a_background_calibration_clears_the_acknowledgement_first_and_looks_at_it_after():
    _, line, sensor = started()
    line.then(*echo(CLEAR), *echo(BACKGROUND), *RESULT, holds(0x0020))
    assert sensor.CALIBRATE_PPM == 400 and sensor.CALIBRATED_MS >= 4000
    sensor.calibrate(400)
    sensor.calibrated()
    assert line.over()
    for value in (0, 0x0040):  # that of nitrogen is none
        line.then(*RESULT, holds(value))
        assert refuses(OSError, sensor.calibrated)


def test_a_sensor_that_is_not_warm_is_not_calibrated():
    _, line, sensor = made()
    assert refuses(OSError, sensor.calibrate, 400)  # it never started
    line.then(*PERIOD, holds(180))
    sensor.start(Settings())
    assert refuses(OSError, sensor.calibrate, 400)
    assert line.over()
