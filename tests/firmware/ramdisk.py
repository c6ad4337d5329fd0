# SPDX-License-Identifier: MIT
"""A LittleFS in memory, as on a board: mounted anew at /ram for each test."""

import os

import vfs

BLOCK = 4096
ERASED = b"\xff" * BLOCK


class Ram:
    def __init__(self, blocks=16):
        self.data = bytearray(BLOCK * blocks)

    def readblocks(self, block, buffer, offset=0):
        at = block * BLOCK + offset
        buffer[:] = self.data[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        at = block * BLOCK + offset
        self.data[at : at + len(buffer)] = buffer
        writes[0] += 1

    def ioctl(self, command, argument):
        if command == 4:
            return len(self.data) // BLOCK
        if command == 5:
            return BLOCK
        if command == 6:
            at = argument * BLOCK
            self.data[at : at + BLOCK] = ERASED
            return 0


writes = [0]  # since the filesystem was made


def fresh(blocks=16):
    """Return the path of an empty filesystem."""
    try:
        vfs.umount("/ram")
    except OSError:
        pass  # the first test of the file
    disk = Ram(blocks)
    vfs.VfsLfs2.mkfs(disk)
    vfs.mount(vfs.VfsLfs2(disk), "/ram")
    writes[0] = 0
    return "/ram"


def contents(folder):
    """Return the bytes of every file in it, to see what a call wrote."""
    found = {}
    for name in os.listdir(folder):
        with open(folder + "/" + name, "rb") as file:
            found[name] = file.read()
    return found
