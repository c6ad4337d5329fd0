# SPDX-License-Identifier: MIT
"""host.backups: a whole ledger in one file, and a way back that sets no number back."""

import json
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from host import backups, schema
from host.errors import HostError
from host.keys import EuiBlock
from host.ledger import Ledger
from host.node import Node
from host.provision import Identity
from host.vault import Vault, WrongPassphrase

KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
EUI, OTHER = bytes.fromhex("70b3d57ed0000001"), bytes.fromhex("70b3d57ed0000002")
PASSPHRASE = "correct horse"


class Clock:
    def __init__(self, day):
        self.at = datetime(2027, 1, day, tzinfo=UTC)

    def __call__(self):
        self.at += timedelta(seconds=1)
        return self.at


def vault_for(lock):
    return Vault.unlocked(lock, PASSPHRASE) if lock else Vault.new(PASSPHRASE, 16)


def node(name="room-1", eui=EUI, key=KEY):
    return Node(Identity(name, eui, bytes(8), key), "rpi-pico-rfm95", "classroom")


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "nodes.ledger", vault_for, Clock(1)) as opened:
        opened.add(node())
        opened.seen(EUI, 10)
        yield opened


def restored(path, tmp_path, vault=vault_for, day=20):
    """Bring a backup into a ledger of its own; returns it and what was said."""
    place = tmp_path / f"other-{day}.ledger"
    said = backups.restore(path, vault, lambda found: Ledger.open(place, lambda lock: found))
    return Ledger.open(place, vault, Clock(day)), said


def test_all_comes_back(tmp_path, ledger):
    ledger.add(node("room-2", OTHER, b"k" * 16))
    ledger.retire(OTHER)
    ledger.take_eui(EuiBlock.parse("70b3d57ed0000010/2"))
    ledger.first_use("a.uf2", "11")
    path = tmp_path / "b"
    backups.backup(ledger, path, ledger.vault)
    other, said = restored(path, tmp_path)
    with other:
        assert (said.added, said.changed, said.unchanged) == (["room-1", "room-2"], [], [])
        assert other.nodes(retired=True) == ledger.nodes(retired=True)
        assert other.history(EUI) == ledger.history(EUI)
        assert other.take_eui(EuiBlock.parse("70b3d57ed0000010/2"))[7] == 0x11
        assert other.first_use("a.uf2", "22") == "11"
        assert other.vault.lock == ledger.vault.lock


def test_a_backup_shows_nothing(tmp_path, ledger):
    path = tmp_path / "b"
    backups.backup(ledger, path, ledger.vault)
    data = path.read_bytes()
    for secret in (KEY, b"room-1", EUI.hex().encode(), b"SQLite", b"rpi-pico"):
        assert secret not in data


def test_a_plain_ledger_can_have_a_sealed_backup(tmp_path):
    with Ledger.open(tmp_path / "plain.ledger", lambda lock: Vault()) as plain:
        plain.add(node())
        path = tmp_path / "b"
        backups.backup(plain, path, Vault.new(PASSPHRASE, 16))
    assert KEY not in path.read_bytes()
    other, said = restored(path, tmp_path)
    with other:
        assert said.added == ["room-1"] and other.node("room-1").identity == node().identity
        assert other.vault.lock is not None
    assert KEY not in (tmp_path / "other-20.ledger").read_bytes()


def test_a_plain_backup_is_plain(tmp_path):
    path = tmp_path / "b"
    with Ledger.open(tmp_path / "plain.ledger", lambda lock: Vault()) as plain:
        plain.add(node())
        backups.backup(plain, path, plain.vault)
    assert KEY in path.read_bytes() and path.stat().st_mode & 0o777 == 0o600
    other, _ = restored(path, tmp_path)
    with other:
        assert other.node("room-1").identity == node().identity


def test_a_wrong_passphrase_or_a_changed_backup_brings_nothing(tmp_path, ledger):
    path = tmp_path / "b"
    backups.backup(ledger, path, ledger.vault)
    with pytest.raises(WrongPassphrase):
        restored(path, tmp_path, lambda lock: Vault.unlocked(lock, "correct house"))
    good = path.read_bytes()
    body = good.index(b"\n", 20) + 1
    for bad, said in (
        (good[:-1], "changed"),
        (good[:body] + bytes((good[body],)) + b"x" + good[body + 2 :], "changed"),
        (good[:body], "no backup"),
        (good[1:], "no backup"),
        (b"", "no backup"),
        (good.replace(b'"salt"', b'"malt"'), "no backup"),
        (good.replace(b'{"scrypt_n": 16', b'{"scrypt_n": 9'), "no backup"),
    ):
        path.write_bytes(bad)
        with pytest.raises(HostError, match=said):
            restored(path, tmp_path)
    assert not list(tmp_path.glob("other*"))


