# SPDX-License-Identifier: MIT
"""An RP2040 that waits as a drive: it has no port before it has MicroPython."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from host import uf2
from host.boards import Board
from host.errors import HostError
from host.images import Image
from host.port import choose

_APPEARS_S = 30.0


def port_of(
    board: Board, port: str | None, drive: Path | None, image: Callable[[], Image]
) -> tuple[str, bool]:
    """The port of a board, and whether it got `image()` first, as it waited for one.

    HostError: there is none, there are several, or it does not come up with MicroPython.
    """
    family = board.uf2_family
    drives = uf2.drives([drive] if drive else None) if family else []
    if family is None or not drives or (port and os.path.exists(port)):
        return choose(port, board.usb), False
    if len(drives) > 1:
        names = ", ".join(map(str, drives))
        raise HostError(f"several boards wait as drives: {names}", "name one with --drive")
    uf2.copy(image().data, drives[0], family)
    end_s = time.monotonic() + _APPEARS_S
    while True:
        try:
            return choose(port, board.usb), True
        except HostError:
            if time.monotonic() > end_s:
                raise
            time.sleep(0.1)
