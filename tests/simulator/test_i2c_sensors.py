# SPDX-License-Identifier: MIT
"""Sensors on the I2C bus and their ways to fail, each with the real firmware on a board."""

from dataclasses import replace

import cbor2
import pytest

from host.boards import DRIVERS, Kit, Sensor, kits
from simulator import scenario as scenarios
from simulator.events import EventPlan
from simulator.faults import FaultPlan
from simulator.run import Run
from simulator.scenario import WorldPlan

NAME = "classroom-1"
PICO, TTGO = "rpi-pico-rfm95", "ttgo-lora32-v2_1"
ROOM = {"co2_ppm": 900.0, "temperature_c": 21.5, "humidity_pct": 42.0, "pressure_hpa": 1008.4}
MOUNTAIN = {**ROOM, "pressure_hpa": 795.0}  # ICAO's atmosphere has that at 2000 m
# What each driver supplies in its kit, by the name of the quantity.
QUANTITIES = {
    "scd4x": ("classroom", ["co2", "temperature", "humidity"]),
    "scd30": ("classroom-scd30", ["co2", "temperature", "humidity"]),
    "sht4x": ("classroom-sht4x", ["temperature", "humidity"]),
    "sht3x": ("classroom-sht3x", ["temperature", "humidity"]),
    "bme280": ("classroom-bme280", ["temperature", "humidity", "pressure"]),
}
NEAR = {"co2": 50, "temperature": 0.5, "humidity": 1, "pressure": 0.2}
BATTERY = {
    name: Kit(
        name,
        "On a battery",
        600,
        [Sensor(driver, DRIVERS[driver][0], keys) for driver, keys in sensors],
    )
    for name, sensors in {
        "box": [("bme280", [2, 3, 10]), ("scd30", [1])],
        "box-sht3x": [("sht3x", [2, 3])],
        "box-scd4x": [("scd4x", [1, 2, 3])],
        "box-ds18b20": [("sht4x", [3]), ("ds18b20", [2])],
    }.items()
}


class Trial(Run):
    """One node in air that stays as it is; `prepare(trial)` comes before the power."""

    def __init__(self, folder, kit, prepare=None, hours=1.3, board=PICO, air=ROOM, **changes):
        usual = scenarios.find(None)
        node = replace(usual.nodes[0], kit=kit, board=board)
        world = WorldPlan("classroom", "step", {"before": air, "after": air, "at_h": 0})
        scenario = replace(usual, nodes=(node,), worlds=(world,), duration_h=hours, **changes)
        super().__init__(scenario, folder, kits={**kits(), **BATTERY})
        self.air, self._prepare = air, prepare
        self.execute()

    def _build(self):
        super()._build()
        (node,) = self.nodes.values()
        self.board, self.chips = node.board, node.sensors
        if self._prepare is not None:
            self._prepare(self)

    def set(self, hour, driver, **attributes):
        """Have something be so in a chip from an hour on."""
        for name, value in attributes.items():
            self.board.clock.call_at(round(hour * 3.6e9), setattr, self.chips[driver], name, value)

    def between(self, begin_h, end_h=99.0):
        """The values of the readings that were measured then."""
        hours = [(row.time - self.scenario.start).total_seconds() / 3600 for row in self.rows]
        return [
            row.values for row, hour in zip(self.rows, hours, strict=True) if begin_h < hour < end_h
        ]

    def ask(self, driver, command):
        """The word that a chip answers, by its bus."""
        chip = self.chips[driver]
        assert chip.write(bytes.fromhex(command))
        self.board.clock.run_until(self.board.clock.now_us + 40_000)
        return int.from_bytes(chip.read(3)[:2])

    def log(self):
        return (self.out / f"{NAME}.log").read_text()


@pytest.fixture
def trial(tmp_path):
    return lambda *arguments, **options: Trial(
        tmp_path / str(len(list(tmp_path.iterdir()))), *arguments, **options
    )


def good(values, air=ROOM):
    """What there is has the room's value, and nothing is at fault."""
    world = {key.rsplit("_", 1)[0]: value for key, value in air.items()}
    found = {key: values[key] for key in NEAR if key in values}
    assert found and found == {key: pytest.approx(world[key], abs=NEAR[key]) for key in found}
    return "faults" not in values


def fails(run, driver, begin_h, end_h, faults=None):
    """Between two hours the quantities of the driver are at fault; before and after all is good."""
    quantities = faults or QUANTITIES[driver][1]
    during = run.between(begin_h + 0.1, end_h - 0.02)
    assert len(during) >= 2
    for values in during:
        assert values["faults"] == quantities and not set(quantities) & set(values)
    before, after = run.between(0, begin_h), run.between(end_h + 0.1)
    assert len(before) >= 2 and len(after) >= 2
    assert all(good(values, run.air) for values in before + after)
    return during


