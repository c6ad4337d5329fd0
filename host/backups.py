# SPDX-License-Identifier: MIT
"""A backup is a whole ledger in one file; what comes back never sets a number back."""

import json
import os
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from host import schema
from host.errors import HostError
from host.ledger import Ledger
from host.node import STATES, Node, pack_keys
from host.vault import Lock, Vault

_MAGIC = b"node071 backup 1\n"
_ANOTHER = "name another file"


@dataclass
class Merged:
    """The names of the nodes that a restore brought, changed, or left as they were."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)


def backup(ledger: Ledger, path: Path, vault: Vault) -> None:
    """Write the ledger into one file for its owner, whole or not at all.

    HostError: something else is there, or keys in the clear would be open to others.
    """
    if path.exists() and not path.read_bytes().startswith(_MAGIC):
        raise HostError(f"{path} is there, and is no backup", _ANOTHER)
    head = _MAGIC + json.dumps(vault.lock and vault.lock.as_dict()).encode() + b"\n"
    data = head + vault.seal(ledger.serialize(), head)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # it is 0600
    try:
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(handle)
        if not schema.close_to_others(Path(name)) and vault.lock is None:
            raise HostError(f"others could read {path}", "use a passphrase, or another drive")
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


class Backup:
    """A backup file, read: its lock, and after that its ledger."""

    def __init__(self, path: Path):
        """HostError: it is no backup."""
        self._path, data = path, path.read_bytes()
        end = data.find(b"\n", len(_MAGIC)) + 1
        self._head, self._body = data[:end], data[end:]
        try:
            if not data.startswith(_MAGIC) or not self._body:
                raise ValueError("it does not begin as one")
            lock = json.loads(self._head[len(_MAGIC) :])
            self.lock = lock and Lock.from_dict(lock)
        except ValueError as error:
            raise HostError(f"{path} is no backup: {error}", _ANOTHER) from None

    def open(self, vault: Vault) -> Ledger:
        """The ledger inside, in memory. HostError: the file was changed, or it is too new."""
        data = vault.open(self._body, self._head)
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        try:
            connection.deserialize(data)
            schema.migrate(connection, self._path.name)
            (lock,) = connection.execute("SELECT json FROM lock").fetchone() or ("null",)
        except sqlite3.Error as error:
            connection.close()
            raise schema.failure(error, self._path.name) from error
        inside = vault if json.loads(lock) else Vault()
        return Ledger(connection, inside, self._path.name)


def merge(ledger: Ledger, source: Ledger) -> Merged:
    """Bring the nodes of a source into a ledger: the newer row, the higher numbers, all history."""
    merged = Merged()
    with ledger.transaction() as connection, source.transaction() as old:
        for theirs in source.nodes(retired=True):
            mine = ledger.by_dev_eui(theirs.dev_eui)
            node = _named(ledger, theirs if mine is None else _joined(mine, theirs))
            if mine != node:
                ledger.put(node)
            names = merged.added if mine is None else merged.changed
            (merged.unchanged if mine == node else names).append(node.name)
        for table in ("event", "used_eui", "file"):
            for row in old.execute(f"SELECT * FROM {table}"):
                marks = ", ".join("?" * len(row))
                connection.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", tuple(row))
    return merged


def _joined(mine: Node, theirs: Node) -> Node:
    """One node of two rows of it. Numbers belong to keys: with other keys the newer ones count."""
    if pack_keys(mine.identity) != pack_keys(theirs.identity):
        return max(mine, theirs, key=lambda node: node.keys_at)
    newer = theirs if theirs.changed_at > mine.changed_at else mine
    heard = [node.heard_at for node in (mine, theirs) if node.heard_at is not None]
    return replace(
        newer,
        next_dev_nonce=max(mine.next_dev_nonce, theirs.next_dev_nonce),
        next_f_cnt=max(mine.next_f_cnt, theirs.next_f_cnt),
        seen_at=_seen_at(mine, theirs),
        state=max(mine.state, theirs.state, key=STATES.index),
        heard_at=max(heard, default=None),
    )


def _seen_at(mine: Node, theirs: Node) -> Any:
    """When the joint numbers were right: the later time only if it knew the higher ones."""
    earlier, later = sorted((mine, theirs), key=lambda node: node.seen_at)
    knew = later.next_dev_nonce >= earlier.next_dev_nonce and later.next_f_cnt >= earlier.next_f_cnt
    return later.seen_at if knew else earlier.seen_at


def _named(ledger: Ledger, node: Node) -> Node:
    """The node, with another name if one in use has that."""
    others = (each for each in ledger.nodes() if each.dev_eui != node.dev_eui)
    if node.retired_at is not None or node.name not in {each.name for each in others}:
        return node
    name = f"{node.name}-{node.dev_eui.hex()[-4:]}"
    return replace(node, identity=replace(node.identity, name=name))


def restore(
    path: Path,
    unlock: Callable[[Lock], Vault],
    target: Callable[[Vault], Ledger],
) -> Merged:
    """Bring a backup back: `unlock` its lock, then open the `target`, which may take its vault."""
    kept = Backup(path)
    vault = unlock(kept.lock) if kept.lock else Vault()
    with kept.open(vault) as source, target(vault) as ledger:
        return merge(ledger, source)
