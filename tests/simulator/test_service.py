# SPDX-License-Identifier: MIT
"""Service mode: the real mpremote, as a program, on a virtual board's pseudo-terminal."""

import hashlib
import subprocess
import sys
import time

import cbor2
import pytest
from littlefs import LittleFS

from host import boards, provision
from simulator.air import Place
from simulator.family import says
from simulator.fleet import wire_radio
from simulator.port import Port
from simulator.terminal import LiveBoard

HANG_S = 60
WATCHDOG_US = 8_388_000  # RP2040's longest
SLOW_BYTES_PER_S = 12000  # about 115,200 baud: the copy lasts longer than any watchdog
FILE_BYTES = 40960


class Desk:
    """A provisioned board at a slow port, and programs that talk to it."""

    def __init__(self, folder):
        self.folder = folder
        hardware, kit = boards.boards()["rpi-pico-rfm95"], boards.kits()["classroom"]
        identity = provision.new_identity("desk", bytes(7) + b"\x01")
        flash = folder / "flash"
        flash.write_bytes(provision.flash_image(hardware, kit, identity))
        self.port = Port(SLOW_BYTES_PER_S)
        self.port.open()
        self.board = LiveBoard(
            "desk", hardware.chip, flash, (folder / "log").open("wb"), 1, self.port,
            says(hardware.chip, hardware.micropython),
        )  # fmt: skip
        station = self.board.air.station("desk", Place(0, 0))
        wire_radio(self.board, hardware, station, self.board.clock)
        self.board.wire_input(hardware.button.pin, lambda: 1)
        for pin in hardware.lamp_pins():
            self.board.wire_lamp(pin)
        self.board.power_on()

    def mpremote(self, *words):
        """Run it while the board goes on; returns (exit status, output)."""
        program = subprocess.Popen(
            [sys.executable, "-m", "mpremote", "connect", self.port.path, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        end_s = time.monotonic() + HANG_S
        while program.poll() is None and time.monotonic() < end_s and not self.bitten():
            self.board.run_for(0.05)
        program.kill()
        return program.wait(), program.stdout.read()

    def why_started(self):
        return [why for _, why in self.board.starts]

    def bitten(self):
        return "watchdog" in self.why_started()

    def file_on_board(self, name):
        """What the flash holds of a file, b"" for nothing."""
        self.board.power_off()
        fs = LittleFS(block_size=4096, block_count=352, prog_size=256, mount=False)
        fs.context.buffer = bytearray((self.folder / "flash").read_bytes())
        fs.mount()
        try:
            with fs.open(name, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path)
    (tmp_path / "big.bin").write_bytes(bytes(range(256)) * (FILE_BYTES // 256))
    made.board.run_for(5)  # past the three seconds: the watchdog is armed
    yield made
    made.board.power_off()
    made.port.close()


def test_a_copy_to_a_running_node_fails_because_the_watchdog_bites(desk):
    desk.mpremote("fs", "cp", str(desk.folder / "big.bin"), ":big.bin")
    assert desk.bitten()
    desk.board.run_for(1)  # the next start
    assert len(desk.file_on_board("big.bin")) < FILE_BYTES
    # Ctrl-C came before the bite: what happened was asked for, it is no failure of a row
    starts = [desk.file_on_board(f"state/start.{slot}") for slot in (0, 1)]
    newest = max(starts, key=lambda data: int.from_bytes(data[:4], "little"))
    start = cbor2.loads(newest[4:-4])
    assert start[0] >= 2 and start[3] == 0


def test_a_copy_in_service_mode_arrives_and_the_node_goes_back_to_work(desk):
    desk.mpremote("exec", "--no-follow", "import service; service.enter()")
    desk.board.run_for(1)
    began_us = desk.board.clock.now_us
    status, output = desk.mpremote("fs", "cp", str(desk.folder / "big.bin"), ":big.bin")
    assert status == 0, output
    # by the board's clock: the line makes it last so long, on a slow machine longer still
    assert desk.board.clock.now_us - began_us > WATCHDOG_US
    status, output = desk.mpremote("fs", "sha256sum", ":big.bin")
    assert hashlib.sha256((desk.folder / "big.bin").read_bytes()).hexdigest() in output
    assert not desk.bitten()
    desk.mpremote("exec", "--no-follow", "import service; service.leave()")
    desk.board.run_for(4.5)
    status, output = desk.mpremote("exec", "import os; print(os.listdir('/'))")
    assert "big.bin" in output and "'service'" not in output
    assert desk.why_started().count("reset") == 2
