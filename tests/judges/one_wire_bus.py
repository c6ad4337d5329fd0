# SPDX-License-Identifier: MIT
"""A 1-Wire bus in virtual time between CircuitPython's driver of the DS18x20 and chip models."""

from circuitpython import VirtualTime, stand_ins

from simulator.clock import Clock
from simulator.one_wire import OneWireBus

with stand_ins(onewireio="OneWire"):
    import adafruit_ds18x20
    from adafruit_onewire import bus as adafruit_bus

_RESET_US, _SLOT_US = 960, 70


class OneWire:
    """onewireio.OneWire; its `reset` is true when nobody answers, as there."""

    def __init__(self, clock: Clock, wire: OneWireBus):
        self._clock, self._wire = clock, wire

    def reset(self) -> bool:
        self._pass(_RESET_US)
        return not self._wire.reset()

    def read_bit(self) -> int:
        self._pass(_SLOT_US)
        return self._wire.read_bit()

    def write_bit(self, bit: int) -> None:
        self._pass(_SLOT_US)
        self._wire.write_bit(bit)

    def _pass(self, duration_us: int) -> None:
        self._clock.run_until(self._clock.now_us + duration_us)


def open_bus(clock: Clock, chips) -> adafruit_bus.OneWireBus:
    """The driver's bus with these chips on it."""
    adafruit_ds18x20.time = VirtualTime(clock)
    adafruit_bus.onewireio.OneWire = lambda pin: OneWire(clock, OneWireBus(chips))
    return adafruit_bus.OneWireBus(None)
