# SPDX-License-Identifier: MIT
"""An I2C bus in virtual time between CircuitPython drivers of sensors and chip models."""

from circuitpython import VirtualTime, stand_ins

from simulator.clock import Clock
from simulator.devices import I2cDevice

with stand_ins(busio="I2C SPI", digitalio="DigitalInOut"):
    import adafruit_scd4x
    import adafruit_scd30
    import adafruit_sht4x
    import adafruit_sht31d
    from adafruit_bme280 import basic as adafruit_bme280
    from adafruit_bus_device import i2c_device

_BYTE_US = 90  # nine bits at 100 kHz
_HOST_US = 20  # between two accesses, on a fast board


class I2c:
    """busio.I2C with one chip on it; a missing acknowledge is an OSError, as there."""

    def __init__(self, clock: Clock, chip: I2cDevice):
        self._clock, self._chip = clock, chip
        for module in (adafruit_scd4x, adafruit_scd30, adafruit_sht4x, adafruit_sht31d, i2c_device):
            module.time = VirtualTime(clock)
        adafruit_bme280.sleep = VirtualTime(clock).sleep

    def try_lock(self) -> bool:
        return True

    def unlock(self) -> None:
        pass

    def writeto(
        self, address: int, buffer: bytes, *, start: int = 0, end: int | None = None
    ) -> None:
        data = bytes(buffer[start:end])
        self._pass(len(data))
        taken = address == self._chip.address and self._chip.write(data)
        self._pass_us(self._chip.stretched_us)
        if not taken:
            raise OSError(19, "no acknowledge")

    def readfrom_into(
        self, address: int, buffer: bytearray, *, start: int = 0, end: int | None = None
    ) -> None:
        end = len(buffer) if end is None else end
        data = self._chip.read(end - start) if address == self._chip.address else None
        self._pass(end - start)
        self._pass_us(self._chip.stretched_us)
        if data is None:
            raise OSError(19, "no acknowledge")
        buffer[start:end] = data

    def _pass(self, length: int) -> None:
        """Spend the time that an address and so many bytes take."""
        self._pass_us(_HOST_US + (1 + length) * _BYTE_US)

    def _pass_us(self, duration_us: int) -> None:
        self._clock.run_until(self._clock.now_us + duration_us)
