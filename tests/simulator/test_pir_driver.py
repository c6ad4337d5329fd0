# SPDX-License-Identifier: MIT
"""The PIR driver on a virtual board: which edges it counts, and which it only lights the lamp for.

Times are those of the board since the driver's start, to the millisecond; edges are driven at them.
"""

import pytest

from host import files, image
from simulator import board as boards
from simulator.board import Board
from simulator.clock import Clock
from simulator.schedule import run

RP2040, ESP32 = "rp2040", "esp32"
FIRST, SECOND, LAMP = 18, 22, 19
FIRMWARE = files.root() / "firmware"
FILES = ("hardware.py", "cbor.py", "store.py", "uplink.py", "drivers/pir.py", "drivers/lamp.py")
HOUR_MS = 3_600_000
PROGRAM = """
import hardware, time
from drivers.pir import Sensor
from store import Store
config = {{"chip": "{chip}", "lamp": {{"pin": 19, "hold_s": 30}}}}
config.update({pins})
store, lamp = Store(), hardware.lamp(config)
lamp.set(2)
sensor = Sensor(hardware.buses(config, lamp)["pir"].bus, {options})
sensor.restore(store)
sensor.start(None)
start, slept = time.ticks_ms(), 0
def wait_until(ms):
    global start, slept
    while slept < ms:
        step = min(ms - slept, 1000000)
        slept += step
        start = time.ticks_add(start, step)
        time.sleep_ms(time.ticks_diff(start, time.ticks_ms()))
def ask():
    try:
        print(sensor.measure({{}}))
    except OSError as error:
        print(error)
{steps}
"""


class Bench:
    """A board that runs these steps; edges are given in ms after the driver's start."""

    def __init__(self, folder, chip, steps, pins=(FIRST,), **options):
        self.clock = Clock()
        program = PROGRAM.format(
            chip=chip,
            pins=dict(zip(("pir", "pir_2"), pins, strict=False)),
            options=options,
            steps=steps,
        )
        contents = {name: FIRMWARE.joinpath(name).read_bytes() for name in FILES}
        contents |= {"main.py": program.encode()}
        flash = folder / "flash"
        flash.write_bytes(image.build(contents, 64))
        self._path = folder / "log"
        self.board = Board("bench", chip, flash, self._path.open("wb"), self.clock, 1)
        self.board.wire_lamp(LAMP)
        self._start_us = boards.BOOT_US[chip]

    def edges(self, *times_ms, pin=FIRST):
        """The pin rises at these times, for a tenth of a second."""
        for at_ms in times_ms:
            at_us = self._start_us + round(at_ms * 1000)
            self.clock.call_at(at_us, self.board.drive, pin, 1)
            self.clock.call_at(at_us + 100_000, self.board.drive, pin, 0)
        return self

    def run(self, hours=1.0):
        self.board.power_on()
        try:
            run([self.board], self.clock, round(hours * 3_600_000_000))
        finally:
            self.board.power_off()
        return self._path.read_text().splitlines()

    def lit_ms(self):
        """When the lamp was switched on, in ms after the start."""
        return [
            round((at_us - self._start_us) / 1000)
            for at_us, pin, level in self.board.outputs
            if pin == LAMP and level
        ]


@pytest.fixture
def bench(tmp_path):
    return lambda *arguments, **options: Bench(tmp_path, *arguments, **options)


@pytest.mark.parametrize("chip", [RP2040, ESP32])
def test_an_edge_counts_once_in_the_dead_time(bench, chip):
    made = bench(chip, "wait_until(120000)\nask()", dead_ms=4000)
    made.edges(70_000, 73_700, 74_000, 76_000, 78_000, 90_000)
    assert made.run() == ["{7: 4}"]  # at 70, 74, 78 and 90 s


def test_nothing_counts_in_the_first_minute_and_the_lamp_shines(bench):
    made = bench(
        RP2040, "wait_until(59000)\nask()\nwait_until(61000)\nask()\nwait_until(70000)\nask()"
    )
    made.edges(2000, 30_000, 59_900, 65_000)
    assert made.run() == ["{-4: 1, 7: 0}", "{7: 0}", "{7: 1}"]
    assert made.lit_ms() == [2000, 30_000, 59_900, 65_000]


@pytest.mark.parametrize("chip", [RP2040, ESP32])
def test_nothing_counts_from_the_start_of_a_transmission_to_3_s_after_its_end(bench, chip):
    steps = """
wait_until(100000)
sensor.sending(True)
wait_until(101500)
sensor.sending(False)
wait_until(120000)
ask()
"""
    made = bench(chip, steps, dead_ms=100)
    made.edges(99_900, 100_100, 101_400, 101_600, 104_400, 104_600)
    assert made.run() == ["{7: 2}"]  # before, and the last
    assert len(made.lit_ms()) == 6


def test_a_transmission_in_the_first_minute_does_not_end_the_mask(bench):
    steps = "sensor.sending(True)\nsensor.sending(False)\nwait_until(90000)\nask()"
    assert bench(RP2040, steps).edges(10_000, 59_000).run() == ["{7: 0}"]


