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
        self._dropped: set[str] = set()

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
        """Forget a record, and on the board before anything is written there."""
        for slot in (0, 1):
            self._drop(_path(name, slot))

    def drop_all(self) -> None:
        """Forget everything."""
        for path in list(self.files):
            self._drop(path)

    def changes(self) -> tuple[list[str], dict[str, bytes]]:
        """(files to remove, then files to write, in this order): what the board lacks.

        The config goes first and comes last: a board that is left in between says that it has
        none, and stays off the air.
        """
        removed = sorted(self._dropped, key=lambda path: (not _is_config(path), path))
        before = {path: data for path, data in self._before.items() if path not in self._dropped}
        written = [path for path, data in self.files.items() if before.get(path) != data]
        return removed, {path: self.files[path] for path in sorted(written, key=_is_config)}

    def _drop(self, path: str) -> None:
        if self.files.pop(path, None) is not None and path in self._before:
            self._dropped.add(path)

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


def _is_config(path: str) -> bool:
    return path.startswith(f"{image.STATE}/config.")
