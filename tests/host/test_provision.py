# SPDX-License-Identifier: MIT
"""host.provision: DevEUIs, identities that keep their key to themselves, the records of a node."""

import struct
import zlib

import cbor2
import pytest
from littlefs import LittleFS

from host import boards, image, provision
from host.lorawan import Session

PICO = boards.boards()["rpi-pico-rfm95"]
TTGO = boards.boards()["ttgo-lora32-v2_1"]
KIT = boards.kits()["classroom"]
KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")


@pytest.mark.parametrize(
    ("chip", "unique_id", "dev_eui"),
    [
        # EUI-64 of a MAC address: FF FE in its middle
        ("esp32", "240ac4123456", "240ac4fffe123456"),
        ("esp32-pico-d4", "d8a01d5b7f98", "d8a01dfffe5b7f98"),
        # an id of flash is no EUI: bit 1 of the first byte (local) set, bit 0 (group) cleared
        ("rp2040", "e6605838834b2f2c", "e6605838834b2f2c"),
        ("rp2040", "e46118604b372b31", "e66118604b372b31"),
        ("rp2040-w", "e5614c311b576a35", "e6614c311b576a35"),
        ("rp2040", "0101010101010101", "0201010101010101"),
    ],
)
def test_the_dev_eui_of_a_board(chip, unique_id, dev_eui):
    assert provision.dev_eui_for(chip, bytes.fromhex(unique_id)).hex() == dev_eui


@pytest.mark.parametrize(("chip", "length"), [("esp32", 8), ("rp2040", 6), ("rp2040", 0)])
def test_an_id_of_another_length_is_refused(chip, length):
    with pytest.raises(ValueError, match=f"{length} bytes"):
        provision.dev_eui_for(chip, bytes(length))


def test_an_identity_has_a_key_of_its_own():
    asked = []

    def random_bytes(count):
        asked.append(count)
        return bytes(range(count))

    made = provision.new_identity("a", b"12345678", random_bytes)
    assert asked == [16]
    assert (made.app_key, made.join_eui, made.dev_eui) == (bytes(range(16)), bytes(8), b"12345678")
    keys = {provision.new_identity("a", b"12345678").app_key for _ in range(3)}
    assert len(keys) == 3 and {len(key) for key in keys} == {16}


@pytest.mark.parametrize("write", [repr, str, lambda each: f"{each}", lambda each: f"{[each]!r}"])
def test_no_key_is_ever_in_a_repr(write):
    session = Session(0x260B1234, KEY, KEY[::-1])
    identity = provision.Identity("a", bytes(7) + b"\x01", bytes(8), KEY, session)
    for text in (write(identity), write(session)):
        for key in (KEY, KEY[::-1]):
            assert key.hex() not in text and repr(key) not in text and repr(key)[2:-1] not in text
    assert "0000000000000001" in write(identity)


def opened(record):
    """The value of one slot, its sequence and CRC checked by hand."""
    (crc,) = struct.unpack("<I", record[-4:])
    assert crc == zlib.crc32(record[:-4]) and record[:4] == bytes(4)
    return cbor2.loads(record[4:-4])


def test_the_records_of_a_node():
    identity = provision.Identity("room-1", b"12345678", bytes(8), KEY)
    records = provision.records(PICO, KIT, identity)
    assert set(records) == {"/state/config.0", "/state/board.0"}
    config = opened(records["/state/config.0"])
    assert config == boards.config_for(PICO, KIT, "room-1", b"12345678", bytes(8), KEY)
    assert (config["dev_eui"], config["app_key"]) == (b"12345678", KEY)
    assert "led" in opened(records["/state/board.0"])
    assert KEY not in provision.board_records(PICO)["/state/board.0"]


def test_a_personalised_node_has_its_session_and_no_app_key():
    session = Session(0x01ABCDEF, KEY, KEY[::-1])
    identity = provision.Identity("a", b"12345678", bytes(8), b"x" * 16, session)
    record = provision.records(TTGO, KIT, identity)["/state/config.0"]
    config = opened(record)
    assert "app_key" not in config and b"x" * 16 not in record
    found = (config["dev_addr"], config["nwk_skey"], config["app_skey"])
    assert found == (0x01ABCDEF, KEY, KEY[::-1])


@pytest.mark.parametrize("board", [PICO, TTGO], ids=lambda board: board.name)
def test_the_flash_image_is_as_big_as_the_boards_filesystem(board):
    identity = provision.Identity("a", b"12345678", bytes(8), KEY)
    flash = provision.flash_image(board, KIT, identity)
    assert len(flash) == board.filesystem_kib * 1024
    fs = LittleFS(block_size=4096, block_count=len(flash) // 4096, mount=False)
    fs.context.buffer = bytearray(flash)
    fs.mount()
    assert sorted(fs.listdir("/state")) == ["board.0", "config.0"]
    with fs.open("/state/config.0", "rb") as file:
        assert file.read() == provision.records(board, KIT, identity)["/state/config.0"]
    names = {name.split("/")[0] for name in image.firmware()}
    assert set(fs.listdir("/")) == names | {"state"}
