# SPDX-License-Identifier: MIT
"""The SCD30 on its bus: bytes, checksums, waits, and its floats without floats.

Examples are those of the interface description 1.0.
"""

import struct

from drivers import scd30, sensirion
from i2c import I2c, words
from vectors import refuses

READY, READ, START, RESET = "> 0202", "> 0300", "> 0010000081", "> d304"
SAMPLE, NO_SAMPLE = "< 0001b0", "< 000081"
EXAMPLE = "< 43dbcb8c2e8f" + "41d970e7fff5" + "4243bf3a1b74"  # 439.09 ppm, 27.24 degC, 48.8 %
AIR = {1: 439, 2: 272, 3: 49}
INTERVAL = ("> 4600", "< 0002e3")
# a stop and more than 3 ms between a command and the read of its answer
BUSY_MS = {bytes.fromhex(command): 3 for command in ("0202", "0300", "4600", "5204", "5403", "5102",
                                                     "5306")}  # fmt: skip


class Settings:
    def __init__(self, **values):
        self.values = {int(key[1:]): value for key, value in values.items()}


def made(*steps, **settings):
    """A sensor that was started, and then these steps."""
    bus = I2c(0x61, BUSY_MS, *(INTERVAL + (START,) + steps))
    sensor = scd30.Sensor(bus, {})
    sensor.start(Settings())
    return bus, sensor


def floats(*values):
    """The words of these numbers, as the sensor sends them."""
    data = struct.pack(">" + "f" * len(values), *values)
    return words(*struct.unpack(">{}H".format(2 * len(values)), data))


def test_the_checksums_of_the_interface_description():
    for example in (0x0002E3, 0x0001B0, 0x000081, 0x01C250, 0x01F433, 0x03E8D4, 0x0342F3):
        data = example.to_bytes(3, "big")
        assert sensirion.words(data, 1) == [example >> 8]
        assert refuses(ValueError, sensirion.words, data[:2] + bytes((data[2] ^ 1,)), 1)


def test_a_start_sets_what_the_sensor_does_not_have_yet():
    bus = I2c(0x61, BUSY_MS, "> 4600", "< " + words(10).hex(), "> 46000002e3")
    bus.add("> 5403", "< 000081", "> 540301f433")  # 5 degC
    bus.add("> 5102", "< 000081", "> 510203e8d4")  # 1000 m
    bus.add("> 5306", "< 0001b0", "> 5306000081", START)
    scd30.Sensor(bus, {}).start(Settings(_7=1000, _8=50, _9=0))
    assert bus.over()


def test_what_it_has_is_not_written_again():
    bus = I2c(0x61, BUSY_MS, *INTERVAL)
    bus.add("> 5403", "< 01f433", "> 5102", "< 03e8d4", "> 5306", "< 000081", START)
    scd30.Sensor(bus, {}).start(Settings(_7=1000, _8=50, _9=0))
    assert bus.over()


def test_a_measurement_asks_for_a_sample_and_reads_it():
    bus, sensor = made(READY, SAMPLE, READ, EXAMPLE)
    assert sensor.measure({}) == AIR
    assert bus.over()


def test_without_a_new_sample_there_is_no_old_one():
    bus, sensor = made(READY, SAMPLE, READ, EXAMPLE, READY, NO_SAMPLE)
    sensor.measure({})
    assert refuses(OSError, sensor.measure, {})
    assert bus.over()


def test_a_missing_acknowledge_is_an_error_wherever_it_happens():
    whole = (READY, SAMPLE, READ, EXAMPLE)
    for at, missing in enumerate((READY + " nack", "< nack", READ + " nack", "< nack")):
        bus, sensor = made(*(whole[:at] + (missing,)))
        assert refuses(OSError, sensor.measure, {})
        assert bus.over()
    bus = I2c(0x61, BUSY_MS, "> 4600 nack")
    assert refuses(OSError, scd30.Sensor(bus, {}).start, Settings())


