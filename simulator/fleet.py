# SPDX-License-Identifier: MIT
"""Puts one node of a scenario together: its identity, flash image, board, chips and world."""

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import IO

from host import boards, provision
from host.lorawan import Session
from simulator import kept
from simulator.air import Air, Place, Station, Transmission
from simulator.bay import Bay, Parking
from simulator.bin import Bin, Container
from simulator.board import Board
from simulator.chips.a02yyuw import A02yyuw
from simulator.chips.bme280 import Bme280
from simulator.chips.ds18b20 import Ds18b20
from simulator.chips.maxbotix import Maxbotix
from simulator.chips.mhz19 import MhZ19
from simulator.chips.pir import Pir
from simulator.chips.power_chip import Fed, PowerChip
from simulator.chips.scd4x import Scd4x
from simulator.chips.scd30 import Scd30
from simulator.chips.senseair_s8 import SenseairS8
from simulator.chips.sht3x import Sht3x
from simulator.chips.sht4x import Sht4x
from simulator.chips.sx1276 import SX1276
from simulator.chips.sx1276_registers import RECEIVING
from simulator.chips.uart import UartChip
from simulator.chips.ultrasonic import HC_SR04, JSN_SR04T, Ultrasonic
from simulator.clock import Clock
from simulator.device import Device
from simulator.ditch import Canal, Ditch
from simulator.family import unique_id
from simulator.plans import NodePlan, Scenario, WorldPlan
from simulator.street import Passage, Street, Traffic
from simulator.timing import Timing
from simulator.world import Classroom, Conditions, Environment, Room, Step

OnI2c = Scd4x | Scd30 | Sht4x | Sht3x | Bme280
OnUart = MhZ19 | SenseairS8 | A02yyuw | Maxbotix
OnBus = OnI2c | OnUart | Ds18b20
Sensor = OnBus | Pir | Ultrasonic
_MODELS: dict[str, type[OnBus]] = {
    "scd4x": Scd4x,
    "scd30": Scd30,
    "sht4x": Sht4x,
    "sht3x": Sht3x,
    "bme280": Bme280,
    "ds18b20": Ds18b20,
    "mhz19": MhZ19,
    "senseair_s8": SenseairS8,
    "a02yyuw": A02yyuw,
    "maxbotix": Maxbotix,
}
_HOUR_US = 3_600_000_000
_SHINE = ("light", "lamp", "led")  # what a board drives and nobody answers
_BLIND_MM = 100  # a kit whose sensor is blind so far has the one that is tight against water


class Freezable:
    """A world that faults can stop: during a frost it stays as it was when that began."""

    def __init__(self, world: Environment):
        self._world = world
        self._frosts: list[tuple[int, int | None]] = []

    def freeze(self, from_us: int, until_us: int | None) -> None:
        """Stop it for a time, or for good."""
        self._frosts.append((from_us, until_us))

    def at(self, time_us: int) -> Conditions:
        """The conditions at a time. Sensors ask later than they sample, so times go both ways."""
        for from_us, until_us in self._frosts:
            if from_us <= time_us and (until_us is None or time_us < until_us):
                time_us = from_us
        return self._world.at(time_us)

    def after(self, time_us: int) -> Passage | None:
        """The next passage of a street; nobody passes during a frost, nor anywhere else."""
        passage = self._world.after(time_us) if isinstance(self._world, Street) else None
        for from_us, until_us in sorted(self._frosts, key=lambda each: each[0]):
            if passage is None or not from_us <= passage.time_us:
                continue
            if until_us is None:
                return None
            if passage.time_us < until_us and isinstance(self._world, Street):
                passage = self._world.after(until_us - 1)
        return passage


@dataclass
class Node:
    """A running node and what the run counts of it."""

    plan: NodePlan
    identity: provision.Identity
    board: Board
    radio: SX1276
    sensors: dict[str, Sensor]
    surroundings: Freezable
    station: Station
    hardware: boards.Board
    device: Device
    join_tries: int = 0
    joins: int = 0
    uplinks_sent: int = 0
    uplinks_heard: int = 0
    decoded: int = 0
    airtime_us: int = 0
    times: list[int] = field(default_factory=list)  # time_us of every reading that was decoded


def make_world(plan: WorldPlan, scenario: Scenario) -> Environment:
    """The world of a plan. TypeError: an option that this kind does not take."""
    if plan.kind == "step":
        before, after = (Conditions(**plan.options[name]) for name in ("before", "after"))
        return Step(before, after, round(plan.options["at_h"] * _HOUR_US))
    stream = Random(f"{scenario.seed}/{plan.name}/world")
    if plan.kind in ("crossing", "path"):
        return Street(scenario.start, stream, Traffic(**plan.options), plan.kind == "path")
    if plan.kind == "bin":
        return Bin(scenario.start, stream, Container(**plan.options))
    if plan.kind == "ditch":
        return Ditch(scenario.start, stream, Canal(**plan.options))
    if plan.kind == "parking":
        return Bay(scenario.start, stream, Parking(**plan.options))
    return Classroom(scenario.start, stream, Room(**plan.options))


