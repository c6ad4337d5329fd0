# SPDX-License-Identifier: MIT
"""What a node draws: mA of the data sheets times the hours in each state."""

from random import Random

import pytest

from host.boards import boards
from host.figures import Range, exactly, span, total
from host.kits import DRIVERS, kits
from simulator import energy
from simulator.air import Air, Place
from simulator.chips.ds18b20 import Ds18b20
from simulator.chips.pir import PARTS, Pir, PirOptions
from simulator.chips.scd4x import Scd4x
from simulator.chips.sht4x import Sht4x
from simulator.chips.sx1276 import SX1276
from simulator.chips.ultrasonic import HC_SR04, JSN_SR04T, Ultrasonic
from simulator.clock import Clock
from simulator.currents import PACK, RADIO_MA, SENSORS_MA, Pack
from simulator.fleet import _MODELS
from simulator.world import Conditions, Step

HOUR_US = 3_600_000_000
OP_MODE = 0x01
SLEEP, STANDBY, FSTX, TX, FSRX, RX_CONTINUOUS = range(0x80, 0x86)
AIR = Conditions(500.0, 20.0, 40.0, distance_mm=800.0)
ROOM = Step(AIR, AIR, 0)


def radio_mah(radio):
    return energy.drawn_mah(radio.time_by_state_us(), RADIO_MA).typical


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
    before = radio_mah(radio)
    radio.wait(HOUR_US)
    return radio_mah(radio) - before


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
    before = radio_mah(radio)
    radio.wait(1_000_000)
    assert (radio_mah(radio) - before) * 3600 == pytest.approx(ma)


def sensor(driver, clock):
    """Its model, as a node gets it; both parts where there are two."""
    stream = Random(1)
    if driver == "pulse":
        return [Ultrasonic(clock, ROOM, stream, part) for part in (HC_SR04, JSN_SR04T)]
    if driver == "pir":
        return [Pir(clock, ROOM, stream, PirOptions(part)) for part in PARTS]
    return [_MODELS[driver](clock, ROOM, stream)]


def test_every_sensor_there_is_has_a_row():
    assert SENSORS_MA.keys() == DRIVERS.keys()


@pytest.mark.parametrize("driver", SENSORS_MA)
def test_each_state_of_a_sensor_has_a_current_and_each_current_a_state(driver):
    states = {state for each in sensor(driver, Clock()) for state in each.time_by_state_us()}
    assert states == SENSORS_MA[driver].keys()


def test_each_state_of_the_radio_has_a_current_and_each_current_a_state(radio):
    for mode in (STANDBY, FSTX, FSRX, RX_CONTINUOUS, SLEEP, STANDBY):
        radio.set(OP_MODE, mode)
        radio.wait(10_000)
    for pa_config, pa_dac in ((0x8F, 0x84), (0x8F, 0x87), (0x7D, 0x84)):
        radio.set(0x09, pa_config)
        radio.set(0x4D, pa_dac)
        radio.set(OP_MODE, TX)
        radio.wait(10_000_000)
    assert radio.time_by_state_us().keys() == RADIO_MA.keys()


def test_every_figure_is_a_range():
    every = [*RADIO_MA.values(), PACK.mah, PACK.loss_pct_month]
    every += [each for states in SENSORS_MA.values() for each in states.values()]
    assert all(each.ordered for each in every)
    assert all(each.active_ma.ordered and each.sleep_ua.ordered for each in boards().values())
    assert not Range(2, 1, 3).ordered and not Range(-1, 1, 3).ordered


