# SPDX-License-Identifier: MIT
"""One run at a time on one serial port, and who it is that has it."""

import hashlib
import os
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from platformdirs import user_runtime_path

from host.errors import HostError

BUSY = "busy"  # the code of a port that somebody else has
_TURN_S = 0.05

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> None:
        os.lseek(descriptor, 4096, os.SEEK_SET)  # behind the text, which others may read
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def held(port: str) -> Iterator[int]:
    """Hold a port for this run; gives a descriptor that children inherit and hold too.

    A run that is killed leaves no lock behind. HostError names the run that has the port.
    """
    with warnings.catch_warnings():  # it tells of a folder that does not suit it, and has another
        warnings.simplefilter("ignore", UserWarning)
        folder = user_runtime_path("node071") / "ports"
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(os.path.realpath(port).encode()).hexdigest()[:16]
    descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _locked(descriptor):
            os.lseek(descriptor, 0, os.SEEK_SET)
            who = os.read(descriptor, 100).decode(errors="replace").strip() or "another node071"
            step = "wait until it is done, or stop it"
            raise HostError(f"{port} is in use by {who}", step, BUSY)
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, f"{_own_name()} (process {os.getpid()})\n".encode())
        yield descriptor
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Lock it; tried for a second, as a child that is just being started holds it too."""
    for _ in range(20):
        try:
            _try_lock(descriptor)
            return True
        except OSError:
            time.sleep(_TURN_S)
    return False


def _own_name() -> str:
    """The program and the command, without options: those may hold a key."""
    words = [Path(sys.argv[0]).name, *sys.argv[1:2]]
    return " ".join(word for word in words if not word.startswith("-"))


def holders(port: str) -> list[str]:
    """The programs that have a port open, such as "minicom (process 123)"; [] if nobody tells."""
    real, found = os.path.realpath(port), []
    for folder in Path("/proc").glob("[0-9]*"):
        if int(folder.name) == os.getpid():
            continue
        with suppress(OSError):  # it has ended, or it is somebody else's
            if any(os.path.realpath(fd) == real for fd in (folder / "fd").iterdir()):
                name = (folder / "comm").read_text().strip()
                found.append(f"{name} (process {folder.name})")
    return found
