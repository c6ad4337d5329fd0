# SPDX-License-Identifier: MIT
"""A virtual board at a port, a ledger, and the toolkit at work, as on a desk."""

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace

from host import boards, files, flash, image, provisioning
from host.enrol import Wish, identity_of
from host.errors import HostError
from host.ledgers import open_ledger
from host.port import Port
from host.state import State
from host.visit import Visit
from simulator.virtual_board import VirtualBoard

SMALL = {
    "main.py": "import gc\n",
    "boot.py": None,  # as it is
    "update.py": None,
    "service.py": """
import machine, os

def enter():
    open("/service", "wb").close()
    machine.reset()

def leave():
    if flagged():
        os.remove("/service")
    machine.reset()

def flagged():
    return "service" in os.listdir("/")

def guard():
    pass
""",
    "lora/mac.py": "VERSION = 1\n",
}
PATIENCE_S = 60.0
PICO, TTGO = "rpi-pico-rfm95", "ttgo-lora32-v2_1"
FIRMWARE = image.firmware()


def small_firmware(folder, version=1, **more):
    """A firmware of five files that only knows service mode; `more`: files, None to leave one out.

    Returns its directory.
    """
    for name, text in {**SMALL, "lora/mac.py": f"VERSION = {version}\n", **more}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        own = files.root() / "firmware" / name
        path.write_text(own.read_text() if text is None else text)
    return folder


class Workbench:
    """`contents`: the files on the board at first, without it those of our firmware."""

    def __init__(
        self, folder, name=PICO, contents=None, own_kib=None, mode="micropython", **options
    ):
        self.folder, self.row = folder, boards.boards()[name]
        if own_kib is not None:  # a board with so small a filesystem, so that images are small
            self.row = replace(self.row, filesystem_kib=own_kib)
        self.link, self.ledger_path = folder / "port", folder / "ledger"
        # pseudo-terminals get the numbers of those that another test has just closed
        os.environ["XDG_RUNTIME_DIR"] = str(folder)
        self.said, self.steps, self.patience_s = [], [], PATIENCE_S
        self.board = VirtualBoard(
            self.row,
            folder / "flash",
            mode,
            link=self.link,
            files=FIRMWARE if contents is None else contents,
            **options,
        )

    def __enter__(self):
        self.board.start()
        self.ledger = open_ledger(self.ledger_path, plain_keys=True)
        return self

    def __exit__(self, *error):
        self.ledger.__exit__(*error)
        self.board.stop()

    # The toolkit, in this process and as a program.

    def provision(self, kit="classroom", wish=None, **options):
        order = provisioning.Order(self.row, boards.kits()[kit], wish or Wish(), **options)
        with self._port() as port, Visit(port) as visit:
            return provisioning.provision(visit, self.ledger, order)

    def flash(self, **options):
        job = flash.Job(self.row, **options)
        with self._port() as port:
            own = (port, self.ledger, self.folder / "backups", job)
            return flash.Flasher(*own, lambda *step: self.steps.append(step)).run()

    def _port(self):
        return Port(str(self.link), self.said.append, self.patience_s)

    def start(self, *words, ledger=True):
        """Start `node071 WORDS` on this port as a program of its own."""
        own = ("--port", self.link, *(("--ledger", self.ledger_path) if ledger else ()))
        return subprocess.Popen(
            [sys.executable, "-m", "host.cli", *map(str, (*words, *own))],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    # What is on the board, read without its help.

    def files(self):
        return {f"/{path}": data for path, data in self.board.flash.files().items()}

    def other_files(self, *own):
        """Paths that are neither of these nor records."""
        return (
            set(self.files())
            - {f"/{name}" for each in own for name in each}
            - {path for path in self.files() if path.startswith("/state/")}
        )

    def state(self):
        return State({k: v for k, v in self.files().items() if k.startswith("/state/")})

    def config(self):
        return self.state().load("config")

    def firmware_is(self, contents):
        """True when the board has exactly this firmware."""
        own = {k[1:]: v for k, v in self.files().items() if k.endswith((".py", ".mpy", ".json"))}
        return own == contents

    # What may never be.

    def check_claims(self):
        """Nothing half done claims to be whole: neither the board nor the ledger."""
        config, nodes = self.config(), self.ledger.nodes()
        assert len(nodes) <= 1
        if config is not None:
            identity = identity_of(self.state())
            assert identity == nodes[0].identity
            assert identity.app_key == nodes[0].identity.app_key  # its repr and == may hide it
            expected = boards.config_for(
                self.row,
                boards.kits()[nodes[0].kit],
                *(identity.name, identity.dev_eui, identity.join_eui, identity.app_key),
            )
            assert config == expected
        if nodes and nodes[0].state != "new":
            assert config is not None

    def settle(self):
        """Let the board start: boot.py finishes what was put ready."""
        end_s = time.monotonic() + PATIENCE_S
        while "/update/plan.json" in self.files() and time.monotonic() < end_s:
            time.sleep(0.05)

    def check_ledger(self):
        """SQLite finds nothing wrong with it, also when it is opened anew."""
        with closing(sqlite3.connect(self.ledger_path)) as own:
            assert own.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert own.execute("SELECT count(*) FROM node").fetchone()[0] == len(
                self.ledger.nodes(retired=True)
            )

    def cut(self, work, check=lambda: None, **after):
        """Do some work while the cable is pulled after so many bytes; False: it came through.

        `check` is called while the board lies there without power.
        """
        self.board.cut_after(**after)
        stopped = None
        try:
            work()
        except HostError as error:
            stopped = error
        if not self.board.pulled.wait(1):
            if stopped is not None:
                raise stopped  # by something else: nobody pulled anything
            self.board.cut_after()
            return False
        check()
        self.check_ledger()
        self.board.plug_in()
        return True
