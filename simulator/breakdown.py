# SPDX-License-Identifier: MIT
"""Has the faults of a scenario begin and end at their times."""

from random import Random

from simulator.air import Air, Place
from simulator.chips.pir import Pir
from simulator.chips.sx1276 import SX1276
from simulator.chips.uart import UartChip
from simulator.chips.ultrasonic import Ultrasonic
from simulator.clock import Clock
from simulator.disagreement import disagree
from simulator.faults import FaultPlan
from simulator.fleet import Node, Sensor
from simulator.gateway import Gateway
from simulator.jammer import Jammer
from simulator.network import Network

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


def of_network(fault: FaultPlan, node: Node, network: Network, clock: Clock) -> None:
    """Have the network hold something else than a node does, from a time on."""
    at_us, until_us = _times_us(fault)

    def begin() -> None:
        agree = disagree(network, node.identity.dev_eui, fault.setting, fault.value)
        if until_us is not None:
            clock.call_at(until_us, agree)

    clock.call_at(at_us, begin)


def of_air(fault: FaultPlan, number: int, air: Air, seed: int) -> None:
    """Put a jammer up, and have it begin and end at its times; `number`: of the fault."""
    at_us, until_us = _times_us(fault)
    station = air.station(f"fault-{number}", Place(fault.x_m, fault.y_m))
    jammer = Jammer(fault, station, air.clock, Random(f"{seed}/fault-{number}/jammer"))
    air.clock.call_at(at_us, jammer.begin)
    if until_us is not None:
        air.clock.call_at(until_us, jammer.end)


def of_node(fault: FaultPlan, node: Node, clock: Clock) -> None:
    """Have a fault of one node begin and end at its times."""
    at_us, until_us = _times_us(fault)
    if fault.kind == "power-cut":
        clock.call_at(at_us, node.board.power_off)
        supplied = [
            each for each in node.sensors.values() if isinstance(each, UartChip | Ultrasonic)
        ]
        for sensor in supplied:
            clock.call_at(at_us, sensor.power, 0)
        if until_us is not None:
            clock.call_at(until_us, node.board.power_on)
            for sensor in supplied:
                clock.call_at(until_us, sensor.power, 1)
            for pir in node.sensors.values():
                if isinstance(pir, Pir):
                    clock.call_at(until_us, pir.power_on)
        return
    if fault.clock_ppm is not None:
        clock.call_at(at_us, node.board.drift, fault.clock_ppm)
        if until_us is not None:
            clock.call_at(until_us, node.board.drift, node.plan.clock_ppm)
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
