# SPDX-License-Identifier: MIT
"""The SCD4x on its bus: the bytes it is sent, with their checksums, and what is made of its words.

Examples are those of the data sheet 1.3, busy times those of its table 9.
"""

from drivers import scd4x
from i2c import I2c, words
from vectors import refuses

WAKE, STOP, START, READY, READ = "> 36f6", "> 3f86", "> 21b1", "> e4b8", "> ec05"
BUSY_MS = {
    b"\x36\xf6": 20,
    b"\x3f\x86": 500,
    b"\xe4\xb8": 1,
    b"\xec\x05": 1,
    b"\x24\x1d": 1,
    b"\x24\x27": 1,
    b"\x24\x16": 1,
    b"\x36\x2f": 400,
}
SAMPLE, NO_SAMPLE = "< 800604", "< 8000a2"
EXAMPLE = "< 01f433" + "6667a2" + "5eb93c"  # 500 ppm, 25 degC, 37 % RH (table 11)


class Settings:
    def __init__(self, **values):
        self.values = {int(key[1:]): value for key, value in values.items()}


def made(*steps):
    bus = I2c(0x62, BUSY_MS, *steps)
    return bus, scd4x.Sensor(bus, {})


def test_a_start_wakes_it_stops_what_may_still_run_and_waits_until_it_listens():
    bus, sensor = made(WAKE + " nack", STOP, START)
    sensor.start(Settings())
    assert bus.over()


def test_a_start_sends_the_settings_with_their_checksums():
    # tables 13, 15 and 20: 5.4 degC, 1950 m, no self-calibration
    settings = ("> 241d07e648", "> 2427079e09", "> 2416000081")
    bus, sensor = made(WAKE + " nack", STOP + " nack", *settings, START)
    sensor.start(Settings(_7=1950, _8=54, _9=0))
    assert bus.over()


def test_an_offset_of_4_degrees_is_the_word_that_the_sensor_has_by_default():
    bus, sensor = made(WAKE, STOP, "> 241d05da29", "> 24160001b0", START + " nack")
    assert refuses(OSError, sensor.start, Settings(_8=40, _9=1))
    assert bus.over()


def test_a_measurement_asks_for_a_sample_and_reads_it():
    bus, sensor = made(READY, SAMPLE, READ, EXAMPLE)
    assert sensor.measure({}) == {1: 500, 2: 250, 3: 37}
    assert bus.over()


def test_without_a_new_sample_there_is_no_old_one():
    # the low 11 bits count, the others may be anything (0x8000 is table 22's "not ready")
    for reply in (NO_SAMPLE, "< " + words(0xF800).hex()):
        bus, sensor = made(READY, SAMPLE, READ, EXAMPLE, READY, reply)
        sensor.measure({})
        assert refuses(OSError, sensor.measure, {})
        assert bus.over()


def test_a_missing_acknowledge_is_an_error_wherever_it_happens():
    whole = (READY, SAMPLE, READ, EXAMPLE)
    for at, missing in enumerate((READY + " nack", "< nack", READ + " nack", "< nack")):
        bus, sensor = made(*whole[:at], missing)
        assert refuses(OSError, sensor.measure, {})
        assert bus.over()


def test_a_wrong_checksum_in_any_word_is_refused():
    for at in range(9):
        data = bytearray.fromhex(EXAMPLE[2:])
        data[at] ^= 0x10
        bus, sensor = made(READY, SAMPLE, READ, "< " + bytes(data).hex())
        assert refuses(ValueError, sensor.measure, {})
    bus, sensor = made(READY, "< 800605")
    assert refuses(ValueError, sensor.measure, {})
    assert bus.over()


def test_both_ends_of_the_co2_output_are_no_measurement():
    for co2_ppm in (0, 40000, 65535):
        assert refuses(ValueError, scd4x.decode, words(co2_ppm, 0x6667, 0x5EB9))
    for co2_ppm in (1, 400, 5001, 39999):  # a breath is beyond the 5000 ppm, and red all the same
        assert scd4x.decode(words(co2_ppm, 0x6667, 0x5EB9)).co2_ppm == co2_ppm


def test_temperatures_are_rounded_to_the_nearest_tenth():
    for word, temperature_dc in (
        (0, -450),
        (13088, -101),  # -10.0507 degC
        (13089, -100),  # -10.0481
        (16833, -1),  # -0.0504
        (16834, 0),  # -0.0477
        (16870, 0),  # 0.0484
        (16871, 1),  # 0.0511
        (24809, 212),  # 21.2482
        (24810, 213),  # 21.2509
        (65535, 1300),
    ):
        assert scd4x.decode(words(500, word, 0)).temperature_dc == temperature_dc, word
    for word in range(0, 65536, 11):
        found = scd4x.decode(words(500, word, 0)).temperature_dc
        assert abs(2 * 65535 * (found + 450) - 3500 * word) <= 65535, word


def test_humidities_are_rounded_to_the_nearest_percent():
    for word, humidity_pct in (
        (0, 0),
        (327, 0),  # 0.49897 %
        (328, 1),  # 0.50050
        (29163, 44),  # 44.4999
        (29164, 45),  # 44.5014
        (65207, 99),  # 99.4995
        (65208, 100),  # 99.5010
        (65535, 100),
    ):
        assert scd4x.decode(words(500, 0, word)).humidity_pct == humidity_pct, word


def test_a_calibration_stops_it_and_returns_the_correction():
    # table 18: to 480 ppm, a correction of -50 ppm
    bus, sensor = made(STOP, "> 362f01e0b4", "< 7fce7b")
    assert sensor.calibrate(480) == -50
    assert bus.over()


def test_a_refused_calibration_is_an_error():
    bus, sensor = made(STOP, "> 362f01e0b4", "< ffffac")
    assert refuses(OSError, sensor.calibrate, 480)
    assert bus.over()
