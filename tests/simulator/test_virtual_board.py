# SPDX-License-Identifier: MIT
"""A virtual board with MicroPython: the real mpremote at its port, and the bytes in its flash."""

import ast
import contextlib
import json
import shutil
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import serial
from click.testing import CliRunner
from programs import HANG_S, mpremote, wait_for

from host import boards, files, image, provision
from host.cli import cli
from host.errors import WrongUse
from host.ledgers import default_path
from simulator.flash_chip import FlashChip
from simulator.virtual_board import VirtualBoard

ESP32, RP2040 = "ttgo-lora32-v2_1", "rpi-pico-rfm95"
WHO = (
    "import sys, os, machine; s = sys.implementation;"
    "print(sys.platform, os.uname().sysname, s._mpy, s._build, machine.unique_id().hex(), end='|');"
    "print(s._machine, end='|'); f = os.statvfs('/'); print(f[0] * f[2], end='')"
)
FLOOD = b"while True:\n    print('x' * 60)\n"
COUNT = b"with open('log', 'a') as file:\n    file.write('m')\n"


@pytest.fixture(scope="module", params=[ESP32, RP2040])
def board(request, tmp_path_factory):
    flash = tmp_path_factory.mktemp("board") / "flash"
    with VirtualBoard(request.param, flash, files={"kept.txt": b"kept"}) as made:
        mpremote(made, "exec", "pass")  # it has started, and said so
        yield made


@pytest.fixture
def once(tmp_path):
    """A function that makes a board for one test."""
    made = []

    def make(name=RP2040, **options):
        made.append(VirtualBoard(name, tmp_path / "flash", **options))
        made[-1].start()
        return made[-1]

    yield make
    for each in made:
        each.stop()


def scan(hardware):
    """The program that prints who is on the board's I2C bus."""
    bus = hardware.i2c
    return (
        "from machine import I2C, Pin;"
        f"print(I2C({bus.id}, scl=Pin({bus.scl}), sda=Pin({bus.sda})).scan())"
    )


def heard(board, wanted, typed=b""):
    """All that comes over the line until these bytes have."""
    with serial.Serial(board.port, 115200, timeout=HANG_S) as line:
        line.write(typed)
        return line.read_until(wanted)


def clock_of(board):
    """What `mpremote rtc` says, which begins with a soft reset."""
    status, told = mpremote(board, "rtc")
    assert status == 0, told
    year, month, day, weekday, hour, minute, second, part_us = ast.literal_eval(told)
    shown = datetime(year, month, day, hour, minute, second)
    assert weekday == shown.weekday() and 0 <= part_us < 1000000
    return shown


def test_mpremote_sets_its_clock_which_outlives_soft_resets_but_not_the_power(board):
    second = timedelta(seconds=1)
    before = datetime.now()
    assert clock_of(board).year == 2021  # as of every board that nobody has told
    assert mpremote(board, "rtc", "--set") == (0, "")
    for _ in range(2):
        assert before - second <= clock_of(board) <= datetime.now() + second
    status, told = mpremote(board, "exec", "import time; print(time.time(), time.localtime()[:6])")
    since_2000_s, _, date = told.partition(" ")
    assert status == 0
    shown = datetime(*ast.literal_eval(date))
    assert abs((shown - datetime(2000, 1, 1)).total_seconds() - int(since_2000_s)) <= 1
    for leap in ("2024, 2, 29", "2024, 12, 31", "2100, 3, 1", "2000, 1, 1"):
        code = f"import machine; r = machine.RTC(); r.datetime(({leap}, 0, 23, 59, 58, 7));"
        assert mpremote(board, "exec", code + "print(r.datetime()[:3])")[1] == f"({leap})\n"
    board.press_reset()
    assert clock_of(board).year == 2021


def test_it_tells_of_the_board_that_it_is(board):
    status, told = mpremote(board, "exec", WHO)
    own, machine, size = told.split("|")
    expected = {
        ESP32: (f"esp32 esp32 11014 LILYGO_TTGO_LORA32 {board.unique_id.hex()}",
                "LILYGO TTGO LoRa32 with ESP32", "2097152"),
        RP2040: (f"rp2 rp2 4870 RPI_PICO {board.unique_id.hex()}",
                 "Raspberry Pi Pico with RP2040", "1441792"),
    }  # fmt: skip
    assert status == 0 and (own, machine, size) == expected[board.board.name]


def test_files_are_in_the_filesystem_of_the_chip_and_nowhere_else(board, tmp_path):
    begin, size = board.flash.filesystem
    before = board.flash.read(0, begin)
    data = bytes(range(256)) * 100
    (tmp_path / "big.bin").write_bytes(data)
    assert mpremote(board, "fs", "cp", tmp_path / "big.bin", ":big.bin")[0] == 0
    assert mpremote(board, "fs", "mkdir", ":folder")[0] == 0
    assert board.flash.files() == board.flash.files() | {"big.bin": data, "kept.txt": b"kept"}
    assert board.flash.read(0, begin) == before
    assert begin + size == {ESP32: 4 << 20, RP2040: 2 << 20}[board.board.name]
    assert mpremote(board, "fs", "cp", ":big.bin", tmp_path / "back.bin")[0] == 0
    assert (tmp_path / "back.bin").read_bytes() == data


