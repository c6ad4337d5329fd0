# SPDX-License-Identifier: MIT
"""A scenario is a test: what it expects is checked with its line, and held against the run."""

import csv
import json
from datetime import datetime
from itertools import pairwise

import pytest
from click.testing import CliRunner

from host.cli import cli
from host.errors import HostError
from host.rows import once
from simulator import scenario as scenarios
from simulator.expectations import MEASURES, Kept, judge, parse
from simulator.run import Run

TEXT = """\
start = 2026-11-23T07:00:00+01:00
duration_h = 8
{expect}
[[gateway]]
name = "town-hall"
x_m = 800

[[gateway]]
name = "school"
x_m = -400

[[node]]
name = "room"
kit = "classroom"
board = "rpi-pico-rfm95"
world = "class"

[[node]]
name = "bin"
kit = "bin"
board = "rpi-pico-rfm95"
world = "bin"

[[crowd]]
name = "region"
count = 50

[world.class]
kind = "classroom"

[world.bin]
kind = "bin"

[[fault]]
kind = "radio-silent"
node = "bin"
at_h = 2
until_h = 5

[[fault]]
kind = "gateway-off"
gateway = "town-hall"
at_h = 6
until_h = 6.5

[[fault]]
kind = "gateway-off"
gateway = "school"
at_h = 6
until_h = 6.5
"""


