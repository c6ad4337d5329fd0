# SPDX-License-Identifier: MIT
"""host.state, host.enrol, host.continuation: a board that is flashed again never repeats a number.

The firmware's own store.py, under MicroPython, reads what the host writes, and the other way.
"""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from host import boards, image
from host.continuation import prepare
from host.enrol import Wish, enrol
from host.errors import HostError, WrongUse
from host.keys import EuiBlock, app_key_from
from host.ledger import Ledger
from host.lorawan import Session
from host.state import State
from host.vault import Vault

ROOT = Path(__file__).parents[2]
PICO, TTGO = boards.boards()["rpi-pico-rfm95"], boards.boards()["ttgo-lora32-v2_1"]
KIT, BIN = boards.kits()["classroom"], boards.kits()["bin"]
FLASH_ID = bytes.fromhex("e6605838834b2f2c")
OTHER_ID = bytes.fromhex("e6605838834b2f2d")
KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
SESSION = Session(0x01ABCDEF, KEY, KEY[::-1])
DAY = timedelta(days=1)


class Clock:
    """A second passes with each look."""

    at = datetime(2027, 1, 5, 9, 0, tzinfo=UTC)

    def __call__(self):
        self.at += timedelta(seconds=1)
        return self.at


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledger(tmp_path, clock):
    with Ledger.open(tmp_path / "nodes.ledger", lambda lock: Vault(), clock) as opened:
        yield opened


class Bench:
    """A board on a desk, and the ledger beside it."""

    def __init__(self, ledger, board=PICO, kit=KIT, unique_id=FLASH_ID):
        self.ledger, self.board, self.kit, self.unique_id = ledger, board, kit, unique_id
        self.state = State()

    def flash(self, live=True, **wish):
        """Provision the board as it stands; returns its node."""
        done = enrol(
            self.ledger, self.board.name, self.kit.name, self.board.chip, self.unique_id,
            self.state, Wish(**wish),
        )  # fmt: skip
        state = prepare(self.ledger, done, self.state, self.board, self.kit, live)
        self.changes, self.state = state.changes(), State(state.files)
        return self.ledger.advance(done.node.dev_eui, "written")

    def blank(self):
        self.state = State()

    def use(self, **records):
        """What the node does with its records while it runs."""
        for name, value in records.items():
            self.state.save(name, value)
        self.state = State(self.state.files)

    @property
    def nonce(self):
        return self.state.load("dev_nonce")

    @property
    def config(self):
        return self.state.load("config")


@pytest.fixture
def bench(ledger):
    return Bench(ledger)


