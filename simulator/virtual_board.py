# SPDX-License-Identifier: MIT
"""A virtual board at a serial port, in real time: what flashing and provisioning are tried on."""

import os
import queue
import secrets
import select
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from host import boards, image
from host.errors import HostError, WrongUse, meant
from simulator import scenario as scenarios
from simulator import stand_in
from simulator.air import Place
from simulator.family import says
from simulator.flash_chip import FlashChip
from simulator.fleet import Freezable, make_world, wire, wire_radio
from simulator.neighbourhood import Neighbourhood
from simulator.port import FLUSH_S, CablePulled, Port
from simulator.rom_loader import SYNC, RomLoader
from simulator.terminal import LiveBoard
from simulator.uf2_drive import Uf2Drive, free

MICROPYTHON, BOOTLOADER, SILENT, GARBAGE, UNPLUGGED = MODES = (
    "micropython", "bootloader", "silent", "garbage", "unplugged"
)  # fmt: skip
NO_PROGRAM = "no program"  # ESP32: its boot loader says so for ever
_OUI = bytes.fromhex("240ac4")  # Espressif's
_BITS_A_BYTE = 10  # start and stop are two
_REAL_BYTES_PER_S = 115200 // _BITS_A_BYTE
_SLICE_S = 0.02
_WAIT_S = 60
_NOWHERE = Path(os.devnull)


