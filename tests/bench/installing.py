# SPDX-License-Identifier: MIT
"""From a box of boards to nodes: one image against file by file, and four ports against one.

Virtual boards, with lines as slow as real ones: MicroPython has 115,200 baud for ever, the boot
loader of an ESP32 what esptool asks for. The boot loader's flash is as fast as a file.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from table import Row, at_least, at_most

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "host"))

from manifest_boards import Box, Slot  # of tests/host
from workbench import FIRMWARE, PICO, TTGO

from host import image
from simulator.virtual_board import VirtualBoard

FASTER, SLOWER, PORTS = 3.0, 2.0, 4
BAUD = 460800  # of node071 flash


def timed(*words, folder):
    """Seconds that a program took. CalledProcessError: it failed."""
    began_s = time.monotonic()
    subprocess.run([sys.executable, "-m", *words], cwd=folder, check=True, capture_output=True)
    return time.monotonic() - began_s


def by_image(folder):
    """Seconds of esptool for the LittleFS image of the firmware."""
    with VirtualBoard(TTGO, folder / "whole", at_speed=True) as board:
        offset, size = board.flash.filesystem
        path = folder / "firmware.littlefs"
        path.write_bytes(image.build(FIRMWARE, size // image.BLOCK_SIZE))
        port = ("--chip", "esp32", "--port", board.port, "--baud", str(BAUD))
        spent_s = timed("esptool", *port, "write-flash", hex(offset), path, folder=folder)
        check(board)
        return spent_s


def by_files(folder):
    """Seconds of one mpremote that copies the same files."""
    tree = folder / "tree"
    for name, data in FIRMWARE.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(data)
    with VirtualBoard(TTGO, folder / "files", at_speed=True) as board:
        words = ("connect", board.port, "fs", "cp", "-r", *sorted(map(str, tree.iterdir())), ":")
        spent_s = timed("mpremote", *words, folder=tree)
        check(board)
        return spent_s


def check(board):
    """RuntimeError: the firmware is not on it."""
    found = board.flash.files()
    if any(found.get(name) != data for name, data in FIRMWARE.items()):
        raise RuntimeError("the firmware is not on the board")


def together_s(folder, count):
    """Seconds of `provision --manifest` for boards with nothing but MicroPython, a port each."""
    folder.mkdir()
    rows = "".join(f"street-{n},{PICO},classroom\n" for n in range(count))
    slots = [Slot(folder, n, at_speed=True) for n in range(count)]
    with Box(folder, "name,board,kit\n" + rows, slots) as box:
        for slot in slots:
            slot.plug_in()
        began_s = time.monotonic()
        run = box.start("--wait", "0")
        _, said = run.communicate()
        spent_s = time.monotonic() - began_s
        if run.returncode:
            raise RuntimeError(said.splitlines()[-1])
        return spent_s


def rows():
    """Two rows, each a ratio of two times of this run."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        whole_s, files_s = by_image(folder), by_files(folder)
        one_s, all_s = together_s(folder / "one", 1), together_s(folder / "all", PORTS)
    yield Row(
        "the firmware on an ESP32: one image by esptool, against mpremote fs cp -r",
        f"{files_s / whole_s:.1f} times as fast ({whole_s:.1f} s, {files_s:.1f} s)",
        f"{FASTER:.0f} times",
        "-",
        at_least(files_s / whole_s, FASTER, " times"),
    )
    yield Row(
        f"{PORTS} boards at {PORTS} ports become nodes, firmware and all, against one board",
        f"{all_s / one_s:.2f} times the time ({all_s:.1f} s, {one_s:.1f} s)",
        f"below {SLOWER:.0f} times",
        "-",
        at_most(all_s / one_s, SLOWER, " times"),
    )
