# SPDX-License-Identifier: MIT
"""What a scenario is made of: gateways, nodes, worlds, and how many nodes one table stands for."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from random import Random
from typing import Annotated, Any

from host import boards
from simulator.chips.pir import PirOptions
from simulator.crowd import CrowdPlan
from simulator.events import EventPlan
from simulator.expectations import Expectation
from simulator.faults import FaultPlan
from simulator.places import Latitude, Longitude, Map, Metres, Spread

_Hours = Annotated[float, 0, 100000]
_Microseconds = Annotated[int, 0, 1000000]


@dataclass(frozen=True)
class GatewayPlan:
    """A gateway of the network; its place is in metres or in degrees.

    `eui`: 16 hexadecimal digits, without it one by its place in the list.
    """

    name: str
    x_m: Metres = 0.0
    y_m: Metres = 0.0
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    eui: str = ""


@dataclass(frozen=True)
class NodePlan:
    """A node that runs the real firmware; clock and stall are what its board suffers from.

    `abp`: personalised, it never joins. `on_h`: when it is switched on.
    """

    name: str
    kit: str
    board: str
    world: str
    x_m: Metres = 0.0
    y_m: Metres = 0.0
    clock_ppm: Annotated[int, -50000, 50000] = 0
    irq_us: _Microseconds | None = None
    stall_us: _Microseconds = 0
    abp: bool = False
    pir: PirOptions = field(default_factory=PirOptions)
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    on_h: _Hours = 0.0


@dataclass(frozen=True)
class NodeTable(NodePlan):
    """One [[node]]: `count` nodes NAME-1, NAME-2 ..., each in a world of its own of that kind.

    `shared_world`: all in the one world. `spread`: how they stand around their place. Each is
    switched on at some moment of the `on_within_h` from on_h on; without it, of the kit's interval.
    """

    count: Annotated[int, 1, 10000] | None = None
    shared_world: bool = False
    spread: Spread | None = None
    on_within_h: _Hours | None = None

    def names(self) -> list[str]:
        if self.count is None:
            return [self.name]
        return [f"{self.name}-{number}" for number in range(1, self.count + 1)]

    def nodes(self, the_map: Map, seed: int) -> list[NodePlan]:
        """The nodes that it stands for, each at its place."""
        values = {each.name: getattr(self, each.name) for each in fields(NodePlan)}
        found, names = [], self.names()
        for number, name in enumerate(names):
            node = NodePlan(**values | {"name": name})
            if self.count is not None:
                late_h = Random(f"{seed}/{name}/on").random() * self._within_h()
                node = replace(node, on_h=round(self.on_h + late_h, 6))
                if not self.shared_world:
                    node = replace(node, world=f"{self.world}/{name}")
            if self.spread is not None:
                stream = Random(f"{seed}/{name}/place")
                east_m, north_m = self.spread.offset_m(number, len(names), stream)
                x_m, y_m = round(node.x_m + east_m, 2), round(node.y_m + north_m, 2)
                node = the_map.at(node, x_m, y_m)
            found.append(node)
        return found

    def _within_h(self) -> float:
        if self.on_within_h is not None:
            return self.on_within_h
        return boards.kits()[self.kit].interval_s / 3600


@dataclass(frozen=True)
class WorldPlan:
    """Something to measure, by name: its kind and the numbers that this kind takes."""

    name: str
    kind: str
    options: dict[str, Any] = field(default_factory=dict)


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
    tables: dict[str, tuple[str, ...]] = field(default_factory=dict)  # nodes, of those with a count
    shortened: bool = False  # by whoever runs it: it ends earlier than its file says

    @property
    def duration_us(self) -> int:
        return round(self.duration_h * 3_600_000_000)

    @property
    def groups(self) -> dict[str, str]:
        """By the name of a node, that of its table."""
        found = {node.name: node.name for node in self.nodes}
        return found | {name: table for table, names in self.tables.items() for name in names}

    def lasting(self, hours: float) -> "Scenario":
        """The same for so many hours."""
        return replace(self, duration_h=hours, shortened=self.shortened or hours < self.duration_h)

    def fewer(self, most: int) -> "Scenario":
        """The same with at most so many nodes of each table, evenly chosen, and what is theirs."""
        out: set[str] = set()
        for names in self.tables.values():
            step = -(-len(names) // most)
            out |= set(names) - set(names[::step])
        nodes = tuple(node for node in self.nodes if node.name not in out)
        worlds = {node.world for node in self.nodes} - {node.world for node in nodes}
        return replace(
            self,
            nodes=nodes,
            worlds=tuple(world for world in self.worlds if world.name not in worlds),
            faults=tuple(fault for fault in self.faults if fault.node not in out),
            events=tuple(event for event in self.events if event.node not in out),
        )


def own_worlds(tables: Iterable[NodeTable], worlds: Iterable[WorldPlan]) -> list[WorldPlan]:
    """The worlds as they are, and one for each node that has one of its own."""
    found = {world.name: world for world in worlds}
    kept = dict(found)
    for table in tables:
        if table.count is not None and not table.shared_world:
            for name in table.names():
                own = f"{table.world}/{name}"
                kept[own] = replace(found[table.world], name=own)
    used = {table.world for table in tables if table.count is None or table.shared_world}
    shared = {table.world for table in tables} - used
    return [world for world in kept.values() if world.name not in shared]
