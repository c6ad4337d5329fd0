# SPDX-License-Identifier: MIT
"""Many cheap nodes: no firmware, only when, where and how they send.

Their frames are made by the hour, for all nodes at once, so that ten thousand cost what they send.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from host.lorawan import time_on_air_us
from simulator.interference import SNR_FLOOR_DB
from simulator.places import Latitude, Longitude, Metres
from simulator.propagation import PathLoss, noise_floor_dbm
from simulator.regions import Region
from simulator.streams import generator

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
BW_HZ = 125_000
_US = 1_000_000
_NEAREST_KM = 0.01
_MARGIN_DB = 10.0  # what the network's ADR leaves for bad days (ChirpStack's and TTN's default)
RULES = ("adr", "fixed", "random")
_SFS = tuple(SNR_FLOOR_DB)


@dataclass(frozen=True)
class CrowdPlan:
    """Cheap nodes on a disc, each with frames of `size_bytes` about every `interval_s`.

    `rule`: "adr", the fastest data rate that the best gateway hears with a margin of 10 dB;
    "fixed", `sf` for all; "random", any. `poisson`: the time between two frames is drawn from an
    exponential distribution, else it is the interval, give or take 10 %. `acked` is the share of
    frames that the network answers. `cr`: 5 to 8, for 4/5 to 4/8.
    """

    name: str
    count: Annotated[int, 1, 1_000_000]
    interval_s: Annotated[float, 1, 1e6] = 600.0
    size_bytes: Annotated[int, 12, 255] = 24
    rule: str = "adr"
    sf: Annotated[int, 7, 12] = 12
    cr: Annotated[int, 5, 8] = 5
    x_m: Metres = 0.0
    y_m: Metres = 0.0
    radius_m: Annotated[float, 0, 1e6] = 1000.0
    power_dbm: Annotated[float, -10, 30] = 14.0
    poisson: bool = False
    acked: Annotated[float, 0, 1] = 0.0
    channels: Annotated[int, 0, 64] = 0  # of the gateways' channels that it uses, 0: all
    duty_cycle: bool = True
    latitude: Latitude | None = None
    longitude: Longitude | None = None


def channels_hz(region: Region) -> list[int]:
    """The channels of the gateways that a crowd can use."""
    return [freq_hz for freq_hz, bw_hz in region.heard() if bw_hz == BW_HZ]


@dataclass(frozen=True)
class Frames:
    """Frames in the order of their start, one element each."""

    start_us: Ints
    node: Ints
    channel: Ints


class Crowd:
    """The nodes of one plan: `sf`, `airtime_us` by node, `rssi_dbm` by gateway and node."""

    def __init__(
        self,
        plan: CrowdPlan,
        seed: int,
        region: Region,
        loss: PathLoss,
        gateways_m: list[tuple[float, float]],
    ):
        self.plan, self._duty_cycle = plan, region.duty_cycle if plan.duty_cycle else None
        self._random = generator(seed, f"crowd/{plan.name}")
        self.freqs_hz = channels_hz(region)[: plan.channels or None]
        # EU868: the join channels share one sub-band of 1 %, the five below 868 MHz another
        self._band = np.array([freq_hz < 868_000_000 for freq_hz in self.freqs_hz], np.int64)
        self.rssi_dbm = self._heard_dbm(loss, gateways_m)
        self.snr_db = self.rssi_dbm - noise_floor_dbm(BW_HZ)
        self.sf = self._data_rates()
        airtimes = {sf: time_on_air_us(plan.size_bytes, sf, BW_HZ, plan.cr) for sf in _SFS}
        self.airtime_us = np.array([airtimes[sf] for sf in self.sf.tolist()], np.int64)
        self._due_us = self._random.uniform(0, plan.interval_s * _US, plan.count)
        self._free_us = np.zeros((2, plan.count))

    def _heard_dbm(self, loss: PathLoss, gateways_m: list[tuple[float, float]]) -> Floats:
        plan, draw = self.plan, self._random
        angle = draw.uniform(0, 2 * np.pi, plan.count)
        radius_m = plan.radius_m * np.sqrt(draw.uniform(0, 1, plan.count))
        self.x_m = plan.x_m + radius_m * np.cos(angle)
        self.y_m = plan.y_m + radius_m * np.sin(angle)
        rows = []
        for x_m, y_m in gateways_m:
            distance_km = np.maximum(np.hypot(self.x_m - x_m, self.y_m - y_m) / 1e3, _NEAREST_KM)
            lost_db = loss.loss_db + loss.decade_db * np.log10(distance_km / loss.reference_km)
            shadow_db = draw.normal(0, loss.shadowing_db, plan.count) if loss.shadowing_db else 0
            rows.append(plan.power_dbm + loss.gain_db - lost_db + shadow_db)
        return np.array(rows)

    def _data_rates(self) -> Ints:
        plan = self.plan
        if plan.rule == "fixed":
            return np.full(plan.count, plan.sf)
        if plan.rule == "random":
            return self._random.integers(_SFS[0], _SFS[-1] + 1, plan.count)
        best_db = self.snr_db.max(axis=0)
        found = np.full(plan.count, _SFS[-1])
        for sf in reversed(_SFS):
            found[best_db >= SNR_FLOOR_DB[sf] + _MARGIN_DB] = sf
        return found

    def frames(self, until_us: int) -> Frames:
        """All frames that start before until_us and were not given out yet."""
        starts: list[Floats] = []
        nodes: list[Ints] = []
        channels: list[Ints] = []
        while True:
            (node,) = np.nonzero(self._due_us < until_us)
            if not node.size:
                break
            channel = self._random.integers(0, len(self.freqs_hz), node.size)
            start_us = self._due_us[node]
            if self._duty_cycle is not None:
                start_us, channel = self._within_duty_cycle(node, start_us, channel)
            now = start_us < until_us
            self._due_us[node[~now]] = start_us[~now]
            node, start_us, channel = node[now], start_us[now], channel[now]
            self._take_turn(node, start_us, channel)
            starts.append(start_us)
            nodes.append(node)
            channels.append(channel)
        if not starts:
            return Frames(*(np.zeros(0, np.int64) for _ in range(3)))
        begin_us = np.concatenate(starts).astype(np.int64)
        order = np.argsort(begin_us, kind="stable")
        node, channel = np.concatenate(nodes)[order], np.concatenate(channels)[order]
        return Frames(begin_us[order], node, channel)

    def asks(self, count: int) -> NDArray[np.bool_]:
        """Which of the next frames want an answer."""
        return self._random.random(count) < self.plan.acked

    def _take_turn(self, node: Ints, start_us: Floats, channel: Ints) -> None:
        """Note what was sent, and plan the next frame of each node."""
        if self._duty_cycle is not None:
            off_us = self.airtime_us[node] / self._duty_cycle
            self._free_us[self._band[channel], node] = start_us + off_us
        plan, interval_us = self.plan, self.plan.interval_s * _US
        if plan.poisson:
            gap_us = self._random.exponential(interval_us, node.size)
        else:
            gap_us = interval_us * self._random.uniform(0.9, 1.1, node.size)
        self._due_us[node] = np.maximum(
            self._due_us[node] + gap_us, start_us + self.airtime_us[node]
        )

    def _within_duty_cycle(
        self, node: Ints, start_us: Floats, channel: Ints
    ) -> tuple[Floats, Ints]:
        """Hold back what its sub-band does not allow yet; the other band when that is free."""
        band = self._band[channel]
        free_us = self._free_us[band, node]
        other = np.array([int(np.argmax(self._band == each)) for each in (1, 0)])[band]
        other_free_us = self._free_us[1 - band, node]
        changes = (free_us > start_us) & (other_free_us < free_us) & (self._band[other] != band)
        channel = np.where(changes, other, channel)
        start_us = np.maximum(start_us, np.where(changes, other_free_us, free_us))
        return start_us, channel
