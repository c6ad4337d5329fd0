# SPDX-License-Identifier: MIT
"""Records that survive a power cut: two slots, each with a sequence number and a CRC."""

import binascii
import os
import struct

import cbor

_HEAD = "<I"


class Store:
    """Named CBOR values in a directory; a save replaces the older slot, so one is always whole."""

    def __init__(self, root="/state"):
        self._root = root
        self._sequences = {}  # name -> sequence of the newest good slot
        try:
            os.mkdir(root)
        except OSError:
            pass  # it is there, or the first save says what is wrong

    def load(self, name):
        """The newest whole value of a record, None when there is none."""
        newest = value = None
        for slot in (0, 1):
            found = self._read(name, slot)
            if found is not None and (newest is None or found[0] > newest):
                newest, value = found
        self._sequences[name] = -1 if newest is None else newest
        return value

    def save(self, name, value):
        """Write a record and read it back. OSError: the flash does not hold it."""
        if name not in self._sequences:
            self.load(name)
        sequence = self._sequences[name] + 1
        body = struct.pack(_HEAD, sequence) + cbor.encode(value)
        with open(self._path(name, sequence & 1), "wb") as file:
            file.write(body + struct.pack(_HEAD, binascii.crc32(body)))
        found = self._read(name, sequence & 1)
        if found is None or found[0] != sequence:
            raise OSError("record " + name + " was not written")
        self._sequences[name] = sequence

    def _path(self, name, slot):
        return "{}/{}.{}".format(self._root, name, slot)

    def _read(self, name, slot):
        try:
            with open(self._path(name, slot), "rb") as file:
                data = file.read()
        except OSError:
            return None
        body = data[:-4]
        if len(body) < 5 or struct.unpack(_HEAD, data[-4:])[0] != binascii.crc32(body):
            return None
        return struct.unpack_from(_HEAD, body)[0], cbor.decode(body[4:])


class Counter:
    """A number that never comes twice: it is in flash before it is given out."""

    def __init__(self, store, name):
        self._store, self._name = store, name
        self._next = store.load(name) or 0

    def next(self):
        """The next number, already saved. OverflowError: all 65,536 are used up."""
        number = self._next
        if number > 0xFFFF:
            raise OverflowError(self._name)
        self._store.save(self._name, number + 1)
        self._next = number + 1
        return number
