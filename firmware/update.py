# SPDX-License-Identifier: MIT
"""Finishes a change that the host has put ready under /update: old or new, nothing in between.

The host writes the plan last. From then on boot.py comes here at each start until it is done.
"""

import json
import os

_ROOT = "/update"
_PLAN = "/update/plan.json"


def finish():
    """Move what is ready to its place, remove what the plan names, then forget the plan.

    A cut at any operation does no harm: a rename has happened or not, and the next start goes on.
    """
    with open(_PLAN) as file:
        plan = json.load(file)
    for path in plan["moves"]:
        _move(_ROOT + path, path)
    for path in plan["removes"]:
        _remove(path)
    os.remove(_PLAN)
    clear()


def clear(folder=_ROOT):
    """Remove what is under /update; without a plan it is worth nothing."""
    try:
        rows = list(os.ilistdir(folder))
    except OSError:
        return  # there is none
    for row in rows:
        path = folder + "/" + row[0]
        if row[1] == 0x4000:
            clear(path)
        else:
            os.remove(path)
    os.rmdir(folder)


def _move(source, path):
    try:
        os.stat(source)
    except OSError:
        return  # it was moved before the cut
    make_folders(path)
    os.rename(source, path)


def _remove(path):
    try:
        os.remove(path)
    except OSError:
        pass  # it was removed before the cut


def make_folders(path):
    """Make the folders that a file needs."""
    at = path.find("/", 1)
    while at > 0:
        try:
            os.mkdir(path[:at])
        except OSError as error:
            if error.errno != 17:  # EEXIST; a full flash is told as one
                raise
        at = path.find("/", at + 1)
