# SPDX-License-Identifier: MIT
"""The records in a board's /state: two slots each, the newer one that is whole holds."""

import binascii
import struct
from typing import Any

import cbor2

from host import image

_HEAD = struct.Struct("<I")


class State:
    """The files of /state by their path, and what changes of them.

    Files that are no records (the backlog) stay as they are.
    """

    def __init__(self, files: dict[str, bytes] | None = None):
        self.files = dict(files or {})
        self._before = dict(self.files)

    def load(self, name: str) -> Any:
        """The newest whole value of a record, None when there is none."""
        slots = self._slots(name)
        return slots[max(slots)] if slots else None

    def save(self, name: str, value: object) -> None:
        """Put a value above the newest slot, into the other one, unless it is there already."""
        slots = self._slots(name)
        if slots and _encoded(slots[max(slots)]) == _encoded(value):
            return
        sequence = max(slots, default=-1) + 1
        self.files[_path(name, sequence & 1)] = image.record(value, sequence)

    def drop(self, name: str) -> None:
        """Forget a record."""
        for slot in (0, 1):
            self.files.pop(_path(name, slot), None)

    def drop_all(self) -> None:
        """Forget everything."""
        self.files.clear()

    def changes(self) -> tuple[dict[str, bytes], list[str]]:
        """(files to write, files to remove): what a board that has the old ones lacks."""
        written = {
            path: data for path, data in self.files.items() if self._before.get(path) != data
        }
        return written, sorted(set(self._before) - set(self.files))

    def _slots(self, name: str) -> dict[int, Any]:
        """{sequence: value} of the slots that are whole."""
        found = {}
        for slot in (0, 1):
            data = self.files.get(_path(name, slot), b"")
            body = data[:-4]
            if len(body) > 4 and _HEAD.unpack(data[-4:])[0] == binascii.crc32(body):
                found[_HEAD.unpack_from(body)[0]] = cbor2.loads(body[4:])
        return found


def _encoded(value: object) -> bytes:
    return cbor2.dumps(value, canonical=True)


def _path(name: str, slot: int) -> str:
    return f"{image.STATE}/{name}.{slot}"
