# SPDX-License-Identifier: MIT
"""The real firmware, flashed again and again: what the ledger gives it never comes twice."""

import struct

import pytest
from bare import HARDWARE, KIT, Bare

from host.continuation import prepare
from host.enrol import Wish, enrol
from host.ledger import Ledger
from host.lorawan import Session
from host.state import State
from host.vault import Vault

FLASH_ID = bytes.fromhex("e6605838834b2f2c")
SESSION = Session(0x01ABCDEF, b"n" * 16, b"a" * 16)


class Desk:
    """Flashes one board with what the ledger says, and lets it try for an hour."""

    def __init__(self, folder, ledger):
        self.folder, self.ledger, self.hours = folder, ledger, 0

    def hour(self, found, **wish):
        """Returns what the board sent, and its state at the end."""
        names = (HARDWARE.name, KIT.name, HARDWARE.chip)
        done = enrol(self.ledger, *names, FLASH_ID, State(found), Wish(**wish))
        state = prepare(self.ledger, done, State(found), HARDWARE, KIT)
        self.hours += 1
        folder = self.folder / str(self.hours)
        folder.mkdir()
        bare = Bare(folder, state.files)
        assert "not provisioned" not in bare.log
        return [packet.payload for packet in bare.sent], bare.state


@pytest.fixture
def desk(tmp_path):
    with Ledger.open(tmp_path / "nodes.ledger", lambda lock: Vault()) as ledger:
        yield Desk(tmp_path, ledger)


def numbers(sent, at):
    return [struct.unpack_from("<H", phy, at)[0] for phy in sent]


def test_no_dev_nonce_comes_twice(desk):
    """Read and flashed again, then twice blank, then with new keys."""
    sent, state = desk.hour({})
    assert {phy[9:17][::-1] for phy in sent} == {FLASH_ID}
    first = numbers(sent, 17)
    assert first == list(range(len(first))) and len(first) > 5
    sent, state = desk.hour(state)
    second = numbers(sent, 17)
    assert second == list(range(len(first), len(first) + len(second)))
    third, fourth = (numbers(desk.hour({})[0], 17) for _ in range(2))
    known = len(first)  # the ledger saw it before the second hour
    assert third[0] == known + 296 > second[-1] and fourth[0] == third[0] + 296 > third[-1]
    assert numbers(desk.hour(state, new_keys=True)[0], 17)[0] == 0


def test_no_f_cnt_comes_twice_without_a_join(desk):
    sent, state = desk.hour({}, session=SESSION)
    assert {phy[1:5][::-1].hex() for phy in sent} == {"01abcdef"}
    first = numbers(sent, 6)
    assert first[0] == 1756
    second = numbers(desk.hour(state)[0], 6)
    assert second[0] >= first[-1] + 1
    third = numbers(desk.hour({})[0], 6)
    assert third[0] > second[-1]
