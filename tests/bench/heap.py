# SPDX-License-Identifier: MIT
"""Heap that the firmware takes once it is imported: on 64-bit words, and on 32-bit ones."""

import json
import subprocess
from pathlib import Path

import unixport
from decoding import PEERS, node_and
from table import Row, at_most, missing

from host import boards, files

DRIVER = "lora.sx127x"
DRIVER_LIMIT, WHOLE_LIMIT = 8000, 60_000
SCRIPT = Path(__file__).with_name("peers") / "heap.mjs"
PACKAGE = "@micropython/micropython-webassembly-pyscript"
UF2 = "rp2040js with a MicroPython UF2"


def rows(folder):
    """Two rows: the radio driver alone, and all that a classroom node imports."""
    modules = [DRIVER, *classroom_modules()]
    wide = json.loads(unixport.lines(unixport.start("heap.py", *modules, path=(folder,)))[-1])
    narrow = narrow_words(folder, modules)
    for name, at, limit, elsewhere in (
        ("radio driver alone", 0, DRIVER_LIMIT, "17.5 kB (RP2040)"),
        ("whole firmware with LoRaWAN", -1, WHOLE_LIMIT, "-"),
    ):
        raw = f"{wide[at] / 1000:.1f} kB on the unix port's 64-bit words, a board's are half"
        if narrow is None:
            measured, verdict = raw, missing("MicroPython on 32-bit words (make bench-peers)")
        else:
            measured = f"{narrow[at] / 1000:.1f} kB on 32-bit words ({raw})"
            verdict = at_most(narrow[at] / 1000, limit / 1000, " kB")
        yield Row(f"heap after import: {name}", measured, f"{limit // 1000} kB", elsewhere, verdict)
    yield Row("the same on an RP2040", "-", "the same", "17.5 kB / -", missing(UF2))


def classroom_modules():
    """Every module but those of other regions and other sensors, the entry last.

    The tables are forgotten once they are read; safe mode loads itself when it is needed, and so
    does what is for the prompt.
    """
    kit = boards.kits()["classroom"]
    drivers = {sensor.driver for sensor in kit.sensors} | {"traffic_light"}
    names = {path.removesuffix(".py").replace("/", ".") for path in files.firmware_files()}
    names -= {"main", "boot", "node", "readings", "safe", "onsite"}
    others = {name for name in names if name.startswith("lora.regions.")} - {"lora.regions.eu868"}
    others |= {name for name in names if name.startswith("drivers.")} - {
        f"drivers.{driver}" for driver in drivers
    }
    return [*sorted(names - others), "node"]


def narrow_words(folder, modules):
    """The same under MicroPython for WebAssembly, whose words are as an RP2040's; None: no peer."""
    node = node_and(PACKAGE)
    if node is None:
        return None
    words = [node, str(SCRIPT), str(PEERS), str(folder), *modules]
    return json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
