# SPDX-License-Identifier: MIT
"""Scenarios: who is where, what there is to measure, and what goes wrong; checked line by line."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from host import boards, files
from host.errors import HostError
from simulator import events
from simulator.events import EventPlan
from simulator.regions import REGIONS

READY = Path(__file__).with_name("scenarios")
DEFAULT = "school-day"


@dataclass(frozen=True)
class GatewayPlan:
    """A gateway of the network; places are in metres."""

    name: str
    x_m: float = 0.0
    y_m: float = 0.0


@dataclass(frozen=True)
class NodePlan:
    """A node that runs the real firmware; clock and stall are what its board suffers from.

    `abp`: personalised, it never joins.
    """

    name: str
    kit: str
    board: str
    world: str
    x_m: float = 0.0
    y_m: float = 0.0
    clock_ppm: int = 0
    irq_us: int | None = None
    stall_us: int = 0
    abp: bool = False


@dataclass(frozen=True)
class WorldPlan:
    """Something to measure, by name: its kind and the numbers that this kind takes."""

    name: str
    kind: str
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FaultPlan:
    """What goes wrong: `kind` at a node's sensor or at a gateway, from `at_h` to `until_h`."""

    kind: str
    at_h: float
    node: str = ""
    sensor: str = ""
    gateway: str = ""
    until_h: float | None = None


@dataclass(frozen=True)
class Scenario:
    """One run, whole; the same scenario and seed give the same bytes."""

    name: str
    start: datetime
    duration_h: float
    seed: int
    gateways: tuple[GatewayPlan, ...]
    nodes: tuple[NodePlan, ...]
    worlds: tuple[WorldPlan, ...]
    faults: tuple[FaultPlan, ...] = ()
    rx1_delay_s: int = 1
    downlink_window: int = 1
    region: str = "EU868"
    adr: bool = False  # the network's; a node always lets it
    cf_list: bool = False  # a join-accept brings all channels of the gateways; fixed plans: always
    events: tuple[EventPlan, ...] = ()

    @property
    def duration_us(self) -> int:
        return round(self.duration_h * 3_600_000_000)


WORLD_KINDS = ("classroom", "step")
FAULT_KINDS = {
    "sensor-silent": ("node", "sensor"),
    "sensor-frozen": ("node", "sensor"),
    "gateway-off": ("gateway",),
    "power-cut": ("node",),
    "world-frozen": ("node",),
}
_NUMBER = (int, float)
_TOP = {
    "start": (datetime,),
    "duration_h": _NUMBER,
    "seed": (int,),
    "rx1_delay_s": (int,),
    "downlink_window": (int,),
    "region": (str,),
    "adr": (bool,),
    "cf_list": (bool,),
    "event": (list,),
    "gateway": (list,),
    "node": (list,),
    "fault": (list,),
    "world": (dict,),
}
_GATEWAY = {"name": (str,), "x_m": _NUMBER, "y_m": _NUMBER}
_NODE = {
    **_GATEWAY,
    "kit": (str,),
    "board": (str,),
    "world": (str,),
    "clock_ppm": (int,),
    "irq_us": (int,),
    "stall_us": (int,),
    "abp": (bool,),
}
_FAULT = {
    "kind": (str,),
    "node": (str,),
    "sensor": (str,),
    "gateway": (str,),
    "at_h": _NUMBER,
    "until_h": _NUMBER,
}


class _Reader:
    """Checks the tables of one file; every complaint names file and line."""

    def __init__(self, path: Path):
        self.path = path

    def fail(self, table: str, key: str, problem: str, step: str) -> HostError:
        line = files.line_of(self.path, table, key)
        return HostError(f"{self.path.name}, line {line}: {problem}", step)

    def table(
        self, values: dict[str, Any], name: str, known: Mapping[str, tuple[type, ...]], needed: str
    ) -> dict[str, Any]:
        for key, value in values.items():
            if key not in known:
                step = f"known here: {', '.join(known)}"
                raise self.fail(name, key, f"unknown key '{key}'", step)
            if type(value) not in known[key]:
                kind = " or ".join(each.__name__ for each in known[key])
                raise self.fail(name, key, f"'{key}' is not {kind}", "correct that line")
        for key in needed.split():
            if key not in values:
                raise self.fail(name, "", f"'{key}' is missing", f"add {key} = ...")
        return values


def ready() -> list[str]:
    """The names of the scenarios that come along."""
    return sorted(path.stem for path in READY.glob("*.toml"))