def make_node(
    plan: NodePlan,
    scenario: Scenario,
    world: Environment,
    clock: Clock,
    air: Air,
    folder: Path,
    firmware: Path | None,
    log: IO[bytes],
    kits: dict[str, boards.Kit],
) -> Node:
    """Provision a flash image as `flash` would and wire a board to its chips.

    A flash of this node that is in `folder` goes on as it is.
    """
    hardware, kit = boards.boards()[plan.board], kits[plan.kit]
    keys = Random(f"{scenario.seed}/{plan.name}/keys")
    dev_eui = provision.dev_eui_for(
        hardware.chip, unique_id(scenario.seed, plan.name, hardware.chip)
    )
    identity = provision.new_identity(plan.name, dev_eui, keys.randbytes)
    if plan.abp:
        session = Session(keys.getrandbits(25), keys.randbytes(16), keys.randbytes(16))
        identity = replace(identity, session=session)
    flash = folder / f"{plan.name}.flash"
    going_on = flash.exists()
    flash.touch(0o600)  # its key is in it
    if going_on:
        flash.write_bytes(kept.renewed(flash, firmware))
    else:
        flash.write_bytes(provision.flash_image(hardware, kit, identity, firmware, scenario.region))
    timing = Timing(plan.clock_ppm, plan.irq_us, plan.stall_us)
    board = Board(plan.name, hardware.chip, flash, log, clock, scenario.seed, timing)
    station = air.station(plan.name, Place(plan.x_m, plan.y_m), ahead=True)
    surroundings = Freezable(world)
    radio, sensors = wire(board, hardware, kit, surroundings, station, scenario, plan)
    device = Device(identity.name, identity.dev_eui, identity.join_eui, identity.app_key)
    return Node(plan, identity, board, radio, sensors, surroundings, station, hardware, device)


def wire(
    board: Board,
    hardware: boards.Board,
    kit: boards.Kit,
    surroundings: Freezable,
    station: Station,
    scenario: Scenario,
    plan: NodePlan,
) -> tuple[SX1276, dict[str, Sensor]]:
    """Put everything on a board's pins that it has with a kit."""
    clock = board.clock
    radio = wire_radio(board, hardware, station, clock)
    sensors = wire_sensors(board, hardware, kit, surroundings, clock, scenario, plan)
    if hardware.sensor_power is not None and kit.switches_supply():
        wire_supply(board, hardware.sensor_power, sensors)
    for sensor in sensors.values():
        if isinstance(sensor, Pir):
            station.on_transmit.append(partial(_disturb, sensor))
    for use, pin in hardware.pins_for(kit):
        if use.split()[0] in _SHINE:
            board.wire_lamp(pin)
    if hardware.button is not None:
        released = 0 if hardware.button.on else 1
        board.wire_input(hardware.button.pin, lambda: released)
    return radio, sensors


def wire_radio(board: Board, hardware: boards.Board, station: Station, clock: Clock) -> SX1276:
    """Put the radio on the board's SPI bus, its pins and its antenna."""
    pins = hardware.radio
    dios = {number: pin for number, pin in ((0, pins.dio0), (1, pins.dio1)) if pin is not None}

    def on_dio(number: int, level: int) -> None:
        if number in dios:
            board.drive(dios[number], level)

    radio = SX1276(clock, station, on_dio)
    radio.sender = board.name
    station.listener = radio
    board.listens = lambda: radio.mode in RECEIVING
    if hardware.power_chip:
        chip = PowerChip()
        board.wire_i2c(hardware.i2c.scl, hardware.i2c.sda, chip)
        board.wire_spi(pins.spi, pins.cs, Fed(radio, chip.radio_mv))
    else:
        board.wire_spi(pins.spi, pins.cs, radio)
    board.wire_output(pins.reset, radio.reset)
    if pins.tcxo is not None:
        radio.clock_by_tcxo()
        board.wire_output(pins.tcxo, radio.power_tcxo)
    return radio


def wire_sensors(
    board: Board,
    hardware: boards.Board,
    kit: boards.Kit,
    world: Freezable,
    clock: Clock,
    scenario: Scenario,
    plan: NodePlan,
) -> dict[str, Sensor]:
    sensors: dict[str, Sensor] = {}
    for entry in kit.sensors:
        stream = Random(f"{scenario.seed}/{plan.name}/{entry.driver}")
        if entry.driver == "pir":
            pir = sensors["pir"] = Pir(clock, world, stream, plan.pir)
            for name in ("pir", "pir_2"):
                if name in kit.needs():
                    pir.wire(partial(board.drive, getattr(hardware, name)))
            continue
        if entry.driver == "pulse":
            part = JSN_SR04T if (entry.blind_mm or 0) > _BLIND_MM else HC_SR04
            sounder = sensors[entry.driver] = Ultrasonic(clock, world, stream, part)
            assert hardware.trigger is not None and hardware.echo is not None  # in the config
            board.wire_pulse(hardware.trigger, hardware.echo, sounder)
            continue
        sensors[entry.driver] = chip = _MODELS[entry.driver](clock, world, stream)
        if isinstance(chip, Ds18b20):
            assert hardware.one_wire is not None  # the config was made with it
            board.wire_one_wire(hardware.one_wire, [chip])
        elif isinstance(chip, UartChip):
            assert hardware.uart is not None
            board.wire_uart(hardware.uart.tx, hardware.uart.rx, chip)
        else:
            board.wire_i2c(hardware.i2c.scl, hardware.i2c.sda, chip)
    return sensors


def wire_supply(board: Board, pin: int, sensors: dict[str, Sensor]) -> None:
    """Have a pin switch the supply of the sensors, which are off until then."""

    def switch(level: int) -> None:
        for each in sensors.values():
            if not isinstance(each, Pir):  # a kit with one has no switch
                each.power(level)

    switch(0)
    board.wire_output(pin, switch)


def _disturb(pir: Pir, packet: Transmission) -> None:
    """What a PIR makes of a packet of the radio beside it."""
    pir.disturb(packet.start_us, packet.end_us)
