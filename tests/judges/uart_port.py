# SPDX-License-Identifier: MIT
"""A serial port in virtual time between drivers on pyserial and chip models."""

from circuitpython import VirtualTime

from simulator.clock import Clock
from simulator.uart import ANY, OPEN, READ, WRITE, UartDevice, UartPort

_BUFFER = 4096


class Serial:
    """serial.Serial, as far as the drivers use it; `timeout` in seconds."""

    is_open = True
    port = "line"

    def __init__(self, clock: Clock, chip: UartDevice, baudrate: int = 9600, timeout: float = 0.5):
        self.baudrate, self.timeout = baudrate, timeout
        self._time = VirtualTime(clock)
        self._line = UartPort(clock, "esp32", chip)
        self._line.perform(OPEN, baudrate.to_bytes(4) + _BUFFER.to_bytes(2))

    @property
    def in_waiting(self) -> int:
        return int.from_bytes(self._line.perform(ANY, b""))

    def write(self, data: bytes) -> int:
        self._line.perform(WRITE, bytes(data))
        return len(data)

    def read(self, count: int = 1) -> bytes:
        end_s = self._time.monotonic() + self.timeout
        while self.in_waiting < count and self._time.monotonic() < end_s:
            self._time.sleep(0.001)
        return self._line.perform(READ, count.to_bytes(2))

    def reset_input_buffer(self) -> None:
        self._line.perform(READ, _BUFFER.to_bytes(2))

    flushInput = reset_input_buffer

    def reset_output_buffer(self) -> None:
        pass

    def open(self) -> None:
        pass

    close = open
