# SPDX-License-Identifier: MIT
"""The ledger's file: who may read it, a process that is killed while it writes, two that write."""

import os
import random
import resource
import signal
import sqlite3
import stat
import threading
import time
from pathlib import Path

import pytest

from host import backups, schema
from host.errors import HostError
from host.keys import EuiBlock
from host.ledger import Ledger
from host.node import Node
from host.provision import Identity
from host.vault import Vault

PASSPHRASE = "correct horse"
EUI = bytes.fromhex("70b3d57ed0000000")
BLOCK = EuiBlock.parse("70b3d57ed0000100/200")


def vault_for(lock):
    return Vault.unlocked(lock, PASSPHRASE) if lock else Vault.new(PASSPHRASE, 16)


def node(name, eui):
    return Node(Identity(name, eui, bytes(8), os.urandom(16)), "rpi-pico-rfm95", "classroom")


def modes(folder):
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


def test_all_files_are_for_their_owner_only(tmp_path, umask):
    folder = tmp_path / "data" / "node071"
    with Ledger.open(folder / "nodes.ledger", vault_for) as ledger:
        with ledger.transaction():
            ledger.add(node("room-1", EUI))
            assert modes(folder) == {"nodes.ledger": 0o600, "nodes.ledger-journal": 0o600}
        backups.backup(ledger, folder / "b", ledger.vault)
    assert modes(folder) == {"nodes.ledger": 0o600, "b": 0o600}
    assert stat.S_IMODE(folder.stat().st_mode) & 0o077 == 0


def test_a_file_is_made_closed(tmp_path, umask):
    schema.create(tmp_path / "new" / "nodes.ledger")
    assert modes(tmp_path) == {"new": 0o700} and modes(tmp_path / "new") == {"nodes.ledger": 0o600}


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path):
    path = tmp_path / "nodes.ledger"
    Ledger.open(path, vault_for).__exit__()
    path.chmod(0o664)
    Ledger.open(path, vault_for).__exit__()
    assert modes(tmp_path) == {"nodes.ledger": 0o600}


class OnStick(type(Path())):
    """A path on a drive that knows no owners, such as FAT."""

    def chmod(self, mode, **more):
        raise PermissionError(1, "not here")


def test_keys_in_the_clear_are_refused_where_others_can_read_them(tmp_path):
    path = OnStick(tmp_path / "nodes.ledger")
    path.touch(0o644)
    with pytest.raises(HostError, match="others can read"):
        Ledger.open(path, lambda lock: Vault())
    path.unlink()
    path.touch(0o644)
    with Ledger.open(path, vault_for) as ledger:  # encrypted, it may lie there
        ledger.add(node("room-1", EUI))


def test_a_backup_that_does_not_fit_leaves_the_older_one(tmp_path):
    path = tmp_path / "b"
    with Ledger.open(tmp_path / "nodes.ledger", vault_for) as ledger:
        backups.backup(ledger, path, ledger.vault)
        older, (soft, hard) = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        try:
            with pytest.raises(OSError):
                backups.backup(ledger, path, ledger.vault)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert sorted(modes(tmp_path)) == ["b", "nodes.ledger"] and path.read_bytes() == older


def child(work):
    """Run `work` in a process of its own; returns its id. It never comes back here."""
    if pid := os.fork():
        return pid
    try:
        work()
        os._exit(0)
    finally:
        os._exit(1)


