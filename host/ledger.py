# SPDX-License-Identifier: MIT
"""The ledger: every node that was ever made, its identity, and how far its counters have come."""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from host import schema
from host.errors import HostError, meant, typed
from host.keys import EuiBlock
from host.node import STATES, Event, Node, from_row, pack_keys, text, to_row
from host.provision import Identity
from host.vault import Lock, Vault

_CHANGEABLE = ("board", "kit", "region", "place", "unique_id")
_ON_BOARD = ("name", "board", "kit", "region")  # until it is written it is not so there
_IN_USE_FIRST = "ORDER BY retired_at IS NOT NULL, changed_at DESC"
_USED_EUIS = """SELECT eui FROM used_eui WHERE eui BETWEEN ? AND ?
    UNION SELECT dev_eui FROM node WHERE dev_eui BETWEEN ? AND ?"""


def _utc() -> datetime:
    return datetime.now(UTC)


class Ledger:
    """One open ledger. Threads and processes may share it; a transaction is all or nothing."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        vault: Vault,
        file_name: str = "the ledger",
        now: Callable[[], datetime] = _utc,
    ):
        self.vault, self.file_name, self.now = vault, file_name, now
        self._connection, self._lock, self._inside = connection, threading.RLock(), False
        connection.row_factory = sqlite3.Row
        self._lock_text = _lock_text(connection)

    @classmethod
    def open(
        cls, path: Path, vault: Callable[[Lock | None], Vault], now: Callable[[], datetime] = _utc
    ) -> Self:
        """Open a ledger, or make it. `vault` gets the lock of one that has keys to unlock, None
        when the ledger is to be made.

        HostError: it is no ledger, or its keys are in the clear where others can read them.
        """
        made = None if path.exists() else vault(None)  # before there is a file
        schema.create(path)
        alone = schema.close_to_others(path)
        connection = schema.connect(path)
        try:
            ledger = cls(connection, _vault(connection, vault, made), path.name, now)
            if ledger.vault.lock is None and not alone:
                step = "keep it on a drive that knows owners, or use a passphrase"
                raise HostError(f"others can read {path}, and its keys are not encrypted", step)
            return ledger
        except sqlite3.Error as error:
            connection.close()
            raise schema.failure(error, path.name) from error
        except BaseException:
            connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside is kept, or nothing; one inside another is a part of it."""
        with self._lock:
            if self._inside:
                yield self._connection
                return
            self._inside = True
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                self._check_lock()
                yield self._connection
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise schema.failure(error, self.file_name) from error
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                self._inside = False

    def nodes(self, retired: bool = False) -> list[Node]:
        """All nodes by name; those that are retired only when asked for."""
        where = "" if retired else "WHERE retired_at IS NULL"
        return self._nodes(f"{where} ORDER BY name, retired_at IS NOT NULL, dev_eui")

    def node(self, which: str) -> Node:
        """A node by its name, or by its DevEUI in hex. HostError: there is none."""
        eui = which.replace(":", "").replace("-", "").lower()
        found = self._nodes(f"WHERE name = ? {_IN_USE_FIRST}", which)
        found = found or self._nodes("WHERE dev_eui = ?", eui)
        if not found:
            names = [node.name for node in self.nodes(retired=True)]
            step = meant(which, names, "node071 devices lists them")
            raise HostError(f"no node '{which}' in the ledger", step)
        return found[0]

    def by_dev_eui(self, dev_eui: bytes) -> Node | None:
        """The node with this DevEUI, None: there is none."""
        return next(iter(self._nodes("WHERE dev_eui = ?", dev_eui.hex())), None)

    def known(self, dev_eui: bytes) -> Node:
        """The node with this DevEUI. HostError: there is none."""
        if node := self.by_dev_eui(dev_eui):
            return node
        raise HostError(f"no node {dev_eui.hex()} in the ledger", "node071 devices lists them")

    def find(self, unique_id: bytes) -> Node | None:
        """The node that a board is, by its unique id; None: the board is new."""
        if not unique_id:
            return None
        found = self._nodes(f"WHERE unique_id = ? {_IN_USE_FIRST}", unique_id.hex())
        return next(iter(found), None)

    def add(self, node: Node) -> Node:
        """Keep a node that is new, before its board gets anything. HostError: it is not new."""
        with self.transaction():
            self._check_name(node.name, node.dev_eui)
            if other := self.by_dev_eui(node.dev_eui):
                cause = f"DevEUI {node.dev_eui.hex()} belongs to '{other.name}'"
                raise HostError(cause, "give another --dev-eui")
            now = self.now()
            self.put(replace(node, seen_at=now, keys_at=now, changed_at=now))
            self.note(node.dev_eui, "new", f"{node.name}: {node.kit} on {node.board}")
            return self.known(node.dev_eui)

    def change(
        self, dev_eui: bytes, identity: Identity | None = None, fresh: bool = False, **fields: Any
    ) -> Node:
        """Change board, kit, region, place, unique_id, or the identity but for its DevEUI.

        With other keys or JoinEUI it is a new node for the network; with `fresh` ones, which
        nobody ever had, its numbers begin anew too. A node that was retired is in use again. Its
        receipt begins anew with whatever has to be written on the board.
        """
        if unknown := set(fields) - set(_CHANGEABLE):
            raise ValueError(f"no such fields: {unknown}")
        with self.transaction():
            old, now = self.known(dev_eui), self.now()
            new = replace(old, changed_at=now, retired_at=None, **fields)
            if identity is not None:
                new = _renewed(new, identity, now)
            if fresh:
                new = replace(new, next_dev_nonce=0, next_f_cnt=0, seen_at=now)
            changed = [e for e in (*_ON_BOARD, "place") if getattr(old, e) != getattr(new, e)]
            if old.retired_at is not None or any(each in _ON_BOARD for each in changed):
                new = replace(new, state=STATES[0])
            self._check_name(new.name, dev_eui)
            self.put(new)
            if old.retired_at is not None:
                self.note(dev_eui, "in use again")
            for each in changed:
                self.note(dev_eui, each, f"{getattr(old, each)} -> {getattr(new, each)}")
            if old.keys_at != new.keys_at:
                self.note(dev_eui, "new keys")
            return new

    def advance(self, dev_eui: bytes, state: str, detail: str = "") -> Node:
        """A receipt: the node is written, registered, heard. What came further stays there."""
        with self.transaction():
            node = self.known(dev_eui)
            reached = max(node.state, state, key=STATES.index)
            self.put(replace(node, state=reached, changed_at=self.now()))
            self.note(dev_eui, state, detail)
            return self.known(dev_eui)

    def heard(self, dev_eui: bytes, at: datetime) -> Node:
        """The network says when it heard the node last."""
        with self.transaction():
            node = self.known(dev_eui)
            if node.heard_at is None or at > node.heard_at:
                self.put(replace(node, heard_at=at))
            if node.state == STATES[-1]:
                return self.known(dev_eui)
            return self.advance(dev_eui, STATES[-1], f"at {text(at)}")

    def seen(
        self, dev_eui: bytes, next_dev_nonce: int | None = None, next_f_cnt: int | None = None
    ) -> Node:
        """What the board's own records say are the first numbers unused; they only go up."""
        with self.transaction():
            node, now = self.known(dev_eui), self.now()
            nonce = max(node.next_dev_nonce, next_dev_nonce or 0)
            f_cnt = max(node.next_f_cnt, next_f_cnt or 0)
            node = replace(node, next_dev_nonce=nonce, next_f_cnt=f_cnt)
            self.put(replace(node, seen_at=now, changed_at=now))
            self.note(dev_eui, "seen", f"next DevNonce {nonce}, next FCnt {f_cnt}")
            return self.known(dev_eui)

    def retire(self, dev_eui: bytes) -> Node:
        """It is out of use. Its EUI and numbers stay, its name is free for another."""
        with self.transaction():
            now = self.now()
            self.put(replace(self.known(dev_eui), retired_at=now, changed_at=now))
            self.note(dev_eui, "retired")
            return self.known(dev_eui)

    def note(self, dev_eui: bytes, what: str, detail: str = "") -> None:
        """Add a line to a node's history."""
        with self.transaction() as connection:
            row = (text(self.now()), dev_eui.hex(), what, detail)
            connection.execute("INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?)", row)

    def history(self, dev_eui: bytes) -> list[Event]:
        """What happened to a node, oldest first."""
        query = "SELECT at, what, detail FROM event WHERE dev_eui = ? ORDER BY at, rowid"
        rows = self._fetch(query, dev_eui.hex())
        return [Event(datetime.fromisoformat(at), what, detail) for at, what, detail in rows]

    def take_eui(self, block: EuiBlock) -> bytes:
        """The first EUI of a block that nobody ever had. HostError: all are used."""
        with self.transaction() as connection:
            ends = (block.first.hex(), block.last.hex())
            used = {row[0] for row in connection.execute(_USED_EUIS, ends + ends)}
            for eui in block:
                if eui.hex() not in used:
                    connection.execute("INSERT INTO used_eui VALUES (?)", (eui.hex(),))
                    return eui
        raise HostError(f"all {block.count} EUIs of the block are used", "give another --eui-block")

    def first_use(self, file_name: str, sha256: str) -> str:
        """The SHA-256 that is kept for files of this name: the first one that came."""
        with self.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO file VALUES (?, ?)", (file_name, sha256))
            query = "SELECT sha256 FROM file WHERE name = ?"
            return str(connection.execute(query, (file_name,)).fetchone()[0])

    def put(self, node: Node) -> None:
        """Write a row as it stands, over the one of this DevEUI."""
        row = to_row(node, self.vault)
        marks = ", ".join(f":{column}" for column in row)
        with self.transaction() as connection:
            connection.execute("DELETE FROM node WHERE dev_eui = :dev_eui", row)
            connection.execute(f"INSERT INTO node ({', '.join(row)}) VALUES ({marks})", row)

    def relock(self, vault: Vault) -> int:
        """Seal the keys of all nodes anew with another vault, all or none; how many there are."""
        text = _as_text(vault)
        with self.transaction() as connection:
            rows = connection.execute("SELECT dev_eui, sealed_keys FROM node").fetchall()
            for dev_eui, sealed in rows:
                about = bytes.fromhex(dev_eui)
                anew = vault.seal(self.vault.open(sealed, about), about)
                update = "UPDATE node SET sealed_keys = ? WHERE dev_eui = ?"
                connection.execute(update, (anew, dev_eui))
            connection.execute("UPDATE lock SET json = ?", (text,))
        self.vault, self._lock_text = vault, text
        return len(rows)

    def serialize(self) -> bytes:
        """The whole file, as it is between two transactions."""
        with self._lock:
            copy = sqlite3.connect(":memory:")
            self._connection.backup(copy)
            data = copy.serialize()
            copy.close()
            return data

    def _check_name(self, name: str, dev_eui: bytes) -> None:
        for other in self._nodes("WHERE name = ? AND retired_at IS NULL", name):
            if other.dev_eui != dev_eui:
                step = f"give another --name, or first: node071 retire {typed(name)}"
                raise HostError(f"'{name}' is the name of {other.dev_eui.hex()}", step)

    def _nodes(self, tail: str, *values: str) -> list[Node]:
        rows = self._fetch(f"SELECT * FROM node {tail}", *values)
        try:
            return [from_row(dict(row), self.vault) for row in rows]
        except HostError:
            self._check_lock()
            raise

    def _check_lock(self) -> None:
        """HostError: another process has changed the passphrase; ours opens and makes no row."""
        if _lock_text(self._connection) != self._lock_text:
            raise HostError(
                f"the passphrase of {self.file_name} has just been changed",
                "run the same command again",
            )

    def _fetch(self, query: str, *values: str) -> list[sqlite3.Row]:
        with self._lock:
            try:
                return self._connection.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise schema.failure(error, self.file_name) from error


