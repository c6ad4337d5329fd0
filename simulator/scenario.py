# SPDX-License-Identifier: MIT
"""Scenarios: who is where, what there is to measure, and what goes wrong; checked line by line."""

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from host import boards, files
from host.tables import Table
from simulator import events, expectations, faults
from simulator.bay import Parking
from simulator.bin import Container
from simulator.chips.pir import PARTS, PirOptions
from simulator.crowd import RULES, CrowdPlan
from simulator.ditch import Canal
from simulator.events import EventPlan
from simulator.expectations import Expectation, ExpectationError
from simulator.faults import FaultPlan
from simulator.interference import ISOLATIONS
from simulator.propagation import MODELS
from simulator.regions import REGIONS
from simulator.street import Traffic
from simulator.world import Conditions, Room

READY = Path(__file__).with_name("scenarios")
DEFAULT = "school-day"
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}"  # it names a log file too

# What a table takes is said by these classes; a range is refused by host/tables.py.
_Metres = Annotated[float, -1000000, 1000000]
_Hours = Annotated[float, 0, 100000]
_Microseconds = Annotated[int, 0, 1000000]


@dataclass(frozen=True)
class GatewayPlan:
    """A gateway of the network; places are in metres."""

    name: str
    x_m: _Metres = 0.0
    y_m: _Metres = 0.0


@dataclass(frozen=True)
class NodePlan:
    """A node that runs the real firmware; clock and stall are what its board suffers from.

    `abp`: personalised, it never joins.
    """

    name: str
    kit: str
    board: str
    world: str
    x_m: _Metres = 0.0
    y_m: _Metres = 0.0
    clock_ppm: Annotated[int, -50000, 50000] = 0
    irq_us: _Microseconds | None = None
    stall_us: _Microseconds = 0
    abp: bool = False
    pir: PirOptions = field(default_factory=PirOptions)


@dataclass(frozen=True)
class WorldPlan:
    """Something to measure, by name: its kind and the numbers that this kind takes."""

    name: str
    kind: str
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StepOptions:
    """A world that is `before`, and `after` from `at_h` on."""

    before: Conditions
    after: Conditions
    at_h: _Hours


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
    crowds: tuple[CrowdPlan, ...] = ()
    path_loss: str = "oulu"
    shadowing: bool = False  # from path to path, as the model has it
    isolation: str = "croce"
    expect: tuple[Expectation, ...] = ()

    @property
    def groups(self) -> dict[str, str]:
        """By the name of a node, that of its table."""
        return {node.name: node.name for node in self.nodes}

    @property
    def duration_us(self) -> int:
        return round(self.duration_h * 3_600_000_000)


@dataclass(frozen=True)
class _File:
    """The keys and tables of a scenario file."""

    start: datetime
    duration_h: Annotated[float, 0.01, 100000]
    gateway: list[GatewayPlan]
    node: list[NodePlan] = field(default_factory=list)
    world: dict[str, Any] = field(default_factory=dict)
    fault: list[FaultPlan] = field(default_factory=list)
    seed: int = 1
    rx1_delay_s: Annotated[int, 1, 15] = 1
    downlink_window: Annotated[int, 1, 2] = 1
    region: str = "EU868"
    adr: bool = False
    cf_list: bool = False
    event: list[Any] = field(default_factory=list)
    crowd: list[CrowdPlan] = field(default_factory=list)
    path_loss: str = "oulu"
    shadowing: bool = False
    isolation: str = "croce"
    expect: list[str] = field(default_factory=list)


WORLD_KINDS = {
    "classroom": Room,
    "step": StepOptions,
    "crossing": Traffic,
    "path": Traffic,
    "bin": Container,
    "ditch": Canal,
    "parking": Parking,
}


def ready() -> list[str]:
    """The names of the scenarios that come along."""
    return sorted(path.stem for path in READY.glob("*.toml"))


def load(path: Path) -> Scenario:
    """Read and check a scenario file. HostError names the line of the first mistake."""
    table = Table(path)
    found: _File = table.make(_File, (), files.load_toml(path))
    if not 2000 <= found.start.year < 2100:
        raise table.fail(("start",), f"the year is {found.start.year}", "choose 2000 to 2099")
    table.refers(("region",), found.region, REGIONS)
    table.refers(("path_loss",), found.path_loss, MODELS)
    table.refers(("isolation",), found.isolation, ISOLATIONS)
    if not found.node and not found.crowd:
        raise table.fail(("node",), "there is no node", "add a table [[node]] or [[crowd]]")
    scenario = Scenario(
        path.stem,
        found.start if found.start.tzinfo else found.start.replace(tzinfo=UTC),
        found.duration_h,
        found.seed,
        tuple(found.gateway),
        tuple(found.node),
        tuple(_world(table, name, values) for name, values in found.world.items()),
        tuple(found.fault),
        found.rx1_delay_s,
        found.downlink_window,
        found.region,
        found.adr,
        found.cf_list,
        tuple(_event(table, ("event", at), each) for at, each in enumerate(found.event)),
        tuple(found.crowd),
        found.path_loss,
        found.shadowing,
        found.isolation,
    )
    _check_names(table, scenario)
    _check_nodes(table, scenario)
    names = [gateway.name for gateway in scenario.gateways]
    kits = {node.name: node.kit for node in scenario.nodes}
    region = REGIONS[scenario.region]
    for index, fault in enumerate(scenario.faults):
        faults.check(table, ("fault", index), fault, names, kits, region)
    return replace(scenario, expect=_expectations(table, scenario, found.expect))


