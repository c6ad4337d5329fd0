# SPDX-License-Identifier: MIT
"""What can go wrong in a scenario: the kinds of fault, and the check of each."""

from dataclasses import dataclass
from typing import Annotated

from host import boards
from host.tables import Table

_Hours = Annotated[float, 0, 100000]

KINDS = {
    "sensor-silent": ("node", "sensor"),
    "sensor-frozen": ("node", "sensor"),
    "radio-silent": ("node",),
    "gateway-off": ("gateway",),
    "power-cut": ("node",),
    "world-frozen": ("node",),
}


@dataclass(frozen=True)
class FaultPlan:
    """What goes wrong: `kind` at a node's sensor or at a gateway, from `at_h` to `until_h`."""

    kind: str
    at_h: _Hours
    node: str = ""
    sensor: str = ""
    gateway: str = ""
    until_h: _Hours | None = None


def check(
    table: Table,
    where: tuple[str | int, ...],
    fault: FaultPlan,
    gateways: list[str],
    kits: dict[str, str],
) -> None:
    """A fault has what its kind needs, nothing else, and all of it exists.

    `kits`: by the names of the nodes. HostError: the first mistake.
    """
    if fault.kind not in KINDS:
        step = f"kinds: {', '.join(KINDS)}"
        raise table.fail((*where, "kind"), f"unknown fault '{fault.kind}'", step)
    needs = KINDS[fault.kind]
    for key in ("node", "sensor", "gateway"):
        given = bool(getattr(fault, key))
        if given and key not in needs:
            step = f"it takes {' and '.join(needs)}"
            raise table.fail((*where, key), f"'{fault.kind}' has no '{key}'", step)
        if key in needs and not given:
            raise table.fail((*where, key), f"'{fault.kind}' needs '{key}'", f"add {key} = ...")
    if fault.until_h is not None and fault.until_h <= fault.at_h:
        problem = f"it ends at {fault.until_h:g} h and begins at {fault.at_h:g} h"
        raise table.fail((*where, "until_h"), problem, "make until_h the later one")
    if "gateway" in needs:
        table.refers((*where, "gateway"), fault.gateway, gateways)
        return
    table.refers((*where, "node"), fault.node, kits)
    if "sensor" in needs:
        drivers = [each.driver for each in boards.kits()[kits[fault.node]].sensors]
        table.refers((*where, "sensor"), fault.sensor, drivers)
