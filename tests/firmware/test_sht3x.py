# SPDX-License-Identifier: MIT
"""The SHT3x on its bus: commands, waits, words (data sheet 5: 4.3 to 4.13, table 4)."""

from drivers import sht3x
from i2c import I2c, words
from vectors import refuses

BUSY_MS = {b"\x24\x00": 15, b"\x30\x93": 1, b"\x30\xa2": 2, b"\x37\x80": 1}
MEASURE, BREAK, RESET, SERIAL = "> 2400", "> 3093", "> 30a2", "> 3780"
NUMBER = "< beef92" + "01e0b4"  # words and checksums of Sensirion's data sheets
FOUND = (BREAK, RESET, SERIAL, NUMBER)
REPLY = "< 6667a2" + "5eb93c"  # 25 degC, 37 % (the formulas are the SCD4x's)


class Settings:
    def __init__(self, **values):
        self.values = {int(key[1:]): value for key, value in values.items()}


def made(*steps, **settings):
    """A sensor that was found, and then these steps."""
    bus = I2c(0x44, BUSY_MS, *(FOUND + steps))
    sensor = sht3x.Sensor(bus, {})
    sensor.start(Settings(**settings))
    return bus, sensor


def elsewhere(steps):
    return [step + " @45" for step in steps]


def test_a_start_ends_what_still_runs_resets_it_and_reads_its_serial_number():
    bus, _ = made()
    assert bus.over()


def test_a_measurement_is_one_command_a_wait_and_two_words():
    bus, sensor = made(MEASURE, REPLY)
    assert sensor.measure({}) == {2: 250, 3: 37}
    assert bus.over()


def test_it_is_found_at_the_other_address_and_measures_there():
    # at 0x44 nobody, or an SHT4x, which takes no command of two bytes, or one that says no number
    for first in ((BREAK + " nack",), (BREAK, RESET, SERIAL, "< 6667a25eb93d")):
        bus = I2c(0x44, BUSY_MS, *first)
        bus.add(*elsewhere(FOUND + (MEASURE, REPLY)))
        sensor = sht3x.Sensor(bus, {})
        sensor.start(Settings())
        assert sensor.measure({}) == {2: 250, 3: 37}
        assert bus.over()


def test_without_a_serial_number_it_does_not_start():
    bus = I2c(0x44, BUSY_MS, BREAK + " nack")
    bus.add(BREAK + " nack @45")
    assert refuses(OSError, sht3x.Sensor(bus, {}).start, Settings())
    bus = I2c(0x44, BUSY_MS, BREAK + " nack")
    bus.add(*elsewhere((BREAK, RESET, SERIAL, "< beef9201e0b5")))
    assert refuses(ValueError, sht3x.Sensor(bus, {}).start, Settings())
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


def test_the_offset_of_the_settings_is_taken_off():
    bus, sensor = made(MEASURE, REPLY, _8=40)
    assert sensor.measure({}) == {2: 210, 3: 47}
    assert bus.over()


def test_temperatures_and_humidities_are_rounded():
    for word, temperature_dc in (
        (0, -450),
        (13088, -101),
        (13089, -100),
        (16834, 0),
        (65535, 1300),
    ):
        assert sht3x.decode(words(word, 0)).temperature_dc == temperature_dc, word
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
        assert sht3x.decode(words(0, word)).humidity_pct == humidity_pct, word
