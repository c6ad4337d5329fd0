# SPDX-License-Identifier: MIT
"""Puts a capture on trial: a network server has to tell frames that are new from old ones."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from host.captures import Uplink
from simulator.network import Device, Network, Verdict
from simulator.regions import EU868, REGIONS

_PAUSE_US = 1_000_000


@dataclass(frozen=True)
class Live:
    """The frame that was held back, and what became of it."""

    name: str | None
    f_cnt: int | None
    accepted: bool
    reason: str


@dataclass
class Trial:
    """What became of the frames: copies came from further gateways, strangers were refused.

    `reasons` are those for which the replayed ones were refused.
    """

    frames: int = 0
    accepted: int = 0
    copies: int = 0
    strangers: list[str] = field(default_factory=list)
    replayed: int = 0
    refused: int = 0
    reasons: list[str] = field(default_factory=list)
    live: Live | None = None  # None: there is no data frame


def run(frames: Iterable[Uplink], devices: list[dict[str, Any]]) -> Trial:
    """Send the frames to a fresh network, what it took once more, and then one that is new.

    The new one is the last data frame of the capture, which is held back till then.
    """
    ordered = sorted(frames, key=lambda frame: (frame.time, frame.gateway))
    live = _last_data(ordered, devices)
    first = [frame for frame in ordered if live is None or frame.phy != live.phy]
    trial, desk, old = Trial(len(first)), _Desk(devices, ordered), []
    for frame in first:
        verdict = desk.hear(frame)
        if verdict.accepted:
            old.append(frame)
        elif verdict.reason == "duplicate":
            trial.copies += 1
        else:
            trial.strangers.append(verdict.reason)
    trial.accepted = trial.replayed = len(old)
    desk.later()
    trial.reasons = [verdict.reason for verdict in map(desk.hear, old) if not verdict.accepted]
    trial.refused = len(trial.reasons)
    desk.later()
    if live is not None:
        verdict = desk.hear(live)
        name = verdict.device.name if verdict.device else None
        trial.live = Live(name, verdict.f_cnt, verdict.accepted, verdict.reason)
    return trial


class _Desk:
    """A fresh network and the time at it."""

    def __init__(self, devices: list[dict[str, Any]], ordered: list[Uplink]):
        name = devices[0].get("region", "") if devices else ""
        region = REGIONS.get(name, EU868)
        self._network = Network(
            [Device.restore(each) for each in devices], Random(0), region=region
        )
        self._first, self._shift_us = ordered[0].time if ordered else None, 0
        self._span_us = self._time_us(ordered[-1]) + _PAUSE_US if ordered else 0

    def _time_us(self, frame: Uplink) -> int:
        assert self._first is not None
        return round((frame.time - self._first).total_seconds() * 1e6) + self._shift_us

    def later(self) -> None:
        """What is heard from now on comes after all of before."""
        self._shift_us += self._span_us

    def hear(self, frame: Uplink) -> Verdict:
        return self._network.uplink(
            self._time_us(frame), frame.phy, frame.freq_hz, frame.sf, frame.bw_hz,
            frame.rssi_dbm, frame.snr_db, frame.gateway,
        )  # fmt: skip


def _last_data(ordered: list[Uplink], devices: list[dict[str, Any]]) -> Uplink | None:
    """The last data frame that a network takes."""
    desk = _Desk(devices, ordered)
    taken = None
    for frame in ordered:
        verdict = desk.hear(frame)
        if verdict.accepted and verdict.kind == "data":
            taken = frame
    return taken
