# SPDX-License-Identifier: MIT
"""What only a board at a terminal needs: `sys` and `os` say which board this is."""

import os
import sys
from collections import namedtuple

_FIELDS = ("name", "version", "_machine", "_mpy", "_build", "_thread")


class _Sys:
    """`sys` of the board: what it is; all else is the unix port's."""

    def __init__(self, own):
        self._own = own

    def __getattr__(self, name):
        return self._own[name] if name in self._own else getattr(sys, name)


def become(board):
    """Let every later `import sys` and `os.uname` tell of the board."""
    says = board["says"]
    version = tuple(says["version"] or sys.implementation.version)
    text = "v{}.{}.{}{}".format(*version[:3], "-" + version[3] if version[3] else "")
    implementation = namedtuple("implementation", _FIELDS)(
        says["name"], version, says["machine"], says["mpy"], says["build"], "unsafe"
    )
    name = says["platform"]
    sys.modules["sys"] = _Sys(
        {
            "implementation": implementation,
            "platform": name,
            "version": "3.4.0; MicroPython {}".format(text),
            "argv": [],
        }
    )
    uname = namedtuple("uname", ("sysname", "nodename", "release", "version", "machine"))(
        name, name, text.split("-")[0][1:], text, says["machine"]
    )
    os.uname = lambda: uname
