# SPDX-License-Identifier: MIT
"""What a node draws: mA of the data sheets times the hours in each state."""

from random import Random

import pytest

from host.boards import boards
from simulator import energy
from simulator.air import Air, Place
from simulator.chips.scd4x import Scd4x
from simulator.chips.sx1276 import SX1276
from simulator.clock import Clock
from simulator.world import Conditions, Step

HOUR_US = 3_600_000_000
OP_MODE = 0x01
SLEEP, STANDBY, FSTX, TX, FSRX, RX_CONTINUOUS = range(0x80, 0x86)


@pytest.fixture
def radio():
    """An SX1276 in LoRa mode, asleep; `set(register, value)` writes, `wait(us)` waits."""
    clock = Clock()
    chip = SX1276(clock, Air(clock, 1).station("node", Place(0, 0)), lambda dio, level: None)

    def write(address, value):
        chip.select()
        chip.transfer(bytes((0x80 | address, value)))
        chip.deselect()

    chip.set, chip.wait = write, lambda us: clock.run_until(clock.now_us + us)
    chip.wait(10_000)
    chip.set(OP_MODE, 0x00)
    chip.set(OP_MODE, SLEEP)
    return chip


def hour_of(radio, mode):
    """mA while the radio stays in a mode for an hour."""
    radio.set(OP_MODE, mode)
    radio.wait(1_000_000)  # the way there
    before = energy.radio_mah(radio)
    radio.wait(HOUR_US)
    return energy.radio_mah(radio) - before


@pytest.mark.parametrize(
    ("modes", "ma"),
    [
        # data sheet table 6 and 2.5.5; the receiver with the boost of its LNA
        ((SLEEP,), 0.0002),
        ((STANDBY,), 1.6),
        ((STANDBY, FSTX), 5.8),
        ((STANDBY, FSRX), 5.8),
        ((STANDBY, RX_CONTINUOUS), 11.0),
    ],
)
def test_the_radio_in_each_mode(radio, modes, ma):
    for mode in modes[:-1]:
        radio.set(OP_MODE, mode)
    assert hour_of(radio, modes[-1]) == pytest.approx(ma)


@pytest.mark.parametrize(
    ("pa_config", "pa_dac", "ma"),
    [(0x8F, 0x84, 87.0), (0x8F, 0x87, 120.0), (0x7D, 0x84, 29.0)],
    ids=["17 dBm", "20 dBm", "RFO"],
)
def test_the_radio_while_it_sends(radio, pa_config, pa_dac, ma):
    radio.set(OP_MODE, STANDBY)
    radio.set(0x09, pa_config)
    radio.set(0x4D, pa_dac)
    for register, value in ((0x1D, 0x72), (0x1E, 0xC4), (0x26, 0x08), (0x22, 51)):  # SF12
        radio.set(register, value)
    radio.wait(1000)
    radio.set(OP_MODE, TX)
    radio.wait(10_000)
    before = energy.radio_mah(radio)
    radio.wait(1_000_000)
    assert (energy.radio_mah(radio) - before) * 3600 == pytest.approx(ma)


@pytest.mark.parametrize(
    ("state", "ma"),
    # SCD4x data sheet: 15 and 3.2 mA on average, 0.15 idle; a shot of 5 s each 5 min makes 0.45
    [("periodic", 15.0), ("low_power", 3.2), ("idle", 0.15), ("off", 0.0), ("single_shot", 18.0)],
)
def test_a_sensor_in_each_state(state, ma):
    assert energy.sensor_mah({state: HOUR_US}) == pytest.approx(ma)


def test_the_states_of_a_sensor_add_up():
    times = {"periodic": HOUR_US // 2, "idle": 2 * HOUR_US}
    assert energy.sensor_mah(times) == pytest.approx(7.5 + 0.3)


def test_a_shot_every_five_minutes_takes_what_the_data_sheet_says():
    clock, air = Clock(), Conditions(500.0, 20.0, 40.0)
    sensor = Scd4x(clock, Step(air, air, 0), Random(1))
    for _ in range(12):
        sensor.write(bytes.fromhex("219d"))
        clock.run_until(clock.now_us + HOUR_US // 12)
    assert energy.sensor_mah(sensor.time_by_state_us()) == pytest.approx(0.45, abs=0.01)


def test_the_processor_draws_what_its_board_says_awake_and_asleep():
    pico = boards()["rpi-pico-rfm95"]
    assert pico.active_ma > 0
    assert energy.processor_mah(pico, 24 * HOUR_US, 0) == pytest.approx(24 * pico.active_ma)
    asleep = energy.processor_mah(pico, 24 * HOUR_US, 23 * HOUR_US)
    assert asleep == pytest.approx(pico.active_ma + 23 * 1.5)
