# SPDX-License-Identifier: MIT
"""Heap that the firmware takes once it is imported: on 64-bit words, and on 32-bit ones.

The modules are those that a classroom node has loaded while it works, each imported once.
"""

import json
import subprocess
from pathlib import Path

import lone
import unixport
from decoding import PEERS, node_and
from table import Row, at_most, missing

from host import files

DRIVER = "lora.sx127x"
BOARD = lone.BOARDS["RP2040"]
DRIVER_LIMIT, WHOLE_LIMIT = 8000, 60_000
SCRIPT = Path(__file__).with_name("peers") / "heap.mjs"
PACKAGE = "@micropython/micropython-webassembly-pyscript"
UF2 = "rp2040js with a MicroPython UF2"


def rows(folder):
    """Two rows: the radio driver alone, and all that a classroom node at work has loaded."""
    modules = [DRIVER, *working_modules(folder)]
    wide = json.loads(unixport.lines(unixport.start("heap.py", *modules, path=(folder,)))[-1])
    narrow = narrow_words(folder, modules)
    for name, at, limit, elsewhere in (
        ("radio driver alone", 0, DRIVER_LIMIT, "17.5 kB (RP2040)"),
        (f"whole firmware with LoRaWAN, {len(modules)} modules", -1, WHOLE_LIMIT, "-"),
    ):
        raw = f"{wide[at] / 1000:.1f} kB on the unix port's 64-bit words"
        if narrow is None:
            measured, verdict = raw, missing("MicroPython on 32-bit words (make bench-peers)")
        else:
            measured = f"{narrow[at] / 1000:.1f} kB on 32-bit words ({raw})"
            verdict = at_most(narrow[at] / 1000, limit / 1000, " kB")
        yield Row(f"heap after import: {name}", measured, f"{limit // 1000} kB", elsewhere, verdict)
    yield Row("the same on an RP2040", "-", "the same", "17.5 kB / -", missing(UF2))


def working_modules(folder):
    """What a classroom node has loaded after some uplinks and answers; what passes is not in it."""
    board = lone.start(BOARD, folder / "flash", 0, warm=5, window=5)
    loaded = set(lone.result(unixport.lines(board))["modules"])
    names = {path.removesuffix(".py").replace("/", ".") for path in files.firmware_files()}
    return sorted(names & loaded - {"boot", "main", DRIVER})


def narrow_words(folder, modules):
    """The same under MicroPython for WebAssembly, whose words are as an RP2040's; None: no peer."""
    node = node_and(PACKAGE)
    if node is None:
        return None
    words = [node, str(SCRIPT), str(PEERS), str(folder), *modules]
    return json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
