# SPDX-License-Identifier: MIT
"""devices, retire, backup, restore: what they print, refuse, and never show."""

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from host import boards
from host.cli import cli
from host.continuation import prepare
from host.enrol import Wish, enrol
from host.ledger import Ledger
from host.ledgers import default_path
from host.lorawan import Session
from host.state import State
from host.vault import Vault

ROOT = Path(__file__).parents[2]
PICO, KIT = boards.boards()["rpi-pico-rfm95"], boards.kits()["classroom"]
KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
SESSION = Session(0x01ABCDEF, KEY[::-1], bytes(range(16)))
PASSPHRASE = "correct horse"
QUIET = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}


@pytest.fixture
def home(tmp_path):
    return tmp_path / "her home"


def run(home, *words, stdin=None, **environment):
    """A command of somebody with this home."""
    given = {"HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "NODE071_PASSPHRASE": None}
    return CliRunner().invoke(
        cli, [str(word) for word in words], input=stdin, env=given | QUIET | environment
    )


def path_of(home):
    return home / "data" / "node071" / "nodes.ledger"


def quick_vault(lock):
    return Vault.unlocked(lock, PASSPHRASE) if lock else Vault.new(PASSPHRASE, 16)


def fill(path, vault):
    """Three nodes, one of which never joins."""
    with Ledger.open(path, vault) as ledger:
        for number, wish in enumerate(
            (Wish(app_key=KEY), Wish(name="pole-7", session=SESSION), Wish())
        ):
            unique_id = bytes((2, number)) * 4
            place = "Breestraat 12" if number == 1 else None
            done = enrol(
                ledger, PICO.name, KIT.name, PICO.chip, unique_id, State(), wish, place=place
            )
            prepare(ledger, done, State(), PICO, KIT)
            ledger.advance(done.node.dev_eui, "written")


@pytest.fixture
def filled(home):
    fill(path_of(home), lambda lock: Vault())
    return home


def test_the_ledger_lies_with_the_users_data(home):
    done = run(home, "devices", "show", "x")
    assert done.exit_code == 1 and f"no ledger at {path_of(home)}" in done.stderr
    assert default_path(practice=True).parent == default_path().parent
    assert default_path(practice=True) != default_path()


def test_practice_has_a_ledger_of_its_own_and_asks_nothing(tmp_path):
    code = (
        "from host.ledgers import default_path, open_ledger;"
        "print(open_ledger(default_path(practice=True)).file_name)"
    )
    environment = {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.stdout == b"practice.ledger\n", done.stderr
    (found,) = tmp_path.rglob("*.ledger")
    assert found.stat().st_mode & 0o777 == 0o600


def test_without_a_ledger_there_are_no_devices_and_none_is_made(home):
    done = run(home, "devices")
    assert (done.exit_code, done.stdout) == (0, "no nodes yet: node071 provision makes them\n")
    assert json.loads(run(home, "devices", "--json").stdout) == []
    assert not home.exists()


def test_who_has_nodes_for_practice_only_is_told_where_they_are(home):
    practice = path_of(home).with_name("practice.ledger")
    fill(practice, lambda lock: Vault())
    none = "no nodes yet: node071 provision makes them\n"
    there = f"those of virtual boards: node071 devices --ledger '{practice}'\n"
    assert run(home, "devices").stdout == none + there
    assert json.loads(run(home, "devices", "--json").stdout) == []
    for given in (("--ledger", practice), ()):
        environment = {} if given else {"NODE071_LEDGER": str(practice)}
        shown = run(home, "devices", *given, **environment).stdout
        assert "pole-7" in shown and "virtual" not in shown
    with Ledger.open(path_of(home), lambda lock: Vault()):
        pass
    assert run(home, "devices").stdout == none + there
    fill(path_of(home), lambda lock: Vault())
    assert "virtual" not in run(home, "devices").stdout


def test_an_option_is_stronger_than_the_environment_also_before_the_command(filled):
    own, other = path_of(filled), path_of(filled).with_name("other.ledger")
    fill(other, lambda lock: Vault())
    assert run(filled, "retire", "pole-7", "--yes", NODE071_LEDGER=str(other)).exit_code == 0
    show = ("show", "pole-7", "--json")
    for given, retired in (
        (("devices", *show), True),
        (("devices", "--ledger", own, *show), False),
        (("devices", *show, "--ledger", own), False),
    ):
        shown = run(filled, *given, NODE071_LEDGER=str(other))
        assert json.loads(shown.stdout)["retired"] is retired


def test_a_table_of_devices(filled):
    lines = run(filled, "devices").stdout.splitlines()
    assert re.split(r"  +", lines[0]) == [
        "name", "DevEUI", "board", "kit", "place", "state", "last heard"
    ]  # fmt: skip
    assert [line.split()[0] for line in lines[1:]] == ["classroom-1", "classroom-2", "pole-7"]
    assert re.split(r"  +", lines[3]) == [
        "pole-7", "0201020102010201", "rpi-pico-rfm95", "classroom", "Breestraat 12", "written", "-"
    ]  # fmt: skip
    rows = json.loads(run(filled, "devices", "--json").stdout)
    assert [(row["name"], row["state"], row["retired"]) for row in rows] == [
        ("classroom-1", "written", False),
        ("classroom-2", "written", False),
        ("pole-7", "written", False),
    ]
    assert rows[0]["next_dev_nonce"] == 296 and rows[2]["next_f_cnt"] == 1756


@pytest.mark.parametrize("words", [("show", "pole-7"), ("show", "0201020102010201")])
def test_one_device_and_its_history(filled, words):
    lines = run(filled, "devices", *words).stdout.splitlines()
    assert lines[0].split() == ["name", "pole-7"]
    assert [line.split()[2] for line in lines[lines.index("history (UTC)") + 1 :]] == [
        "new", "seen", "written"
    ]  # fmt: skip
    value = json.loads(run(filled, "devices", *words, "--json").stdout)
    assert [row["what"] for row in value["history"]] == ["new", "seen", "written"]
    assert "app_key" not in value and "nwk_skey" not in value


def test_keys_are_shown_when_asked_for(filled):
    show = ("devices", "show", "--show-keys")
    assert f"app_key         {KEY.hex()}\n" in run(filled, *show, "classroom-1").stdout
    value = json.loads(run(filled, *show, "pole-7", "--json").stdout)
    found = value["dev_addr"], value["nwk_skey"], value["app_skey"]
    assert found == ("01abcdef", KEY[::-1].hex(), bytes(range(16)).hex())
    assert "app_key" not in value


def test_another_ledger_before_or_after_the_name_of_the_command(filled, tmp_path):
    other = tmp_path / "other.ledger"
    path_of(filled).rename(other)
    for words in (
        ("devices", "--ledger", other, "show", "pole-7"),
        ("devices", "show", "pole-7", "--ledger", other),
    ):
        assert run(filled, *words).exit_code == 0
    assert run(filled, "devices", "show", "pole-7").exit_code == 1


def test_retire_asks_first(filled):
    done = run(filled, "retire", "pole-7")
    assert (done.exit_code, done.stderr) == (
        2, "error: this asks first, and there is no terminal; give --yes\n"
    )  # fmt: skip
    assert len(json.loads(run(filled, "devices", "--json").stdout)) == 3
    done = run(filled, "retire", "pole-7", "--yes")
    assert done.exit_code == 0 and done.stdout.startswith("pole-7 is retired; take ")
    assert done.stdout.endswith(" off the network there\n")
    assert len(json.loads(run(filled, "devices", "--json").stdout)) == 2
    assert "pole-7" in run(filled, "devices", "--retired").stdout
    value = json.loads(run(filled, "devices", "show", "pole-7", "--json").stdout)
    assert value["retired"] and value["next_f_cnt"] == 1756
    for name in ("classroom-1", "classroom-2"):
        run(filled, "retire", name, "--yes")
    none = "no node is in use; node071 devices --retired has 3 of before\n"
    assert run(filled, "devices").stdout == none


def test_a_device_that_is_none_is_one_line(filled):
    for words in (("devices", "show", "bin-1"), ("retire", "bin-1", "--yes")):
        done = run(filled, *words)
        assert (done.exit_code, done.stderr) == (
            1, "error: no node 'bin-1' in the ledger; node071 devices lists them\n"
        )  # fmt: skip
        assert "no node" in json.loads(run(filled, *words, "--json").stdout)["error"]
    done = run(filled, "devices", "show", "pol-7")
    assert done.stderr.endswith("; did you mean pole-7? node071 devices lists them\n")


def test_a_backup_of_a_plain_ledger_wants_a_passphrase_or_a_word(filled, tmp_path):
    file = tmp_path / "b"
    done = run(filled, "backup", file)
    assert done.exit_code == 2 and not file.exists()
    for each in ("system keyring", "NODE071_PASSPHRASE", "terminal", "--plain-keys"):
        assert each in done.stderr
    assert "--passphrase @FILE" in done.stderr and "starts a ledger" not in done.stderr
    assert run(filled, "backup", file, "--plain-keys").exit_code == 0
    assert KEY in file.read_bytes()
    done = run(filled, "backup", file, "--passphrase", PASSPHRASE)
    assert done.exit_code == 2 and PASSPHRASE not in done.output
    done = run(filled, "backup", file, "--passphrase", "-", "--json", stdin=PASSPHRASE)
    assert json.loads(done.stdout) == {"file": str(file), "nodes": 3}
    assert KEY not in file.read_bytes()

    other, secret = tmp_path / "other.ledger", tmp_path / "secret"
    wrong = run(filled, "restore", file, "--ledger", other, "--passphrase", "-", stdin="wrong one")
    assert wrong.exit_code == 1 and not other.exists()
    secret.write_text(PASSPHRASE + "\n")
    words = ("restore", file, "--ledger", other, "--passphrase", f"@{secret}")
    assert run(filled, *words).stdout == "3 added, 0 changed, 0 unchanged\n"
    assert KEY not in other.read_bytes()  # it took over the passphrase
    assert run(filled, "devices", "--ledger", other).exit_code == 2
    assert run(filled, "devices", "--ledger", other, NODE071_PASSPHRASE=PASSPHRASE).exit_code == 0


def test_a_ledger_with_a_passphrase_has_backups_with_the_same(home, tmp_path):
    fill(path_of(home), quick_vault)
    given = {"NODE071_PASSPHRASE": PASSPHRASE}
    file, other = tmp_path / "b", tmp_path / "other.ledger"
    assert run(home, "backup", file, "--plain-keys", **given).exit_code == 2
    assert run(home, "backup", file, "--passphrase", "-", stdin="x" * 9, **given).exit_code == 2
    assert run(home, "backup", file, **given).exit_code == 0
    wrong = {"NODE071_PASSPHRASE": "wrong battery"}
    done = run(home, "restore", file, "--ledger", other, **wrong)
    assert done.exit_code == 1 and "wrong" in done.stderr and not other.exists()
    done = run(home, "restore", file, "--ledger", other, "--json", **given)
    names = ["classroom-1", "classroom-2", "pole-7"]
    assert json.loads(done.stdout) == {"added": names, "changed": [], "unchanged": []}
    done = run(home, "restore", file, **given)
    assert done.stdout == "0 added, 0 changed, 3 unchanged\n"
    done = run(home, "devices", "--ledger", other, "--plain-keys", **given)
    assert done.exit_code == 2 and "is encrypted" in done.stderr


def forms(secret):
    """How a key may look in a text or a file."""
    whole = base64.b64encode(secret).decode()
    return (
        *(secret.hex(), secret.hex().upper(), repr(secret)[2:-1], whole),
        *(", ".join(map(str, secret)), secret.hex(" "), secret.hex(":")),
    )


def test_no_key_or_passphrase_is_in_anything_that_is_said_or_written(tmp_path):
    """Everything that a run prints and writes, errors and their JSON among it, is searched."""
    home = tmp_path / "home"
    path = path_of(home)
    keyring = tmp_path / "listening.py"
    keyring.write_text(LISTENING)
    environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ} | {
        "HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "HEARD": str(tmp_path / "heard"),
        "PYTHONPATH": f"{ROOT}:{tmp_path}", "PYTHON_KEYRING_BACKEND": "listening.Keyring",
        "NODE071_PASSPHRASE": PASSPHRASE,
    }  # fmt: skip
    said = ""

    def node071(*words):
        nonlocal said
        done = subprocess.run(
            [sys.executable, "-m", "host.cli", *map(str, words)], env=environment, cwd=tmp_path,
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )  # fmt: skip
        said += done.stdout + done.stderr
        return done.returncode

    fill(path, quick_vault)
    kept = path.read_bytes()
    statuses = [
        node071("devices"),
        node071("devices", "show", "classroom-1", "--json"),
        node071("devices", "show", "pole-7"),
        node071("backup", "b"),
        node071("restore", "b"),
        node071("retire", "pole-7", "--yes", "--json"),
        node071("backup", "open.py.py", "--plain-keys"),
    ]
    assert statuses == [0, 0, 0, 0, 0, 0, 2]
    path.write_bytes(kept[:5000] + bytes(100) + kept[5100:])  # damaged in the middle
    node071("devices", "--json")
    path.write_bytes(kept[: len(kept) // 2])
    node071("devices")
    environment["NODE071_PASSPHRASE"] = "wrong battery"
    path.write_bytes(kept)
    assert node071("devices", "--json") == 1
    secrets = (KEY, SESSION.nwk_skey, SESSION.app_skey)
    files = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert len(files) >= 4 and len(said) > 1000
    for secret in secrets:
        assert not [form for form in forms(secret) if form in said]
        for file in files:
            data = file.read_bytes()
            assert secret not in data
            assert not [form for form in forms(secret) if form.encode() in data], file
    for word in (PASSPHRASE, "wrong battery"):
        assert word not in said
        assert not [file for file in files if word.encode() in file.read_bytes()]
    assert "keyring get node071" in (tmp_path / "heard").read_text()


LISTENING = """
import os, sys
from keyring.backend import KeyringBackend

class Keyring(KeyringBackend):
    priority = 1

    def get_password(self, service, user):
        with open(os.environ["HEARD"], "a") as file:
            file.write(" ".join(sys.orig_argv))

    def set_password(self, service, user, password):
        raise NotImplementedError
"""
