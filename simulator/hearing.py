# SPDX-License-Identifier: MIT
"""What the gateways hear of a crowd: who buries whom, who finds a demodulator, who is answered."""

from collections import Counter
from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from typing import Any

from host.lorawan import time_on_air_us
from simulator.air import Signal
from simulator.concentrator import Concentrator
from simulator.crowd import BW_HZ, Crowd
from simulator.interference import SNR_FLOOR_DB, Isolation
from simulator.packets import Packets

HEARD, BURIED, WEAK = "heard", "collision", "too weak"
_HOUR_US = 3_600_000_000
_RX1_US = 1_000_000
_ACK_BYTES = 12  # a frame without anything
_DUTY_CYCLE = 100  # of the channels of RX1: 1 %
_END, _ANSWER = range(2)
# What became of a packet is the best of what became of it at each gateway.
_RANK = (WEAK, "gateway off", "gateway was sending", "all demodulators busy", BURIED, HEARD)


class Hearing:
    """All crowds before all gateways; `advance` takes the time on.

    `outcomes` counts (crowd, spreading factor, what became of it) for each packet that has ended.
    """

    def __init__(
        self, crowds: Sequence[Crowd], gateways: Sequence[Concentrator], isolation: Isolation
    ):
        self.outcomes: Counter[tuple[str, int, str]] = Counter()
        self.answered = 0
        self._crowds, self._gateways = crowds, gateways
        self._air = Packets(crowds, isolation)
        self._known_us = 0  # frames that start before it are in the air's arrays
        self._next = 0  # the first of them that has not started
        self._events: list[tuple[int, int, int]] = []
        self._locked: dict[int, dict[int, str]] = {}  # by packet: by gateway: why not
        self._free_us = [0] * len(gateways)  # when the duty cycle lets it answer again
        self._acks = {sf: time_on_air_us(_ACK_BYTES, sf, BW_HZ, crc=False) for sf in SNR_FLOOR_DB}

    def advance(self, until_us: int) -> None:
        """Let everything happen that happens until a time, that of the time itself too."""
        while self._known_us <= until_us:
            self._run(self._known_us - 1)
            self._more()
        self._run(until_us)

    def meet(self, gateway: int, signal: Signal) -> None:
        """A packet that is not of the crowd starts now at a gateway: who buries whom?"""
        packet = signal.transmission
        self.advance(packet.start_us)
        while self._known_us <= packet.end_us:
            self._more()
        if not packet.iq_inverted and packet.bw_hz == BW_HZ:
            signal.clean &= self._air.meet(gateway, signal)

    def summary(self) -> list[dict[str, Any]]:
        """What became of the packets of each crowd, by cause and by spreading factor."""
        rows = []
        for crowd in self._crowds:
            mine = {key[1:]: n for key, n in self.outcomes.items() if key[0] == crowd.plan.name}
            sent, by_sf = sum(mine.values()), {}
            for sf in sorted({sf for sf, _ in mine}):
                of_sf = {cause: n for (each, cause), n in mine.items() if each == sf}
                by_sf[f"SF{sf}"] = {"sent": sum(of_sf.values()), "heard": of_sf.get(HEARD, 0)}
            lost: Counter[str] = Counter()
            for (_, cause), count in mine.items():
                lost[cause] += count
            heard = lost.pop(HEARD, 0)
            rows.append(
                {
                    "name": crowd.plan.name,
                    "nodes": crowd.plan.count,
                    "sent": sent,
                    "heard": heard,
                    "share": round(heard / sent, 4) if sent else None,
                    "lost": dict(sorted(lost.items())),
                    "by_sf": by_sf,
                }
            )
        return rows

    def _more(self) -> None:
        """Have the crowds make the frames of an hour more."""
        self._known_us += _HOUR_US
        # all others have ended
        kept = [*sorted(self._locked), *range(self._next, len(self._air.start_us))]
        self._air.extend(self._known_us, kept)
        number = {old: new for new, old in enumerate(kept)}
        self._locked = {number[old]: fate for old, fate in self._locked.items()}
        self._events = [
            (time_us, kind, number[value] if kind == _END else value)
            for time_us, kind, value in self._events
        ]
        heapify(self._events)
        self._next = len(self._locked)

    def _run(self, until_us: int) -> None:
        """Starts, ends and answers in their order."""
        air, events = self._air, self._events
        starts_us, ends_us = air.start_us, air.end_us
        packet, count = self._next, len(starts_us)
        while True:
            start_us = starts_us[packet] if packet < count else until_us + 1
            if events and events[0][0] <= min(start_us, until_us):
                self._happens(*heappop(events))
            elif start_us <= until_us:
                reach = air.reach[packet]
                if reach:
                    end_us = ends_us[packet]
                    self._locked[packet] = {
                        gateway: self._gateways[gateway].lock(start_us, end_us) for gateway in reach
                    }
                    heappush(events, (end_us, _END, packet))
                else:
                    self.outcomes[air.crowd[packet], air.sf[packet], WEAK] += 1
                packet += 1
            else:
                break
        self._next = packet

    def _happens(self, time_us: int, kind: int, number: int) -> None:
        if kind == _END:
            self._ends(time_us, number)
        else:
            gateway, sf = divmod(number, 16)
            self._answers(time_us, gateway, sf)

    def _ends(self, end_us: int, packet: int) -> None:
        air, best, heard = self._air, 0, []
        for gateway, cause in self._locked.pop(packet).items():
            cause = cause or self._gateways[gateway].lost(air.start_us[packet], end_us)
            if not cause:
                cause = HEARD if air.clean[gateway][packet] else BURIED
                if cause == HEARD:
                    heard.append(gateway)
            best = max(best, _RANK.index(cause))
        sf = air.sf[packet]
        self.outcomes[air.crowd[packet], sf, _RANK[best]] += 1
        if heard and air.asks[packet]:
            gateway = max(heard, key=lambda each: air.rssi_dbm(each, packet))
            heappush(self._events, (end_us + _RX1_US, _ANSWER, gateway * 16 + sf))

    def _answers(self, start_us: int, gateway: int, sf: int) -> None:
        """Answer in RX1 when the gateway is free and its duty cycle lets it."""
        if start_us < self._free_us[gateway] or self._gateways[gateway].sending(start_us):
            return
        airtime_us = self._acks[sf]
        self._free_us[gateway] = start_us + airtime_us * _DUTY_CYCLE
        self._gateways[gateway].send(start_us, start_us + airtime_us)
        self.answered += 1
