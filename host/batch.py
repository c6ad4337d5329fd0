# SPDX-License-Identifier: MIT
"""Makes many boards nodes: the rows of a manifest, on several ports at once, until all are done.

Each port has a thread; the work is in programs that it waits for. What is done is in the ledger, so
a run that was stopped anywhere goes on with the next one.
"""

import json
import os
import stat
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from host import portlock, provisioning
from host.enrol import Wish
from host.errors import HostError, typed
from host.ledger import Ledger
from host.manifest import Row, is_written
from host.node import Node, text
from host.port import Attached, Port, PortError, attached
from host.progress import Progress
from host.visit import Facts, Visit

Plugged = tuple[str, int, int]  # changes with each plugging in
_LOOK_S = 0.2  # how often a port is looked at for another board
_RETRY_S = 2.0  # for a board that does not answer, or a port that another run still holds
_BACK_S = 3.0  # a board with USB of its own is gone for so long when it goes back to work


@dataclass(frozen=True)
class Plan:
    """What holds for all rows; it is over when nothing was begun or done for `wait_s`."""

    receipts: Path
    ports: tuple[str, ...] = ()  # none: every board that is plugged into USB
    wish: Wish = provisioning.NO_WISH
    region: str | None = None
    place: str | None = None
    replace: bool = False
    firmware: Path | None = None
    wait_s: float = 300.0


@dataclass(frozen=True)
class Outcome:
    """What became of a row; `problem` and `next_step`: why it is not written."""

    row: Row
    node: Node | None
    problem: str = ""
    next_step: str = ""

    @property
    def written(self) -> bool:
        return is_written(self.node)

    def public(self) -> dict[str, Any]:
        """For --json, and as a receipt: no key."""
        node = self.node
        found = {
            "name": self.row.name,
            "dev_eui": node.dev_eui.hex() if node else None,
            "state": node.state if node else None,
            "board": self.row.board.name,
            "kit": self.row.kit.name,
            "place": (node.place if node else self.row.place) or "",
            "unique_id": node.unique_id.hex() if node else None,
            "changed_at": text(node.changed_at) if node else None,
        }
        return found if self.written else found | {"error": self.problem, "next": self.next_step}


class NoRow(HostError):
    """A board for which the manifest has nothing to do."""


