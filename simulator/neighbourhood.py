# SPDX-License-Identifier: MIT
"""The air around one virtual board: a gateway in it, and a network behind that."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from host import decode, export
from host.errors import HostError
from host.lorawan import Session
from simulator.air import Air, Place, Signal, Station, Transmission
from simulator.clock import Clock
from simulator.device import Device
from simulator.gateway import Gateway
from simulator.network import Downlink, Network
from simulator.reception import Verdict
from simulator.regions import EU868, REGIONS
from simulator.udp_gateways import UdpGateways
from simulator.wall import Wall

_FAR_M = 150.0
_OUR_EUIS = "07107100"  # the first half of a gateway's; the other half is of the board's id


class Neighbourhood:
    """What a virtual board can hear, for as long as it is there: it outlasts resets and cables.

    Behind the gateway is our own small network, or a network server at `server`, (host, port). Our
    own knows the board beside it, by what its flash holds, as if somebody had registered it; it
    keeps what it knows in the file `memory`. `tell` gets what happens, a line each.
    """

    def __init__(
        self,
        unique_id: bytes,
        memory: Path,
        seed: int,
        tell: Callable[[str], None],
        server: tuple[str, int] | None = None,
    ):
        self.air, self.eui = Air(Clock(), seed), _OUR_EUIS + unique_id.hex()[-8:]
        self._clock, self._seed, self._tell = self.air.clock, seed, tell
        self._memory, self._server = memory, server
        self._wall: Wall | None = None
        self._region = EU868
        self._device: Device | None = None
        self._station: Station | None = None
        self._gateway: Gateway | None = None
        self._network: Network | None = None
        self._udp: UdpGateways | None = None
        self._build()

    def close(self) -> None:
        """Close its sockets."""
        if self._udp is not None:
            self._udp.close()

    def fileno(self) -> list[int]:
        """What can be read when something has come for the gateway."""
        return [] if self._udp is None else [self._udp.line.fileno()]

    def station(self, name: str) -> Station:
        """A new antenna for the board, in the place of the one that it had."""
        if self._station is not None:
            self.air.leave(self._station)
        self._station = self.air.station(name, Place(0, 0))
        return self._station

    def meet(self, config: Mapping[str, Any]) -> None:
        """The board starts with this config, {} for none: the network is told who it is now."""
        region, device = REGIONS.get(config.get("region", ""), self._region), _device(config)
        if region is self._region and _same(device, self._device):
            return
        if region is not self._region or self._server is not None:
            self._region, self._device = region, device
            self._build()
        else:
            self._device = device
            self._register()

    def go_on(self, alone: bool) -> None:
        """Take what came for the gateway; `alone`: no board keeps the time meanwhile."""
        if not alone:
            self._wall = None
        elif self._wall is None:
            self._wall = Wall(self._clock)
        if self._wall is not None:
            self._clock.run_until(max(self._wall.now_us(), self._clock.now_us))
        if self._udp is not None:
            self._udp.line.take()

    def _build(self) -> None:
        """Set the gateway up, and connect it."""
        if self._gateway is not None:
            self._gateway.off = True
            self.air.leave(self._gateway.station)
        station = self.air.station("gateway", Place(_FAR_M, 0))
        channels = self._region.heard()
        self._gateway = Gateway(
            self.eui, station, self._clock, channels, self._heard, lambda *missed: None
        )
        if self._server is None:
            self._network = Network(
                [], Random(f"{self._seed}/network"), region=self._region, start=_zero(self._clock)
            )
            self._register()
            return
        self.close()
        devices = [] if self._device is None else [self._device]
        self._udp = UdpGateways(self._server, self._clock, self._region, devices, self._put)
        self._udp.open(self._gateway)
        self._tell(f"gateway {self.eui} speaks to udp://{self._server[0]}:{self._server[1]}")

    def _register(self) -> None:
        device = self._device
        if self._network is None or device is None:
            return
        device.sessions += [each for each in self._remembered(device) if each]
        self._network.register(device)
        self._tell(f"network: knows {device.name}, DevEUI {device.dev_eui.hex().upper()}")

    # What is kept.

    def _remembered(self, device: Device) -> list[Session]:
        """The sessions of a device that was here before, with the same key."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            (record,) = json.loads(self._memory.read_bytes())["nodes"]
            known = Device.restore(record)
            if _same(known, device):
                return known.sessions
        return []

    def _remember(self, device: Device) -> None:
        text = json.dumps({"nodes": [device.record() | {"region": self._region.name}]}, indent=2)
        export.write(self._memory, text + "\n")

    # Up and down.

    def _heard(self, gateway: Gateway, signal: Signal) -> None:
        heard = self._ask if self._udp is None else self._udp.heard
        verdict = heard(gateway, signal)
        if verdict is not None:
            self._tell(_words(verdict))

    def _ask(self, gateway: Gateway, signal: Signal) -> Verdict:
        """Give an uplink to our own network, and send what it answers."""
        assert self._network is not None
        verdict = gateway.pass_on(signal, self._network)
        if verdict.kind == "join" and verdict.device is not None:
            self._remember(verdict.device)
        if verdict.downlink is not None:
            self._clock.call_at(verdict.downlink.time_us, self._send, gateway, verdict.downlink)
        return verdict

    def _send(self, gateway: Gateway, downlink: Downlink) -> None:
        gateway.send(
            gateway.downlink(
                downlink.freq_hz, downlink.sf, downlink.bw_hz, downlink.phy, downlink.power_dbm
            )
        )

    def _put(self, gateway: Gateway, packet: Transmission, verdict: Verdict) -> None:
        """A downlink of the network server."""
        cause = gateway.send(packet)
        if verdict.kind == "join" and not cause:
            self._tell(_words(verdict))
        else:
            self._tell(f"gateway: downlink of {len(packet.payload)} bytes {cause or 'sent'}")


def _device(config: Mapping[str, Any]) -> Device | None:
    """The device that a config makes of a board; None: it never joins, or there is none."""
    try:
        dev_eui, join_eui, app_key = (config[key] for key in ("dev_eui", "join_eui", "app_key"))
    except KeyError:
        return None
    return Device(str(config["name"]), dev_eui, join_eui, app_key)


def _same(one: Device | None, other: Device | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.dev_eui, one.join_eui, one.app_key) == (
        other.dev_eui,
        other.join_eui,
        other.app_key,
    )


def _zero(clock: Clock) -> datetime:
    """The UTC at which a clock that goes with the world was 0."""
    return datetime.fromtimestamp(datetime.now(UTC).timestamp() - clock.now_us / 1e6, UTC)


def _words(verdict: Verdict) -> str:
    name = verdict.device.name if verdict.device is not None else "a stranger"
    if not verdict.accepted:
        return f"network: {name} refused: {verdict.reason}"
    if verdict.kind == "join":
        return f"network: {name} joins"
    said = f"network: {name}, frame {verdict.f_cnt}"
    if verdict.f_port != decode.READINGS:
        return f"{said}, FPort {verdict.f_port}" if verdict.f_port else said
    with suppress(HostError):
        values = decode.decode_payload(verdict.payload)["readings"]
        return f"{said}: {len(values)} readings" if len(values) != 1 else f"{said}: a reading"
    return said
