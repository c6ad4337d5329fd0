# SPDX-License-Identifier: MIT
"""Scenarios: who is where, what there is to measure, and what goes wrong; checked line by line."""

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any

from host import boards, decode, files
from host.tables import Table
from simulator import events, expectations, faults
from simulator.bay import Parking
from simulator.bin import Container
from simulator.chips.pir import PARTS
from simulator.crowd import RULES, CrowdPlan, channels_hz
from simulator.ditch import Canal
from simulator.events import EventPlan
from simulator.expectations import Expectation, ExpectationError
from simulator.faults import FaultPlan
from simulator.interference import ISOLATIONS
from simulator.places import Map, Origin, check_spread
from simulator.plans import GatewayPlan, NodePlan, NodeTable, Scenario, WorldPlan, own_worlds
from simulator.propagation import MODELS
from simulator.regions import REGIONS
from simulator.street import Traffic
from simulator.world import Conditions, Room

__all__ = ["GatewayPlan", "NodePlan", "Scenario", "WorldPlan", "find", "load", "ready"]

READY = Path(__file__).with_name("scenarios")
DEFAULT = "school-day"
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}"  # it names a log file too

# What a table takes is said by classes; a range is refused by host/tables.py.
_Hours = Annotated[float, 0, 100000]


@dataclass(frozen=True)
class StepOptions:
    """A world that is `before`, and `after` from `at_h` on."""

    before: Conditions
    after: Conditions
    at_h: _Hours


@dataclass(frozen=True)
class _File:
    """The keys and tables of a scenario file."""

    start: datetime
    duration_h: Annotated[float, 0.01, 100000]
    gateway: list[GatewayPlan]
    node: list[NodeTable] = field(default_factory=list)
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
    origin: Origin | None = None


WORLD_KINDS = {
    "classroom": Room,
    "step": StepOptions,
    "crossing": Traffic,
    "path": Traffic,
    "bin": Container,
    "ditch": Canal,
    "parking": Parking,
}

_MEASURED_IN = {"distance": ("bin", "ditch", "parking", "step"), "count": ("crossing", "path")}


def ready() -> list[str]:
    """The names of the scenarios that come along."""
    return sorted(path.stem for path in READY.glob("*.toml"))


def titles() -> dict[str, str]:
    """What each of them is about, in the first line of its file."""
    return {name: _title((READY / f"{name}.toml").read_text(encoding="utf-8")) for name in ready()}


def _title(text: str) -> str:
    """The comment at the beginning of a file, up to its first full stop or colon."""
    lines = takewhile(lambda line: line.startswith("#"), text.splitlines())
    words = " ".join(line.removeprefix("#").strip() for line in lines)
    return re.split(r"[.:](?: |$)", words)[0]


def load(path: Path, seed: int | None = None, nodes: int | None = None) -> Scenario:
    """Read and check a scenario file. HostError names the line of the first mistake.

    `seed`: another than the file's. `nodes`: at most so many of each table with a count.
    """
    table, raw = Table(path), files.load_toml(path)
    found: _File = table.make(_File, (), raw)
    if not 2000 <= found.start.year < 2100:
        raise table.fail(("start",), f"the year is {found.start.year}", "choose 2000 to 2099")
    if found.seed < 0:
        raise table.fail(("seed",), f"'seed' is {found.seed}", "choose 0 or more")
    table.refers(("region",), found.region, REGIONS)
    table.refers(("path_loss",), found.path_loss, MODELS)
    table.refers(("isolation",), found.isolation, ISOLATIONS)
    if not found.node and not found.crowd:
        raise table.fail(("node",), "there is no node", "add a table [[node]] or [[crowd]]")
    worlds = [_world(table, name, values) for name, values in found.world.items()]
    _check_names(table, found)
    _check_nodes(table, found, raw, {world.name: world.kind for world in worlds})
    _check_crowds(table, found)
    the_map, seed = Map(table, raw, found.origin), found.seed if seed is None else seed
    scenario = Scenario(
        path.stem,
        found.start if found.start.tzinfo else found.start.replace(tzinfo=UTC),
        found.duration_h,
        seed,
        tuple(the_map.placed("gateway", found.gateway)),
        tuple(
            node
            for each in the_map.placed("node", found.node)
            for node in each.nodes(the_map, seed)
        ),
        tuple(own_worlds(found.node, worlds)),
        (),
        found.rx1_delay_s,
        found.downlink_window,
        found.region,
        found.adr,
        found.cf_list,
        (),
        tuple(the_map.placed("crowd", found.crowd)),
        found.path_loss,
        found.shadowing,
        found.isolation,
        tables={each.name: tuple(each.names()) for each in found.node if each.count is not None},
    )
    scenario = replace(
        scenario,
        faults=_faults(table, found, scenario, the_map),
        events=_events(table, found, scenario),
        expect=_expectations(table, scenario, found.expect),
    )
    return scenario if nodes is None else scenario.fewer(nodes)


