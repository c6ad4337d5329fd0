# SPDX-License-Identifier: MIT
"""The boot loader of a virtual ESP32: the real esptool at its port, and the bytes in its flash."""

import hashlib
import struct

import pytest
import serial
from programs import HANG_S, esptool, mpremote, wait_for

from host import boards
from simulator import stand_in
from simulator.flash_chip import image_problem
from simulator.virtual_board import VirtualBoard

BOARD = "ttgo-lora32-v2_1"
MAC = bytes.fromhex("240ac4071071")
OFFSET = 0x1000
IMAGE = stand_in.image(boards.boards()[BOARD], size=30000)


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """One chip for all tests; each of them erases what it writes to."""
    flash = tmp_path_factory.mktemp("esp32") / "flash"
    with VirtualBoard(BOARD, flash, "bootloader", unique_id=MAC) as made:
        yield made


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "image.bin"
    path.write_bytes(IMAGE)
    return path


def in_flash(board):
    return board.flash.read(OFFSET, len(IMAGE))


def test_it_says_which_chip_it_is(board):
    status, told = esptool(board, "flash-id")
    assert status == 0
    assert "ESP32-PICO-D4 (revision v1.0)" in told and "Crystal frequency:  40MHz" in told
    assert "24:0a:c4:07:10:71" in told and "Detected flash size: 4MB" in told


@pytest.mark.parametrize(
    "options",
    [("write-flash",), ("write-flash", "--no-compress"), ("--no-stub", "write-flash"),
     ("--no-stub", "write-flash", "--no-compress"), ("--baud", "460800", "write-flash")],
    ids=" ".join,
)  # fmt: skip
def test_an_image_is_written_and_started(board, file, options):
    board.flash.erase(0, board.flash.size)
    board.flash.write(0, bytes(0x40000))  # what is there has to be erased, no more than that
    end = (OFFSET + len(IMAGE) + 4095) // 4096 * 4096
    status, told = esptool(board, *options, hex(OFFSET), file)
    assert status == 0 and "Hash of data verified" in told
    assert in_flash(board) == IMAGE
    assert board.flash.read(0, OFFSET) == bytes(OFFSET)
    assert board.flash.read(end - 4, 8) == b"\xff" * 4 + bytes(4)
    wait_for(lambda: board.mode == "micropython")
    assert mpremote(board, "eval", "__import__('os').listdir()") == (0, "['boot.py']\n")
    assert board.flash.filesystem == (2 << 20, 2 << 20)


def test_flash_is_read_back_and_compared(board, file, tmp_path):
    board.flash.erase(0, board.flash.size)
    board.flash.write(OFFSET, IMAGE)
    assert esptool(board, "verify-flash", hex(OFFSET), file)[0] == 0
    back = tmp_path / "back.bin"
    for words in (("read-flash", "0x8000", "0x9000"), ("--no-stub", "read-flash", "8192", "500")):
        assert esptool(board, *words, back)[0] == 0
        assert back.read_bytes() == board.flash.read(int(words[-2], 0), int(words[-1], 0))
    board.flash.write(OFFSET + 0xF100, bytes(4))
    assert esptool(board, "verify-flash", hex(OFFSET), file)[0] != 0


def test_erased_flash_has_no_program_and_esptool_still_gets_in(board, file):
    board.flash.erase(0, board.flash.size)
    board.flash.write(OFFSET, IMAGE)
    assert esptool(board, "erase-region", "0x10000", "0x1000")[0] == 0
    assert board.flash.read(0x10000, 0x1000) == b"\xff" * 0x1000
    assert board.flash.read(0x8000, 2) == b"\xaa\x50"
    assert esptool(board, "erase-flash")[0] == 0
    assert board.flash.read(0, board.flash.size) == b"\xff" * board.flash.size
    wait_for(lambda: board.mode == "no program")
    with serial.Serial(board.port, 115200, timeout=HANG_S) as line:
        assert b"invalid header: 0xffffffff\r\n" in line.read_until(b"fff\r\n")
    assert esptool(board, "write-flash", hex(OFFSET), file)[0] == 0
    assert in_flash(board) == IMAGE


@pytest.mark.parametrize("stub", [(), ("--no-stub",)], ids=["stub", "rom"])
def test_a_cable_pulled_while_it_writes(board, file, stub):
    board.flash.erase(0, board.flash.size)
    board.flash.write(OFFSET, bytes(len(IMAGE)))
    digest = hashlib.sha256(IMAGE).hexdigest()
    board.cut_after(to_board=40000)  # the stub itself takes some 9000 of them
    assert esptool(board, *stub, "write-flash", "--no-compress", hex(OFFSET), file)[0] != 0
    assert board.pulled.wait(HANG_S) and board.mode == "unplugged"
    assert hashlib.sha256(in_flash(board)).hexdigest() != digest
    assert in_flash(board)[: 16 << 10] == IMAGE[: 16 << 10]
    # the stub erases as it writes, the ROM at the beginning
    assert in_flash(board)[-4:] == (b"\xff" * 4 if stub else bytes(4))
    board.plug_in()
    assert board.mode == "no program"
    assert esptool(board, *stub, "write-flash", hex(OFFSET), file)[0] == 0
    assert hashlib.sha256(in_flash(board)).hexdigest() == digest


def test_a_silent_board_is_reset_by_esptool_unless_it_has_no_circuit_for_that(board, tmp_path):
    board.become("silent")
    assert esptool(board, "read-mac")[0] == 0
    flash = tmp_path / "flash"
    with VirtualBoard(BOARD, flash, auto_reset=False) as other:
        assert esptool(other, "--connect-attempts", "1", "read-mac")[0] != 0
        assert other.mode == "micropython"


def test_a_program_that_is_no_micropython_says_nothing(board):
    board.flash.erase(0, board.flash.size)
    board.flash.write(OFFSET, IMAGE[:0xF000] + stand_in.esp32_image(b"blink"))
    board.press_reset()
    assert board.mode == "silent"


def damaged(at):
    image = bytearray(stand_in.esp32_image(b"program" * 20))
    image[at] ^= 1
    return bytes(image)


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        (stand_in.esp32_image(b"program"), ""),
        (stand_in.esp32_image(b"program", chip_id=9), "mismatch chip ID, expected 0, found 9"),
        (damaged(0), "invalid header"),
        (damaged(40), "Checksum failed"),
        (damaged(-1), "Image hash failed"),
        (stand_in.esp32_image(b"program" * 20)[:60], "invalid segment length"),
        (b"\xff" * 4096, "invalid header: 0xffffffff"),
    ],
)
def test_an_image_is_checked_as_the_boot_loader_does(image, problem):
    assert image_problem(image).startswith(problem) and bool(image_problem(image)) == bool(problem)


def test_a_line_at_speed_follows_the_baud_rate_that_the_boot_loader_is_told(tmp_path):
    change = struct.pack("<BBHIII", 0, 0x0F, 8, 0, 460800, 115200)  # no byte of it is escaped
    with VirtualBoard(BOARD, tmp_path / "flash", "bootloader", at_speed=True) as slow:
        assert slow.bytes_per_s == 11520
        with serial.Serial(slow.port, timeout=HANG_S) as line:
            line.write(b"\xc0" + change + b"\xc0")
            answer = line.read(14)
        assert answer[1:3] == b"\x01\x0f"
        wait_for(lambda: slow.bytes_per_s == 46080)
        slow.become("bootloader")
        assert slow.bytes_per_s == 11520
