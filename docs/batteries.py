# SPDX-License-Identifier: MIT
"""Fills the table of batteries in docs/kits.md: mAh a day of each kit on each board, simulated."""

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

from host import boards
from host.figures import span
from simulator import energy, scenario
from simulator.currents import PACK
from simulator.run import Run

PAGE = Path(__file__).with_name("kits.md")
KITS = ("bin", "bin-jsn-sr04t", "water", "water-maxbotix", "parking", "bikes")
_TABLE = re.compile(r"(?<=<!-- batteries -->\n).*?(?=<!-- end -->)", re.DOTALL)


def summary(kit, board):
    """What a day of the kit on the board comes to, at SF7; None where it does not go."""
    found = boards.boards()[board]
    if boards.refusal(found, boards.kits()[kit]):
        return None
    return energy.summary(
        energy.by_part_mah(found, *times_us(kit, behaves_as(kit, found))), 1, False
    )


def behaves_as(kit, board):
    """The first board that spends its time with the kit as this one; only its currents differ.

    A T-Beam talks to its power chip as well when it wakes, which is lost in the rounding.
    """

    def way(each):
        return each.chip.startswith("rp2040"), each.sensor_power is None

    alike = [each for each in boards.boards().values() if way(each) == way(board)]
    return next(each.name for each in alike if not boards.refusal(each, boards.kits()[kit]))


@cache
def times_us(kit, board):
    """How long board, radio and sensors were in each state on a simulated day."""
    plan = scenario.find(kit)
    (node,) = plan.nodes
    plan = replace(plan, nodes=(replace(node, board=board),), duration_h=24)
    run = Run(plan)
    run.execute()
    (node,) = run.nodes.values()
    sensors = {name: each.time_by_state_us() for name, each in node.sensors.items()}
    return node.board.time_by_state_us(), node.radio.time_by_state_us(), sensors


def cell(node):
    """mAh a day, and how long a pack lasts."""
    if node is None:
        return "-"
    lasts = span(node["battery_days_low"], node["battery_days_high"])
    return f"{node['mah_day']:.3g}: {lasts}"


def alike(board):
    """What decides the figures of a board: boards that have it in common share a row."""
    refused = [bool(boards.refusal(board, boards.kits()[kit])) for kit in KITS]
    return board.active_ma, board.sleep_ua, board.sensor_power is None, *refused


def lines():
    """What the pack is, and the rows of the table."""
    mah, loss = PACK.mah, PACK.loss_pct_month
    held = f"{mah.text()} mAh, of which a node"
    yield f"Milliamp-hours a day, and how long {PACK.title} lasts: {held}"
    yield f"gets {PACK.usable_pct} % out, and which loses {loss.text()} % a month by itself."
    yield ""
    rows = {}
    for board in boards.boards().values():
        rows.setdefault(alike(board), []).append(board)
    yield f"| board | asleep, mA | {' | '.join(KITS)} |"
    yield "|---" * (len(KITS) + 2) + "|"
    for row in rows.values():
        names = ", ".join(board.name + " (claimed)" * (not board.sleep_measured) for board in row)
        cells = [cell(summary(kit, row[0].name)) for kit in KITS]
        yield f"| {names} | {row[0].sleep_ua.text(0.001)} | {' | '.join(cells)} |"


def main():
    text = "\n".join(lines())
    PAGE.write_text(_TABLE.sub(f"{text}\n", PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