def on_micropython(script, folder):
    done = subprocess.run(
        [sys.executable, "-m", "micropython_unix", "-c", script, str(folder)],
        env=os.environ | {"MICROPYPATH": f"{ROOT / 'firmware'}:.frozen"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_firmwares_store_agrees_on_which_slot_holds(tmp_path):
    def lay(state):
        for path, data in state.files.items():
            tmp_path.joinpath(Path(path).name).write_bytes(data)

    state = State()
    for number in range(3):
        state.save("dev_nonce", number)
    state.save("joins", {0: 1})
    state.save("gone", 1)
    state.drop("gone")
    lay(state)
    script = """if True:
        import json, sys
        from store import Counter, Store
        store = Store(sys.argv[1])
        print(json.dumps([store.load(name) for name in ("dev_nonce", "joins", "gone")]))
        print(Counter(store, "dev_nonce").next())
        store.save("joins", {0: 2})
    """
    first, number = on_micropython(script, tmp_path).splitlines()
    assert (json.loads(first), number) == ([2, {"0": 1}, None], "2")
    back = State({f"/state/{path.name}": path.read_bytes() for path in tmp_path.iterdir()})
    assert (back.load("dev_nonce"), back.load("joins")) == (3, {0: 2})
    back.save("dev_nonce", 296)
    lay(back)
    assert on_micropython(script, tmp_path).splitlines()[1] == "296"


def test_a_damaged_slot_does_not_count():
    state = State()
    state.save("dev_nonce", 5)
    state.save("dev_nonce", 6)
    newer = "/state/dev_nonce.1"
    whole = state.files[newer]
    for damaged in (whole[:-1], whole[:4] + b"\x07" + whole[5:], b"", whole[:4]):
        state.files[newer] = damaged
        assert state.load("dev_nonce") == 5
    state.save("dev_nonce", 7)
    assert state.load("dev_nonce") == 7 and image.record(5) == state.files["/state/dev_nonce.0"]


def test_only_what_differs_is_written():
    state = State({"/state/a.0": image.record(1), "/state/b.0": image.record({"x": [1]})})
    state.save("a", 1)
    state.save("b", {"x": [2]})
    state.files["/state/readings/7"] = b"kept"
    state.drop("a")
    removed, written = state.changes()
    assert written == {"/state/b.1": image.record({"x": [2]}, 1), "/state/readings/7": b"kept"}
    assert removed == ["/state/a.0"]


def test_the_config_goes_first_and_comes_last():
    rows = {"/state/a.0": 1, "/state/config.0": 2, "/state/config.1": 3, "/state/b.1": 4}
    state = State({path: image.record(value) for path, value in rows.items()})
    state.drop_all()
    for name in ("config", "dev_nonce", "a"):
        state.save(name, rows["/state/config.0"])
    removed, written = state.changes()
    # both slots go, although one is written again: in between there is no older config
    assert removed == ["/state/config.0", "/state/config.1", "/state/a.0", "/state/b.1"]
    assert list(written) == ["/state/dev_nonce.0", "/state/a.0", "/state/config.0"]


def test_a_new_board_begins_at_zero_and_is_in_the_ledger_first(bench, ledger):
    done = enrol(ledger, PICO.name, KIT.name, PICO.chip, FLASH_ID, State())
    assert done.fresh_keys and ledger.find(FLASH_ID) == done.node and done.node.state == "new"
    state = prepare(ledger, done, State(), PICO, KIT)
    assert sorted(state.files) == [f"/state/{name}.0" for name in ("board", "config", "dev_nonce")]
    config = boards.config_for(
        PICO, KIT, "classroom-1", FLASH_ID, bytes(8), done.node.identity.app_key
    )
    assert (state.load("dev_nonce"), state.load("config")) == (0, config)


def test_a_board_that_is_read_goes_on_where_it_was(bench):
    node = bench.flash()
    bench.use(dev_nonce=17, join_nonce=4, session={4: 128, 6: 4}, settings={"values": {1: 900}})
    again = bench.flash()
    assert again.identity == node.identity and again.next_dev_nonce == 17
    assert bench.nonce == 17
    assert bench.state.load("session") == {4: 128, 6: 4}
    assert bench.state.load("settings") == {"values": {1: 900}}
    assert bench.changes == ([], {})


def test_a_board_behind_the_ledger_is_lifted(bench, ledger):
    """A run was cut after the ledger had counted, before the board had."""
    node = bench.flash()
    bench.use(dev_nonce=17)
    ledger.seen(node.dev_eui, 296)
    assert bench.flash().next_dev_nonce == bench.nonce == 296


def test_a_blank_board_skips_256_and_40_for_each_day(bench, clock):
    node = bench.flash()
    bench.use(dev_nonce=17)
    bench.flash()
    for days, least in ((0, 17 + 296), (10, 17 + 296 + 256 + 400)):
        clock.at += days * DAY
        bench.blank()
        again = bench.flash()
        assert again.identity == node.identity
        assert least <= bench.nonce <= least + 40 and again.next_dev_nonce == bench.nonce


def test_the_first_nonce_is_not_given_twice_when_a_run_was_cut(ledger):
    done = enrol(ledger, PICO.name, KIT.name, PICO.chip, FLASH_ID, State())
    prepare(ledger, done, State(), PICO, KIT)  # cut here, after the board had it: it may have run
    found = [prepare(ledger, done, State(), PICO, KIT).load("dev_nonce") for _ in range(2)]
    again = enrol(ledger, PICO.name, KIT.name, PICO.chip, FLASH_ID, State())
    assert again.node.identity == done.node.identity and not again.fresh_keys
    found.append(prepare(ledger, again, State(), PICO, KIT).load("dev_nonce"))
    assert found == [296, 592, 888]


def test_a_board_whose_count_is_lost_is_as_good_as_blank(bench):
    bench.flash()
    bench.use(dev_nonce=17, session={4: 64})
    bench.flash()
    bench.state.drop("dev_nonce")
    bench.flash()
    assert bench.nonce == 17 + 296 and bench.state.load("session") is None


def test_an_older_copy_of_a_board_is_not_trusted_with_numbers(bench, clock):
    bench.flash()
    bench.use(dev_nonce=17, session={4: 64}, settings={"values": {}})
    bench.state.files["/state/readings/0"] = b"rows"
    bench.flash()
    clock.at += 2 * DAY
    bench.flash(live=False)
    assert bench.nonce == 17 + 256 + 3 * 40 and bench.state.load("session") is None
    assert bench.state.files["/state/readings/0"] == b"rows"


def test_a_ledger_from_the_future_is_no_ground_to_count_on(bench, clock):
    bench.flash()
    clock.at -= 3 * DAY
    bench.blank()
    with pytest.raises(HostError, match="still to come"):
        bench.flash()


def test_nonces_that_are_used_up_ask_for_new_keys(bench):
    old = bench.flash()
    bench.use(dev_nonce=65535)
    bench.flash()
    assert bench.nonce == 65535  # the last one is good
    bench.use(dev_nonce=65536)
    with pytest.raises(HostError, match="all DevNonces of classroom-1 are used"):
        bench.flash()
    new = bench.flash(new_keys=True)
    assert bench.nonce == 0 and new.identity.app_key != old.identity.app_key


def test_new_keys_keep_readings_and_settings_and_nothing_of_the_old_ones(bench, ledger):
    old = bench.flash()
    ledger.advance(old.dev_eui, "registered")
    bench.use(
        dev_nonce=17, join_nonce=4, joins={0: 3}, session={4: 64}, lost=99, settings={"values": {}}
    )
    bench.state.files["/state/readings/0"] = b"rows"
    new = bench.flash(new_keys=True)
    names = {path.split("/")[2].split(".")[0] for path in bench.state.files}
    assert names == {"board", "config", "dev_nonce", "settings", "readings"}
    assert (bench.nonce, new.state) == (0, "written")  # no longer registered
    assert (new.name, new.dev_eui) == (old.name, old.dev_eui)
    assert bench.config["app_key"] == new.identity.app_key != old.identity.app_key
    assert old.identity.app_key not in b"".join(bench.state.files.values())


@pytest.mark.parametrize("given", ["app_key", "site_secret"])
def test_keys_that_were_given_may_have_been_used(bench, given):
    bench.flash(**{given: KEY})
    assert bench.nonce == 296
    expected = KEY if given == "app_key" else app_key_from(KEY, FLASH_ID)
    assert bench.config["app_key"] == expected
    bench.use(dev_nonce=300)
    bench.flash(**{given: KEY})  # the same wish again changes nothing
    assert bench.nonce == 300
    bench.flash(app_key=b"k" * 16)
    assert bench.nonce == 300 + 296
    bench.flash(**{given: KEY})  # and back to what was used before
    assert bench.nonce == 300 + 2 * 296
    bench.flash(new_keys=True, app_key=b"n" * 16)  # new, but for whom?
    assert bench.nonce == 300 + 3 * 296


def test_a_personalised_node_continues_its_frame_counter(ledger, clock):
    bench = Bench(ledger, TTGO, KIT, bytes.fromhex("240ac4123456"))
    node = bench.flash(session=SESSION)
    first = bench.config["f_cnt_up"]
    assert first == 256 + 1500 and bench.nonce is None
    assert (bench.config["dev_addr"], bench.config["nwk_skey"]) == (0x01ABCDEF, KEY)
    assert "app_key" not in bench.config
    bench.use(session={4: first + 640})
    assert bench.flash().next_f_cnt == first + 640
    assert bench.state.load("session") == {4: first + 640}
    ledger.seen(node.dev_eui, next_f_cnt=first + 1000)
    bench.flash()
    assert bench.state.load("session") == {4: first + 1000}
    clock.at += 2 * DAY
    bench.blank()
    assert bench.flash().identity == node.identity
    assert bench.config["f_cnt_up"] == first + 1000 + 256 + 3 * 1500
    clock.at += 50 * DAY
    bench.blank()
    with pytest.raises(HostError, match="its network may not follow"):
        bench.flash()
    with pytest.raises(WrongUse, match="never joins"):
        bench.flash(new_keys=True)
    other = replace(SESSION, nwk_skey=b"n" * 16)
    assert bench.flash(new_keys=True, session=other).identity.session == other
    assert bench.flash(app_key=KEY).identity.session is None  # it joins from now on
    assert bench.config["app_key"] == KEY and "dev_addr" not in bench.config


def test_a_board_that_becomes_another_node_takes_nothing_along(bench, ledger):
    old = bench.flash()
    bench.use(dev_nonce=17, settings={"values": {}}, counts={0: 1})
    bench.state.files["/state/readings/0"] = b"rows"
    new = bench.flash(dev_eui=b"87654321")
    assert {path.split("/")[2] for path in bench.state.files} == {
        "board.0", "config.0", "dev_nonce.0"
    }  # fmt: skip
    assert (bench.nonce, new.name) == (0, "classroom-2")
    was = ledger.by_dev_eui(old.dev_eui)
    assert was.retired_at is not None and ledger.find(FLASH_ID) == new
    assert [event.what for event in ledger.history(old.dev_eui)][-2:] == ["retired", "replaced"]


def test_another_kit_has_other_settings(bench):
    bench.flash()
    bench.use(settings={"values": {1: 900}}, dev_nonce=3)
    bench.kit = BIN
    assert bench.flash().kit == "bin"
    assert bench.state.load("settings") is None and bench.nonce == 3


def test_an_identity_moves_to_another_board_when_its_own_is_gone(bench, ledger):
    lost = bench.flash(name="bin-12")
    spare = Bench(ledger, unique_id=OTHER_ID)
    with pytest.raises(HostError, match="belongs to 'bin-12', which is another board"):
        spare.flash(dev_eui=lost.dev_eui)
    ledger.retire(lost.dev_eui)
    moved = spare.flash(dev_eui=lost.dev_eui)
    assert (moved.identity, moved.unique_id, moved.retired_at) == (lost.identity, OTHER_ID, None)
    assert spare.nonce == 296
    bench.blank()  # the old board turns up: it is not that node any more
    with pytest.raises(HostError, match="belongs to 'bin-12'"):
        bench.flash()


def test_a_board_that_the_ledger_does_not_know_brings_its_identity(bench, tmp_path):
    node = bench.flash(name="room-1")
    bench.use(dev_nonce=17)
    with Ledger.open(tmp_path / "second.ledger", lambda lock: Vault()) as other:
        elsewhere = Bench(other)
        elsewhere.state = bench.state
        adopted = elsewhere.flash()
        assert adopted.identity == node.identity and elsewhere.nonce == 17
        assert "adopted" in [event.what for event in other.history(node.dev_eui)]
        third = Bench(other, unique_id=OTHER_ID)  # a copy of that flash on another board
        third.state = bench.state
        assert third.flash().identity.app_key != node.identity.app_key
    block = EuiBlock.parse("70b3d57ed0000000/2")
    for wish, eui in (({"block": block}, block.first), ({"dev_eui": b"87654321"}, b"87654321")):
        with Ledger.open(tmp_path / f"{eui.hex()}.ledger", lambda lock: Vault()) as other:
            wishful = Bench(other)
            wishful.state = bench.state
            made = wishful.flash(**wish)
            assert made.dev_eui == eui and made.identity.app_key != node.identity.app_key
            assert len(other.nodes(retired=True)) == 1


@pytest.mark.parametrize(
    "change",
    [{"app_key": bytes(16)}, {"app_key": b"short"}, {"dev_eui": b"short"}, {"name": 7}, {"v": 1}],
)
def test_a_config_that_is_none_brings_nothing(bench, ledger, change):
    donor = bench.flash()
    ledger.retire(donor.dev_eui)
    config = bench.config | {"dev_eui": b"87654321"} | change
    if change == {"v": 1}:
        config = [config]
    stranger = Bench(ledger, unique_id=OTHER_ID)
    stranger.use(config=config)
    made = stranger.flash()
    assert made.dev_eui == OTHER_ID and made.identity.app_key != donor.identity.app_key


def test_euis_of_a_block_stay_with_their_boards(ledger):
    block = EuiBlock.parse("70b3d57ed0000000/2")
    one, two = Bench(ledger), Bench(ledger, unique_id=OTHER_ID)
    first = one.flash()  # once tried without a block
    euis = [each.flash(block=block).dev_eui[7] for each in (one, two, one, two)]
    assert euis == [0, 1, 0, 1]
    assert ledger.by_dev_eui(first.dev_eui).retired_at is not None
    with pytest.raises(HostError, match="all 2 EUIs"):
        Bench(ledger, unique_id=b"87654321").flash(block=block)
    assert len(ledger.nodes()) == 2


def test_a_wish_that_cannot_be_changes_nothing(bench, ledger):
    block = EuiBlock.parse("70b3d57ed0000000/2")
    for wish in (
        {"dev_eui": b"87654321", "block": block},
        {"app_key": KEY, "site_secret": KEY},
        {"new_keys": True, "site_secret": KEY},
        {"dev_eui": bytes(8)},
        {"dev_eui": b"\xff" * 8},
        {"app_key": bytes(16)},
        {"site_secret": b"short"},
    ):
        with pytest.raises(WrongUse):
            bench.flash(**wish)
    with pytest.raises(HostError, match="no EUI of its own"):
        Bench(ledger, unique_id=b"").flash()
    assert ledger.nodes(retired=True) == [] and bench.state.files == {}
    assert ledger.take_eui(block)[7] == 0


def test_names_are_made_once_and_kept(ledger):
    boards_ = [Bench(ledger, unique_id=bytes((2, n)) * 4) for n in range(3)]
    assert [each.flash().name for each in boards_] == ["classroom-1", "classroom-2", "classroom-3"]
    assert boards_[1].flash(name="hall").name == "hall"
    assert boards_[1].flash().name == "hall"
    ledger.retire(ledger.node("hall").dev_eui)
    assert boards_[2].flash(name="hall").name == "hall"
    assert boards_[1].flash().name == "classroom-2"  # back in use, its name is taken
