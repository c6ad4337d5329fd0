# SPDX-License-Identifier: MIT
"""Sends the uplinks of a capture to a network server, as the gateways that heard them would."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from host.captures import Uplink
from simulator.clock import Clock
from simulator.packet_forwarder import PacketForwarder
from simulator.udp_line import UdpLine

_IN_FLIGHT = 64
_GIVE_UP = 8  # lost one after the other: nobody is there


@dataclass
class Sent:
    """What became of the frames; `repeated` are datagrams, `downlinks` what the server wanted."""

    frames: int
    sent: int = 0
    acknowledged: int = 0
    lost: int = 0
    repeated: int = 0
    downlinks: int = 0
    seconds: float = 0.0


class UdpReplay:
    """Frames on their way to one server: as fast as it acknowledges, or at `speed` of real time."""

    def __init__(
        self,
        frames: Sequence[Uplink],
        host: str,
        port: int,
        speed: float | None = None,
        repeat_us: int = 500_000,
    ):
        self._frames = sorted(frames, key=lambda frame: (frame.time, frame.gateway))
        self._host, self._port = host, port
        self._speed, self._repeat_us = speed, repeat_us
        self._clock, self._start = Clock(), datetime.now(UTC)
        self._forwarders: dict[str, PacketForwarder] = {}
        self._lost_in_a_row, self._next = 0, 0
        self.result = Sent(len(frames))

    def run(self) -> Sent:
        """Send them all, or those up to where nobody answers any more."""
        with UdpLine(self._clock, self._host, self._port) as line:
            for gateway in sorted({frame.gateway for frame in self._frames}):
                self._open(line, gateway)
            if self._speed is None:
                for _ in range(_IN_FLIGHT):
                    self._send_next()
            else:
                self._schedule(self._speed)
            line.run(self._going)
        self.result.lost = self.result.sent - self.result.acknowledged
        self.result.seconds = self._clock.now_us / 1e6
        counts = [each.counts for each in self._forwarders.values()]
        self.result.repeated = sum(each.repeated for each in counts)
        self.result.downlinks = sum(each.downlinks for each in counts)
        return self.result

    def _open(self, line: UdpLine, gateway: str) -> None:
        port = line.open()
        forwarder = PacketForwarder(
            bytes.fromhex(gateway),
            self._clock,
            self._start,
            port.send,
            lambda downlink: None,  # there is no air
            repeat_us=self._repeat_us,
        )
        port.receive = forwarder.receive
        self._forwarders[gateway] = forwarder
        forwarder.begin()

    def _schedule(self, speed: float) -> None:
        first = self._frames[0].time if self._frames else self._start
        for frame in self._frames:
            after_us = round((frame.time - first).total_seconds() * 1e6 / speed)
            self._clock.call_at(self._clock.now_us + after_us, self._send_next)

    def _going(self) -> bool:
        done = self.result.acknowledged + self.result.lost
        return done < len(self._frames) and self._lost_in_a_row < _GIVE_UP

    def _send_next(self) -> None:
        if self._next == len(self._frames):
            return
        frame = self._frames[self._next]
        self._next += 1
        self.result.sent += 1
        forwarder = self._forwarders[frame.gateway]
        forwarder.push([rxpk(frame, forwarder.tmst())], self._ended)

    def _ended(self, acknowledged: bool) -> None:
        if acknowledged:
            self.result.acknowledged += 1
            self._lost_in_a_row = 0
        else:
            self.result.lost += 1
            self._lost_in_a_row += 1
        if self._speed is None and self._lost_in_a_row < _GIVE_UP:
            self._send_next()


def rxpk(frame: Uplink, tmst: int) -> dict[str, Any]:
    """An uplink in the words of the packet forwarder; `tmst` is of the gateway that sends it now.

    Without `time`: a server would take what is old for a clock that is wrong.
    """
    return {
        "tmst": tmst,
        "freq": round(frame.freq_hz / 1e6, 6),
        "chan": 0,
        "rfch": 0,
        "stat": 1,
        "modu": "LORA",
        "datr": f"SF{frame.sf}BW{frame.bw_hz // 1000}",
        "codr": "4/5",
        "rssi": round(frame.rssi_dbm),
        "lsnr": round(frame.snr_db, 1),
        "size": len(frame.phy),
        "data": b64encode(frame.phy).decode(),
    }
