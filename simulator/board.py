# SPDX-License-Identifier: MIT
"""One virtual board: a process of the unix port, its flash image, its pins and its buses."""

import json
import os
import random
import select
import struct
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from host.errors import HostError
from simulator.clock import Clock, Event
from simulator.devices import I2cDevice, PulseDevice, SpiDevice
from simulator.family import BOOT_US, CAUSES, COSTS_US, IRQ_US, PROG_SIZE, unique_id
from simulator.i2c import I2cBus
from simulator.micropython import command
from simulator.one_wire import OneWireBus, OneWireDevice
from simulator.pulses import serve
from simulator.uart import UartDevice, UartPort
from simulator.wear import Wear

SHIMS = Path(__file__).with_name("shims")
HANG_S = 120
HEAP = "256k"  # an RP2040 has about 200k, of words half as long

_SYNC, _WAIT, _PIN_SET, _PIN_GET, _PIN_IRQ, _SPI = range(6)
_I2C_WRITE, _I2C_READ, _ADC, _EXIT, _BOOT, _PROMPT, _FEED, _RTC = range(6, 14)
_ONE_WIRE, _PULSE, _UART = 16, 17, 20
_POST_PIN, _POST_ERASE, _POST_PROGRAM, _POST_SLEEP = range(4)
_REQUEST = struct.Struct("<BQHH")
_POSTED = struct.Struct("<BHBQ")
_ANSWER = struct.Struct("<QQHH")
_EDGE = struct.Struct("<BBQ")
_RISING, _FALLING = 8, 4
_FOREVER = 1 << 62
Pace = Callable[[int], int]  # how far time wants to go -> how far it may; then it is asked anew


@dataclass
class Timing:
    """How this board's time runs: its crystal, and how long its interpreter is held up."""

    clock_ppm: int = 0
    irq_us: int | None = None  # from the edge to the handler; None: the chip family's own
    stall_us: int = 0  # after every sleep, as a garbage collection would