def load(path: Path) -> Scenario:
    """Read and check a scenario file. HostError names the line of the first mistake."""
    reader = _Reader(path)
    values = reader.table(files.load_toml(path), "", _TOP, "start duration_h gateway node world")
    if values["duration_h"] <= 0:
        problem = f"duration_h is {values['duration_h']}, it has to be above 0"
        raise reader.fail(
            "", "duration_h", problem, "give it in hours, for example duration_h = 24"
        )
    if values.get("downlink_window", 1) not in (1, 2):
        raise reader.fail("", "downlink_window", "downlink_window is not 1 or 2", "choose one")
    if values.get("region", "EU868") not in REGIONS:
        problem = f"unknown region '{values['region']}'"
        raise reader.fail("", "region", problem, f"regions: {', '.join(REGIONS)}")
    scenario = Scenario(
        path.stem,
        values["start"] if values["start"].tzinfo else values["start"].replace(tzinfo=UTC),
        values["duration_h"],
        values.get("seed", 1),
        tuple(
            GatewayPlan(**reader.table(each, "gateway", _GATEWAY, "name"))
            for each in values["gateway"]
        ),
        tuple(
            NodePlan(**reader.table(each, "node", _NODE, "name kit board world"))
            for each in values["node"]
        ),
        tuple(_world(reader, name, each) for name, each in values["world"].items()),
        tuple(_fault(reader, each) for each in values.get("fault", [])),
        values.get("rx1_delay_s", 1),
        values.get("downlink_window", 1),
        values.get("region", "EU868"),
        values.get("adr", False),
        values.get("cf_list", False),
        tuple(_event(reader, each) for each in values.get("event", [])),
    )
    _check_names(reader, scenario)
    return scenario


def _world(reader: _Reader, name: str, values: dict[str, Any]) -> WorldPlan:
    kind = values.get("kind")
    if kind not in WORLD_KINDS:
        step = f"kinds: {', '.join(WORLD_KINDS)}"
        raise reader.fail(f"world.{name}", "kind", f"unknown kind of world '{kind}'", step)
    return WorldPlan(name, kind, {key: value for key, value in values.items() if key != "kind"})


def _fault(reader: _Reader, values: dict[str, Any]) -> FaultPlan:
    reader.table(values, "fault", _FAULT, "kind at_h")
    if values["kind"] not in FAULT_KINDS:
        step = f"kinds: {', '.join(FAULT_KINDS)}"
        raise reader.fail("fault", "kind", f"unknown fault '{values['kind']}'", step)
    for key in FAULT_KINDS[values["kind"]]:
        if key not in values:
            problem = f"a fault '{values['kind']}' needs '{key}'"
            raise reader.fail("fault", "kind", problem, f"add {key} = ...")
    return FaultPlan(**values)


def _event(reader: _Reader, values: dict[str, Any]) -> EventPlan:
    reader.table(values, "event", events.KEYS, "kind node at_h")
    try:
        return events.plan(values)
    except events.EventError as error:
        raise reader.fail("event", error.key, str(error), error.step) from error


def _check_names(reader: _Reader, scenario: Scenario) -> None:
    """Everything that is referred to has to exist, and every name only once."""
    known_boards, known_kits = boards.boards(), boards.kits()
    worlds = [world.name for world in scenario.worlds]
    nodes = [node.name for node in scenario.nodes]
    for node in scenario.nodes:
        for key, name, known in (
            ("kit", node.kit, list(known_kits)),
            ("board", node.board, list(known_boards)),
            ("world", node.world, worlds),
        ):
            if name not in known:
                step = f"known: {', '.join(known)}"
                raise reader.fail("node", key, f"unknown {key} '{name}'", step)
        if nodes.count(node.name) > 1:
            raise reader.fail("node", "name", f"two nodes are called '{node.name}'", "rename one")
    gateways = [gateway.name for gateway in scenario.gateways]
    for event in scenario.events:
        if event.node not in nodes:
            step = f"known: {', '.join(nodes)}"
            raise reader.fail("event", "node", f"unknown node '{event.node}'", step)
    for fault in scenario.faults:
        for key, name, known in (("node", fault.node, nodes), ("gateway", fault.gateway, gateways)):
            if name and name not in known:
                step = f"known: {', '.join(known)}"
                raise reader.fail("fault", key, f"unknown {key} '{name}'", step)


def find(name: str | None) -> Scenario:
    """A scenario by name, by file, or the usual one with another kit.

    LookupError: nothing of that name. HostError: the file has a mistake.
    """
    if name is None:
        return load(READY / f"{DEFAULT}.toml")
    if name in ready():
        return load(READY / f"{name}.toml")
    if name in boards.kits():
        usual = load(READY / f"{DEFAULT}.toml")
        nodes = tuple(replace(node, kit=name, name=f"{name}-1") for node in usual.nodes)
        return replace(usual, name=name, nodes=nodes)
    if name.endswith(".toml"):
        return load(Path(name))
    raise LookupError(name)
