# SPDX-License-Identifier: MIT
"""What a CircuitPython driver needs around it on a desk: virtual time, and no board of Blinka's.

The drivers run unchanged. They import names such as busio.I2C for annotations, and Blinka's busio
wants a board of its own, so those names come from empty modules while a driver is imported.
"""

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager

from simulator.clock import Clock


class VirtualTime:
    """The `time` of a driver's module."""

    def __init__(self, clock: Clock):
        self._clock = clock

    def sleep(self, seconds: float) -> None:
        self._clock.run_until(self._clock.now_us + round(seconds * 1e6))

    def monotonic(self) -> float:
        return self._clock.now_us / 1e6


@contextmanager
def stand_ins(**classes: str) -> Iterator[None]:
    """Have modules of these names with empty classes: stand_ins(busio="I2C SPI")."""
    for name, each in classes.items():
        sys.modules[name] = types.ModuleType(name)
        for word in each.split():
            setattr(sys.modules[name], word, type(word, (), {}))
    yield
    for name in classes:
        del sys.modules[name]  # other drivers may want others
