# SPDX-License-Identifier: MIT
"""A serial port with a board behind it: found, held, listened at, and mpremote run on it."""

import json
import os
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import serial
import serial.tools.list_ports

from host import files, portlock
from host.errors import HostError

BAUD = 115200
# What can be the matter with a port, beside portlock.BUSY: the codes of PortError.
GONE, FORBIDDEN, NO_PORT, SILENT, BOOT_MODE, GARBAGE, OTHER_PYTHON, UNREADABLE = (
    "gone", "no-permission", "no-port", "silent", "boot-mode", "garbage", "other-python",
    "unreadable",
)  # fmt: skip
_AGENT = Path(__file__).with_name("onboard") / "agent.py"
_WHO = """import sys
if sys.implementation[0] != "micropython":
    print('{"other": "%s"}' % sys.implementation[0])
    raise ValueError
"""
_PROMPT = b">>> "
_TURN_S = 0.1
_GONE_S = 8.0  # USB of a board that restarts comes back sooner
_ASLEEP_S = 4.0  # without a byte: a light sleep is cut into slices of 4 s
_ROM = (b"waiting for download", b"DOWNLOAD_BOOT", b"DOWNLOAD(")
_EMPTY = (b"invalid header: 0x", b"flash read err", b"No bootable app")
_RESET = "press its reset button now and run this again within 3 seconds"


class PortError(HostError):
    """The board at a port does not do what it is asked."""


@dataclass(frozen=True)
class Attached:
    """A serial port of this computer, by what USB says of it."""

    port: str
    usb: str  # "10C4:EA60", "" for a port that is no USB device
    product: str = ""
    serial: str = ""  # its serial number: of an RP2040 with MicroPython its unique id


def attached() -> list[Attached]:
    """Every serial port on USB, in the order of their names."""
    rows = sorted(serial.tools.list_ports.comports())
    return [
        Attached(
            row.device,
            f"{row.vid:04X}:{row.pid:04X}",
            row.product or "",
            row.serial_number or "",
        )
        for row in rows
        if row.vid is not None and row.pid is not None
    ]


def choose(port: str | None, usb: list[str], found: Callable[[], list[Attached]] = attached) -> str:
    """The port that is meant: the one that is named, or the only one with such a USB id.

    HostError: it is not there, there is none, or there are several, which are named.
    """
    rows = found()
    if port is not None:
        if os.name == "posix" and not os.path.exists(port):
            known = ", ".join(row.port for row in rows) or "none is plugged in"
            raise HostError(f"there is no port {port}", f"ports: {known}")
        return port
    likely = [row for row in rows if row.usb in usb]
    if not likely:
        raise HostError(
            "no board is found on USB",
            "plug one in; if it is: try another cable (many only charge), then node071 doctor",
        )
    if len(likely) > 1:
        names = ", ".join(f"{row.port} ({row.usb})" for row in likely)
        raise HostError(f"several boards are plugged in: {names}", "name one with --port PORT")
    return likely[0].port


