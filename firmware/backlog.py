# SPDX-License-Identifier: MIT
"""Readings that wait in flash for the air, or for proof that they arrived."""

import os
from collections import namedtuple

import cbor
from micropython import const

_PER_FILE = const(8)
_FILES = const(128)  # 1,024 readings: a week at ten minutes
_STORED = const(0xFF)  # of a file's bits: eight readings kept
_SENT = const(8)  # the shift to eight sent

# values: a dict by wire key | left: the keys still to be sent, None for all of them
Reading = namedtuple("Reading", "number boot uptime_s values left")


def _ones(bits):
    return bin(bits).count("1")


class Backlog:
    """A bounded queue in flash, eight readings a file; `dropped` counts what did not fit.

    Memory holds two bits for each reading: it is kept, and it was on the air since the last proof.
    Contents are read when they are needed, so that a long outage leaves the heap as it was.
    OSError: the flash does not take it. `kept` is what `record()` gave before a deep sleep.
    """

    def __init__(self, root="/state/readings", files=_FILES, kept=None):
        self._root, self._limit = root, files
        if kept is not None:
            self._next, self.dropped, self._files, self._left = kept
            return
        self.dropped = 0
        try:
            os.mkdir(root)
        except OSError:
            pass  # it is there
        self._files = {}  # file number -> bits
        self._left = {}  # number -> keys left of a reading that was split
        self._next = 0
        for file_number in sorted([int(name) for name in os.listdir(root)]):
            rows = self._load(file_number)
            self._files[file_number] = sum([1 << row[0] % _PER_FILE for row in rows])
            self._next = rows[-1][0] + 1 if rows else (file_number + 1) * _PER_FILE

    def __len__(self):
        return sum([_ones(bits & _STORED) for bits in self._files.values()])

    def add(self, boot, uptime_s, values):
        """Keep a reading: it is in flash when this returns. Returns its number."""
        number, file_number = self._next, self._next // _PER_FILE
        bits, rows = self._files.get(file_number, 0), []
        if file_number in self._files:
            rows = [row for row in self._load(file_number) if bits >> row[0] % _PER_FILE & 1]
        elif len(self._files) >= self._limit:
            self._drop(min(self._files))
        rows.append([number, boot, uptime_s, values])
        self._save(file_number, rows)
        self._files[file_number] = bits | 1 << number % _PER_FILE
        self._next = number + 1
        return number

    def has_unsent(self):
        """True while a reading waits for the air."""
        return any(bits & _STORED & ~(bits >> _SENT) for bits in self._files.values())

    def unsent(self):
        """Yield the readings that are still to go on the air, newest first."""
        for file_number in sorted(self._files, reverse=True):
            bits = self._files[file_number]
            unsent = bits & _STORED & ~(bits >> _SENT)
            for row in reversed(self._load(file_number)) if unsent else ():
                if unsent >> row[0] % _PER_FILE & 1:
                    yield Reading(row[0], row[1], row[2], row[3], self._left.get(row[0]))

    def took(self, number, left):
        """A frame carried a reading; `left` are the keys that did not fit, [] for none."""
        if left:
            self._left[number] = left
        else:
            self._left.pop(number, None)
            self._files[number // _PER_FILE] |= 1 << _SENT + number % _PER_FILE

    def proven(self):
        """All that was sent has arrived: forget it. A file goes once every reading in it has.

        The newest file stays, empty at last: its name keeps the running number.
        """
        newest = (self._next - 1) // _PER_FILE
        for file_number in sorted(self._files):
            bits = self._files[file_number]
            kept = bits & _STORED & ~(bits >> _SENT)
            if not bits >> _SENT:
                continue
            if not kept:
                if file_number < newest:
                    self._remove(file_number)
                    continue
                self._save(file_number, [])
            self._files[file_number] = kept

    def unsend(self):
        """The link was lost: all that was sent since the last proof has to go again."""
        self._left.clear()
        for file_number in self._files:
            self._files[file_number] &= _STORED

    def starts(self):
        """The numbers of the starts that the readings are from."""
        return {row[1] for number in self._files for row in self._load(number)}

    def record(self):
        """What has to last over deep sleep, beside the files."""
        return [self._next, self.dropped, self._files, self._left]

    def _drop(self, file_number):
        self.dropped += _ones(self._files[file_number] & _STORED)
        self._remove(file_number)

    def _remove(self, file_number):
        del self._files[file_number]
        os.remove(self._path(file_number))

    def _path(self, file_number):
        return "{}/{}".format(self._root, file_number)

    def _save(self, file_number, rows):
        with open(self._path(file_number), "wb") as file:
            file.write(cbor.encode(rows))

    def _load(self, file_number):
        with open(self._path(file_number), "rb") as file:
            data = file.read()
        try:
            rows = cbor.decode(data)
        except ValueError:
            return []
        whole = isinstance(rows, list) and len(rows) <= _PER_FILE
        whole = whole and all(isinstance(row, list) and len(row) == 4 for row in rows)
        return rows if whole else []
