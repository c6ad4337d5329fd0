# SPDX-License-Identifier: MIT
"""The real esptool and mpremote, run as programs against a virtual board."""

import subprocess
import sys
import time

HANG_S = 60


def run(module, *words):
    """(exit status, all that it printed)."""
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=HANG_S,
    )
    return done.returncode, done.stdout


def mpremote(board, *words):
    return run("mpremote", "connect", board.port, *words)


def esptool(board, *words):
    return run("esptool", "--port", board.port, *words)


def wait_for(condition):
    """Wait until it holds, or hangs."""
    end_s = time.monotonic() + HANG_S
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.02)