class Port:
    """One port for one run, as a context; `say` gets what the user has to do or to wait for."""

    def __init__(
        self, name: str, say: Callable[[str], None] = lambda line: None, patience_s: float = 20.0
    ):
        self.name, self._say, self._patience_s = name, say, patience_s
        self._hold = portlock.held(name)
        self.lock: tuple[int, ...] = ()  # for programs that hold the port too

    def __enter__(self) -> "Port":
        self.lock = (self._hold.__enter__(),)
        return self

    def __exit__(self, *error: Any) -> None:
        self._hold.__exit__(*error)

    def open(self) -> serial.Serial:
        """The port for listening. PortError: it is busy, not there, or not allowed."""
        try:
            return serial.Serial(self.name, BAUD, timeout=_TURN_S, write_timeout=2, exclusive=True)
        except (serial.SerialException, OSError) as error:
            raise refused(self.name, error) from error

    # The prompt.

    def prompt(self, wait_s: float | None = None) -> None:
        """Stop whatever runs and get the prompt; a node that sleeps is waited for and explained.

        PortError says what answers instead, or that nothing does.
        """
        end_s = time.monotonic() + (self._patience_s if wait_s is None else wait_s)
        asleep_s, heard, told = time.monotonic() + _ASLEEP_S, b"", False
        with self.open() as line:
            while time.monotonic() < end_s:
                heard = (heard + self._exchange(line, b"\r\x03\x02"))[-2000:]
                if _PROMPT in heard:
                    return
                if any(word in heard for word in _EMPTY):
                    break  # it will say nothing else
                if not heard and not told and time.monotonic() > asleep_s:
                    told = True
                    self._say(f"the board on {self.name} does not answer: press its reset button")
                    _reset(line)
        raise self._silent(heard)

    def _exchange(self, line: serial.Serial, word: bytes) -> bytes:
        """Type something and return what comes within a turn. PortError: the cable is out."""
        try:
            line.write(word)
            heard: bytes = line.read(1)
            return heard + bytes(line.read(line.in_waiting))
        except serial.SerialTimeoutException:
            return b""
        except (serial.SerialException, OSError) as error:
            raise refused(self.name, error) from error

    def _silent(self, heard: bytes) -> PortError:
        if any(word in heard for word in _ROM):
            return PortError(
                f"the board on {self.name} waits in its boot loader",
                "let go of its BOOT button and press reset, or install: node071 flash",
                BOOT_MODE,
            )
        if any(word in heard for word in _EMPTY):
            return PortError(
                f"the board on {self.name} has no program, its boot loader finds none",
                "install MicroPython: node071 flash --board NAME --micropython VERSION",
                BOOT_MODE,
            )
        if heard.strip(b"\0\r\n\xff"):
            return PortError(
                f"what answers on {self.name} is no MicroPython",
                "check with node071 doctor which port this is; to install: node071 flash",
                GARBAGE,
            )
        return PortError(
            f"the board on {self.name} does not answer: it sleeps, or has no MicroPython",
            f"{_RESET}; if it never had MicroPython: node071 flash",
            SILENT,
        )

    def await_prompt(self) -> None:
        """Wait through a restart until the board is at its prompt, and stop what runs if need be.

        Nothing is interrupted for four seconds: the start may be finishing an update.
        """
        end_s = time.monotonic() + self._patience_s
        there_s = time.monotonic()
        polite_s = there_s + _ASLEEP_S
        while time.monotonic() < end_s:
            if os.name != "posix" or os.path.exists(self.name):
                there_s = time.monotonic()
            elif time.monotonic() - there_s > _GONE_S:
                break  # somebody has pulled the cable
            with suppress(PortError), self.open() as line:
                heard = b""
                while time.monotonic() < end_s:
                    word = b"\r" if time.monotonic() < polite_s else b"\r\x03"
                    heard = (heard + self._exchange(line, word))[-200:]
                    if _PROMPT in heard:
                        return
            time.sleep(_TURN_S)  # USB of an RP2040 goes away and comes back
        raise PortError(
            f"the board on {self.name} did not come back after its restart",
            "unplug it, plug it in, and run this again",
        )

    # Programs.

    def ask(self, call: str, timeout_s: float | None = None) -> list[Any]:
        """Run calls of host/onboard/agent.py on the board; the JSON lines that they print."""
        update = files.firmware_files()["update.py"].read_text(encoding="utf-8")
        script = f"{_WHO}\n{update}\n{_AGENT.read_text(encoding='utf-8')}\n{call}\n"
        lines = self.run(script, timeout_s).splitlines()
        try:
            return [json.loads(line) for line in lines if line[:1] in ("[", "{", '"')]
        except ValueError as error:
            raise PortError(
                f"the answer of the board on {self.name} was garbled",
                "try again; use another cable",
            ) from error

    def run(self, script: str, timeout_s: float | None = None) -> str:
        """Run a script on the board, which is at its prompt; what it prints.

        It goes through a pipe, as it may hold a key. PortError: it fails, or the line does.
        """
        with _as_file(script) as (name, text):
            status, output = self._mpremote(["resume", "run", name], text, timeout_s)
        if status:
            raise self._failed(output)
        return output

    def send(self, code: str) -> None:
        """Start code that ends in a restart; nobody waits for its output."""
        self._mpremote(["resume", "exec", "--no-follow", code], None, None)

    def _mpremote(
        self, words: list[str], text: str | None, timeout_s: float | None
    ) -> tuple[int, str]:
        options: dict[str, Any] = {"pass_fds": self.lock} if os.name == "posix" else {}
        program = subprocess.Popen(
            [sys.executable, "-m", "mpremote", "connect", self.name, *words],
            stdin=subprocess.DEVNULL if text is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            **options,
        )
        try:
            output, _ = program.communicate(text, timeout_s or self._patience_s)
        except subprocess.TimeoutExpired:
            raise PortError(
                f"the board on {self.name} stopped answering",
                "unplug it, plug it in, and run this again",
            ) from None
        finally:
            program.kill()
            program.wait()
        return program.returncode, output

    def _failed(self, output: str) -> PortError:
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        if other := next((line for line in lines if line.startswith('{"other": ')), ""):
            return PortError(
                f"the board on {self.name} speaks {json.loads(other)['other']}, not MicroPython",
                "install it: node071 flash --board NAME --micropython VERSION; what is on the "
                "board is replaced",
                OTHER_PYTHON,
            )
        said = lines[-1][:120] if lines else "nothing"
        return PortError(
            f"the board on {self.name} did not do what it was asked, it says: {said}",
            "is the cable still in? plug it in again and run the same command once more",
        )


