# SPDX-License-Identifier: MIT
"""host.ledger: rows that come back as they were, numbers that go up, history that stays."""

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from host import schema
from host.errors import HostError
from host.keys import EuiBlock
from host.ledger import Ledger
from host.lorawan import Session
from host.node import STATES, Node
from host.provision import Identity
from host.vault import Vault

KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
EUI = bytes.fromhex("70b3d57ed0000001")
START = datetime(2027, 1, 5, 9, 0, tzinfo=UTC)
PASSPHRASE = "correct horse"


class Clock:
    """A second passes with each look."""

    def __init__(self):
        self.at = START

    def __call__(self):
        self.at += timedelta(seconds=1)
        return self.at


def vault_for(lock):
    return Vault.unlocked(lock, PASSPHRASE) if lock else Vault.new(PASSPHRASE, 16)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "nodes.ledger"


@pytest.fixture
def ledger(path):
    with Ledger.open(path, vault_for, Clock()) as opened:
        yield opened


def node(name="room-1", eui=EUI, key=KEY, session=None, **more):
    return Node(Identity(name, eui, bytes(8), key, session), "rpi-pico-rfm95", "classroom", **more)


@pytest.mark.parametrize("plain", [False, True], ids=["sealed", "plain"])
def test_a_node_comes_back_as_it_went(path, plain):
    vault = (lambda lock: Vault()) if plain else vault_for
    session = Session(0x01ABCDEF, KEY, KEY[::-1])
    rows = [
        node(place="bij het raam", unique_id=b"12345678"),
        node("pole", EUI[::-1], b"x" * 16, session),
    ]
    with Ledger.open(path, vault, Clock()) as ledger:
        added = [ledger.add(row) for row in rows]
        assert [each.seen_at for each in added] == [each.keys_at for each in added]
        assert all(START < each.seen_at < ledger.now() for each in added)
    with Ledger.open(path, vault) as again:
        assert sorted(again.nodes(), key=lambda each: each.name) == added[::-1]
        assert again.node("pole").identity.session == session
        assert again.node("room-1") == again.node(EUI.hex().upper()) == again.by_dev_eui(EUI)
        assert again.find(b"12345678").name == "room-1"
        assert again.find(b"") is None and again.find(b"87654321") is None
        with pytest.raises(HostError, match="no node 'room-2'"):
            again.node("room-2")
    assert (KEY in path.read_bytes()) is plain


def test_a_wrong_passphrase_does_not_open(path, ledger):
    ledger.add(node())
    before = path.read_bytes()
    with pytest.raises(HostError, match="passphrase"):
        Ledger.open(path, lambda lock: Vault.unlocked(lock, "correct house"))
    assert path.read_bytes() == before


def test_keys_of_one_row_do_not_pass_for_those_of_another(path, ledger):
    ledger.add(node())
    ledger.add(node("room-2", EUI[::-1], KEY[::-1]))
    with sqlite3.connect(path) as connection:
        connection.execute(
            "UPDATE node SET sealed_keys = (SELECT sealed_keys FROM node WHERE name = 'room-2')"
        )
    with pytest.raises(HostError, match="changed"):
        ledger.node("room-1")


def test_a_name_and_an_eui_are_of_one_node(ledger):
    ledger.add(node())
    with pytest.raises(HostError, match=f"'room-1' is the name of {EUI.hex()}"):
        ledger.add(node(eui=EUI[::-1]))
    with pytest.raises(HostError, match="belongs to 'room-1'"):
        ledger.add(node("room-2"))
    other = ledger.add(node("room-2", EUI[::-1]))
    with pytest.raises(HostError, match="is the name of"):
        ledger.change(other.dev_eui, replace(other.identity, name="room-1"))
    assert [each.name for each in ledger.nodes()] == ["room-1", "room-2"]
    # a name may look like another's DevEUI
    ledger.change(other.dev_eui, replace(other.identity, name=EUI.hex()))
    assert ledger.seen(EUI, 7).name == "room-1"


def test_a_retired_node_keeps_eui_and_numbers_and_gives_its_name_away(ledger):
    ledger.add(node())
    ledger.seen(EUI, 12)
    assert ledger.retire(EUI).retired_at is not None
    assert ledger.nodes() == [] and len(ledger.nodes(retired=True)) == 1
    successor = ledger.add(node(eui=EUI[::-1]))
    assert ledger.node("room-1") == successor
    assert ledger.by_dev_eui(EUI).next_dev_nonce == 12
    with pytest.raises(HostError, match="is the name of"):  # back in use, under the old name
        ledger.change(EUI)
    back = ledger.change(EUI, replace(node().identity, name="room-9"))
    assert back.retired_at is None and back.next_dev_nonce == 12


def test_a_state_is_reached_once_and_stays(ledger):
    ledger.add(node())
    assert [ledger.advance(EUI, state).state for state in STATES] == list(STATES)
    assert ledger.advance(EUI, "written", "again").state == "heard"
    whats = [event.what for event in ledger.history(EUI)]
    assert whats == ["new", *STATES, "written"]


def test_heard_is_the_latest_time(ledger):
    ledger.add(node())
    ledger.heard(EUI, START)
    ledger.heard(EUI, START - timedelta(days=1))
    assert (ledger.node("room-1").heard_at, ledger.node("room-1").state) == (START, "heard")
    assert [event.what for event in ledger.history(EUI)] == ["new", "heard"]