def test_a_wrong_checksum_in_any_word_is_refused():
    for at in range(18):
        data = bytearray.fromhex(EXAMPLE[2:])
        data[at] ^= 0x10
        bus, sensor = made(READY, SAMPLE, READ, "< " + bytes(data).hex())
        assert refuses(ValueError, sensor.measure, {})
    bus, sensor = made(READY, "< 0001b1")
    assert refuses(ValueError, sensor.measure, {})
    assert bus.over()


def test_a_pressure_that_was_measured_is_sent_when_it_changed():
    sample = (READY, SAMPLE, READ, EXAMPLE)
    bus, sensor = made(*(sample + ("> 0010" + words(1009).hex(),) + 3 * sample))
    assert sensor.measure({10: 10086}) == AIR  # 0.1 hPa
    sensor.measure({10: 10099})
    sensor.measure({10: 10076})
    sensor.measure({2: 213})
    bus.add(*(sample + ("> 0010" + words(1011).hex(),)))
    sensor.measure({10: 10105})
    assert bus.over()


def test_a_pressure_that_it_cannot_take_is_not_sent():
    sample = (READY, SAMPLE, READ, EXAMPLE)
    bus, sensor = made(*(2 * sample))
    sensor.measure({10: 6990})
    sensor.measure({10: 14010})
    bus.add(*(sample + ("> 0010" + words(700).hex(),) + sample + ("> 0010" + words(1400).hex(),)))
    sensor.measure({10: 7000})
    sensor.measure({10: 14000})
    assert bus.over()


def test_a_calibration_is_read_back():
    bus, sensor = made("> 520401c250", "> 5204", "< 01c250")
    sensor.calibrate(450)
    assert bus.over()


def test_a_calibration_that_was_not_taken_is_an_error():
    bus, sensor = made("> 520401c250", "> 5204", "< " + words(400).hex())
    assert refuses(OSError, sensor.calibrate, 450)
    assert bus.over()


def test_a_reset_is_a_command():
    bus, sensor = made(RESET)
    sensor.reset()
    assert bus.over()


def test_values_that_cannot_be_are_refused():
    nan, infinity = float("nan"), float("inf")
    for co2 in (0, 0.4, -1, 39999.6, 40000, 1e9, 3e38, nan, infinity, -infinity):
        assert refuses(ValueError, scd30.decode, floats(co2, 21.5, 42)), co2
    for celsius in (-40.1, 125.1, nan, infinity):
        assert refuses(ValueError, scd30.decode, floats(500, celsius, 42)), celsius
    assert refuses(ValueError, scd30.decode, floats(500, 21.5, nan))
    for co2, shown in ((0.5, 1), (39999, 39999), (5001, 5001)):
        assert scd30.decode(floats(co2, 21.5, 42)).co2_ppm == shown
    assert scd30.decode(floats(500, 21.5, 100.4)).humidity_pct == 100
    assert scd30.decode(floats(500, -5, 0)) == (500, -50, 0)


def test_floats_are_rounded_to_the_nearest_step():
    for number, steps, found in (
        (0.0, 10, 0), (-0.0, 10, 0), (1.0, 1, 1), (0.04, 10, 0), (0.06, 10, 1), (-0.06, 10, -1),
        (21.24, 10, 212), (21.26, 10, 213), (-10.26, 10, -103), (439.09, 1, 439), (0.5, 1, 1),
        (16777215.0, 1, 16777215), (16777216.0, 1, 16777216), (33554432.0, 1, 33554432),
        (1e-40, 10, 0), (1.2e-38, 10, 0),
    ):  # fmt: skip
        (bits,) = struct.unpack(">I", struct.pack(">f", number))
        assert scd30.scaled(bits, steps) == found, number


def test_every_temperature_is_within_half_a_step():
    for thousandth in range(-40000, 70000, 37):
        (number,) = struct.unpack(">f", struct.pack(">f", thousandth / 1000))
        (bits,) = struct.unpack(">I", struct.pack(">f", number))
        assert abs(scd30.scaled(bits, 10) - 10 * number) <= 0.500001, thousandth
