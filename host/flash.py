# SPDX-License-Identifier: MIT
"""Puts firmware on a board, with MicroPython or without, and gives it back what it held."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from host import esp32, holdings, image, portlock, provisioning, uf2
from host.boards import Board, kits
from host.continuation import prepare
from host.enrol import Enrolled, enrol, identity_of
from host.errors import HostError
from host.images import Image
from host.ledger import Ledger
from host.node import Node
from host.port import FORBIDDEN, GONE, NO_PORT, UNREADABLE, Port, PortError
from host.provision import board_records, config
from host.state import State
from host.visit import Facts, Visit

_FIXED = 0x200000  # the ESP32's flash that is not filesystem_kib: boards.toml counts from here
_FLAG = "/service"  # with it in flash a node starts into service mode (firmware/service.py)
_READINGS = image.STATE + "/readings/"
_START = "start"  # the record of firmware/start.py: its first number counts the starts
_OUT_OF_REACH = (portlock.BUSY, FORBIDDEN, GONE, NO_PORT)  # --lose-backlog helps none
_LOSE = (
    "a node wakes when you press its reset button: then run the same command again; if it is new, "
    "or what waits on it may be lost, add --lose-backlog"
)
_BROKEN = "the readings that wait on it are lost: add --lose-backlog"
_DRIVE_S = 30.0
_RELEASE_S = 10.0
_READS = "starting it, and reading it back"


@dataclass(frozen=True)
class Job:
    """What the command line asks for; `ask` gets a question and gives the answer."""

    board: Board
    micropython: Image | None = None
    lose_backlog: bool = False
    replace: bool = False
    firmware: Path | None = None
    drive: Path | None = None
    ask: Callable[[str], bool] = lambda question: False
    silent: PortError | None = None  # it was tried already: no MicroPython answers


@dataclass(frozen=True)
class Report:
    """What was done: files written and removed, readings that came back, the node if it is one."""

    node: Node | None
    written: int
    removed: int
    readings: int
    micropython: str | None
    port: str
    was_retired: bool  # and is in use again

    def public(self) -> dict[str, Any]:
        """For --json, without keys."""
        return {**vars(self), "node": self.node.public() if self.node else None}


class Flasher:
    """One board, one job; `progress(what, share)` is called while it goes on."""

    def __init__(
        self,
        port: Port,
        ledger: Ledger,
        backups: Path,
        job: Job,
        progress: Callable[[str, float], None] = lambda what, share: None,
    ):
        self._port, self._ledger, self._backups, self._job = port, ledger, backups, job
        self._progress = progress
        self._contents = image.firmware(job.firmware)
        self._node_waits = False  # in service mode, and nothing is written over yet
        self._was_retired = False

    def run(self) -> Report:
        """Do it all. HostError: what stands in the way, and what the board is now."""
        made = self._job.micropython
        if made is None:
            return self._update()
        enrolled, after = self._read()
        try:
            if self._job.board.uf2_family is None:
                return self._esp32(made, enrolled, after)
            return self._rp2040(made, self._job.board.uf2_family)
        except BaseException:
            if self._node_waits:
                self._release()
            raise

    def _release(self) -> None:
        """Send the node back to work that was about to be flashed."""
        with suppress(HostError, OSError):  # the first trouble is the one to tell
            self._port.prompt(_RELEASE_S)
            self._port.send("import service; service.leave()")

    # The firmware alone.

    def _update(self) -> Report:
        with Visit(self._port, self._progress) as visit:
            provisioning.check_board(visit.facts, self._job.board)
            state = State(visit.state())
            enrolled = self._secure(visit.facts, state)
            return self._fill(visit, enrolled, self._after(state, enrolled))

    def _fill(self, visit: Visit, enrolled: Enrolled | None, after: State) -> Report:
        """Bring firmware and records up to date in one change, and compare all of it."""
        write, remove = provisioning.with_firmware(visit, self._contents, after)
        visit.change(write, remove)
        self._compare(visit, after)
        return self._report(visit, enrolled, after, len(write), len(remove))

    def _compare(self, visit: Visit, after: State) -> None:
        """All firmware and all records, by hash. HostError names the first that differs."""
        visit.compare({f"/{name}": data for name, data in self._contents.items()} | after.files)

    def _take_start(self, visit: Visit, after: State) -> None:
        """Take over the count of starts: the board has started since it was written.

        HostError: the count went back, and readings of two starts would pass for those of one.
        """
        found = State(visit.state())
        was, now = after.load(_START), found.load(_START)
        if was is None:
            return
        if now is None or now[0] < was[0]:
            cause = "the board has lost count of its starts while it was flashed"
            raise HostError(cause, "run the same command again")
        own = (f"{image.STATE}/{_START}.{slot}" for slot in (0, 1))
        after.files.update({path: found.files[path] for path in own if path in found.files})

    def _report(
        self, visit: Visit, enrolled: Enrolled | None, after: State, written: int, removed: int
    ) -> Report:
        """All is on the board: what was kept of it is not needed any more."""
        node = None
        if enrolled is not None:
            digest = provisioning.verify(visit, after)
            node = self._ledger.advance(enrolled.node.dev_eui, "written", f"config {digest[:16]}")
        holdings.forget(self._backups, visit.facts.unique_id)
        made = self._job.micropython
        return Report(
            node,
            written,
            removed,
            sum(path.startswith(_READINGS) for path in after.files),
            made.name if made else None,
            visit.port.name,
            self._was_retired,
        )

    # What the board holds.

    def _read(self) -> tuple[Enrolled | None, State]:
        """Who the board is and the records that it gets, from itself or from what was kept."""
        if self._job.silent is not None:
            return self._unreadable(self._job.silent)
        try:
            with Visit(self._port, self._progress) as visit:
                provisioning.check_family(visit.facts, self._job.board)
                found, unique_id = visit.state(), visit.facts.unique_id
                lost = holdings.interrupted(self._backups, unique_id)
                if lost is None:
                    enrolled = self._secure(visit.facts, State(found))
                    after = self._after(State(found), enrolled)
                else:  # it may have been cut off while its files were written: half of them
                    newer = {path: found[path] for path in found if path.startswith(_READINGS)}
                    enrolled, after = self._from_ledger(unique_id, newer | lost)
                visit.stays = True  # back at work it would count on, and nobody would know
                self._node_waits = lost is None and visit.facts.firmware
                return enrolled, after
        except PortError as error:
            return self._unreadable(error)

    def _unreadable(self, error: PortError) -> tuple[Enrolled | None, State]:
        """A board that was cut off while it was flashed, that is new, or that is broken."""
        esp = self._job.board.uf2_family is None
        if not esp and self._drives():
            return None, State()  # its files stay where they are: a UF2 does not touch them
        if error.code in _OUT_OF_REACH:
            raise error
        if esp and (unique_id := esp32.read_mac(self._port.name, self._port.lock)):
            kept = holdings.kept(self._backups, unique_id)
            if kept is not None or self._may_lose(error):
                return self._from_ledger(unique_id, kept or {})
        elif self._may_lose(error):
            return None, State()
        raise HostError(str(error), _BROKEN if error.code == UNREADABLE else _LOSE) from error

    def _may_lose(self, error: PortError) -> bool:
        return self._job.lose_backlog or self._job.ask(
            f"{error}. If it is new, nothing is lost; if it was a node, the readings that wait on "
            "it are. Go on?"
        )

    def _from_ledger(
        self, unique_id: bytes, files: dict[str, bytes]
    ) -> tuple[Enrolled | None, State]:
        """A board that cannot be read gets its identity from the ledger, counters far above."""
        known, board, state = self._ledger.find(unique_id), self._job.board, State(files)
        if known is None:
            return None, self._after(state, None)
        if known.board != board.name and not self._job.replace:
            raise provisioning.another_board(f"this board is '{known.name}'", known.board, board)
        enrolled = self._enrol(known.kit, unique_id, state)
        return enrolled, self._after(self._of_node(state, enrolled), enrolled, live=False)

    def _of_node(self, state: State, enrolled: Enrolled) -> State:
        """What was kept of a node has no keys in it: whose it is comes from the ledger."""
        node, own = enrolled.node, State(state.files)
        values = config(self._job.board, kits()[node.kit], node.identity, node.region)
        own.save("config", values)
        return own

    def _secure(self, facts: Facts, state: State) -> Enrolled | None:
        """Identity into the ledger, the rest into a file, before anything is written.

        None: the board is no node, and never was one.
        """
        board = self._job.board
        if not self._job.replace:
            provisioning.check_identity(state, self._ledger, facts, board)
        holdings.keep(self._backups, facts.unique_id, state.files)
        known = self._ledger.find(facts.unique_id)
        if known is None and identity_of(state) is None:
            return None
        values = state.load("config") or {}
        name, region = values.get("kit", known and known.kit), values.get("region")
        if name not in kits():
            raise HostError(
                f"this board has the kit {name}, which is not known here",
                "add it to kits.toml, or provision it with another: node071 provision --replace",
            )
        return self._enrol(name, facts.unique_id, state, region)

    def _enrol(
        self, kit: str, unique_id: bytes, state: State, region: str | None = None
    ) -> Enrolled:
        """The node that the board is, in use from here on."""
        board = self._job.board
        found = enrol(self._ledger, board.name, kit, board.chip, unique_id, state, region=region)
        self._was_retired |= found.retired
        return found

    def _after(self, state: State, enrolled: Enrolled | None, live: bool = True) -> State:
        """The records that the board gets."""
        if enrolled is None:
            after = State(state.files)
            after.files.update(board_records(self._job.board))
            return after
        kit = kits()[enrolled.node.kit]
        return prepare(self._ledger, enrolled, state, self._job.board, kit, live)

    # ESP32: one run of esptool for all.

    def _esp32(self, made: Image, enrolled: Enrolled | None, after: State) -> Report:
        board = self._job.board
        flash_bytes = _FIXED + board.filesystem_kib * 1024
        offset, size = esp32.filesystem(esp32.check(made.data), flash_bytes)
        contents = {f"/{name}": data for name, data in self._contents.items()}
        filesystem = image.build(contents | after.files | {_FLAG: b""}, size // image.BLOCK_SIZE)
        self._write_esp32({esp32.OFFSET: made.data, offset: filesystem}, enrolled)
        self._progress(_READS, 0.0)
        self._port.await_prompt()
        with Visit(self._port, self._progress) as visit:
            written = len(contents) + len(after.files)
            self._take_start(visit, after)
            self._compare(visit, after)
            self._progress(_READS, 1.0)
            return self._report(visit, enrolled, after, written, 0)

    def _write_esp32(self, parts: dict[int, bytes], enrolled: Enrolled | None) -> None:
        """Write over all that is on the board; until that is done, what was kept is the truth."""
        unique_id = enrolled.node.unique_id if enrolled is not None else None
        if unique_id:
            holdings.begin(self._backups, unique_id)
        waited, self._node_waits = self._node_waits, False
        size_mb = sum(map(len, parts.values())) / 1e6
        what = f"writing MicroPython and firmware, {size_mb:.1f} MB"
        progress = partial(self._progress, what)
        progress(0.0)
        try:
            esp32.write(self._port.name, parts, self._port.lock, progress)
        except HostError as error:
            if waited and error.code == esp32.DEAF:  # it is what it was
                self._node_waits = True
                if unique_id:
                    holdings.call_off(self._backups, unique_id)
            raise
        except KeyboardInterrupt:
            step = "run the same command again: what it held is kept"
            raise HostError(
                "stopped while the board was written: it does not start", step
            ) from None

    # RP2040: a drive for MicroPython, then the firmware file by file.

    def _rp2040(self, made: Image, family: int) -> Report:
        drive, what = self._drive(), f"copying MicroPython, {len(made.data) / 1e6:.1f} MB"
        self._progress(what, 0.0)
        uf2.copy(made.data, drive, family)
        self._progress(what, 1.0)
        self._port.await_prompt()
        with Visit(self._port, self._progress) as visit:
            provisioning.check_board(visit.facts, self._job.board)
            state, live = State(visit.state()), True
            if not state.files:  # MicroPython has formatted what it could not mount
                kept = holdings.kept(self._backups, visit.facts.unique_id)
                state, live = State(kept or {}), False
            enrolled = self._secure(visit.facts, state)
            if enrolled is not None and not live:
                state = self._of_node(state, enrolled)
            after = self._after(state, enrolled, live)
            if not live:
                kept_files, after = after.files, State()
                after.files.update(kept_files)
            return self._fill(visit, enrolled, after)

    def _drives(self) -> list[Path]:
        return uf2.drives([self._job.drive] if self._job.drive else None)

    def _drive(self) -> Path:
        """The drive of the boot loader, into which the board is sent."""
        if not self._drives():
            self._node_waits = False
            self._port.send("import machine; machine.bootloader()")
        end_s = time.monotonic() + _DRIVE_S
        while not (found := self._drives()):
            if time.monotonic() > end_s:
                raise HostError(
                    "the drive of the board does not appear",
                    "hold BOOTSEL while you plug it in; on Linux open the drive once, or name it "
                    "with --drive",
                )
            time.sleep(0.1)
        if len(found) > 1:
            names = ", ".join(map(str, found))
            raise HostError(f"several boards wait as drives: {names}", "name one with --drive")
        return found[0]
