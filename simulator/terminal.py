# SPDX-License-Identifier: MIT
"""A virtual board on a pseudo-terminal, in real time: what mpremote finds at a serial port."""

import os
import pty
import re
import select
import signal
import subprocess
import termios
import time
import tty
from pathlib import Path
from typing import IO

from simulator.board import Board
from simulator.clock import Clock

_CTRL_A, _CTRL_B, _CTRL_C, _CTRL_D, _CTRL_E = 1, 2, 3, 4, 5
_FRIENDLY, _RAW, _PASTE = range(3)
_OP_EXIT, _OP_FEED, _EDGE_CTRL_C = 9, 12, 255
_SLICE_S = 0.02


class Repl:
    """Follows what is typed, to know what Ctrl-D means; the unix port has no soft reboot."""

    def __init__(self) -> None:
        self.mode, self._empty, self._tail = _FRIENDLY, True, b""

    def soft_reboot(self, byte: int) -> bool:
        """Take one byte on its way to the board; True: here a board starts its program anew."""
        self._tail = (self._tail + bytes((byte,)))[-3:]
        if self.mode == _PASTE:
            if byte == _CTRL_D:
                self.mode, self._empty = _RAW, True
        elif self.mode == _FRIENDLY:
            if byte == _CTRL_A:
                self.mode, self._empty = _RAW, True
            return byte == _CTRL_D
        elif byte == _CTRL_B:
            self.mode = _FRIENDLY
        elif byte == _CTRL_D:
            reboot, self._empty = self._empty, True
            return reboot
        elif self._tail == b"\x05A\x01":
            self.mode = _PASTE
        elif byte in (_CTRL_C, _CTRL_A):
            self._empty = True
        elif byte != _CTRL_E and byte != ord("\r"):
            self._empty = False
        return False


