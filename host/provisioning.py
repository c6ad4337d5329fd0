# SPDX-License-Identifier: MIT
"""Makes the board at a port a node: in the ledger first, then on the board, then read back."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cbor2

from host import firmware, image
from host.boards import Board, Kit
from host.continuation import prepare
from host.enrol import Wish, enrol, identity_of
from host.errors import HostError
from host.ledger import Ledger
from host.node import Node
from host.state import State
from host.visit import Facts, Visit

LEAST = (1, 24)  # of MicroPython
NO_WISH = Wish()
IN_USE_AGAIN = (
    "it was retired, and is in use again: register it again if it was taken off the network"
)
BOARD_OPTION = "--board"  # where a board is named, unless in a manifest
MPY = 6  # the .mpy format that host/image.py makes
_ELSEWHERE = (
    "if another computer gave it new keys: node071 backup there, node071 restore here; --replace "
    "gives it those of this ledger again"
)
_AGAIN = "run the same command again"


@dataclass(frozen=True)
class Order:
    """What a board is to become; `wish`: the identity that is asked for."""

    board: Board
    kit: Kit
    wish: Wish = NO_WISH
    region: str | None = None
    place: str | None = None
    replace: bool = False  # what is on the board may go
    firmware: Path | None = None  # somebody's changed firmware
    where: str = BOARD_OPTION  # the board is named


@dataclass(frozen=True)
class Receipt:
    """What was done, and seen on the board afterwards."""

    node: Node
    digest: str  # of the config on the board
    changed: bool  # something was written
    installed: bool  # so was the firmware
    port: str
    was_retired: bool = False  # and is in use again

    def public(self) -> dict[str, Any]:
        """For --json, without keys."""
        own = {"digest": self.digest, "changed": self.changed, "installed": self.installed}
        return self.node.public() | own | {"port": self.port, "was_retired": self.was_retired}


def provision(visit: Visit, ledger: Ledger, order: Order) -> Receipt:
    """Provision one board; safe to run again, also after it was cut off anywhere.

    HostError: it is another board, has another identity, or does not hold what was written.
    """
    facts, board = visit.facts, order.board
    check_board(facts, board, order.where)
    if facts.main and not facts.firmware and not order.replace:
        raise HostError(
            "this board has a program of its own, main.py",
            "keep it with mpremote fs cp :main.py . and then give --replace",
        )
    before = State(visit.state())
    if not order.replace:
        check_identity(before, ledger, facts, board, order.wish, order.where)
    enrolled = enrol(
        ledger, board.name, order.kit.name, board.chip, facts.unique_id, before, order.wish,
        order.region, order.place,
    )  # fmt: skip
    after = prepare(ledger, enrolled, before, board, order.kit)
    write, remove = record_changes(after)
    if not facts.firmware:
        write, remove = with_firmware(visit, image.firmware(order.firmware), after)
    visit.change(write, remove)
    digest = verify(visit, after)
    node = ledger.advance(enrolled.node.dev_eui, "written", f"config {digest[:16]}")
    changed, installed = bool(write or remove), not facts.firmware
    return Receipt(node, digest, changed, installed, visit.port.name, enrolled.retired)


def check_family(facts: Facts, board: Board, where: str = BOARD_OPTION) -> None:
    """HostError: this cannot be that board."""
    if not board.chip.startswith(facts.family):
        raise HostError(
            f"{board.name} has the chip {board.chip}, what is plugged in is an "
            f"{facts.family.upper()}",
            f"check {where} and --port; node071 boards lists the names",
        )


def check_board(facts: Facts, board: Board, where: str = BOARD_OPTION) -> None:
    """HostError: this cannot be that board, or its MicroPython does not run our firmware."""
    check_family(facts, board, where)
    if facts.version[:2] < LEAST or facts.mpy != MPY:
        has = ".".join(map(str, facts.version))
        raise HostError(
            f"the board has MicroPython {has} with .mpy format {facts.mpy}, not 1.24 or newer "
            f"with format {MPY}",
            f"install another: node071 flash --board {board.name} --micropython VERSION",
        )


def another_board(who: str, made_as: str, board: Board, where: str = BOARD_OPTION) -> HostError:
    """A node was made as one board and is called another now: either may be the mistake."""
    return HostError(
        f"{who}, made as {made_as} and not as {board.name}",
        f"if {made_as} is right, name that as {where}; if {board.name} is right, add --replace",
    )


def check_identity(
    state: State,
    ledger: Ledger,
    facts: Facts,
    board: Board,
    wish: Wish = NO_WISH,
    where: str = BOARD_OPTION,
) -> None:
    """HostError: the board is another node than the one that is asked for, or another board."""
    config, identity = state.load("config"), identity_of(state)
    if identity is None:
        return
    who = f"this board is '{identity.name}' with DevEUI {identity.dev_eui.hex()}"
    made_as = config.get("board", board.name)
    if made_as != board.name:
        raise another_board(who, made_as, board, where)
    owner, known = ledger.find(facts.unique_id), ledger.by_dev_eui(identity.dev_eui)
    others = {
        "DevEUI": (identity.dev_eui, wish.dev_eui or (owner and owner.dev_eui)),
        "JoinEUI": (identity.join_eui, wish.join_eui or (known and known.identity.join_eui)),
        "AppKey": (identity.app_key, wish.app_key or (known and known.identity.app_key)),
    }
    for what, (has, wanted) in others.items():
        if wanted and has != wanted and not wish.new_keys:
            step = "is it the right board? give --replace to overwrite what it is"
            if what == "AppKey" and wish.app_key is None:
                step = _ELSEWHERE
            raise HostError(f"{who}, and has another {what}", step)
    if known and known.unique_id not in (b"", facts.unique_id):
        raise HostError(
            f"{who}, which the ledger knows as another board", "give --replace to overwrite it"
        )


def record_changes(after: State) -> tuple[dict[str, bytes], list[str]]:
    """(records to write, paths to remove), for one change: what is replaced is not removed."""
    remove, write = after.changes()
    return write, [path for path in remove if path not in write]


def with_firmware(
    visit: Visit, contents: dict[str, bytes], after: State
) -> tuple[dict[str, bytes], list[str]]:
    """(files to write, in their order, paths to remove): firmware and records in one change.

    main.py comes last: the node that it starts is whole.
    """
    write, remove = firmware.changes(visit.digests(), visit.read(firmware.MANIFEST), contents)
    records, gone = record_changes(after)
    last = {path: write.pop(path) for path in firmware.LAST if path in write}
    return write | records | last, remove + gone


def verify(visit: Visit, expected: State) -> str:
    """Read all records back and compare, the config field by field; the SHA-256 of the config.

    HostError names the first field that differs, without its value.
    """
    found = State(visit.state())
    has, wanted = found.load("config"), expected.load("config")
    if not isinstance(has, dict):
        raise HostError("the board has no config after it was written", _AGAIN)
    for field in sorted(has.keys() | wanted.keys()):
        if has.get(field) != wanted.get(field):
            raise HostError(f"'{field}' on the board is not what was written", _AGAIN)
    for path in sorted(found.files.keys() | expected.files.keys()):
        if found.files.get(path) != expected.files.get(path):
            raise HostError(f"{path} on the board is not what was written", _AGAIN)
    return hashlib.sha256(cbor2.dumps(has, canonical=True)).hexdigest()
