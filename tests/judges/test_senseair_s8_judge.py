# SPDX-License-Identifier: MIT
"""minimalmodbus and the package senseair-s8 drive the S8 model, unchanged."""

from random import Random

import minimalmodbus
import pytest
import senseair_s8.senseair_s8 as package
import uart_port
from circuitpython import VirtualTime

from simulator.chips.senseair_s8 import SenseairS8
from simulator.clock import Clock
from simulator.world import Conditions, Step

ROOM = Conditions(co2_ppm=900.0, temperature_c=21.5, humidity_pct=42.0)
AIRED = Conditions(co2_ppm=430.0, temperature_c=19.0, humidity_pct=42.0)
S = 1_000_000
STATUS, CO2, SERIAL = 0, 3, 29  # input registers, less 1 (TDE2067)
ACKNOWLEDGE, COMMAND, PERIOD = 0, 1, 31  # holding registers, less 1
INPUT, HOLDING, WRITE_ONE = 4, 3, 6


class Bench:
    """A sensor with air that changes after 1000 s, and the driver at the other end of its line."""

    def __init__(self, address=0xFE):
        self.clock = Clock()
        self.chip = SenseairS8(self.clock, Step(ROOM, AIRED, 1000 * S), Random(71))
        minimalmodbus.time = VirtualTime(self.clock)
        minimalmodbus._latest_read_times.clear()
        self.serial = uart_port.Serial(self.clock, self.chip)
        self.driver = minimalmodbus.Instrument(self.serial, address)

    def at(self, second):
        self.clock.run_until(second * S)
        return self

    def input(self, address, count=1):
        return self.driver.read_registers(address, count, INPUT)

    def holding(self, address):
        return self.driver.read_register(address, functioncode=HOLDING)

    def write(self, address, value):
        self.driver.write_register(address, value, functioncode=WRITE_ONE)


@pytest.fixture
def bench():
    return Bench()


def test_status_and_co2(bench):
    status, alarm, output, co2_ppm = bench.at(400).input(STATUS, 4)
    assert (status, alarm, output) == (0, 0, 0) and co2_ppm == pytest.approx(900, abs=20)
    assert bench.at(1400).input(CO2)[0] == pytest.approx(430, abs=20)


def test_it_answers_to_its_own_address_and_to_no_other():
    assert Bench(0x68).at(400).input(CO2)[0] > 800
    with pytest.raises(minimalmodbus.NoResponseError):
        Bench(0x11).at(400).input(CO2)


def test_it_tells_its_serial_number(bench):
    assert bench.at(400).input(SERIAL, 2) == [0x071C, 0x0DE5]


def test_the_period_of_the_self_calibration(bench):
    assert bench.at(10).holding(PERIOD) == 180
    for hours in (0, 4, 4800, 180):
        bench.write(PERIOD, hours)
        assert bench.holding(PERIOD) == hours
    for hours in (3, 4801):
        with pytest.raises(minimalmodbus.IllegalRequestError):
            bench.write(PERIOD, hours)


def test_a_background_calibration_is_acknowledged_with_the_next_sample(bench):
    bench.at(1000).write(ACKNOWLEDGE, 0)
    bench.write(COMMAND, 0x7C06)
    assert bench.holding(ACKNOWLEDGE) == 0
    assert bench.at(1005).holding(ACKNOWLEDGE) == 0x20
    assert bench.input(CO2)[0] == pytest.approx(400, abs=15)
    assert bench.at(1500).input(CO2)[0] < 50  # the air got cleaner, its zero stays


def test_nitrogen_would_spoil_it(bench):
    bench.at(400).write(COMMAND, 0x7C07)
    assert bench.at(405).holding(ACKNOWLEDGE) == 0x40
    assert bench.at(410).input(CO2)[0] < 30


def test_what_it_does_not_know_it_refuses(bench):
    bench.at(10)
    for act in (
        lambda: bench.input(40),
        lambda: bench.holding(40),
        lambda: bench.write(COMMAND, 0x1234),
        lambda: bench.write(5, 1),
        lambda: bench.driver.write_register(PERIOD, 180),  # function 16
    ):
        with pytest.raises(minimalmodbus.SlaveReportedException):
            act()


def test_one_that_sleeps_wants_a_byte_first(bench):
    bench.at(400).chip.sleeps = True
    bench.at(410)
    with pytest.raises(minimalmodbus.NoResponseError):
        bench.input(CO2)
    bench.at(420).serial.write(b"\0")
    bench.clock.run_until(bench.clock.now_us + 10_000)
    bench.driver.clear_buffers_before_each_transaction = False
    assert bench.input(CO2)[0] > 800


@pytest.mark.parametrize("fault", ["silent", "corrupt", "partial"])
def test_its_faults_are_noticed(bench, fault):
    bench.at(400)
    setattr(bench.chip, fault, True)
    with pytest.raises((minimalmodbus.NoResponseError, minimalmodbus.InvalidResponseError)):
        bench.input(CO2)
    setattr(bench.chip, fault, False)
    assert bench.at(401).input(CO2)[0] > 800


def test_the_package_for_it_reads_it(bench):
    bench.at(400)
    package.time = VirtualTime(bench.clock)

    class Port:
        Serial = staticmethod(lambda port, baudrate, timeout: bench.serial)

    package.serial = Port
    assert package.SenseairS8().co2() == pytest.approx(900, abs=20)
