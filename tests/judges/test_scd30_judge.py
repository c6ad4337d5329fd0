# SPDX-License-Identifier: MIT
"""adafruit-circuitpython-scd30 drives the SCD30 model, unchanged; neither knows of the other."""

from math import isnan
from random import Random

import i2c_bus
import pytest

from simulator.chips.scd30 import Scd30
from simulator.clock import Clock
from simulator.world import Conditions, Step

ROOM = Conditions(co2_ppm=900.0, temperature_c=21.5, humidity_pct=42.0)
SEED = 71


class Bench:
    def __init__(self, world=None):
        self.clock = Clock()
        self.chip = Scd30(self.clock, world or Step(ROOM, ROOM, 0), Random(SEED))
        self.bus = i2c_bus.I2c(self.clock, self.chip)
        self.scd = self.driver()

    def driver(self):
        return i2c_bus.adafruit_scd30.SCD30(self.bus)

    def wait(self, seconds):
        self.clock.run_until(self.clock.now_us + round(seconds * 1e6))


@pytest.fixture
def bench():
    return Bench()


def reported(count, co2_ppm=ROOM.co2_ppm, temperature_c=ROOM.temperature_c):
    """The values of sample `count` in a room that stays as it is: a room, and the noise."""
    stream = Random(SEED)
    for _ in range(count):
        co2, celsius, percent = (stream.gauss(0, sd) for sd in (10, 0.1, 0.1))
    found = (co2_ppm + co2, temperature_c + celsius, ROOM.humidity_pct + percent)
    return [pytest.approx(each, abs=0.001) for each in found]  # as a float of 32 bits


def values(scd):
    """One access for each: the driver keeps what the first of them has read."""
    return [scd.CO2, scd.temperature, scd.relative_humidity]


def test_it_finds_the_sensor_and_its_firmware(bench):
    assert bench.scd.firmware_version == "3.66"  # interface description 1.4.9


def test_another_address_is_nobodys(bench):
    with pytest.raises(ValueError, match="0x62"):
        i2c_bus.adafruit_scd30.SCD30(bench.bus, address=0x62)


def test_it_measures_every_two_seconds(bench):
    began_us = bench.chip.started_us
    assert bench.scd.measurement_interval == 2 and bench.scd.CO2 is None
    for count in (1, 2, 3):
        while not bench.scd.data_available:
            bench.wait(0.02)
        assert bench.clock.now_us - began_us == pytest.approx(count * 2e6, abs=150_000)
        found = values(bench.scd)
        assert found[1:] == reported(count)[1:]
        # of the first sample there is no CO2
        assert found[0] == (0 if count == 1 else reported(count)[0])
        assert not bench.scd.data_available


def test_another_interval_holds_over_a_reset(bench):
    bench.scd.measurement_interval = 30
    bench.scd.reset()
    bench.wait(2)
    assert bench.scd.measurement_interval == 30 and not bench.scd.data_available
    bench.wait(31)
    assert bench.scd.data_available


@pytest.mark.parametrize(
    ("name", "default", "other"),
    # interface description 1.4.3 to 1.4.8
    [
        ("measurement_interval", 2, 1800),
        ("self_calibration_enabled", False, True),
        ("forced_recalibration_reference", 400, 450),
        ("temperature_offset", 0.0, 5.0),
        ("altitude", 0, 1000),
    ],
)
def test_a_setting_is_kept_over_the_power(bench, name, default, other):
    assert getattr(bench.scd, name) == default
    setattr(bench.scd, name, other)
    assert getattr(bench.scd, name) == other
    bench.chip.power(0)
    bench.chip.power(1)
    bench.wait(2)
    assert getattr(bench.scd, name) == other


def test_the_pressure_is_not(bench):
    bench.scd.ambient_pressure = 987
    assert bench.scd.ambient_pressure == 987
    bench.scd.reset()
    bench.wait(2)
    assert bench.scd.ambient_pressure == 0


def test_thin_air_has_fewer_molecules_until_the_sensor_knows_of_it():
    mountain = Conditions(900.0, 21.5, 42.0, pressure_hpa=795.0)  # ICAO's atmosphere: 2000 m
    bench = Bench(Step(mountain, mountain, 0))
    bench.wait(4.5)
    assert values(bench.scd) == reported(2, co2_ppm=900 * 795 / 1013.25)
    bench.scd.ambient_pressure = 795
    bench.wait(2)
    assert values(bench.scd) == reported(3)
    bench.scd.ambient_pressure = 0
    bench.scd.altitude = 2000
    bench.wait(2)
    assert values(bench.scd)[0] == pytest.approx(900, abs=40)


def test_an_offset_lowers_the_temperature(bench):
    bench.scd.temperature_offset = 2.5
    bench.wait(4.5)
    assert values(bench.scd) == reported(2, temperature_c=19.0)


def test_a_forced_calibration_corrects(bench):
    bench.wait(121)
    assert bench.scd.CO2 is not None
    bench.scd.forced_recalibration_reference = 850
    bench.wait(2)
    assert values(bench.scd) == reported(61, co2_ppm=850)


def test_stopped_it_measures_no_more_and_goes_on_when_told(bench):
    bench.wait(4.5)
    assert bench.scd.data_available and bench.scd.CO2
    bench.scd.stop_continuous_measurement()
    bench.wait(10)
    assert not bench.scd.data_available
    bench.scd.start_continuous_measurement()
    bench.wait(2.1)
    assert bench.scd.data_available


def test_an_answer_takes_three_milliseconds(bench):
    bench.bus.writeto(0x61, bytes.fromhex("d100"))
    with pytest.raises(OSError, match="acknowledge"):
        bench.bus.readfrom_into(0x61, bytearray(3))
    bench.wait(0.003)
    found = bytearray(3)
    bench.bus.readfrom_into(0x61, found)
    assert found.hex() == "0342f3"


def test_it_stretches_the_clock(bench):
    began_us = bench.clock.now_us
    assert bench.scd.firmware_version
    assert bench.clock.now_us - began_us == pytest.approx(2 * 30_000 + 10_000, abs=1_000)


def test_a_corrupt_checksum_is_noticed(bench):
    bench.wait(4.5)
    bench.chip.corrupt_crc = True
    with pytest.raises(RuntimeError, match="CRC"):
        bench.scd.CO2  # noqa: B018
    bench.chip.corrupt_crc = False
    assert bench.scd.firmware_version == "3.66"


def test_a_sensor_without_a_number_says_so(bench):
    bench.chip.no_number = True
    bench.wait(4.5)
    assert isnan(bench.scd.CO2) and bench.scd.temperature == reported(2)[1]


def test_hung_it_has_no_sample_until_a_reset(bench):
    bench.chip.hung = True
    bench.wait(20)
    assert not bench.scd.data_available
    bench.scd.reset()
    bench.wait(4.5)
    assert bench.scd.data_available


def test_a_silent_sensor_is_not_there(bench):
    bench.chip.silent = True
    with pytest.raises(OSError, match="acknowledge"):
        bench.scd.CO2  # noqa: B018
    with pytest.raises(ValueError, match="No I2C device"):
        bench.driver()
