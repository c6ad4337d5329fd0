# SPDX-License-Identifier: MIT
"""A folder for what is needed only while a program runs; what killed ones left there goes first."""

import fcntl
import os
import shutil
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path

_NEW, _LOCKED = "node071-new-", "node071-run-"


class Scratch:
    """A new folder, its user's alone, until `cleanup`, the end of a `with`, or of the program.

    It is locked, and no lock outlasts its process: a folder whose lock is free has nobody left.
    """

    def __init__(self) -> None:
        _remove_left()
        made = Path(tempfile.mkdtemp(prefix=_NEW))
        lock = _locked(made)
        self.path = made.rename(made.with_name(_LOCKED + made.name.removeprefix(_NEW)))
        self.cleanup = weakref.finalize(self, _remove, self.path, lock)

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: object) -> None:
        self.cleanup()


def _locked(folder: Path) -> int:
    """The descriptor that holds a folder. OSError: somebody else holds it, or it is no folder."""
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise
    return lock


def _remove(folder: Path, lock: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)


def _remove_left() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_LOCKED}*"):
        with suppress(OSError):
            if folder.lstat().st_uid == os.getuid():
                _remove(folder, _locked(folder))
