# SPDX-License-Identifier: MIT
"""The serial port of a virtual board, from its other end."""

import os
import select

import pytest
from programs import HANG_S

from host.errors import WrongUse
from simulator.port import CablePulled, Port


@pytest.fixture
def port():
    made = Port()
    made.open()
    yield made
    made.close()


@pytest.fixture
def program(port):
    """The end that a program has open."""
    made = os.open(port.path, os.O_RDWR | os.O_NOCTTY)
    port.look()
    yield made
    os.close(made)


def arrived(end):
    """What comes at either end, once the kernel has brought it."""
    assert select.select([end], [], [], HANG_S)[0]
    return end.read() if isinstance(end, Port) else os.read(end, 100)


def test_what_nobody_is_there_for_is_lost(port):
    port.write(b"early")
    assert not port.attached and not port.waits
    end = os.open(port.path, os.O_RDWR | os.O_NOCTTY)
    assert not port.look() and port.attached
    port.write(b"now")
    assert arrived(end) == b"now"
    os.close(end)
    assert port.look() and not port.attached


def test_bytes_go_both_ways_as_they_are(port, program):
    os.write(program, bytes(range(32)))
    assert arrived(port) == bytes(range(32))
    port.write(b"\x03\x04\r\n")
    assert arrived(program) == b"\x03\x04\r\n"


def test_a_cable_carries_so_many_bytes_to_the_host_and_no_more(port, program):
    port.to_host_left = 3
    port.write(b"123456")
    with pytest.raises(CablePulled):
        port.strain()
    assert arrived(program) == b"123"
    port.pull()
    assert not port.waits and not os.path.exists(port.path)


def test_nobody_else_gets_the_number_of_a_port_that_was_pulled(port, program):
    before = port.path
    port.pull()
    assert not os.path.exists(before) and os.read(program, 1) == b""
    others = [Port() for _ in range(3)]
    for each in (port, *others):
        each.open()
        assert each.path != before
    for each in others:
        each.close()


def test_a_cable_carries_so_many_bytes_to_the_board_and_no_more(port, program):
    port.to_board_left = 4
    os.write(program, b"123456")
    assert arrived(port) == b"1234"
    with pytest.raises(CablePulled):
        port.strain()


def test_it_sees_what_it_watches_for_in_pieces_too(port, program):
    port.watch_for = b"\xc0\x00\x08"
    for piece in (b"abc\xc0", b"\x00", b"\x08"):
        assert not port.seen
        os.write(program, piece)
        assert arrived(port) == piece
    assert port.seen


def test_a_link_leads_to_it_while_it_is_plugged_in(tmp_path):
    port = Port(link=tmp_path / "port")
    port.open()
    assert os.readlink(tmp_path / "port") == port.path
    port.close()
    assert not os.path.lexists(tmp_path / "port")


def test_a_link_takes_the_place_of_an_old_one_and_of_nothing_else(tmp_path):
    (tmp_path / "thesis").write_text("mine")
    port = Port(link=tmp_path / "thesis")
    with pytest.raises(WrongUse, match="thesis is there, and is no link"):
        port.open()
    port.close()
    assert (tmp_path / "thesis").read_text() == "mine"
    one, other = Port(link=tmp_path / "port"), Port(link=tmp_path / "port")
    one.open()
    other.open()
    one.close()
    assert os.readlink(tmp_path / "port") == other.path
    other.close()