def _expectations(table: Table, scenario: Scenario, texts: list[str]) -> tuple[Expectation, ...]:
    """What is expected of the run, each with its line."""
    made = []
    for at, text in enumerate(texts):
        try:
            each = expectations.parse(text, files.line_of(table.path, "expect", at))
            expectations.check(
                each,
                scenario.groups,
                {node.name: node.kit for node in scenario.nodes},
                [crowd.name for crowd in scenario.crowds],
                scenario.duration_h,
            )
        except ExpectationError as error:
            problem = f"expect '{text}': {error}"
            raise table.fail(("expect", at), problem, error.step) from error
        made.append(each)
    return tuple(made)


def _world(table: Table, name: str, values: Any) -> WorldPlan:
    where = ("world", name)
    options = dict(table.checked(where, values, dict))
    kind = options.pop("kind", None)
    if kind not in WORLD_KINDS:
        step = f"write kind = ... with one of {', '.join(WORLD_KINDS)}"
        raise table.fail((*where, "kind"), f"'{name}' has no kind of world that is known", step)
    table.make(WORLD_KINDS[kind], where, options)
    return WorldPlan(name, kind, options)


def _event(table: Table, where: tuple[str | int, ...], values: Any) -> EventPlan:
    try:
        return events.plan(table.taken(where, values, events.KEYS, events.NEEDED))
    except events.EventError as error:
        raise table.fail((*where, error.key), str(error), error.step) from error


def _check_names(table: Table, scenario: Scenario) -> None:
    """Every name can name a file, and stands for one thing only."""
    taken: set[str] = set()
    kinds = (("node", scenario.nodes), ("gateway", scenario.gateways), ("crowd", scenario.crowds))
    for kind, plans in kinds:
        for index, name in enumerate(plan.name for plan in plans):
            where = (kind, index, "name")
            if not re.fullmatch(_NAME, name):
                step = "use 1 to 32 letters, digits, dots, - and _"
                raise table.fail(where, f"'{name}' is no name of a {kind}", step)
            if name in taken:
                raise table.fail(where, f"'{name}' is there already", "choose another name")
            taken.add(name)


def _check_nodes(table: Table, scenario: Scenario) -> None:
    """What nodes and events refer to has to exist."""
    worlds = [world.name for world in scenario.worlds]
    for index, node in enumerate(scenario.nodes):
        where = ("node", index)
        table.refers((*where, "kit"), node.kit, boards.kits())
        table.refers((*where, "board"), node.board, boards.boards())
        table.refers((*where, "world"), node.world, worlds)
        table.refers((*where, "pir", "part"), node.pir.part, PARTS)
        if reason := boards.refusal(boards.boards()[node.board], boards.kits()[node.kit]):
            raise table.fail((*where, "board"), reason, "choose another board")
    for index, crowd in enumerate(scenario.crowds):
        table.refers(("crowd", index, "rule"), crowd.rule, RULES)
    nodes = [node.name for node in scenario.nodes]
    for index, event in enumerate(scenario.events):
        table.refers(("event", index, "node"), event.node, nodes)


def _usual(kit: str) -> Scenario:
    """The scenario that comes along for a kit, or for the kit that it is a variant of."""
    plans = [load(READY / f"{name}.toml") for name in ready()]
    for wanted in (kit, kit.partition("-")[0]):
        for plan in plans:
            if not plan.faults and any(node.kit == wanted for node in plan.nodes):
                return plan
    return load(READY / f"{DEFAULT}.toml")


def find(name: str | None) -> Scenario:
    """A scenario by name, by file, or the usual one for a kit.

    LookupError: nothing of that name. HostError: the file has a mistake.
    """
    if name is None:
        return load(READY / f"{DEFAULT}.toml")
    if name in ready():
        return load(READY / f"{name}.toml")
    if name in boards.kits():
        usual = _usual(name)
        nodes = tuple(replace(node, kit=name, name=f"{name}-1") for node in usual.nodes)
        return replace(usual, name=name, nodes=nodes, expect=())
    if name.endswith(".toml"):
        return load(Path(name))
    raise LookupError(name)
