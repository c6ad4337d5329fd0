# SPDX-License-Identifier: MIT
"""A 1-Wire bus with a script: the calls of the board's own `onewire.OneWire`, each the next step.

Steps: "reset" a reset that somebody answers, "reset none" one that nobody does, "> cc44" bytes
written one by one, "0" or "1" a read slot, "< 5005.." a read. `roms` is what a scan finds.
"""

import time


def crc8(data):
    """The 1-Wire CRC, by long division: x^8 + x^5 + x^4 + 1, the lowest bit of a byte first."""
    rest = 0
    for bit in [byte >> at & 1 for byte in data for at in range(8)] + [0] * 8:
        rest = rest << 1 | bit
        if rest & 0x100:
            rest ^= 0x131
    return int("".join(reversed("{:08b}".format(rest))), 2)


class OneWire:
    def __init__(self, roms, *steps):
        self._roms, self._steps = roms, list(steps)
        self.waited_ms = []  # between one step and the next
        self._last_ms = time.ticks_ms()

    def over(self):
        """True when nothing of the script is left."""
        return not self._steps

    def scan(self):
        return self._roms

    def reset(self, required=False):
        return self._step("reset") != "reset none"

    def readbit(self):
        return int(self._step("01"))

    def writebyte(self, value):
        found = "{:02x}".format(value)
        step = self._step(">")
        assert step[2:4] == found, (step, found)
        if step[4:]:
            self._steps.insert(0, "> " + step[4:])

    def select_rom(self, rom):
        self.writebyte(0x55)
        for byte in rom:
            self.writebyte(byte)

    def readinto(self, buffer):
        buffer[:] = bytes.fromhex(self._step("<")[2:])

    def crc8(self, data):
        return crc8(data)

    def _step(self, kinds):
        assert self._steps, kinds
        step = self._steps.pop(0)
        assert step[0] in kinds, (step, kinds)
        now_ms = time.ticks_ms()
        self.waited_ms.append(time.ticks_diff(now_ms, self._last_ms))
        self._last_ms = now_ms
        return step
