# SPDX-License-Identifier: MIT
"""Draws the pictures of the README: a terminal after `node071 simulate`, and a report."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from io import StringIO
from pathlib import Path

from PIL import Image
from rich.console import Console

from host import report
from host.screen import Screen, summary_lines
from simulator import scenario
from simulator.run import Run

HOURS = 6  # 07:00 to 13:00: three lessons and two breaks
SIZE = {"width": 80, "height": 30}
PATH = Path(__file__).with_name("school-day.svg")
REPORT = Path(__file__).with_name("report.png")
PAGE_PX = (1000, 820)  # of the report: two plots wide, down to the end of the first two
COLOURS = 128  # of the PNG: enough for plots and letters


def terminal():
    """What `node071 simulate --hours 6` leaves on a terminal."""
    plan = replace(scenario.find(None), duration_h=HOURS)
    shown = Console(file=StringIO(), force_terminal=True, **SIZE)
    with Screen(plan.name, shown) as screen:
        summary = Run(plan, None, None, screen.row, screen.progress).execute()
        screen.progress(1.0)
    paper = Console(
        file=StringIO(), force_terminal=True, record=True, color_system="truecolor", **SIZE
    )
    paper.print(f"$ node071 simulate --hours {HOURS}", highlight=False)
    paper.print(screen.drawn())
    for node in summary["nodes"]:
        paper.print("\n".join(summary_lines(node)), highlight=False, markup=False)
    drawing = paper.export_svg(title="node071", unique_id="day")
    # fonts of another host: a page of this repository loads nothing from elsewhere
    drawing = re.sub(r"\s*@font-face \{.*?\}", "", drawing, flags=re.DOTALL)
    PATH.write_text(drawing.replace("Fira Code, monospace", "monospace"), encoding="utf-8")


def street():
    """Two days of a class, a bin, a ditch and a bike path, all before one gateway."""
    plans = [scenario.find(kit) for kit in ("classroom", "bin", "water", "bikes")]
    nodes = tuple(
        replace(plan.nodes[0], x_m=place[0], y_m=place[1])
        for plan, place in zip(plans, ((0, 0), (350, 420), (1900, -500), (1200, 300)), strict=True)
    )
    worlds = tuple(plan.worlds[0] for plan in plans)
    return replace(plans[0], name="street", nodes=nodes, worlds=worlds, duration_h=48)


def page():
    """The top of the report of two days with four kits, as Chromium shows it."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("chromium is missing: sudo apt install chromium")
    with tempfile.TemporaryDirectory(prefix="node071-") as name:
        folder = Path(name)
        Run(street(), folder).execute()
        report.write(folder)
        shot = folder / "shot.png"
        options = ["--headless", "--disable-gpu", "--hide-scrollbars"]
        options += ["--no-sandbox"] * (os.geteuid() == 0)
        options += [
            f"--window-size={PAGE_PX[0]},{PAGE_PX[1]}",
            f"--user-data-dir={folder / 'chromium'}",
        ]
        url = (folder / report.NAME).as_uri()
        subprocess.run(
            [chromium, *options, f"--screenshot={shot}", url], check=True, capture_output=True
        )
        with Image.open(shot) as image:
            image.convert("RGB").quantize(COLOURS).save(REPORT, optimize=True)


def main():
    terminal()
    page()


if __name__ == "__main__":
    main()
