# SPDX-License-Identifier: MIT
"""node071 setup: from a board in its box to a node that measures, with questions and without."""

import csv
import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from pulled import micropython
from test_chirpstack import APPLICATION, TOKEN, ChirpStack, serving
from workbench import PICO, TTGO, Workbench, small_firmware

from host import boards, files, image, monitor
from host.errors import HostError
from host.ledgers import open_ledger
from host.setup import Setup, Teller, Wanted

MEASURES = """
import time
import service

if not service.flagged():
    while True:
        print("      3 reading", {1: 650, 2: 214, -1: 4, -2: 1})
        time.sleep_ms(100)
"""
VALUES = {"co2": 650, "temperature": 21.4, "faults": ["humidity"], "restart": "power-on"}


@pytest.fixture
def small(tmp_path):
    """A firmware of six files that measures at once."""
    return small_firmware(tmp_path / "small", **{"main.py": MEASURES})


def setup(bench, *words, answers=None):
    """Run `node071 setup` in the folder of the bench; (status, stdout, stderr).

    `answers`: what is typed at a terminal, without it there is none.
    """
    own = ("--port", bench.link, "--ledger", bench.folder / "new" / "ledger")
    inner, outer = os.openpty() if answers is not None else (None, None)
    if answers is not None:
        os.write(inner, answers.encode())
    program = subprocess.run(
        [sys.executable, "-m", "host.cli", "setup", *map(str, (*words, *own))],
        stdin=subprocess.DEVNULL if outer is None else outer,
        capture_output=True,
        text=True,
        cwd=bench.folder,
        env={**os.environ, "PYTHONPATH": str(files.root()), "XDG_CACHE_HOME": str(bench.folder)},
        timeout=240,
    )
    for each in (inner, outer) if outer is not None else ():
        os.close(each)
    return program.returncode, program.stdout, program.stderr


def node_of(bench):
    """The only node of the ledger that setup made, which is plain and its owner's."""
    place = bench.folder / "new" / "ledger"
    assert place.stat().st_mode & 0o777 == 0o600
    with open_ledger(place, create=False) as ledger:
        (node,) = ledger.nodes()
    return node


def check_papers(bench, node):
    """The label is a PDF without the key, the file for the network has it and is private."""
    key = node.identity.app_key.hex()
    sheet, table = (bench.folder / f"{node.name}-{end}" for end in ("label.pdf", "tts.csv"))
    assert sheet.read_bytes().startswith(b"%PDF") and key.encode() not in sheet.read_bytes()
    assert table.stat().st_mode & 0o777 == 0o600
    (row,) = csv.DictReader(table.read_text().splitlines(), delimiter=";")
    assert (row["dev_eui"].lower(), row["app_key"].lower()) == (node.dev_eui.hex(), key)


def test_a_board_with_micropython_measures_and_is_ready_for_a_network(tmp_path):
    quick = tmp_path / "quick"  # the real firmware, its first reading without 30 s to settle
    for path in (files.root() / "firmware").rglob("*.py"):
        text = path.read_text().replace("_SETTLE_MS = const(30000)", "_SETTLE_MS = const(0)")
        own = quick / path.relative_to(files.root() / "firmware")
        own.parent.mkdir(parents=True, exist_ok=True)
        own.write_text(text)
    with Workbench(tmp_path, PICO, contents={}) as bench:
        words = ("--board", PICO, "--kit", "classroom", "--firmware", quick, "--json")
        status, out, errors = setup(bench, *words)
        assert (status, errors) == (0, ""), out
        told, node = json.loads(out), node_of(bench)
        assert (told["name"], told["state"], told["registered"]) == ("classroom-1", "written", None)
        assert told["reading"].keys() == {"co2", "temperature", "humidity", "restart"}
        assert 350 < told["reading"]["co2"] < 3000
        assert (told["file"], told["label"]) == ("classroom-1-tts.csv", "classroom-1-label.pdf")
        assert node.identity.app_key.hex() not in out.lower()
        check_papers(bench, node)
        assert "/service" not in bench.files()
        assert bench.config()["app_key"] == node.identity.app_key


def test_an_esp32_out_of_its_box_with_nothing_said_asks_in_plain_words(tmp_path, small):
    with Workbench(tmp_path, TTGO, {}, mode="bootloader") as bench:
        made = micropython(bench.row)
        cache = tmp_path / "node071" / "micropython"
        cache.mkdir(parents=True)
        (cache / f"{bench.row.micropython}-20260406-v1.28.0.bin").write_bytes(made.data)
        # board 3, kit 1, a name, no place, the keys as offered, MicroPython, and it is new
        answers = "3\n1\nroom-12\n\n\ny\ny\n"
        status, out, errors = setup(bench, "--firmware", small, answers=answers)
        assert status == 0, errors
        for line in (
            "Which board is it?", "What is it to measure?", "a file that only you can read?",
            "Install MicroPython 1.28.0?", "If it is new, nothing is lost",
            "3 of 6  its name, its keys and its program", "note: no humidity",
        ):  # fmt: skip
            assert line in errors
        node = node_of(bench)
        assert (node.name, node.board, node.kit) == ("room-12", TTGO, "classroom")
        assert "room-12 is ready" in out and "not on a network yet: give this file to" in out
        assert "measured just now: co2 650 ppm, temperature 21.4 °C\n" in out
        assert (
            "room-12-tts.csv" in out and node.identity.app_key.hex() not in (out + errors).lower()
        )
        check_papers(bench, node)
        assert bench.firmware_is(image.firmware(small))


