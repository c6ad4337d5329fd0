# SPDX-License-Identifier: MIT
"""The SHT4x on its bus: command, wait, words (data sheet 7.1: 4.5, 4.6, tables 5 and 8)."""

from drivers import sht4x
from i2c import I2c, words
from vectors import refuses

BUSY_MS = {b"\xfd": 9}  # 8.3 ms at most
MEASURE = "> fd"
REPLY = "< 6667a2" + "5eb93c"  # words of the SCD4x data sheet: 25 degC; 0.37 of the range


class Settings:
    def __init__(self, **values):
        self.values = {int(key[1:]): value for key, value in values.items()}


def made(*steps):
    bus = I2c(0x44, BUSY_MS, *steps)
    sensor = sht4x.Sensor(bus, {})
    sensor.start(Settings())
    return bus, sensor


def test_a_measurement_is_one_command_a_wait_and_two_words():
    bus, sensor = made(MEASURE, REPLY)
    assert sensor.measure({}) == {2: 250, 3: 40}  # -6 + 125 * 0.37
    assert bus.over()


def test_a_start_sends_nothing():
    bus, _ = made()
    assert bus.over()


def test_the_offset_of_the_settings_is_taken_off():
    bus, sensor = made(MEASURE, REPLY, MEASURE, REPLY)
    sensor.start(Settings(_8=40))
    assert sensor.measure({}) == {2: 210, 3: 51}  # 40.25 % of 31.7 hPa are 51.2 % of 24.9
    sensor.start(Settings(_8=0))
    assert sensor.measure({}) == {2: 250, 3: 40}
    assert bus.over()


def test_a_missing_acknowledge_is_an_error_and_no_old_value():
    for steps in ((MEASURE + " nack",), (MEASURE, "< nack")):
        bus, sensor = made(MEASURE, REPLY, *steps)
        sensor.measure({})
        assert refuses(OSError, sensor.measure, {})
        assert bus.over()


def test_a_wrong_checksum_in_either_word_is_refused():
    for at in range(6):
        data = bytearray.fromhex(REPLY[2:])
        data[at] ^= 0x01
        bus, sensor = made(MEASURE, "< " + bytes(data).hex())
        assert refuses(ValueError, sensor.measure, {})
        assert bus.over()


def test_temperatures_are_rounded_to_the_nearest_tenth():
    for word, temperature_dc in (
        (0, -450),
        (18, -450),  # -44.9519 degC
        (19, -449),  # -44.9493
        (13088, -101),  # -10.0507
        (13089, -100),  # -10.0481
        (16833, -1),  # -0.0504
        (16834, 0),  # -0.0477
        (16871, 1),  # 0.0511
        (65535, 1300),
    ):
        assert sht4x.decode(words(word, 0)).temperature_dc == temperature_dc, word
    for word in range(0, 65536, 11):
        found = sht4x.decode(words(word, 0)).temperature_dc
        assert abs(2 * 65535 * (found + 450) - 3500 * word) <= 65535, word


def test_humidities_are_rounded_and_kept_within_0_and_100():
    for word, humidity_pct in (
        (0, 0),  # -6 %
        (3407, 0),  # 0.4984
        (3408, 1),  # 0.5003
        (26476, 44),  # 44.4997
        (26477, 45),  # 44.5016
        (55311, 99),  # 99.4990
        (55312, 100),  # 99.5009
        (65535, 100),  # 119
    ):
        assert sht4x.decode(words(0, word)).humidity_pct == humidity_pct, word
