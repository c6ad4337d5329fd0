# SPDX-License-Identifier: MIT
"""adafruit-circuitpython-sht4x drives the SHT40 model, unchanged; neither knows of the other."""

from math import exp
from random import Random

import i2c_bus
import pytest

from simulator.chips.sht4x import Sht4x
from simulator.clock import Clock
from simulator.world import Conditions, Step

ROOM = Conditions(co2_ppm=900.0, temperature_c=21.5, humidity_pct=42.0)
SEED = 71
Mode = i2c_bus.adafruit_sht4x.Mode


class Bench:
    def __init__(self, room=ROOM):
        self.clock = Clock()
        self.chip = Sht4x(self.clock, Step(room, room, 0), Random(SEED))
        self.bus = i2c_bus.I2c(self.clock, self.chip)
        self.sht = self.driver()

    def driver(self):
        return i2c_bus.adafruit_sht4x.SHT4x(self.bus)


@pytest.fixture
def bench():
    return Bench()


def noise():
    stream = Random(SEED)
    return stream.gauss(0, 0.04), stream.gauss(0, 0.1)


def test_it_finds_the_sensor_and_its_serial_number(bench):
    assert bench.sht.serial_number == 0x0F0A7B25


def test_another_address_is_nobodys(bench):
    with pytest.raises(ValueError, match="0x45"):
        i2c_bus.adafruit_sht4x.SHT4x(bench.bus, 0x45)


@pytest.mark.parametrize(
    ("mode", "least_us"),
    # data sheet 7.1, table 5; the driver waits a little longer than the sensor needs
    [("NOHEAT_HIGHPRECISION", 8300), ("NOHEAT_MEDPRECISION", 4500), ("NOHEAT_LOWPRECISION", 1700)],
)
def test_it_measures(bench, mode, least_us):
    bench.sht.mode = getattr(Mode, mode)
    began_us = bench.clock.now_us
    temperature, humidity = bench.sht.measurements
    assert least_us <= bench.clock.now_us - began_us < least_us + 2800
    assert temperature == pytest.approx(ROOM.temperature_c + noise()[0], abs=0.002)
    assert humidity == pytest.approx(ROOM.humidity_pct + noise()[1], abs=0.001)


@pytest.mark.parametrize(
    ("mode", "pulse_us", "warmer_c"),
    [
        ("HIGHHEAT_1S", 1_100_000, 60),
        ("HIGHHEAT_100MS", 110_000, 20),
        ("MEDHEAT_1S", 1_100_000, 33),
        ("MEDHEAT_100MS", 110_000, 11),
        ("LOWHEAT_1S", 1_100_000, 6),
        ("LOWHEAT_100MS", 110_000, 2),
    ],
)
def test_the_heater_warms_and_dries(bench, mode, pulse_us, warmer_c):
    def saturation(celsius):  # Tetens, another formula than the model's
        return 6.1078 * exp(17.269 * celsius / (celsius + 237.3))

    bench.sht.mode = getattr(Mode, mode)
    began_us = bench.clock.now_us
    temperature, humidity = bench.sht.measurements
    assert pulse_us <= bench.clock.now_us - began_us < pulse_us + 2000
    warm_c = ROOM.temperature_c + warmer_c
    assert temperature == pytest.approx(warm_c + noise()[0], abs=0.002)
    dry_pct = ROOM.humidity_pct * saturation(ROOM.temperature_c) / saturation(warm_c)
    assert humidity == pytest.approx(dry_pct + noise()[1], abs=0.1)
    bench.sht.mode = Mode.NOHEAT_HIGHPRECISION
    assert bench.sht.temperature == pytest.approx(ROOM.temperature_c, abs=0.2)


@pytest.mark.parametrize(("air_pct", "shown_pct"), [(118.0, 100), (-5.0, 0)])
def test_what_lies_outside_is_cropped_by_the_driver_not_by_the_sensor(air_pct, shown_pct):
    bench = Bench(Conditions(900.0, 21.5, air_pct))
    assert bench.sht.relative_humidity == shown_pct
    bench.chip.write(b"\xfd")
    bench.clock.run_until(bench.clock.now_us + 8300)
    word = int.from_bytes(bench.chip.read(6)[3:5])
    assert -6 + 125 * word / 65535 == pytest.approx(air_pct, abs=0.5)  # data sheet 4.6


def test_a_reset_forgets_the_measurement(bench):
    bench.bus.writeto(0x44, b"\xfd")
    bench.clock.run_until(bench.clock.now_us + 10_000)
    bench.sht.reset()
    with pytest.raises(OSError, match="acknowledge"):
        bench.bus.readfrom_into(0x44, bytearray(6))
    assert bench.sht.temperature == pytest.approx(ROOM.temperature_c, abs=0.2)


def test_while_it_measures_it_answers_nothing(bench):
    bench.bus.writeto(0x44, b"\xfd")
    with pytest.raises(OSError, match="acknowledge"):
        bench.sht.measurements  # noqa: B018
    with pytest.raises(ValueError, match="No I2C device"):
        bench.driver()


def test_a_corrupt_checksum_is_noticed(bench):
    bench.chip.corrupt_crc = True
    for read in (lambda: bench.sht.measurements, lambda: bench.sht.serial_number):
        with pytest.raises(RuntimeError, match="CRC"):
            read()
    bench.chip.corrupt_crc = False
    assert bench.sht.serial_number == 0x0F0A7B25


def test_a_silent_sensor_is_not_there(bench):
    bench.chip.silent = True
    with pytest.raises(OSError, match="acknowledge"):
        bench.sht.measurements  # noqa: B018
    with pytest.raises(ValueError, match="No I2C device"):
        bench.driver()
