# SPDX-License-Identifier: MIT
"""Runs with one thing wrong, explained from the air, the events and the logs alone.

The nodes of a run all have another clock, as crystals do.
"""

import json
import re
import shutil
from dataclasses import replace

import pytest
from click.testing import CliRunner

from host import boards
from host.cli import cli
from simulator import scenario as scenarios
from simulator.crowd import CrowdPlan
from simulator.device import Acknowledged
from simulator.events import EventPlan
from simulator.faults import KINDS, FaultPlan
from simulator.run import Run
from simulator.why.verdicts import RULES, explain

SLOW_DOWN = bytes.fromhex("0300070001")  # LinkADRReq: DR0


class Prepared(Run):
    """A run of nodes in a row, each as `nodes` says; `prepare(run)` comes before the start."""

    def __init__(self, folder, hours, nodes, prepare=lambda run: None, **changes):
        usual = scenarios.find(None)
        plans = tuple(
            replace(
                usual.nodes[0], name=name, y_m=5.0 * number,
                **{"clock_ppm": 120 * (number - len(nodes) // 2), **changed},
            )
            for number, (name, changed) in enumerate(nodes.items())
        )  # fmt: skip
        scenario = replace(usual, nodes=plans, duration_h=hours, **changes)
        super().__init__(scenario, folder)
        self._prepare = prepare
        self.execute()

    def _build(self):
        super()._build()
        self._prepare(self)

    def at(self, hour, action, *arguments):
        self.clock.call_at(round(hour * 3.6e9), action, *arguments)


@pytest.fixture(scope="module")
def explained(tmp_path_factory):
    """A function: the verdicts on a run, by node, from the three kinds of file alone."""

    def explained(*arguments, **changes):
        made, kept = tmp_path_factory.mktemp("made"), tmp_path_factory.mktemp("kept")
        Prepared(made, *arguments, **changes)
        for path in (made / "events.jsonl", made / "capture.jsonl", *made.glob("*.log")):
            shutil.copy(path, kept)
        shutil.rmtree(made)
        evidence, found = explain(kept)
        assert not evidence.remarks
        return {each.node: each for each in found}

    return explained


def rules(found):
    return {name: each.first.rule if each.first else None for name, each in found.items()}


FAULTS = {  # by the name of the node: what goes wrong there, and the rule that has to find it
    "a": (FaultPlan("sensor-silent", 1.0, "a", "scd4x", until_h=3.0), "sensor-silent"),
    "b": (FaultPlan("sensor-frozen", 1.5, "b", "scd4x"), "sensor-frozen"),
    "c": (FaultPlan("radio-silent", 2.0, "c"), "radio"),
    "d": (FaultPlan("power-cut", 2.0, "d", until_h=3.5), "power"),
    "e": (FaultPlan("power-cut", 2.0, "e"), "no-life"),
    "f": (FaultPlan("power-cut", 2.0, "f", until_h=2.001), "power"),
    "g": (FaultPlan("world-frozen", 2.0, "g", until_h=5.0), "still"),
    "h": (FaultPlan("clock-drift", 2.0, "h", clock_ppm=-20000), "clock"),
    "i": (FaultPlan("clock-drift", 2.0, "i", clock_ppm=20000, until_h=4.0), "clock"),
}


def test_each_fault_of_a_node_is_found_at_that_node_alone(explained):
    """Nine nodes with a fault each, and one without."""
    faults = tuple(fault for fault, _ in FAULTS.values())
    found = explained(6.0, {name: {} for name in [*FAULTS, "well"]}, faults=faults)
    assert rules(found) == {name: rule for name, (_, rule) in FAULTS.items()} | {"well": None}
    for name, (fault, _) in FAULTS.items():
        first, begins_us = found[name].first, round(fault.at_h * 3.6e9)
        assert begins_us - 700e6 < first.since_us < begins_us + 700e6, name
        assert not found[name].later and first.next_step and first.evidence
    assert "scd4x" in found["a"].first.cause and "again from" in found["a"].first.evidence[0]
    assert "slow by about 20," in found["h"].first.cause
    assert "fast by about 19," in found["i"].first.cause
    assert found["f"].first.slight and not found["d"].first.slight


def test_a_gateway_that_is_off_is_named_at_every_node(explained):
    faults = (FaultPlan("gateway-off", 1.0, gateway="town-hall", until_h=2.5),)
    found = explained(4.0, {"a": {}, "b": {}}, faults=faults)
    assert rules(found) == {"a": "gateway-off", "b": "gateway-off"}
    assert "town-hall" in found["a"].first.cause
    assert any("heard again" in line for line in found["a"].first.evidence)


RESTARTS_H = (1.0, 3.2)


@pytest.mark.parametrize("kit", ["bin", "classroom", "crossing"])
def test_a_node_that_restarts_has_no_other_clock(kit, tmp_path):
    """On a battery, on mains and where it counts; after each start an interval is shorter."""
    usual = scenarios.find(kit)
    cuts = tuple(
        FaultPlan("power-cut", at_h, each.name, until_h=at_h + 0.01)
        for each in usual.nodes
        for at_h in RESTARTS_H
    )
    Run(replace(usual, duration_h=6.0, faults=cuts), tmp_path).execute()
    _, found = explain(tmp_path)
    assert {each.first.rule for each in found} == {"power"}
    assert all(each.first.slight and not each.later for each in found)


JAMMED = FaultPlan(
    "jammer", 1.0, until_h=4.0, freq_hz=868_300_000, x_m=780.0, power_dbm=27.0, duty=0.9
)


def test_a_jammer_is_found_with_its_channel(explained):
    """It takes nine tenths of the time, so that every node is sure to meet it."""
    found = explained(5.0, {"a": {}, "b": {}}, faults=(JAMMED,))
    assert rules(found) == {"a": "jammed", "b": "jammed"}
    for verdict in found.values():
        assert "868.3 MHz" in verdict.first.cause
        assert 3.6e9 < verdict.first.since_us < 3 * 3.6e9


HELD = {  # by the name of the node: what the network holds otherwise, from when on, and the rule
    "a": ("app_key", None, 0.0, "key"),
    "b": ("join_eui", None, 0.0, "join-eui"),
    "c": ("dev_nonce", 3, 0.0, "dev-nonce-ahead"),
    "d": ("session", None, 1.0, "no-session"),
    "e": ("f_cnt", 1000, 1.0, "counter-ahead"),
    "f": ("rx1_delay_s", 3, 1.0, "rx-delay"),
    "g": ("rx1_dr_offset", 2, 1.0, "rx-settings"),
    "well": (None, None, None, None),
}
HELD_2 = {  # where the network answers in the second window
    "a": ("rx2_data_rate", 3, 1.0, "rx-settings"),
    "b": ("rx2_freq_hz", 868_100_000, 1.0, "rx-settings"),
    "well": (None, None, None, None),
}


@pytest.mark.parametrize(("held", "window"), [(HELD, 1), (HELD_2, 2)])
def test_what_the_network_holds_otherwise_is_found(explained, held, window):
    """In the first window, and in the second."""
    faults = tuple(
        FaultPlan("network-setting", at_h, name, setting=setting, value=value)
        for name, (setting, value, at_h, _) in held.items()
        if setting
    )
    nodes = {name: {} for name in held}
    found = explained(7.5 if window == 1 else 9.0, nodes, faults=faults, downlink_window=window)
    assert rules(found) == {name: rule for name, (*_, rule) in held.items()}
    for name, (setting, _, at_h, _) in held.items():
        if setting:
            assert found[name].first.since_us >= at_h * 3.6e9
    if window == 1:
        assert "3 s after the uplink, the node listens after 1 and 2 s" in found["f"].first.cause
        assert "SF9, the node listened on" in found["g"].first.cause
        assert re.search(r"DevNonce \d seen before", found["c"].first.cause)


def test_every_kind_of_fault_has_a_test():
    here = {fault.kind for fault, _ in FAULTS.values()} | {"gateway-off", JAMMED.kind}
    assert here | {"network-setting"} == set(KINDS)


SETTINGS = {
    "slow": ({"clock_ppm": -20000}, "clock"),
    "late": ({"stall_us": 120000}, "held-up"),
    "far": ({"x_m": 30000.0}, "too-weak"),
    "key": ({}, "key"),
    "stranger": ({}, "not-registered"),
    "eui": ({}, "join-eui"),
    "wiped": ({}, "dev-nonce"),
    "long": ({}, "too-long"),
    "well": ({}, None),
}


def spoil(run):
    """The network has other keys and EUIs; one node loses its flash; one waits for too much."""
    device = {name: node.device for name, node in run.nodes.items()}
    device["key"].app_key = bytes(16)
    device["eui"].join_eui = bytes.fromhex("0102030405060708")
    del run.network._registered[device["stranger"].dev_eui]
    run.at(0.02, run.network.queue_mac, device["long"], [SLOW_DOWN])
    wipe(run, "wiped", 2.0)


def wipe(run, name, hour):
    """Have a node's flash be as it was when it was made."""
    board = run.nodes[name].board
    first = board.flash.read_bytes()

    def lose():
        board.power_off()
        board.flash.write_bytes(first)
        board.power_on()

    board.clock.call_at(round(hour * 3_600_000_000), lose)


def test_what_both_ends_have_otherwise_is_found(explained):
    """Clocks, places, keys, EUIs and counters: eight nodes that do not fit, and one that does."""
    events = (EventPlan("long", 0.2, f_port=10, payload=bytes(60)),)
    nodes = {name: changed for name, (changed, _) in SETTINGS.items()}
    found = explained(4.0, nodes, spoil, events=events)
    assert rules(found) == {name: rule for name, (_, rule) in SETTINGS.items()}
    cause = {name: each.first.cause for name, each in found.items() if each.first}
    assert "ms late: clock error, slow by 17," in cause["slow"]
    assert "DR0 carries 51 bytes, the frame needs 60" in cause["long"]
    assert "DevNonce 0 seen before" in cause["wiped"]


def test_a_network_that_answers_a_join_too_early_is_told_from_a_clock(explained):
    def prepare(run):
        run.network._joining = Acknowledged(run._region, 1, 0, run._region.rx2_data_rate)

    found = explained(1.0, {"a": {}}, prepare)
    assert rules(found) == {"a": "rx-delay"}
    assert "sent 1 s after the uplink, the node listens after 5 and 6 s" in found["a"].first.cause


def test_a_network_that_says_nothing_of_a_join_is_named(explained):
    """As one that is not ours does, before which `simulate --gateway` puts the gateways."""

    def prepare(run):
        run._pass_on = lambda gateway, signal: None

    found = explained(0.5, {"a": {}}, prepare)
    assert rules(found) == {"a": "no-answer"}
    assert "join-requests heard, and the network answered none" in found["a"].first.cause
    assert "by town-hall" in found["a"].first.evidence[0]


def test_the_first_of_two_causes_is_named_first(explained):
    """A sensor, then the gateway; and the other way round."""
    nodes = {"a": {}, "b": {}}
    faults = (
        FaultPlan("sensor-silent", 0.5, "a", "scd4x"),
        FaultPlan("gateway-off", 1.5, gateway="town-hall"),
        FaultPlan("radio-silent", 3.0, "b"),
    )
    found = explained(5.0, nodes, faults=faults)
    assert rules(found) == {"a": "sensor-silent", "b": "gateway-off"}
    assert [each.rule for each in found["a"].later] == ["gateway-off"]
    assert [each.rule for each in found["b"].later] == ["radio"]


@pytest.mark.parametrize("kit", boards.kits())
def test_nothing_is_wrong_where_nothing_is(kit, tmp_path):
    """Each kit in its own scenario for fourteen hours."""
    Run(replace(scenarios.find(kit), duration_h=14.0), tmp_path).execute()
    _, found = explain(tmp_path)
    assert [each.first for each in found] == [None] * len(found)


@pytest.mark.parametrize("name", ["bin-route", "flooding-ditch", "region", "rush-hour"])
def test_nothing_is_wrong_in_a_ready_scenario_without_a_fault(name, tmp_path):
    """Shortened: two of its nodes, for the first hours; the others are those of the kits."""
    ready = scenarios.find(name)
    assert not ready.faults
    hours = min(ready.duration_h, 5.0)
    Run(replace(ready, nodes=ready.nodes[:2], duration_h=hours), tmp_path).execute()
    _, found = explain(tmp_path)
    assert found and [each.first for each in found] == [None] * len(found)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The folder of a short run."""
    folder = tmp_path_factory.mktemp("kept")
    Prepared(folder, 1.0, {"a": {}, "b": {"clock_ppm": -20000}})
    return folder


def why(*arguments):
    return CliRunner().invoke(cli, ["why", *map(str, arguments)])


def test_the_command_says_it_in_blocks(kept):
    done = why(kept)
    assert done.exit_code == 0
    lines = done.output.splitlines()
    assert "a: nothing wrong" in lines
    at = next(number for number, line in enumerate(lines) if line.startswith("b: join-accept sent"))
    assert lines[at + 1].startswith("  since Mon 23 Nov 07:00:0")
    assert any(line.startswith("  next: ") for line in lines[at:])


def test_the_command_says_it_to_a_program(kept):
    done = why(kept, "--node", "b", "--json")
    (node,) = json.loads(done.output)["nodes"]
    assert (node["node"], node["rule"]) == ("b", "clock")
    assert node["since"].startswith("2026-11-23T07:00:0") and node["next"] and node["evidence"]


def test_the_command_names_what_is_missing(kept, tmp_path):
    assert why(kept, "--node", "c").exit_code == 2
    done = why(tmp_path)
    assert done.exit_code == 1 and "there is no events.jsonl" in done.output
    for path in kept.iterdir():
        shutil.copy(path, tmp_path)
    lines = (kept / "events.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "events.jsonl").write_text("".join(lines[1:]))
    done = why(tmp_path)
    assert done.exit_code == 1 and "does not say when the run began" in done.output


def test_a_run_without_a_node_is_called_so(tmp_path):
    crowd = CrowdPlan("meters", 20)
    scenario = replace(scenarios.find(None), nodes=(), crowds=(crowd,), duration_h=0.1)
    Run(scenario, tmp_path).execute()
    done = why(tmp_path)
    assert done.exit_code == 1
    assert "has no node" in done.output and "crowd is in its summary.json" in done.output
    (told,) = json.loads((tmp_path / "summary.json").read_text())["crowds"]
    assert told["name"] == "meters"


def test_a_line_that_is_cut_short_is_told_and_passed_over(kept, tmp_path):
    for path in kept.iterdir():
        shutil.copy(path, tmp_path)
    for name in ("events.jsonl", "capture.jsonl", "b.log"):
        text = (tmp_path / name).read_text()
        (tmp_path / name).write_text(text[:-9])
    done = why(tmp_path)
    assert done.exit_code == 0 and done.output.count("cut short") == 2
    assert "b: join-accept sent" in done.output and "a: nothing wrong" in done.output


def test_a_number_of_an_event_that_is_none_is_told_and_passed_over(kept, tmp_path):
    for path in kept.iterdir():
        shutil.copy(path, tmp_path)
    text = (tmp_path / "events.jsonl").read_text()
    assert '"sf":7' in text
    (tmp_path / "events.jsonl").write_text(text.replace('"size":', '"bw_hz":0,"size":', 1))
    done = why(tmp_path)
    assert done.exit_code == 0 and "not an event; passed over" in done.output


def test_each_rule_has_a_name_of_its_own():
    names = [f"{rule.__module__}.{rule.__name__}" for rule in RULES]
    assert len(set(names)) == len(names)
