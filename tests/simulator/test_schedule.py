# SPDX-License-Identifier: MIT
"""Boards side by side: what comes out depends on nothing but the scenario."""

import json
from dataclasses import replace
from functools import cache, partial

import pytest
from trials import KITS

from host import image
from host.errors import HostError
from simulator import scenario as scenarios
from simulator.board import Board
from simulator.clock import Clock
from simulator.run import Run
from simulator.schedule import run

STREET = """
start = 2026-11-23T08:00:00+01:00
duration_h = 1.2
seed = 5
shadowing = true

[[gateway]]
name = "town-hall"
x_m = 500

[[gateway]]
name = "school"
y_m = 900

[[node]]
name = "room-1"
kit = "classroom"
board = "rpi-pico-rfm95"
world = "room"

[[node]]
name = "room-2"
kit = "classroom-scd30"
board = "ttgo-lora32-v2_1"
world = "room"
x_m = 40
clock_ppm = 90

[[node]]
name = "box-1"
kit = "classroom-sht4x"
board = "heltec-v2"
world = "room"
x_m = 300

[[node]]
name = "zebra-1"
kit = "crossing"
board = "rpi-pico-rfm95"
world = "zebra"
x_m = 90

[[node]]
name = "zebra-2"
kit = "crossing"
board = "ttgo-lora32-v2_1"
world = "zebra"
x_m = 110
abp = true

[[node]]
name = "bin-1"
kit = "bin-jsn-sr04t"
board = "feather-rp2040-rfm95"
world = "bin"
x_m = 1200

[world.room]
kind = "classroom"

[world.zebra]
kind = "crossing"

[world.bin]
kind = "bin"

[[crowd]]
name = "meters"
count = 200
interval_s = 60
radius_m = 800
acked = 0.2

[[fault]]
kind = "power-cut"
node = "room-2"
at_h = 0.5
until_h = 0.55

[[fault]]
kind = "power-cut"
node = "zebra-1"
at_h = 0.5
until_h = 0.55

[[fault]]
kind = "sensor-silent"
node = "room-1"
sensor = "scd4x"
at_h = 0.4
until_h = 0.8

[[fault]]
kind = "gateway-off"
gateway = "school"
at_h = 0.6
until_h = 0.9

[[event]]
kind = "downlink"
node = "bin-1"
at_h = 0.2
settings = { sequence = 3, interval = 300 }
confirmed = true

[[event]]
kind = "mac-command"
node = "room-1"
at_h = 0.2
every_h = 0.4
commands = [{ name = "DevStatusReq" }]

[[event]]
kind = "mac-command"
node = "room-2"
at_h = 0.2
commands = [{ name = "RXTimingSetupReq", delay = 3 }]
"""
TOLD_S = range(300, 4200, 300)


class Telling(Run):
    """A run whose nodes all have something to tell at the same moments."""

    def _build(self):
        super()._build()
        for node in self.nodes.values():
            for at_s in TOLD_S:
                at_us, name = at_s * 1_000_000, node.plan.name
                tell = partial(self.note, at_us, name, "tells", at_s=at_s)
                node.board.clock.call_at(at_us, tell)


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    """A function: the files of a run of the street by their names, with so many jobs."""
    folder = tmp_path_factory.mktemp("street")
    (folder / "street.toml").write_text(STREET)
    scenario = scenarios.load(folder / "street.toml")
    nodes = [replace(each, kit="box") if each.name == "box-1" else each for each in scenario.nodes]
    scenario = replace(scenario, nodes=tuple(nodes))

    @cache
    def made(jobs, again=False):
        out = folder / str(len(list(folder.iterdir())))
        Telling(scenario, out, kits=KITS, jobs=jobs).execute()
        return {path.name: path.read_bytes() for path in out.iterdir()}

    return made


@pytest.fixture(scope="module")
def alone(street):
    """The files of the street, one board at a time."""
    return street(1)


