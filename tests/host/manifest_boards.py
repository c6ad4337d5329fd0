# SPDX-License-Identifier: MIT
"""Boards from a box, one after another at a few ports, and `node071 provision --manifest`."""

import json
import os
import subprocess
import sys
import time

from workbench import PICO

from host import files
from host.ledgers import open_ledger
from simulator.virtual_board import VirtualBoard


class Slot:
    """A port, and the boards of a box: whoever stands there plugs in the next when one is done."""

    def __init__(self, folder, number, board=PICO, **options):
        self.folder, self.number, self.board_name, self.options = folder, number, board, options
        self.link = folder / f"port{number}"
        self.count, self.board, self.met = 0, None, []

    def plug_in(self):
        """Another board: a flash file and a unique id of its own."""
        self.unplug()
        self.count += 1
        flash = self.folder / f"flash-{self.number}-{self.count}"
        self.board = VirtualBoard(self.board_name, flash, link=self.link, **self.options)
        self.board.start()
        self.met.append(self.board)

    def unplug(self):
        if self.board is not None:
            self.board.stop()
            self.board = None


class Box:
    """Some slots at work on one manifest."""

    def __init__(self, folder, text, slots, suffix="csv"):
        self.folder, self.slots = folder, slots
        os.environ["XDG_RUNTIME_DIR"] = str(folder)  # as the workbench does
        self.manifest = folder / f"street.{suffix}"
        self.manifest.write_text(text)
        self.ledger_path = folder / "ledger"
        self.receipts_path = folder / f"street.{suffix}.receipts.jsonl"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for slot in self.slots:
            slot.unplug()

    def start(self, *words):
        """Start the command on all slots, as a program of its own."""
        ports = [word for slot in self.slots for word in ("--port", str(slot.link))]
        own = ("--manifest", self.manifest, "--ledger", self.ledger_path, "--plain-keys")
        return subprocess.Popen(
            [sys.executable, "-m", "host.cli", "provision", *map(str, (*own, *ports, *words))],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=files.root(),
        )

    def receipts(self):
        if not self.receipts_path.exists():
            return []
        return [json.loads(line) for line in self.receipts_path.read_text().splitlines()]

    def nodes(self):
        with open_ledger(self.ledger_path) as ledger:
            return ledger.nodes()

    def change_boards(self, run, until):
        """Plug in the next board wherever one is done, until so many receipts are there."""
        while run.poll() is None and len(self.receipts()) < until:
            done = {each["unique_id"] for each in self.receipts()}
            for slot in self.slots:
                if slot.board is None or slot.board.unique_id.hex() in done:
                    slot.unplug()
                    time.sleep(0.5)  # as a hand does; the port is gone meanwhile
                    slot.plug_in()
            time.sleep(0.1)