def refused(name: str, error: Exception) -> PortError:
    """Why a port does not open: not there, not allowed, or busy and by whom."""
    if not os.path.exists(name) and os.name == "posix":
        return PortError(f"the port {name} is gone", "plug the board in again", GONE)
    if os.name == "posix" and not os.access(name, os.R_OK | os.W_OK):
        return PortError(f"no permission for {name}", permission(name), FORBIDDEN)
    if os.name == "posix" and not stat.S_ISCHR(os.stat(name).st_mode):
        step = "node071 doctor finds those with a board"
        return PortError(f"{name} is no serial port", step, NO_PORT)
    by = portlock.holders(name)
    return PortError(
        f"{name} is in use" + (f" by {', '.join(by)}" if by else f": {error}"),
        "close that program and run this again",
        portlock.BUSY,
    )


def permission(name: str) -> str:
    """What gives this user the port."""
    group = "dialout"
    with suppress(OSError, KeyError, ImportError):
        import grp

        group = grp.getgrgid(os.stat(name).st_gid).gr_name
    if group == "root":
        return (
            'put SUBSYSTEM=="tty", ATTRS{idVendor}=="*", MODE="0660", GROUP="dialout" into '
            "/etc/udev/rules.d/71-node071.rules and plug the board in again"
        )
    return f"type: sudo usermod -a -G {group} $USER, then log out and in again"


def _reset(line: serial.Serial) -> None:
    """Pulse the line that resets most ESP32 boards; others do not have it."""
    with suppress(OSError):  # a pseudo-terminal has none either
        line.dtr, line.rts = False, True
        time.sleep(_TURN_S)
        line.rts = False


@contextmanager
def _as_file(script: str) -> Iterator[tuple[str, str | None]]:
    """(name, standard input) under which mpremote reads a script: a pipe where there is one."""
    if os.path.exists("/dev/stdin"):
        yield "/dev/stdin", script
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "script.py")
        path.write_text(script, encoding="utf-8")
        yield str(path), None
