# SPDX-License-Identifier: MIT
"""Finds the MicroPython that plays the boards: a binary of one's own, or the packaged one."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from functools import cache

from host.errors import HostError

_PROBE = (
    "import sys, cryptolib, vfs; vfs.VfsLfs2; v = sys.implementation.version;"
    "print(v[0], v[1], getattr(sys.implementation, '_mpy', 0) & 0xFF)"
)
# The package is a module of CPython, which without its own site starts in half the time.
_PACKAGED = (
    "import sys; sys.path.append(sys.argv.pop(1)); from micropython_unix import main; main()"
)


@cache
def interpreter() -> tuple[str, ...]:
    """The words that start MicroPython: the MICROPYTHON setting, the packaged one, or the PATH.

    HostError: there is none, or it lacks what a board has.
    """
    own = os.environ.get("MICROPYTHON")
    if own:
        words: tuple[str, ...] = (own,)
    elif (spec := importlib.util.find_spec("micropython_unix")) and spec.origin:
        words = (sys.executable, "-I", "-S", "-c", _PACKAGED, os.path.dirname(spec.origin))
    elif found := shutil.which("micropython"):
        words = (found,)
    else:
        raise HostError(
            "there is no MicroPython for this computer",
            "on Windows use WSL2; elsewhere build the unix port of MicroPython 1.24 or newer and "
            "put its path into the setting MICROPYTHON",
        )
    _probe(words)
    return words


def command(*arguments: str) -> list[str]:
    """The command line that runs MicroPython with these arguments."""
    return [*interpreter(), *arguments]


def _probe(words: tuple[str, ...]) -> None:
    step = "set MICROPYTHON to a unix port of 1.24 or newer with cryptolib and VfsLfs2"
    try:
        done = subprocess.run([*words, "-c", _PROBE], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HostError(f"MicroPython at {words[0]} does not start: {error}", step) from error
    if done.returncode:
        reason = (done.stderr or done.stdout).strip().splitlines()
        raise HostError(f"MicroPython at {words[0]} is not usable: {(reason or ['?'])[-1]}", step)
    version = re.match(r"(\d+) (\d+) ", done.stdout)
    if version is None:
        raise HostError(f"{words[0]} is no MicroPython", step)
    if (int(version[1]), int(version[2])) < (1, 24):
        raise HostError(
            f"MicroPython at {words[0]} is {version[1]}.{version[2]}, 1.24 is needed", step
        )