def test_an_rp2040_that_waits_as_a_drive_gets_micropython_first(tmp_path, small):
    drive = tmp_path / "drive"
    with Workbench(tmp_path, PICO, {}, mode="bootloader", drive=drive) as bench:
        own = ("--board", PICO, "--kit", "classroom", "--drive", drive, "--firmware", small)
        status, _, errors = setup(bench, *own)
        assert status == 1
        assert "error: the board waits for MicroPython; to install it, run this again" in errors
        made = tmp_path / "made.uf2"
        made.write_bytes(micropython(bench.row).data)
        status, out, errors = setup(
            bench, *own, "--micropython", made, "--name", "room-9", "--json"
        )
        assert status == 0, out + errors
        assert json.loads(out)["reading"] == VALUES and json.loads(out)["name"] == "room-9"
        assert bench.firmware_is(image.firmware(small))
        # and again: it stays who it is
        before = bench.config()
        status, out, _ = setup(
            bench, "--board", PICO, "--kit", "classroom", "--firmware", small, "--json"
        )
        assert (status, json.loads(out)["name"], bench.config()) == (0, "room-9", before)


@pytest.mark.parametrize(
    ("words", "option"), [((), "--board, one of: ttgo"), (("--board", PICO), "--kit, one of: ")]
)
def test_without_a_terminal_the_missing_option_is_named(tmp_path, words, option):
    done = subprocess.run(
        [sys.executable, "-m", "host.cli", "setup", *words, "--ledger", tmp_path / "ledger"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "") and option in done.stderr
    assert not Path(tmp_path / "ledger").exists()


@pytest.mark.parametrize(
    ("said", "reading", "cause"),
    [
        (
            "radio: RegVersion is 0x00, an SX1276 has 0x12",
            {1: 650, -2: 1},
            "its radio does not answer: RegVersion is 0x00, an SX1276 has 0x12",
        ),
        (
            "sensor scd4x does not start: [Errno 19] ENODEV",
            {-1: 7, -2: 1},
            "none of its sensors answers: sensor scd4x does not start: [Errno 19] ENODEV",
        ),
        ("sensor scd4x fails: [Errno 19] ENODEV", {1: 650, -1: 6, -2: 1}, None),
    ],
)
def test_a_node_whose_pins_have_nothing_is_not_called_ready(tmp_path, said, reading, cause):
    """Another board of the same chip was named, or the wires are wrong."""
    text = MEASURES.replace("    while True:", f"    print('      2 {said}')\n    while True:")
    text = text.replace("{1: 650, 2: 214, -1: 4, -2: 1}", repr(reading))
    own = small_firmware(tmp_path / "own", **{"main.py": text})
    with Workbench(tmp_path, PICO, contents={}) as bench:
        words = ("--board", PICO, "--kit", "classroom", "--firmware", own, "--json")
        status, out, _ = setup(bench, *words)
    told = json.loads(out)
    assert (status, told.get("error")) == (1 if cause else 0, cause)
    assert not cause or f"node071 kits show classroom --board {PICO}" in told["next"]
    assert len(list(tmp_path.glob("*.csv"))) == (0 if cause else 1)


@pytest.mark.parametrize(
    ("texts", "cause"),
    [
        (["radio: it is deaf"], "its radio does not answer: it is deaf"),
        (["radio: it is deaf", "joined after 1 tries"], None),
        ([], None),
    ],
)
def test_a_dead_radio_is_told_also_when_no_reading_comes(monkeypatch, tmp_path, texts, cause):
    lines = [monitor.Line(datetime.now(), text) for text in texts]
    monkeypatch.setattr(monitor, "follow", lambda port, until_s: iter(lines))
    said = []
    wanted = Wanted(boards.boards()[PICO], boards.kits()["classroom"])
    made = Setup(wanted, None, tmp_path, Teller(said.append, None, None))
    if cause is None:
        assert made._first_reading("port") is None and "no reading came" in said[-1]
    else:
        with pytest.raises(HostError, match=cause):
            made._first_reading("port")


def test_somebody_elses_program_is_kept_until_replace_is_given(tmp_path, small):
    with Workbench(tmp_path, PICO, contents={"main.py": b"print(1)\n"}) as bench:
        own = ("--board", PICO, "--kit", "classroom", "--firmware", small, "--json")
        status, out, _ = setup(bench, *own)
        assert status == 1 and "main.py" in json.loads(out)["error"]
        assert "setup --replace" in json.loads(out)["next"]
        assert bench.files()["/main.py"] == b"print(1)\n" and bench.config() is None
        status, out, _ = setup(bench, *own, "--replace")
        assert status == 0 and json.loads(out)["reading"] == VALUES


def test_with_a_chirpstack_it_is_registered_there_and_no_file_with_a_key_is_left(tmp_path, small):
    state, token = ChirpStack(), tmp_path / "token"
    token.write_text(TOKEN)
    own = ("--board", PICO, "--kit", "classroom", "--firmware", small, "--json")
    with serving(state) as url, Workbench(tmp_path, PICO, contents={}) as bench:
        network = ("--url", url, "--application", APPLICATION, "--token", f"@{token}")
        status, out, errors = setup(bench, *own, *network)
        assert status == 0, out + errors
        told, node = json.loads(out), node_of(bench)
        assert (told["registered"], told["file"], node.state) == (url, None, "registered")
        assert told["state"] == "registered" and not list(tmp_path.glob("*.csv"))
        assert TOKEN not in out + errors
        assert state.keys == {node.dev_eui.hex(): node.identity.app_key.hex()}