def test_the_states_of_a_sensor_add_up():
    times = {"periodic": HOUR_US // 2, "idle": 2 * HOUR_US}
    found = energy.drawn_mah(times, SENSORS_MA["scd4x"])
    assert (found.low, found.typical, found.high) == pytest.approx((7.8, 7.8, 9.3))


def test_a_shot_every_five_minutes_takes_what_the_data_sheet_says():
    clock = Clock()
    chip = Scd4x(clock, ROOM, Random(1))
    for _ in range(12):
        chip.write(bytes.fromhex("219d"))
        clock.run_until(clock.now_us + HOUR_US // 12)
    found = energy.drawn_mah(chip.time_by_state_us(), SENSORS_MA["scd4x"])
    assert found.typical == pytest.approx(0.45, abs=0.01)
    assert found.high == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("kind", [Sht4x, Ds18b20, lambda *given: Ultrasonic(*given, HC_SR04)])
def test_a_chip_without_supply_draws_nothing(kind):
    clock = Clock()
    chip = kind(clock, ROOM, Random(1))
    for level, hours in ((0, 3), (1, 2), (1, 1), (0, 4), (0, 2), (1, 5)):
        chip.power(level)
        clock.run_until(clock.now_us + hours * HOUR_US)
    times = chip.time_by_state_us()
    assert times.pop("off") == 9 * HOUR_US and sum(times.values()) == 8 * HOUR_US


def test_a_ds18b20_converts_for_750_ms():
    clock = Clock()
    chip = Ds18b20(clock, ROOM, Random(1))
    for command in (0xCC, 0x44):
        if command == 0xCC:
            chip.reset()
        for bit in range(8):
            chip.write_bit(command >> bit & 1)
    clock.run_until(HOUR_US)
    assert chip.time_by_state_us() == {"converting": 750_000, "idle": HOUR_US - 750_000, "off": 0}


def test_a_day_by_hand():
    """An RP2040 that was awake for a minute of 24 h, and unplugged for two hours."""
    pico = boards()["rpi-pico-rfm95"]
    parts = energy.by_part_mah(
        pico,
        {"awake": HOUR_US // 60, "asleep": 22 * HOUR_US - HOUR_US // 60, "off": 2 * HOUR_US},
        {"sleep": 22 * HOUR_US - 36_000_000, "boost": 24_000_000, "rx": 12_000_000},
        {"a02yyuw": {"on": HOUR_US // 10, "off": 24 * HOUR_US}},
    )
    by_hand = {
        # 34 or 87 mA for 24 s, 10.3 to 11.5 for 12 s, 0.2 or 1 uA for the rest
        "radio": (0.2267 + 0.0343 + 0.0044, 0.5800 + 0.0367 + 0.0044, 0.5800 + 0.0383 + 0.0220),
        "sensors": (0.5, 0.8, 0.8),
        "processor": (26 / 60,) * 3,
        "sleep": (26.38, 32.975, 32.975),  # 1.2 and 1.5 mA for 21 h 59 min
    }
    assert parts.keys() == by_hand.keys()
    for name, each in parts.items():
        found = (each.low, each.typical, each.high)
        assert found == pytest.approx(by_hand[name], abs=2e-4), name


def test_a_battery_by_hand():
    pack = Pack("two of them", Range(1000, 2000, 3000), 50, Range(0.0, 3.65, 7.3))
    # 3.65 % a month are 0.12 % a day: of 2000 mAh 2.4 mAh; 7.3 % of 1000 mAh as many
    lasts = energy.battery_days(Range(5, 10, 20), pack)
    by_hand = (500 / 22.4, 1000 / 12.4, 1500 / 5)
    assert (lasts.low, lasts.typical, lasts.high) == pytest.approx(by_hand)


def test_a_battery_in_a_summary():
    parts = {"radio": Range(1, 2, 3), "sleep": Range(10, 20, 40)}
    found = energy.summary(parts, days=2, mains=False)
    assert (found["mah_day_low"], found["mah_day"], found["mah_day_high"]) == (5.5, 11, 21.5)
    assert found["mah_day_by_part"] == {"radio": 1, "sleep": 10}
    # 2080 mAh of the smallest pack, of which 78 go by themselves in a month
    assert found["battery_days_low"] == round(2080 / (21.5 + 78 * 12 / 365), 1) == 86.4
    assert found["battery_days_low"] < found["battery_days"] < found["battery_days_high"]
    assert found["supply"] == "one 18650 lithium cell"


def test_a_kit_on_mains_has_no_battery():
    found = energy.summary({"radio": exactly(1)}, 1, kits()["classroom"].mains)
    assert found["supply"] == "mains"
    assert {found[f"battery_days{end}"] for end in ("", "_low", "_high")} == {None}


@pytest.mark.parametrize(
    ("low_days", "high_days", "text"),
    [
        (0.6, 1.2, "1 day"), (5, 5.4, "5 days"), (5, 12, "5 to 12 days"),
        (43, 95, "43 to 95 days"), (243, 426, "8 to 14 months"), (1200, 3000, "3 to 8 years"),
    ],
)  # fmt: skip
def test_a_length_of_time_in_words(low_days, high_days, text):
    assert span(low_days, high_days) == text


def test_ranges_add_and_multiply():
    assert total([Range(1, 2, 3), exactly(1)]) * 2 == Range(4, 6, 8)
    assert Range(1200, 1500, 1500).text(0.001) == "1.2 to 1.5" and exactly(26).text() == "26"
