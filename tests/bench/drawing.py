# SPDX-License-Identifier: MIT
"""The report of forty nodes and a week: how big it is and how long it takes."""

import json
import shutil
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from table import Row, at_most
from week import yardstick_s

from host import report

COUNT = 40
MOST_KB = 1_000  # what a mail takes without a thought


def repeated(kept, folder, times):
    """Fill a folder with a kept run that has each node so many times; all measured the same."""
    summary = json.loads((kept / "summary.json").read_text())
    head, *lines = (kept / "readings.csv").read_text().splitlines(keepends=True)
    nodes, readings = [], [head]
    for number in range(times):
        for node in summary["nodes"]:
            name = f"{node['name']}{number}"
            nodes.append({**node, "name": name, "y_m": 150.0 * number})
            mine = f",{node['name']},"
            readings += [line.replace(mine, f",{name},") for line in lines if mine in line]
    (folder / "summary.json").write_text(json.dumps({**summary, "nodes": nodes}))
    (folder / "readings.csv").write_text("".join(readings))
    for name in ("capture.jsonl", "events.jsonl"):
        shutil.copy(kept / name, folder / name)


def rows(kept):
    """One row; `kept` is the run of a week of one node."""
    with TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        repeated(kept, folder, COUNT)
        count = (folder / "readings.csv").read_text().count("\n") - 1
        report.write(folder)  # matplotlib finds its letters
        began_s = time.perf_counter()
        made = report.write(folder)
        real_s = time.perf_counter() - began_s
    size_kb = made["bytes"] / 1000
    yield Row(
        f"report.html of {COUNT} nodes and a week: kB",
        f"{size_kb:,.0f} kB with {len(made['plots'])} plots of {count:,} readings, in "
        f"{real_s:.1f} s ({real_s / yardstick_s():,.0f} times a million turns of a Python loop)",
        f"{MOST_KB:,} kB",
        "the script alone: bokeh 1,268 kB, plotly 4,816 kB",
        at_most(size_kb, MOST_KB, " kB"),
    )
