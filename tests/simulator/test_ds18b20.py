# SPDX-License-Identifier: MIT
"""The DS18B20 model alone: slots, bytes, times and its ways to fail (data sheet 19-7487 rev 6)."""

from random import Random

import pytest

from simulator.chips.ds18b20 import Ds18b20, crc8
from simulator.clock import Clock
from simulator.one_wire import OneWireBus
from simulator.world import Conditions, Step

AIR = Conditions(co2_ppm=420.0, temperature_c=21.5, humidity_pct=42.0)
MS = 1000
POWER_ON = "50054b467fff0c101c"  # figure 8, with the checksum that every DS18B20 starts with


class Bench:
    def __init__(self, world=None, **options):
        self.clock = Clock()
        self.chip = Ds18b20(self.clock, world or Step(AIR, AIR, 0), Random(71), **options)
        self.wire = OneWireBus([self.chip])

    def wait(self, duration_us):
        self.clock.run_until(self.clock.now_us + duration_us)

    def write(self, text):
        data = bytes.fromhex(text)
        self.wire.serve(2, bytes((8 * len(data),)) + data)

    def read(self, count):
        return self.wire.serve(1, bytes((8 * count,))).hex()

    def call(self, text, count=0):
        """A reset, then bytes, then an answer."""
        assert self.wire.serve(0, b"") == b"\1"
        self.write(text)
        return self.read(count)

    def raw(self, takes_us=750 * MS):
        """The temperature register after a conversion."""
        self.call("cc44")
        self.wait(takes_us)
        return int.from_bytes(bytes.fromhex(self.call("ccbe", 2)), "little", signed=True)


@pytest.fixture
def bench():
    return Bench()


def test_the_checksum_is_maxims():
    # application note 27: the ROM code 02 1C B8 01 00 00 00 A2
    assert crc8(bytes.fromhex("021cb801000000")) == 0xA2
    assert crc8(bytes.fromhex("021cb801000000a2")) == 0


def test_after_power_on_it_says_85(bench):
    assert bench.call("ccbe", 9) == POWER_ON
    assert bench.call("ccbe", 10) == POWER_ON + "ff"  # and then nothing more


def test_its_rom_is_read_and_matched(bench):
    rom = bench.call("33", 8)
    assert rom == bench.chip.rom.hex() and rom.startswith("28")
    assert bench.call("55" + rom + "be", 9) == POWER_ON
    other = f"{int(rom[:2], 16) ^ 1:02x}" + rom[2:]
    assert bench.call("55" + other + "be", 9) == "ff" * 9


def test_a_search_offers_each_bit_and_its_complement(bench):
    bench.call("f0")
    found = 0
    for at in range(64):
        bit, complement = bench.wire.read_bit(), bench.wire.read_bit()
        assert bit == 1 - complement
        bench.wire.write_bit(bit)
        found |= bit << at
    assert found.to_bytes(8, "little") == bench.chip.rom
    bench.call("f0")
    bench.wire.write_bit(1 - (bench.chip.rom[0] & 1))  # another one is meant
    assert bench.read(1) == "ff"


@pytest.mark.parametrize("command", ["ec", "00", "cc00"])
def test_an_unknown_command_makes_it_deaf(bench, command):
    assert bench.call(command + "be", 2) == "ffff"


@pytest.mark.parametrize(
    ("configuration", "takes_us", "step"),
    [("1f", 93_750, 8), ("3f", 187_500, 4), ("5f", 375_000, 2), ("7f", 750_000, 1)],
)
def test_a_conversion_holds_the_wire_for_its_time(bench, configuration, takes_us, step):
    bench.call("cc4e0000" + configuration)
    assert bench.call("ccbe", 5)[4:] == "0000" + configuration
    bench.call("cc44")
    assert bench.wire.read_bit() == 0
    bench.wait(takes_us - 1)
    assert bench.wire.read_bit() == 0
    bench.wait(1)
    assert bench.wire.read_bit() == 1
    raw = bench.raw(takes_us)
    assert raw % step == 0 and abs(raw / 16 - 21.5) < 0.15 + step / 16


def test_what_was_before_stays_until_the_end(bench):
    bench.call("cc44")
    bench.wait(750 * MS - 1)
    assert bench.call("ccbe", 9) == POWER_ON
    bench.wait(1)
    assert bench.call("ccbe", 9) != POWER_ON


