# SPDX-License-Identifier: MIT
"""What can go wrong in a scenario: the kinds of fault, and the check of each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from math import inf
from typing import Annotated

from host import boards
from host.errors import meant
from host.tables import Table
from simulator.places import Latitude, Longitude, Metres
from simulator.regions import Region

_Hours = Annotated[float, 0, 100000]

# What each kind needs besides kind and at_h, and what it may have.
KINDS = {
    "sensor-silent": ("node", "sensor"),
    "sensor-frozen": ("node", "sensor"),
    "radio-silent": ("node",),
    "gateway-off": ("gateway",),
    "power-cut": ("node",),
    "world-frozen": ("node",),
    "clock-drift": ("node", "clock_ppm"),
    "network-setting": ("node", "setting"),
    "jammer": ("freq_hz",),
}
_PLACE = ("x_m", "y_m", "latitude", "longitude")
MAY = {"network-setting": ("value",), "jammer": ("power_dbm", "duty", "sf", *_PLACE)}
# What the network holds otherwise than a node does, and the range of its value; None: without one,
# as somebody mistyped it.
SETTINGS: Mapping[str, tuple[int, int] | None] = {
    "app_key": None,
    "join_eui": None,
    "dev_eui": None,
    "session": None,
    "dev_nonce": (0, 65535),
    "f_cnt": (0, 0xFFFFFFFF),
    "rx1_delay_s": (1, 15),
    "rx1_dr_offset": (0, 7),
    "rx2_data_rate": (0, 15),
    "rx2_freq_hz": (137_000_000, 1_020_000_000),
}
_FOR_GOOD = ("session", "dev_nonce", "f_cnt")  # nothing brings back what was there before


@dataclass(frozen=True)
class FaultPlan:
    """What goes wrong: `kind` at a node, at its sensor, at a gateway or in the air.

    From `at_h` to `until_h`, for good without it. `freq_hz`, `power_dbm`, `sf` and the share of the
    time `duty` are a jammer's, `setting` and `value` the network's, `clock_ppm` a crystal's.
    """

    kind: str
    at_h: _Hours
    node: str = ""
    sensor: str = ""
    gateway: str = ""
    until_h: _Hours | None = None
    setting: str = ""
    value: Annotated[int, 0, 0xFFFFFFFF] | None = None
    freq_hz: Annotated[int, 137_000_000, 1_020_000_000] | None = None
    power_dbm: Annotated[float, -20, 40] = 14.0
    duty: Annotated[float, 0.0001, 1] = 0.5
    sf: Annotated[int, 7, 12] = 12
    x_m: Metres = 0.0
    y_m: Metres = 0.0
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    clock_ppm: Annotated[int, -50000, 50000] | None = None


_DEFAULTS = {each.name: each.default for each in fields(FaultPlan)}
_COMMON = ("kind", "at_h", "until_h")
_WHAT_FAILS = ("kind", "node", "sensor", "gateway", "setting")


def check(
    table: Table,
    where: tuple[str | int, ...],
    fault: FaultPlan,
    gateways: list[str],
    kits: dict[str, str],
    region: Region,
) -> None:
    """A fault has what its kind needs, nothing else, and all of it exists.

    `kits`: by the names of the nodes. HostError: the first mistake.
    """
    if fault.kind not in KINDS:
        problem = f"unknown fault '{fault.kind}'"
        raise table.fail((*where, "kind"), problem, meant(fault.kind, KINDS))
    needs, may = KINDS[fault.kind], MAY.get(fault.kind, ())
    for key, default in _DEFAULTS.items():
        given = getattr(fault, key) != default
        if given and key not in (*_COMMON, *needs, *may):
            step = f"it takes {' and '.join([*needs, *may])}"
            raise table.fail((*where, key), f"'{fault.kind}' has no '{key}'", step)
        if key in needs and not given:
            raise table.fail((*where, key), f"'{fault.kind}' needs '{key}'", f"add {key} = ...")
    if fault.until_h is not None and fault.until_h <= fault.at_h:
        problem = f"it ends at {fault.until_h:g} h and begins at {fault.at_h:g} h"
        raise table.fail((*where, "until_h"), problem, "make until_h the later one")
    if "gateway" in needs:
        table.refers((*where, "gateway"), fault.gateway, gateways)
    if "node" in needs:
        table.refers((*where, "node"), fault.node, kits)
    if "sensor" in needs:
        drivers = [each.driver for each in boards.kits()[kits[fault.node]].sensors]
        table.refers((*where, "sensor"), fault.sensor, drivers)
    low_hz, high_hz = region.band_hz
    if fault.freq_hz is not None and not low_hz <= fault.freq_hz <= high_hz:
        problem = f"'freq_hz' is {fault.freq_hz}, and {region.name} is {low_hz} to {high_hz} Hz"
        step = f"take one of its channels, such as {region.channels[0].freq_hz}"
        raise table.fail((*where, "freq_hz"), problem, step)
    if "setting" in needs:
        _check_setting(table, where, fault, region)


def check_overlap(
    table: Table, where: tuple[str | int, ...], fault: FaultPlan, before: Iterable[FaultPlan]
) -> None:
    """HostError: the same thing fails already when this fault begins, or before it ends."""
    if fault.kind == "jammer":
        return  # there may be several
    for each in before:
        same = all(getattr(each, key) == getattr(fault, key) for key in _WHAT_FAILS)
        if same and fault.at_h < _until_h(each) and each.at_h < _until_h(fault):
            problem = f"the same '{fault.kind}' is there from {each.at_h:g} h on"
            step = "make one of the two, or let this one begin later"
            raise table.fail((*where, "at_h"), problem, step)


def _until_h(fault: FaultPlan) -> float:
    return inf if fault.until_h is None else fault.until_h


def _check_setting(
    table: Table, where: tuple[str | int, ...], fault: FaultPlan, region: Region
) -> None:
    """The network's setting takes its value, and comes back when that was asked for."""
    table.refers((*where, "setting"), fault.setting, SETTINGS)
    span, value, setting = SETTINGS[fault.setting], fault.value, fault.setting
    if span is None and value is not None:
        raise table.fail((*where, "value"), f"'{setting}' has no value", "leave it out")
    if span is not None and (value is None or not span[0] <= value <= span[1]):
        problem = f"'{setting}' needs a value from {span[0]} to {span[1]}"
        raise table.fail((*where, "value"), problem, "add value = ...")
    if setting == "rx2_data_rate" and value not in region.downlink_rates:
        step = f"known: {', '.join(map(str, region.downlink_rates))}"
        raise table.fail((*where, "value"), f"{region.name} has no downlinks at {value}", step)
    if setting == "rx1_dr_offset" and value is not None and value >= len(region.rx1_rates[0]):
        step = f"give 0 to {len(region.rx1_rates[0]) - 1}"
        raise table.fail((*where, "value"), f"{region.name} has no RX1DROffset {value}", step)
    if setting in _FOR_GOOD and fault.until_h is not None:
        raise table.fail((*where, "until_h"), f"'{setting}' does not come back", "leave it out")
