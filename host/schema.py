# SPDX-License-Identifier: MIT
"""The ledger's file: made so that only its owner reads it, its tables, and older versions of them.

A rollback journal, not a WAL: homes of schools lie on network drives, where a WAL does not work.
"""

import os
import sqlite3
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from host.errors import HostError

RESTORE = "restore a backup: node071 restore FILE"
BUSY_S = 30  # so long another process may write
_APPLICATION_ID = 0x4E303731  # "N071"

# Step by step from an empty file; append only. What has nodes in the field cannot start anew.
STEPS = (
    """
    CREATE TABLE lock (one INTEGER PRIMARY KEY CHECK (one = 1), json TEXT NOT NULL);
    CREATE TABLE node (
        dev_eui TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        join_eui TEXT NOT NULL,
        sealed_keys BLOB NOT NULL,
        board TEXT NOT NULL,
        kit TEXT NOT NULL,
        region TEXT NOT NULL,
        place TEXT NOT NULL,
        unique_id TEXT NOT NULL,
        next_dev_nonce INTEGER NOT NULL CHECK (next_dev_nonce BETWEEN 0 AND 65536),
        next_f_cnt INTEGER NOT NULL CHECK (next_f_cnt BETWEEN 0 AND 4294967296),
        seen_at TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('new', 'written', 'registered', 'heard')),
        heard_at TEXT,
        keys_at TEXT NOT NULL,
        changed_at TEXT NOT NULL,
        retired_at TEXT
    );
    CREATE UNIQUE INDEX node_name ON node (name) WHERE retired_at IS NULL;
    CREATE TABLE event (
        at TEXT NOT NULL, dev_eui TEXT NOT NULL, what TEXT NOT NULL, detail TEXT NOT NULL,
        UNIQUE (at, dev_eui, what, detail)
    );
    CREATE TRIGGER event_stays BEFORE UPDATE ON event
        BEGIN SELECT RAISE (ABORT, 'history is append-only'); END;
    CREATE TRIGGER event_kept BEFORE DELETE ON event
        BEGIN SELECT RAISE (ABORT, 'history is append-only'); END;
    CREATE TABLE used_eui (eui TEXT PRIMARY KEY);
    CREATE TABLE file (name TEXT PRIMARY KEY, sha256 TEXT NOT NULL);
    """,
)


def create(path: Path) -> None:
    """Make the empty file, and folders on the way to it, for its owner only."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def close_to_others(path: Path) -> bool:
    """Take a file away from others; False: this drive cannot (FAT on a stick)."""
    if os.name == "nt":  # modes say nothing there; a home belongs to its user
        return True
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        with suppress(OSError):
            path.chmod(0o600)
    return not stat.S_IMODE(path.stat().st_mode) & 0o077


def connect(path: Path) -> sqlite3.Connection:
    """Open a ledger's file and bring its tables up to date. HostError: it is no ledger of ours."""
    connection = sqlite3.connect(
        path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA synchronous = EXTRA")  # a deleted journal stays deleted
        connection.execute("PRAGMA secure_delete = ON")  # no old key in a freed page
        migrate(connection, path.name)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise failure(error, path.name) from error
    except HostError:
        connection.close()
        raise
    return connection


def migrate(connection: sqlite3.Connection, name: str, steps: Sequence[str] = STEPS) -> None:
    """Take the steps that a ledger lacks, all or none. HostError: it is newer than this program."""
    if _version(connection, name) == len(steps):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection, name)  # another process may have been faster
        if version > len(steps):
            raise HostError(f"{name} was written by a newer node071", "update node071")
        for step in steps[version:]:
            for statement in _statements(step):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(steps)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def failure(error: sqlite3.Error, name: str) -> HostError:
    """What SQLite says, as a line and what to do."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_BUSY:
        return HostError(f"another node071 is writing {name}", "wait until it is done")
    if code == sqlite3.SQLITE_FULL:
        return HostError(f"no room on the drive of {name}", "make room, then run this again")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return HostError(f"{name} cannot be written", "check the path and its permissions")
    step = f"name another file, or {RESTORE}"
    return HostError(f"{name} is no ledger, or damaged: {error}", step)


def _version(connection: sqlite3.Connection, name: str) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if owner != _APPLICATION_ID and (tables or owner or version):
        raise HostError(f"{name} is a database, but no ledger", "name another file with --ledger")
    return int(version)


def _statements(step: str) -> list[str]:
    """The statements of a step: a trigger holds semicolons of its own."""
    found, text = [], ""
    for part in step.split(";"):
        text += part + ";"
        if sqlite3.complete_statement(text):
            found.append(text)
            text = ""
    return found
