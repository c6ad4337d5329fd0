# SPDX-License-Identifier: MIT
"""The BME280 on its bus, and Bosch's integer formulas beside its example and its own doubles."""

import struct

from drivers import bme280
from i2c import I2c
from vectors import refuses

BUSY_MS = {b"\xe0": 3, b"\xf2": 10}  # a reset takes 2 ms, a measurement 9.3
ID, RESET, STATUS, START = "> d0", "> e0b6", "> f3", "> f201f425"
# Bosch's example for temperature and pressure (BST-BMP280-DS001 3.12), and a usual humidity's
BY = bme280.Calibration(
    27504, 26435, -1000,
    36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000,
    75, 362, 0, 313, 50, 30,
)  # fmt: skip
RAW_T, RAW_P = 519888, 415148  # 25.08 degC, 100653.27 Pa


def registers(by):
    """Table 16: the calibration as the chip has it."""
    first = struct.pack("<HhhHhhhhhhhhBB", *(tuple(by[:12]) + (0xD7, by.h1)))
    last = struct.pack("<hBbBbb", by.h2, by.h3, by.h4 >> 4,
                       by.h4 & 15 | (by.h5 & 15) << 4, by.h5 >> 4, by.h6)  # fmt: skip
    return first, last


def data(raw_t=RAW_T, raw_p=RAW_P, raw_h=0x6E00):
    """Registers F7 to FE."""
    return (
        struct.pack(">I", raw_p << 4)[1:]
        + struct.pack(">I", raw_t << 4)[1:]
        + struct.pack(">H", raw_h)
    )


class Settings:
    def __init__(self, **values):
        self.values = {int(key[1:]): value for key, value in values.items()}


def opening(first=None, last=None, status="00"):
    """The steps of a start."""
    right = registers(BY)
    first, last = first or right[0], last or right[1]
    found = (ID, "< 60", RESET, STATUS, "< " + status)
    return found + ("> 88", "< " + first.hex(), "> e1", "< " + last.hex())


def made(*steps, **settings):
    """A sensor that was started, and then these steps."""
    bus = I2c(0x76, BUSY_MS, *(opening() + steps))
    sensor = bme280.Sensor(bus, {})
    sensor.start(Settings(**settings))
    return bus, sensor


def reading(status="00", **raw):
    return (START, STATUS, "< " + status + "012500" + data(**raw).hex())


def elsewhere(steps):
    return [step + " @77" for step in steps]


def test_a_start_checks_the_id_resets_it_and_reads_its_calibration():
    bus, _ = made()
    assert bus.over()


def test_a_measurement_sets_humidity_first_forces_it_and_reads_all_at_once():
    bus, sensor = made(*reading())
    assert sensor.measure({}) == {2: 251, 3: 45, 10: 10065}
    assert bus.over()


def test_it_is_found_at_the_other_address_and_measures_there():
    for first in ((ID + " nack",), (ID, "< 58"), (ID, "< nack")):
        bus = I2c(0x76, BUSY_MS, *first)
        bus.add(*elsewhere(opening() + reading()))
        sensor = bme280.Sensor(bus, {})
        sensor.start(Settings())
        assert sensor.measure({})[10] == 10065
        assert bus.over()


def test_a_bmp280_is_refused_and_named():
    bus = I2c(0x76, BUSY_MS, ID, "< 58", ID + " nack @77")
    try:
        bme280.Sensor(bus, {}).start(Settings())
    except ValueError as error:
        assert "0x58" in str(error)
    else:
        raise AssertionError("taken")
    bus.add(ID + " nack", ID + " nack @77")
    assert refuses(OSError, bme280.Sensor(bus, {}).start, Settings())
    assert bus.over()


def test_a_blank_calibration_is_refused():
    for byte in (b"\x00", b"\xff"):
        bus = I2c(0x76, BUSY_MS, *opening(byte * 26, byte * 7))
        assert refuses(ValueError, bme280.Sensor(bus, {}).start, Settings())
        assert bus.over()
    bus = I2c(0x76, BUSY_MS, *opening()[:4])
    bus.add("< 01")
    assert refuses(OSError, bme280.Sensor(bus, {}).start, Settings())  # it still copies it
    assert bus.over()


def test_one_that_still_measures_has_no_values():
    bus, sensor = made(*(reading(status="08") + reading(status="04")))
    assert refuses(OSError, sensor.measure, {})
    assert len(sensor.measure({})) == 3
    assert bus.over()


def test_a_missing_acknowledge_is_an_error_and_no_old_value():
    for steps in ((START + " nack",), (START, STATUS + " nack"), (START, STATUS, "< nack")):
        bus, sensor = made(*(reading() + steps))
        sensor.measure({})
        assert refuses(OSError, sensor.measure, {})
        assert bus.over()


