# SPDX-License-Identifier: MIT
"""host.uf2: every block is looked at, and a drive has to be the right one."""

import struct
import threading
import time

import pytest
from micropython_images import RP2040, RP2350
from micropython_images import uf2 as download

from host import uf2
from host.errors import HostError

GOOD = download()
INFO = "UF2 Bootloader v3.0\nModel: Raspberry Pi RP2\nBoard-ID: RPI-RP2\n"


def test_a_whole_file_has_its_blocks_counted():
    assert uf2.check(GOOD, RP2040) == len(GOOD) // 512 == 11


def test_a_file_for_another_chip_names_it():
    with pytest.raises(HostError, match="the file is for RP2350, the board is an RP2040"):
        uf2.check(download(family=RP2350), RP2040)
    with pytest.raises(HostError, match="the file is for family 0x12345678"):
        uf2.check(download(family=0x12345678), RP2040)
    no_family = bytearray(GOOD)
    no_family[8:12] = bytes(4)
    with pytest.raises(HostError, match="the file is for no chip"):
        uf2.check(bytes(no_family), RP2040)


@pytest.mark.parametrize("field", [0, 4, 20, 24, 28, 508, 512 * 5 + 20, len(GOOD) - 1])
def test_a_wrong_number_in_any_block_is_found(field):
    data = bytearray(GOOD)
    data[field] ^= 1
    with pytest.raises(HostError):
        uf2.check(bytes(data), RP2040)


@pytest.mark.parametrize("data", [b"", GOOD[:-1], GOOD[:-512], GOOD[512:], GOOD + GOOD])
def test_a_file_that_is_not_whole_is_found(data):
    with pytest.raises(HostError) as error:
        uf2.check(data, RP2040)
    assert error.value.next_step


@pytest.fixture
def drive(tmp_path):
    (tmp_path / "INFO_UF2.TXT").write_text(INFO)
    return tmp_path


def goes_away(drive, names):
    """As a board: it takes the file, and its drive is gone."""
    while not (drive / "micropython.uf2").exists() or (
        (drive / "micropython.uf2").stat().st_size < len(GOOD)
    ):
        time.sleep(0.01)
    names.append((drive / "micropython.uf2").read_bytes())
    (drive / "INFO_UF2.TXT").unlink()


def test_a_file_is_copied_and_the_board_restarts(drive):
    got = []
    board = threading.Thread(target=goes_away, args=(drive, got))
    board.start()
    uf2.copy(GOOD, drive, RP2040)
    board.join()
    assert got == [GOOD]


def test_a_board_that_does_not_restart_is_said(drive):
    with pytest.raises(HostError, match="did not restart"):
        uf2.copy(GOOD, drive, RP2040, wait_s=0.2)


@pytest.mark.parametrize("said", [INFO.replace("RPI-RP2", "RP2350"), "Board-ID: FEATHER\n", ""])
def test_the_drive_of_another_board_gets_nothing(drive, said):
    (drive / "INFO_UF2.TXT").write_text(said)
    with pytest.raises(HostError, match="no drive of an RP2040"):
        uf2.copy(GOOD, drive, RP2040)
    assert [path.name for path in drive.iterdir()] == ["INFO_UF2.TXT"]


def test_a_wrong_file_is_not_copied(drive):
    wrong = GOOD[:-4] + struct.pack("<I", 1)
    with pytest.raises(HostError, match="damaged"):
        uf2.copy(wrong, drive, RP2040)
    assert [path.name for path in drive.iterdir()] == ["INFO_UF2.TXT"]


def test_drives_are_told_from_other_places(drive, tmp_path):
    (tmp_path / "stick").mkdir()
    assert uf2.drives([drive, tmp_path / "stick", tmp_path / "none"]) == [drive]
