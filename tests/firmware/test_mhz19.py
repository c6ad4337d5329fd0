# SPDX-License-Identifier: MIT
"""The MH-Z19 on its line: the frames of its manual and what is made of its numbers, and when."""

from drivers import mhz19, serial
from uart import Clock, Line
from uplink import FLAGS, WARMING
from vectors import refuses

# The manual's, with the checksums that it and everybody's devices give (facts).
READ, ZERO = "> ff0186000000000079", "> ff0187000000000078"
ABC_ON, ABC_OFF = "> ff0179a000000000e6", "> ff0179000000000086"
RANGE_2000, RANGE_5000 = "> ff019900000007d08f", "> ff01990000001388cb"
GET_RANGE = "> ff019b000000000064"
EXAMPLE = "ff8602200000000058"  # 544 ppm
ACKNOWLEDGED = ("< ff7901000000000086", "< ff9901000000000066")
HAS_5000 = "< ff9b000013880000ca"
MINUTES_3 = 180000


class Settings:
    def __init__(self, **values):
        self.values = {int(key[1:]): value for key, value in values.items()}


def answer(ppm, celsius=21):
    body = bytes((0x86, ppm >> 8, ppm & 0xFF, celsius + 40, 0, 0, 0))
    return "ff" + body.hex() + "{:02x}".format(-sum(body) & 0xFF)


def made(*steps, **options):
    clock = Clock(serial, mhz19)
    line = Line(clock, *steps)
    return clock, line, mhz19.Sensor(line, options)


def started(*ppms):
    """A warm sensor, and the answers that it is going to give."""
    clock, line, sensor = made(ABC_ON, RANGE_5000, GET_RANGE, HAS_5000, READ, "< " + answer(410))
    sensor.start(Settings())
    clock.sleep_ms(MINUTES_3)
    line.then(READ, "< " + answer(500))
    assert sensor.measure({}) == {1: 500}
    for ppm in ppms:
        line.then(READ, "< " + answer(ppm))
    return clock, line, sensor


def test_the_frames_are_the_manuals():
    for command, first, last, step in (
        (0x86, 0, 0, READ),
        (0x87, 0, 0, ZERO),
        (0x79, 0xA0, 0, ABC_ON),
        (0x79, 0, 0, ABC_OFF),
        (0x99, 0, 2000, RANGE_2000),
        (0x99, 0, 5000, RANGE_5000),
        (0x99, 0, 10000, "> ff019900000027102f"),
        (0x9B, 0, 0, GET_RANGE),
    ):
        assert mhz19.frame(command, first, last).hex() == step[2:]


def test_the_manuals_example_is_544_ppm():
    data = bytes.fromhex(EXAMPLE)
    assert mhz19.find(data, 0x86) == data and mhz19.decode(data) == 544


def test_an_answer_is_found_behind_noise_and_behind_the_rest_of_another():
    data = bytes.fromhex(EXAMPLE)
    assert mhz19.find(b"\x00\xff\x86\xff" + data, 0x86) == data
    assert mhz19.find(data[5:] + data, 0x86) == data
    assert mhz19.find(data + bytes.fromhex(answer(600)), 0x86) == data
    assert mhz19.find(data, 0x9B) is None


def test_no_wrong_byte_passes():
    for at in range(9):
        for flip in (0x01, 0x80):
            data = bytearray.fromhex(EXAMPLE)
            data[at] ^= flip
            assert mhz19.find(data, 0x86) is None
        assert mhz19.find(bytes.fromhex(EXAMPLE)[:at], 0x86) is None


def test_a_start_sets_self_calibration_and_range_and_looks_whether_it_took_it():
    clock, line, sensor = made(
        ABC_ON,
        ACKNOWLEDGED[0],
        RANGE_5000,
        ACKNOWLEDGED[1],
        GET_RANGE,
        HAS_5000,
        READ,
        "< " + EXAMPLE,
    )
    sensor.start(Settings())
    assert line.over() and clock.now_ms < 1000


def test_a_part_that_acknowledges_nothing_and_does_not_know_the_question_starts_too():
    clock, line, sensor = made(ABC_ON, RANGE_5000, GET_RANGE, READ, "< " + EXAMPLE)
    sensor.start(Settings())
    assert line.over() and clock.now_ms < 1000


def test_another_range_than_the_one_that_was_set_is_an_error():
    _, line, sensor = made(
        ABC_ON, RANGE_2000, GET_RANGE, HAS_5000, READ, "< " + EXAMPLE, range_ppm=2000
    )
    assert refuses(ValueError, sensor.start, Settings())
    assert line.over()


def test_self_calibration_is_the_kits_until_setting_9_says_otherwise():
    for option, setting, step in (
        ({}, {}, ABC_ON),
        ({"self_calibration": 0}, {}, ABC_OFF),
        ({"self_calibration": 0}, {"_9": 1}, ABC_ON),
        ({}, {"_9": 0}, ABC_OFF),
    ):
        _, line, sensor = made(step, RANGE_5000, GET_RANGE, READ, "< " + EXAMPLE, **option)
        sensor.start(Settings(**setting))
        assert line.over()


def test_a_silent_sensor_does_not_start_and_does_not_measure():
    _, line, sensor = made(ABC_ON, RANGE_5000, GET_RANGE, READ, READ)
    assert refuses(OSError, sensor.start, Settings())
    assert refuses(OSError, sensor.measure, {})
    assert line.over()


def test_half_a_frame_and_a_wrong_checksum_are_no_numbers():
    wrong = EXAMPLE[:-2] + "59"
    for reply in (EXAMPLE[:10], wrong, wrong + EXAMPLE[:16]):
        _, line, sensor = started()
        line.then(READ, "< " + reply)
        assert refuses(ValueError, sensor.measure, {})
        assert line.over()