class VirtualBoard:
    """A board of boards.toml in a thread of its own: `with VirtualBoard(...) as board: board.port`.

    `flash` is the file that holds its flash chip; a new one holds a MicroPython (a stand-in, its
    image is never executed) and an empty filesystem with `files`, or nothing at all when the board
    starts as `mode="bootloader"`. Its MicroPython is the unix port. `unique_id`: its MAC (6 bytes)
    or flash id (8), else one is drawn and kept in the file FLASH.id. `kit`: the sensors that it
    has; else those of the config that it was provisioned with. `filesystem_kib` makes its
    filesystem smaller, `says_too` its MicroPython another (family.says), `at_speed` flash and line
    as slow as real ones.

    A pseudo-terminal has no DTR and RTS, with which esptool resets an ESP32 to its boot loader and
    out of it again: with `auto_reset` the first bytes of esptool do the one, and its end the other.

    `network`: a gateway with a small network is in its air, which knows it; `server`: the gateway
    speaks to a network server at this (host, port) instead. Without both nobody hears it.
    """

    def __init__(
        self,
        board: boards.Board | str,
        flash: Path,
        mode: str = MICROPYTHON,
        *,
        unique_id: bytes | None = None,
        link: Path | None = None,
        drive: Path | None = None,
        kit: str | None = None,
        files: dict[str, bytes] | None = None,
        filesystem_kib: int | None = None,
        says_too: dict[str, object] | None = None,
        at_speed: bool = False,
        auto_reset: bool = True,
        tell: Callable[[str], None] = lambda line: None,
        seed: int = 71,
        network: bool = False,
        server: tuple[str, int] | None = None,
    ):
        self.board = board if isinstance(board, boards.Board) else _board(board)
        if mode not in MODES:
            raise WrongUse(f"unknown mode '{mode}'", meant(mode, MODES))
        new = not flash.exists()
        self.flash = FlashChip(flash, self.board, filesystem_kib)
        if new and mode != BOOTLOADER:
            self._fill(files or {})
        self.unique_id = unique_id or self._kept_id()
        if len(self.unique_id) != (6 if self.flash.esp32 else 8):
            step = "ESP32: the 6 bytes of its MAC, RP2040: the 8 of its flash"
            raise WrongUse(f"a unique id of {len(self.unique_id)} bytes", step)
        self.mode = UNPLUGGED
        self._tell = tell
        self.pulled = threading.Event()  # the cable was pulled where `cut_after` had said
        self._first_mode, self._seed, self._kit, self._fitted = mode, seed, kit, ""
        self._says = says(self.board.chip, self.board.micropython, says_too)
        self._at_speed, self._auto_reset = at_speed, auto_reset
        self._port = Port(_REAL_BYTES_PER_S if at_speed else 0, link)
        self._log = _NOWHERE.open("wb")
        self._near: Neighbourhood | None = None
        if network or server:
            memory = flash.with_name(flash.name + ".network")
            self._near = Neighbourhood(self.unique_id, memory, seed, tell, server)
        self._live: LiveBoard | None = None
        self._loader: RomLoader | None = None
        self._drive: Uf2Drive | None = None
        self.drive = drive or flash.with_name(flash.name + ".drive")
        free(self.drive)
        self._asked: queue.Queue[Callable[[], None]] = queue.Queue()
        self._wake, self._woken = -1, -1
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def _fill(self, files: dict[str, bytes]) -> None:
        """The flash of a board on which MicroPython was installed."""
        data = stand_in.image(self.board)
        if self.flash.esp32:
            self.flash.write(self.board.flash_offset or 0, data)
        else:
            for at in range(0, len(data), 512):
                self.flash.write(at // 2, data[at + 32 : at + 288])
        offset, size = self.flash.filesystem
        self.flash.write(offset, image.build(files, size // 4096))

    def _kept_id(self) -> bytes:
        path = self.flash.path.with_name(self.flash.path.name + ".id")
        if not path.exists():
            own = _OUI + secrets.token_bytes(3) if self.flash.esp32 else secrets.token_bytes(8)
            path.write_text(own.hex() + "\n")
        return bytes.fromhex(path.read_text().strip())

    # From any thread.

    def __enter__(self) -> "VirtualBoard":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Plug it in."""
        self.flash.hold()
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._woken, False)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=self.board.name, daemon=True)
        self._thread.start()
        try:
            self._do(lambda: self._begin(self._first_mode))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Pull it out for good; its flash stays in the file."""
        if self._thread is None:
            return
        self._stopping = True
        os.write(self._wake, b"!")
        self._thread.join(_WAIT_S)
        self._thread = None
        self._port.close()
        if self._near is not None:
            self._near.close()
        os.close(self._wake)
        os.close(self._woken)
        self.flash.release()
        if self._error is not None:
            raise self._error

    @property
    def port(self) -> str:
        """What a program opens: /dev/pts/N, another one each time it is plugged in."""
        return self._port.path

    @property
    def starts(self) -> list[str]:
        """Why its MicroPython started, each time since it last came from the boot loader."""
        return [why for _, why in self._live.starts] if self._live is not None else []

    @property
    def bytes_per_s(self) -> int:
        """How fast its line is, 0 for as fast as it goes."""
        return self._port.bytes_per_s

    def press_reset(self) -> None:
        """Press its reset button."""
        self._do(lambda: self._begin(MICROPYTHON))

    @property
    def place(self) -> str:
        """Where it is found now: its port, or the folder that is its drive, "" when unplugged."""
        if self.mode == UNPLUGGED:
            return ""
        return str(self.drive) if self._drive is not None else self.port

    def facts(self) -> dict[str, str | None]:
        """Who and where it is."""
        in_drive = self._drive is not None
        return {
            "board": self.board.name,
            "unique_id": self.unique_id.hex(),
            "mode": self.mode,
            "port": None if in_drive else self.port,
            "drive": str(self.drive) if in_drive else None,
            "flash": str(self.flash.path),
        }

    @property
    def running(self) -> bool:
        """False once something went wrong in its thread; `stop` raises it."""
        return self._error is None

    def become(self, mode: str) -> None:
        """Begin anew in another mode, "unplugged" for one without power."""
        self._do(lambda: self._begin(mode))

    def plug_in(self) -> None:
        """Plug it in again, as it was first; nothing is left of what `cut_after` had said."""
        self.pulled.clear()
        self.cut_after()
        self.become(MICROPYTHON)

    def cut_after(self, to_board: int | None = None, to_host: int | None = None) -> None:
        """Pull the cable, power too, after so many further bytes in one direction."""

        def cut() -> None:
            self._port.to_board_left, self._port.to_host_left = to_board, to_host
            if self._drive is not None:
                self._drive.bytes_left = to_board

        self._do(cut)

    def _do(self, action: Callable[[], None]) -> None:
        """Have the thread do it, and wait for that. What goes wrong is raised here."""
        done, problems = threading.Event(), []

        def act() -> None:
            try:
                action()
            except Exception as error:
                problems.append(error)
            done.set()

        self._asked.put(act)
        os.write(self._wake, b"!")
        if not done.wait(_WAIT_S):
            raise self._error or HostError(f"the virtual {self.board.name} does not react")
        if problems:
            raise problems[0]

    # In its thread.

    def _run(self) -> None:
        try:
            while not self._stopping:
                try:
                    self._turn()
                except CablePulled:
                    self._port.to_board_left = self._port.to_host_left = None
                    self._begin(UNPLUGGED)
                    self.pulled.set()
        except BaseException as error:
            self._error = error
        finally:
            self._begin(UNPLUGGED)

    def _turn(self) -> None:
        while not self._asked.empty():
            self._asked.get()()
        running = self.mode == MICROPYTHON and self._live is not None
        if running and self._live is not None:
            self._live.turn(1.0, self._also())
            if self._live.left:
                self._begin(BOOTLOADER)
        else:
            self._wait()
        if self._near is not None:
            self._near.go_on(alone=not running)
        with suppress(BlockingIOError):
            os.read(self._woken, 4096)
        if self._port.seen:
            self._begin(BOOTLOADER)

    def _also(self) -> list[int]:
        """What else ends a wait when it can be read."""
        return [self._woken, *(self._near.fileno() if self._near is not None else ())]

    def _wait(self) -> None:
        """Wait until something happens at the port of a board without MicroPython."""
        if self._drive is not None:
            select.select(self._also(), [], [], _SLICE_S)
            whole = self._drive.look()
            for line in self._drive.said:
                self._tell(line)
            self._drive.said.clear()
            self._port.to_board_left = self._drive.bytes_left
            self._port.strain()
            if whole:
                self._begin(MICROPYTHON)
            return
        closed = self._port.look()
        if closed and self._loader is not None and self._loader.synced:
            self._begin(MICROPYTHON)  # the tool lets go of the reset line
            return
        reads = self._also() + [self._port.fileno()] * self._port.attached
        idle = self.mode == UNPLUGGED and self._near is None
        slice_s = None if idle else FLUSH_S if self._port.waits else _SLICE_S
        writes = [self._port.fileno()] if self._port.waits else []
        ready, _, _ = select.select(reads, writes, [], slice_s)
        if self._port.attached:
            self._port.write(self._say(self._port.read() if self._port.fileno() in ready else b""))
        self._port.flush()
        self._port.strain()
        if self._loader is not None and self._at_speed:
            self._port.bytes_per_s = self._loader.baud // _BITS_A_BYTE
        if self._loader is not None and self._loader.left:
            self._begin(MICROPYTHON)

    def _say(self, typed: bytes) -> bytes:
        """What it says to that, without MicroPython."""
        if self._loader is not None:
            return self._loader.hear(typed)
        if self.mode == GARBAGE and typed:
            return secrets.token_bytes(len(typed)) + b"\xf8\x80\x00\x06\xfe"
        if self.mode == NO_PROGRAM:
            return b"%s\r\n" % self.flash.problem().encode()
        return b""

    def _begin(self, mode: str) -> None:
        """End what it does and begin something else."""
        if self._live is not None:
            self._live.power_off()
        if self._drive is not None:
            self._drive.eject()
        self._loader, self._drive = None, None
        self._port.bytes_per_s = _REAL_BYTES_PER_S if self._at_speed else 0
        mode = self._boot() if mode == MICROPYTHON else mode
        if mode == UNPLUGGED:
            self._port.pull()
        elif mode == BOOTLOADER and not self.flash.esp32:
            self._port.pull()
            self._drive = Uf2Drive(self.drive, self.flash)
            self._drive.bytes_left = self._port.to_board_left
        else:
            self._port.open()
            by_reset = self.flash.esp32 and self._auto_reset and mode != BOOTLOADER
            self._port.watch_for, self._port.seen = SYNC if by_reset else b"", False
        if mode == MICROPYTHON:
            self._start_micropython()
        elif mode == BOOTLOADER and self.flash.esp32:
            self._loader = RomLoader(self.flash, self.unique_id)
        self.mode = mode
        self._tell(f"{mode} {self.place}".strip())

    def _boot(self) -> str:
        """What becomes of the board at a reset: it depends on what is in its flash."""
        if self.flash.problem():
            return NO_PROGRAM if self.flash.esp32 else BOOTLOADER
        whole = not self.flash.half_written.exists()
        return MICROPYTHON if whole and self.flash.holds_micropython() else SILENT

    def _start_micropython(self) -> None:
        self._fitted = ""
        self._live = live = LiveBoard(
            self.board.name, self.board.chip, self.flash.path, self._log, self._seed,
            self._port, self._says, self._at_speed, self._near.air if self._near else None,
        )  # fmt: skip
        live.unique_id = self.unique_id
        live.region = self.flash.filesystem
        live.fit = self._fit
        live.power_on()

    def _fit(self) -> None:
        """Put on its pins what it has: the sensors of its kit, and its radio."""
        live = self._live
        assert live is not None
        config = self.flash.config()
        if self._near is not None:
            self._near.meet(config)
        kit = self._kit or str(config.get("kit", ""))
        if kit == self._fitted:
            return
        live.unwire()
        self._fitted = kit
        if self._near is not None:
            station = self._near.station(self.board.name)
        else:
            station = live.air.station(self.board.name, Place(0, 0))
        if kit not in boards.kits() or boards.refusal(self.board, boards.kits()[kit]):
            wire_radio(live, self.board, station, live.clock)
            return
        usual = scenarios.find(kit)
        world = Freezable(make_world(usual.worlds[0], usual))
        wire(live, self.board, boards.kits()[kit], world, station, usual, usual.nodes[0])


def _board(name: str) -> boards.Board:
    rows = boards.boards()
    if name not in rows:
        raise WrongUse(f"unknown board '{name}'", meant(name, rows))
    return rows[name]
