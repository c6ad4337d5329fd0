# SPDX-License-Identifier: MIT
"""Gateways of a run before a network server: the Semtech UDP protocol, in real time."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from host.errors import HostError
from simulator.air import Signal, Transmission
from simulator.clock import Clock
from simulator.device import Device
from simulator.gateway import Gateway
from simulator.overhearing import Overhearing
from simulator.packet_forwarder import PacketForwarder
from simulator.reception import Verdict
from simulator.regions import Region
from simulator.txpk import Downlink
from simulator.udp_line import UdpLine

# A downlink is known 42.5 ms before it starts (simulator/jit_queue.py): in stretches shorter than
# that boards may run alone, and nothing that the server says comes too late for them.
AHEAD_US = 40_000
_MAX_POWER_DBM = 30  # the strongest downlink of any region

Put = Callable[[Gateway, Transmission, Verdict], None]


class UdpGateways:
    """What stands behind the gateways of one air: a network server that is not ours.

    It does not tell what becomes of a frame: what the devices say is opened by their keys. `put`
    gets a downlink that is to go on the air now, and whom it is for.
    HostError: there is no such server.
    """

    def __init__(
        self,
        server: tuple[str, int],
        clock: Clock,
        region: Region,
        devices: Iterable[Device],
        put: Put,
    ):
        self._clock, self._put = clock, put
        self._tx_hz = region.band_hz
        self._overhearing = Overhearing(devices)
        self.forwarders: dict[str, PacketForwarder] = {}
        try:
            self.line = UdpLine(clock, *server)
        except OSError as error:
            cause = f"udp://{server[0]}:{server[1]}: {error.strerror or error}"
            raise HostError(cause, "check the name of the server") from error

    def close(self) -> None:
        """Close its sockets."""
        self.line.__exit__()

    def open(self, gateway: Gateway) -> None:
        """Have a gateway speak to the server from now on."""
        port = self.line.open()

        def send(datagram: bytes) -> None:
            if not gateway.off:
                port.send(datagram)

        def receive(datagram: bytes) -> None:
            if not gateway.off:
                forwarder.receive(datagram)

        forwarder = PacketForwarder(
            bytes.fromhex(gateway.eui),
            self._clock,
            datetime.now(UTC),
            send,
            lambda downlink: self._transmit(gateway, downlink),
            self._tx_hz,
            _MAX_POWER_DBM,
        )
        port.receive = receive
        self.forwarders[gateway.eui] = forwarder
        forwarder.begin()

    def heard(self, gateway: Gateway, signal: Signal) -> Verdict | None:
        """Pass an uplink on; returns what it says, None when that is nothing new."""
        self.forwarders[gateway.eui].push([gateway.rxpk(signal)])
        return self._overhearing.uplink(signal.transmission.payload)

    def _transmit(self, gateway: Gateway, downlink: Downlink) -> None:
        packet = gateway.downlink(
            downlink.freq_hz,
            downlink.sf,
            downlink.bw_hz,
            downlink.phy,
            downlink.power_dbm,
            cr=downlink.cr,
            preamble_symbols=downlink.preamble_symbols,
            crc_on=downlink.crc_on,
            iq_inverted=downlink.iq_inverted,
        )
        self._put(gateway, packet, self._overhearing.downlink(downlink.phy))
