# SPDX-License-Identifier: MIT
"""A virtual board with MicroPython at a port, in real time: what mpremote finds there."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from host.errors import HostError
from simulator import pipe
from simulator.air import Air
from simulator.board import Board
from simulator.clock import Clock
from simulator.port import FLUSH_S, Port
from simulator.repl import CTRL_A, CTRL_C, FRIENDLY, RAW, Repl
from simulator.wall import Wall

_EDGE_CTRL_C = 255
_LOOK_S = 0.02  # how late it is seen that a program opens the port
_QUIET_S = 0.05
_IDLE_S = 0.5
_TYPED_MAX = 65536
_HOLD_S, _BUSY_S = 0.05, 2.0  # what a board computes takes it no time, unless it takes us so long


class LiveBoard(Board):
    """A board whose clock is the wall's and whose prompt is at `port`.

    `says` is what its MicroPython tells of itself (simulator/family.py). `at_speed`: flash and
    start take the time that they take on a board. `fit` is called before each start, to put
    chips on its pins. `left` is set when it has gone to its boot loader. `air` is one that others
    are in, else it has one of its own.

    A slow computer does not make the board slow: what is due happens at its time, in its order,
    as in virtual time; the clock stands still meanwhile.
    """

    def __init__(
        self,
        name: str,
        chip: str,
        flash: Path,
        log: IO[bytes],
        seed: int,
        port: Port,
        says: dict[str, object],
        at_speed: bool = False,
        air: Air | None = None,
    ):
        super().__init__(name, chip, flash, log, air.clock if air is not None else Clock(), seed)
        self.port, self._says, self._at_speed = port, says, at_speed
        if not at_speed:
            self.boot_us = 0
        self.air = Air(self.clock, seed) if air is None else air
        self.fit: Callable[[], None] | None = None
        self.left = False
        self._inner = -1
        self._repl = Repl()
        self._run_main = True
        self._ready = False  # its filesystem is mounted: from here on it can be interrupted
        self._bite_us: int | None = None
        self._interrupt_s: float | None = None  # when Ctrl-C was typed, until it has had its effect
        self._clock_set: tuple[int, int] | None = None  # what it was set to and when, in us
        self._typed, self._to_inner = bytearray(), bytearray()
        self._swallow = b""
        self._wall = Wall(self.clock)
        self._answered_s = 0.0

    # What differs from a board in virtual time.

    def _spawn(self, to_board: int, from_board: int) -> "subprocess.Popen[bytes]":
        self._inner, slave = pty.openpty()
        os.set_blocking(self._inner, False)
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
        return {
            **super()._description(),
            "live": True,
            "flash_at_once": not self._at_speed,
            "run_main": self._run_main,
            "says": self._says,
            **self._set_clock(),
        }

    def _set_clock(self) -> dict[str, object]:
        """What a clock that was set shows by now, as `clock_began_us`."""
        if self._clock_set is None:
            return {}
        shown_us, at_us = self._clock_set
        return {"clock_began_us": shown_us + self.clock.now_us - at_us}

    def _perform(self, op: int, body: bytes) -> bytes:
        if op == pipe.CLOCK:
            self._clock_set = (int.from_bytes(body, "little", signed=True), self.clock.now_us)
            return b""
        return super()._perform(op, body)

    def unwire(self) -> None:
        """Take everything off its pins again."""
        for wires in (
            self._spi, self._selected, self._i2c, self._one_wire, self._output_handlers,
            self._inputs, self._adc, self._pulses, self._uart, self._posted_pins, self.levels,
        ):  # fmt: skip
            wires.clear()

    def power_on(self, why: str = "power") -> None:
        """Start the board, unless it runs."""
        if self._process is None and self.fit is not None:
            self.fit()
        self._ready, self._interrupt_s = False, None
        if why == "power" or (self.family == "rp2040" and why != "soft_reset"):
            self._clock_set = None
        super().power_on(why)
        self._answered_s = time.monotonic()

    def power_off(self) -> None:
        super().power_off()
        self._to_inner.clear()
        if self._inner >= 0:
            os.close(self._inner)
            self._inner = -1

    # Life in real time.

    def run_for(self, seconds: float) -> None:
        """Serve the board, its port and its watchdog for so long."""
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0:
            self.turn(left_s)

    def turn(self, most_s: float, also: Sequence[int] = ()) -> None:
        """Wait until something happens, `most_s` at most, and serve it.

        `also` are descriptors that end the wait when they can be read.
        """
        now_us = self._catch_up()
        if self._bite_us is not None and now_us >= self._bite_us:
            self._restart("watchdog")
        if self._pending is not None and (self.ready_us <= now_us or self._interrupt_s):
            self._serve_now()
        if self.left:
            return
        self.port.look()
        reads = [self.port.fileno()] if self._takes_more() else []
        writes = [self.port.fileno()] if self.port.waits else []
        if self._inner >= 0:
            reads += [] if self.port.full else [self._inner]
            writes += [self._inner] if self._to_inner else []
        if self.busy:
            reads.append(self._from_board)
        readable, _, _ = select.select([*reads, *also], writes, [], min(most_s, self._wait_s()))
        self._catch_up()
        self.port.flush()
        if self.busy and self._from_board in readable:
            self.take()
        if self._inner in readable:
            self._from_inner()
        if self.port.attached:
            self._typed += self.port.read()
        self._type()
        self.port.strain()

    def _takes_more(self) -> bool:
        return self.port.attached and len(self._typed) + len(self._to_inner) < _TYPED_MAX

    def _catch_up(self) -> int:
        """Let the time go on, event by event, up to what the board waits for; returns the time."""
        dues_us = [self.clock.next_us(), None if self._pending is None else self.ready_us]
        due_us = min([each for each in dues_us if each is not None], default=None)
        now_us = self._wall.now_us()
        if due_us is not None:
            now_us = self._wall.since_us(max(due_us, self.clock.now_us))
        if self._held_s() > 0:
            return self.clock.now_us
        while True:
            until_us = now_us if self._pending is None else min(now_us, self.ready_us)
            event_us = self.clock.next_us()
            if event_us is None or event_us > until_us:
                self.clock.run_until(until_us)
                return self.clock.now_us
            self.clock.step()

    def _held_s(self) -> float:
        """How long the time stands still yet, for what the board computes."""
        if self._pending is not None or self._process is None:
            return 0.0
        since_s = time.monotonic() - self._answered_s
        if since_s < _HOLD_S:
            return _HOLD_S - since_s
        return _HOLD_S if since_s < _BUSY_S and _computes(self._process.pid) else 0.0

    def _wait_s(self) -> float:
        """Seconds until the next thing that is no byte."""
        if (held_s := self._held_s()) > 0:
            return held_s
        now_us = self._wall.now_us()
        dues = [self._bite_us, self.clock.next_us()]
        if self._pending is not None:
            dues.append(self.ready_us)
        next_us = min([due for due in dues if due is not None], default=now_us + 10**6)
        most_s = 0.002 if self.port.bytes_per_s and self.port.attached else _IDLE_S
        if not self.port.attached or self._interrupt_s:
            most_s = min(most_s, _LOOK_S)
        if self.port.waits:
            most_s = min(most_s, FLUSH_S)
        return min(max((next_us - now_us) / 1e6, 0.0), most_s)

    def _serve_now(self) -> None:
        assert self._pending is not None
        op, body = self._pending.op, self._pending.body
        if op == pipe.EXIT:
            self._end(*json.loads(body))
            return
        if op == pipe.FEED:
            self._bite_us = int.from_bytes(body, "little")
        elif op == pipe.READY:
            self._ready = True
        if self._interrupt_s and self._ready:
            self._edges, self._interrupt_s = [(_EDGE_CTRL_C, 0, 0)], None
        answer = self._perform(op, body)
        self._pending = None
        self._answered_s = time.monotonic()
        self._answer(answer, self.clock.now_us)  # the wall clock cannot be lent

    def _end(self, why: str, sleep_us: int, held_pins: list[int]) -> None:
        """What its program has asked for: a restart, a sleep, or its boot loader."""
        if why == "bootloader":
            self.power_off()
            self.left = True
        elif why == "stuck" or sleep_us:
            self.power_off()
            self._bite_us = None
            if why != "stuck":
                self._states.enter("asleep", self.clock.now_us)
                wakes_us = self.clock.now_us + sleep_us
                self._wake = self.clock.call_at(wakes_us, self._restart, why)
        else:
            self._restart(why)
        self.held_pins = held_pins

    def _restart(self, why: str, run_main: bool = True) -> None:
        self.power_off()
        self._run_main = run_main
        if why != "soft_reset":  # which leaves an armed watchdog running
            self._bite_us = None
        if run_main:
            self._repl, self._swallow = Repl(), b""
            self._typed.clear()
        self.power_on(why)

    def take(self) -> bool:
        try:
            return super().take()
        except HostError:  # the process has ended by itself: a board would start anew
            self._restart("soft_reset")
            return False

    def _from_inner(self) -> None:
        try:
            data = os.read(self._inner, 4096)
        except BlockingIOError:
            return
        except OSError:
            self._restart("soft_reset")
            return
        if self._swallow:  # the banner of a restarted process, up to the first prompt
            self._swallow += data
            at = self._swallow.find(b">>> ")
            if at < 0:
                return
            data, self._swallow = b"", b""
            if self._repl.mode == RAW:
                self._to_inner[:0] = bytes((CTRL_A,))
                self._push()
        if self._repl.mode == FRIENDLY:
            data = re.sub(rb"(?<!\r)\n", b"\r\n", data)  # what a program prints
        self.port.write(data)

    def _type(self) -> None:
        """Pass on what was typed, once somebody is there who takes it."""
        if self._process is None:
            self._typed.clear()
        self._ctrl_c()
        if not self._ready or self._swallow or self._interrupt_s:
            return
        for index, byte in enumerate(self._typed):
            if self._repl.soft_reboot(byte):
                del self._typed[: index + 1]
                self._soft_reboot()
                return
            if byte == CTRL_C:
                del self._typed[: index + 1]
                self._push()
                self._interrupt_s = time.monotonic()
                self._type()
                return
            self._to_inner.append(byte)
        self._typed.clear()
        self._push()

    def _push(self) -> None:
        """Type into the process as much as it takes."""
        try:
            while self._to_inner:
                del self._to_inner[: os.write(self._inner, self._to_inner[:4096])]
        except BlockingIOError:
            pass

    def _ctrl_c(self) -> None:
        """Interrupt the code that it runs, or its prompt.

        A signal at the wrong moment tears an answer of ours: code that calls us is interrupted by
        the answer, a signal is for code that has not called for a while.
        """
        if self._interrupt_s is None or self._process is None or self._pending is not None:
            return
        if not _catches_sigint(self._process.pid):
            self._to_inner.append(CTRL_C)
        elif time.monotonic() - self._interrupt_s > _QUIET_S:
            self._process.send_signal(signal.SIGINT)
        else:
            return
        self._interrupt_s = None
        self._push()

    def _soft_reboot(self) -> None:
        """Start the program anew; from the raw REPL only boot.py, as on a board."""
        raw = self._repl.mode == RAW
        self.port.write(b"OK\r\nMPY: soft reboot\r\n" if raw else b"MPY: soft reboot\r\n")
        typed = bytes(self._typed)
        self._restart("soft_reset", run_main=not raw)
        self._typed[:] = typed
        self._swallow = b"\n" if raw else b""


def _computes(pid: int) -> bool:
    """True while the process is at work, or would be if others let it; not while it listens."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] in ("R", "D")


def _catches_sigint(pid: int) -> bool:
    """True while the process runs Python code: at its prompt it leaves Ctrl-C to the terminal."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    mask = int(re.search(r"^SigCgt:\s*([0-9a-f]+)", status, re.M)[1], 16)  # type: ignore[index]
    return bool(mask >> (signal.SIGINT - 1) & 1)
