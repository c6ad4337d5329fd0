# SPDX-License-Identifier: MIT
"""Runs before main.py and at each soft reset: finishes an update, lets service mode end."""

import machine
import os
import struct
import sys
import time

# Built in, and yet looked for in the flash at each import, for milliseconds: from now on no more.
sys.modules.update(machine=machine, os=os, struct=struct, time=time)

try:
    os.stat("/update/plan.json")
except OSError:
    pass  # nothing is under way
else:
    import update

    update.finish()

import service  # noqa: E402  # it may be a new one

if service.flagged():
    service.guard()
