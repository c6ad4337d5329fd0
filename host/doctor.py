# SPDX-License-Identifier: MIT
"""Finds boards and what is wrong with them, before it goes wrong; each has a next step."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from host import esp32, firmware, image, port, portlock, uf2
from host.boards import boards
from host.enrol import identity_of
from host.errors import HostError
from host.port import BOOT_MODE, GARBAGE, OTHER_PYTHON, SILENT, Attached, Port, PortError
from host.provisioning import LEAST, MPY
from host.state import State
from host.visit import Visit

_ROOM = 160 * 1024  # a whole firmware beside the old one, and what a node keeps
_WAIT_S = 6.0
_UPDATE = "node071 flash --board NAME"
NOTHING = (
    "take another cable: many only charge; try another USB socket, without a hub; on Windows and "
    "macOS a board with a CH9102F or CP2102 chip needs its driver; an RP2040 without MicroPython: "
    "hold BOOTSEL while you plug it in"
)


# What is found, beside the codes of a port.
NO_MICROPYTHON, OLD_MICROPYTHON, OTHER_MPY, OWN_PROGRAM, NO_ROOM, NO_FIRMWARE, OTHER_FIRMWARE = (
    "no-micropython", "old-micropython", "other-mpy", "own-program", "no-room", "no-firmware",
    "other-firmware",
)  # fmt: skip
NOT_PROVISIONED, UNKNOWN_USB, OTHER_DRIVE = "not-provisioned", "unknown-usb", "other-drive"
WANTS_MICROPYTHON = (NO_MICROPYTHON, OLD_MICROPYTHON, OTHER_MPY, OTHER_PYTHON)  # that cures it


@dataclass(frozen=True)
class Finding:
    """Something that is so, and what to do about it; `wrong`: until then it does not work.

    Programs go by its `code`.
    """

    code: str
    cause: str
    next_step: str
    wrong: bool = True


@dataclass
class Look:
    """A port or a drive, what it is as far as that can be known, and what was found."""

    place: str
    what: str = ""
    usb: str = ""
    findings: list[Finding] = field(default_factory=list)

    @property
    def well(self) -> bool:
        """Nothing is wrong with it."""
        return not any(each.wrong for each in self.findings)

    def public(self) -> dict[str, Any]:
        """For --json."""
        return asdict(self) | {"well": self.well}


def examine(
    wish: str | None,
    say: Callable[[str], None] = lambda line: None,
    attached: Callable[[], list[Attached]] = port.attached,
    drives: Callable[[], list[Path]] = uf2.drives,
) -> list[Look]:
    """Look at one port, or at all boards that are plugged in. HostError: there is none."""
    rows = [row for row in attached() if wish in (None, row.port)]
    if wish is not None and not rows:
        rows = [Attached(port.choose(wish, [], attached), "")]
    looks = [_port(row, say) for row in rows]
    looks += [_drive(drive) for drive in drives()] if wish is None else []
    if not looks:
        raise HostError("no board is found on USB", NOTHING)
    return looks


def _drive(drive: Path) -> Look:
    rp2040 = "RPI-RP2" in uf2.board_id_text(drive).split()
    look = Look(str(drive), "RP2040 in its boot loader" if rp2040 else "a board's UF2 drive")
    if rp2040:
        step = f"{_UPDATE} --micropython VERSION"
        look.findings.append(Finding(NO_MICROPYTHON, "it waits for MicroPython", step))
    else:
        step = "node071 boards lists what is supported"
        look.findings.append(Finding(OTHER_DRIVE, "it is no RP2040", step))
    return look


def _port(row: Attached, say: Callable[[str], None]) -> Look:
    """Look at what is behind a port; a node that works is back at work afterwards."""
    likely = [board.name for board in boards().values() if row.usb in board.usb]
    look = Look(row.port, row.product or "a serial port", row.usb)
    if row.usb and not likely:
        step = "if it is a board of node071 boards, go on; else leave it"
        cause = f"no board has the USB id {row.usb}"
        look.findings.append(Finding(UNKNOWN_USB, cause, step, wrong=False))
    by = portlock.holders(row.port) if row.usb else []
    if by:
        step = "close that program: two at one port take each other's bytes"
        cause = f"{row.port} is open in {', '.join(by)}"
        look.findings.append(Finding(portlock.BUSY, cause, step))
        return look
    try:
        with Port(row.port, say, _WAIT_S) as line:
            try:
                with Visit(line) as visit:
                    _board(look, visit)
            except PortError as error:
                if error.code not in (SILENT, GARBAGE, BOOT_MODE):  # esptool would reset it
                    raise
                _silent(look, line, row, error)
    except HostError as error:
        look.findings.append(_finding(error))
    return look


def _silent(look: Look, line: Port, row: Attached, error: PortError) -> None:
    """What does not answer as MicroPython may still be an ESP32 in its boot loader."""
    mac = esp32.read_mac(row.port, line.lock, attempts=1)
    if mac is None:
        look.findings.append(_finding(error))
        return
    with suppress(PortError), Visit(line) as visit:  # esptool has reset it: if it slept it is awake
        return _board(look, visit)
    look.what = f"ESP32 with MAC {mac.hex(':')}"
    step = f"{_UPDATE} --micropython VERSION; if it had it: press its reset button, without BOOT"
    cause = "its boot loader answers, but no MicroPython"
    look.findings.append(Finding(NO_MICROPYTHON, cause, step))


def _finding(error: HostError) -> Finding:
    return Finding(error.code, str(error), error.next_step)


def _board(look: Look, visit: Visit) -> None:
    """What a board in MicroPython says of itself."""
    facts = visit.facts
    version = ".".join(map(str, facts.version))
    look.what = f"{facts.family.upper()} with MicroPython {version}"
    found = look.findings
    if facts.version[:2] < LEAST:
        step = f"{_UPDATE} --micropython VERSION"
        found.append(Finding(OLD_MICROPYTHON, f"MicroPython {version} is older than 1.24", step))
    if facts.mpy != MPY:
        step = f"take a MicroPython with .mpy format {MPY}: {_UPDATE} --micropython VERSION"
        cause = f"its MicroPython runs .mpy format {facts.mpy}, our files have format {MPY}"
        found.append(Finding(OTHER_MPY, cause, step))
    if facts.main and not facts.firmware:
        step = "keep it with mpremote fs cp :main.py . and then node071 provision --replace"
        found.append(Finding(OWN_PROGRAM, "a program of its own, main.py, starts by itself", step))
    if facts.free < _ROOM:
        step = "mpremote fs rm what is not of node071"
        cause = f"{facts.free // 1024} KiB are free, {_ROOM // 1024} KiB are needed for an update"
        found.append(Finding(NO_ROOM, cause, step))
    if not facts.firmware:
        step = "node071 provision --board NAME --kit NAME"
        found.append(Finding(NO_FIRMWARE, "it has no firmware of node071", step, wrong=False))
        return
    write, remove = firmware.changes(
        visit.digests(), visit.read(firmware.MANIFEST), image.firmware()
    )
    if write or remove:
        cause = f"its firmware is another version: {len(write)} files differ"
        found.append(Finding(OTHER_FIRMWARE, cause, _UPDATE, wrong=False))
    identity = identity_of(State(visit.state()))
    if identity is None:
        step = "node071 provision --board NAME --kit NAME"
        found.append(Finding(NOT_PROVISIONED, "it is not provisioned", step, wrong=False))
    else:
        look.what += f", node '{identity.name}' with DevEUI {identity.dev_eui.hex().upper()}"
