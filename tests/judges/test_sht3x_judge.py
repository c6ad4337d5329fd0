# SPDX-License-Identifier: MIT
"""adafruit-circuitpython-sht31d drives the SHT31 model, unchanged; neither knows of the other."""

from random import Random

import i2c_bus
import pytest

from simulator.chips.sht3x import Sht3x
from simulator.clock import Clock
from simulator.world import Conditions, Step

ROOM = Conditions(co2_ppm=900.0, temperature_c=21.5, humidity_pct=42.0)
SEED = 71


class Bench:
    def __init__(self, room=ROOM):
        self.clock = Clock()
        self.chip = Sht3x(self.clock, Step(room, room, 0), Random(SEED))
        self.bus = i2c_bus.I2c(self.clock, self.chip)
        self.sht = self.driver()

    def driver(self):
        return i2c_bus.adafruit_sht31d.SHT31D(self.bus)


@pytest.fixture
def bench():
    return Bench()


def reported(count=1):
    """Temperature and humidity of measurement `count`."""
    stream = Random(SEED)
    for _ in range(count):
        celsius, percent = stream.gauss(0, 0.04), stream.gauss(0, 0.1)
    return (
        pytest.approx(ROOM.temperature_c + celsius, abs=0.002),
        pytest.approx(ROOM.humidity_pct + percent, abs=0.001),
    )


def test_it_finds_the_sensor_and_its_serial_number(bench):
    assert bench.sht.serial_number == 0x1A2B3C4D


def test_the_other_address_is_nobodys(bench):
    with pytest.raises(ValueError, match="0x45"):
        i2c_bus.adafruit_sht31d.SHT31D(bench.bus, 0x45)


@pytest.mark.parametrize(
    # data sheet 5, table 4: at most; the driver waits a little longer
    ("repeatability", "least_us"),
    [("High", 15_000), ("Medium", 6_000), ("Low", 4_000)],
)
@pytest.mark.parametrize("stretches", [False, True])
def test_it_measures_with_and_without_a_stretched_clock(bench, repeatability, least_us, stretches):
    bench.sht.repeatability, bench.sht.clock_stretching = repeatability, stretches
    began_us = bench.clock.now_us
    assert bench.sht.temperature == reported(1)[0]
    assert least_us <= bench.clock.now_us - began_us < least_us + 2000
    assert bench.sht.relative_humidity == reported(2)[1]


def test_while_it_measures_it_answers_nothing(bench):
    bench.bus.writeto(0x44, bytes.fromhex("2400"))
    with pytest.raises(OSError, match="acknowledge"):
        bench.bus.readfrom_into(0x44, bytearray(6))
    with pytest.raises(OSError, match="acknowledge"):
        bench.sht.temperature  # noqa: B018
    bench.clock.run_until(bench.clock.now_us + 15_000)
    assert bench.sht.temperature == reported(2)[0]


def test_periodic_it_hears_nothing_but_the_end_of_that(bench):
    bench.sht.frequency = i2c_bus.adafruit_sht31d.FREQUENCY_2
    bench.sht.mode = i2c_bus.adafruit_sht31d.MODE_PERIODIC
    with pytest.raises(OSError, match="acknowledge"):
        bench.bus.writeto(0x44, bytes.fromhex("30a2"))
    with pytest.raises(OSError, match="acknowledge"):
        bench.bus.writeto(0x44, bytes.fromhex("e000"))  # there is no data yet
    bench.clock.run_until(bench.clock.now_us + 500_000)
    bench.bus.writeto(0x44, bytes.fromhex("e000"))
    bench.bus.readfrom_into(0x44, bytearray(6))
    sht = bench.driver()  # it ends what still runs
    assert sht.temperature == reported(2)[0]


def test_the_status_tells_of_a_reset_and_of_the_heater(bench):
    # data sheet 5, table 17: 4 a reset was there, 13 the heater, 15 an alert of either
    assert bench.sht.status == 0x8010
    bench.sht.heater = True
    assert bench.sht.heater
    bench.sht.heater = False
    assert bench.sht.status == 0x8010
    bench.bus.writeto(0x44, bytes.fromhex("3041"))
    assert bench.sht.status == 0


def test_a_corrupt_checksum_is_noticed(bench):
    bench.chip.corrupt_crc = True
    for read in (lambda: bench.sht.temperature, lambda: bench.sht.serial_number):
        with pytest.raises(RuntimeError, match="CRC"):
            read()
    bench.chip.corrupt_crc = False
    assert bench.sht.serial_number == 0x1A2B3C4D


def test_a_silent_sensor_is_not_there(bench):
    bench.chip.silent = True
    with pytest.raises(OSError, match="acknowledge"):
        bench.sht.temperature  # noqa: B018
    with pytest.raises(ValueError, match="No I2C device"):
        bench.driver()
