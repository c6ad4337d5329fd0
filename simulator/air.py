# SPDX-License-Identifier: MIT
"""The air: what is on it, and how strong it arrives at each antenna."""

from collections.abc import Callable
from dataclasses import dataclass
from math import hypot
from random import Random
from typing import Protocol

from simulator.clock import Clock
from simulator.interference import ISOLATIONS, Isolation
from simulator.propagation import MODELS, PathLoss, noise_floor_dbm


@dataclass(frozen=True)
class Transmission:
    """One LoRa packet on the air, from the first preamble symbol to the last payload symbol."""

    start_us: int
    end_us: int
    freq_hz: int
    sf: int
    bw_hz: int
    cr: int  # 5 to 8: the denominator of 4/5 to 4/8
    preamble_symbols: int
    crc_on: bool
    implicit_header: bool
    iq_inverted: bool
    sync_word: int
    power_dbm: float
    payload: bytes
    sender: str


@dataclass
class Signal:
    """A transmission as it arrives at one antenna."""

    transmission: Transmission
    rssi_dbm: float
    snr_db: float
    clean: bool = True  # False once something stronger has buried it


class Antenna(Protocol):
    """What a radio chip is connected to."""

    def transmit(self, transmission: Transmission) -> None:
        """Put a packet on the air; its start is now."""

    def signals(self) -> list[Signal]:
        """What is on the air here at this moment."""


_NEAREST_KM = 0.01
_FADING_DB = 1.0  # from packet to packet on one path
_SNR_MAX_DB, _SNR_MIN_DB = 12.0, -25.0  # what the chips can tell


class Listener(Protocol):
    """Somebody who hears transmissions from their start."""

    def arrive(self, signal: Signal) -> None: ...


@dataclass(frozen=True)
class Place:
    """Where an antenna is, in metres east and north of the map's corner."""

    x_m: float
    y_m: float

    def distance_km(self, other: "Place") -> float:
        """Straight line, never nearer than ten metres."""
        return max(hypot(self.x_m - other.x_m, self.y_m - other.y_m) / 1000, _NEAREST_KM)


class Station:
    """One antenna in the air: a node's or a gateway's.

    `background` marks a signal that what the air does not know has buried: a crowd. A node's may
    be `ahead` of the air's clock when it sends: the air learns of it once it is there.
    """

    def __init__(self, air: "Air", name: str, place: Place, ahead: bool):
        self.name, self.place = name, place
        self.listener: Listener | None = None
        self.background: Callable[[Signal], None] | None = None
        self.on_transmit: list[Callable[[Transmission], None]] = []  # told at once
        self._air, self._ahead = air, ahead
        self._arriving: list[Signal] = []

    def transmit(self, transmission: Transmission) -> None:
        """Put a packet on the air; it starts now, by the clock of whoever sends it."""
        for note in self.on_transmit:
            note(transmission)
        air, start_us = self._air, transmission.start_us
        if self._ahead:
            air.clock.post(start_us, self.name, air.spread, self, transmission)
        else:
            air.spread(self, transmission)

    def signals(self) -> list[Signal]:
        """What is on the air here now."""
        now_us = self._air.clock.now_us
        self._arriving = [each for each in self._arriving if each.transmission.end_us > now_us]
        return self._arriving

    def hear(self, signal: Signal) -> None:
        """Take in a signal that starts now; two of one channel bury each other (capture)."""
        for other in self.signals():
            if _same_channel(signal.transmission, other.transmission):
                isolation = self._air.isolation
                signal.clean &= not _buries(isolation, other, signal)
                other.clean &= not _buries(isolation, signal, other)
        self._arriving.append(signal)
        if self.background is not None:
            self.background(signal)
        if self.listener is not None:
            self.listener.arrive(signal)


class Air:
    """All stations, and the loss between each two."""

    def __init__(
        self,
        clock: Clock,
        seed: int,
        loss: PathLoss = MODELS["oulu"],
        isolation: Isolation = ISOLATIONS["croce"],
        shadowing_db: float = 0.0,
    ):
        self.clock, self.isolation, self.loss = clock, isolation, loss
        self._seed, self._shadowing_db = seed, shadowing_db
        self._stations: list[Station] = []
        self._fading: dict[tuple[str, str], Random] = {}  # by sender and receiver
        self._received_db: dict[tuple[str, str], float] = {}
        self.on_transmit: list[Callable[[Transmission], None]] = []

    def station(self, name: str, place: Place, ahead: bool = False) -> Station:
        """A new antenna; `ahead`: of somebody with a clock of his own."""
        station = Station(self, name, place, ahead)
        self._stations.append(station)
        return station

    def leave(self, station: Station) -> None:
        """Take an antenna away."""
        self._stations.remove(station)

    def spread(self, source: Station, transmission: Transmission) -> None:
        """Let a packet arrive at every other station."""
        for note in self.on_transmit:
            note(transmission)
        for station in self._stations:
            if station is not source:
                gain_db = self._path_db(source, station)
                gain_db += self._fading_db(source.name, station.name)
                rssi_dbm = transmission.power_dbm + gain_db
                snr_db = rssi_dbm - noise_floor_dbm(transmission.bw_hz)
                snr_db = min(max(snr_db, _SNR_MIN_DB), _SNR_MAX_DB)
                station.hear(Signal(transmission, rssi_dbm, snr_db))

    def _path_db(self, source: Station, target: Station) -> float:
        """The gain of a path, with a shadow that is the same both ways and stays."""
        first, second = sorted((source.name, target.name))
        if (first, second) not in self._received_db:
            gain_db = self.loss.received_db(source.place.distance_km(target.place))
            if self._shadowing_db:
                stream = Random(f"{self._seed}/{first}/{second}/shadow")
                gain_db += stream.gauss(0, self._shadowing_db)
            self._received_db[first, second] = gain_db
        return self._received_db[first, second]

    def _fading_db(self, source: str, target: str) -> float:
        """Each path has a stream of its own, which no other station disturbs."""
        path = (source, target)
        if path not in self._fading:
            self._fading[path] = Random(f"{self._seed}/{source}/{target}/air")
        return self._fading[path].gauss(0, _FADING_DB)


def _same_channel(one: Transmission, other: Transmission) -> bool:
    """Packets further apart, or turned the other way (inverted IQ), do not meet."""
    apart_hz = abs(one.freq_hz - other.freq_hz)
    return one.iq_inverted == other.iq_inverted and apart_hz < (one.bw_hz + other.bw_hz) // 4


def _buries(isolation: Isolation, strong: Signal, weak: Signal) -> bool:
    """Whether one signal takes another away: too strong, and there in its critical section."""
    wanted, other = weak.transmission, strong.transmission
    free_us = isolation.critical_us(wanted.sf, wanted.bw_hz, wanted.preamble_symbols)
    above_db = weak.rssi_dbm - strong.rssi_dbm
    return isolation.buries(wanted.sf, wanted.start_us + free_us, other.sf, other.end_us, above_db)
