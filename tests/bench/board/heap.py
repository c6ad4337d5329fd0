# SPDX-License-Identifier: MIT
"""Bytes of heap that imports take: each argument is a module, the sum after each is printed."""

import binascii  # noqa: F401  (what the port has of its own is there before)
import collections  # noqa: F401
import gc
import json
import os  # noqa: F401
import struct  # noqa: F401
import sys
import time  # noqa: F401

import machine  # noqa: F401


def taken():
    gc.collect()
    return gc.mem_alloc()


before = taken()
found = []
for name in sys.argv[1:]:
    __import__(name)
    found.append(taken() - before)
print(json.dumps(found))
