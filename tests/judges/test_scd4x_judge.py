# SPDX-License-Identifier: MIT
"""adafruit-circuitpython-scd4x drives the SCD41 model, unchanged; neither knows of the other."""

from random import Random

import i2c_bus
import pytest

from simulator.chips.scd4x import Scd4x
from simulator.clock import Clock
from simulator.world import Conditions, Step

ROOM = Conditions(co2_ppm=900.0, temperature_c=21.5, humidity_pct=42.0)
SEED = 71


class Bench:
    def __init__(self, world=None):
        self.clock = Clock()
        self.chip = Scd4x(self.clock, world or Step(ROOM, ROOM, 0), Random(SEED))
        self.bus = i2c_bus.I2c(self.clock, self.chip)
        self.scd = self.driver()

    def driver(self):
        return i2c_bus.adafruit_scd4x.SCD4X(self.bus)

    def wait(self, seconds):
        self.clock.run_until(self.clock.now_us + round(seconds * 1e6))

    def measured(self, minutes):
        """Measure for so long, with the last value read, and stop."""
        self.scd.start_periodic_measurement()
        self.wait(minutes * 60 + 0.1)
        co2 = self.scd.CO2
        self.scd.stop_periodic_measurement()
        return co2


@pytest.fixture
def bench():
    return Bench()


def reported(count=1, co2_ppm=ROOM.co2_ppm):
    """The values of sample `count` in a room that stays as it is: a room, and the noise."""
    stream = Random(SEED)
    for _ in range(count):
        co2, celsius, percent = (stream.gauss(0, sd) for sd in (10, 0.05, 0.2))
    co2, celsius, percent = co2_ppm + co2, ROOM.temperature_c + celsius, ROOM.humidity_pct + percent
    return round(co2), pytest.approx(celsius, abs=0.002), pytest.approx(percent, abs=0.001)


def values(scd):
    return scd.CO2, scd.temperature, scd.relative_humidity


def test_it_finds_the_sensor_and_knows_it(bench):
    # data sheet 1.7, tables 27 and 31
    assert bench.scd.serial_number == (0xF8, 0x96, 0x9F, 0x07, 0x3B, 0xBE)
    assert bench.scd.sensor_variant_name == "SCD41"
    assert 500_000 <= bench.clock.now_us < 510_000  # it has waited for a stop, table 12


def test_another_address_is_nobodys(bench):
    with pytest.raises(ValueError, match="0x61"):
        i2c_bus.adafruit_scd4x.SCD4X(bench.bus, 0x61)


def test_it_measures_every_five_seconds(bench):
    began_us = bench.clock.now_us
    bench.scd.start_periodic_measurement()
    for count in (1, 2, 3):
        while not bench.scd.data_ready:
            bench.wait(0.05)
        assert bench.clock.now_us - began_us == pytest.approx(count * 5e6, abs=60_000)
        assert values(bench.scd) == reported(count)
        assert not bench.scd.data_ready


def test_what_was_read_stays_until_the_next(bench):
    bench.scd.start_periodic_measurement()
    assert bench.scd.CO2 is None
    bench.wait(5.1)
    assert [reported()[0]] * 2 == [bench.scd.CO2, bench.scd.CO2]


def test_low_power_takes_thirty(bench):
    bench.scd.start_low_periodic_measurement()
    bench.wait(29.9)
    assert not bench.scd.data_ready
    bench.wait(0.2)
    assert values(bench.scd) == reported()


def test_a_step_arrives_slowly():
    after = Conditions(1900.0, 21.5, 42.0)
    bench = Bench(Step(ROOM, after, 60_000_000))
    bench.scd.start_periodic_measurement()
    bench.wait(60 + 60 - 0.5)
    co2 = bench.scd.CO2  # T63 is 60 s (facts, sensors): 1900 - 1000 / e, and the noise
    assert co2 == pytest.approx(1532, abs=50)


@pytest.mark.parametrize(
    "act",
    [
        lambda scd: scd.serial_number,
        lambda scd: scd.sensor_variant,
        lambda scd: scd.altitude,
        lambda scd: scd.temperature_offset,
        lambda scd: scd.self_calibration_enabled,
        lambda scd: scd.self_calibration_target,
        lambda scd: setattr(scd, "altitude", 3),
        lambda scd: setattr(scd, "temperature_offset", 2.0),
        lambda scd: setattr(scd, "self_calibration_enabled", False),
        lambda scd: scd.persist_settings(),
        lambda scd: scd.measure_single_shot(),
        lambda scd: scd.measure_single_shot_rht_only(),
        lambda scd: scd.power_down(),
        lambda scd: scd.start_periodic_measurement(),
        lambda scd: scd.start_low_periodic_measurement(),
    ],
)
def test_while_it_measures_it_takes_nothing_else(bench, act):
    act(bench.scd)
    again = Bench()
    again.scd.start_periodic_measurement()
    with pytest.raises(RuntimeError, match="not available in periodic measurement mode"):
        act(again.scd)
    again.wait(5.1)
    assert values(again.scd) == reported()


