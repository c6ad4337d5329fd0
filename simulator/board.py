# SPDX-License-Identifier: MIT
"""One virtual board: a process of the unix port, its flash image, its pins and its buses."""

import json
import os
import random
import select
import struct
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from host.errors import HostError
from simulator import pipe
from simulator.clock import Clock, Event
from simulator.devices import I2cDevice, PulseDevice, SpiDevice
from simulator.family import BOOT_US, CAUSES, COSTS_US, IRQ_US, PROG_SIZE, unique_id
from simulator.i2c import I2cBus
from simulator.micropython import command
from simulator.one_wire import OneWireBus, OneWireDevice
from simulator.pulses import serve
from simulator.states import States
from simulator.timing import Timing
from simulator.uart import UartDevice, UartPort
from simulator.wear import Wear

SHIMS = Path(__file__).with_name("shims")
HANG_S = 120
HEAP = "256k"  # an RP2040 has about 200k, of words half as long

_REACTS_MS = 5000  # to its interruption, unless it never will
_RISING, _FALLING = 8, 4
_FOREVER = 1 << 62


class Board:
    """A virtual board that is served one request at a time, in the order of virtual time.

    `ready_us` is when its pending request is due. `clock` is that of its chips too, and nobody
    else's where boards run side by side (simulator/schedule.py).
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
        self.on_start: Callable[[str], None] = lambda why: None
        self.levels: dict[int, int] = {}  # last level of each pin, driven by either side
        self.outputs: list[tuple[int, int, int]] = []  # (time_us, pin, level) of posted pins
        self.journal: Path | None = None  # where each operation on its flash is to be written down
        self.unique_id = unique_id(seed, name, chip)
        self.region: tuple[int, int] | None = None  # of the flash file: the filesystem, None: all
        self.at_prompt = False
        self.hang_s = HANG_S
        self.boot_us = BOOT_US[self.family]
        self.ready_us = _FOREVER
        self.listens: Callable[[], bool] = lambda: False  # whether the air can touch it
        self.trips = 0
        self.rtc_memory = b""
        self.held_pins: list[int] = []  # that kept their levels through the last sleep
        self._states = States("off", clock.now_us, ("off", "awake", "asleep"))
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
        self._pending: pipe.Request | None = None
        self._heard = b""  # of a request that is not whole
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
            if self._pending is not None and self._pending.op in (pipe.WAIT, pipe.PROMPT):
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
        self.on_start(why)
        self._states.enter("awake", self.clock.now_us)
        if why == "power":
            self.timing.start(self.clock.now_us)
            self.rtc_memory, self.held_pins = b"", []
        self._triggers.clear()
        self._edges.clear()

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
        self._states.enter("off", self.clock.now_us)
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            os.close(self._to_board)
            os.close(self._from_board)
        self._process, self._pending, self.ready_us, self._heard = None, None, _FOREVER, b""

    def stay_on(self, core: int) -> None:
        """Have its process run on this core of the computer only."""
        if self._process is not None:
            with suppress(OSError):  # it has just ended
                os.sched_setaffinity(self._process.pid, {core})

    @property
    def busy(self) -> bool:
        """Whether its process computes, and nobody knows yet what it will ask for and when."""
        return self._process is not None and self._pending is None

    def due_us(self) -> int:
        """When something is to be done next: for the board, unless it is busy, or on its clock."""
        event_us = self.clock.next_us()
        return self.ready_us if event_us is None else min(event_us, self.ready_us)

    def step(self, lease_us: Callable[["Board"], int]) -> None:
        """Do what is due next; ties go to events. An answer takes its lease when it is made."""
        event_us = self.clock.next_us()
        if event_us is not None and event_us <= self.ready_us:
            self.clock.step()
            return
        self.clock.now_us = max(self.clock.now_us, self.ready_us)
        assert self._pending is not None
        op, body = self._pending.op, self._pending.body
        if op == pipe.EXIT:
            self._exit(*json.loads(body))
        else:
            answer = self._perform(op, body)
            self._pending, self.ready_us = None, _FOREVER
            self._answer(answer, lease_us(self))

    def _exit(self, why: str, sleep_us: int, held_pins: list[int]) -> None:
        """Start the next life after its sleep; a chip that is stuck waits for the plug."""
        self.power_off()
        self.held_pins = held_pins
        self._states.enter("asleep" if sleep_us else "awake", self.clock.now_us)
        if why == "stuck":
            return
        wake_us = self.clock.now_us + self.timing.real_us(sleep_us)
        self._wake = self.clock.call_at(wake_us, self.power_on, why)

    def drift(self, clock_ppm: int) -> None:
        """Have its crystal run at another rate from now on, also in the sleep that it is in."""
        now_us, before = self.clock.now_us, self.timing.clock_ppm
        self.timing.drift(clock_ppm, now_us)
        if self._process is not None:
            self._edges.append((pipe.DRIFT, 0, clock_ppm & pipe.SIGNED))
            if self._pending is not None and self._pending.op in (pipe.WAIT, pipe.PROMPT):
                self.ready_us = min(self.ready_us, now_us)
        elif self._wake is not None and self._wake.callback is not None:
            left_us = (self._wake.time_us - now_us) * (1_000_000 + before) // 1_000_000
            args = self._wake.args
            self.clock.cancel(self._wake)
            self._wake = self.clock.call_at(
                now_us + self.timing.real_us(left_us), self.power_on, *args
            )

    def _answer(self, body: bytes, lease_us: int) -> None:
        """Let it go on; until the end of the lease nothing can touch it."""
        data = pipe.answer(self.clock.now_us, lease_us, self._edges, body)
        self._edges.clear()
        try:
            os.write(self._to_board, data)
        except BrokenPipeError:
            raise self._ended() from None

    def fileno(self) -> int:
        """Where its process asks."""
        return self._from_board

    def take(self) -> bool:
        """Read what its process has written, and wait if there is nothing; False: not yet all."""
        piece = os.read(self._from_board, 1 << 17)
        if not piece:
            raise self._ended()
        self._heard = heard = self._heard + piece if self._heard else piece
        self._pending = asked = pipe.request(heard)
        if asked is None:
            return False
        self._heard = b""
        for note in asked.posted:
            self._note(*note)
        first = asked.op == pipe.BOOT
        self.ready_us = self.clock.now_us + self.boot_us if first else asked.due_us
        self.at_prompt = asked.op == pipe.PROMPT
        self.trips += 1
        return True

    def _ended(self) -> HostError:
        return HostError(
            f"{self.name}: its MicroPython ended by itself",
            f"keep the run with --out DIR and read the end of DIR/{self.name}.log",
        )

    def hung(self) -> HostError:
        """What is to be said of one that has not asked for `hang_s`; it is interrupted."""
        assert self._process is not None
        self._process.send_signal(2)  # the traceback of KeyboardInterrupt names the line
        asks = select.poll()  # as it does at the prompt, once that is written
        asks.register(self._from_board, select.POLLIN)
        asks.poll(_REACTS_MS)
        lines = Path(self._log.name).read_text(errors="replace").splitlines()
        where = [line.strip() for line in lines[-12:] if line.lstrip().startswith("File")]
        return HostError(
            f"{self.name}: {self.hang_s} s without a call to time, a pin or a bus"
            + (f", at {where[-1]}" if where else ""),
            "a loop in the firmware never ends; it has to wait with power.wait_until",
        )

    def time_by_state_us(self) -> dict[str, int]:
        """Time awake, asleep (lightly or deeply) and off, its plug pulled, up to now."""
        return self._states.time_us(self.clock.now_us)

    # What each request does.

    def _perform(self, op: int, body: bytes) -> bytes:
        if op == pipe.SPI:
            device = self._selected.get(body[0])
            return device.transfer(body[1:]) if device else bytes(len(body) - 1)
        if op == pipe.I2C_WRITE:
            return self._i2c.get((body[0], body[1]), I2cBus()).write(body[2], body[3:])
        if op == pipe.I2C_READ:
            return self._i2c.get((body[0], body[1]), I2cBus()).read(body[2], body[3])
        if op == pipe.ONE_WIRE:
            return self._one_wire.get(body[0], OneWireBus(())).serve(body[1], body[2:])
        if op == pipe.PIN_GET:
            return bytes((self._level(body[0], body[1]),))
        if op == pipe.PIN_SET:
            self._set(body[0], body[1])
        elif op == pipe.PIN_IRQ:
            self._triggers[body[0]] = body[1]
        elif op == pipe.UART:
            lines = (body[1], body[2])
            port = self._uart.setdefault(lines, UartPort(self.clock, self.family))
            return port.perform(body[0], body[3:])
        elif op == pipe.ADC:
            return struct.pack("<H", self._adc[body[0]]() if body[0] in self._adc else 0)
        elif op == pipe.RTC:
            self.rtc_memory = body
        elif op == pipe.PULSE:
            return serve(self._pulses, body, self.clock.now_us, self.timing.clock_ppm)
        elif op == pipe.BOOT:
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
        if kind == pipe.POST_ERASE:
            self.wear.erases[number] = self.wear.erases.get(number, 0) + 1
        elif kind == pipe.POST_PROGRAM:
            self.wear.programs += 1
        elif kind == pipe.POST_SLEEP:
            self._states.enter("asleep" if level else "awake", at_us)
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
        start = len(self.starts)
        stream = random.Random(f"{self._seed}/{self.name}/{start}")
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
            # only ESP32's runs on through a reset
            "clock_began_us": 0
            if self.family == "rp2040"
            else self.timing.counted_us(self.clock.now_us),
            **COSTS_US[self.family],
        }