class Board:
    """A virtual board that is served one request at a time, in the order of virtual time.

    `ready_us` is when its pending request is due. RuntimeError: it hangs or its process died.
    """

    def __init__(
        self,
        name: str,
        chip: str,
        flash: Path,
        log: IO[bytes],
        clock: Clock,
        seed: int,
        timing: Timing | None = None,
    ):
        self.name, self.chip, self.flash, self.clock = name, chip, flash, clock
        self.family = "rp2040" if chip.startswith("rp2040") else "esp32"
        self.timing = timing or Timing()
        self.wear = Wear()
        self.starts: list[tuple[int, str]] = []  # (time_us, why) of every start
        self.levels: dict[int, int] = {}  # last level of each pin, driven by either side
        self.outputs: list[tuple[int, int, int]] = []  # (time_us, pin, level) of posted pins
        self.journal: Path | None = None  # where each operation on its flash is to be written down
        self.unique_id = unique_id(seed, name, chip)
        self.region: tuple[int, int] | None = None  # of the flash file: the filesystem, None: all
        self.at_prompt = False
        self.hang_s = HANG_S
        self.ready_us = 0
        self.trips = 0
        self.rtc_memory = b""
        self.held_pins: list[int] = []  # that kept their levels through the last sleep
        self._slept_us = 0
        self._asleep_since_us: int | None = None  # lightly or deeply
        self._powered_us = 0
        self._wake: Event | None = None
        self._seed, self._log = seed, log
        self._spi: dict[tuple[int, int], SpiDevice] = {}
        self._selected: dict[int, SpiDevice] = {}
        self._i2c: dict[tuple[int, int], I2cBus] = {}  # by SCL and SDA
        self._one_wire: dict[int, OneWireBus] = {}
        self._output_handlers: dict[int, Callable[[int], None]] = {}
        self._inputs: dict[int, Callable[[], int]] = {}
        self._adc: dict[int, Callable[[], int]] = {}
        self._uart: dict[tuple[int, int], UartPort] = {}  # by TX and RX
        self._pulses: dict[int, PulseDevice] = {}  # by their echo pins
        self._posted_pins: set[int] = set()
        self._triggers: dict[int, int] = {}
        self._edges: list[tuple[int, int, int]] = []
        self._pending: tuple[int, int, bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._to_board = self._from_board = -1

    # Wiring, before the start.

    def wire_spi(self, bus: int, cs: int, device: SpiDevice) -> None:
        """Put a chip on an SPI bus behind the chip-select pin `cs`."""
        self._spi[(bus, cs)] = device
        self._posted_pins.add(cs)

    def wire_i2c(self, scl: int, sda: int, device: I2cDevice) -> None:
        """Put a chip on the two pins of an I2C bus."""
        self._i2c.setdefault((scl, sda), I2cBus()).add(device)

    def wire_one_wire(self, pin: int, devices: Sequence[OneWireDevice]) -> None:
        """Put chips on the 1-Wire bus of a pin; the pull-up is there."""
        self._one_wire[pin] = OneWireBus(devices)

    def wire_uart(self, tx: int, rx: int, device: UartDevice) -> None:
        """Put a chip on the two pins of a UART, which the board calls TX and RX."""
        self._uart[(tx, rx)] = UartPort(self.clock, self.family, device)

    def wire_output(self, pin: int, handler: Callable[[int], None]) -> None:
        """Have `handler(level)` called when the board drives the pin."""
        self._output_handlers[pin] = handler

    def wire_input(self, pin: int, read: Callable[[], int]) -> None:
        """Have the level of an input pin read from outside."""
        self._inputs[pin] = read

    def wire_adc(self, pin: int, read: Callable[[], int]) -> None:
        """Have `read()` give the 16-bit value at an analogue pin."""
        self._adc[pin] = read

    def wire_pulse(self, trigger: int, echo: int, device: PulseDevice) -> None:
        """Put an ultrasonic sensor on its two pins."""
        self._pulses[echo] = device
        self.wire_output(trigger, device.trigger)
        self.wire_input(echo, lambda: device.echo(self.clock.now_us)[0])

    def wire_lamp(self, pin: int) -> None:
        """A pin that only shines: its changes are kept in `outputs` with their times."""
        self._posted_pins.add(pin)

    def drive(self, pin: int, level: int) -> None:
        """Change the level at an input pin now; a registered interrupt is delivered."""
        before, self.levels[pin] = self.levels.get(pin, 0), level
        trigger = _RISING if level > before else _FALLING if level < before else 0
        if self._triggers.get(pin, 0) & trigger:
            self._edges.append((pin, level, self.clock.now_us))
            if self._pending is not None and self._pending[0] in (_WAIT, _PROMPT):
                self.ready_us = min(self.ready_us, self.clock.now_us)

    # Life of the process.

    def power_on(self, why: str = "power") -> None:
        """Start the board, unless it runs; its first request is due once the chip has booted."""
        if self._process is not None:
            return
        to_board, self._to_board = os.pipe()
        self._from_board, from_board = os.pipe()
        self._process = self._spawn(to_board, from_board)
        os.close(to_board)
        os.close(from_board)
        self.starts.append((self.clock.now_us, why))
        self._note_sleep(0, self.clock.now_us)
        if why == "power":
            self._powered_us, self.rtc_memory, self.held_pins = self.clock.now_us, b"", []
        self._triggers.clear()
        self._edges.clear()
        self._read_request()
        self.ready_us = self.clock.now_us + BOOT_US[self.family]

    def _spawn(self, to_board: int, from_board: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*self._command(), str(to_board), str(from_board), str(self.flash)],
            pass_fds=(to_board, from_board),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            env=self._environment(),
            process_group=0,  # Ctrl-C at the terminal is for the run, not for its boards
        )

    def _command(self, *options: str) -> list[str]:
        return command("-X", f"heapsize={HEAP}", *options, str(SHIMS / "boot.py"))

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "MICROPYPATH": f"{SHIMS}:.frozen"}

    def power_off(self) -> None:
        """End the process at once, as when the plug is pulled; no sleep goes on without it."""
        self.clock.cancel(self._wake)
        self._note_sleep(0, self.clock.now_us)
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            os.close(self._to_board)
            os.close(self._from_board)
        self._process, self._pending, self.ready_us = None, None, _FOREVER

    def serve(self) -> None:
        """Answer the pending request at this moment, and wait for the next one."""
        assert self._pending is not None
        op, _, body = self._pending
        if op == _EXIT:
            self._exit(*json.loads(body))
        else:
            self._answer(self._perform(op, body))
            self._read_request()

    def _exit(self, why: str, sleep_us: int, held_pins: list[int]) -> None:
        """Start the next life after its sleep; a chip that is stuck waits for the plug."""
        self.power_off()
        self.held_pins = held_pins
        if why == "stuck":
            return
        sleep_us = sleep_us * 1_000_000 // (1_000_000 + self.timing.clock_ppm)
        self._note_sleep(1 if sleep_us else 0, self.clock.now_us)
        self._wake = self.clock.call_at(self.clock.now_us + sleep_us, self.power_on, why)

    def _answer(self, body: bytes) -> None:
        edges = b"".join(_EDGE.pack(*edge) for edge in self._edges)
        head = _ANSWER.pack(self.clock.now_us, self._lease_us(), len(self._edges), len(body))
        self._edges.clear()
        os.write(self._to_board, head + edges + body)

    def _lease_us(self) -> int:
        """Until when nothing can touch this board."""
        due_us = self.clock.next_us()
        return _FOREVER if due_us is None else due_us

    def _read_request(self) -> None:
        op, time_us, posted, length = _REQUEST.unpack(self._read(_REQUEST.size))
        for kind, number, level, at_us in _POSTED.iter_unpack(self._read(posted * _POSTED.size)):
            self._note(kind, number, level, at_us)
        body = self._read(length)
        self._pending = (op, time_us, body)
        waits = op in (_WAIT, _PROMPT)
        self.ready_us = int.from_bytes(body, "little") if waits else time_us
        self.at_prompt = op == _PROMPT
        self.trips += 1

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            if not select.select([self._from_board], [], [], self.hang_s)[0]:
                raise self._hung()
            piece = os.read(self._from_board, count - len(data))
            if not piece:
                raise HostError(
                    f"{self.name}: its MicroPython ended by itself",
                    f"keep the run with --out DIR and read the end of DIR/{self.name}.log",
                )
            data += piece
        return data

    def _hung(self) -> HostError:
        assert self._process is not None
        self._process.send_signal(2)  # the traceback of KeyboardInterrupt names the line
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._log.flush()
        lines = Path(self._log.name).read_text(errors="replace").splitlines()
        where = [line.strip() for line in lines[-12:] if line.lstrip().startswith("File")]
        return HostError(
            f"{self.name}: {self.hang_s} s without a call to time, a pin or a bus"
            + (f", at {where[-1]}" if where else ""),
            "a loop in the firmware never ends; it has to wait with power.wait_until",
        )

    def _note_sleep(self, level: int, at_us: int) -> None:
        """A sleep begins (1) or ends (0), by a wake or by a pulled plug."""
        if self._asleep_since_us is not None:
            self._slept_us += at_us - self._asleep_since_us
        self._asleep_since_us = at_us if level else None

    def slept_us(self) -> int:
        """Time in light and in deep sleep up to now."""
        since_us = self._asleep_since_us
        return self._slept_us + (0 if since_us is None else self.clock.now_us - since_us)

    # What each request does.

    def _perform(self, op: int, body: bytes) -> bytes:
        if op == _SPI:
            device = self._selected.get(body[0])
            return device.transfer(body[1:]) if device else bytes(len(body) - 1)
        if op == _I2C_WRITE:
            return self._i2c.get((body[0], body[1]), I2cBus()).write(body[2], body[3:])
        if op == _I2C_READ:
            return self._i2c.get((body[0], body[1]), I2cBus()).read(body[2], body[3])
        if op == _ONE_WIRE:
            return self._one_wire.get(body[0], OneWireBus(())).serve(body[1], body[2:])
        if op == _PIN_GET:
            return bytes((self._level(body[0], body[1]),))
        if op == _PIN_SET:
            self._set(body[0], body[1])
        elif op == _PIN_IRQ:
            self._triggers[body[0]] = body[1]
        elif op == _UART:
            lines = (body[1], body[2])
            port = self._uart.setdefault(lines, UartPort(self.clock, self.family))
            return port.perform(body[0], body[3:])
        elif op == _ADC:
            return struct.pack("<H", self._adc[body[0]]() if body[0] in self._adc else 0)
        elif op == _RTC:
            self.rtc_memory = body
        elif op == _PULSE:
            return serve(self._pulses, body, self.clock.now_us, self.timing.clock_ppm)
        elif op == _BOOT:
            return json.dumps(self._description()).encode()
        return b""

    def _level(self, pin: int, idle: int) -> int:
        """What a pin reads; `idle` where nothing drives it."""
        if any(sda == pin and bus.held for (_, sda), bus in self._i2c.items()):
            return 0
        read = self._inputs.get(pin)
        return read() if read else self.levels.get(pin, idle)

    def _set(self, pin: int, level: int) -> None:
        if level and not self.levels.get(pin, 1):
            for (scl, _), bus in self._i2c.items():
                if scl == pin:
                    bus.clock()
        self.levels[pin] = level
        if pin in self._output_handlers:
            self._output_handlers[pin](level)

    def _note(self, kind: int, number: int, level: int, at_us: int) -> None:
        if kind == _POST_ERASE:
            self.wear.erases[number] = self.wear.erases.get(number, 0) + 1
        elif kind == _POST_PROGRAM:
            self.wear.programs += 1
        elif kind == _POST_SLEEP:
            self._note_sleep(level, at_us)
        else:
            self.levels[number] = level
            chips = [(bus, chip) for (bus, cs), chip in self._spi.items() if cs == number]
            for bus, device in chips:
                if level:
                    device.deselect()
                    self._selected.pop(bus, None)
                else:
                    device.select()
                    self._selected[bus] = device
            if not chips:
                self.outputs.append((at_us, number, level))

    def _description(self) -> dict[str, object]:
        stream = random.Random(f"{self._seed}/{self.name}/{len(self.starts)}")
        irq_us = self.timing.irq_us
        return {
            "chip": self.chip,
            "clock_ppm": self.timing.clock_ppm,
            "irq_us": IRQ_US[self.family] if irq_us is None else irq_us,
            "stall_us": self.timing.stall_us,
            "posted_pins": sorted(self._posted_pins),
            "prog_size": PROG_SIZE[self.family],
            "reset_cause": CAUSES[self.family][self.starts[-1][1]],
            "seed": stream.getrandbits(63),
            "unique_id": list(self.unique_id),
            "journal": str(self.journal) if self.journal else None,
            "region": self.region,
            "flash_at_once": False,
            "live": False,
            "run_main": True,
            "rtc_memory": list(self.rtc_memory),
            "held": self.held_pins,
            "clock_began_us": self._clock_began_us(),
            **COSTS_US[self.family],
        }

    def _clock_began_us(self) -> int:
        """What `time` counts from at this start: only ESP32's runs on through a reset."""
        if self.family == "rp2040":
            return 0
        return (self.clock.now_us - self._powered_us) * (1_000_000 + self.timing.clock_ppm) // 10**6


def run(boards: list[Board], clock: Clock, end_us: int, pace: Pace | None = None) -> None:
    """Serve all boards and events in the order of time until `end_us`; ties go to events."""
    while True:
        board = min(boards, key=lambda each: (each.ready_us, each.name))
        due_us = clock.next_us()
        next_us = min(board.ready_us, end_us, end_us if due_us is None else due_us)
        if pace is not None and pace(next_us) < next_us:
            continue
        if due_us is not None and due_us <= min(board.ready_us, end_us):
            clock.step()
        elif board.ready_us <= end_us:
            clock.run_until(board.ready_us)
            board.serve()
        else:
            clock.run_until(end_us)
            return
