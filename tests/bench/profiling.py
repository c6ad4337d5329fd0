# SPDX-License-Identifier: MIT
"""Where the time of a simulated day of one node goes: docs/performance.md says how to read it.

    .venv/bin/python tests/bench/profiling.py [KIT [BOARD [HOURS]]]

Times are of the processor, so that a busy machine changes them little: our own Python and
MicroPython, each in its own code and in the kernel (which is the pipe between them, nearly all of
it), and how many trips through the pipe of each kind there were.
"""

import cProfile
import pstats
import resource
import sys
import time
from collections import Counter
from dataclasses import replace
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from simulator import pipe, scenario
from simulator.board import Board
from simulator.run import Run

USUAL = ("classroom", "rpi-pico-rfm95", 24)
_KINDS = {
    getattr(pipe, name): name.lower().replace("_", " ")
    for name in (
        "SYNC", "WAIT", "PIN_SET", "PIN_GET", "PIN_IRQ", "SPI", "I2C_WRITE", "I2C_READ", "ADC",
        "EXIT", "BOOT", "PROMPT", "FEED", "RTC", "ONE_WIRE", "UART", "PULSE",
    )
}  # fmt: skip


def spent(who):
    found = resource.getrusage(who)
    return found.ru_utime, found.ru_stime


def day(kit, on_board, hours, out):
    """The run of one node of a kit's own scenario, on a board."""
    plan = scenario.find(None if kit == "classroom" else kit)
    node = replace(plan.nodes[0], board=on_board)
    return Run(replace(plan, nodes=(node,), duration_h=hours, expect=()), out)


def measured(kit, on_board, hours):
    """{part: seconds}, and the run."""
    whos = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    with TemporaryDirectory() as out:
        run = day(kit, on_board, hours, Path(out))
        before = [spent(who) for who in whos]
        run.execute()
        after = [spent(who) for who in whos]
    names = ("our Python", "our Python, kernel", "MicroPython", "MicroPython, kernel")
    seconds = [b - a for x, y in zip(before, after, strict=True) for a, b in zip(x, y, strict=True)]
    return dict(zip(names, seconds, strict=True)), run


def trips(kit, on_board, hours):
    """How many requests of each kind, in a run of their own."""
    kinds, take = Counter(), Board.take

    def counted(self):
        whole = take(self)
        if whole:
            kinds[_KINDS[self._pending.op]] += 1
        return whole

    Board.take = counted
    try:
        with TemporaryDirectory() as out:
            day(kit, on_board, hours, Path(out)).execute()
    finally:
        Board.take = take
    return kinds


def functions(kit, on_board, hours, count=14):
    """Lines of the functions of our Python that take the most time themselves."""
    profile = cProfile.Profile(time.process_time)
    with TemporaryDirectory() as out:
        profile.runcall(day(kit, on_board, hours, Path(out)).execute)
    text = StringIO()
    pstats.Stats(profile, stream=text).strip_dirs().sort_stats("tottime").print_stats(count)
    lines = text.getvalue().splitlines()
    return [line for line in lines if "tottime" in line or line[:12].strip()[:1].isdigit()]


def main():
    kit, on_board, hours = [*sys.argv[1:], *USUAL[len(sys.argv) - 1 :]]
    hours = float(hours)
    parts, run = measured(kit, on_board, hours)
    (node,) = run.nodes.values()
    total_s = sum(parts.values())
    print(f"{kit} on {on_board}, {hours:g} h: {node.uplinks_sent} uplinks,", end=" ")
    print(f"{len(node.board.starts)} starts of MicroPython, {node.board.trips:,} trips")
    for name, seconds in parts.items():
        print(f"  {name:<20} {seconds:6.2f} s  {seconds / total_s:4.0%}")
    print(f"  {'together':<20} {total_s:6.2f} s  {hours * 3600 / total_s:,.0f} times real time")
    kinds = trips(kit, on_board, hours).most_common()
    print("trips:", ", ".join(f"{name} {count:,}" for name, count in kinds))
    print("our Python, with the profiler's own time:")
    print("\n".join(functions(kit, on_board, hours)))


if __name__ == "__main__":
    main()
