# SPDX-License-Identifier: MIT
"""Runs on a board, behind firmware/update.py in one script: what the host asks of its files."""

import binascii
import gc
import hashlib
import json
import machine
import os
import sys

gc.collect()  # what an earlier script left lies about in the room that this one needs

CORRUPT = 84  # LFS_ERR_CORRUPT: what is there cannot be read, and is not called missing


def there(path):
    try:
        os.stat(path)
        return True
    except OSError as error:
        if error.errno == CORRUPT:
            raise
        return False


def walk(folder):
    """The path of every file under a folder, "" for all."""
    try:
        rows = list(os.ilistdir(folder or "/"))
    except OSError as error:
        if error.errno == CORRUPT:
            raise
        return
    for row in rows:
        path = folder + "/" + row[0]
        if row[1] == 0x4000:
            yield from walk(path)
        else:
            yield path


def facts():
    """What board this is and what is on it."""
    stat = os.statvfs("/")
    return {
        "unique_id": binascii.hexlify(machine.unique_id()).decode(),
        "version": [part for part in sys.implementation[1] if isinstance(part, int)],
        "mpy": getattr(sys.implementation, "_mpy", 0) & 0xFF,
        "machine": getattr(sys.implementation, "_machine", ""),
        "free": stat[0] * stat[3],
        "size": stat[0] * stat[2],
        "service": there("/service"),
        "main": there("/main.py"),
        "firmware": there("/manifest.json") and there("/service.mpy"),
        "config": there("/state/config.0") or there("/state/config.1"),
        "pending": there("/update/plan.json"),
    }


def digest(path):
    hasher, buffer = hashlib.sha256(), bytearray(512)
    with open(path, "rb") as file:
        count = file.readinto(buffer)
        while count:
            hasher.update(memoryview(buffer)[:count])
            count = file.readinto(buffer)
    return binascii.hexlify(hasher.digest()).decode()


def digests():
    """A line for each file with its SHA-256."""
    for path in walk(""):
        print(json.dumps([path, digest(path)]))


def contents(folder):
    """A line for each file of a folder with all its bytes."""
    for path in walk(folder):
        print(json.dumps([path, read(path)]))


def read(path):
    """The bytes of a file in hex, None: there is none."""
    if not there(path):
        return None
    with open(path, "rb") as file:
        return binascii.hexlify(file.read()).decode()


def part(path, text):
    """Add bytes to a file that is being put ready."""
    path = "/update" + path
    make_folders(path)  # of update.py
    with open(path, "ab") as file:
        file.write(binascii.a2b_base64(text))


def plan(moves, removes):
    """Check what was put ready and write the plan; from here on it happens, whatever comes.

    `moves`: (path, SHA-256), in their order.
    """
    for path, expected in moves:
        if digest("/update" + path) != expected:
            raise ValueError(path + " did not arrive whole")
    text = json.dumps({"moves": [path for path, _ in moves], "removes": removes})
    make_folders("/update/plan.new")
    with open("/update/plan.new", "w") as file:
        file.write(text)
    with open("/update/plan.new") as file:
        if file.read() != text:
            raise ValueError("the plan was not written whole")
    os.rename("/update/plan.new", "/update/plan.json")


def commit(moves, removes):
    """Make what was put ready happen, then say what each path is."""
    plan(moves, removes)
    finish()  # of update.py
    kept([path for path, _ in moves] + removes)


def kept(paths):
    """A line for each path with the SHA-256 of its file, None where there is none."""
    for path in paths:
        print(json.dumps({"done": [path, digest(path) if there(path) else None]}))


def say(call, *arguments):
    """Print what a call gives as one JSON line; what the flash refuses has its errno."""
    try:
        print(json.dumps({"done": call(*arguments)}))
    except OSError as error:
        print(json.dumps({"errno": error.errno}))
    except ValueError as error:
        print(json.dumps({"wrong": str(error)}))