def test_newer_numbers_stay(tmp_path, ledger):
    path = tmp_path / "b"
    backups.backup(ledger, path, ledger.vault)
    later = ledger.seen(EUI, 25)
    with backups.Backup(path).open(ledger.vault) as old:
        said = backups.merge(ledger, old)
    assert said.unchanged == ["room-1"] and ledger.node("room-1") == later


def test_higher_numbers_come_back_and_the_newer_row_counts(tmp_path, ledger):
    first = tmp_path / "first"
    backups.backup(ledger, first, ledger.vault)
    known = ledger.seen(EUI, 25)
    ledger.advance(EUI, "registered")
    second = tmp_path / "second"
    backups.backup(ledger, second, ledger.vault)
    other, _ = restored(first, tmp_path)
    with other:
        assert other.node("room-1").next_dev_nonce == 10
        mine = other.change(EUI, replace(node().identity, name="hall"))  # on the 20th
        with backups.Backup(second).open(other.vault) as theirs:
            said = backups.merge(other, theirs)
        joined = other.node("hall")
        assert said.changed == ["hall"]
        assert (joined.next_dev_nonce, joined.seen_at) == (25, known.seen_at)
        assert (joined.state, joined.changed_at) == ("registered", mine.changed_at)
        whats = [event.what for event in other.history(EUI)]
        assert whats == ["new", "seen", "seen", "registered", "name"]


def test_a_time_goes_with_the_numbers_that_it_knew(tmp_path, ledger):
    """Higher numbers that were known earlier: days count from then, so that none comes twice."""
    path = tmp_path / "b"
    backups.backup(ledger, path, ledger.vault)
    early = ledger.seen(EUI, 300)
    other, _ = restored(path, tmp_path)
    with other:
        other.seen(EUI, 12)
        with Ledger.open(tmp_path / "nodes.ledger", vault_for) as theirs:
            backups.merge(other, theirs)
        joined = other.node("room-1")
        assert (joined.next_dev_nonce, joined.seen_at) == (300, early.seen_at)


@pytest.mark.parametrize("mine_are_newer", [True, False])
def test_of_two_keys_the_newer_ones_stay_with_their_numbers(tmp_path, ledger, mine_are_newer):
    path = tmp_path / "b"
    if mine_are_newer:
        backups.backup(ledger, path, ledger.vault)
        ledger.change(EUI, node(key=b"k" * 16).identity, fresh=True)
        with backups.Backup(path).open(ledger.vault) as old:
            backups.merge(ledger, old)
        found = ledger.node("room-1")
    else:
        backups.backup(ledger, path, ledger.vault)
        other, _ = restored(path, tmp_path)
        with other:
            other.change(EUI, node(key=b"k" * 16).identity, fresh=True)
            backups.backup(other, path, other.vault)
        with backups.Backup(path).open(ledger.vault) as old:
            backups.merge(ledger, old)
        found = ledger.node("room-1")
    assert (found.identity.app_key, found.next_dev_nonce) == (b"k" * 16, 0)


def test_two_nodes_of_one_name_stay_two(tmp_path, ledger):
    path = tmp_path / "b"
    backups.backup(ledger, path, ledger.vault)
    with Ledger.open(tmp_path / "mine.ledger", lambda lock: Vault()) as mine:
        mine.add(node(eui=OTHER))
        with backups.Backup(path).open(ledger.vault) as theirs:
            assert backups.merge(mine, theirs).added == ["room-1-0001"]
        assert [each.name for each in mine.nodes()] == ["room-1", "room-1-0001"]


def test_a_file_that_is_no_backup_is_not_written_over(tmp_path, ledger):
    path = tmp_path / "letter.txt"
    path.write_text("dear all")
    with pytest.raises(HostError, match="no backup"):
        backups.backup(ledger, path, ledger.vault)
    assert path.read_text() == "dear all" and len(list(tmp_path.iterdir())) == 2
    path = tmp_path / "b"
    backups.backup(ledger, path, ledger.vault)
    backups.backup(ledger, path, ledger.vault)  # an older backup is


def test_a_backup_of_a_newer_program_is_named(tmp_path, ledger):
    path = tmp_path / "b"
    with sqlite3.connect(tmp_path / "nodes.ledger") as connection:
        connection.execute(f"PRAGMA user_version = {len(schema.STEPS) + 1}")
    backups.backup(ledger, path, ledger.vault)
    with pytest.raises(HostError, match="newer node071"):
        restored(path, tmp_path)


def test_the_lock_stands_in_the_clear(tmp_path, ledger):
    path = tmp_path / "b"
    backups.backup(ledger, path, ledger.vault)
    magic, lock = path.read_bytes().split(b"\n")[:2]
    assert magic == b"node071 backup 1"
    assert json.loads(lock) == ledger.vault.lock.as_dict()
