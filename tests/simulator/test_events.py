# SPDX-License-Identifier: MIT
"""Scenarios with a network that acts: what is sent when, and what is refused on which line."""

import json
from itertools import pairwise

import cbor2
import pytest

from host.errors import HostError
from host.maccommands import build
from simulator import scenario as scenarios
from simulator.events import EventPlan
from simulator.run import Run

BASE = """start = 2026-11-23T07:00:00+01:00
duration_h = 3
{top}
[[gateway]]
name = "town-hall"
x_m = 800

[[node]]
name = "room"
kit = "classroom"
board = "rpi-pico-rfm95"
world = "class"

[world.class]
kind = "classroom"
"""


@pytest.fixture
def write(tmp_path):
    """A function: a scenario file with these lines at its top and its end."""

    def write(*lines, top=""):
        path = tmp_path / "town.toml"
        path.write_text(BASE.format(top=top) + "\n[[event]]\n" + "\n".join(lines) + "\n")
        return path

    return write


COMMON = ('node = "room"', "at_h = 0.5")
MAC = ('kind = "mac-command"', *COMMON)
DOWN = ('kind = "downlink"', *COMMON)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((*MAC, 'hex = "0312040045"'), {"commands": bytes.fromhex("0312040045")}),
        (
            (*MAC, 'commands = [{ name = "RXTimingSetupReq", delay = 5 }]'),
            {"commands": b"\x08\x05"},
        ),
        (
            (*MAC, 'commands = [{ name = "TXParamSetupReq", uplink_dwell = true }]'),
            {"commands": bytes.fromhex("0910")},
        ),
        ((*DOWN, "f_port = 9", 'payload = "00ff"'), {"f_port": 9, "payload": b"\x00\xff"}),
        (
            (*DOWN, "settings = { sequence = 7, interval = 300 }", "confirmed = true"),
            {"payload": cbor2.dumps({0: 7, 1: 300}), "confirmed": True},
        ),
        (
            (*DOWN, "settings = { temperature_offset = 1.5, light = [900, 1400] }"),
            {"payload": cbor2.dumps({8: 15, 11: [900, 1400]})},
        ),
    ],
)  # fmt: skip
def test_an_event_is_what_a_network_sends(write, lines, expected):
    path = write(*lines, "every_h = 24", top="adr = true")
    scenario = scenarios.load(path)
    assert scenario.adr and not scenario.cf_list and scenario.region == "EU868"
    assert scenario.events == (EventPlan("room", 0.5, 24, **expected),)


