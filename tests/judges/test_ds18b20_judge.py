# SPDX-License-Identifier: MIT
"""The DS18B20 model, driven by adafruit-circuitpython-ds18x20: neither knows of the other."""

from random import Random

import one_wire_bus
import pytest

from simulator.chips.ds18b20 import Ds18b20
from simulator.clock import Clock
from simulator.world import Conditions, Step

AIR = Conditions(co2_ppm=420.0, temperature_c=21.5, humidity_pct=42.0)
COLD = Conditions(co2_ppm=420.0, temperature_c=-10.1, humidity_pct=42.0)
WATER = Conditions(co2_ppm=420.0, temperature_c=21.5, humidity_pct=42.0, water_c=7.25)


class Bench:
    def __init__(self, air=AIR, count=1, **options):
        self.clock = Clock()
        world = Step(air, air, 0)
        self.chips = [Ds18b20(self.clock, world, Random(71 + at), **options) for at in range(count)]
        self.bus = one_wire_bus.open_bus(self.clock, self.chips)

    def driver(self):
        (address,) = self.bus.scan()
        return one_wire_bus.adafruit_ds18x20.DS18X20(self.bus, address)


def test_it_is_found_by_its_rom():
    bench = Bench()
    (address,) = bench.bus.scan()
    assert bytes(address.rom) == bench.chips[0].rom
    assert address.family_code == 0x28 and bench.bus.crc8(address.rom) == 0


@pytest.mark.parametrize("count", [2, 7])
def test_a_search_finds_all_of_them(count):
    bench = Bench(count=count)
    found = {bytes(address.rom) for address in bench.bus.scan()}
    assert found == {chip.rom for chip in bench.chips} and len(found) == count


def test_nobody_is_found_on_an_empty_wire():
    bench = Bench()
    bench.chips[0].silent = True
    assert bench.bus.scan() == [] and not bench.bus.reset()


@pytest.mark.parametrize(("air", "celsius"), [(AIR, 21.5), (COLD, -10.1), (WATER, 7.25)])
def test_it_measures_the_air_or_the_water(air, celsius):
    assert Bench(air).driver().temperature == pytest.approx(celsius, abs=0.15)


def test_each_is_asked_for_its_own():
    bench = Bench(count=3)
    for chip, celsius in zip(bench.chips, (4.0, 14.0, 24.0), strict=True):
        air = Conditions(420.0, celsius, 50.0)
        chip.environment = Step(air, air, 0)
    temperatures = {}
    for address in bench.bus.scan():
        driver = one_wire_bus.adafruit_ds18x20.DS18X20(bench.bus, address)
        temperatures[bytes(address.rom)] = driver.temperature
    expected = zip(bench.chips, (4.0, 14.0, 24.0), strict=True)
    assert temperatures == {chip.rom: pytest.approx(at, abs=0.15) for chip, at in expected}


@pytest.mark.parametrize(("bits", "takes_s"), [(9, 0.09375), (10, 0.1875), (11, 0.375), (12, 0.75)])
def test_a_conversion_takes_its_time_and_has_its_bits(bits, takes_s):
    bench = Bench()
    driver = bench.driver()
    assert driver.resolution == 12
    driver.resolution = bits
    assert driver.resolution == bits
    began_us = bench.clock.now_us
    celsius = driver.temperature
    # beside it: two addressed exchanges, 12 bytes written, 9 read, and up to a byte of polling
    assert bench.clock.now_us - began_us == pytest.approx(takes_s * 1e6, abs=30_000)
    assert celsius == pytest.approx(21.5, abs=0.15 + 0.5 ** (bits - 8))
    assert (celsius * 2 ** (bits - 8)).is_integer()


def test_before_a_conversion_it_says_85():
    bench = Bench()
    assert bench.driver().read_temperature() == 85.0
    assert Bench(clone=True).driver().read_temperature() == 25.0


def test_a_clone_takes_519_ms_whatever_it_is_told():
    bench = Bench(clone=True)
    driver = bench.driver()
    for bits in (9, 12):
        driver.resolution = bits
        began_us = bench.clock.now_us
        assert driver.temperature == pytest.approx(21.5, abs=0.15)
        assert bench.clock.now_us - began_us == pytest.approx(519_000, abs=30_000)


def test_a_wrong_checksum_is_seen():
    bench = Bench()
    driver = bench.driver()
    bench.chips[0].corrupt_crc = True
    with pytest.raises(RuntimeError, match="CRC"):
        assert driver.temperature is None


def test_without_a_supply_it_says_85_at_once():
    bench = Bench()
    driver = bench.driver()
    bench.chips[0].brown_out = True
    began_us = bench.clock.now_us
    assert driver.temperature == 85.0 and bench.clock.now_us - began_us < 30_000


def test_zeros_pass_its_checksum():
    bench = Bench()
    bench.chips[0].zeros = True
    assert bench.driver().temperature == 0.0


def test_what_is_not_converted_is_what_was_before():
    bench = Bench()
    driver = bench.driver()
    before = driver.temperature
    bench.chips[0].environment = Step(COLD, COLD, 0)
    bench.chips[0].replays = True
    assert driver.temperature == before
    bench.chips[0].replays = False
    assert driver.temperature == pytest.approx(-10.1, abs=0.15)