def test_the_response_is_the_stated_one(bench):
    stream = Random(71)
    stream.randbytes(6)  # of the ROM code
    for _ in range(20):
        assert bench.raw() == round((21.5 + stream.gauss(0, 0.03)) * 16)


def test_it_measures_at_the_end_and_the_water_where_there_is_some():
    water = Conditions(420.0, 21.5, 42.0, water_c=-0.5)
    bench = Bench(Step(AIR, water, 1000 * MS))
    bench.wait(1000 * MS - 750 * MS - 1)
    assert abs(bench.raw() / 16 - 21.5) < 0.15
    assert abs(bench.raw() / 16 + 0.5) < 0.15


def test_its_range_has_ends():
    for celsius, raw in ((-80.0, -880), (200.0, 2000)):
        air = Conditions(0.0, celsius, 0.0)
        assert Bench(Step(air, air, 0)).raw() == raw


def test_settings_come_back_from_eeprom_after_power_on(bench):
    bench.call("cc4e01023f")
    bench.chip.power_on()
    assert bench.call("ccbe", 5) == "50054b467f"
    bench.call("cc4e01023f")
    bench.call("cc48")
    bench.call("cc4e03045f")
    bench.call("ccb8")
    assert bench.call("ccbe", 5) == "500501023f"
    bench.chip.power_on()
    assert bench.call("ccbe", 5) == "500501023f"


def test_without_its_supply_it_is_not_there_and_says_85_afterwards(bench):
    assert bench.raw() != 0x0550
    bench.chip.power(1)  # it has it already
    assert bench.call("ccbe", 2) != "5005"
    bench.chip.power(0)
    assert bench.wire.serve(0, b"") == b"\0" and bench.read(2) == "ffff"
    bench.chip.power(1)
    assert bench.call("ccbe", 9) == POWER_ON


def test_silent_it_is_not_there(bench):
    bench.chip.silent = True
    assert bench.wire.serve(0, b"") == b"\0" and bench.read(2) == "ffff"


def test_a_corrupt_checksum_stands_beside_the_right_bytes(bench):
    bench.chip.corrupt_crc = True
    assert bench.call("ccbe", 9) == POWER_ON[:16] + "e3"


def test_all_zeros_have_a_right_checksum(bench):
    bench.chip.zeros = True
    assert bench.call("ccbe", 9) == "00" * 9 and crc8(bytes(9)) == 0


def test_frozen_it_converts_and_repeats(bench):
    before = bench.raw()
    bench.chip.environment = Step(Conditions(0.0, 5.0, 0.0), AIR, 1 << 60)
    bench.chip.frozen = True
    assert bench.raw() == before
    bench.chip.frozen = False
    assert abs(bench.raw() / 16 - 5.0) < 0.15


def test_without_a_supply_a_conversion_is_a_reset(bench):
    bench.raw()
    bench.chip.brown_out = True
    bench.call("cc44")
    assert bench.wire.read_bit() == 1
    bench.wait(750 * MS)
    assert bench.call("ccbe", 9) == POWER_ON


def test_it_says_whether_it_has_a_supply(bench):
    for brown_out, supply in ((False, 1), (True, 0)):
        bench.chip.brown_out = brown_out
        bench.call("ccb4")
        assert bench.wire.read_bit() == supply


def test_one_that_replays_converts_nothing(bench):
    before = bench.raw()
    bench.chip.replays = True
    bench.chip.environment = Step(Conditions(0.0, 5.0, 0.0), AIR, 1 << 60)
    bench.call("cc44")
    assert bench.wire.read_bit() == 1 and bench.raw() == before


def test_a_clone_starts_with_another_value_and_takes_519_ms():
    bench = Bench(clone=True)
    assert bench.call("ccbe", 2) == "9001"  # 25 degC
    bench.call("cc4e00001f")
    bench.call("cc44")
    bench.wait(519 * MS - 1)
    assert bench.wire.read_bit() == 0
    bench.wait(1)
    assert bench.wire.read_bit() == 1
    before = bench.call("ccbe", 2)
    bench.chip.power_on()
    assert bench.call("ccbe", 2) == before


def test_the_time_of_its_conversions_is_counted(bench):
    bench.raw()
    bench.wait(250 * MS)
    assert bench.chip.time_by_state_us() == {"converting": 750 * MS, "idle": 250 * MS, "off": 0}