def test_a_program_that_starts_by_itself_and_floods_is_interrupted(board, tmp_path):
    (tmp_path / "main.py").write_bytes(FLOOD)
    mpremote(board, "fs", "cp", tmp_path / "main.py", ":main.py")
    board.press_reset()
    assert b"x" * 60 in heard(board, b"x" * 60)
    assert mpremote(board, "eval", "6 * 7") == (0, "42\n")
    assert mpremote(board, "fs", "rm", ":main.py")[0] == 0


def test_main_runs_after_a_reset_and_not_after_mpremote_has_come(board, tmp_path):
    (tmp_path / "main.py").write_bytes(COUNT)
    (tmp_path / "boot.py").write_bytes(COUNT.replace(b"'m'", b"'b'"))
    for name in ("main.py", "boot.py"):
        mpremote(board, "fs", "cp", tmp_path / name, f":{name}")
    mpremote(board, "exec", "import os; os.remove('log')")
    board.press_reset()
    wait_for(lambda: board.flash.files().get("log") == b"bm")
    mpremote(board, "exec", "pass")
    assert board.flash.files()["log"] == b"bmb"
    mpremote(board, "exec", "--no-follow", "import machine; machine.reset()")
    wait_for(lambda: board.flash.files()["log"].endswith(b"bm"))
    assert "reset" in board.starts
    mpremote(board, "fs", "rm", ":main.py", ":boot.py", ":log")


def test_an_armed_watchdog_bites_at_the_prompt(board):
    mpremote(board, "exec", "--no-follow", "import machine; machine.WDT(timeout=2000)")
    wait_for(lambda: "watchdog" in board.starts)
    assert mpremote(board, "eval", "1") == (0, "1\n")


def test_ctrl_d_at_the_prompt_is_a_soft_reboot_that_says_so(board):
    told = heard(board, b"information.\r\n>>> ", b"\x04")
    assert b"MPY: soft reboot\r\nMicroPython " in told
    assert board.starts[-1] == "soft_reset"


@pytest.mark.parametrize("direction", ["to_board", "to_host"])
def test_a_cable_is_pulled_after_so_many_bytes(board, tmp_path, direction):
    part = tmp_path / f"{direction}.bin"
    part.write_bytes(bytes(30000))
    board.cut_after(**{direction: 5000 if direction == "to_board" else 300})
    assert mpremote(board, "fs", "cp", part, f":{part.name}")[0] != 0
    assert board.pulled.wait(HANG_S) and board.mode == "unplugged"
    kept = board.flash.files()
    assert kept["kept.txt"] == b"kept" and len(kept.get(part.name, b"")) < 30000
    board.plug_in()
    assert mpremote(board, "fs", "cp", part, f":{part.name}")[0] == 0
    assert board.flash.files()[part.name] == bytes(30000)


def test_a_full_disk_says_so(once, tmp_path):
    board = once(filesystem_kib=64)
    (tmp_path / "big.bin").write_bytes(bytes(80000))
    status, told = mpremote(board, "fs", "cp", tmp_path / "big.bin", ":big.bin")
    assert status != 0 and "ENOSPC" in told.upper().replace("NO SPACE", "ENOSPC")


def test_one_that_is_asleep_says_nothing(once):
    board = once(mode="silent")
    with serial.Serial(board.port, 115200, timeout=0.3) as line:
        line.write(b"\r\x03\r\x01")
        assert line.read(1) == b""


def test_one_can_answer_garbage(once):
    board = once(mode="garbage")
    told = heard(board, b"\xf8\x80\x00\x06\xfe", b"\r\x03\r\x01")
    assert told.endswith(b"\xf8\x80\x00\x06\xfe") and b"REPL" not in told


def test_a_stopped_board_is_the_same_one_when_it_starts_again(once, tmp_path):
    first = once(link=tmp_path / "port")
    assert (tmp_path / "port").readlink().as_posix() == first.port
    mpremote(first, "exec", "open('/note', 'w').close()")
    first.stop()
    assert not (tmp_path / "port").is_symlink()
    second = once()
    assert second.unique_id == first.unique_id and len(second.unique_id) == 8
    assert "note" in second.flash.files()
    other = VirtualBoard(RP2040, tmp_path / "other")
    assert other.unique_id != first.unique_id


def test_an_esp32_refuses_to_start_on_a_filesystem_that_it_cannot_read(once, tmp_path):
    board = once(ESP32, mode="unplugged")
    begin, size = board.flash.filesystem
    board.flash.write(begin, bytes(size))
    board.plug_in()
    assert b"corrupted" in heard(board, b"corrupted")
    assert b">>> " in heard(board, b">>> ", b"\x03")
    assert board.flash.read(begin, 4096) == bytes(4096)