@pytest.mark.parametrize("driver", QUANTITIES)
@pytest.mark.parametrize("board", [PICO, TTGO])
def test_in_a_room_that_stays_as_it_is(trial, driver, board):
    kit, quantities = QUANTITIES[driver]
    run = trial(kit, hours=0.6, board=board)
    readings = run.between(0)
    assert len(readings) >= 3
    assert all(good(values) and set(quantities) <= set(values) for values in readings)
    assert "fails" not in run.log() and "does not start" not in run.log()


@pytest.mark.parametrize("driver", QUANTITIES)
@pytest.mark.parametrize("kind", ["sensor-silent", "sensor-frozen"])
def test_silent_or_frozen_its_quantities_vanish_and_come_back(trial, driver, kind):
    fault = FaultPlan(kind, 0.4, NAME, driver, until_h=0.9)
    run = trial(QUANTITIES[driver][0], faults=(fault,), hours=1.4)
    during = fails(run, driver, 0.4, 0.9)
    if driver in ("sht4x", "sht3x", "bme280"):
        assert all(abs(values["co2"] - 900) < 50 for values in during)
    assert ("frozen" in run.log()) == (kind == "sensor-frozen")


@pytest.mark.parametrize("driver", ["scd4x", "scd30", "sht4x", "sht3x"])
def test_a_wrong_checksum_is_no_value(trial, driver):
    def prepare(run):
        run.set(0.4, driver, corrupt_crc=True)
        run.set(0.9, driver, corrupt_crc=False)

    run = trial(QUANTITIES[driver][0], prepare, hours=1.4)
    fails(run, driver, 0.4, 0.9)
    assert "checksum" in run.log()


def test_an_scd30_that_sends_no_number_has_no_value(trial):
    def prepare(run):
        run.set(0.4, "scd30", no_number=True)
        run.set(0.9, "scd30", no_number=False)

    fails(trial("classroom-scd30", prepare, hours=1.4), "scd30", 0.4, 0.9)


def test_an_scd30_that_hangs_is_reset(trial):
    run = trial("classroom-scd30", lambda run: run.set(0.4, "scd30", hung=True))
    assert run.log().count("no new sample") == 1
    assert all(good(values) for values in run.between(0))
    assert not run.chips["scd30"].hung


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"is_bmp280": True}, "id 0x58"),
        ({"blank": 0x00}, "no calibration"),
        ({"blank": 0xFF}, "no calibration"),
    ],
)
def test_what_is_no_bme280_is_refused(trial, wrong, said):
    run = trial("classroom-bme280", lambda run: run.set(0, "bme280", **wrong), hours=0.4)
    assert {tuple(values["faults"]) for values in run.between(0)} == {
        ("temperature", "humidity", "pressure")
    }
    assert said in run.log()


def test_a_humidity_stuck_in_fog_is_a_fault_of_its_own(trial):
    fog = {**ROOM, "humidity_pct": 97.0}

    def prepare(run):
        run.set(0.4, "bme280", humidity_stuck=True)
        run.set(0.9, "bme280", humidity_stuck=False)

    run = trial("classroom-bme280", prepare, hours=1.4, air=fog)
    for values in fails(run, "bme280", 0.4, 0.9, faults=["humidity"]):
        assert {"temperature", "pressure", "co2"} <= set(values)


@pytest.mark.parametrize("driver", ["scd30", "sht3x"])
@pytest.mark.parametrize("board", [PICO, TTGO])
def test_a_data_line_that_is_held_is_freed_by_nine_clocks(trial, driver, board):
    run = trial(QUANTITIES[driver][0], lambda run: run.set(0.4, driver, held_clocks=9), board=board)
    assert "110" in run.log()
    assert all(good(values) for values in run.between(0.6)) and run.between(0.6)


def test_held_since_before_the_start_it_is_freed_before_it_is_used(trial):
    run = trial("classroom-sht3x", lambda run: run.set(0, "sht3x", held_clocks=9), hours=0.4)
    assert "fails" not in run.log() and "does not start" not in run.log()
    assert all(good(values) for values in run.between(0))


@pytest.mark.parametrize("kit", ["classroom-scd30", "classroom-bme280"])
def test_sensors_that_measure_on_while_the_node_restarts(trial, kit):
    run = trial(
        kit, lambda run: run.board.clock.call_at(1_440_000_000, restart, run.board), hours=0.9
    )
    assert len(run.board.starts) == 2 and "fails" not in run.log()
    readings = run.between(0.41)
    assert len(readings) >= 3 and all(good(values) for values in readings)