def _renewed(node: Node, identity: Identity, now: datetime) -> Node:
    """The node with another identity: for the network it is new when its keys or JoinEUI are."""
    old, node = node.identity, replace(node, identity=identity)
    if identity.dev_eui != old.dev_eui:
        raise ValueError("a node keeps its DevEUI")
    if pack_keys(old) != pack_keys(identity):
        if identity.session not in (None, old.session):  # its network counts from 0
            node = replace(node, next_f_cnt=0, seen_at=now)
        return replace(node, state=STATES[0], heard_at=None, keys_at=now)
    if old.join_eui != identity.join_eui:
        return replace(node, state=STATES[0], heard_at=None)
    return node


def _vault(
    connection: sqlite3.Connection, vault: Callable[[Lock | None], Vault], made: Vault | None
) -> Vault:
    """The vault of a ledger; one that is new gets it, but not from two processes at once."""
    query = "SELECT json FROM lock"
    row = connection.execute(query).fetchone()
    if row is None:
        made = made or vault(None)
        made_lock = _as_text(made)
        connection.execute("INSERT OR IGNORE INTO lock VALUES (1, ?)", (made_lock,))
        row = connection.execute(query).fetchone()
        if row[0] == made_lock:
            return made
    try:
        kept = json.loads(row[0])
        lock = kept and Lock.from_dict(kept)
    except ValueError as error:
        raise HostError(f"the lock of the ledger is damaged: {error}", schema.RESTORE) from None
    return vault(lock) if lock else Vault()


def _as_text(vault: Vault) -> str:
    """The lock of a vault, as the ledger keeps it."""
    return json.dumps(vault.lock and vault.lock.as_dict())


def _lock_text(connection: sqlite3.Connection) -> str | None:
    row = connection.execute("SELECT json FROM lock").fetchone()
    return None if row is None else str(row[0])
