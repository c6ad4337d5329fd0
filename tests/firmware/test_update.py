# SPDX-License-Identifier: MIT
"""An update that is cut off at any operation on the flash: the next start has the new version."""

import gc
import json
import os

import ramdisk
import update
import vfs

OLD = {
    "/main.py": b"old main",
    "/gone.mpy": b"of the old version",
    "/lora/mac.mpy": b"m" * 3000,
    "/config.1": b"old identity",
    "/own.txt": b"somebody else's",
}
NEW = {
    "/lora/mac.mpy": b"n" * 5000,
    "/new/one.mpy": b"in a folder that was not there",
    "/config.0": b"new identity",
    "/main.py": b"new main",
}
REMOVED = ["/gone.mpy", "/config.1", "/never.mpy"]
BLOCKS = 20


class Cut(Exception):
    pass


class Disk(ramdisk.Ram):
    """A flash that loses its power at an operation; `left`: how many it still does."""

    left = -1

    def count(self):
        if self.left == 0:
            raise Cut
        self.left -= 1

    def writeblocks(self, block, buffer, offset=0):
        self.count()
        super().writeblocks(block, buffer, offset)

    def ioctl(self, command, argument):
        if command == 6:
            self.count()
        return super().ioctl(command, argument)


class Mounted:
    """The disk as the root of all, as on a board."""

    def __init__(self, disk):
        self.disk = disk

    def __enter__(self):
        vfs.umount("/")
        vfs.mount(vfs.VfsLfs2(self.disk), "/")

    def __exit__(self, *error):
        vfs.umount("/")
        vfs.mount(vfs.VfsPosix("/"), "/")


def put(files):
    for path, data in files.items():
        update.make_folders(path)
        with open(path, "wb") as file:
            file.write(data)


def files(folder=""):
    found = {}
    for row in os.ilistdir(folder or "/"):
        path = folder + "/" + row[0]
        if row[1] == 0x4000:
            found.update(files(path))
        else:
            with open(path, "rb") as file:
                found[path] = file.read()
    return found


def ready():
    """A disk with the old version, the new one under /update and its plan."""
    gc.collect()  # two disks do not fit the heap
    disk = Disk(BLOCKS)
    vfs.VfsLfs2.mkfs(disk)
    with Mounted(disk):
        put(OLD)
        put({"/update" + path: data for path, data in NEW.items()})
        plan = {"moves": list(NEW), "removes": REMOVED}
        put({"/update/plan.json": json.dumps(plan).encode()})
    return disk


def expected():
    after = {path: data for path, data in OLD.items() if path not in REMOVED}
    after.update(NEW)
    return after


def test_what_is_ready_gets_its_place_and_the_plan_is_forgotten():
    with Mounted(ready()):
        update.finish()
        assert files() == expected(), sorted(files())
        assert "update" not in os.listdir("/")


def test_a_cut_at_any_operation_is_finished_by_the_next_start():
    disk, cuts = None, 0
    while True:
        disk = None  # its memory is needed
        disk = ready()
        disk.left = cuts
        try:
            with Mounted(disk):
                update.finish()
            break
        except Cut:
            disk.left = -1
        with Mounted(disk):
            for path, data in files().items():  # never half a file, whatever is cut
                if not path.startswith("/update/"):
                    assert data in (OLD.get(path), NEW.get(path)), (cuts, path)
            if "update" in os.listdir("/") and "plan.json" in os.listdir("/update"):
                update.finish()
            found = {path: data for path, data in files().items() if path[:8] != "/update/"}
            assert found == expected(), (cuts, sorted(found))
        cuts += 1
    assert cuts > 15, cuts


def test_without_a_plan_what_lies_there_is_worth_nothing():
    disk = ready()
    with Mounted(disk):
        os.remove("/update/plan.json")
        update.clear()
        assert files() == OLD and "update" not in os.listdir("/")
        update.clear()
