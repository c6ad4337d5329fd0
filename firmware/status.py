# SPDX-License-Identifier: MIT
"""The status frame (FPort 3): how the node is, as many keys as fit, in their order."""

import gc
from micropython import const

import cbor

VERSION = "0.1.0"

# Key 6, the rule that the node waits for (readings.RULES has the words).
NOTHING = const(0)
DUTY_CYCLE = const(1)
FAIR_USE = const(2)
JOIN_BACKOFF = const(3)
NO_ANSWER = const(4)
NETWORK_DUTY_CYCLE = const(5)
REPETITION = const(6)


def frame(values, limit):
    """Encode as many of the values, a list in order of their keys, as `limit` bytes hold."""
    part, fitted = {}, b""
    for key, value in enumerate(values):
        if value is None:
            continue
        part[key] = value
        encoded = cbor.encode(part)
        if len(encoded) > limit:
            break
        fitted = encoded
    return fitted


def free_heap_kb():
    """What the heap still has after a collection."""
    gc.collect()
    return gc.mem_free() // 1024