def test_the_pressure_is_taken_while_it_measures(bench):
    bench.scd.start_periodic_measurement()
    assert bench.scd.ambient_pressure == 1013  # 3.7.5
    bench.scd.ambient_pressure = 987
    assert bench.scd.ambient_pressure == 987


SETTINGS = (
    # name, by default (data sheet 1.7: 3.7, 3.8, 3.11), another
    ("temperature_offset", 4.0, 5.4),
    ("altitude", 0, 1950),
    ("ambient_pressure", 1013, 987),
    ("self_calibration_enabled", True, False),
    ("self_calibration_target", 400, 435),
    ("self_calibration_initial_period", 44, 76),
    ("self_calibration_standard_period", 156, 312),
)


@pytest.mark.parametrize(("name", "default", "other"), SETTINGS, ids=lambda value: str(value))
def test_a_setting_holds_until_it_is_loaded_anew(bench, name, default, other):
    def setting():
        return pytest.approx(getattr(bench.scd, name), abs=0.003)

    assert default == setting()
    setattr(bench.scd, name, other)
    assert other == setting()
    bench.scd.reinit()
    assert default == setting()
    setattr(bench.scd, name, other)
    bench.scd.persist_settings()
    bench.scd.reinit()
    assert other == setting()
    bench.scd.factory_reset()
    assert default == setting()
    bench.scd.reinit()
    assert default == setting()


def test_a_larger_offset_is_a_lower_temperature(bench):
    bench.scd.temperature_offset = 6.5
    bench.scd.start_periodic_measurement()
    bench.wait(5.1)
    co2, temperature, humidity = values(bench.scd)
    assert (co2, temperature + 2.5, humidity) == reported()


def test_a_single_shot_takes_five_seconds(bench):
    began_us = bench.clock.now_us
    bench.scd.measure_single_shot()
    assert bench.clock.now_us - began_us == pytest.approx(5e6, abs=1000)
    assert bench.scd.data_ready and values(bench.scd) == reported()
    assert not bench.scd.data_ready


def test_a_single_shot_without_co2_gives_zero(bench):
    began_us = bench.clock.now_us
    bench.scd.measure_single_shot_rht_only()
    assert bench.clock.now_us - began_us == pytest.approx(50_000, abs=1000)
    assert values(bench.scd) == (0, *reported()[1:])


def test_asleep_it_answers_nothing_until_it_is_woken(bench):
    bench.scd.power_down()
    with pytest.raises(RuntimeError):
        bench.scd.measure_single_shot()
    with pytest.raises(ValueError, match="No I2C device"):
        bench.driver()
    bench.scd.wake_up()
    assert bench.scd.serial_number[0] == 0xF8
    bench.scd.measure_single_shot()
    assert values(bench.scd) == reported()


def test_a_calibration_needs_three_minutes(bench):
    with pytest.raises(RuntimeError, match="3 minutes"):
        bench.scd.force_calibration(500)
    bench.measured(minutes=2.9)
    with pytest.raises(RuntimeError, match="3 minutes"):
        bench.scd.force_calibration(500)
    assert bench.measured(minutes=3) == reported(34 + 36)[0]
    assert bench.scd.force_calibration(850) == -50
    assert bench.measured(minutes=3) == reported(34 + 36 + 36, co2_ppm=850.0)[0]
    assert bench.scd.force_calibration(870) == 20
    bench.scd.reinit()  # an EEPROM of its own keeps it, 3.10.1
    assert bench.measured(minutes=3) == reported(34 + 36 * 3, co2_ppm=870.0)[0]
    bench.scd.factory_reset()
    assert bench.measured(minutes=3) == reported(34 + 36 * 4)[0]


def test_in_low_power_too(bench):
    bench.scd.start_low_periodic_measurement()
    bench.wait(180.1)
    assert bench.scd.force_calibration(1000) == 100


def test_the_self_test_takes_ten_seconds_and_finds_nothing(bench):
    began_us = bench.clock.now_us
    bench.scd.self_test()
    assert bench.clock.now_us - began_us == pytest.approx(10.5e6, abs=2000)


def test_a_corrupt_checksum_is_noticed(bench):
    bench.scd.start_periodic_measurement()
    bench.wait(5.1)
    bench.chip.corrupt_crc = True
    with pytest.raises(RuntimeError, match="CRC"):
        bench.scd.CO2  # noqa: B018
    bench.chip.corrupt_crc = False
    assert reported()[0] == bench.scd.CO2


def test_a_silent_sensor_is_not_there(bench):
    bench.chip.silent = True
    with pytest.raises(RuntimeError, match="Could not communicate"):
        bench.scd.data_ready  # noqa: B018
    with pytest.raises(ValueError, match="No I2C device"):
        bench.driver()


def test_a_driver_that_starts_again_finds_it_measuring(bench):
    bench.scd.start_periodic_measurement()
    bench.wait(7)
    scd = bench.driver()  # it stops what still runs
    assert scd.altitude == 0