@pytest.fixture
def write(tmp_path):
    """A function: a scenario file that expects these."""

    def write(*expected, **changes):
        text = TEXT.format(
            expect="expect = [\n" + "".join(f"  {each},\n" for each in expected) + "]"
        )
        for old, new in changes.items():
            text = text.replace(old, new)
        path = tmp_path / "town.toml"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(
    ("text", "problem", "step"),
    [
        ("delivred >= 0.9", "unknown measure 'delivred'", "known: delivered, "),
        ("highest fil >= 80", "unknown quantity 'fil'", "co2, temperature, humidity"),
        ("delivered", "'delivered' says nothing that can be held", "for example"),
        ("", "says nothing that can be held", "for example"),
        ("delivered => 0.9", "unknown measure 'delivered ='", "known: delivered, "),
        ("delivered != 0.9", "'delivered != 0.9' says nothing", "for example"),
        ("delivered >= much", "'much' is no number", "0.95"),
        ("delivered >= nan", "'nan' is no number", "0.95"),
        ("delivered >= __import__('os')", "is no number", "0.95"),
        ("joins == 1 after day two", "'two' is no number", "0.95"),
        ("joins == 1 after day -1", "'day -1' is before the start", "from 0 on"),
        ("joins == 1 after 3 h by 2 h", "it ends at 2 h", "make 'by' later than 3 h"),
        ("joins == 1 by 2 h after 1 h", "says nothing that can be held", "for example"),
        ("joins == 1 after lunch", "says nothing that can be held", "for example"),
        ("no joy after 1 h", "unknown event 'joy'", "known after 'no': reading, join, "),
        ("delivered >= 0.9 after 1 h", "'delivered' is of the whole run", "joins"),
        ("all: mah_day < 10", "'mah_day' is of one node", "'all' goes with delivered"),
        ("crowd region: joins == 1", "of a crowd only 'delivered' is known", "or name"),
        ("crowd region: highest co2 > 1", "of a crowd only 'delivered' is known", "or name"),
        ("crowd town: delivered > 0.9", "unknown crowd 'town'", "known: region"),
        ("node attic: joins == 1", "unknown node 'attic'", "known: room, bin"),
        ("kit water: joins == 1", "unknown kit 'water'", "known: classroom, bin"),
        ("highest co2 > 800", "bin does not report what 'co2' needs", "node NAME: or kit NAME:"),
        ("emptied == 1", "room does not report what 'emptied' needs", "node NAME: or kit NAME:"),
        ("no join after day 1", "its time is never reached", "the run has 8 h"),
        ("no join after 8 h", "its time is never reached", "the run has 8 h"),
        ("joins == 1 by 8.1 h", "its time is never reached", "the run has 8 h"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(write, text, problem, step):
    with pytest.raises(HostError) as refused:
        scenarios.load(write('"joins == 1"', f'"{text}"', '"joins == 1"'))
    assert str(refused.value).startswith(f"town.toml, line 5: expect '{text}': ")
    assert problem in str(refused.value) and step in refused.value.next_step


@pytest.mark.parametrize(
    ("line", "said"), [("expect = 1", "'expect' is not a list"), ("expect = [1]", "not a text")]
)
def test_what_is_no_list_of_texts_is_named(tmp_path, line, said):
    path = tmp_path / "town.toml"
    path.write_text(TEXT.format(expect=line))
    with pytest.raises(HostError, match=f"line 3: .*{said}"):
        scenarios.load(path)


def test_an_expectation_of_nodes_needs_one(write):
    path = write('"joins == 1"')
    text = path.read_text()
    begin, end = text.index("[[node]]"), text.index("[[crowd]]")
    path.write_text(text[:begin] + text[end : text.index("[[fault]]")])
    with pytest.raises(HostError, match="there is no node that it is about"):
        scenarios.load(path)


def test_spaces_do_not_matter():
    one, other = (
        parse("kit bin:  highest  fill>=80   after day 1"),
        parse("kit bin: highest fill >= 80 after 24 h"),
    )
    assert (one.subject, one.name, one.end, one.measure) == ("kit", "bin", "highest", "fill")
    assert (one.comparison, one.limit, one.after_h, one.by_h) == (">=", 80, 24, None)
    assert vars(other) | {"text": one.text} == vars(one)


@pytest.mark.parametrize("measure", MEASURES)
def test_each_measure_can_be_written(measure):
    assert parse(f"{measure} <= 1").measure == measure


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A function: what became of an expectation in one and the same run, and the run's folder."""
    folder = tmp_path_factory.mktemp("told")
    path = folder / "town.toml"
    path.write_text(TEXT.format(expect=""))
    run = Run(scenarios.load(path), folder)
    summary = run.execute()
    with (folder / "events.jsonl").open() as file:
        events = [json.loads(line) for line in file]

    readings = once(run.rows)

    def told(text, shortened=False):
        plan = run.scenario
        (found,) = judge(
            [parse(text, 3)],
            Kept(plan.duration_h, plan.start, plan.groups, summary, readings, events, shortened),
        )
        assert (found["line"], found["expect"]) == (3, text)
        return found["held"], found["found"], found["of"]

    told.folder, told.summary, told.rows = folder, summary, run.rows
    return told


def hours(folder, name):
    """When the readings of a node were measured, by its readings.csv."""
    start, found = datetime.fromisoformat("2026-11-23T07:00:00+01:00"), []
    with (folder / "readings.csv").open() as file:
        for row in csv.DictReader(file):
            if row["name"] == name:
                found.append((datetime.fromisoformat(row["time"]) - start).total_seconds() / 3600)
    return sorted(found)


def test_shares_are_those_of_the_summary(told):
    room, bin_ = told.summary["nodes"]
    shares = {
        each["name"]: round(each["uplinks_heard"] / each["uplinks_sent"], 4)
        for each in (room, bin_)
    }
    worst, best = sorted(shares, key=shares.get)
    assert 0 < shares[worst] < shares[best] < 1
    assert told("delivered >= 0.99") == (False, shares[worst], worst)
    assert told("delivered < 1") == (True, shares[best], best)
    assert told(f"node {best}: delivered == 1") == (False, shares[best], best)
    both = [sum(each[key] for each in (room, bin_)) for key in ("uplinks_heard", "uplinks_sent")]
    assert told("all: delivered < 2") == (True, round(both[0] / both[1], 4), "")
    assert told("kit bin: fair_use_share < 1") == (True, bin_["fair_use_share"], "bin")
    (crowd,) = told.summary["crowds"]
    assert told("crowd region: delivered > 1") == (False, crowd["share"], "region")


def test_what_is_counted_has_its_times(told):
    with (told.folder / "events.jsonl").open() as file:
        events = [json.loads(line) for line in file]
    sent = [
        each["t_us"] / 3.6e9
        for each in events
        if (each["node"], each["event"]) == ("room", "uplink")
    ]
    assert len(sent) > 40
    assert told("node room: uplinks == 0") == (False, len(sent), "room")
    late = len([hour for hour in sent if hour >= 3])
    assert told(f"node room: uplinks == {late} after 3 h") == (True, late, "room")
    early = len([hour for hour in sent if hour <= 6])
    middle = late + early - len(sent)
    assert told(f"node room: uplinks == {middle} after 3 h by 6 h") == (True, middle, "room")
    assert told("no join after 1 h") == (True, 0, "room")
    assert told("no join") == (False, 1, "room")
    assert told("all: joins == 2") == (True, 2, "")
    # what the second gateway heard too is not refused
    assert [each for each in events if each["cause"] == "duplicate"]
    assert told("no refused frame") == (True, 0, "room")


def test_the_longest_gap_is_that_of_the_measured_times(told):
    gaps = {}
    for name in ("room", "bin"):
        ends = [0.0, *hours(told.folder, name), 8.0]
        gaps[name] = max(after - before for before, after in pairwise(ends))
    held, found, of = told("longest_gap_h <= 0.2")
    assert (held, of) == (False, "bin")
    assert found == pytest.approx(gaps["bin"], abs=0.001) and gaps["bin"] > gaps["room"]
    # silence up to the end of a window counts
    alone = [hour for hour in hours(told.folder, "room") if hour <= 0.5]
    held, found, _ = told("node room: longest_gap_h <= 1 by 0.5 h")
    assert found == pytest.approx(max(alone[0], 0.5 - alone[-1], 1 / 6), abs=0.001)


def test_readings_are_counted_once(told):
    measured = hours(told.folder, "room")
    count = len({round(hour * 6) for hour in measured})  # every ten minutes
    assert count == len(measured)
    arrived = [row for row in told.rows if row.name == "room"]
    assert len(arrived) > count  # after the outage some came once more
    assert told(f"node room: readings == {count}") == (True, count, "room")
    assert told("node room: readings_per_day > 1") == (True, count * 3, "room")


def test_values_are_those_of_the_readings(told):
    with (told.folder / "readings.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["name"] == "room"]
    co2 = [int(row["co2"]) for row in rows if row["co2"]]
    assert told("node room: highest co2 > 1000") == (True, max(co2), "room")
    assert told("node room: lowest co2 < 100") == (False, min(co2), "room")
    assert told("kit classroom: last co2 > 1") == (True, co2[-1], "room")
    minutes = told.summary["nodes"][0]["co2_minutes_above_800"]
    assert minutes > 60
    assert told("kit classroom: co2_minutes_above_800 > 60") == (True, minutes, "room")
    assert told("kit classroom: co2_minutes_above_800 == 0 by 1 h")[:2] == (True, 0)
    assert told("kit bin: emptied == 0") == (True, 0, "bin")


def test_what_was_not_found_does_not_hold(told):
    assert told("kit classroom: highest co2 > 0 by 0.01 h") == (False, None, "room")
    assert told("kit classroom: highest co2 < 0 by 0.01 h") == (False, None, "room")


def test_a_node_without_a_value_is_the_worst(told):
    for each in ("highest co2 > 0", "highest co2 < 9999"):
        assert told(each) == (False, None, "bin")
    for each in ("highest fill >= 0", "highest fill <= 100"):
        assert told(each) == (False, None, "room")


def test_a_time_that_the_run_does_not_reach_is_not_judged(told):
    assert told("no join after 8 h") == (None, None, "")
    assert told("joins == 9 by 8.5 h") == (None, None, "")
    assert told("joins == 1 by 8 h") == (True, 1, "room")


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("node room: joins == 2", None),
        ("node room: joins == 0", False),
        ("no join", False),
        ("no refused frame", True),
        ("joins == 2 by 8 h", False),
        ("node room: readings >= 1000", None),
        ("node room: readings < 10", False),
        ("node room: delivered > 1", False),
        ("node room: longest_gap_h < 0.1", False),
        ("node room: highest co2 > 5000", None),
        ("node room: highest co2 < 500", False),
        ("node room: lowest co2 < 100", None),
        ("node room: lowest co2 > 900", False),
        ("node room: last co2 > 5000", None),
        ("node bin: highest co2 < 9999", None),
    ],
)
def test_a_shortened_run_is_not_held_to_what_more_time_may_bring(told, text, held):
    assert told(text, shortened=True)[0] is held
    assert told(text)[0] is bool(held)


def test_a_run_of_the_scenario_s_length_judges_all(write):
    found = scenarios.load(write('"joins == 1"'))
    assert [found.lasting(hours).shortened for hours in (0.01, 8, 9)] == [True, False, False]
    assert found.lasting(2).lasting(4).shortened


def test_a_very_short_run_ends_well_and_says_what_it_did_not_judge():
    found = CliRunner().invoke(cli, ["simulate", "--hours", "0.01"])
    assert (found.exit_code, found.stderr) == (0, "")
    last = found.stdout.splitlines()[-1]
    assert last == "expected: 2 of 8 held, 6 not judged: the run was shortened to 0.6 minutes"


def test_the_command_line_names_what_did_not_hold(write):
    path = write(
        '"joins == 1"', '"joins == 2 by 1 h"', '"no join"', '"no join after 7 h"',
        '"crowd region: delivered == 2"',
    )  # fmt: skip
    found = CliRunner().invoke(cli, ["simulate", str(path), "--hours", "1"])
    assert found.exit_code == 1
    said = "look into the run with --out DIR, or correct that line"
    assert found.stderr.splitlines() == [
        f"error: town.toml, line 5: expected joins == 2 by 1 h, found 1 (room); {said}",
        f"error: town.toml, line 6: expected no join, found 1 (room); {said}",
        "error: town.toml, line 8: expected crowd region: delivered == 2, found 1 (region); "
        + said,
    ]
    assert found.stdout.splitlines()[-1] == (
        "expected: 1 of 5 held, 1 not judged: the run was shortened to 60 minutes"
    )


def test_json_has_the_expectations_and_the_failure(write, tmp_path):
    path = write('"joins == 1"', '"no join"')
    words = ["simulate", str(path), "--hours", "1", "--json", "--out", str(tmp_path / "out")]
    found = CliRunner().invoke(cli, words)
    value = json.loads(found.stdout)
    assert found.exit_code == 1
    assert [each["held"] for each in value["expectations"]] == [True, False]
    assert value["error"] == "town.toml, line 5: expected no join, found 1 (room)"
    assert value["next"] and value["nodes"][0]["joins"] == 1
    kept = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert kept["expectations"] == value["expectations"] and "error" not in kept


def test_what_holds_ends_well(write):
    path = write('"joins == 1"')
    found = CliRunner().invoke(cli, ["simulate", str(path), "--hours", "0.5"])
    assert (found.exit_code, found.stderr) == (0, "")
    assert found.stdout.splitlines()[-1] == "expected: 1 of 1 held"
