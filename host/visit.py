# SPDX-License-Identifier: MIT
"""A board that is being worked on: in service mode from the first word to the last."""

import base64
import errno
import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from host.errors import HostError
from host.port import UNREADABLE, Port, PortError

BLOCK = 4096
_SCRIPT_CHARS = 16000  # of a board's memory, for one run
_PART_BYTES = 3000
_TRIES = 3
_CORRUPT = 84  # LFS_ERR_CORRUPT, as the board says it
_ROOM_BLOCKS = 16  # that stay free for what a node writes while it works


@dataclass(frozen=True)
class Facts:
    """What a board says of itself; `firmware`: ours is on it, `config`: it is provisioned."""

    unique_id: bytes
    version: tuple[int, ...]  # of MicroPython
    mpy: int  # the .mpy format that it runs
    machine: str
    free: int  # bytes
    size: int  # bytes, of the filesystem
    service: bool
    main: bool
    firmware: bool
    config: bool
    pending: bool

    @classmethod
    def of(cls, row: dict[str, Any]) -> "Facts":
        """From the answer of the board's `facts()`."""
        values = row | {"unique_id": bytes.fromhex(row["unique_id"])}
        return cls(**values | {"version": tuple(row["version"])})

    @property
    def family(self) -> str:
        """The chip family: ESP32 has an id of 6 bytes, its MAC; RP2040 one of 8, its flash's."""
        return "esp32" if len(self.unique_id) == 6 else "rp2040"