def done_well(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def grow(path, report):
    """Make node after node, in a transaction each that also counts them in the first one."""
    with Ledger.open(path, vault_for) as ledger:
        number = len(ledger.nodes())
        while True:
            with ledger.transaction():
                ledger.add(node(f"room-{number}", ledger.take_eui(BLOCK)))
                ledger.seen(EUI, number, number * 64)
                ledger.note(EUI, "made", str(number))
            os.write(report, bytes((number,)))
            number += 1


@pytest.mark.parametrize("seed", range(8))
def test_a_process_killed_at_any_moment_leaves_whole_transactions(tmp_path, seed):
    path = tmp_path / "nodes.ledger"
    chance = random.Random(seed)
    with Ledger.open(path, vault_for) as ledger:
        ledger.add(node("room-0", EUI))
    for _ in range(4):
        reader, writer = os.pipe()
        pid = child(lambda end=writer: grow(path, end))
        os.close(writer)
        os.read(reader, 1)  # it has begun
        time.sleep(chance.uniform(0, 0.02))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        last = os.read(reader, 1000)[-1:]
        os.close(reader)
        with Ledger.open(path, vault_for) as ledger:
            nodes, counter = ledger.nodes(), ledger.by_dev_eui(EUI)
            assert len(nodes) == counter.next_dev_nonce + 1
            assert counter.next_f_cnt == counter.next_dev_nonce * 64
            made = [event for event in ledger.history(EUI) if event.what == "made"]
            assert len(made) == counter.next_dev_nonce
            assert counter.next_dev_nonce >= (last[0] if last else 1)  # what was told is kept
        with sqlite3.connect(path) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            used = connection.execute("SELECT count(*) FROM used_eui").fetchone()
            assert used == (counter.next_dev_nonce,)
        connection.close()
        assert set(modes(tmp_path).values()) == {0o600}  # a journal may have stayed, unused


def make(path, count):
    with Ledger.open(path, vault_for) as ledger:
        for _ in range(count):
            with ledger.transaction():
                eui = ledger.take_eui(BLOCK)
                ledger.add(node(eui.hex(), eui))
                ledger.seen(EUI, ledger.by_dev_eui(EUI).next_dev_nonce + 1)


def test_two_processes_write_at_once(tmp_path):
    path = tmp_path / "nodes.ledger"
    with Ledger.open(path, vault_for) as ledger:
        ledger.add(node("counter", EUI))
    pids = [child(lambda: make(path, 20)) for _ in range(2)]
    assert [done_well(pid) for pid in pids] == [True, True]
    with Ledger.open(path, vault_for) as ledger:
        assert len(ledger.nodes()) == 41 and ledger.node("counter").next_dev_nonce == 40
        assert ledger.take_eui(BLOCK) == list(BLOCK)[40]


def test_two_processes_make_the_ledger_at_once(tmp_path):
    for turn in range(4):
        path = tmp_path / f"{turn}.ledger"
        pids = []
        for number in range(2):

            def work(number=number, path=path):
                with Ledger.open(path, vault_for) as ledger:
                    ledger.add(node(f"room-{number}", bytes(7) + bytes((number + 1,))))

            pids.append(child(work))
        assert [done_well(pid) for pid in pids] == [True, True]
        with Ledger.open(path, vault_for) as ledger:
            assert [each.name for each in ledger.nodes()] == ["room-0", "room-1"]


def test_threads_share_a_ledger(tmp_path):
    with Ledger.open(tmp_path / "nodes.ledger", vault_for) as ledger:
        ledger.add(node("counter", EUI))

        def work():
            for _ in range(10):
                with ledger.transaction():
                    before = ledger.by_dev_eui(EUI).next_dev_nonce
                    eui = ledger.take_eui(BLOCK)
                    ledger.add(node(eui.hex(), eui))
                    ledger.seen(EUI, before + 1)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert ledger.node("counter").next_dev_nonce == 40 and len(ledger.nodes()) == 41


def test_an_old_key_does_not_linger_in_the_file(tmp_path):
    path, old = tmp_path / "nodes.ledger", b"\x5a\xa5" * 8
    with Ledger.open(path, lambda lock: Vault()) as ledger:
        euis = [bytes(7) + bytes((number,)) for number in range(30)]
        for eui in euis:
            identity = Identity(eui.hex(), eui, bytes(8), old)
            ledger.add(Node(identity, "rpi-pico-rfm95", "classroom"))
        assert old in path.read_bytes()
        for eui in euis:  # and a longer row, so that it moves to another page
            identity = Identity(eui.hex(), eui, bytes(8), b"k" * 16)
            ledger.change(eui, identity, place="x" * 500)
    assert old not in path.read_bytes()