def _faults(table: Table, found: _File, scenario: Scenario, the_map: Map) -> tuple[FaultPlan, ...]:
    """The faults, one for each node of a table that is named."""
    gateways = [gateway.name for gateway in scenario.gateways]
    kits = {node.name: node.kit for node in (*found.node, *scenario.nodes)}
    made: list[FaultPlan] = []
    for index, (fault, placed) in enumerate(
        zip(found.fault, the_map.placed("fault", found.fault), strict=True)
    ):
        where = ("fault", index)
        faults.check(table, where, fault, gateways, kits, REGIONS[scenario.region])
        _check_time(table, (*where, "at_h"), fault.at_h, found.duration_h)
        if fault.kind == "jammer":
            fault = placed
        for name in _each(scenario, fault.node):
            faults.check_overlap(table, where, replace(fault, node=name), made)
            made.append(replace(fault, node=name))
    return tuple(made)


def _events(table: Table, found: _File, scenario: Scenario) -> tuple[EventPlan, ...]:
    """What the network does, once for each node of a table that is named."""
    known = [node.name for node in (*found.node, *scenario.nodes)]
    made: list[EventPlan] = []
    for index, values in enumerate(found.event):
        where = ("event", index)
        try:
            event = events.plan(table.taken(where, values, events.KEYS, events.NEEDED))
        except events.EventError as error:
            raise table.fail((*where, error.key), str(error), error.step) from error
        table.refers((*where, "node"), event.node, known)
        _check_time(table, (*where, "at_h"), event.at_h, found.duration_h)
        made += [replace(event, node=name) for name in _each(scenario, event.node)]
    return tuple(made)


def _check_time(table: Table, where: tuple[str | int, ...], at_h: float, end_h: float) -> None:
    """What is to happen happens before the run ends."""
    if at_h >= end_h:
        problem = f"'{where[-1]}' is {at_h:g} h, and the run ends after {end_h:g} h"
        raise table.fail(where, problem, "make it earlier, or duration_h longer")


def _each(scenario: Scenario, name: str) -> tuple[str, ...]:
    """The nodes of a table, or what is no table itself."""
    return scenario.tables.get(name, (name,))


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


def _check_names(table: Table, found: _File) -> None:
    """Every name can name a file, and stands for one thing only."""
    for index, gateway in enumerate(found.gateway):
        if gateway.eui and not re.fullmatch("[0-9a-fA-F]{16}", gateway.eui):
            step = "write 16 hexadecimal digits"
            raise table.fail(("gateway", index, "eui"), f"'{gateway.eui}' is no EUI", step)
    taken: set[str] = set()
    kinds: tuple[tuple[str, list[Any]], ...] = (
        ("node", found.node),
        ("gateway", found.gateway),
        ("crowd", found.crowd),
    )
    for kind, plans in kinds:
        for index, plan in enumerate(plans):
            where = (kind, index, "name")
            names = plan.names() if kind == "node" else [plan.name]
            for name in dict.fromkeys([plan.name, *names]):
                if not re.fullmatch(_NAME, name):
                    step = "use 1 to 32 letters, digits, dots, - and _"
                    raise table.fail(where, f"'{name}' is no name of a {kind}", step)
                if name in taken:
                    raise table.fail(where, f"'{name}' is there already", "choose another name")
                taken.add(name)


