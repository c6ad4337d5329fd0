# SPDX-License-Identifier: MIT
"""An RP2040 that waits as a drive: it has no port before it has MicroPython."""

import os
import time
from pathlib import Path

from host import uf2
from host.boards import Board
from host.errors import HostError
from host.port import choose

_APPEARS_S = 30.0


def waiting(board: Board, port: str | None, drive: Path | None) -> Path | None:
    """The drive as which a board waits, None when it has a port. HostError: there are several."""
    if board.uf2_family is None or (port and os.path.exists(port)):
        return None
    drives = uf2.drives([drive] if drive else None)
    if len(drives) > 1:
        names = ", ".join(map(str, drives))
        raise HostError(f"several boards wait as drives: {names}", "name one with --drive")
    return drives[0] if drives else None


def wake(board: Board, port: str | None, drive: Path, micropython: bytes) -> str:
    """Give MicroPython to the board that waits as `drive`; the port that it has then.

    HostError: the image is for another chip, or no port appears.
    """
    assert board.uf2_family is not None
    uf2.copy(micropython, drive, board.uf2_family)
    end_s = time.monotonic() + _APPEARS_S
    while True:
        try:
            return choose(port, board.usb)
        except HostError:
            if time.monotonic() > end_s:
                raise
            time.sleep(0.1)
