# SPDX-License-Identifier: MIT
"""Has the faults of a scenario begin and end at their times."""

from simulator.chips.pir import Pir
from simulator.chips.sx1276 import SX1276
from simulator.chips.uart import UartChip
from simulator.chips.ultrasonic import Ultrasonic
from simulator.clock import Clock
from simulator.faults import FaultPlan
from simulator.fleet import Node, Sensor
from simulator.gateway import Gateway

_HOUR_US = 3_600_000_000


def _times_us(fault: FaultPlan) -> tuple[int, int | None]:
    until_h = fault.until_h
    return round(fault.at_h * _HOUR_US), None if until_h is None else round(until_h * _HOUR_US)


def of_gateway(fault: FaultPlan, gateway: Gateway, clock: Clock) -> None:
    """Have a fault of one gateway begin and end at its times."""
    at_us, until_us = _times_us(fault)
    clock.call_at(at_us, setattr, gateway, "off", True)
    if until_us is not None:
        clock.call_at(until_us, setattr, gateway, "off", False)


def of_node(fault: FaultPlan, node: Node, clock: Clock) -> None:
    """Have a fault of one node begin and end at its times."""
    at_us, until_us = _times_us(fault)
    if fault.kind == "power-cut":
        clock.call_at(at_us, node.board.power_off)
        on_us = at_us if until_us is None else until_us
        clock.call_at(on_us, node.board.power_on)
        for sensor in node.sensors.values():
            if isinstance(sensor, Pir):
                clock.call_at(on_us, sensor.power_on)
            elif isinstance(sensor, UartChip | Ultrasonic):
                clock.call_at(at_us, sensor.power, 0)
                clock.call_at(on_us, sensor.power, 1)
        return
    if fault.kind == "world-frozen":
        node.surroundings.freeze(at_us, until_us)
        return
    chip: SX1276 | Sensor = (
        node.radio if fault.kind == "radio-silent" else node.sensors[fault.sensor]
    )
    attribute = "frozen" if fault.kind == "sensor-frozen" else "silent"
    clock.call_at(at_us, setattr, chip, attribute, True)
    if until_us is not None:
        clock.call_at(until_us, setattr, chip, attribute, False)
