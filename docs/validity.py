# SPDX-License-Identifier: MIT
"""Computes the table of docs/validity.md and draws it: our air, ALOHA's formula and LoRaSim."""

import json
import re
from dataclasses import replace
from math import exp
from pathlib import Path

from host import plots
from simulator.concentrator import Concentrator
from simulator.crowd import Crowd, CrowdPlan
from simulator.hearing import Hearing
from simulator.interference import ISOLATIONS
from simulator.propagation import MODELS
from simulator.regions import REGIONS

PAGE = Path(__file__).with_name("validity.md")
PICTURE = Path(__file__).with_name("validity.svg")
AIRTIME_S = 1.712128  # 20 bytes at SF12, 125 kHz, 4/8 (SX1276 data sheet 4.1.1.6)
INTERVAL_S = 1000.0
COUNTS = (25, 50, 100, 200, 400, 800)
LORASIM = json.loads(
    (Path(__file__).parents[1] / "tests" / "vectors" / "lorasim.json").read_text(encoding="utf-8")
)
_TABLE = re.compile(r"(?<=<!-- shares -->\n).*?(?=<!-- end -->)", re.DOTALL)
_HEADS = (
    "nodes", "ALOHA, exp(-2 G)", "ours, no capture", "LoRaSim, disc of 99 m", "ours",
    "LoRaSim, disc of 322 m", "ours",
)  # fmt: skip


def delivered(count, isolation, radius_m=300.0, decade_db=20.8, packets=20_000, crowds=3):
    """The share of packets that one gateway hears, over some crowds with places of their own."""
    plan = CrowdPlan(
        "paper", count, INTERVAL_S, 20, "fixed", 12, 8, radius_m=radius_m, poisson=True,
        channels=1, duty_cycle=False,
    )  # fmt: skip
    loss = replace(MODELS["built-up"], decade_db=decade_db, shadowing_db=0.0)
    hours, sent, heard = packets / (3.6 * count), 0, 0.0
    for seed in range(crowds):
        crowd = Crowd(plan, seed, REGIONS["EU868"], loss, [(0.0, 0.0)])
        hearing = Hearing([crowd], [Concentrator()], ISOLATIONS[isolation])
        hearing.advance(round(hours * 3.6e9))
        (row,) = hearing.summary()
        if not 0.95 < row["sent"] / (count * hours * 3.6) < 1.05:
            raise ValueError(f"{row['sent']} packets sent in {hours} h")
        sent, heard = sent + 1, heard + row["heard"] / row["sent"]
    return heard / sent


def aloha(count):
    """The formula without capture: alone when no other starts an airtime before or after."""
    return exp(-2 * count * AIRTIME_S / INTERVAL_S)


def without_capture(count):
    """Ours, when whatever meets is lost."""
    return delivered(count, "aloha", packets=60_000, crowds=1)


def with_capture(count, variant):
    """Ours, with the settings of a LoRaSim of tests/vectors/lorasim.json."""
    found = LORASIM[variant]
    return delivered(count, "orthogonal", found["radius_m"], found["decade_db"])


def rows():
    """(nodes, the six shares of the table), computed; it takes some seconds."""
    for count in COUNTS:
        discs = [
            (LORASIM[variant]["delivered"][str(count)], with_capture(count, variant))
            for variant in ("both_lost", "decades")
        ]
        yield count, (aloha(count), without_capture(count), *discs[0], *discs[1])


def table(found):
    """The lines of the table."""
    yield f"| {' | '.join(_HEADS)} |"
    yield "|---" * len(_HEADS) + "|"
    for count, shares in found:
        yield f"| {count} | {' | '.join(f'{share:.3f}' for share in shares)} |"


def kept():
    """The rows that stand in the page."""
    lines = _TABLE.search(PAGE.read_text(encoding="utf-8"))[0].splitlines()[2:]
    cells = [[float(cell) for cell in line.strip("| ").split("|")] for line in lines]
    return [(int(count), tuple(shares)) for count, *shares in cells]


def picture(found):
    """The rows as a plot: lines for what others say, marks for ours."""
    counts = [count for count, _ in found]
    columns = list(zip(*(shares for _, shares in found), strict=True))
    published = [LORASIM["as_published"]["delivered"][str(count)] for count in counts]
    with plots.style():
        plot = plots.Plot(300, (40, 14, 86, 40))
        (axes,) = plot.axes
        lines = ((columns[0], "-", 0, "ALOHA, exp(-2 G)"), (columns[4], "--", 1, "LoRaSim, 322 m"),
                 (columns[2], "-.", 2, "LoRaSim, 99 m"))  # fmt: skip
        marks = ((columns[1], "o", 0, "ours, no capture"), (columns[5], "s", 1, "ours, 322 m"),
                 (columns[3], "^", 2, "ours, 99 m"))  # fmt: skip
        for shares, dashes, colour, label in lines:
            axes.plot(counts, shares, color=plots.COLOURS[colour], linestyle=dashes, label=label)
        axes.plot(counts, published, color=plots.GREY, linestyle=":", label="LoRaSim as published")
        for shares, mark, colour, label in marks:
            drawn = [
                axes.plot(count, share, mark, color=plots.COLOURS[colour], markersize=6)[0]
                for count, share in zip(counts, shares, strict=True)
            ]
            for artist, count, share in zip(drawn, counts, shares, strict=True):
                plot.say(artist, f"{label}: {share:.3f} at {count} nodes")
            drawn[0].set_label(label)
        axes.set_xscale("log")
        axes.set_xticks(counts, [str(count) for count in counts])
        axes.set_xticks([], minor=True)
        axes.set_ylim(0, 1)
        axes.grid(True)
        axes.set_xlabel("nodes; each sends 20 bytes at SF12 every 1,000 s")
        axes.set_title("share of the packets that arrive", pad=6)
        plot.legend(2, title=None)
        axes.get_legend().set_bbox_to_anchor((0, 1.1))
        svg = plot.svg("validity", "The table of this page as a plot")
    head = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    size = f'width="{plots.WIDTH * 1.6:g}" font-family="sans-serif"'
    return svg.replace("<svg ", f"<svg {head} {size} ", 1) + "\n"


def main():
    text, found = PAGE.read_text(encoding="utf-8"), list(rows())
    lines = "\n".join(table(found))
    PAGE.write_text(_TABLE.sub(lambda _: f"{lines}\n", text), encoding="utf-8")
    PICTURE.write_text(picture(kept()), encoding="utf-8")


if __name__ == "__main__":
    main()