class Batch:
    """One run over the rows; `found` lists the ports on USB."""

    def __init__(
        self,
        rows: list[Row],
        ledger: Ledger,
        plan: Plan,
        progress: Progress,
        found: Callable[[], list[Attached]] = attached,
    ):
        self._rows, self._ledger, self._plan, self._found = rows, ledger, plan, found
        self._progress = progress
        self._lock = threading.RLock()
        self._written: set[str] = set()
        self._claimed: set[str] = set()  # names that are being worked on
        self._busy: set[str] = set()  # ports
        self._usb: dict[str, str] = {}  # the USB ids of ports that nobody named
        self._problems: dict[str, HostError] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._moved_s = time.monotonic()
        self._stop = threading.Event()
        self._crash: BaseException | None = None

    def run(self) -> list[Outcome]:
        """Work until every row is done or no board comes any more; what became of each row."""
        with portlock.held(str(self._plan.receipts)):
            self._take_places()
            self._keep_receipts()
            try:
                self._watch()
            finally:
                self._stop.set()
                for thread in self._threads.values():
                    thread.join()
            if self._crash is not None:
                raise self._crash
            self._keep_receipts()
        return self.outcomes()

    def outcomes(self) -> list[Outcome]:
        """What the ledger says of each row now, and why those that are not written are not."""
        nodes, found = self._nodes(), []
        for row in self._rows:
            node, problem = nodes.get(row.name), self._problems.get(row.name)
            if is_written(node):
                found.append(Outcome(row, node))
            elif problem is not None:
                found.append(Outcome(row, node, str(problem), problem.next_step))
            elif node is not None and node.unique_id:
                cause = f"it was begun on the board {node.unique_id.hex()}, which did not come"
                step = f"plug that one in; if it is gone: node071 retire {typed(row.name)}"
                found.append(Outcome(row, node, cause, step))
            else:
                cause = "no board came for it"
                found.append(Outcome(row, node, cause, "run the same command again"))
        return found

    def _take_places(self) -> None:
        """A place stands in lists only: that of a row holds for a node that is written already."""
        nodes = self._nodes()
        for row in self._rows:
            node = nodes.get(row.name)
            if node is not None and is_written(node) and row.place not in (None, node.place):
                self._ledger.change(node.dev_eui, place=row.place)

    def _nodes(self) -> dict[str, Node]:
        return {node.name: node for node in self._ledger.nodes()}

    def _open(self) -> list[Row]:
        return [row for row in self._rows if row.name not in self._written]

    def _keep_receipts(self) -> None:
        """A line for each node that is written, as the ledger has it: whole or as it was."""
        path = self._plan.receipts
        with self._lock:
            done = [each for each in self.outcomes() if each.written]
            self._written = {each.row.name for each in done}
            lines = [json.dumps(each.public()) + "\n" for each in done]
            new = path.with_name(path.name + ".new")
            new.write_text("".join(lines), encoding="utf-8")
            os.replace(new, path)

    # In the first thread.

    def _watch(self) -> None:
        """Give each port a thread, those of the rows too; see when it is over."""
        named = [*self._plan.ports, *(row.port for row in self._rows if row.port is not None)]
        for name in dict.fromkeys(named):
            self._attend(name)
        on_usb = not self._plan.ports and any(row.port is None for row in self._rows)
        self._say(self._next("plug in"))
        known = {usb for row in self._rows for usb in row.board.usb}
        while self._crash is None:
            for each in self._found() if on_usb else ():
                if each.usb in known and each.port not in self._threads:
                    self._usb[each.port] = each.usb
                    self._attend(each.port)
            if self._over():
                return
            time.sleep(_LOOK_S)

    def _over(self) -> bool:
        with self._lock:
            if self._busy:
                return False
            waited = time.monotonic() - self._moved_s > self._plan.wait_s
            return waited or not self._open()

    def _attend(self, port: str) -> None:
        thread = threading.Thread(target=self._guarded, args=(port,), name=port)
        self._threads[port] = thread
        self._busy.add(port)  # until it finds that nothing is there
        thread.start()

    def _say(self, line: str) -> None:
        with self._lock:
            self._progress.say(line)

    def _next(self, words: str) -> str:
        rows = [row for row in self._open() if row.name not in self._claimed]
        if not rows:
            return "nothing is left to begin"
        return (
            f"{len(rows)} to go; {words} the next board: {rows[0].name} is a {rows[0].board.name}"
        )

    # In the thread of a port.

    def _guarded(self, port: str) -> None:
        try:
            self._serve(port)
        except BaseException as error:  # a mistake of ours: the first thread tells
            self._crash = self._crash or error
        finally:
            self._busy.discard(port)

    def _serve(self, port: str) -> None:
        """Work on one board after another; each is left alone once it is done with."""
        done_with: Plugged | None = None
        said = ""
        while not self._stop.is_set() and self._open():
            here = _presence(port)
            if here is None:
                done_with, said = None, ""
            if here is None or here == done_with:
                self._busy.discard(port)
                self._stop.wait(_LOOK_S)
                continue
            self._busy.add(port)
            problem, unique_id, again = self._one(port)
            if problem is not None and (line := f"{port}: {problem}; {problem.next_step}") != said:
                said = line
                self._say(line)
            if again:
                self._busy.discard(port)
                self._stop.wait(_RETRY_S)
                continue
            done_with = self._after(port, here, unique_id)
            said = ""

    def _after(self, port: str, here: Plugged, unique_id: bytes) -> Plugged | None:
        """What is at the port once the board is back at work; one on USB of its own came anew."""
        end_s = time.monotonic() + _BACK_S
        serials = {each.serial.lower() for each in self._found() if _same(each.port, port)}
        if unique_id.hex() not in serials:
            return here
        while time.monotonic() < end_s and not self._stop.is_set():
            self._stop.wait(_LOOK_S)
        return _presence(port)

    def _one(self, port: str) -> tuple[HostError | None, bytes, bool]:
        """Work on the board at a port: (what is wrong, its unique id, try the same board again)."""
        row, unique_id = None, b""
        try:
            with Port(port, self._say) as line, Visit(line, self._step(port)) as visit:
                unique_id = visit.facts.unique_id
                row = self._claim(visit.facts, port)
                self._say(f"{port}: {row.name} begins")
                receipt = provisioning.provision(visit, self._ledger, self._order(row))
                if receipt.was_retired:
                    self._say(f"{port}: note: {provisioning.IN_USE_AGAIN}")
            self._finish(row, port, receipt.node)
            return None, unique_id, False
        except HostError as error:
            if row is not None:
                self._problems[row.name] = error
            again = row is None or isinstance(error, PortError)
            return error, unique_id, again and not isinstance(error, NoRow)
        finally:
            if row is not None:
                with self._lock:
                    self._claimed.remove(row.name)

    def _step(self, port: str) -> Callable[[str, float], None]:
        def step(what: str, share: float) -> None:
            with self._lock:
                self._progress.step(f"{port} {what}", share)

        return step

    def _order(self, row: Row) -> provisioning.Order:
        plan, wish = self._plan, self._plan.wish
        wish = replace(
            wish,
            name=row.name,
            dev_eui=row.dev_eui,
            block=wish.block if row.dev_eui is None else None,
            join_eui=wish.join_eui if row.join_eui is None else row.join_eui,
        )
        region, place = row.region or plan.region, row.place or plan.place
        where = f"'board' in line {row.line} of the manifest"
        return provisioning.Order(
            row.board, row.kit, wish, region, place, plan.replace, plan.firmware, where
        )

    def _claim(self, facts: Facts, port: str) -> Row:
        """The row that the board at a port gets: its own if it was begun, else the next one.

        NoRow: it is done, it is somebody else, or there is none for such a board.
        """
        with self._lock:
            was, nodes = self._ledger.find(facts.unique_id), self._nodes()
            row = None
            if was is not None and was.retired_at is None:
                row = next((each for each in self._rows if each.name == was.name), None)
                if row is not None and is_written(was):
                    raise NoRow(f"this is {was.name}, which is done", self._next("plug in"))
                if row is None and is_written(was) and not self._plan.replace:
                    cause = f"this board is '{was.name}' already, which is not in the manifest"
                    raise NoRow(cause, "plug in another; --replace makes it a new node")
            row = row or next(
                (each for each in self._rows if self._fits(each, nodes, facts, port)), None
            )
            if row is None:
                cause = f"no row is left for this {facts.family.upper()}"
                raise NoRow(cause, self._next("plug in"))
            self._claimed.add(row.name)
            self._moved_s = time.monotonic()
            return row

    def _fits(self, row: Row, nodes: dict[str, Node], facts: Facts, port: str) -> bool:
        """The row is free, and may be the board at this port."""
        node = nodes.get(row.name)
        if row.name in self._claimed or is_written(node):
            return False
        if node is not None and node.unique_id not in (b"", facts.unique_id):
            return False  # begun on another board
        return (
            row.board.chip.startswith(facts.family)
            and (row.port is None or _same(row.port, port))
            and self._usb.get(port) in (None, *row.board.usb)
        )

    def _finish(self, row: Row, port: str, node: Node) -> None:
        with self._lock:
            self._problems.pop(row.name, None)
            self._moved_s = time.monotonic()
            self._keep_receipts()
            left = self._next("then plug in")
            self._say(f"{port}: {row.name} is written, DevEUI {node.dev_eui.hex().upper()}; {left}")


def _presence(port: str) -> Plugged | None:
    """What is plugged in at a port, None: nothing."""
    if os.name != "posix":
        return (port, 0, 0) if any(each.port == port for each in attached()) else None
    with suppress(OSError):
        own = os.lstat(port)  # udev, too, makes the link anew with each plugging in
        made_ns = own.st_ctime_ns if stat.S_ISLNK(own.st_mode) else 0
        return os.path.realpath(port), os.stat(port).st_ino, made_ns
    return None


def _same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)