def restart(board):
    board.power_off()
    board.power_on("watchdog")


@pytest.mark.parametrize("driver", ["scd30", "scd4x", "sht3x", "bme280"])
def test_a_sensor_that_lost_its_power_for_a_moment_is_started_anew(trial, driver):
    def blink(run):
        run.chips[driver].power(0)
        run.chips[driver].power(1)

    run = trial(
        QUANTITIES[driver][0],
        lambda run: run.board.clock.call_at(1_500_000_000, blink, run),
        hours=1.0,
    )
    readings = run.between(0.5)
    assert len(readings) >= 3 and all(good(values) for values in readings)


def settings(**values):
    """A downlink of settings at 0.3 h; _7=2000 is key 7."""
    payload = cbor2.dumps({int(key[1:]): value for key, value in values.items()})
    return EventPlan(NAME, 0.3, payload=payload)


def test_thin_air_is_corrected_by_the_pressure_that_another_sensor_measures(trial):
    run = trial("classroom-bme280", air=MOUNTAIN, hours=0.6)
    # the first sample is older than the first pressure
    assert run.between(0)[0]["co2"] == pytest.approx(900, abs=50)
    assert all(good(values, MOUNTAIN) for values in run.between(0))
    assert run.ask("scd30", "0010") == 795


def test_thin_air_is_corrected_by_the_altitude_of_the_settings(trial):
    run = trial("classroom-scd30", air=MOUNTAIN, events=(settings(_7=2000),), hours=0.9)
    before, after = run.between(0, 0.3), run.between(0.55)
    assert before and len(after) >= 2
    for values in before:
        assert values["co2"] == pytest.approx(900 * 795 / 1013.25, abs=50)
    assert all(good(values, MOUNTAIN) for values in after)


def test_settings_reach_the_scd30_and_stay(trial):
    run = trial("classroom-scd30", events=(settings(_7=120, _8=25, _9=1),), hours=0.9)
    assert [run.ask("scd30", command) for command in ("5102", "5403", "5306")] == [120, 250, 1]
    assert run.ask("scd30", "4600") == 2
    for values in run.between(0.55):
        assert values["temperature"] == pytest.approx(19.0, abs=0.5)


@pytest.mark.parametrize("kit", ["classroom-sht4x", "classroom-sht3x", "classroom-bme280"])
def test_a_temperature_offset_is_taken_off_whatever_sensor_measures_it(trial, kit):
    run = trial(kit, events=(settings(_8=40),), hours=0.9)
    after = run.between(0.55)
    assert len(after) >= 2
    for values in after:
        assert values["temperature"] == pytest.approx(17.5, abs=0.3)
        # 42 % of 2565 Pa at 21.5 degC are 53.9 % of 2000 at 17.5
        assert values["humidity"] == pytest.approx(53.9, abs=1.2)


def test_a_forced_calibration_of_the_scd30(trial):
    command = cbor2.dumps({0: 7, 5: 850})
    event = EventPlan(NAME, 0.2, payload=command)
    run = trial("classroom-scd30", events=(event,), hours=1.0)
    assert run.ask("scd30", "5204") == 850
    after = run.between(0.55)
    assert len(after) >= 2
    for values in after:
        assert values["co2"] == pytest.approx(850, abs=50) and "faults" not in values


@pytest.mark.parametrize("kit", BATTERY)
def test_on_a_battery_sensors_have_their_supply_for_a_round_only(trial, kit):
    changes = []

    def prepare(run):
        switch = run.board._output_handlers[27]

        def note(level):
            changes.append((run.board.clock.now_us / 1e6, level))
            switch(level)

        run.board.wire_output(27, note)

    run = trial(kit, prepare, hours=1.0)
    readings = run.between(0)
    assert len(readings) >= 5 and all(good(values) for values in readings)
    assert "does not start" not in run.log() and "fails" not in run.log()
    assert changes[0][1] == 0 and [level for _, level in changes[1:]] == [1, 0] * (
        len(changes) // 2
    )
    assert all(
        off - on < 40 for (on, _), (off, _) in zip(changes[1::2], changes[2::2], strict=True)
    )


def test_a_power_cycle_of_each_round_frees_what_hangs(trial):
    run = trial("box", lambda run: run.set(0.4, "scd30", hung=True))
    assert not run.chips["scd30"].hung
    assert all(good(values) for values in run.between(0.5))
