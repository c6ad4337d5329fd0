# SPDX-License-Identifier: MIT
"""docs/scenarios.md against the code: every key with its range, every word, every example."""

import json
import re
import types
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from click.testing import CliRunner

from host.cli import cli
from simulator import events, expectations, faults, scenario
from simulator.bay import Parking
from simulator.bin import Container
from simulator.chips.pir import PirOptions
from simulator.crowd import CrowdPlan
from simulator.ditch import Canal
from simulator.faults import FaultPlan
from simulator.places import Origin, Spread
from simulator.plans import GatewayPlan, NodeTable
from simulator.run import Run
from simulator.scenario import StepOptions
from simulator.street import Traffic
from simulator.world import Conditions, Room

PAGE = Path(__file__).parent.parent.parent / "docs" / "scenarios.md"
TABLES = {
    "A scenario": scenario._File,
    "origin": Origin,
    "[[gateway]]": GatewayPlan,
    "[[node]]": NodeTable,
    "spread": Spread,
    "pir": PirOptions,
    "[[crowd]]": CrowdPlan,
    "classroom": Room,
    "step": StepOptions,
    "conditions": Conditions,
    "crossing and path": Traffic,
    "bin": Container,
    "ditch": Canal,
    "parking": Parking,
    "[[event]]": events.KEYS,
    "[[fault]]": FaultPlan,
}
WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    list: "a list",
    dict: "a table",
    datetime: "a date and time",
}


def takes(kind):
    """What a key takes, in words."""
    if get_origin(kind) in (Union, types.UnionType):
        kind = get_args(kind)[0]
    if get_origin(kind) is Annotated:
        plain, low, high = get_args(kind)
        return f"{WORDS[plain]}, {shown(low)} to {shown(high)}"
    if is_dataclass(kind):
        return "a table"
    if get_origin(kind) is list:
        inner = get_args(kind)[0]
        return "a list of texts" if inner is str else "tables"
    return WORDS[get_origin(kind) or kind]


def shown(value):
    """A value as a person writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{int(value)}" if isinstance(value, float) and value.is_integer() else f"{value}"


def default(field):
    """What holds when a key is not there."""
    if field.default is MISSING and field.default_factory is MISSING:
        return "needed"
    value = field.default if field.default_factory is MISSING else None
    return "-" if value in (None, "") else shown(value)


def rows_of(table):
    """{key: (what it takes, what holds without it)} of a dataclass, or of the keys of an event."""
    if isinstance(table, dict):
        return {
            key: (takes(kind), "needed" if key in events.NEEDED else "-")
            for key, kind in table.items()
        }
    return {
        each.name: ("text" if each.type is Any else takes(each.type), default(each))
        for each in fields(table)
    }


def text_of(heading):
    """What stands on the page under a heading."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", PAGE.read_text(), re.M | re.S)
    assert found, heading
    return found[1]


def table_under(heading):
    """The rows of the table under a heading, as lists of cells."""
    rows = [line for line in text_of(heading).splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


@pytest.mark.parametrize("name", TABLES)
def test_each_key_stands_on_the_page_with_its_range(name):
    heading = name if name.startswith(("A ", "[[")) else f"`{name}`"
    told = {row[0].strip("`"): (row[1], row[2]) for row in table_under(heading)}
    assert told == rows_of(TABLES[name])
    assert all(row[3] for row in table_under(heading))


def test_each_kind_of_world_stands_on_the_page():
    told = {name for name in TABLES if f"### `{name}`" in PAGE.read_text()}
    kinds = {kind for name in told for kind in name.split(" and ")}
    assert set(scenario.WORLD_KINDS) <= kinds


def test_each_fault_stands_on_the_page_with_what_it_takes():
    told = {
        row[0].strip("`"): re.findall(r"`(\w+)`", row[1]) for row in table_under("Kinds of fault")
    }
    takes_so = {
        kind: [*needs, *(each for each in faults.MAY.get(kind, ()) if each not in PLACE)]
        for kind, needs in faults.KINDS.items()
    }
    assert told == takes_so
    settings = {row[0].strip("`"): row[1] for row in table_under("Settings of the network")}
    ranges = {
        name: "-" if span is None else f"{span[0]} to {span[1]}"
        for name, span in faults.SETTINGS.items()
    }
    assert settings == ranges


PLACE = ("x_m", "y_m", "latitude", "longitude")


def test_each_measure_stands_on_the_page():
    told = {name for row in table_under("Measures") for name in re.findall(r"`(\w+)`", row[0])}
    assert told == set(expectations.MEASURES)
    for row in table_under("Measures"):
        (name,) = re.findall(r"`(\w+)`", row[0])
        assert row[1] == ("no" if name in expectations.WHOLE else "yes")
        assert row[2] == ("yes" if name in expectations.TOGETHER else "no")
    for phrase in expectations.NO:
        assert f"`no {phrase}`" in text_of("Expectations")


def test_each_ready_scenario_is_listed_as_it_says_itself():
    told = {row[0].strip("`"): row[1] for row in table_under("Ready scenarios")}
    assert told == scenario.titles()


def test_the_command_lists_them():
    value = json.loads(CliRunner().invoke(cli, ["simulate", "--list", "--json"]).stdout)
    assert {each["name"]: each["title"] for each in value} == scenario.titles()
    lines = CliRunner().invoke(cli, ["simulate", "--list"]).stdout.splitlines()
    assert [tuple(line.split(maxsplit=1)) for line in lines] == list(scenario.titles().items())
    assert max(map(len, lines)) < 120


EXAMPLES = re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(), re.M | re.S)


def test_there_are_three_examples():
    assert len(EXAMPLES) == 3


@pytest.mark.parametrize("number", range(3))
def test_each_example_runs_and_comes_true(number, tmp_path):
    path = tmp_path / "example.toml"
    path.write_text(EXAMPLES[number])
    summary = Run(scenario.load(path), tmp_path / "out").execute()
    held = {each["expect"]: (each["held"], each["found"]) for each in summary["expectations"]}
    assert held and all(value for value, _ in held.values()), held