@pytest.mark.parametrize("chip", [RP2040, ESP32])
def test_two_count_in_the_direction_of_the_one_that_was_first(bench, chip):
    made = bench(chip, "wait_until(200000)\nask()", pins=(FIRST, SECOND), window_ms=2000)
    made.edges(70_000, 80_000, 100_500, 110_000, 130_000)
    made.edges(70_400, 81_900, 100_000, 112_100, 140_000, pin=SECOND)
    # 70 and 80 s there, 100 s back, 110 s out of the window; alone at 130 and 140 s
    (line,) = made.run()
    assert eval(line) == {7: 2, 11: 1}


def test_an_edge_belongs_to_one_pair(bench):
    options = {"dead_ms": 500, "window_ms": 2000}
    made = bench(RP2040, "wait_until(200000)\nask()", pins=(FIRST, SECOND), **options)
    made.edges(70_000).edges(70_600, 71_400, pin=SECOND)
    (line,) = made.run()
    assert eval(line) == {7: 1, 11: 0}


def test_who_follows_closely_is_paired_with_none_of_those_before(bench):
    made = bench(RP2040, "wait_until(200000)\nask()", pins=(FIRST, SECOND), dead_ms=4000)
    made.edges(70_000, 74_000)
    made.edges(70_500, 74_500, pin=SECOND)
    (line,) = made.run()
    assert eval(line) == {7: 2, 11: 0}


@pytest.mark.parametrize(("each_ms", "flags"), [(4000, None), (1000, 4)])
def test_more_edges_than_a_pir_can_give_are_called_noisy(bench, each_ms, flags):
    steps = """
wait_until(999000)
ask()
sensor.keep(store)
wait_until(1120000)
ask()
sensor.keep(store)
ask()
"""
    made = bench(RP2040, steps, dead_ms=4000)
    made.edges(*range(1_000_000, 1_116_000, each_ms))
    before, noisy, after = map(eval, made.run())
    assert before == {7: 0} and after == {7: 29}  # one in 4 s, whatever comes
    assert noisy.get(-4) == flags and noisy[7] == 29


def test_a_clock_that_is_slow_does_not_make_two_edges_one(bench):
    made = bench(RP2040, "wait_until(200000)\nask()", dead_ms=4000)
    made.board.timing.clock_ppm = -2000
    assert made.edges(*range(70_000, 110_000, 4000)).run() == ["{7: 10}"]


def test_totals_go_on_from_the_last_reading_after_a_power_cut(bench):
    steps = """
ask()
wait_until(100000)
sensor.keep(store)
wait_until(200000)
ask()
"""
    made = bench(RP2040, steps)
    made.edges(70_000, 80_000, 110_000)
    made.clock.call_at(300_000_000, made.board.power_off)
    made.clock.call_at(310_000_000, made.board.power_on)
    lines = [eval(line)[7] for line in made.run()]
    assert lines == [0, 3, 2, 2]  # what came after the reading is lost, no more


def test_after_65535_comes_0(bench):
    steps = "store.save('counts', [65535, 7])\nsensor.restore(store)\nwait_until(100000)\nask()"
    assert bench(RP2040, steps).edges(70_000).run() == ["{7: 0}"]
    made = bench(RP2040, steps, pins=(FIRST, SECOND)).edges(70_000).edges(71_000, pin=SECOND)
    assert eval(made.run()[0]) == {7: 0, 11: 7}


LOOKS = """
for hour in range(1, {}):
    wait_until(hour * 3600000)
    ask()
"""


def test_one_that_has_seen_somebody_and_then_nobody_for_a_day_is_a_fault(bench):
    made = bench(RP2040, LOOKS.format(40)).edges(90_000, 30.5 * HOUR_MS)
    lines = made.run(50)
    assert lines[:24] == ["{7: 1}"] * 24
    assert lines[24:30] == ["still for a day"] * 6
    assert lines[30:] == ["{7: 2}"] * 9


def test_where_nobody_ever_came_there_is_no_fault(bench):
    assert bench(RP2040, LOOKS.format(50)).run(60) == ["{7: 0}"] * 49


def test_one_of_two_that_is_still_is_a_fault_and_so_it_is_after_a_restart(bench):
    made = bench(RP2040, LOOKS.format(30), pins=(FIRST, SECOND))
    made.edges(*range(90_000, 28 * HOUR_MS, HOUR_MS))
    lines = made.run(40)
    assert lines[23] == "still for a day" and "still" not in "".join(lines[:23])
    steps = "store.save('counts', [3])\nsensor.restore(store)" + LOOKS.format(30)
    assert bench(RP2040, steps).run(40)[23:] == ["still for a day"] * 6


def test_an_edge_counts_also_when_ticks_have_come_round(bench):
    steps = LOOKS.format(13 * 24)
    made = bench(RP2040, steps)
    made.edges(90_000, 90_000 + (1 << 30) - 1000, 90_000 + (1 << 29) + 5000)
    assert made.run(13 * 24 + 1)[-1] == "{7: 3}"
    made = bench(RP2040, steps, pins=(FIRST, SECOND))
    made.edges(90_000, 310.5 * HOUR_MS)
    made.edges(90_000 + (1 << 30) + 500, 310.8 * HOUR_MS, pin=SECOND)
    assert eval(made.run(13 * 24 + 1)[-1]) == {7: 0, 11: 0}
