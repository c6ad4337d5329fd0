# SPDX-License-Identifier: MIT
"""adafruit-circuitpython-bme280 drives the BME280 model, unchanged; neither knows of the other."""

from random import Random

import i2c_bus
import pytest

from simulator.chips.bme280 import Bme280
from simulator.clock import Clock
from simulator.world import Conditions, Step

ROOM = Conditions(900.0, 21.5, 42.0, pressure_hpa=1008.4)
SEED = 71


class Bench:
    def __init__(self, room=ROOM, address=0x77):
        self.clock = Clock()
        self.chip = Bme280(self.clock, Step(room, room, 0), Random(SEED))
        self.chip.address = address
        self.bus = i2c_bus.I2c(self.clock, self.chip)

    def driver(self, address=0x77):
        return i2c_bus.adafruit_bme280.Adafruit_BME280_I2C(self.bus, address)


@pytest.fixture
def bench():
    return Bench()


def noise(count=1):
    stream = Random(SEED)
    for _ in range(count):
        found = [stream.gauss(0, sd) for sd in (0.005, 0.033, 0.02)]
    return found


@pytest.mark.parametrize(
    "room",
    [
        ROOM,
        Conditions(900.0, -20.0, 88.0, pressure_hpa=1041.0),
        Conditions(900.0, 45.0, 8.0, pressure_hpa=620.0),
        Conditions(900.0, 0.0, 50.0, pressure_hpa=300.5),
    ],
)
@pytest.mark.parametrize(("oversampling", "steps"), [(1, 1), (5, 16)])
def test_it_measures(room, oversampling, steps):
    bench = Bench(room)
    bme = bench.driver()
    bme.overscan_temperature = bme.overscan_pressure = bme.overscan_humidity = oversampling
    # the grid of the converters: 0.005 degC and 0.03 hPa or so at single oversampling, 0.01 %
    assert bme.temperature == pytest.approx(room.temperature_c + noise(1)[0], abs=0.006 / steps)
    assert bme.pressure == pytest.approx(room.pressure_hpa + noise(2)[1], abs=0.06 / steps)
    assert bme.humidity == pytest.approx(room.humidity_pct + noise(3)[2], abs=0.02)


@pytest.mark.parametrize(("oversampling", "duration_us"), [(1, 9_300), (5, 112_800)])
def test_a_forced_measurement_takes_its_time_and_then_it_sleeps(bench, oversampling, duration_us):
    bme = bench.driver()  # the data sheet's 9.1 at single and at 16 times oversampling
    bme.overscan_temperature = bme.overscan_pressure = bme.overscan_humidity = oversampling
    began_us = bench.clock.now_us
    assert bme.temperature
    # the driver asks the status every 2 ms, and the bus has its time
    assert duration_us <= bench.clock.now_us - began_us < duration_us + 4_000


def test_humidity_counts_from_the_next_write_of_ctrl_meas_on(bench):
    bme = bench.driver()
    bench.bus.writeto(0x77, bytes((0xF2, 0)))
    assert bme.temperature and bme.humidity  # the driver writes both, in this order
    bench.bus.writeto(0x77, bytes((0xF4, 0b001_001_01, 0xF2, 0)))
    bench.clock.run_until(bench.clock.now_us + 20_000)
    found = bytearray(2)
    bench.bus.writeto(0x77, b"\xfd")
    bench.bus.readfrom_into(0x77, found)
    assert found.hex() != "8000"
    bench.bus.writeto(0x77, bytes((0xF4, 0b001_001_01)))
    bench.clock.run_until(bench.clock.now_us + 20_000)
    bench.bus.writeto(0x77, b"\xfd")
    bench.bus.readfrom_into(0x77, found)
    assert found.hex() == "8000"  # skipped


def test_in_normal_mode_it_goes_on_by_itself(bench):
    bme = bench.driver()
    bme.mode = 3
    found = set()
    for _ in range(3):
        bench.clock.run_until(bench.clock.now_us + 300_000)
        found.add(bme.temperature)
    assert len(found) == 3


def test_a_bmp280_is_another_chip(bench):
    bench.chip.is_bmp280 = True
    with pytest.raises(RuntimeError, match="0x58"):
        bench.driver()


def test_there_are_two_addresses():
    bench = Bench(address=0x76)
    assert bench.driver(0x76).temperature
    with pytest.raises(ValueError, match="0x77"):
        bench.driver()


@pytest.mark.parametrize("blank", [0x00, 0xFF])
def test_blank_calibration_gives_nonsense(bench, blank):
    bench.chip.blank = blank
    bme = bench.driver()
    assert abs(bme.temperature - ROOM.temperature_c) > 10


def test_a_humidity_that_is_stuck_stays_where_it_was():
    fog, dry = Conditions(900.0, 21.5, 98.0), Conditions(900.0, 21.5, 30.0)
    bench = Bench()
    bench.chip.environment = Step(fog, dry, 10_000_000)
    bme = bench.driver()
    assert bme.humidity == pytest.approx(98, abs=0.2)
    bench.chip.humidity_stuck = True
    bench.clock.run_until(20_000_000)
    assert bme.humidity == pytest.approx(98, abs=0.2)
    bench.chip.humidity_stuck = False
    assert bme.humidity == pytest.approx(30, abs=0.2)


def test_a_silent_sensor_is_not_there(bench):
    bme = bench.driver()
    bench.chip.silent = True
    with pytest.raises(OSError, match="acknowledge"):
        bme.temperature  # noqa: B018
    with pytest.raises(ValueError, match="No I2C device"):
        bench.driver()