class LiveBoard(Board):
    """A board whose clock is the wall's; `port` is where mpremote connects.

    `bytes_per_s` is the speed of the line to the board, 0 for as fast as it goes.
    """

    def __init__(
        self, name: str, chip: str, flash: Path, log: IO[bytes], seed: int, bytes_per_s: int = 0
    ):
        super().__init__(name, chip, flash, log, Clock(), seed)
        self._bytes_per_s = bytes_per_s
        self._outer, self._outer_slave = pty.openpty()
        tty.setraw(self._outer_slave)
        self.port = os.ttyname(self._outer_slave)
        self._inner = -1
        self._repl = Repl()
        self._run_main = True
        self._bite_us: int | None = None
        self._interrupt = False
        self._typed = b""
        self._swallow = b""
        self._began_s = time.monotonic()
        self._may_type_s = 0.0

    # What differs from a board in virtual time.

    def _spawn(self, to_board: int, from_board: int) -> "subprocess.Popen[bytes]":
        self._inner, slave = pty.openpty()
        attributes = termios.tcgetattr(slave)
        attributes[1] &= ~termios.OPOST  # MicroPython ends its own lines with CR LF
        attributes[3] = (attributes[3] | termios.ISIG) & ~termios.ECHO
        attributes[6][termios.VINTR] = b"\x03"
        termios.tcsetattr(slave, termios.TCSANOW, attributes)
        process = subprocess.Popen(
            [*self._command("-i"), str(to_board), str(from_board), str(self.flash)],
            pass_fds=(to_board, from_board),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=self._environment(),
            start_new_session=True,
        )
        os.close(slave)
        return process

    def _description(self) -> dict[str, object]:
        return {**super()._description(), "live": True, "run_main": self._run_main}

    def _lease_us(self) -> int:
        return self.clock.now_us  # every call comes here: the wall clock cannot be lent

    def power_off(self) -> None:
        super().power_off()
        if self._inner >= 0:
            os.close(self._inner)
            self._inner = -1

    def close(self) -> None:
        """End the board and its port."""
        self.power_off()
        os.close(self._outer)
        os.close(self._outer_slave)

    # Life in real time.

    def run_for(self, seconds: float) -> None:
        """Serve the board, its terminal and its watchdog for so long."""
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            self._turn()

    def _turn(self) -> None:
        now_us = round((time.monotonic() - self._began_s) * 1e6)
        self.clock.run_until(max(now_us, self.clock.now_us))
        if self._bite_us is not None and now_us >= self._bite_us:
            self._restart("watchdog")
        if self._pending is not None and (self.ready_us <= now_us or self._interrupt):
            self._serve_now()
        waits_s = min(max((self.ready_us - now_us) / 1e6, 0.0005), _SLICE_S)
        readable = [self._outer, self._inner]
        if self._pending is None:
            readable.append(self._from_board)
        for ready in select.select(readable, [], [], waits_s)[0]:
            if ready == self._from_board and self._pending is None:
                self._read_request()
            elif ready == self._inner:
                self._from_inner()
            elif ready == self._outer:
                self._typed += os.read(self._outer, 4096)
        self._type()

    def _serve_now(self) -> None:
        assert self._pending is not None
        op, _, body = self._pending
        if op == _OP_EXIT:
            self._restart(re.sub(rb'[\["]|,.*', b"", body).decode())
            return
        if op == _OP_FEED:
            self._bite_us = int.from_bytes(body, "little")
        if self._interrupt:
            self._edges, self._interrupt = [(_EDGE_CTRL_C, 0, 0)], False
        answer = self._perform(op, body)
        self._pending = None
        self._answer(answer)

    def _restart(self, why: str, run_main: bool = True) -> None:
        self.power_off()
        self._run_main = run_main
        if why != "soft_reset":  # which leaves an armed watchdog running
            self._bite_us = None
        if run_main:
            self._repl = Repl()
        self.power_on(why)
        self.ready_us = self.clock.now_us

    def _from_inner(self) -> None:
        try:
            data = os.read(self._inner, 4096)
        except OSError:  # the process has ended by itself: a board would be at its prompt again
            self._restart("soft_reset")
            return
        if self._swallow:  # the banner of a restarted process, up to the first prompt
            self._swallow += data
            at = self._swallow.find(b">>> ")
            if at < 0:
                return
            data, self._swallow = b"", b""
            if self._repl.mode == _RAW:
                os.write(self._inner, b"\x01")
        if self._repl.mode == _FRIENDLY:
            data = re.sub(rb"(?<!\r)\n", b"\r\n", data)  # what a program prints
        os.write(self._outer, data)

    def _type(self) -> None:
        """Pass on what was typed, no faster than the line is."""
        now_s = time.monotonic()
        if not self._typed or now_s < self._may_type_s or self._swallow:
            return
        count = 64 if self._bytes_per_s else len(self._typed)
        if self._bytes_per_s:
            self._may_type_s = max(self._may_type_s, now_s - 0.05) + count / self._bytes_per_s
        for index, byte in enumerate(self._typed[:count]):
            if self._repl.soft_reboot(byte):
                self._typed = self._typed[index + 1 :]
                self._soft_reboot()
                return
            if byte == _CTRL_C:
                self._ctrl_c()
            else:
                os.write(self._inner, bytes((byte,)))
        self._typed = self._typed[count:]

    def _ctrl_c(self) -> None:
        """Interrupt the call that the board is in, the code that it runs, or its prompt."""
        assert self._process is not None
        if self._pending is not None:
            self._interrupt = True
        elif _catches_sigint(self._process.pid):
            self._process.send_signal(signal.SIGINT)
        else:
            os.write(self._inner, b"\x03")

    def _soft_reboot(self) -> None:
        """Start the program anew; from the raw REPL only boot.py, as on a board."""
        raw = self._repl.mode == _RAW
        os.write(self._outer, b"OK\r\nMPY: soft reboot\r\n" if raw else b"MPY: soft reboot\r\n")
        self._restart("soft_reset", run_main=not raw)
        self._swallow = b"\n" if raw else b""


def _catches_sigint(pid: int) -> bool:
    """True while the process runs Python code: at its prompt it leaves Ctrl-C to the terminal."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    mask = int(re.search(r"^SigCgt:\s*([0-9a-f]+)", status, re.M)[1], 16)  # type: ignore[index]
    return bool(mask >> (signal.SIGINT - 1) & 1)