class Visit:
    """A board at its prompt, as a context; it goes back to work at the end, whatever happened.

    `progress(what, share)` is called while it goes on. `stays`: it is left in service mode.
    """

    def __init__(
        self, port: Port, progress: Callable[[str, float], None] = lambda what, share: None
    ):
        self.port, self._progress = port, progress
        self.stays = False
        self.facts: Facts

    def __enter__(self) -> "Visit":
        for left in reversed(range(_TRIES)):
            self.port.prompt()
            try:
                if self._serves():
                    return self
            except PortError as error:  # its watchdog bit, as it was still armed: it starts anew
                if error.code or not left:
                    raise
        raise PortError(
            f"the board on {self.port.name} does not stay in service mode",
            "unplug it, plug it in, and run this again",
        )

    def _serves(self) -> bool:
        """Find out what it is, and have a node start again into service mode; False: it did not."""
        self.facts = self._ask_facts()
        if self.facts.pending:  # a run was cut off before the board had its boot.py
            self._done(self.port.ask("say(finish)"))
            self.facts = self._ask_facts()
        if not self.facts.firmware or not self.facts.config or self.facts.service:
            return True
        self.port.send("import service; service.enter()")
        self.port.await_prompt()
        self.facts = self._ask_facts()
        return self.facts.service

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is not None:
            with suppress(HostError, OSError):  # the first trouble is the one to tell
                self.leave()
        elif not self.stays:
            self.leave()

    def leave(self) -> None:
        """Send the node back to work; a board without firmware stays where it is."""
        if self.facts.firmware:
            self.port.send("import service; service.leave()")

    def _ask_facts(self) -> Facts:
        row = self._done(self.port.ask("say(facts)"))
        try:
            return Facts.of(row)
        except (TypeError, ValueError, KeyError) as error:
            raise PortError(
                f"what answers on {self.port.name} is no board of ours", "see node071 doctor"
            ) from error

    def state(self) -> dict[str, bytes]:
        """Every file under /state: records, session, readings that wait."""
        return {path: bytes.fromhex(text) for path, text in self._said('contents, "/state"')}

    def read(self, path: str) -> bytes | None:
        """One file, None: the board has none of this name."""
        text = self._done(self.port.ask(f"say(read, {path!r})"))
        return None if text is None else bytes.fromhex(text)

    def digests(self) -> dict[str, str]:
        """The SHA-256 of every file on the board, by path."""
        return dict(self._said("digests"))

    def change(self, write: Mapping[str, bytes], remove: Sequence[str] = ()) -> None:
        """Write and remove files, all or nothing, wherever it is cut; then compare.

        Paths begin with a slash. The order of `write` is the order in which they get their places.
        HostError: there is no room, or something differs.
        """
        if not write and not remove:
            return
        self._check_room(write)
        done: list[Any] = []
        try:
            for number, script in enumerate(scripts := _scripts(write, remove), 1):
                done = self._all_done(self.port.ask(script))
                self._progress("copying files", number / len(scripts))
        except HostError:
            with suppress(HostError):
                self.port.ask("there('/update/plan.json') or clear()")
            raise
        _compare(write, remove, done)
        ours = self.facts.firmware or "/service.mpy" in write
        config = self.facts.config or any(path.startswith("/state/config.") for path in write)
        self.facts = replace(self.facts, firmware=ours, config=config)

    def compare(self, files: Mapping[str, bytes]) -> None:
        """Read files back by their hashes. HostError names the first that differs."""
        _compare(files, (), self._all_done(self.port.ask(f"say(kept, {list(files)!r})")))

    def _check_room(self, write: Mapping[str, bytes]) -> None:
        folders = {path.rpartition("/")[0] for path in write}
        blocks = sum(-(-len(data) // BLOCK) for data in write.values()) + 2 * len(folders)
        if (blocks + _ROOM_BLOCKS) * BLOCK > self.facts.free:
            raise HostError(
                f"the board has {self.facts.free // 1024} KiB free, "
                f"{(blocks + _ROOM_BLOCKS) * BLOCK // 1024} KiB are needed",
                "remove what is not of node071 with mpremote fs rm, or start anew: node071 flash "
                "--micropython",
            )

    def _said(self, call: str) -> list[Any]:
        """The lines that a call prints before it is done. HostError as for _all_done."""
        *lines, last = self.port.ask(f"say({call})") or [{}]
        self._done([last])
        return lines

    def _done(self, rows: list[Any]) -> Any:
        """What the last row says was done. HostError as for _all_done."""
        return self._all_done(rows)[-1]

    def _all_done(self, rows: list[Any]) -> list[Any]:
        """What each row says was done. HostError: the flash is full or refuses, or worse."""
        row = next((each for each in rows if not _is_done(each)), rows[-1] if rows else {})
        if isinstance(row, dict) and row.get("errno") == errno.ENOSPC:
            raise HostError(
                "the board's flash is full; nothing was changed",
                "remove what is not of node071 with mpremote fs rm",
            )
        if isinstance(row, dict) and row.get("errno") == _CORRUPT:
            raise PortError(
                f"the files of the board on {self.port.name} are broken and cannot be read",
                "write it anew: node071 flash --board NAME --micropython VERSION; erase an RP2040 "
                "before, with flash_nuke.uf2 of Raspberry Pi",
                UNREADABLE,
            )
        if isinstance(row, dict) and "errno" in row:
            raise HostError(
                f"the board's flash gives error {row['errno']}; nothing was changed",
                "run the same command again; if it stays so, the board is broken",
            )
        if not _is_done(row):
            said = row.get("wrong", "") if isinstance(row, dict) else ""
            raise PortError(
                f"the line to {self.port.name} lost something {said}".rstrip(),
                "use a short cable, then run the same command again",
            )
        return [each["done"] for each in rows]


def _is_done(row: Any) -> bool:
    return isinstance(row, dict) and "done" in row


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _compare(write: Mapping[str, bytes], remove: Sequence[str], done: list[Any]) -> None:
    """`done`: what a board did, among it what `kept` of the agent says of each path."""
    found = dict(row for row in done if row is not None)
    for path in (*write, *remove):
        if found.get(path, "") != (_sha256(write[path]) if path in write else None):
            cause = f"{path} on the board is not what was written"
            raise HostError(cause, "run the same command again")


def _scripts(write: Mapping[str, bytes], remove: Sequence[str]) -> list[str]:
    """Scripts of a bounded length: they put the files ready on the board, and the last commits."""
    calls = ["clear()\n"]
    for path, data in write.items():
        for start in range(0, len(data) or 1, _PART_BYTES):
            text = base64.b64encode(data[start : start + _PART_BYTES]).decode()
            calls.append(f"say(part, {path!r}, {text!r})\n")
    moves = [(path, _sha256(data)) for path, data in write.items()]
    calls.append(f"say(commit, {moves!r}, {list(remove)!r})\n")
    scripts = [""]
    for call in calls:
        if len(scripts[-1]) + len(call) > _SCRIPT_CHARS:
            scripts.append("")
        scripts[-1] += call
    return scripts
