# SPDX-License-Identifier: MIT
"""Each kit of kits.toml in its own scenario: a silent sensor, a frozen world."""

from dataclasses import replace

import pytest

from host import boards, decode
from simulator.run import Run
from simulator.scenario import FaultPlan, find

KITS = boards.kits()
AT_H = 9.0  # when a school, a street and a bin have begun to be busy
LATER_H = 0.75  # an MH-Z19 or an S8 is looked at again, a filter has only new shots
# How far the values of one world may lie apart, by what a sensor's noise and the filters allow.
FLAT = {
    "co2": 150, "temperature": 1.0, "temperature_2": 1.0, "humidity": 8, "pressure": 1.0,
    "distance": 25, "fill": 3, "level": 25, "count": 0, "count_back": 0, "occupied": 0,
    "occupancy": 2,
}  # fmt: skip
PIRS = {name for name, kit in KITS.items() if any(each.driver == "pir" for each in kit.sensors)}


def rows(kit, folder, hours, **fault):
    """(hour, values) of the readings of a run with one fault, in the order of measuring."""
    usual = find(kit)
    (node,) = usual.nodes
    plan = FaultPlan(node=node.name, **fault)
    start_h = AT_H - (usual.start.hour + usual.start.minute / 60)
    plan = replace(plan, at_h=plan.at_h + start_h)
    if plan.until_h is not None:
        plan = replace(plan, until_h=plan.until_h + start_h)
    made = Run(replace(usual, faults=(plan,), duration_h=start_h + hours), folder)
    made.execute()
    found = [
        ((row.time - usual.start).total_seconds() / 3600 - start_h, row.values) for row in made.rows
    ]
    return sorted(found, key=lambda each: each[0])


@pytest.mark.parametrize("kit", KITS)
def test_in_a_frozen_world_each_column_is_flat(tmp_path, kit):
    found = [
        values
        for hour, values in rows(kit, tmp_path, 4.0, kind="world-frozen", at_h=0.0)
        if hour > LATER_H
    ]
    names = set(decode.names(KITS[kit].wire_keys()))
    assert len(found) >= 6 and names <= FLAT.keys()
    for name in names:
        column = [values[name] for values in found if name in values]
        assert len(column) >= len(found) - 1, name
        assert max(column) - min(column) <= FLAT[name], (name, column)


@pytest.mark.parametrize("kit", [name for name in KITS if name not in PIRS])
def test_a_silent_sensor_takes_its_columns_along_and_the_others_stay(tmp_path, kit):
    """A PIR that is silent looks like an empty street, and is a fault after a day."""
    sensor = KITS[kit].sensors[0]
    mine = set(decode.names(sensor.keys))
    fault = {"kind": "sensor-silent", "sensor": sensor.driver, "at_h": 0.0, "until_h": 2.5}
    found = rows(kit, tmp_path, 5.0, **fault)
    during = [values for hour, values in found if LATER_H < hour < 2.4]
    after = [values for hour, values in found if hour > 4.0]
    others = set(decode.names(KITS[kit].wire_keys())) - mine
    assert len(during) >= 4 and len(after) >= 2
    for values in during:
        assert not mine & values.keys() and mine <= set(values["faults"]), values
        gone = set(values["faults"])  # fill and level need the distance
        assert others - gone <= values.keys()
    for values in after:
        assert mine <= values.keys() and "faults" not in values, values
