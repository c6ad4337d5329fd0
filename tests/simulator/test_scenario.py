# SPDX-License-Identifier: MIT
"""Scenario files: each mistake is named with its line, before anything runs."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest

from host.errors import HostError
from simulator import scenario as scenarios
from simulator.faults import KINDS, FaultPlan
from simulator.plans import GatewayPlan, NodePlan, WorldPlan

TEXT = """\
start = 2026-11-23T07:00:00+01:00
duration_h = 24
seed = 7

[[gateway]]
name = "town-hall"
x_m = 800

[[gateway]]
name = "school"

[[node]]
name = "one"
kit = "classroom"
board = "rpi-pico-rfm95"
world = "room"

[[node]]
name = "two" # the second
kit = "classroom-sht4x"
board = "feather-rp2040-rfm95"
world = "step"
clock_ppm = 20

[world.room]
kind = "classroom"
pupils = 12

[world.step]
kind = "step"
at_h = 1.5
before = { co2_ppm = 400, temperature_c = 20, humidity_pct = 40 }
after = { co2_ppm = 900, temperature_c = 20, humidity_pct = 40 }

[[fault]]
kind = "gateway-off"
gateway = "school"
at_h = 1
until_h = 2

[[fault]]
kind = "sensor-silent"
node = "two"
sensor = "sht4x"
at_h = 3
"""


@pytest.fixture
def load(tmp_path):
    def write_and_load(text):
        path = tmp_path / "my-day.toml"
        path.write_text(text)
        return scenarios.load(path)

    return write_and_load


def test_all_of_a_file_is_taken(load):
    found = load(TEXT)
    assert (found.name, found.seed, found.duration_us) == ("my-day", 7, 86_400_000_000)
    assert found.start.isoformat() == "2026-11-23T07:00:00+01:00"
    assert found.gateways == (GatewayPlan("town-hall", 800), GatewayPlan("school"))
    assert found.nodes == (
        NodePlan("one", "classroom", "rpi-pico-rfm95", "room"),
        NodePlan("two", "classroom-sht4x", "feather-rp2040-rfm95", "step", clock_ppm=20),
    )
    air = {"temperature_c": 20, "humidity_pct": 40}
    step = {"at_h": 1.5, "before": {"co2_ppm": 400, **air}, "after": {"co2_ppm": 900, **air}}
    assert found.worlds == (
        WorldPlan("room", "classroom", {"pupils": 12}),
        WorldPlan("step", "step", step),
    )
    assert found.faults == (
        FaultPlan("gateway-off", 1, gateway="school", until_h=2),
        FaultPlan("sensor-silent", 3, node="two", sensor="sht4x"),
    )


def test_a_start_without_a_zone_is_utc(load):
    found = load(TEXT.replace("+01:00", ""))
    assert found.start == datetime(2026, 11, 23, 7, tzinfo=UTC)
    assert found.start.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("duration_h = 24", "duration_h = -1", "'duration_h' is -1, it has to be 0.01 to 100000"),
        ("duration_h = 24", "duration_h = 0", "'duration_h' is 0, it has to be 0.01"),
        ("duration_h = 24", "duration_h = nan", "'duration_h' is not a number"),
        ("duration_h = 24", "duration_h = inf", "'duration_h' is not a number"),
        ("duration_h = 24", 'duration_h = "24"', "'duration_h' is not a number"),
        ("duration_h = 24", "duration_h = true", "'duration_h' is not a number"),
        ("seed = 7", "sead = 7", "unknown key 'sead'"),
        ("seed = 7", "seed = -1", "'seed' is -1"),
        ("seed = 7", "rx1_delay_s = 16", "'rx1_delay_s' is 16, it has to be 1 to 15"),
        ("seed = 7", "downlink_window = 3", "'downlink_window' is 3, it has to be 1 to 2"),
        ("2026-11-23T07:00:00+01:00", "2026-11-23", "'start' is not a date and time"),
        ("2026-11-23T", "1926-11-23T", "the year is 1926"),
        ("x_m = 800", "x = 800", "[gateway] unknown key 'x'"),
        ("x_m = 800", "x_m = 2e6", "[gateway] 'x_m' is 2000000.0, it has to be"),
        (f"x_m = {800}", f"x_m = {10**400}", "[gateway] 'x_m' is 1000"),
        ('name = "school"', 'name = "town-hall"', "[gateway] 'town-hall' is there already"),
        ('name = "school"', 'name = "two"', "[gateway] 'two' is there already"),
        ('name = "two"', 'name = "one"', "[node] 'one' is there already"),
        ('name = "two"', 'name = "../two"', "[node] '../two' is no name of a node"),
        ('name = "two"', 'name = ""', "[node] '' is no name of a node"),
        ('kit = "classroom-sht4x"', 'kit = "classrom"', "[node] unknown kit 'classrom'"),
        ("clock_ppm = 20", 'pir = { part = "am313" }', "[node.pir] unknown part 'am313'"),
        ("clock_ppm = 20", 'pir = { part = "am312" }', "a 'classroom-sht4x' has no PIR"),
        ("clock_ppm = 20", "pir = { own_tx = 2 }", "'own_tx' is 2, it has to be 0 to 1"),
        ('"feather-rp2040-rfm95"', '"feather"', "[node] unknown board 'feather'"),
        ('world = "step"', 'world = "moon"', "[node] unknown world 'moon'"),
        ("clock_ppm = 20", "clock_ppm = -1000000", "[node] 'clock_ppm' is -1000000"),
        ("clock_ppm = 20", "irq_us = -5", "[node] 'irq_us' is -5, it has to be 0"),
        ("clock_ppm = 20", "abp = 1", "[node] 'abp' is not true or false"),
        ('kind = "classroom"', 'kind = "cellar"', "[world.room] 'room' has no kind of world"),
        ("pupils = 12", "pupil = 12", "[world.room] unknown key 'pupil'"),
        ("pupils = 12", 'pupils = "many"', "[world.room] 'pupils' is not a whole number"),
        ("pupils = 12", "ventilation_m3_h = 0", "'ventilation_m3_h' is 0, it has to be 1"),
        ("at_h = 1.5", "at_h = -1.5", "[world.step] 'at_h' is -1.5, it has to be 0"),
        ("co2_ppm = 900", "co2 = 900", "[world.step.after] unknown key 'co2'"),
        ("gateway-off", "gateway-of", "[fault] unknown fault 'gateway-of'"),
        ('gateway = "school"', 'gateway = "church"', "[fault] unknown gateway 'church'"),
        ('gateway = "school"', 'node = "one"', "[fault] 'gateway-off' has no 'node'"),
        ("until_h = 2", "until_h = 1", "it ends at 1 h and begins at 1 h"),
        ('node = "two"', 'node = "three"', "[fault] unknown node 'three'"),
        ('sensor = "sht4x"', 'sensor = "sht5x"', "[fault] unknown sensor 'sht5x'"),
        ("at_h = 3\n", "at_h = -3\n", "[fault] 'at_h' is -3, it has to be 0 to 100000"),
        ("at_h = 3\n", "at_h = 24\n", "[fault] 'at_h' is 24 h, and the run ends after 24 h"),
        ("clock_ppm = 20", "on_h = 30", "[node] 'on_h' is 30 h, and the run ends after 24 h"),
    ],
)
def test_a_mistake_is_named_with_its_line(load, old, new, said):
    assert TEXT.count(old) == 1
    line = TEXT[: TEXT.index(old)].count("\n") + 1
    with pytest.raises(HostError) as error:
        load(TEXT.replace(old, new))
    assert str(error.value).startswith(f"my-day.toml, line {line}: ")
    assert said in str(error.value) and "\n" not in str(error.value) and error.value.next_step


def test_an_event_after_the_end_is_named_with_its_line(load):
    event = '[[event]]\nkind = "downlink"\nnode = "one"\nat_h = 25\nf_port = 2\npayload = "00"\n'
    with pytest.raises(HostError, match=r"line 49: .event. 'at_h' is 25 h, and the run ends after"):
        load(TEXT + event)


@pytest.mark.parametrize(
    ("begins_h", "until_h", "again"),
    [(1.5, None, True), (0, 1.5, True), (0, None, True), (0, 1, False), (2, None, False)],
)
def test_what_fails_already_cannot_fail_again(load, begins_h, until_h, again):
    fault = f'[[fault]]\nkind = "gateway-off"\ngateway = "school"\nat_h = {begins_h}\n'
    text = TEXT + fault + (f"until_h = {until_h}\n" if until_h else "")
    of_another = text.replace('"school"\nat_h = 1\n', '"town-hall"\nat_h = 1\n')
    assert len(load(of_another).faults) == 3
    if not again:
        assert len(load(text).faults) == 3
        return
    with pytest.raises(HostError, match=r"line 49: .fault. the same 'gateway-off' is there from 1"):
        load(text)


@pytest.mark.parametrize(
    ("gone", "line", "said"),
    [
        ("duration_h = 24\n", 1, "'duration_h' is missing"),
        ('kit = "classroom-sht4x"\n', 18, "[node] 'kit' is missing"),
        ('kind = "step"\n', 29, "[world.step] 'step' has no kind of world"),
        ("at_h = 1.5\n", 29, "[world.step] 'at_h' is missing"),
        ('sensor = "sht4x"\n', 41, "[fault] 'sensor-silent' needs 'sensor'"),
    ],
)
def test_what_is_missing_has_the_line_of_its_table(load, gone, line, said):
    with pytest.raises(HostError) as error:
        load(TEXT.replace(gone, ""))
    assert str(error.value).startswith(f"my-day.toml, line {line}: {said}")


@pytest.mark.parametrize(
    ("text", "said", "step"),
    [
        ("node = 1\n", "line 1: 'node' is not a list [ ... ]", "write [[node]] and its keys"),
        ("node = [1]\n", "line 1: 'node' is not a table", "write [[node]] and its keys"),
        ("node = []\n", "line 1: there is no node", "add a table [[node]] or [[crowd]]"),
    ],
)
def test_nodes_that_are_no_tables(load, text, said, step):
    rest = "start = 2026-11-23T07:00:00Z\nduration_h = 1\ngateway = []\n"
    world = 'world = { r = { kind = "classroom" } }\n'
    with pytest.raises(HostError) as error:
        load(text + rest + world)
    assert (str(error.value), error.value.next_step) == (f"my-day.toml, {said}", step)


def test_a_world_that_is_no_table(load):
    with pytest.raises(HostError, match=r"line 26: .* 'room' is not a table"):
        load(TEXT[: TEXT.index("[world.room]")] + "[world]\nroom = 1\n")


def test_a_name_is_a_scenario_a_kit_or_a_file(tmp_path):
    assert scenarios.find(None) == scenarios.find("school-day")
    assert [node.kit for node in scenarios.find("classroom-sht4x").nodes] == ["classroom-sht4x"]
    path = tmp_path / "own.toml"
    path.write_text(TEXT)
    assert scenarios.find(str(path)).seed == 7
    with pytest.raises(LookupError):
        scenarios.find("classrom")
    with pytest.raises(HostError, match=r"none\.toml does not exist"):
        scenarios.find("none.toml")


def test_each_fault_kind_needs_fields_that_a_fault_has():
    known = {each.name for each in fields(FaultPlan)}
    assert all(known.issuperset(needs) for needs in KINDS.values())


def test_a_kit_that_does_not_go_on_its_board_is_named_with_its_line(load):
    text = TEXT.replace('kit = "classroom"', 'kit = "bikes"')
    text = text.replace('board = "rpi-pico-rfm95"', 'board = "ttgo-lora32-v2_1"')
    with pytest.raises(HostError) as error:
        load(text)
    assert str(error.value) == (
        "my-day.toml, line 15: [node] 'bikes' needs pir_2, "
        "and 'ttgo-lora32-v2_1' has no free pin for it"
    )


@pytest.mark.parametrize(
    ("kit", "step"),
    [("bin", "bin or ditch or parking or step"), ("crossing", "crossing or path")],
)
def test_a_world_without_what_a_kit_measures_is_named_with_its_line(load, kit, step):
    with pytest.raises(HostError) as error:
        load(TEXT.replace('kit = "classroom"', f'kit = "{kit}"'))
    said = f"my-day.toml, line 16: [node] there is nothing for a '{kit}' in a classroom"
    assert (str(error.value), error.value.next_step) == (said, f"name a world of the kind {step}")


@pytest.mark.parametrize(
    ("kit", "kinds"),
    [
        ("bin", ["bin"]), ("water", ["ditch"]), ("parking", ["parking"]),
        ("classroom", ["classroom"]), ("classroom-sht4x", ["classroom"]),
    ],
)  # fmt: skip
def test_each_kit_has_a_world_of_its_own(kit, kinds):
    plan = scenarios.find(kit)
    assert [world.kind for world in plan.worlds] == kinds
    assert [(node.name, node.kit) for node in plan.nodes] == [(f"{kit}-1", kit)]
    assert plan.name == kit


def test_what_comes_along_is_right():
    assert {"bin", "ditch", "parking", "school-day"} <= set(scenarios.ready())
    for name in scenarios.ready():
        assert scenarios.find(name).nodes
