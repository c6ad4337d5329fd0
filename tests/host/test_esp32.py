# SPDX-License-Identifier: MIT
"""host.esp32: images are judged byte by byte, and esptool itself judges those of these tests."""

import subprocess
import sys

import pytest
from micropython_images import ROWS, esp_image, partition_table
from micropython_images import esp32 as download

from host import esp32
from host.errors import HostError

GOOD = download()


def test_esptool_finds_the_images_of_these_tests_valid(tmp_path):
    for name, data in (("loader", GOOD), ("app", GOOD[0xF000:])):
        (tmp_path / name).write_bytes(data)
        words = [sys.executable, "-m", "esptool", "--chip", "esp32", "image-info", tmp_path / name]
        done = subprocess.run(words, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.count("(valid)") == 2, done.stdout  # checksum and hash


def test_a_whole_image_gives_its_partitions():
    rows = [(row.kind, row.offset, row.size, row.label) for row in esp32.check(GOOD)]
    assert rows == [(row[0], row[2], row[3], row[4]) for row in ROWS]


@pytest.mark.parametrize("hashed", [True, False])
@pytest.mark.parametrize("sizes", [(0,), (1,), (3, 255), (256, 257), (4096,), (1000, 0, 7)])
def test_a_checksum_is_right_for_segments_of_any_length(sizes, hashed):
    image = esp_image(*(bytes(n * 7 % 256 for n in range(size)) for size in sizes), hashed=hashed)
    assert esp32.check_image(image + b"rest", "application") == len(image)


@pytest.mark.parametrize(
    "place", [0, 24 + 8, 24 + 8 + 499, 0x7001, 0x7000 + 6, 0xF000, 0xF000 + 40, len(GOOD) - 1]
)
def test_a_wrong_bit_anywhere_is_found(place):
    data = bytearray(GOOD)
    data[place] ^= 1
    with pytest.raises(HostError):
        esp32.check(bytes(data))


@pytest.mark.parametrize("length", [0, 1, 23, 24, 30, 600, 0x6FFF, 0x7040, 0xF000, len(GOOD) - 1])
def test_an_image_that_ends_early_is_found(length):
    with pytest.raises(HostError) as error:
        esp32.check(GOOD[:length])
    assert error.value.next_step


@pytest.mark.parametrize(("chip", "name"), [(2, "ESP32-S2"), (9, "ESP32-S3"), (5, "ESP32-C3")])
def test_an_image_for_another_chip_names_it(chip, name):
    with pytest.raises(HostError, match=f"the boot loader is for the {name}, not for the ESP32"):
        esp32.check(download(loader=esp_image(b"x", chip=chip)))
    with pytest.raises(HostError, match=f"the application is for the {name}, not"):
        esp32.check(download(app=esp_image(b"x", chip=chip)))


def test_a_file_that_is_no_image_says_so():
    with pytest.raises(HostError, match="no ESP32 boot loader: it does not begin with E9"):
        esp32.check(b"<!DOCTYPE html>" * 10000)
    with pytest.raises(HostError, match="no partition table"):
        esp32.check(download(table=b"\xff" * 0xC00))
    with pytest.raises(HostError, match="no application"):
        esp32.check(download(table=partition_table(*ROWS[:2])))


def test_the_filesystem_has_what_the_partitions_leave():
    rows = esp32.check(GOOD)
    assert esp32.filesystem(rows, 4 << 20) == (0x200000, 0x200000)
    assert esp32.filesystem(rows, 8 << 20) == (0x200000, 0x600000)


def test_a_partition_of_its_own_is_taken_as_it_is():
    table = partition_table(*ROWS, (1, 0x81, 0x310000, 0xF0000, "vfs"))
    assert esp32.filesystem(esp32.check(download(table=table)), 4 << 20) == (0x310000, 0xF0000)


def test_no_room_for_files_is_said():
    with pytest.raises(HostError, match="no room for files"):
        esp32.filesystem(esp32.check(GOOD), 0x200000)


def test_an_esptool_that_never_ends_is_stopped_and_said(tmp_path, monkeypatch):
    monkeypatch.setattr(esp32, "_TIMEOUT_S", 0.01)
    with pytest.raises(HostError, match="did not finish: error: the board stopped") as error:
        esp32.write(str(tmp_path / "port"), {0x1000: b"data"})
    assert error.value.code == ""  # something may have been written
