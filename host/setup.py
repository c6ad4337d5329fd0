# SPDX-License-Identifier: MIT
"""From a board in a box to a node on a network, in one go; each step is safe to run again."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from host import bootdrive, doctor, flash, images, label, monitor, networks, provisioning
from host.boards import Board, Kit
from host.doctor import Look
from host.enrol import Wish
from host.errors import HostError
from host.export import file_stem
from host.ledger import Ledger
from host.node import Node
from host.port import Port, PortError, choose
from host.remarks import remarks
from host.visit import Visit

MICROPYTHON = "1.28.0"  # the one that is offered
_READING_S = 180.0  # the sensors start, warm up, and settle
_STEPS = 6
_RADIO = "radio: "  # firmware/reporter.py
NOT_ON_A_NETWORK = "not on a network yet: give this file to whoever runs your network:"
PRIVATE = "the key of the node is in it: show it to nobody else, delete it when it is registered"
UNTIL_THEN = (
    "until it has joined its LED blinks once, pauses, blinks once; node071 monitor says so too"
)


@dataclass(frozen=True)
class Network:
    """Where a node is registered: the ChirpStack that was configured."""

    url: str | None
    token: str | None
    application: str


@dataclass(frozen=True)
class Wanted:
    """What is to become of a board. `network` None: a file for one instead."""

    board: Board
    kit: Kit
    port: str | None = None
    name: str | None = None
    region: str | None = None
    place: str | None = None
    micropython: str | None = None
    drive: Path | None = None
    lose_backlog: bool = False
    replace: bool = False
    firmware: Path | None = None
    network: Network | None = None
    folder: Path = Path()


@dataclass(frozen=True)
class Done:
    """What there is now; `reading` in natural units, None: none came in time.

    `joined`: it joined a network meanwhile, which knows it already and needs no file.
    """

    node: Node
    port: str
    reading: dict[str, Any] | None
    label: Path
    registered: str | None  # the address of the network
    file: Path | None  # what to give to a network
    joined: bool

    def public(self) -> dict[str, Any]:
        """For --json, without keys."""
        return self.node.public() | {
            "port": self.port,
            "reading": self.reading,
            "label": str(self.label),
            "registered": self.registered,
            "file": str(self.file) if self.file else None,
            "joined": self.joined,
        }


@dataclass(frozen=True)
class Teller:
    """How the person is spoken to: a line, a question, how far something has come."""

    say: Callable[[str], None]
    ask: Callable[[str], bool]
    step: Callable[[str, float], None]


class Setup:
    """One board on its way; `backups` is where flash keeps what it holds meanwhile."""

    def __init__(self, wanted: Wanted, ledger: Ledger, backups: Path, teller: Teller):
        self._wanted, self._ledger, self._backups = wanted, ledger, backups
        self._teller = teller
        self._number, self._joined = 0, False

    def run(self) -> Done:
        """Do it all. HostError: what stands in the way; run again it goes on from there."""
        wanted = self._wanted
        self._begin("looking at the board")
        port = self._port()
        look = self._look(port)
        self._begin("MicroPython, the language that the board speaks")
        self._prepare(port, look)
        self._begin("its name, its keys and its program")
        node = self._provision(port)
        self._begin("its first reading; it comes within a minute or two, leave the cable in")
        reading = self._first_reading(port)
        self._begin("its label")
        sheet = wanted.folder / f"{file_stem(node.name)}-label.pdf"
        label.write([label.Label(node.identity, node.kit, node.place)], sheet)
        self._say(f"{sheet}: print it at 100 % and stick it on the box")
        self._begin("its network")
        registered, file = self._register(node)
        node = self._ledger.node(node.name)
        return Done(node, port, reading, sheet, registered, file, self._joined)

    def _begin(self, what: str) -> None:
        self._number += 1
        self._teller.say(f"{self._number} of {_STEPS}  {what}")

    def _say(self, text: str) -> None:
        self._teller.say(f"        {text}")

    # The board.

    def _port(self) -> str:
        """Its port; an RP2040 that waits in its boot loader has none before it has MicroPython."""
        wanted = self._wanted
        drive = bootdrive.waiting(wanted.board, wanted.port, wanted.drive)
        if drive is None:
            return choose(wanted.port, wanted.board.usb)
        made = self._image("the board waits for MicroPython")
        self._wanted = replace(wanted, micropython=None)  # it has it then
        return bootdrive.wake(wanted.board, wanted.port, drive, made.data)

    def _look(self, port: str) -> Look:
        """What doctor says of it. HostError: something is wrong that MicroPython does not cure."""
        (look,) = doctor.examine(port, self._teller.say)
        self._say(look.what)
        for each in look.findings:
            own, step = each.code == doctor.OWN_PROGRAM, each.next_step
            if own:
                step = "keep it with mpremote fs cp :main.py . and then node071 setup --replace"
            curable = each.code in doctor.WANTS_MICROPYTHON or (own and self._wanted.replace)
            if each.wrong and not curable:
                raise HostError(each.cause, step, each.code)
        return look

    def _prepare(self, port: str, look: Look) -> None:
        """MicroPython where it is missing or too old; our firmware as it is now, if it is there."""
        wanted = self._wanted
        lacks = [each for each in look.findings if each.code in doctor.WANTS_MICROPYTHON]
        other = any(each.code == doctor.OTHER_FIRMWARE for each in look.findings)
        made = None
        if lacks or wanted.micropython:
            made = self._image(lacks[0].cause if lacks else "")
        elif not other:
            self._say("it is there")
            return
        silent = any(each.code == doctor.NO_MICROPYTHON for each in lacks)
        with Port(port, self._teller.say) as line:
            job = flash.Job(
                wanted.board, made, wanted.lose_backlog, wanted.replace, wanted.firmware,
                wanted.drive, self._teller.ask,
                PortError(lacks[0].cause, lacks[0].next_step) if silent else None,
            )  # fmt: skip
            flasher = flash.Flasher(line, self._ledger, self._backups, job, self._teller.step)
            self._note_retired(flasher.run().was_retired)
        self._say(f"{made.name} is on it" if made else "its program is up to date")

    def _image(self, why: str) -> images.Image:
        """The MicroPython to install. HostError: nobody has said that one is wanted."""
        version = self._wanted.micropython
        if version is None:
            question = f"{why}. Install MicroPython {MICROPYTHON}? What is on the board is replaced"
            if not self._teller.ask(question):
                step = f"to install it, run this again with --micropython {MICROPYTHON}"
                raise HostError(why, step)
            version = MICROPYTHON
        made = images.get(self._wanted.board, version, self._ledger)
        self._say(f"installing {made.name}, leave the cable in (SHA-256 {made.sha256[:16]}...)")
        return made

    def _provision(self, port: str) -> Node:
        wanted = self._wanted
        order = provisioning.Order(
            wanted.board, wanted.kit, Wish(name=wanted.name), wanted.region, wanted.place,
            wanted.replace, wanted.firmware,
        )  # fmt: skip
        with Port(port, self._teller.say) as line, Visit(line, self._teller.step) as visit:
            receipt = provisioning.provision(visit, self._ledger, order)
        node = receipt.node
        self._note_retired(receipt.was_retired)
        self._say(f"this is '{node.name}' now, DevEUI {node.dev_eui.hex().upper()}")
        self._say("what was written was read back: it is right")
        return node

    def _note_retired(self, was_retired: bool) -> None:
        if was_retired:
            self._say(f"note: {provisioning.IN_USE_AGAIN}")

    def _first_reading(self, port: str) -> dict[str, Any] | None:
        """What it measures, None: nothing came in time. HostError: no radio, or no sensor."""
        radio, wrong = "", list[str]()
        for line in monitor.follow(port, time.monotonic() + _READING_S):
            if line.text.startswith("joined after"):
                self._joined, radio = True, ""
                self._say("it has joined the network")
            if line.values is not None:
                self._say(monitor.words(measured(line.values)))
                for remark in remarks(line.values):
                    self._say(f"note: {remark}")
                warming = "warming" in line.values.get("flags", ())
                if radio:
                    raise HostError(f"its radio does not answer: {radio}", self._other_board())
                if line.values.get("faults") and not measured(line.values) and not warming:
                    problem = ": ".join(["none of its sensors answers", *wrong[-1:]])
                    raise HostError(problem, self._other_board())
                return line.values
            if line.kind in ("wrong", "port"):
                self._say(line.text)
            if line.text.startswith(_RADIO):
                radio = line.text.removeprefix(_RADIO)
            elif line.kind == "wrong":
                wrong.append(line.text)
        if radio:
            raise HostError(f"its radio does not answer: {radio}", self._other_board())
        self._say("no reading came: look at the wires, then see what it says with node071 monitor")
        return None

    def _other_board(self) -> str:
        """What to do about a board that has nothing where its pins should have it."""
        board, kit = self._wanted.board, self._wanted.kit
        return (
            f"is the board a {board.title}? then look at the wires, node071 kits show {kit.name} "
            f"--board {board.name} has them; else run this again with its own --board and --replace"
        )

    # The network.

    def _register(self, node: Node) -> tuple[str | None, Path | None]:
        """(address of the network, file for one): one of them, none when it has joined."""
        network = self._wanted.network
        if network is None and self._joined:
            self._say("it knows the node already")
            return None, None
        if network is None:
            out = self._wanted.folder / f"{file_stem(node.name)}-tts.csv"
            path, _ = networks.write([node], "tts.csv", out)
            self._say(str(path))
            return None, path
        with networks.server(network.url, network.token) as server:
            for _, what in networks.register(
                self._ledger, [node], server, network.application, None, False
            ):
                self._say(f"{server.url}: {what}")
            return server.url, None


def measured(values: dict[str, Any]) -> dict[str, Any]:
    """A reading without what is said of it, and of the node."""
    said = ("faults", "flags", "restart", "number")
    return {name: value for name, value in values.items() if name not in said}
