# SPDX-License-Identifier: MIT
"""`onewire` as the boards have it frozen in: the same calls, over a wire that the host has.

The slots take the time that they take there (extmod/modonewire.c: 960 us a reset, 70 us a bit).
"""

import _wire

_RESET, _READ, _WRITE = 0, 1, 2
_RESET_US, _SLOT_US = 960, 70


class OneWireError(Exception):
    pass


class OneWire:
    SEARCH_ROM, MATCH_ROM, SKIP_ROM = 0xF0, 0x55, 0xCC

    def __init__(self, pin):
        self.pin = pin
        pin.init(pin.OPEN_DRAIN, pin.PULL_UP)

    def _exchange(self, kind, bits=0, data=b""):
        _wire.spend(_RESET_US if kind == _RESET else bits * _SLOT_US)
        return _wire.trip(_wire.OP_ONE_WIRE, bytes((self.pin._id, kind, bits)) + data)

    def reset(self, required=False):
        present = bool(self._exchange(_RESET)[0])
        if required and not present:
            raise OneWireError
        return present

    def readbit(self):
        return self._exchange(_READ, 1)[0]

    def readbyte(self):
        return self._exchange(_READ, 8)[0]

    def readinto(self, buf):
        for at in range(len(buf)):
            buf[at] = self.readbyte()

    def writebit(self, value):
        self._exchange(_WRITE, 1, bytes((1 if value & 1 else 0,)))

    def writebyte(self, value):
        self._exchange(_WRITE, 8, bytes((value & 0xFF,)))

    def write(self, buf):
        for byte in buf:
            self.writebyte(byte)

    def select_rom(self, rom):
        self.reset()
        self.writebyte(self.MATCH_ROM)
        self.write(rom)

    def scan(self):
        """Walk the tree of ROM codes: each round takes 1 at the last fork where 0 was taken."""
        found, path = [], []
        while True:
            path = self._walk(path)
            if path is None:
                return found
            found.append(bytes(sum(path[at + bit][0] << bit for bit in range(8))
                               for at in range(0, 64, 8)))  # fmt: skip
            while path and path[-1] != (0, True):
                path.pop()
            if not path:
                return found
            path[-1] = (1, True)

    def _walk(self, path):
        """Follow the known steps, then take 0 at forks: 64 of (bit, fork); None: nobody there."""
        if not self.reset():
            return None
        self.writebyte(self.SEARCH_ROM)
        steps = []
        for at in range(64):
            bit, inverse = self.readbit(), self.readbit()
            if bit and inverse:
                return None
            fork = not bit and not inverse
            if at < len(path):
                bit, fork = path[at]
            steps.append((bit, fork))
            self.writebit(bit)
        return steps

    def crc8(self, data):
        crc = 0
        for byte in data:
            crc ^= byte
            for _ in range(8):
                crc = crc >> 1 ^ (0x8C if crc & 1 else 0)
        return crc