def test_what_was_skipped_or_cannot_be_is_refused():
    # what the registers say after a reset; a converter at its end; 95 degC; 250 and 1150 hPa
    for raw in ({"raw_t": 0x80000}, {"raw_p": 0x80000}, {"raw_h": 0x8000}, {"raw_t": 0xFFFF0},
                {"raw_t": 0}, {"raw_t": 745000}, {"raw_p": 0}, {"raw_p": 0xFFFF0},
                {"raw_p": 851000}, {"raw_p": 338000}):  # fmt: skip
        bus, sensor = made(*reading(**raw))
        assert refuses(ValueError, sensor.measure, {}), raw
        assert bus.over()


def test_the_offset_of_the_settings_is_taken_off():
    bus, sensor = made(*reading(), _8=40)
    assert sensor.measure({}) == {2: 211, 3: 57, 10: 10065}
    assert bus.over()


def test_a_humidity_that_stands_still_in_fog_is_left_out_until_it_moves():
    bus, sensor = made()
    for _ in range(9):
        bus.add(*reading(raw_h=0x9200))
        assert sensor.measure({})[3] == 96
    for step in range(3):
        bus.add(*reading(raw_h=0x9200, raw_t=RAW_T + 16 * step))
        assert set(sensor.measure({})) == {2, 10}
    bus.add(*reading(raw_h=0x9201))
    assert sensor.measure({})[3] == 96
    for _ in range(30):  # in dry air, where the last bit may well stand still, it is believed
        bus.add(*reading(raw_h=0x6E00))
        assert sensor.measure({})[3] == 45
    assert bus.over()


def test_the_calibration_is_taken_apart_as_the_data_sheet_has_it():
    for h3, h4, h5, h6 in ((0, 313, 50, 30), (255, -2048, 2047, -128), (3, 2047, -2048, 127),
                           (0, -1, -1, -1)):  # fmt: skip
        by = BY[:14] + (h3, h4, h5, h6)
        first, last = registers(bme280.Calibration(*by))
        assert bme280.calibration(first, last) == by


def test_boschs_example_to_the_last_digit():
    assert bme280.t_fine(RAW_T, BY) == 128422
    found = bme280.decode(data(), BY)
    # the data sheet prints 25767236, what its doubles say: the integers that it gives differ by 3
    assert found.temperature_cc == 2508 and found.pressure_256 == 25767233


def doubles(raw_t, raw_p, raw_h, by):
    """degC, Pa and % by Bosch's formulas in double precision (BST-BME280-DS002 8.1)."""
    one = (raw_t / 16384 - by.t1 / 1024) * by.t2
    fine = one + (raw_t / 131072 - by.t1 / 8192) ** 2 * by.t3
    var1 = fine / 2 - 64000
    var2 = var1 * var1 * by.p6 / 32768 + var1 * by.p5 * 2
    var2 = var2 / 4 + by.p4 * 65536
    var1 = (by.p3 * var1 * var1 / 524288 + by.p2 * var1) / 524288
    var1 = (1 + var1 / 32768) * by.p1
    pressure = (1048576 - raw_p - var2 / 4096) * 6250 / var1
    pressure += (by.p9 * pressure * pressure / 2147483648 + pressure * by.p8 / 32768 + by.p7) / 16
    rest = fine - 76800
    humidity = raw_h - (by.h4 * 64 + by.h5 / 16384 * rest)
    slope = 1 + by.h6 / 67108864 * rest * (1 + by.h3 / 67108864 * rest)
    humidity *= by.h2 / 65536 * slope
    humidity *= 1 - by.h1 * humidity / 524288
    return fine / 5120, pressure, min(max(humidity, 0), 100)


def test_the_integers_say_what_boschs_doubles_say():
    others = bme280.Calibration(
        28190, 26219, 50, 37738, -10700, 3024, 8041, -81, -7, 9900, -10230, 4285,
        75, 371, 3, 286, -40, -30,
    )  # fmt: skip
    for by in (BY, others):
        for raw_t in range(400000, 620001, 44000):
            for raw_p in range(300000, 500001, 40000):
                for raw_h in range(18000, 44001, 6500):
                    celsius, pascal, percent = doubles(raw_t, raw_p, raw_h, by)
                    if not (-39 < celsius < 84 and 30100 < pascal < 109900):
                        continue
                    found = bme280.decode(data(raw_t, raw_p, raw_h), by)
                    assert abs(found.temperature_cc - 100 * celsius) <= 1, (raw_t, found)
                    assert abs(found.pressure_256 / 256 - pascal) < 4, (raw_t, raw_p, found)
                    assert abs(found.humidity_mpct - 1000 * percent) < 60, (raw_t, raw_h, found)
