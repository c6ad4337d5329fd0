# SPDX-License-Identifier: MIT
"""A UART with a script, on a clock that moves only while a driver waits.

Steps: "> ff0186.." a write of these bytes, "< ff86.." bytes that come 20 ms after the last write,
"<500 ff86.." such that come 500 ms after it. What comes without being asked is said by `comes`.
"""


class Clock:
    """Stands for `time` in the drivers; it begins just below the wrap of its ticks."""

    _WRAP = 1 << 30

    def __init__(self, *drivers):
        self.now_ms = 0
        for each in drivers:
            each.time = self

    def ticks_ms(self):
        return (self._WRAP - 1000 + self.now_ms) & (self._WRAP - 1)

    def ticks_diff(self, end, start):
        return ((end - start + (self._WRAP >> 1)) & (self._WRAP - 1)) - (self._WRAP >> 1)

    def sleep_ms(self, ms):
        self.now_ms += ms


class Line:
    """One sensor at the other end; bytes are there from their time on, until they are read."""

    def __init__(self, clock, *steps):
        self._clock, self._steps = clock, list(steps)
        self._coming = []  # (time_ms, bytes)

    def then(self, *steps):
        """More of the script."""
        self._steps += steps

    def over(self):
        """True when nothing of the script is left and nothing lies unread."""
        return not self._steps and not self.any()

    def comes(self, at_ms, data):
        """Bytes that come by themselves."""
        self._coming.append((at_ms, bytes.fromhex(data)))

    def write(self, data):
        assert self._steps, bytes(data).hex()
        assert self._steps.pop(0) == "> " + bytes(data).hex(), bytes(data).hex()
        while self._steps and self._steps[0][0] == "<":
            after, hexed = self._steps.pop(0)[1:].split(" ")
            self.comes(self._clock.now_ms + int(after or "20"), hexed)

    def any(self):
        return len(self._there())

    def read(self, count):
        there = self._there()
        self._coming = [each for each in self._coming if each[0] > self._clock.now_ms]
        if len(there) > count:
            self._coming.insert(0, (self._clock.now_ms, there[count:]))
        return there[:count] or None

    def _there(self):
        return b"".join([data for at_ms, data in self._coming if at_ms <= self._clock.now_ms])
