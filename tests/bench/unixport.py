# SPDX-License-Identifier: MIT
"""Runs the scripts of board/ under the unix port, on compiled firmware as a board has it."""

import os
import subprocess
from pathlib import Path

from host import image
from simulator.board import HEAP, SHIMS
from simulator.micropython import command

SCRIPTS = Path(__file__).with_name("board")


def compiled(folder):
    """Put the firmware into a folder as a board gets it: .mpy files."""
    for name, data in image.firmware().items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def start(script, *arguments, path=(), **options):
    """Start a script; `path`: folders searched before what the port has."""
    words = command("-X", f"heapsize={HEAP}", str(SCRIPTS / script), *map(str, arguments))
    search = ":".join([*map(str, path), str(SHIMS), ".frozen"])
    return subprocess.Popen(
        words,
        env=os.environ | {"MICROPYPATH": search},
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


def lines(process):
    """What a script printed, once it has ended. RuntimeError: it failed."""
    output, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(process.args[-3:])}: {output[-500:]}")
    return output.splitlines()
