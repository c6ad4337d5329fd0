# SPDX-License-Identifier: MIT
"""Provisioning against virtual boards: what is written, what is refused, what goes wrong."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest
from pulled import provision_cut
from workbench import FIRMWARE, PATIENCE_S, PICO, TTGO, Workbench

from host import boards, image, port, provision
from host.enrol import Wish
from host.errors import HostError
from host.ledgers import default_path, for_boards, open_ledger
from host.provision import dev_eui_for

KEY = bytes(range(16))


@pytest.fixture
def bench(tmp_path):
    with Workbench(tmp_path) as made:
        yield made


@pytest.mark.parametrize("name", [PICO, TTGO])
def test_a_board_with_nothing_but_micropython_becomes_a_node_that_works(tmp_path, name):
    with Workbench(tmp_path, name, contents={"own.txt": b"stays"}) as bench:
        receipt = bench.provision()
        assert bench.firmware_is(FIRMWARE) and bench.files()["/own.txt"] == b"stays"
        bench.check_claims()
        config, node = bench.config(), receipt.node
        assert config["dev_eui"] == dev_eui_for(bench.row.chip, bench.board.unique_id)
        assert (node.state, node.unique_id) == ("written", bench.board.unique_id)
        assert (receipt.changed, receipt.installed) == (True, True)
        assert not any(path.startswith("/update/") for path in bench.files())
        end_s = time.monotonic() + 20
        while 0 not in (bench.state().load("start") or {}) and time.monotonic() < end_s:
            time.sleep(0.1)
        assert bench.state().load("start")[0] == 1  # its firmware has counted its first start


def test_running_it_again_changes_nothing_and_a_working_node_goes_back_to_work(bench):
    first = bench.provision()
    before = bench.config()
    again = bench.provision()
    assert (again.changed, again.installed, again.digest) == (False, False, first.digest)
    assert bench.config() == before and again.node.identity == first.node.identity
    assert "/service" not in bench.files()  # the flag of service mode
    history = [event.what for event in bench.ledger.history(first.node.dev_eui)]
    assert history.count("written") == 2 and history[0] == "new"
    bench.ledger.retire(first.node.dev_eui)
    last = bench.provision()
    assert (again.was_retired, last.was_retired, last.node.state) == (False, True, "written")


def test_another_kit_is_another_config_for_the_same_identity(bench):
    first = bench.provision()
    again = bench.provision("bin", Wish(name="bin-7"))
    assert (again.changed, again.node.name, again.node.kit) == (True, "bin-7", "bin")
    assert again.node.identity.app_key == first.node.identity.app_key
    bench.check_claims()


def test_a_wrong_board_is_refused_before_the_ledger_knows_it(bench):
    bench.row = boards.boards()[TTGO]
    with pytest.raises(HostError, match="has the chip esp32-pico-d4, what is plugged in is an RP2"):
        bench.provision()
    assert bench.ledger.nodes() == [] and bench.config() is None
    assert bench.firmware_is(FIRMWARE)


def test_a_board_of_the_same_chip_but_another_name_is_refused(bench):
    bench.provision()
    bench.row = boards.boards()["feather-rp2040-rfm95"]
    other = bench.row.name
    with pytest.raises(HostError, match=f"made as {PICO} and not as {other}") as error:
        bench.provision()
    assert error.value.next_step == (
        f"if {PICO} is right, name that as --board; if {other} is right, add --replace"
    )
    assert bench.config()["board"] == PICO
    receipt = bench.provision(replace=True)
    assert (receipt.node.name, receipt.node.board) == ("classroom-1", other)
    assert bench.config()["board"] == other


@pytest.mark.parametrize(
    ("wish", "what"),
    [
        (Wish(dev_eui=b"\2" * 8), "DevEUI"),
        (Wish(app_key=b"k" * 16), "AppKey"),
        (Wish(join_eui=b"j" * 8), "JoinEUI"),
    ],
)
def test_another_identity_is_not_written_without_a_word(bench, wish, what):
    bench.provision()
    before = bench.files()["/state/config.0"]
    with pytest.raises(HostError, match=f"'classroom-1' with DevEUI .* and has another {what}"):
        bench.provision(wish=wish)
    assert bench.files()["/state/config.0"] == before
    receipt = bench.provision(wish=wish, replace=True)
    assert bench.config()[{"DevEUI": "dev_eui", "AppKey": "app_key", "JoinEUI": "join_eui"}[what]]
    assert receipt.changed and bench.config()["dev_eui"] == receipt.node.dev_eui
    if what != "DevEUI":
        bench.check_claims()


def test_a_board_that_another_computer_provisioned_keeps_its_identity(tmp_path):
    kit, row = boards.kits()["classroom"], boards.boards()[PICO]
    identity = provision.Identity("room-9", b"\2\1\1\1\1\1\1\1", bytes(8), KEY)
    records = provision.records(row, kit, identity)
    files = FIRMWARE | {path[1:]: data for path, data in records.items()}
    with Workbench(tmp_path, contents=files) as bench:
        receipt = bench.provision()
        assert receipt.node.identity == identity and receipt.node.identity.app_key == KEY
        assert bench.config()["app_key"] == KEY


def test_a_board_that_another_computer_gave_new_keys_says_where_they_are(bench, tmp_path):
    bench.provision()
    own = bench.ledger
    with open_ledger(tmp_path / "other.ledger", plain_keys=True) as bench.ledger:
        bench.provision(wish=Wish(new_keys=True))
    bench.ledger = own
    with pytest.raises(HostError, match="and has another AppKey") as error:
        bench.provision()
    assert "node071 backup there, node071 restore here; --replace" in error.value.next_step


def test_a_program_of_somebodys_own_is_not_overwritten_without_a_word(tmp_path):
    with Workbench(tmp_path, contents={"main.py": b"print('blink')\n"}) as bench:
        with pytest.raises(HostError, match=r"a program of its own, main\.py"):
            bench.provision()
        assert bench.files() == {"/main.py": b"print('blink')\n"}
        bench.provision(replace=True)
        assert bench.firmware_is(FIRMWARE)


def test_micropython_that_runs_another_mpy_format_is_refused(tmp_path):
    with Workbench(tmp_path, says_too={"mpy": 5}) as bench:
        with pytest.raises(HostError, match=r"\.mpy format 5"):
            bench.provision()
        assert bench.ledger.nodes() == [] and bench.config() is None


def test_a_full_flash_is_said_and_changes_nothing(tmp_path):
    with Workbench(tmp_path, contents={"own.bin": bytes(50000)}, filesystem_kib=128) as bench:
        with pytest.raises(HostError, match=r"the board has \d+ KiB free, \d+ KiB are needed"):
            bench.provision()
        assert set(bench.files()) == {"/own.bin"}
        assert bench.ledger.nodes()[0].state == "new"


def test_a_virtual_board_is_kept_apart_from_real_nodes_and_asks_for_no_passphrase(
    bench, monkeypatch
):
    for name in ("HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(bench.folder))
    monkeypatch.delenv("NODE071_PASSPHRASE", raising=False)
    practice = default_path(practice=True)
    words = ("provision", "--board", PICO, "--kit", "classroom", "--json")
    program = bench.start(*words, ledger=False)
    out, errors = program.communicate()
    assert program.returncode == 0 and not default_path().exists()
    assert f"a virtual board: its keys go into {practice}, apart from" in errors
    with open_ledger(practice) as ledger:
        assert [node.name for node in ledger.nodes()] == [json.loads(out)["name"]]

    own = (sys.executable, "-m", "host.cli", "label", "--json")
    done = subprocess.run(own, capture_output=True, text=True, cwd=bench.folder)
    there = shlex.quote(str(practice))
    assert f"virtual boards have --ledger {there}" in json.loads(done.stdout)["next"]
    monkeypatch.setenv("NODE071_LEDGER", str(practice))
    done = subprocess.run(own, capture_output=True, text=True, cwd=bench.folder)
    assert json.loads(done.stdout) == {"written": ["labels.pdf"]}, done.stderr


def test_only_boards_at_pseudo_terminals_and_folders_are_virtual(tmp_path, capsys):
    host, board = os.openpty()
    (tmp_path / "port").symlink_to(os.ttyname(board))
    virtual, real, own = str(tmp_path / "port"), "/dev/ttyUSB0", tmp_path / "own"
    practice = default_path(practice=True)
    assert for_boards(None, [virtual]) == for_boards(None, [None], tmp_path) == practice
    assert "its keys go into" in capsys.readouterr().err
    for ports in ([], [None], [real], [virtual, real]):
        assert for_boards(None, ports) == default_path()
    assert for_boards(None, [None], Path("/")) == default_path()  # a drive is mounted
    assert for_boards(own, [virtual]) == own and capsys.readouterr().err == ""
    os.close(host)
    os.close(board)


def test_an_esp32_without_a_program_says_what_it_lacks_and_is_not_waited_for(tmp_path):
    with Workbench(tmp_path, TTGO, {}, mode="bootloader") as bench:
        bench.board.press_reset()
        with pytest.raises(HostError, match="has no program, its boot loader finds none") as error:
            bench.provision()
        assert error.value.code == port.BOOT_MODE and "node071 flash" in error.value.next_step


def test_a_port_that_answers_garbage_or_nothing_is_explained(bench):
    bench.patience_s = 2.0
    bench.board.become("garbage")
    with pytest.raises(HostError, match="is no MicroPython"):
        bench.provision()
    bench.patience_s = 5.0
    bench.board.become("silent")
    with pytest.raises(HostError, match="does not answer: it sleeps, or has no MicroPython"):
        bench.provision()
    assert bench.said == [f"the board on {bench.link} does not answer: press its reset button"]
    bench.board.become("unplugged")
    with pytest.raises(HostError, match="is gone"):
        bench.provision()
    assert bench.ledger.nodes() == []
    bench.patience_s = PATIENCE_S
    bench.board.become("micropython")
    bench.provision()
    bench.check_claims()


def test_a_node_that_sleeps_is_caught_when_somebody_presses_reset(bench):
    bench.provision()
    bench.board.become("silent")
    pressed = []

    def press(line):
        pressed.append(line)
        bench.board.press_reset()

    bench.said = type("Said", (), {"append": staticmethod(press)})
    assert bench.provision().changed is False
    assert len(pressed) == 1 and "press its reset button" in pressed[0]


def test_two_runs_at_once_at_one_port_are_refused_by_the_name_of_the_first(bench):
    words = ("provision", "--board", PICO, "--kit", "classroom")
    with bench._port():
        second = bench.start(*words)
        out, said = second.communicate(timeout=60)
    assert (second.returncode, out) == (1, "") and said.count("\n") == 1
    assert f"{bench.link} is in use by " in said and "(process " in said
    assert bench.config() is None


def test_a_killed_run_leaves_no_lock_and_the_next_one_completes(bench):
    words = ("provision", "--board", PICO, "--kit", "classroom")
    for wait_s in (0.6, 1.2, 1.8):
        run = bench.start(*words)
        time.sleep(wait_s)
        run.send_signal(signal.SIGKILL)
        run.communicate()
        bench.check_claims()
    run = bench.start(*words, "--json")
    out, said = run.communicate(timeout=60)
    assert run.returncode == 0, said
    bench.check_claims()
    assert bench.ledger.nodes()[0].state == "written" and '"state": "written"' in out


@pytest.mark.parametrize("seed", range(10))
def test_a_pulled_cable_leaves_a_board_that_claims_nothing_and_a_second_run_completes(
    tmp_path, seed
):
    way, most = ("to_board", 26000) if seed % 3 else ("to_host", 1500)
    assert provision_cut(tmp_path, {way: Random(seed).randrange(1, most)})


def test_no_key_is_printed_or_passed_on_a_command_line(tmp_path, bench):
    (tmp_path / "key").write_text(KEY.hex())
    words = ("provision", "--board", PICO, "--kit", "classroom", "--app-key")
    run = bench.start(*words, f"@{tmp_path / 'key'}", "--json")
    out, said = run.communicate(timeout=60)
    assert run.returncode == 0, said
    assert bench.config()["app_key"] == KEY
    assert KEY.hex() not in (out + said).lower()
    run = bench.start(*words, f"@{tmp_path / 'key'}", "--show-keys")
    assert KEY.hex().upper() in run.communicate(timeout=60)[0]


def test_new_keys_are_for_the_same_node(bench):
    first = bench.provision()
    again = bench.provision(wish=Wish(new_keys=True))
    assert again.node.dev_eui == first.node.dev_eui
    assert again.node.identity.app_key != first.node.identity.app_key
    bench.check_claims()
    assert bench.state().load("dev_nonce") == 0


def test_a_ledger_that_was_lost_takes_the_node_in_again(bench, tmp_path):
    first = bench.provision()
    bench.ledger.__exit__(None, None, None)
    bench.ledger_path = tmp_path / "another"
    bench.ledger = open_ledger(bench.ledger_path, plain_keys=True)
    assert bench.provision().node.identity == first.node.identity


def test_a_blank_board_that_is_known_gets_its_identity_and_numbers_above(bench):
    first = bench.provision()
    bench.ledger.seen(first.node.dev_eui, next_dev_nonce=17)
    bench.board.become("unplugged")
    offset, size = bench.board.flash.filesystem
    erased = image.build({}, size // 4096)
    data = bytearray(bench.board.flash.path.read_bytes())
    data[offset : offset + size] = erased
    bench.board.flash.path.write_bytes(data)
    bench.board.become("micropython")
    again = bench.provision()
    assert again.node.identity == first.node.identity
    assert bench.state().load("dev_nonce") >= 17 + 256 + 40