def _check_nodes(table: Table, found: _File, raw: dict[str, Any], worlds: dict[str, str]) -> None:
    """What nodes refer to has to exist, and a world to have what is measured in it.

    `worlds`: their kinds by name.
    """
    for index, node in enumerate(found.node):
        where = ("node", index)
        table.refers((*where, "kit"), node.kit, boards.kits())
        table.refers((*where, "board"), node.board, boards.boards())
        table.refers((*where, "world"), node.world, worlds)
        table.refers((*where, "pir", "part"), node.pir.part, PARTS)
        if "pir" in raw["node"][index] and "pir" not in boards.kits()[node.kit].needs():
            having = [name for name, kit in boards.kits().items() if "pir" in kit.needs()]
            step = f"leave it out, or take a kit with one: {', '.join(having)}"
            raise table.fail((*where, "pir"), f"a '{node.kit}' has no PIR", step)
        if reason := boards.refusal(boards.boards()[node.board], boards.kits()[node.kit]):
            raise table.fail((*where, "board"), reason, "choose another board")
        measured = decode.names(boards.kits()[node.kit].wire_keys())
        for quantity, kinds in _MEASURED_IN.items():
            if quantity in measured and worlds[node.world] not in kinds:
                problem = f"there is nothing for a '{node.kit}' in a {worlds[node.world]}"
                step = f"name a world of the kind {' or '.join(kinds)}"
                raise table.fail((*where, "world"), problem, step)
        _check_time(table, (*where, "on_h"), node.on_h, found.duration_h)
        if node.spread is not None:
            check_spread(table, where, node.spread)


def _check_crowds(table: Table, found: _File) -> None:
    """A crowd has a rule that there is, and no more channels than the region."""
    most = len(channels_hz(REGIONS[found.region]))
    for index, crowd in enumerate(found.crowd):
        table.refers(("crowd", index, "rule"), crowd.rule, RULES)
        if crowd.channels > most:
            problem = f"'channels' is {crowd.channels}, and {found.region} has {most} for a crowd"
            raise table.fail(("crowd", index, "channels"), problem, "make it less, or 0 for all")


def _usual(kit: str) -> Scenario:
    """The scenario that comes along for a kit, or for the kit that it is a variant of."""
    plans = [load(READY / f"{name}.toml") for name in ready()]
    for wanted in (kit, kit.partition("-")[0]):
        for plan in plans:
            alone = len(plan.nodes) == 1 and not plan.faults
            if alone and plan.nodes[0].kit == wanted:
                return plan
    return load(READY / f"{DEFAULT}.toml")


def find(name: str | None, seed: int | None = None, nodes: int | None = None) -> Scenario:
    """A scenario by name, by file, or the usual one for a kit; `seed` and `nodes` as in `load`.

    LookupError: nothing of that name. HostError: the file has a mistake.
    """
    name = DEFAULT if name is None else name
    if name in ready():
        return load(READY / f"{name}.toml", seed, nodes)
    if name in boards.kits():
        usual = _usual(name)
        (node,) = [replace(node, kit=name, name=f"{name}-1") for node in usual.nodes[:1]]
        usual = replace(usual, name=name, nodes=(node,), expect=())
        return usual if seed is None else replace(usual, seed=seed)
    if name.endswith(".toml"):
        return load(Path(name), seed, nodes)
    raise LookupError(name)
