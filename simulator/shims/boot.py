# SPDX-License-Identifier: MIT
"""Start one virtual board: connect to the host, mount its flash as the root, run boot.py, main.py.

Arguments: the file descriptors to read from and write to, and the flash file; of that the host says
which part is the filesystem.
"""

import builtins
import sys

import _wire
import ds18x20  # noqa: F401  # the shims must be loaded before the host's files vanish
import machine
import onewire  # noqa: F401
import os
import struct
import time
import vfs

_BLOCK = 4096
_ERASED = b"\xff" * 64
_ERASE_US = 45000  # 4 KiB sector, typical of the W25Q family
_PAGE, _PAGE_US = 256, 700
_open = open


class Flash:
    """A part of the flash file as a block device that takes its time and counts its wear.

    `journal`, a file or None, gets each operation before it is done: time, erase or program, block,
    offset, length, and the bytes that are programmed.
    """

    def __init__(self, file, begin, size, journal):
        self._file, self._begin, self._size, self._journal = file, begin, size, journal

    def _note(self, kind, block, offset, data):
        if self._journal:
            head = struct.pack("<QBHHH", _wire.now_us, kind, block, offset, len(data))
            self._journal.write(head)
            self._journal.write(data)
            self._journal.flush()

    def readblocks(self, block, buffer, offset=0):
        self._file.seek(self._begin + block * _BLOCK + offset)
        self._file.readinto(buffer)

    def writeblocks(self, block, buffer, offset=None):
        if offset is None:
            self.ioctl(6, block)
            offset = 0
        self._note(_wire.POST_PROGRAM, block, offset, buffer)
        self._file.seek(self._begin + block * _BLOCK + offset)
        self._file.write(buffer)
        _busy((len(buffer) + _PAGE - 1) // _PAGE * _PAGE_US)
        _wire.post(_wire.POST_PROGRAM, block)

    def ioctl(self, command, argument):
        if command == 4:
            return self._size // _BLOCK
        if command == 5:
            return _BLOCK
        if command == 6:
            self._note(_wire.POST_ERASE, argument, 0, b"")
            self._file.seek(self._begin + argument * _BLOCK)
            for _ in range(_BLOCK // len(_ERASED)):
                self._file.write(_ERASED)
            _busy(_ERASE_US)
            _wire.post(_wire.POST_ERASE, argument)
            return 0


def _busy(cost_us):
    """RP2040 has its interrupts off meanwhile; ESP32 runs no handler before the file call ends."""
    if _wire.board["flash_at_once"]:
        return
    _wire.in_flash = True
    _wire.spend(cost_us)
    _wire.in_flash = False


class File:
    """A file of ESP32: after each call the interpreter takes the interrupts that waited."""

    def __init__(self, *arguments):
        self._file = _open(*arguments)
        _wire.handle_edges()

    def __getattr__(self, name):
        method = getattr(self._file, name)

        def call(*arguments):
            result = method(*arguments)
            _wire.handle_edges()
            return result

        return call

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


def mount(flash):
    """Mount as the stock images do: RP2040 formats what it cannot mount, ESP32 only what is blank
    and refuses else to start."""
    esp32 = not _wire.board["chip"].startswith("rp2040")
    vfs.umount("/")
    try:
        vfs.mount(_filesystem(flash), "/")
    except OSError:
        if esp32 and not _blank(flash):
            _refuse()
        vfs.VfsLfs2.mkfs(flash, progsize=_wire.board["prog_size"])
        vfs.mount(_filesystem(flash), "/")
        if esp32:
            with open("/boot.py", "w") as file:  # ports/esp32/modules/inisetup.py
                file.write("# This file is executed on every boot (including wake-boot)\n")
    os.chdir("/")
    sys.path[:] = ["", ".frozen", "/lib"]


def _filesystem(flash):
    # without the time of each change: C code would take it from this machine's clock, and the same
    # run would not write the same flash
    return vfs.VfsLfs2(flash, progsize=_wire.board["prog_size"], mtime=False)


def _blank(flash):
    block = bytearray(_BLOCK)
    flash.readblocks(0, block)
    return all(byte == 0xFF for byte in block)


def _refuse():
    """What ESP32 prints for ever; at a terminal somebody can end it by Ctrl-C."""
    print("The filesystem appears to be corrupted.")
    if not _wire.board["live"]:
        raise OSError
    _wire.trip(_wire.OP_READY)
    while True:
        time.sleep(3)
        print("The filesystem appears to be corrupted.")


def run(name):
    """Run one file of the root as `__main__`, when it is there."""
    try:
        with open(name) as file:
            source = file.read()
    except OSError:
        return
    exec(compile(source, name, "exec"), {"__name__": "__main__"})


def start():
    _wire.connect(open(int(sys.argv[1]), "rb"), open(int(sys.argv[2]), "wb"))
    machine.narrow()
    os.seed(_wire.board["seed"])
    if not _wire.board["chip"].startswith("rp2040"):
        import esp32  # noqa: F401
    file = open(sys.argv[3], "r+b")
    journal = _wire.board["journal"]
    if _wire.board["live"]:
        import _live

        _live.become(_wire.board)
    elif not _wire.board["chip"].startswith("rp2040"):
        builtins.open = File
    begin, size = _wire.board["region"] or (0, file.seek(0, 2))
    mount(Flash(file, begin, size, _open(journal, "ab") if journal else None))
    try:
        if _wire.board["live"]:
            _wire.trip(_wire.OP_READY)
        run("boot.py")
        if _wire.board["run_main"]:
            run("main.py")
    except (Exception, KeyboardInterrupt) as error:
        sys.print_exception(error)
    if not _wire.board["live"]:
        _wire.prompt()


start()
