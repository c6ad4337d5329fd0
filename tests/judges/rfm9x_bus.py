# SPDX-License-Identifier: MIT
"""What adafruit-circuitpython-rfm9x needs around it to drive a chip model in virtual time.

The driver waits with time.sleep and polls against time.monotonic; both are bound to the clock.
"""

from circuitpython import VirtualTime, stand_ins

from simulator.chips.sx1276 import SX1276
from simulator.clock import Clock

with stand_ins(busio="SPI", digitalio="DigitalInOut"):
    import adafruit_rfm9x

_HOST_US = 20  # between two accesses, on a fast board


class Spi:
    """The bus as adafruit_bus_device uses it; each byte takes its time at the baud rate."""

    def __init__(self, clock: Clock, chip: SX1276):
        self._clock, self._chip = clock, chip
        self._baudrate = 100000

    def try_lock(self) -> bool:
        return True

    def unlock(self) -> None:
        pass

    def configure(self, baudrate: int, polarity: int, phase: int) -> None:
        assert (polarity, phase) == (0, 0)
        self._baudrate = baudrate

    def write(self, buffer: bytes, start: int = 0, end: int | None = None) -> None:
        self._transfer(bytes(buffer[start:end]))

    def readinto(self, buffer: bytearray, start: int = 0, end: int | None = None) -> None:
        end = len(buffer) if end is None else end
        buffer[start:end] = self._transfer(bytes(end - start))

    def _transfer(self, data: bytes) -> bytes:
        spent_us = _HOST_US + len(data) * 8_000_000 // self._baudrate
        self._clock.run_until(self._clock.now_us + spent_us)
        return self._chip.transfer(data)


class Output:
    """A pin that drives the chip."""

    def __init__(self, drive):
        self._drive = drive

    def switch_to_output(self, value: bool) -> None:
        self.value = value

    def _set(self, value: bool) -> None:
        self._drive(value)

    value = property(None, _set)


def drive(clock: Clock, chip: SX1276, frequency_mhz: float, **options) -> adafruit_rfm9x.RFM9x:
    """Reset and set up the chip with the driver. RuntimeError: it is not the chip it should be."""
    adafruit_rfm9x.time = VirtualTime(clock)
    select = Output(lambda level: chip.deselect() if level else chip.select())
    reset = Output(lambda level: chip.reset(int(level)))
    return adafruit_rfm9x.RFM9x(Spi(clock, chip), select, reset, frequency_mhz, **options)
