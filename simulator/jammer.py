# SPDX-License-Identifier: MIT
"""A transmitter that nobody asked for: it fills a channel with packets that are no LoRaWAN."""

from random import Random

from host.lorawan import time_on_air_us
from simulator.air import Station, Transmission
from simulator.clock import Clock
from simulator.faults import FaultPlan

_SYNC_WORD = 0x12  # of private networks: no gateway locks on to it
_BYTES = 51
_BW_HZ, _CR, _PREAMBLE_SYMBOLS = 125_000, 5, 8


class Jammer:
    """Packets of 51 bytes with pauses between, which are drawn from an exponential distribution.

    They take the share `duty` of the time on average; a packet that has begun goes on to its end.
    """

    def __init__(self, plan: FaultPlan, station: Station, clock: Clock, stream: Random):
        self._plan, self._station, self._clock, self._stream = plan, station, clock, stream
        self._airtime_us = time_on_air_us(_BYTES, plan.sf, _BW_HZ)
        self._on = False

    def begin(self) -> None:
        """Send from now on."""
        self._on = True
        self._send()

    def end(self) -> None:
        """Send nothing more."""
        self._on = False

    def _send(self) -> None:
        if not self._on:
            return
        plan, now_us = self._plan, self._clock.now_us
        end_us = now_us + self._airtime_us
        assert plan.freq_hz is not None  # checked with the scenario
        self._station.transmit(
            Transmission(
                now_us,
                end_us,
                plan.freq_hz,
                plan.sf,
                _BW_HZ,
                _CR,
                _PREAMBLE_SYMBOLS,
                True,
                False,
                False,
                _SYNC_WORD,
                plan.power_dbm,
                self._stream.randbytes(_BYTES),
                self._station.name,
            )
        )
        pause_us = 0.0
        if plan.duty < 1:
            mean_us = self._airtime_us * (1 / plan.duty - 1)
            pause_us = self._stream.expovariate(1 / mean_us)
        self._clock.call_at(end_us + round(pause_us), self._send)