def events(files):
    return [json.loads(line) for line in files["events.jsonl"].splitlines()]


def test_in_the_street_there_is_something_to_confuse(alone):
    summary = json.loads(alone["summary.json"])
    for node in summary["nodes"]:
        joins = 0 if node["name"] == "zebra-2" else 1
        assert node["joins"] >= joins and node["uplinks_sent"] >= 1, node["name"]
    assert {node["starts"] for node in summary["nodes"]} >= {1, 2}
    assert sum(node["uplinks_heard"] for node in summary["nodes"]) >= 20
    lines = [json.loads(line) for line in alone["capture.jsonl"].splitlines()]
    assert sum("txpk" in line for line in lines) >= 10
    assert len({line["gateway"] for line in lines}) == 2
    kinds = {(each["event"], each["cause"]) for each in events(alone)}
    assert {("acknowledged", ""), ("not heard", "gateway off")} <= kinds
    assert summary["crowds"][0]["heard"] > 5000


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_the_files_of_a_run_are_the_same_with_any_number_of_jobs(street, alone, jobs):
    files = street(jobs, again=jobs == 1)
    assert set(files) == set(alone) and len(files) >= 6 + 6
    for name, data in alone.items():
        assert files[name] == data, name


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_what_happens_at_one_moment_is_in_the_order_of_names(street, jobs):
    found = events(street(jobs))
    assert [each["t_us"] for each in found] == sorted(each["t_us"] for each in found)
    told = [(each["at_s"], each["node"]) for each in found if each["event"] == "tells"]
    names = sorted({name for _, name in told})
    assert len(names) == 6 and told == [(at_s, name) for at_s in TOLD_S for name in names]


# Boards with programs of their own.


class Counted(Board):
    """A board that notes how many compute at once."""

    computing, most = 0, 0

    def count(self, step):
        Counted.computing += step
        Counted.most = max(Counted.most, Counted.computing)

    def power_on(self, why="power"):
        super().power_on(why)
        self.count(1)

    def take(self):
        whole = super().take()
        self.count(-whole)
        return whole

    def _answer(self, body, lease_us):
        self.count(1)
        super()._answer(body, lease_us)


@pytest.fixture
def boards(tmp_path):
    """A function: run programs on a board each, named a, b and so on, for so many seconds."""
    Counted.computing = Counted.most = 0

    def made(*programs, jobs=2, seconds=10, chip="rp2040"):
        found, common = [], Clock()
        for name, program in zip("abcdef", programs, strict=False):
            flash, log = tmp_path / f"{name}.flash", tmp_path / f"{name}.log"
            flash.write_bytes(image.build({"main.py": program.encode()}, 64, 256))
            board = Counted(name, chip, flash, log.open("wb"), Clock(), 1)
            board.hang_s = 1
            board.clock.call_at(0, board.power_on)
            found.append(board)
        try:
            run(found, common, round(seconds * 1e6), jobs)
        finally:
            for board in found:
                board.power_off()
        return [(tmp_path / f"{board.name}.log").read_text().split() for board in found]

    return made


SLEEPS = "import time\nfor _ in range(20):\n    time.sleep_ms(100)\n"
READS = """
import machine, time
pin = machine.Pin(5, machine.Pin.IN)
for _ in range(200):
    pin()
print(time.ticks_us() < 1 << 30)
"""


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_so_many_boards_compute_at_once_and_no_more(boards, jobs):
    assert boards(READS, READS, READS, READS, jobs=jobs) == [["True"]] * 4
    assert Counted.most == jobs and Counted.computing == 0


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("n = 0\nwhile True:\n    n += 1\n", r"^b: 1 s without a call.*line 3"),
        ("import sys\nsys.exit()\n", r"^b: its MicroPython ended by itself"),
    ],
)
def test_the_one_that_fails_among_others_is_named(boards, program, words):
    with pytest.raises(HostError, match=words):
        boards(SLEEPS, program, READS)
