# SPDX-License-Identifier: MIT
"""The packets of a crowd that are in the air or will be within the hour, and who buries whom."""

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np

from simulator.air import Signal
from simulator.crowd import BW_HZ, Crowd
from simulator.interference import SNR_FLOOR_DB, Isolation

_PREAMBLE_SYMBOLS = 8
_LONGEST_US = 10_000_000  # no packet lasts so long
_FIRST_SF = min(SNR_FLOOR_DB)


class Packets:
    """Lists by packet, in the order of their start, for a loop that takes one after the other.

    `reach` has the gateways at which a packet is above the demodulation floor, `clean` by gateway
    whether nothing buried it, `asks` whether it wants an answer.
    """

    def __init__(self, crowds: Sequence[Crowd], isolation: Isolation):
        self._crowds = crowds
        self._isolation = isolation
        self._critical_us = np.array(
            [isolation.critical_us(sf, BW_HZ, _PREAMBLE_SYMBOLS) for sf in SNR_FLOOR_DB]
        )
        self._needed_db = np.array(isolation.rows, float)
        self._freqs_hz = sorted({freq_hz for crowd in crowds for freq_hz in crowd.freqs_hz})
        self._channels = [
            np.array([self._freqs_hz.index(each) for each in crowd.freqs_hz]) for crowd in crowds
        ]
        self._rssi_dbm = np.concatenate([crowd.rssi_dbm for crowd in crowds], axis=1)
        self._sf = np.concatenate([crowd.sf for crowd in crowds])
        self._airtime_us = np.concatenate([crowd.airtime_us for crowd in crowds])
        sizes = [crowd.plan.count for crowd in crowds]
        self._first = np.cumsum([0, *sizes])
        self._names = [crowd.plan.name for crowd in crowds for _ in range(crowd.plan.count)]
        snr_db = np.concatenate([crowd.snr_db for crowd in crowds], axis=1)
        above = snr_db >= np.array([SNR_FLOOR_DB[sf] for sf in self._sf.tolist()])
        self._reach = [tuple(np.flatnonzero(column).tolist()) for column in above.T]
        gateways = len(self._rssi_dbm)
        empty = np.zeros(0, np.int64)
        self._start_us, self._node, self._channel = empty, empty, empty
        self._clean = np.zeros((gateways, 0), bool)
        self._asks = np.zeros(0, bool)
        self._listed()

    def extend(self, until_us: int, kept: Sequence[int]) -> None:
        """Add all packets that start before a time; of those before, keep some, by number."""
        keep = np.array(kept, np.int64)
        starts, nodes, channels, asks = [], [], [], []
        for crowd, first, channel in zip(self._crowds, self._first, self._channels, strict=False):
            frames = crowd.frames(until_us)
            starts.append(frames.start_us)
            nodes.append(frames.node + first)
            channels.append(channel[frames.channel])
            asks.append(crowd.asks(len(frames.node)))
        start_us = np.concatenate(starts)
        order = np.argsort(start_us, kind="stable")
        clean = np.ones((len(self._clean), len(order)), bool)
        self._start_us = np.concatenate([self._start_us[keep], start_us[order]])
        self._node = np.concatenate([self._node[keep], np.concatenate(nodes)[order]])
        self._channel = np.concatenate([self._channel[keep], np.concatenate(channels)[order]])
        self._asks = np.concatenate([self._asks[keep], np.concatenate(asks)[order]])
        self._clean = np.concatenate([self._clean[:, keep], clean], axis=1)
        self._bury()
        self._listed()

    def meet(self, gateway: int, signal: Signal) -> bool:
        """Bury what a strange signal buries; False: one of these buries the signal."""
        strange, clean = signal.transmission, True
        free_us = self._isolation.critical_us(strange.sf, strange.bw_hz, strange.preamble_symbols)
        first = bisect_left(self.start_us, strange.start_us - _LONGEST_US)
        for packet in range(first, bisect_left(self.start_us, strange.end_us)):
            if self.end_us[packet] <= strange.start_us:
                continue
            apart_hz = abs(self._freqs_hz[int(self._channel[packet])] - strange.freq_hz)
            if 2 * apart_hz >= BW_HZ:
                continue
            above_db = signal.rssi_dbm - self.rssi_dbm(gateway, packet)
            sf = self.sf[packet]
            mine_us = self.start_us[packet] + int(self._critical_us[sf - _FIRST_SF])
            buries = self._isolation.buries
            clean &= not buries(
                strange.sf, strange.start_us + free_us, sf, self.end_us[packet], above_db
            )
            if buries(sf, mine_us, strange.sf, strange.end_us, -above_db):
                self.clean[gateway][packet] = False
                self._clean[gateway, packet] = False
        return clean

    def rssi_dbm(self, gateway: int, packet: int) -> float:
        """How strong a packet arrives at a gateway."""
        return float(self._rssi_dbm[gateway, self._node[packet]])

    def _listed(self) -> None:
        """The arrays as lists: three times faster to read one by one."""
        node = self._node.tolist()
        self.start_us = self._start_us.tolist()
        self.end_us = (self._start_us + self._airtime_us[self._node]).tolist()
        self.sf = self._sf[self._node].tolist()
        self.crowd = [self._names[each] for each in node]
        self.reach = [self._reach[each] for each in node]
        self.asks = self._asks.tolist()
        self.clean = self._clean.tolist()

    def _bury(self) -> None:
        """Compare each packet with all that start on its channel before it ends."""
        order = np.lexsort((self._start_us, self._channel))
        start_us, channel = self._start_us[order], self._channel[order]
        node = self._node[order]
        sf = self._sf[node] - _FIRST_SF
        end_us = start_us + self._airtime_us[node]
        critical = start_us + self._critical_us[sf]
        rssi_dbm = self._rssi_dbm[:, node]
        clean = self._clean[:, order]
        first = np.arange(len(order))
        apart = 0
        while first.size:
            apart += 1
            first = first[first + apart < len(order)]
            second = first + apart
            meet = (channel[first] == channel[second]) & (start_us[second] < end_us[first])
            first, second = first[meet], second[meet]
            above_db = rssi_dbm[:, first] - rssi_dbm[:, second]
            # the later one's first preamble symbols may be lost without harm
            buries = end_us[first] > critical[second]
            clean[:, second] &= ~(buries & (-above_db < self._needed_db[sf[second], sf[first]]))
            buries = end_us[second] > critical[first]
            clean[:, first] &= ~(buries & (above_db < self._needed_db[sf[first], sf[second]]))
        self._clean[:, order] = clean
