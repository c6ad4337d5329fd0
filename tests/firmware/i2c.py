# SPDX-License-Identifier: MIT
"""An I2C bus with a script: each transfer has to be the next step, and not before the chip is free.

Steps: "> 21b1" a write of these bytes, "> 21b1 nack" one that nobody acknowledges, "< 8006.." a
read and its answer, "< nack" a read that nobody answers; "@45" at the end is another address.
"""

import time


def checksum(word):
    """Sensirion's CRC of a 16-bit word, by long division: x^8 + x^5 + x^4 + 1, start 0xFF."""
    rest = (word ^ 0xFF00) << 8
    for bit in range(23, 7, -1):
        if rest >> bit & 1:
            rest ^= 0x131 << bit - 8
    return rest


def words(*values):
    """16-bit words, each with its checksum."""
    return b"".join([bytes((word >> 8, word & 0xFF, checksum(word))) for word in values])


class I2c:
    """One chip at one address; `busy_ms` says how long the first bytes of a write keep it deaf."""

    def __init__(self, address, busy_ms, *steps):
        self._address, self._busy_ms, self._steps = address, busy_ms, list(steps)
        self._free_ms = {}  # by address

    def add(self, *steps):
        """Go on with these."""
        self._steps += steps

    def over(self):
        """True when nothing of the script is left."""
        return not self._steps

    def writeto(self, address, data):
        found = "> " + bytes(data).hex()
        step = self._step(address, found)
        assert step.replace(" nack", "") == found, (step, found)
        for command, busy_ms in self._busy_ms.items():
            if bytes(data).startswith(command):
                self._free_ms[address] = time.ticks_add(time.ticks_ms(), busy_ms)
        self._acknowledge(step)
        return len(data)

    def readfrom_into(self, address, buffer):
        step = self._step(address, "read of {}".format(len(buffer)))
        assert step[0] == "<", step
        self._acknowledge(step)
        buffer[:] = bytes.fromhex(step[2:])

    def _step(self, address, found):
        assert self._steps, found
        step, _, other = self._steps.pop(0).partition(" @")
        assert address == (int(other, 16) if other else self._address), (address, found)
        free_ms = self._free_ms.get(address)
        assert free_ms is None or time.ticks_diff(time.ticks_ms(), free_ms) >= 0, (
            found + " too early"
        )
        return step

    def _acknowledge(self, step):
        if step.endswith("nack"):
            raise OSError(5)