def test_numbers_only_go_up(ledger):
    ledger.add(node())
    first = ledger.seen(EUI, 10, 640)
    then = ledger.seen(EUI, 3, 64)
    assert (then.next_dev_nonce, then.next_f_cnt) == (10, 640) and then.seen_at > first.seen_at
    assert ledger.seen(EUI, 11).next_dev_nonce == 11


def test_other_keys_are_another_node_for_the_network(ledger):
    ledger.add(node())
    ledger.seen(EUI, 10)
    ledger.heard(EUI, START)
    same = ledger.change(EUI, node().identity, place="hall")
    assert (same.state, same.place) == ("heard", "hall")
    moved = ledger.change(EUI, replace(node().identity, join_eui=b"j" * 8))
    assert (moved.state, moved.heard_at, moved.next_dev_nonce) == ("new", None, 10)
    given = ledger.change(EUI, replace(moved.identity, app_key=b"k" * 16))
    assert (given.next_dev_nonce, given.keys_at > moved.keys_at) == (10, True)
    assert ledger.change(EUI, node(key=b"f" * 16).identity, fresh=True).next_dev_nonce == 0
    details = [(event.what, event.detail) for event in ledger.history(EUI)]
    assert ("place", " -> hall") in details
    assert details.count(("new keys", "")) == 2


@pytest.mark.parametrize("field", ["name", "board", "kit", "region"])
def test_what_has_to_be_written_on_the_board_is_not_written_yet(ledger, field):
    ledger.add(node())
    ledger.advance(EUI, "registered")
    identity = replace(node().identity, name="other" if field == "name" else "room-1")
    more = {} if field == "name" else {field: "other"}
    assert ledger.change(EUI, identity, **more).state == "new"
    assert ledger.advance(EUI, "written").state == "written"


def test_a_node_keeps_its_dev_eui_and_knows_its_fields(ledger):
    ledger.add(node())
    with pytest.raises(ValueError):
        ledger.change(EUI, node(eui=EUI[::-1]).identity)
    with pytest.raises(ValueError):
        ledger.change(EUI, next_dev_nonce=0)


@pytest.mark.parametrize("word", ["UPDATE event SET what = 'x'", "DELETE FROM event"])
def test_history_is_append_only(ledger, word):
    ledger.add(node())
    with pytest.raises(HostError, match="append-only"), ledger.transaction() as connection:
        connection.execute(word)
    assert len(ledger.history(EUI)) == 1


def test_a_transaction_is_all_or_nothing(ledger):
    ledger.add(node())
    with pytest.raises(RuntimeError), ledger.transaction():
        ledger.seen(EUI, 99)
        with ledger.transaction():
            ledger.add(node("room-2", EUI[::-1]))
        raise RuntimeError
    assert (len(ledger.nodes()), ledger.node("room-1").next_dev_nonce) == (1, 0)
    ledger.seen(EUI, 1)  # and it goes on


def test_an_eui_of_a_block_is_given_once(ledger):
    block = EuiBlock(EUI, EUI[:7] + b"\x04")
    ledger.add(node(eui=EUI[:7] + b"\x02"))
    assert [ledger.take_eui(block)[7] for _ in range(3)] == [1, 3, 4]
    with pytest.raises(HostError, match="all 4 EUIs"):
        ledger.take_eui(block)


def test_the_first_file_of_a_name_is_remembered(ledger):
    assert ledger.first_use("a.uf2", "11") == "11"
    assert ledger.first_use("a.uf2", "22") == "11"
    assert ledger.first_use("b.uf2", "22") == "22"


def test_no_key_is_in_a_repr_or_in_public(ledger):
    session = Session(1, KEY, KEY[::-1])
    for each in (ledger.add(node()), ledger.add(node("b", EUI[::-1], session=session))):
        for text in (repr(each), str(each.public())):
            for key in (KEY, KEY[::-1]):
                assert key.hex() not in text and repr(key)[2:-1] not in text


def test_an_older_file_is_brought_up_step_by_step(path, ledger):
    ledger.add(node())
    steps = (*schema.STEPS, "ALTER TABLE node ADD COLUMN colour TEXT NOT NULL DEFAULT 'red';")
    with sqlite3.connect(path, isolation_level=None) as connection:
        with pytest.raises(sqlite3.OperationalError):
            schema.migrate(connection, "it", (*steps, "ALTER TABLE nothing ADD COLUMN x;"))
        assert connection.execute("PRAGMA user_version").fetchone() == (len(schema.STEPS),)
        schema.migrate(connection, "it", steps)
        assert connection.execute("SELECT name, colour FROM node").fetchall() == [("room-1", "red")]
        assert connection.execute("PRAGMA user_version").fetchone() == (len(steps),)
    with pytest.raises(HostError, match="newer node071"):
        Ledger.open(path, vault_for)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"name,key\n" * 300, "no ledger, or damaged"), (b"other", "no ledger, or damaged")],
)
def test_a_file_that_is_none_is_refused_and_left(tmp_path, content, said):
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(HostError, match=said):
        Ledger.open(path, vault_for)
    assert path.read_bytes() == content


def test_a_database_of_somebody_else_is_refused_and_left(tmp_path):
    path = tmp_path / "other.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE mine (x)")
    before = path.read_bytes()
    with pytest.raises(HostError, match="no ledger"):
        Ledger.open(path, vault_for)
    assert path.read_bytes() == before