def test_a_frame_in_two_pieces_is_a_number():
    _, line, sensor = started()
    line.then(READ, "< " + EXAMPLE[:8], "<120 " + EXAMPLE[8:])
    assert sensor.measure({}) == {1: 544} and line.over()


def test_the_answer_to_the_question_before_is_not_taken_for_this_one():
    clock, line, sensor = started()
    line.then(READ, "<350 " + answer(900))
    assert refuses(OSError, sensor.measure, {})
    clock.sleep_ms(1000)
    line.then(READ, "< " + answer(510))
    assert sensor.measure({}) == {1: 510} and line.over()


def test_for_three_minutes_it_warms_whatever_it_says():
    clock, line, sensor = made(ABC_ON, RANGE_5000, GET_RANGE, READ, "< " + answer(410))
    sensor.start(Settings())
    for ppm in (410, 388, 555, 0, 700, 5000):  # its firmwares say all sorts of things
        line.then(READ, "< " + answer(ppm))
        assert sensor.measure({}) == {FLAGS: WARMING}
        clock.sleep_ms(29000)
    clock.sleep_ms(4000)
    line.then(READ, "< " + answer(700))
    assert sensor.measure({}) == {FLAGS: WARMING}
    assert MINUTES_3 - 2000 < clock.now_ms < MINUTES_3
    clock.sleep_ms(2000)
    line.then(READ, "< " + answer(700))
    assert sensor.measure({}) == {1: 700} and line.over()


def test_a_constant_that_goes_on_after_three_minutes_is_none_until_something_else_was_seen():
    for constant in (400, 410, 436):
        clock, line, sensor = made(ABC_ON, RANGE_5000, GET_RANGE, READ, "< " + answer(constant))
        sensor.start(Settings())
        clock.sleep_ms(MINUTES_3 + 1000)
        for _ in range(3):
            line.then(READ, "< " + answer(constant))
            assert sensor.measure({}) == {FLAGS: WARMING}
        for ppm in (409, constant, 400):
            line.then(READ, "< " + answer(ppm))
            assert sensor.measure({}) == {1: ppm}
        assert line.over()


def test_a_jump_to_a_constant_is_a_sensor_that_started_anew():
    for constant in (400, 410, 436):
        clock, line, sensor = started(1200, constant, constant)
        assert sensor.measure({}) == {1: 1200}
        assert sensor.measure({}) == {FLAGS: WARMING}
        clock.sleep_ms(MINUTES_3)
        assert sensor.measure({}) == {FLAGS: WARMING}  # and it did so again
        line.then(READ, "< " + answer(1150), READ, "< " + answer(1160))
        assert sensor.measure({}) == {1: 1150} and sensor.measure({}) == {1: 1160}
        assert line.over()


def test_air_that_gets_clean_step_by_step_may_read_400():
    _, line, sensor = started(470, 436, 410, 400, 400, 401)
    for ppm in (470, 436, 410, 400, 400, 401):
        assert sensor.measure({}) == {1: ppm}
    assert line.over()


def test_one_that_was_silent_may_have_lost_its_supply_and_warms_up_again():
    clock, line, sensor = started()
    line.then(READ)
    assert refuses(OSError, sensor.measure, {})
    line.then(ABC_ON, RANGE_5000, GET_RANGE, READ, "< " + answer(700), READ, "< " + answer(700))
    sensor.start(Settings())
    assert sensor.measure({}) == {FLAGS: WARMING}
    clock.sleep_ms(MINUTES_3)
    line.then(READ, "< " + answer(710))
    assert sensor.measure({}) == {1: 710} and line.over()


def test_new_settings_do_not_make_it_cold():
    _, line, sensor = started()
    line.then(ABC_OFF, RANGE_5000, GET_RANGE, READ, "< " + answer(600), READ, "< " + answer(600))
    sensor.start(Settings(_9=0))
    assert sensor.measure({}) == {1: 600} and line.over()


def test_what_lies_outside_its_range_is_refused():
    for ppm in (0, 399, 5001, 65535):
        _, line, sensor = started(ppm)
        assert refuses(ValueError, sensor.measure, {})
        assert line.over()
    _, _, sensor = started(5000)
    assert sensor.measure({}) == {1: 5000}  # or more


def test_its_last_reply_tells_whether_it_hangs_but_not_at_its_lower_end():
    _, _, sensor = started(470, 400)
    sensor.measure({})
    assert sensor.raw.hex() == answer(470)
    sensor.measure({})
    assert sensor.raw is None and sensor.SAME * 30 == 7200  # seconds, at a look every 30 s


def test_a_zero_calibration_is_sent_and_looked_after():
    _, line, sensor = started()
    line.then(ZERO, READ, "< " + answer(420))
    assert (sensor.CALIBRATE_MS, sensor.CALIBRATE_PPM) == (1200000, 400)
    sensor.calibrate(400)
    sensor.calibrated()
    assert line.over()
    for reply, error in ((answer(501), OSError), (EXAMPLE[:-2] + "00", ValueError)):
        line.then(READ, "< " + reply)
        assert refuses(error, sensor.calibrated)


def test_a_sensor_that_is_not_warm_is_not_calibrated():
    clock, line, sensor = made()
    assert refuses(OSError, sensor.calibrate, 400)  # it never started
    line.then(ABC_ON, RANGE_5000, GET_RANGE, READ, "< " + answer(410))
    sensor.start(Settings())
    assert refuses(OSError, sensor.calibrate, 400)
    clock.sleep_ms(MINUTES_3)
    line.then(READ, "< " + answer(410))
    sensor.measure({})
    assert refuses(OSError, sensor.calibrate, 400)  # only its constant was seen
    assert line.over()
