# SPDX-License-Identifier: MIT
"""node071 passphrase: all keys behind another one, or none of them, wherever it is cut off."""

import json
import os
import signal
from functools import partial

import pytest
from click.testing import CliRunner

from host import passphrase as passphrases
from host.cli import cli
from host.errors import HostError
from host.ledger import Ledger
from host.node import Node
from host.provision import Identity
from host.vault import Vault, WrongPassphrase

OLD, NEW = "correct horse", "battery staple"
NODES = 40


def with_passphrase(passphrase):
    return lambda lock: Vault.unlocked(lock, passphrase) if lock else Vault.new(passphrase, 16)


def key(number):
    return bytes((number + 1,)) * 8 + b"\x5a\xa5" * 4


def filled(path, vault):
    with Ledger.open(path, vault) as ledger, ledger.transaction():
        for number in range(NODES):
            identity = Identity(
                f"room-{number}", bytes(7) + bytes((number,)), bytes(8), key(number)
            )
            ledger.add(Node(identity, "rpi-pico-rfm95", "classroom", place="x" * 300))
    return path


def keys_of(path, vault):
    with Ledger.open(path, vault) as ledger:
        return {node.dev_eui[-1]: node.identity.app_key for node in ledger.nodes()}


ALL = {number: key(number) for number in range(NODES)}


def relocked_and_killed(path, after):
    """A process that changes the passphrase, and ends after so many keys; None: when all is done.

    SQLite may hold two pages: it writes into the file before the end, as with a big ledger.
    """
    pid = os.fork()
    if pid == 0:
        try:
            ledger = Ledger.open(path, with_passphrase(OLD))
            ledger._connection.execute("PRAGMA cache_size = 2")
            vault, left = Vault.new(NEW, 16), [after]
            seal = vault.seal

            def counted(value, about):
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left[0] = None if left[0] is None else left[0] - 1
                return seal(value, about)

            vault.seal = counted
            ledger.relock(vault)
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def test_killed_at_any_key_all_of_them_open_with_the_old_passphrase(tmp_path):
    path = filled(tmp_path / "nodes.ledger", with_passphrase(OLD))
    torn = 0
    for after in range(0, NODES, 3):
        before = path.read_bytes()
        relocked_and_killed(path, after)
        torn += path.read_bytes() != before
        assert keys_of(path, with_passphrase(OLD)) == ALL
        with pytest.raises(WrongPassphrase):
            keys_of(path, with_passphrase(NEW))
    assert torn > 3  # the file was half changed, and its journal mended it
    relocked_and_killed(path, None)
    assert keys_of(path, with_passphrase(NEW)) == ALL
    with pytest.raises(WrongPassphrase):
        keys_of(path, with_passphrase(OLD))


def test_a_process_that_has_it_open_writes_nothing_that_would_not_open(tmp_path):
    path = filled(tmp_path / "nodes.ledger", with_passphrase(OLD))
    with Ledger.open(path, with_passphrase(OLD)) as one:
        with Ledger.open(path, with_passphrase(OLD)) as other:
            assert other.relock(Vault.new(NEW, 16)) == NODES
            assert other.node("room-3").identity.app_key == key(3)
            other.retire(other.node("room-3").dev_eui)
        with pytest.raises(HostError, match="has just been changed"):
            one.add(Node(Identity("late", b"\2" * 8, bytes(8), key(200)), "rpi-pico-rfm95", "bin"))
        with pytest.raises(HostError, match="has just been changed"):
            one.nodes()
    assert keys_of(path, with_passphrase(NEW)) == {n: k for n, k in ALL.items() if n != 3}


# As a command.


def run(path, *words, passphrase=None):
    options = {
        "NODE071_PASSPHRASE": passphrase,
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }
    return CliRunner().invoke(
        cli, ["passphrase", "--ledger", str(path), *words], prog_name="node071", env=options
    )


@pytest.fixture
def files(tmp_path):
    """The options that name each passphrase."""
    for name, text in (("old", OLD), ("new", NEW), ("short", "abc")):
        mark = "\ufeff" if name == "new" else ""  # some editors write it; nobody types it
        (tmp_path / name).write_text(mark + text + "\n", encoding="utf-8")
    return {name: ("--new", f"@{tmp_path / name}") for name in ("old", "new", "short")}


@pytest.fixture
def quick(monkeypatch):
    """A new passphrase is stretched less: each time takes half a second else, and 128 MiB."""
    monkeypatch.setattr(passphrases, "change", partial(passphrases.change, scrypt_n=16))


def test_from_plain_keys_to_a_passphrase_to_another_and_back(tmp_path, files, quick):
    path = filled(tmp_path / "nodes.ledger", lambda lock: Vault())
    assert key(7) in path.read_bytes()
    done = run(path, *files["old"], "--json")
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    assert json.loads(done.stdout) == {"nodes": NODES, "encrypted": True}
    assert not any(each in path.read_bytes() for each in ALL.values())
    assert not (tmp_path / "nodes.ledger-journal").exists()
    done = run(path, *files["new"], passphrase=OLD)
    assert done.exit_code == 0 and "behind the new passphrase" in done.stdout
    assert OLD not in done.output and NEW not in done.output
    assert keys_of(path, with_passphrase(NEW)) == ALL
    with pytest.raises(WrongPassphrase):
        keys_of(path, with_passphrase(OLD))
    done = run(path, "--plain-keys", passphrase=NEW)
    assert done.exit_code == 0 and "in a file that only you can read" in done.stdout
    assert keys_of(path, lambda lock: pytest.fail("it has no lock")) == ALL
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("words", "passphrase", "status", "said"),
    [
        (["new"], NEW, 1, "the passphrase from NODE071_PASSPHRASE is wrong"),
        (["short"], OLD, 1, "a passphrase of 3 characters"),
        ([], OLD, 2, "no new passphrase; give --new @FILE"),
        (["new"], None, 2, "a passphrase is needed"),
        (["new", "--plain-keys"], OLD, 2, "--new and --plain-keys exclude each other"),
        (["--new", "battery staple"], OLD, 2, "others see a command line"),
    ],
)
def test_what_cannot_be_changes_nothing(tmp_path, files, words, passphrase, status, said):
    path = filled(tmp_path / "nodes.ledger", with_passphrase(OLD))
    before = path.read_bytes()
    given = [each for word in words for each in files.get(word, (word,))]
    done = run(path, *given, passphrase=passphrase)
    assert done.exit_code == status and said in done.stderr and done.stderr.count("\n") == 1
    assert path.read_bytes() == before
    missing = run(tmp_path / "none", *files["new"], passphrase=OLD)
    assert missing.exit_code == 1 and "no ledger at" in missing.stderr
    assert not (tmp_path / "none").exists()
