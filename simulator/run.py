# SPDX-License-Identifier: MIT
"""Runs a scenario: nodes, air, gateways and network in virtual time, and keeps what happened."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from host import decode
from host.errors import HostError
from host.kits import Kit
from host.kits import kits as kits_of_the_table
from host.rows import Row, once
from simulator import breakdown, notes, results, schedule
from simulator.air import Air, Place, Signal, Transmission
from simulator.board import Board
from simulator.capture import Capture
from simulator.clock import Clock
from simulator.crowd import Crowd
from simulator.events import EventPlan
from simulator.fleet import Node, make_node, make_world
from simulator.gateway import Gateway, gateway_eui
from simulator.hearing import Hearing
from simulator.interference import ISOLATIONS
from simulator.network import Downlink, Network, Verdict
from simulator.plans import Scenario
from simulator.propagation import MODELS
from simulator.regions import REGIONS
from simulator.scratch import Scratch
from simulator.world import Environment

_TICK_US = 600_000_000
_HOUR_US = 3_600_000_000


class Run:
    """One scenario under way. `on_row` gets each reading, `on_progress` the share that is done.

    `kits` are others than those of kits.toml. `jobs` is how many boards compute at once; what
    comes out does not depend on it. `keep_flash`: the flash of the nodes stays in `out`.
    """

    def __init__(
        self,
        scenario: Scenario,
        out: Path | None = None,
        firmware: Path | None = None,
        on_row: Callable[[Row], None] | None = None,
        on_progress: Callable[[float], None] | None = None,
        kits: dict[str, Kit] | None = None,
        jobs: int = 1,
        keep_flash: bool = False,
    ):
        self.scenario = scenario
        self._firmware, self._jobs = firmware, jobs
        self._on_row, self._on_progress = on_row, on_progress
        self._kits = kits or kits_of_the_table()
        self._scratch = Scratch()
        self._folder = self._scratch.path
        self.out = out or self._folder / "out"
        self.out.mkdir(parents=True, exist_ok=True)
        if keep_flash:
            self._folder = self.out
            for plan in scenario.nodes:
                (self.out / f"{plan.name}.flash").unlink(missing_ok=True)  # of a run before
        self.clock = Clock()
        loss = MODELS[scenario.path_loss]
        self._air = Air(
            self.clock,
            scenario.seed,
            loss,
            ISOLATIONS[scenario.isolation],
            loss.shadowing_db if scenario.shadowing else 0.0,
        )
        self._air.on_transmit.append(self._on_transmit)
        self.rows: list[Row] = []
        self._counts = decode.Counts()
        self.nodes: dict[str, Node] = {}
        self._region = REGIONS[scenario.region]
        self._worlds: dict[str, Environment] = {}
        self._gateways: dict[str, Gateway] = {}
        self._hearing: Hearing | None = None

    @property
    def hours(self) -> float:
        """Virtual hours that have passed."""
        return self.clock.now_us / _HOUR_US

    def execute(self) -> dict[str, Any]:
        """Run it to its end and return the summary. HostError: a board hangs or dies.

        What was heard until then is kept, also when Ctrl-C ends the run.
        """
        results.clear(self.out)
        self._capture = Capture(self.out, self.scenario.start)
        try:
            self._build()
            self._keep_devices()  # so that what a killed run leaves can be opened
            gateways = {each.eui: name for name, each in self._gateways.items()}
            start = self.scenario.start.isoformat()
            self._capture.event(0, "", "begin", start=start, gateways=gateways)
            self._tick()
            self._go([node.board for node in self.nodes.values()])
            if self._hearing is not None:
                self._hearing.advance(self.scenario.duration_us)
            self._capture.event(self.scenario.duration_us, "", "end")
            if self._on_progress is not None:
                self._on_progress(1.0)
            return self._summarise()
        finally:
            for node in self.nodes.values():
                node.board.power_off()
            self._capture.close()
            results.write_readings(self.out / "readings.csv", once(self.rows))
            results.write_worlds(self.out / "world.csv", self._worlds, self.clock.now_us)
            self._keep_devices()
            self._scratch.cleanup()

    def _go(self, boards: Sequence[Board]) -> None:
        schedule.run(boards, self.clock, self.scenario.duration_us, self._jobs)

    def _keep_devices(self) -> None:
        results.write_devices(self.out / "devices.json", self.nodes.values(), self._region.name)

    def _build(self) -> None:
        scenario = self.scenario
        for world in scenario.worlds:
            self._worlds[world.name] = make_world(world, scenario)
        for plan in scenario.nodes:
            log = (self.out / f"{plan.name}.log").open("wb")
            self.nodes[plan.name] = make_node(
                plan, scenario, self._worlds[plan.world], Clock(), self._air, self._folder,
                self._firmware, log, self._kits,
            )  # fmt: skip
            notes.watch(self.nodes[plan.name], self.note)
        for node in self.nodes.values():
            node.board.clock.call_at(_hours_us(node.plan.on_h), node.board.power_on)
        for number, plan_of in enumerate(scenario.gateways):
            eui = gateway_eui(number, plan_of.eui)
            station = self._air.station(plan_of.name, Place(plan_of.x_m, plan_of.y_m))
            self._gateways[plan_of.name] = Gateway(
                eui, station, self.clock, self._region.heard(), self._heard, self._missed
            )
        self._connect()
        self._gather()
        self._plan_faults()
        for event in scenario.events:
            self._plan_event(event)

    def _connect(self) -> None:
        """Put the network behind the gateways."""
        scenario = self.scenario
        self.network = Network(
            [node.device for node in self.nodes.values()],
            Random(f"{scenario.seed}/network"),
            region=self._region,
            adr=scenario.adr,
            start=scenario.start,
            rx1_delay_s=scenario.rx1_delay_s,
            downlink_window=scenario.downlink_window,
            channels_hz=self._region.more_hz if scenario.cf_list else (),
        )
        for node in self.nodes.values():
            if node.identity.session is not None:
                self.network.accept_session(node.device, node.identity.session)

    def _gather(self) -> None:
        """Put the crowds before the gateways."""
        scenario, gateways = self.scenario, self._gateways.values()
        if not scenario.crowds:
            return
        loss = self._air.loss if scenario.shadowing else replace(self._air.loss, shadowing_db=0.0)
        places = [(each.x_m, each.y_m) for each in scenario.gateways]
        crowds = [
            Crowd(plan, scenario.seed, self._region, loss, places) for plan in scenario.crowds
        ]
        self._hearing = Hearing(
            crowds, [each.concentrator for each in gateways], self._air.isolation
        )
        for number, gateway in enumerate(gateways):
            gateway.concentrator.catch_up = self._hearing.advance
            gateway.station.background = partial(self._hearing.meet, number)

    def _plan_faults(self) -> None:
        for number, fault in enumerate(self.scenario.faults):
            if fault.gateway:
                breakdown.of_gateway(fault, self._gateways[fault.gateway], self.clock)
            elif fault.kind == "jammer":
                breakdown.of_air(fault, number, self._air, self.scenario.seed)
            elif fault.setting:
                breakdown.of_network(fault, self.nodes[fault.node], self.network, self.clock)
            else:
                node = self.nodes[fault.node]
                breakdown.of_node(fault, node, node.board.clock)

    def _plan_event(self, event: EventPlan) -> None:
        """Have the network do something at its times."""
        device, at_us = self.nodes[event.node].device, _hours_us(event.at_h)
        every_us = _hours_us(event.every_h) if event.every_h else self.scenario.duration_us
        for time_us in range(at_us, self.scenario.duration_us, every_us):
            self.clock.call_at(time_us, event.apply, self.network, device)

    def _tick(self) -> None:
        if self._on_progress is not None:
            self._on_progress(min(self.clock.now_us / self.scenario.duration_us, 1.0))
        self.clock.call_at(self.clock.now_us + _TICK_US, self._tick)

    def note(self, time_us: int, node: str, event: str, cause: str = "", **more: Any) -> None:
        """Keep what happened at a node by its own clock; written once all others are there."""
        self.clock.post(
            time_us, node, partial(self._capture.event, time_us, node, event, cause, **more)
        )

    # The way up.

    def _on_transmit(self, packet: Transmission) -> None:
        node = self.nodes.get(packet.sender)
        if node is None:
            return
        node.airtime_us += packet.end_us - packet.start_us
        joining = packet.payload[:1] == b"\x00"
        node.join_tries += joining
        node.uplinks_sent += not joining
        kind = "join-request" if joining else "uplink"
        self.note(packet.start_us, node.plan.name, kind, "", **notes.uplink(packet))

    def _missed(self, gateway: Gateway, packet: Transmission, cause: str) -> None:
        self._capture.event(
            self.clock.now_us, packet.sender, "not heard", cause, gateway=gateway.eui
        )

    def _heard(self, gateway: Gateway, signal: Signal) -> None:
        now_us, packet = self.clock.now_us, signal.transmission
        self._capture.heard(now_us, gateway.eui, gateway.rxpk(signal), signal)
        verdict = self._pass_on(gateway, signal)
        if verdict is None:
            return
        if not verdict.accepted or verdict.device is None or verdict.f_cnt is None:
            self._refused_or_joined(verdict, packet)
        else:
            node = self.nodes[verdict.device.name]
            node.uplinks_heard += 1
            if verdict.acked:
                self._capture.event(now_us, node.plan.name, "acknowledged")
            self._take(node, verdict.f_cnt, verdict.f_port, verdict.payload, signal)
        if verdict.held and verdict.device is not None:
            self._capture.event(now_us, verdict.device.name, "downlink held", verdict.held)
        if verdict.downlink is not None and verdict.device is not None:
            downlink, name = verdict.downlink, verdict.device.name
            self._capture.event(now_us, name, "answer", **notes.answer(downlink))
            self.clock.call_at(downlink.time_us, self._send, downlink, name)

    def _pass_on(self, gateway: Gateway, signal: Signal) -> Verdict | None:
        """Give an uplink to the network; None: there is nothing to say of it."""
        return gateway.pass_on(signal, self.network)

    def _refused_or_joined(self, verdict: Verdict, packet: Transmission) -> None:
        if verdict.accepted and verdict.device is not None:
            self.nodes[verdict.device.name].joins += 1
            self._capture.event(self.clock.now_us, verdict.device.name, "joined")
        else:
            self._capture.event(self.clock.now_us, packet.sender, "refused", verdict.reason)

    def _take(
        self, node: Node, f_cnt: int, f_port: int | None, payload: bytes, signal: Signal
    ) -> None:
        """Decode what a node reported and keep its readings."""
        if f_port is None:
            return
        try:
            decoded = decode.decode_payload(payload, f_port)
        except HostError as error:
            self._capture.event(self.clock.now_us, node.plan.name, "not decoded", str(error))
            return
        if f_port != decode.READINGS:
            self._capture.event(self.clock.now_us, node.plan.name, f"port {f_port}", more=decoded)
            return
        node.decoded += 1
        if (told := notes.told(decoded["readings"])) is not None:
            self._capture.event(self.clock.now_us, node.plan.name, "reported", more=told)
        self._counts.add(node.plan.name, self.clock.now_us / 1e6, decoded["readings"])
        for values in decoded["readings"]:
            age_s = values.get("age_s") or 0
            measured_us = self.clock.now_us - age_s * 1_000_000
            row = Row(
                self.scenario.start + timedelta(microseconds=measured_us),
                node.plan.name,
                node.identity.dev_eui.hex(),
                f_cnt,
                signal.transmission.sf,
                signal.rssi_dbm,
                signal.snr_db,
                values,
            )
            self.rows.append(row)
            node.times.append(measured_us)
            if self._on_row is not None:
                self._on_row(row)

    def _send(self, downlink: Downlink, name: str) -> None:
        """Send what node `name` waits for, from the gateway that turned out to be the best."""
        gateways = self._gateways.values()
        gateway = next(each for each in gateways if each.eui == downlink.gateway)
        packet = gateway.downlink(
            downlink.freq_hz, downlink.sf, downlink.bw_hz, downlink.phy, downlink.power_dbm
        )
        self._put_on_air(gateway, packet, name)

    def _put_on_air(self, gateway: Gateway, packet: Transmission, name: str) -> bool:
        now_us, cause = self.clock.now_us, gateway.send(packet)
        if cause:
            self._capture.event(now_us, name, "downlink not sent", cause, gateway=gateway.eui)
        else:
            self._capture.sent(now_us, gateway.eui, gateway.txpk(packet), packet)
        return not cause

    def _summarise(self) -> dict[str, Any]:
        scenario, duty_cycle = self.scenario, self._region.duty_cycle
        rows: dict[str, list[Row]] = {name: [] for name in self.nodes}
        readings = once(self.rows)
        for row in readings:
            rows[row.name].append(row)
        found = results.summary(
            scenario,
            (
                results.of_node(
                    node, self._kits[node.plan.kit], rows[name], scenario.duration_us, duty_cycle
                )
                for name, node in self.nodes.items()
            ),
        )
        if self._hearing is not None:
            found["crowds"] = self._hearing.summary()
        results.judge(scenario, found, readings, self.out)
        results.write_summary(self.out / "summary.json", found)
        return found


def _hours_us(hours: float) -> int:
    return round(hours * _HOUR_US)
