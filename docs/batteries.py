# SPDX-License-Identifier: MIT
"""Fills the table of batteries in docs/kits.md: mAh a day of each kit on each board, simulated."""

import re
from dataclasses import replace
from pathlib import Path

from host import boards
from simulator import scenario
from simulator.run import Run

PAGE = Path(__file__).with_name("kits.md")
HOURS = 24
PACK_MAH, USABLE_PCT = 3000, 80
KITS = ("bin", "bin-jsn-sr04t", "water", "water-maxbotix", "parking", "bikes")
_TABLE = re.compile(r"(?<=<!-- batteries -->\n).*?(?=<!-- end -->)", re.DOTALL)


def mah_day(kit, board):
    """What the kit draws on the board, at SF7; None where it does not go."""
    if boards.refusal(boards.boards()[board], boards.kits()[kit]):
        return None
    plan = scenario.find(kit)
    (node,) = plan.nodes
    plan = replace(plan, nodes=(replace(node, board=board),), duration_h=HOURS)
    return Run(plan).execute()["nodes"][0]["mah_day"]


def cell(mah):
    """mAh a day, and how long a pack lasts."""
    if mah is None:
        return "-"
    days = PACK_MAH * USABLE_PCT / 100 / mah
    return f"{mah:.3g}: {days:.0f} days" if days < 60 else f"{mah:.3g}: {days / 30.4:.0f} months"


def alike(board):
    """What decides the figures of a board: boards that have it in common share a row."""
    refused = [bool(boards.refusal(board, boards.kits()[kit])) for kit in KITS]
    return board.active_ma, board.sleep_ua, board.sensor_power is None, *refused


def table():
    """The rows of the table."""
    rows = {}
    for board in boards.boards().values():
        rows.setdefault(alike(board), []).append(board)
    yield f"| board | asleep, mA | {' | '.join(KITS)} |"
    yield "|---" * (len(KITS) + 2) + "|"
    for row in rows.values():
        names = ", ".join(board.name + " (claimed)" * (not board.sleep_measured) for board in row)
        cells = [cell(mah_day(kit, row[0].name)) for kit in KITS]
        yield f"| {names} | {row[0].sleep_ua / 1000:g} | {' | '.join(cells)} |"


def main():
    rows = "\n".join(table())
    PAGE.write_text(_TABLE.sub(f"{rows}\n", PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
