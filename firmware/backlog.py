# SPDX-License-Identifier: MIT
"""Readings that wait in flash for the air, or for proof that they arrived."""

import os
from collections import namedtuple

import cbor
from micropython import const

_PER_FILE = const(8)
_FILES = const(36)  # 288 readings: two days at ten minutes
_ROWS, _SENT = const(0), const(1)

# values: a dict by wire key | left: the keys still to be sent, None for all of them
Reading = namedtuple("Reading", "number boot uptime_s values left")


def _count(file):
    return file[_ROWS][0] & 0x1F  # an array of up to 8 items has its length in its first byte


class Backlog:
    """A bounded queue in flash, eight readings a file; `dropped` counts what did not fit.

    Memory holds each file as its CBOR bytes, and a bit for each reading that was on the air since
    the last proof. OSError: the flash does not take it.
    """

    def __init__(self, root="/state/readings"):
        self._root = root
        self.dropped = 0
        try:
            os.mkdir(root)
        except OSError:
            pass  # it is there
        self._files = {}  # file number -> [rows as CBOR, bits of those sent]
        self._left = {}  # number -> keys left of a reading that was split
        self._next = 0
        for file_number in sorted(int(name) for name in os.listdir(root)):
            rows = self._load(file_number)
            self._files[file_number] = [cbor.encode(rows), 0]
            self._next = rows[-1][0] + 1 if rows else (file_number + 1) * _PER_FILE

    def __len__(self):
        return sum(_count(file) for file in self._files.values())

    def add(self, boot, uptime_s, values):
        """Keep a reading: it is in flash when this returns. Returns its number."""
        number, file_number = self._next, self._next // _PER_FILE
        if file_number not in self._files:
            if len(self._files) >= _FILES:
                self._drop(min(self._files))
            self._files[file_number] = [b"\x80", 0]
        file = self._files[file_number]
        rows = cbor.decode(file[_ROWS])
        rows.append([number, boot, uptime_s, values])
        file[_ROWS] = cbor.encode(rows)
        self._save(file_number)
        self._next = number + 1
        return number

    def unsent(self):
        """Yield the readings that are still to go on the air, newest first."""
        for file_number in sorted(self._files, reverse=True):
            rows, sent = self._files[file_number]
            for row in reversed(cbor.decode(rows)):
                if not sent >> row[0] % _PER_FILE & 1:
                    yield Reading(row[0], row[1], row[2], row[3], self._left.get(row[0]))

    def took(self, number, left):
        """A frame carried a reading; `left` are the keys that did not fit, [] for none."""
        if left:
            self._left[number] = left
        else:
            self._left.pop(number, None)
            self._files[number // _PER_FILE][_SENT] |= 1 << number % _PER_FILE

    def proven(self):
        """All that was sent has arrived: forget it. A file goes once every reading in it has.

        The newest file stays, empty at last: its name keeps the running number.
        """
        for file_number in sorted(self._files):
            file = self._files[file_number]
            if not file[_SENT]:
                continue
            rows = cbor.decode(file[_ROWS])
            kept = [row for row in rows if not file[_SENT] >> row[0] % _PER_FILE & 1]
            self._files[file_number] = [cbor.encode(kept), 0]
            if not kept and file_number < (self._next - 1) // _PER_FILE:
                self._remove(file_number)
            elif not kept:
                self._save(file_number)

    def unsend(self):
        """The link was lost: all that was sent since the last proof has to go again."""
        self._left.clear()
        for file in self._files.values():
            file[_SENT] = 0

    def starts(self):
        """The numbers of the starts that the readings are from."""
        return {row[1] for file in self._files.values() for row in cbor.decode(file[_ROWS])}

    def _drop(self, file_number):
        self.dropped += _count(self._files[file_number])
        self._remove(file_number)

    def _remove(self, file_number):
        del self._files[file_number]
        os.remove(self._path(file_number))

    def _path(self, file_number):
        return "{}/{}".format(self._root, file_number)

    def _save(self, file_number):
        with open(self._path(file_number), "wb") as file:
            file.write(self._files[file_number][_ROWS])

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
