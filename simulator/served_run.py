# SPDX-License-Identifier: MIT
"""A run in real time whose gateways speak to a network server that is not ours."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

from host.errors import HostError, typed
from host.ledgers import open_ledger
from host.node import Node as LedgerNode
from simulator import schedule
from simulator.air import Signal, Transmission
from simulator.board import Board
from simulator.gateway import Gateway
from simulator.reception import Verdict
from simulator.run import Run
from simulator.scenario import Scenario
from simulator.udp_gateways import AHEAD_US, UdpGateways

LEDGER = "nodes.ledger"
_SHORTEST_H = 0.001  # of a run that Ctrl-C ended at once
_ANSWER_US = 4_000_000  # the answer to a first PULL_DATA may take as long as this


class ServedRun(Run):
    """A run before the network server at (host, port); it ends by its duration or by Ctrl-C.

    The server has to know the nodes: `out` has a ledger of them from the start, which `tell` is
    told of. Their flash stays in `out` too, and a run after this one goes on with it: the server
    takes no number twice.
    """

    def __init__(
        self,
        scenario: Scenario,
        out: Path,
        server: tuple[str, int],
        tell: Callable[[str], None] = lambda line: None,
        *options: Any,
        **more: Any,
    ):
        if scenario.events:
            step = "take its [[event]] out: the server sends what you tell it there"
            raise HostError(f"{scenario.name} has events of our own network", step)
        plans = tuple(
            replace(plan, eui=plan.eui or _own_eui(scenario.seed, number))
            for number, plan in enumerate(scenario.gateways)
        )
        super().__init__(replace(scenario, gateways=plans), out, *options, **more)
        self._folder = out
        self._server, self._tell = server, tell
        self.udp: UdpGateways | None = None

    def execute(self) -> dict[str, Any]:
        """As Run's; what Ctrl-C ended has a summary too."""
        try:
            return super().execute()
        finally:
            if self.udp is not None:
                self.udp.close()

    def _connect(self) -> None:
        self._write_ledger()
        for node in self.nodes.values():
            if node.identity.session is not None:
                node.device.sessions.append(node.identity.session)
        self.udp = UdpGateways(
            self._server,
            self.clock,
            self._region,
            [node.device for node in self.nodes.values()],
            self._put,
        )
        for gateway in self._gateways.values():
            self.udp.open(gateway)
            self._tell(f"gateway {gateway.eui} speaks to {self._place}")
        self.clock.call_at(_ANSWER_US, self._tell_of_silence)

    def _tell_of_silence(self) -> None:
        """Say so when no gateway has had an answer yet."""
        assert self.udp is not None
        if not any(each.counts.pull_acks for each in self.udp.forwarders.values()):
            self._tell(
                f"{self._place} does not answer: is a network server there, and UDP let through?"
            )

    @property
    def _place(self) -> str:
        return f"udp://{self._server[0]}:{self._server[1]}"

    def _write_ledger(self) -> None:
        """Keep the nodes as `provision` does, so that they can be exported."""
        path = self.out / LEDGER
        with open_ledger(path, plain_keys=True) as ledger:
            for node in self.nodes.values():
                plan = node.plan
                row = LedgerNode(node.identity, plan.board, plan.kit, self._region.name)
                known = ledger.by_dev_eui(node.identity.dev_eui)
                if known is None:
                    ledger.add(row)
                elif known.identity.app_key != node.identity.app_key:
                    raise HostError(f"{path} has '{known.name}' with another key", "another --out")
        words = f"node071 export tts-csv --ledger {typed(path)}"
        self._tell(f"register the nodes: {words}, or chirpstack")

    def _go(self, boards: Sequence[Board]) -> None:
        assert self.udp is not None
        line, end_us = self.udp.line, self.scenario.duration_us
        try:
            while self.clock.now_us < end_us:
                now_us = line.wait(min(self.clock.now_us + AHEAD_US, end_us))
                schedule.run(boards, self.clock, now_us, self._jobs)
                line.take()
        except KeyboardInterrupt:
            self.scenario = self.scenario.lasting(max(self.hours, _SHORTEST_H))
        if (lost_s := line.wall.lost_us / 1e6) >= 1:
            self._tell(f"this computer was too slow: time stood still for {lost_s:.0f} s in all")

    def _pass_on(self, gateway: Gateway, signal: Signal) -> Verdict | None:
        assert self.udp is not None
        return self.udp.heard(gateway, signal)

    def _put(self, gateway: Gateway, packet: Transmission, verdict: Verdict) -> None:
        name = verdict.device.name if verdict.device is not None else ""
        if self._put_on_air(gateway, packet, name) and verdict.accepted:
            self._refused_or_joined(verdict, packet)


def _own_eui(seed: int, number: int) -> str:
    """Another gateway with another seed, as the nodes are: a network has each EUI once."""
    return f"071071{crc32(str(seed).encode()):08x}{number & 0xFF:02x}"