def test_an_rp2040_formats_what_it_cannot_read(once):
    board = once(mode="unplugged", files={"kept.txt": b"kept"})
    begin, size = board.flash.filesystem
    board.flash.write(begin, bytes(size))
    board.plug_in()
    assert mpremote(board, "eval", "__import__('os').listdir()") == (0, "[]\n")


def test_sensors_can_be_on_a_board_before_it_is_provisioned(once):
    board = once(kit="classroom", says_too={"mpy": 5})
    assert mpremote(board, "exec", scan(board.board)) == (0, "[98]\n")
    assert mpremote(board, "eval", "__import__('sys').implementation._mpy") == (0, "5\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "broken"}, "unknown mode"),
        ({"unique_id": bytes(6)}, "6 bytes"),
        ({"board": "no-such"}, "unknown board"),
    ],
)
def test_wrong_use_is_named(tmp_path, options, message):
    with pytest.raises(WrongUse, match=message):
        VirtualBoard(**{"board": RP2040, "flash": tmp_path / "flash"} | options)


def test_the_flash_of_another_board_is_refused(tmp_path):
    VirtualBoard(RP2040, tmp_path / "flash")
    with pytest.raises(WrongUse, match="2097152 bytes"):
        VirtualBoard(ESP32, tmp_path / "flash")


@pytest.mark.parametrize("name", [ESP32, RP2040])
def test_a_provisioned_board_runs_the_firmware_with_the_chips_of_its_kit(once, name):
    hardware, kit = boards.boards()[name], boards.kits()["classroom"]
    identity = provision.new_identity("desk", bytes(8))
    files = image.firmware() | provision.records(hardware, kit, identity)
    board = once(name, files={path.lstrip("/"): data for path, data in files.items()})
    assert board.flash.config()["name"] == "desk"
    with serial.Serial(board.port, 115200, timeout=HANG_S) as line:
        board.press_reset()
        assert b"node071 desk start " in line.read_until(b"\n")
    assert mpremote(board, "exec", scan(hardware)) == (0, "[98]\n")  # SCD41: 0x62
    assert mpremote(board, "exec", "--no-follow", "import service; service.enter()")[0] == 0
    wait_for(lambda: "service" in board.flash.files())
    wait_for(lambda: "reset" in board.starts)


@contextlib.contextmanager
def program(*words):
    """The command as a program: what it says of itself; Ctrl-C at the end, which it takes well."""
    with subprocess.Popen(
        [sys.executable, "-m", "host.cli", "virtual-board", *map(str, words), "--json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as running:
        lines = iter(running.stdout.readline, "}\n")
        yield json.loads("".join(lines) + "}")
        running.send_signal(signal.SIGINT)
        assert running.wait(HANG_S) == 0


def test_the_command_says_where_it_is_and_ends_by_ctrl_c(tmp_path):
    with (
        program("--board", ESP32, "--flash", tmp_path / "flash") as facts,
        serial.Serial(facts["port"], 115200, timeout=HANG_S) as line,
    ):
        line.write(b"\r\x03")
        assert b">>> " in line.read_until(b">>> ")
    assert facts["board"] == ESP32 and facts["drive"] is None
    assert facts["ledger"] == str(default_path(practice=True)) != str(default_path())
    chip = (tmp_path / "flash").stat()
    assert (chip.st_size, chip.st_mode & 0o777) == (4 << 20, 0o600)


def test_a_new_board_comes_with_somebodys_firmware_and_no_identity(tmp_path):
    own = tmp_path / "own"
    shutil.copytree(files.root() / "firmware", own)
    (own / "node.py").write_text(
        (own / "node.py").read_text().replace("not prov", "mine, not prov")
    )
    words = ("--board", RP2040, "--flash", tmp_path / "flash", "--firmware", own)
    with (
        program(*words) as facts,
        serial.Serial(facts["port"], 115200, timeout=HANG_S) as line,
    ):
        assert b"mine, not provisioned" in line.read_until(b"provisioned")
    hardware = boards.boards()[RP2040]
    found = FlashChip(tmp_path / "flash", hardware).files()
    expected = image.firmware(own) | {
        "state/board.0": provision.board_records(hardware)["/state/board.0"]
    }
    assert found == expected


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (("--flash", "flash"), "flash is the flash of a board"),
        (("--mode", "bootloader"), "no files yet"),
    ],
)
def test_a_firmware_is_for_a_board_that_is_new_and_has_files(tmp_path, words, cause):
    with contextlib.chdir(tmp_path):
        Path("flash").write_bytes(b"what it was")
        firmware = ("--firmware", files.root() / "firmware")
        done = CliRunner().invoke(
            cli, ["virtual-board", "--board", RP2040, *words, *map(str, firmware)]
        )
        assert done.exit_code == 2 and cause in done.stderr
        assert f"node071 flash --board {RP2040} --firmware" in done.stderr
        assert Path("flash").read_bytes() == b"what it was"
