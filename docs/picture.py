# SPDX-License-Identifier: MIT
"""Draws docs/school-day.svg: what `node071 simulate --hours 6` leaves on a terminal."""

import re
from dataclasses import replace
from io import StringIO
from pathlib import Path

from rich.console import Console

from host.screen import Screen, summary_lines
from simulator import scenario
from simulator.run import Run

HOURS = 6  # 07:00 to 13:00: three lessons and two breaks
SIZE = {"width": 80, "height": 30}
PATH = Path(__file__).with_name("school-day.svg")


def main():
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


if __name__ == "__main__":
    main()