@pytest.mark.parametrize(
    ("lines", "line", "problem"),
    [
        (('kind = "mac-comand"', *COMMON, 'hex = "06"'), 18, "unknown event 'mac-comand'"),
        ((*MAC, 'hex = "0b"'), 21, "no MAC commands: unknown_cid:0x0b"),
        ((*MAC, 'hex = "03"'), 21, "no MAC commands: truncated:0x03"),
        ((*MAC, 'hex = ""'), 21, "no MAC commands"),
        ((*MAC, 'hex = "6"'), 21, "'hex' is not hexadecimal"),
        ((*MAC,), 18, "an event 'mac-command' needs something to send"),
        ((*MAC, 'hex = "06"', "commands = []"), 18, "needs something to send"),
        ((*MAC, "commands = []"), 21, "no command"),
        ((*MAC, 'commands = [{ delay = 5 }]'), 21, "a command is not a table with a name"),
        ((*MAC, 'commands = [{ name = "RXTiming" }]'), 21, "no MAC command RXTiming"),
        ((*MAC, 'commands = [{ name = "LinkADRAns" }]'), 21, "a network does not send LinkADRAns"),
        ((*MAC, 'commands = [{ name = "DutyCycleReq", max_duty_cycle = 16 }]'), 21, "out of range"),
        ((*MAC, 'commands = [{ name = "DutyCycleReq", duty = 1 }]'), 21, "has no field duty"),
        ((*MAC, 'commands = [{ name = "DutyCycleReq", max_duty_cycle = "1" }]'), 21, "numbers"),
        ((*DOWN, "f_port = 2"), 18, "an event 'downlink' needs something to send"),
        ((*DOWN, "f_port = 225", 'payload = "00"'), 21, "1 bytes for FPort 225"),
        ((*DOWN, "f_port = 2", 'payload = "xy"'), 22, "'payload' is not hexadecimal"),
        ((*DOWN, "settings = { speed = 1 }"), 21, "unknown setting 'speed'"),
        ((*DOWN, 'settings = { interval = "1" }'), 21, "'interval' is not a number"),
        ((*DOWN, "settings = { interval = nan }"), 21, "'interval' is not a number"),
        ((*DOWN, "confirmed = 1", "f_port = 2"), 21, "'confirmed' is not true or false"),
        ((*MAC, 'hex = "06"', "every_h = 0"), 22, "'every_h' is 0"),
        (('kind = "mac-command"', 'node = "room"', "at_h = -1", 'hex = "06"'), 20, "'at_h' is -1"),
        (('kind = "mac-command"', "at_h = 1", 'hex = "06"'), 17, "'node' is missing"),
        (('kind = "mac-command"', 'node = "roof"', "at_h = 1", 'hex = "06"'), 19, "node 'roof'"),
        ((*MAC, "speed = 1"), 21, "unknown key 'speed'"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(write, lines, line, problem):
    with pytest.raises(HostError) as refused:
        scenarios.load(write(*lines))
    assert problem in str(refused.value)
    assert f"town.toml, line {line}: " in str(refused.value)


def test_the_second_event_has_its_own_lines(write):
    path = write(*MAC, 'hex = "06"')
    path.write_text(path.read_text() + '[[event]]\nkind = "mac-command"\nnode = "roof"\nat_h = 1\n')
    with pytest.raises(HostError, match=r"line 23: .* needs something to send"):
        scenarios.load(path)
    path.write_text(path.read_text() + 'hex = "06"\n')
    with pytest.raises(HostError, match=r"line 24: .* unknown node 'roof'"):
        scenarios.load(path)


@pytest.mark.parametrize(
    ("top", "problem"),
    [
        ('region = "EU869"', "unknown region 'EU869'"),
        ("adr = 1", "'adr' is not true or false"),
        ("region = 1", "'region' is not a text"),
    ],
)
def test_a_mistake_at_the_top_is_named(write, top, problem):
    with pytest.raises(HostError, match=f"line 3: {problem}"):
        scenarios.load(write(*MAC, 'hex = "06"', top=top))


def test_events_come_at_their_times_and_as_often_as_said(write, tmp_path):
    lines = ('kind = "mac-command"', 'node = "room"', "at_h = 0.25", "every_h = 1",
             'commands = [{ name = "DutyCycleReq" }]')  # fmt: skip
    queued = []

    class Listening(Run):
        def _build(self):
            super()._build()
            asked = self.network.queue_mac
            self.network.queue_mac = lambda *a: (queued.append((self.clock.now_us, *a)), asked(*a))

    run = Listening(scenarios.load(write(*lines)), tmp_path / "out")
    run.execute()
    quarter_us, device = 900_000_000, run.nodes["room"].device
    assert queued == [(at * quarter_us, device, [b"\x04\x00"]) for at in (1, 5, 9)]


def test_settings_by_name_change_the_node(write, tmp_path):
    lines = ('kind = "downlink"', 'node = "room"', "at_h = 0.25",
             "settings = { sequence = 3, interval = 1200 }", "confirmed = true")  # fmt: skip
    Run(scenarios.load(write(*lines)), tmp_path / "out").execute()
    events = [json.loads(line) for line in (tmp_path / "out" / "events.jsonl").open()]
    (answer,) = [each["more"]["answer"] for each in events if each["event"] == "port 2"]
    assert answer == {"sequence": 3, "result": "done", "at_fault": None}
    (acked,) = [each["t_us"] for each in events if each["event"] == "acknowledged"]
    late = [each["t_us"] for each in events if each["event"] == "uplink" and each["t_us"] > acked]
    gaps = [after - before for before, after in pairwise(late[1:])]
    assert gaps and all(abs(gap - 1200e6) < 2e6 for gap in gaps)


def test_commands_of_a_scenario_keep_their_order(write):
    requests = ", ".join(f'{{ name = "LinkADRReq", ch_mask = {mask} }}' for mask in (1, 2))
    (event,) = scenarios.load(write(*MAC, f"commands = [{requests}]")).events
    assert event.commands == build("LinkADRReq", ch_mask=1) + build("LinkADRReq", ch_mask=2)
