# SPDX-License-Identifier: MIT
"""Flashing virtual boards with the real esptool and mpremote: what a node was, it stays."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from random import Random

import pytest
from pulled import (
    KEY,
    NOISE,
    SMALL_KIB,
    UNIQUE_IDS,
    flash_cut,
    kept,
    micropython,
    node_bench,
    update_cut,
)
from serial import Serial
from workbench import FIRMWARE, PICO, TTGO, Workbench, small_firmware

from host import boards, esp32, files, holdings, image, portlock
from host.errors import HostError

CUTS = range(10)


@pytest.fixture
def small(tmp_path):
    return image.firmware(small_firmware(tmp_path / "small"))


# MicroPython and all.


@pytest.mark.parametrize("name", [TTGO, PICO])
def test_a_new_board_in_its_boot_loader_gets_micropython_and_firmware(tmp_path, name):
    with Workbench(tmp_path, name, {}, mode="bootloader", drive=tmp_path / "drive") as bench:
        made, bench.patience_s = micropython(bench.row), 5.0
        if name == TTGO:
            asked = []
            with pytest.raises(HostError) as error:
                bench.flash(micropython=made, ask=asked.append)
            assert error.value.next_step.endswith("add --lose-backlog") and len(asked) == 1
            assert bench.board.flash.read(0, 0x20000) == b"\xff" * 0x20000
        report = bench.flash(micropython=made, drive=tmp_path / "drive", ask=lambda question: True)
        assert (report.node, report.micropython) == (None, made.name)
        assert bench.firmware_is(FIRMWARE) and "/service" not in bench.files()
        bench.provision()
        bench.check_claims()
        if name == TTGO:
            assert bench.board.flash.read(0x1000, len(made.data)) == made.data


def test_a_board_that_waits_as_a_drive_needs_no_port(tmp_path, small):
    """Its port is there only once it has MicroPython; without one the command says so."""
    drive = tmp_path / "drive"
    with Workbench(tmp_path, PICO, {}, mode="bootloader", drive=drive) as bench:
        own = ("flash", "--board", PICO, "--drive", drive, "--firmware", tmp_path / "small")
        refused = bench.start(*own)
        _, errors = refused.communicate()
        assert refused.returncode == 1 and drive.exists()
        assert errors.strip() == (
            "error: the board waits for MicroPython; "
            f"node071 flash --board {PICO} --micropython 1.28.0"
        )
        made = tmp_path / "made.uf2"
        made.write_bytes(micropython(bench.row).data)
        program = bench.start(*own, "--micropython", made, "--plain-keys")
        out, errors = program.communicate()
        assert program.returncode == 0, errors
        assert f"next: node071 provision --board {PICO} --kit NAME" in out
        assert bench.firmware_is(small)


@pytest.mark.parametrize("name", [TTGO, PICO])
def test_a_node_stays_what_it_is_and_keeps_its_readings(tmp_path, name, small):
    drive = tmp_path / "drive"
    with node_bench(tmp_path, name, small, drive=drive) as bench:
        before = kept(bench)
        made = micropython(bench.row)
        options = {"drive": drive} if name == PICO else {}
        report = bench.flash(micropython=made, firmware=tmp_path / "small", **options)
        assert kept(bench) == before and before[1] == 12
        assert report.readings == 2 and report.node.name == "room-9"
        assert report.node.identity.app_key == KEY and report.node.next_dev_nonce == 12
        assert bench.firmware_is(small) and "/service" not in bench.files()
        assert not (tmp_path / "backups" / f"{UNIQUE_IDS[name].hex()}.cbor").exists()


def test_a_port_that_another_program_has_is_no_board_that_cannot_be_read(tmp_path, small):
    with node_bench(tmp_path, TTGO, small) as bench, Serial(str(bench.link), exclusive=True):
        with pytest.raises(HostError, match="is in use") as error:
            bench.flash(micropython=micropython(bench.row), lose_backlog=True)
        assert error.value.code == portlock.BUSY and bench.board.mode == "micropython"


def test_an_esp32_goes_on_counting_its_starts_when_it_is_flashed(tmp_path):
    """The real firmware starts, and writes that down, between esptool and the comparison."""
    with node_bench(tmp_path, TTGO, FIRMWARE, own_kib=512) as bench:
        bench.flash()
        before = bench.state().load("start")[0]
        report = bench.flash(micropython=micropython(bench.row))
        assert bench.state().load("start")[0] > before and report.node.name == "room-9"
        assert bench.firmware_is(FIRMWARE)


def test_how_far_an_esp32_is_written_is_told_while_it_is_written(tmp_path, small):
    own = small_firmware(tmp_path / "own", **{"noise.py": f"NOISE = '{NOISE}'\n"})
    with node_bench(tmp_path, TTGO, small, own_kib=SMALL_KIB) as bench:
        bench.flash(micropython=micropython(bench.row), firmware=own)
    assert bench.steps[-2:] == [("starting it, and reading it back", share) for share in (0.0, 1.0)]
    writing = [(what, share) for what, share in bench.steps if what.startswith("writing")]
    image_mb, shares = len(micropython(bench.row).data) / 1e6, [share for _, share in writing]
    (what,) = {what for what, _ in writing}
    size_mb = float(re.fullmatch(r"writing MicroPython and firmware, (\d+\.\d) MB", what)[1])
    assert size_mb == pytest.approx(image_mb + SMALL_KIB * 1024 / 1e6, abs=0.06)
    assert shares == sorted(shares) and (shares[0], shares[-1]) == (0.0, 1.0)
    assert len({share for share in shares if 0.2 < share < 0.9}) >= 2


def test_an_esp32_that_loses_count_of_its_starts_is_not_called_flashed(tmp_path, small):
    forgets = "import os\n\nfor name in ('start.0', 'start.1'):\n    try:\n        "
    forgets += "os.remove('/state/' + name)\n    except OSError:\n        pass\n"
    own = small_firmware(tmp_path / "own", **{"main.py": forgets})
    contents = small | {"state/start.0": image.record({0: 9})}
    with node_bench(tmp_path, TTGO, contents, own_kib=SMALL_KIB) as bench:
        bench.flash(firmware=tmp_path / "small")
        with pytest.raises(HostError, match="lost count of its starts"):
            bench.flash(micropython=micropython(bench.row), firmware=own)


def test_an_esp32_that_cannot_be_read_gets_its_identity_from_the_ledger(tmp_path, small):
    own = {"own_kib": SMALL_KIB}
    with node_bench(tmp_path, TTGO, small, **own) as bench:
        bench.flash(firmware=tmp_path / "small")
        offset, size = bench.board.flash.filesystem
        bench.board.become("unplugged")
        bench.board.flash.write(0x1000, bytes(4096))  # MicroPython is broken, and the files too
        bench.board.flash.write(offset, bytes(size))
        bench.board.become("bootloader")
        made, asked, bench.patience_s = micropython(bench.row), [], 5.0
        bench.flash(
            micropython=made,
            firmware=tmp_path / "small",
            ask=lambda question: asked.append(question) or True,
        )
        assert len(asked) == 1 and "the readings that wait on it are" in asked[0]
        config, dev_nonce, session, readings = kept(bench)
        assert (config["name"], config["app_key"], session, readings) == ("room-9", KEY, None, {})
        assert dev_nonce >= 12 + 256 + 40


def test_an_rp2040_whose_files_are_lost_with_its_micropython_gets_its_identity_back(
    tmp_path, small
):
    drive = tmp_path / "drive"
    with node_bench(tmp_path, PICO, small, drive=drive) as bench:
        bench.flash(firmware=tmp_path / "small")  # the ledger knows it from here on
        offset, size = bench.board.flash.filesystem
        bench.board.become("unplugged")
        bench.board.flash.write(offset, bytes(size))
        bench.board.become("bootloader")
        bench.flash(micropython=micropython(bench.row), firmware=tmp_path / "small", drive=drive)
        config, dev_nonce, _, _ = kept(bench)
        assert (config["name"], config["app_key"]) == ("room-9", KEY)
        assert dev_nonce >= 12 + 256 + 40


def test_another_board_than_the_one_that_is_named_is_refused(tmp_path, small):
    with node_bench(tmp_path, TTGO, small) as bench:
        before = bench.files()
        bench.row = boards.boards()["heltec-v2"]
        for options in ({}, {"micropython": micropython(bench.row)}):
            with pytest.raises(HostError, match=f"made as {TTGO} and not as heltec-v2"):
                bench.flash(**options)
        bench.row = boards.boards()[PICO]
        with pytest.raises(HostError, match="what is plugged in is an ESP32"):
            bench.flash()
        assert {k: v for k, v in bench.files().items() if "/start" not in k} == before


def test_files_that_were_written_in_part_do_not_pass_for_those_of_the_node(tmp_path, small):
    with node_bench(tmp_path, TTGO, small, own_kib=SMALL_KIB) as bench:
        config, dev_nonce, _, readings = kept(bench)
        bench.flash(firmware=tmp_path / "small")
        options = {"micropython": micropython(bench.row), "firmware": tmp_path / "small"}
        bench.board.cut_after(to_board=27000)  # esptool is at work
        with pytest.raises(HostError, match="esptool did not finish"):
            bench.flash(**options)
        assert bench.board.pulled.wait(5)
        offset, size = bench.board.flash.filesystem  # it mounts, and a part of its files is there
        half = image.build(small, size // 4096)
        bench.board.flash.path.write_bytes(
            bench.board.flash.read(0, offset) + half + bench.board.flash.read(offset + size, 0)
        )
        bench.board.plug_in()
        report = bench.flash(**options)
        assert report.readings == 2
        found = kept(bench)
        assert (found[0], found[3]) == (config, readings) and found[1] >= dev_nonce + 256


# What may be left behind.


class Flashing:
    """`node071 flash --micropython` as a program in a group of its own, stopped at work.

    `temporary` is where it would put temporary files.
    """

    def __init__(self, bench, *words):
        self.temporary = bench.folder / "temporary"
        self.temporary.mkdir(exist_ok=True)
        made = bench.folder / "made.bin"
        made.write_bytes(micropython(bench.row).data)
        own = ("--port", bench.link, "--ledger", bench.ledger_path, "--plain-keys", "--json")
        given = ("--board", TTGO, "--micropython", made, "--firmware", bench.folder / "small")
        self.program = subprocess.Popen(
            [sys.executable, "-m", "host.cli", "flash", *map(str, (*given, *own, *words))],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
            env={**os.environ, "TMPDIR": str(self.temporary), "PYTHONPATH": str(files.root())},
        )  # fmt: skip
        end_s = time.monotonic() + 120
        while bench.board.mode != "bootloader" and time.monotonic() < end_s:
            time.sleep(0.02)
        assert bench.board.mode == "bootloader"  # esptool has it

    def holds_keys(self):
        """Names of temporary files with the key of the node in them."""
        own = [path for path in self.temporary.rglob("*") if path.is_file()]
        return [path for path in own if KEY in path.read_bytes()]


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_a_flashing_that_is_stopped_leaves_no_key_behind_and_a_second_run_completes(
    tmp_path, small, stop
):
    with node_bench(tmp_path, TTGO, small, at_speed=True) as bench:
        config, dev_nonce, _, readings = kept(bench)
        flashing = Flashing(bench)
        assert flashing.holds_keys() == []
        os.killpg(flashing.program.pid, stop)  # as Ctrl-C at a terminal does
        out, errors = flashing.program.communicate(timeout=120)
        assert list(flashing.temporary.iterdir()) == []
        if stop == signal.SIGINT:
            assert (flashing.program.returncode, errors) == (1, "")
            assert json.loads(out) == {
                "error": "stopped while the board was written: it does not start",
                "next": "run the same command again: what it held is kept",
            }
        bench.board.plug_in()
        bench.flash(micropython=micropython(bench.row), firmware=tmp_path / "small")
        found = kept(bench)
        assert (found[0], found[3]) == (config, readings) and found[1] >= dev_nonce
        bench.check_claims()


def test_a_node_whose_boot_loader_does_not_listen_goes_back_to_work(tmp_path, small):
    """No reset line, BOOT was not pressed: nothing was written, and nothing is to be lost."""
    with node_bench(tmp_path, TTGO, small, auto_reset=False) as bench:
        before = kept(bench)
        options = {"micropython": micropython(bench.row), "firmware": tmp_path / "small"}
        with pytest.raises(HostError, match="does not listen to its boot loader") as error:
            bench.flash(**options)
        assert error.value.code == esp32.DEAF and "hold its BOOT button" in error.value.next_step
        end_s = time.monotonic() + 20
        while "/service" in bench.files() and time.monotonic() < end_s:
            time.sleep(0.1)
        assert "/service" not in bench.files() and kept(bench) == before
        folder, unique_id = tmp_path / "backups", UNIQUE_IDS[TTGO]
        assert holdings.interrupted(folder, unique_id) is None
        assert len(holdings.kept(folder, unique_id)) >= 3
        bench.flash(firmware=tmp_path / "small")
        assert kept(bench) == before


# The firmware alone.


def test_only_what_differs_is_sent_and_what_is_old_goes(tmp_path, small):
    contents = small | {"own.txt": b"stays", "lora/mac.py": b"hides the compiled one"}
    with node_bench(tmp_path, PICO, contents) as bench:
        before = kept(bench)
        new = small_firmware(tmp_path / "new", 2, **{"led.py": "X = 1\n"})
        report = bench.flash(firmware=new)
        assert (report.written, report.removed) == (3, 1)  # mac, led and the manifest
        assert bench.firmware_is(image.firmware(new)) and bench.files()["/own.txt"] == b"stays"
        assert kept(bench) == before
        bench.ledger.retire(report.node.dev_eui)
        again = bench.flash(firmware=new)
        assert (again.written, again.removed) == (0, 0)
        assert (report.was_retired, again.was_retired) == (False, True)  # it is told
        back = bench.flash(firmware=tmp_path / "small")
        assert (back.written, back.removed) == (2, 1)
        assert bench.firmware_is(small)


def test_a_board_without_micropython_is_told_to_get_it(tmp_path):
    with Workbench(tmp_path, TTGO, {}, mode="bootloader") as bench:
        bench.patience_s = 5.0
        with pytest.raises(HostError) as error:
            bench.flash()
        assert "node071 flash" in error.value.next_step


# The cable.


def somewhere(seed, to_board, to_host):
    """After how many bytes it is pulled, in two of three times on their way to the board."""
    way, most = ("to_board", to_board) if seed % 3 else ("to_host", to_host)
    return {way: Random(seed).randrange(1, most)}


@pytest.mark.parametrize("seed", CUTS)
def test_a_cable_pulled_in_an_update_leaves_the_old_firmware_or_the_new(tmp_path, seed):
    assert update_cut(tmp_path, somewhere(seed, 30000, 3000))


@pytest.mark.parametrize("seed", CUTS)
def test_a_cable_pulled_while_an_esp32_is_flashed_loses_nothing_that_was_measured(tmp_path, seed):
    assert flash_cut(tmp_path, somewhere(seed, 75000, 3000))


def test_files_that_a_cut_has_broken_keep_nobody_from_writing_the_board_anew(tmp_path):
    assert flash_cut(tmp_path, {"to_board": 56000})


def test_without_a_backup_the_check_of_a_cut_sees_what_is_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(holdings, "keep", lambda *what: None)
    with pytest.raises(AssertionError):
        flash_cut(tmp_path, {"to_board": 56000})
