# SPDX-License-Identifier: MIT
"""What the sensors on a UART share: to forget what is old, and to wait for what is new."""

import time
from micropython import const

_POLL_MS = const(20)


def empty(uart):
    """Drop all bytes that have come in so far."""
    count = uart.any()
    while count:
        uart.read(count)
        count = uart.any()


def await_frame(uart, find, wait_ms):
    """What `find(data)` makes of the bytes that come from now on, as soon as it is not None.

    OSError: none came. ValueError: none that it can use, or what it raises.
    """
    data, began_ms = b"", time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), began_ms) < wait_ms:
        time.sleep_ms(_POLL_MS)
        count = uart.any()
        if count:
            data += uart.read(count) or b""
            found = find(data)
            if found is not None:
                return found
    if data:
        raise ValueError("no frame in {!r}".format(data))
    raise OSError("silent")


def ask(uart, request, find, wait_ms):
    """Send a request and await its answer, as `await_frame` does."""
    empty(uart)
    uart.write(request)
    return await_frame(uart, find, wait_ms)
