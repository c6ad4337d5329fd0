# SPDX-License-Identifier: MIT
"""The bus of a sensor on a UART; a file of its own, as few kits need it."""

import machine
from machine import Pin
from micropython import const

_BAUD = const(9600)
_BYTES = const(256)  # what comes in unread beyond them is lost


class UartBus:
    """A UART at 9600 baud, 8N1, that is open from its first use until it is closed.

    No light sleep of an RP2040 ends once a UART that is open has received the byte 0xF0
    (micropython issue 15129), so it is closed before.
    """

    def __init__(self, number, tx, rx):
        self._number, self._tx, self._rx = number, tx, rx
        self._uart = None
        self.bus = self

    def _open(self):
        """Made anew each time: RP2040 loses the buffer of one that was closed (machine_uart.c)."""
        if self._uart is None:
            self._uart = machine.UART(
                self._number,
                baudrate=_BAUD,
                tx=Pin(self._tx),
                rx=Pin(self._rx),
                rxbuf=_BYTES,
            )
        return self._uart

    def any(self):
        """How many bytes have come in."""
        return self._open().any()

    def read(self, count):
        """At most so many bytes, None when there are none."""
        return self._open().read(count)

    def write(self, data):
        """Have bytes sent; it does not wait for their end."""
        self._open().write(data)

    def close(self):
        """Receive no more, and keep the line to the sensor idle."""
        if self._uart is not None:
            self._uart.deinit()
            self._uart = None
            Pin(self._tx, Pin.OUT, value=1)

    def recover(self):
        """What has come in is forgotten, and the next use opens it anew."""
        self.close()
