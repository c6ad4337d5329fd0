# SPDX-License-Identifier: MIT
"""Ten thousand cycles of the whole firmware in one process: its heap, and its flash's wear.

The board's pipe ends in board/alone.py, so that no time goes into it. A reading goes out every
minute and is proven within 64, the readings of eleven hours at ten minutes. The erases are drawn on
to a year in a straight line; that is too many for the hottest block, as LittleFS moves what is
written often to other blocks after 100 erases.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, replace
from random import Random
from tempfile import TemporaryDirectory

import unixport
from table import Row, at_most

from host import boards, image, provision
from host.lorawan import Session
from simulator.board import Board
from simulator.clock import Clock

CYCLES = 10_000
WARM = 256  # uplinks: by then its tables are as large as they get while all is well
WINDOW = 256  # uplinks at either end whose least heap counts, as some lie between two proofs
READINGS_A_YEAR = 365 * 144
ERASES_A_BLOCK = 100_000
BOARDS = {"RP2040": "rpi-pico-rfm95", "ESP32": "ttgo-lora32-v2_1"}
AIRTIME_S_A_DAY = 86_400


def rows(cycles=CYCLES):
    """Growth of the heap; flash erases of both families, which program pieces of another size."""
    with TemporaryDirectory() as folder, ExitStack() as stack:
        running = {}
        for family, name in BOARDS.items():
            running[family] = stack.enter_context(start(name, f"{folder}/{family}", cycles))
        with ThreadPoolExecutor() as pool:  # each log is read while it grows
            logs = pool.map(unixport.lines, running.values())
            found = dict(zip(running, map(result, logs), strict=True))
    yield growth(cycles, *found["RP2040"]["heap"])
    for family, each in found.items():
        yield wear(family, each["erases"], each["uplinks"])


def growth(cycles, first, last):
    """From the least at the beginning to the least at the end; `first`, `last`: (least, most)."""
    grown, spread = last[0] - first[0], first[1] - first[0]
    return Row(
        f"heap growth over {cycles:,} cycles of the whole firmware, one process",
        f"{grown:+,} bytes (within {WINDOW} uplinks it varies by {spread})",
        "0",
        "-",
        at_most(grown, spread, " bytes"),
    )


def wear(family, erases, uplinks):
    share = READINGS_A_YEAR / uplinks
    hottest = max(erases)
    limit = ERASES_A_BLOCK // 100
    return Row(
        f"flash erases in a year at one uplink in 10 minutes, {family}",
        f"hottest block at most {hottest * share:,.0f} ({hottest * share / ERASES_A_BLOCK:.2%}), "
        f"total {sum(erases) * share:,.0f} (from {hottest} and {sum(erases):,} "
        f"in {uplinks / 144:.0f} days)",
        f"hottest block under {limit:,} (1 %)",
        "-",
        at_most(hottest * share, limit - 1, " erases"),
    )


def start(board, path, cycles, warm=WARM, window=WINDOW):
    """Start a provisioned board with a session of its own; the numbers are uplinks."""
    hardware, kit = boards.boards()[board], replace(boards.kits()["classroom"], interval_s=60)
    keys = Random(board)
    session = Session(keys.getrandbits(25), keys.randbytes(16), keys.randbytes(16))
    identity = replace(provision.new_identity("lone", bytes(8), keys.randbytes), session=session)
    flash = image_of(hardware, kit, identity)
    with open(path, "wb") as file:
        file.write(flash)
    arguments = {
        "board": describe(hardware, len(flash) // image.BLOCK_SIZE),
        "dev_addr": session.dev_addr,
        "nwk_skey": session.nwk_skey.hex(),
        "warm": warm,
        "window": window,
        "cycles": warm + window + cycles,
    }
    with open(f"{path}.json", "w") as file:
        json.dump(arguments, file)
    # two descriptors that the script opens and leaves alone
    return unixport.start("alone.py", 0, 1, path, f"{path}.json")


def image_of(hardware, kit, identity):
    """The flash of a board whose budget of airtime lets it report every minute."""
    config = boards.config_for(hardware, kit, identity.name, bytes(8), bytes(8), bytes(16))
    del config["app_key"]
    config |= asdict(identity.session) | {"airtime_budget_s": AIRTIME_S_A_DAY}
    contents = image.firmware() | {f"{image.STATE}/config.0": image.record(config)}
    blocks = hardware.filesystem_kib * 1024 // image.BLOCK_SIZE
    return image.build(contents, blocks)


def describe(hardware, blocks):
    """What the simulator's host says of a board at boot, and what alone.py needs beside it."""
    board = Board("lone", hardware.chip, None, None, Clock(), 1)
    board.starts.append((0, "power"))
    lamps = {"posted_pins": [hardware.radio.cs, *hardware.lamp_pins()]}
    return board._description() | lamps | {"dio0": hardware.radio.dio0, "blocks": blocks}


def result(log):
    """What the line of JSON at the end says. RuntimeError: the firmware ended by itself."""
    *before, last = log
    found = json.loads(last)
    if found["ended_by"]:
        raise RuntimeError("\n".join([*before[-5:], f"ended by {found['ended_by']}"]))
    return found
