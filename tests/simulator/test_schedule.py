# SPDX-License-Identifier: MIT
"""Boards side by side: what comes out depends on nothing but the scenario."""

import json
from dataclasses import replace
from functools import cache, partial
from random import Random

import pytest
from test_air import PACKET
from trials import KITS

from host import image
from host.boards import boards as hardware
from host.errors import HostError
from simulator import scenario as scenarios
from simulator.air import Air, Place
from simulator.board import Board
from simulator.clock import Clock
from simulator.fleet import wire_radio
from simulator.run import Run
from simulator.schedule import _Schedule, run

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
    def made(jobs, again=""):
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
    files = street(jobs, again="once more" if jobs == 1 else "")
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


def test_how_long_the_leases_are_changes_nothing(street, alone, monkeypatch):
    """Each is a promise: whoever gets a shorter one only asks more often."""
    usual, chance, shortened = _Schedule._lease_us, Random(1), []

    def lease_us(schedule, board):
        whole_us = usual(schedule, board)
        found_us = max(board.clock.now_us, whole_us - chance.randrange(5_000_000))
        shortened.append(found_us < whole_us)
        return found_us

    monkeypatch.setattr(_Schedule, "_lease_us", lease_us)
    files = street(2, again="with short leases")
    assert sum(shortened) > 1000
    for name, data in alone.items():
        assert files[name] == data, name


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

    def made(*programs, jobs=2, seconds=10, fit=lambda board, common: None, hang_s=120):
        found, common = [], Clock()
        for name, program in zip("abcdef", programs, strict=False):
            flash, log = tmp_path / f"{name}.flash", tmp_path / f"{name}.log"
            flash.write_bytes(image.build({"main.py": program.encode()}, 64))
            board = Counted(name, "rp2040", flash, log.open("wb"), Clock(), 1)
            board.hang_s = hang_s
            board.clock.call_at(0, board.power_on)
            fit(board, common)
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
        ("n = 0\nwhile True:\n    n += 1\n", r"^b: 10 s without a call.*line 3"),
        ("import sys\nsys.exit()\n", r"^b: its MicroPython ended by itself"),
    ],
)
def test_the_one_that_fails_among_others_is_named(boards, program, words):
    with pytest.raises(HostError, match=words):
        boards(SLEEPS, program, READS, hang_s=10)


class Planned:
    """A board that has something to do at `due` and nothing else."""

    busy, hang_s = False, 1

    def __init__(self, name, due, bound, served=None):
        self.name, self.due, self.served = name, list(due), served
        self.clock, self.listens = Clock(), lambda: bound

    def due_us(self):
        return self.due[0] if self.due else 1 << 62

    def step(self, lease_us):
        self.clock.now_us = self.due.pop(0)
        self.served.append((self.clock.now_us, self.name))


class Computing(Planned):
    """A board that computes since its last answer."""

    busy = True

    def __init__(self, name, now_us):
        super().__init__(name, (), False)
        self.clock.now_us = now_us

    def fileno(self):
        return 0


@pytest.mark.parametrize("kind", ["ahead", "bound", "busy"])
@pytest.mark.parametrize(
    ("of", "at_us", "runs"),
    [("ac", 99, True), ("ab", 100, True), ("ac", 100, False), ("aa", 100, True), ("", 101, False)],
)
def test_an_event_waits_for_whoever_can_put_something_before_it(kind, of, at_us, runs):
    """At one moment the order is that of names, and not of their letters from behind."""
    common, ran = Clock(), []
    common.post(at_us, of, ran.append, of)
    board = Computing("ab", 100) if kind == "busy" else Planned("ab", (100,), kind == "bound")
    schedule = _Schedule([board], common, 1000, 1)
    assert (schedule._step(), ran) == (runs, [of] if runs else [])


def test_whoever_an_event_makes_due_first_is_served_first():
    common, served = Clock(), []
    boards = [Planned("abc"[at], (100 + 100 * at,), True, served) for at in range(3)]
    common.call_at(10, boards[2].due.insert, 0, 50)
    _Schedule(boards, common, 1000, 1).run()
    assert served == [(50, "c"), (100, "a"), (200, "b"), (300, "c")]


def test_boards_that_listen_are_served_in_the_order_of_names_at_one_moment():
    served = []
    boards = [Planned(name, (100,), True, served) for name in ("ba", "ab", "aa", "bb")]
    _Schedule(boards, Clock(), 1000, 1).run()
    assert [name for _, name in served] == ["aa", "ab", "ba", "bb"]


RADIO = """
import machine, time
from machine import Pin
spi = machine.SPI(0, sck=Pin(2), mosi=Pin(3), miso=Pin(4))
cs, heard = Pin(5, Pin.OUT, value=1), Pin(14, Pin.OUT, value=0)
def write(register, *values):
    cs(0)
    spi.write(bytes((register | 0x80,) + values))
    cs(1)
write(0x01, 0x00)
write(0x01, 0x80)
write(0x01, 0x81)
time.sleep_ms(5)
write(0x06, 0xD9, 0x06, 0x66)
write(0x1D, 0x72, 0x74)
"""
SENDS = """
time.sleep_ms(1234)
write(0x09, 0x8F)
write(0x0D, 0x80)
write(0x00, *b"hello")
write(0x22, 5)
write(0x01, 0x83)
time.sleep_ms(3000)
"""
FROM_A_GATEWAY = replace(PACKET, start_us=1_500_000, end_us=1_550_000, sync_word=0x12)
HEARS = """
rounds = at = 0
def on_packet(pin):
    global at
    at = rounds
    heard(1)
Pin(6, Pin.IN).irq(on_packet, Pin.IRQ_RISING, hard=True)
write(0x01, 0x85)
heard(0)
while rounds < 3000:
    time.sleep_ms(1)
    rounds += 1
print(at)
"""


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(
    "programs", [(SENDS, HEARS), (HEARS, SENDS), (HEARS, SENDS, HEARS), (HEARS,)]
)
def test_a_board_that_listens_is_where_the_others_are(boards, programs, jobs):
    """It counts milliseconds, and no lease may take it past what comes to it."""
    airs, ends_us, shown = {}, [], []

    def fit(board, common):
        air = airs.setdefault("air", Air(common, 1))
        if len(programs) == 1:  # somebody without a clock of his own
            gateway = air.station("gateway", Place(0, 0))
            gateway.on_transmit.append(lambda packet: ends_us.append(packet.end_us))
            common.call_at(FROM_A_GATEWAY.start_us, gateway.transmit, FROM_A_GATEWAY)
        station = air.station(board.name, Place(0, 0), ahead=True)
        station.on_transmit.append(lambda packet: ends_us.append(packet.end_us))
        wire_radio(board, hardware()["rpi-pico-rfm95"], station, board.clock)
        board.wire_output(14, lambda level: shown.append((board.name, level, board.clock.now_us)))

    logs = boards(*(RADIO + each for each in programs), jobs=jobs, seconds=5, fit=fit)
    (end_us,) = ends_us
    for name, program, log in zip("abc", programs, logs, strict=False):
        if program == HEARS:
            (began_us, heard_us) = [at_us for each, _, at_us in shown if each == name][-2:]
            assert 0 < heard_us - end_us < 200
            assert int(log[0]) == pytest.approx((end_us - began_us) / 1000, rel=0.05)
