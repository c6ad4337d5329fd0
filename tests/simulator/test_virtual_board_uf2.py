# SPDX-License-Identifier: MIT
"""The boot loader of a virtual RP2040: a folder that takes UF2 files, and what is in its flash."""

import shutil
import struct

import pytest
from programs import HANG_S, mpremote, wait_for

from host import boards
from host.errors import WrongUse
from simulator import stand_in
from simulator.virtual_board import VirtualBoard

BOARD = "rpi-pico-rfm95"
UF2 = stand_in.image(boards.boards()[BOARD], size=20000)
PROGRAM = b"".join(UF2[at + 32 : at + 288] for at in range(0, len(UF2), 512))


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rp2040")
    made = VirtualBoard(BOARD, folder / "flash", "bootloader", drive=folder / "RPI-RP2")
    with made:
        yield made


@pytest.fixture
def drive(board):
    """The board with nothing in its flash, as a drive."""
    board.become("unplugged")
    board.flash.erase(0, board.flash.size)
    board.become("bootloader")
    return board


def copy(board, data, folder, name="image.uf2"):
    (folder / name).write_bytes(data)
    shutil.copy(folder / name, board.drive)


def altered(block, **fields):
    """The image with fields of one block changed."""
    names = ("magic", "magic_2", "flags", "address", "size", "number", "count", "family")
    data = bytearray(UF2)
    values = dict(zip(names, struct.unpack_from("<8I", data, block * 512), strict=True)) | fields
    struct.pack_into("<8I", data, block * 512, *values.values())
    return bytes(data)


def test_the_drive_says_what_it_is(drive):
    told = (drive.drive / "INFO_UF2.TXT").read_text()
    assert "Board-ID: RPI-RP2\n" in told and drive.mode == "bootloader"


def test_a_uf2_is_taken_and_started(drive, tmp_path):
    copy(drive, UF2, tmp_path)
    wait_for(lambda: drive.mode == "micropython")
    assert not drive.drive.exists()
    assert drive.flash.read(0, len(PROGRAM)) == PROGRAM
    begin, size = drive.flash.filesystem
    assert (begin, size) == (640 << 10, 1408 << 10)
    assert mpremote(drive, "eval", "__import__('os').listdir()") == (0, "[]\n")
    mpremote(drive, "exec", "open('/kept', 'w').close()")
    assert mpremote(drive, "bootloader")[0] == 0
    wait_for(lambda: drive.mode == "bootloader")
    copy(drive, UF2, tmp_path, "IMAGE.UF2")
    wait_for(lambda: drive.mode == "micropython")
    assert drive.flash.files() == {"kept": b""}


@pytest.mark.parametrize(
    "fields",
    [{"magic": 0}, {"family": 0xE48BFF59}, {"flags": 0}, {"flags": 0x2001},
     {"address": 0x20000000}, {"number": 9999}, {"size": 128}],
    ids=str,
)  # fmt: skip
def test_a_block_that_is_not_for_it_is_passed_over(drive, tmp_path, fields):
    copy(drive, altered(3, **fields), tmp_path)
    wait_for(lambda: drive.flash.read(len(PROGRAM) - 256, 256) == PROGRAM[-256:])
    assert drive.flash.read(3 * 256, 256) == b"\xff" * 256
    assert drive.mode == "bootloader"
    copy(drive, UF2, tmp_path, "good.uf2")
    wait_for(lambda: drive.mode == "micropython")
    assert drive.flash.read(0, len(PROGRAM)) == PROGRAM


def test_a_cable_pulled_while_it_is_copied(drive, tmp_path):
    drive.cut_after(to_board=10 * 512 + 100)
    copy(drive, UF2, tmp_path)
    assert drive.pulled.wait(HANG_S) and not drive.drive.exists()
    assert drive.flash.read(0, 2560) == PROGRAM[:2560]
    assert drive.flash.read(2560, 256) == b"\xff" * 256
    drive.plug_in()
    assert drive.mode == "silent"  # what it starts ends somewhere
    drive.become("bootloader")
    copy(drive, UF2, tmp_path)
    wait_for(lambda: drive.mode == "micropython")


def test_without_a_program_it_is_a_drive_at_every_start(drive):
    drive.press_reset()
    assert drive.mode == "bootloader" and drive.drive.is_dir()


def test_a_folder_with_files_of_somebody_is_no_drive(tmp_path):
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "thesis").write_text("mine")
    with pytest.raises(WrongUse, match="documents has files in it"):
        VirtualBoard(BOARD, tmp_path / "flash", "bootloader", drive=tmp_path / "documents")
    assert (tmp_path / "documents" / "thesis").read_text() == "mine"


def test_a_start_that_fails_leaves_the_flash_to_the_next(tmp_path):
    (tmp_path / "link").write_text("mine")
    first = VirtualBoard(BOARD, tmp_path / "flash", link=tmp_path / "link")
    for _ in range(2):
        with pytest.raises(WrongUse, match="is there, and is no link"):
            first.start()
    with VirtualBoard(BOARD, tmp_path / "flash"):
        assert (tmp_path / "link").read_text() == "mine"


def test_a_flash_is_of_one_board_at_a_time(tmp_path):
    other = VirtualBoard(BOARD, tmp_path / "flash")
    taken = pytest.raises(WrongUse, match="another virtual board has ")
    with VirtualBoard(BOARD, tmp_path / "flash"), taken:
        other.start()
    with other:
        assert other.mode == "micropython"
