# SPDX-License-Identifier: MIT
"""The status frame (FPort 3): how the node is, as many keys as fit, in their order."""

import gc
import sys
from micropython import const

import cbor
from lora.region import band
from readings import RULES

VERSION = "0.1.0"

del sys.modules["readings"]  # its other tables are for the host: 7 kB of heap

# Key 6, the rule that the node waits for; RULES says them.
NOTHING = const(0)
DUTY_CYCLE = const(1)
FAIR_USE = const(2)
JOIN_BACKOFF = const(3)
NO_ANSWER = const(4)
NETWORK_DUTY_CYCLE = const(5)
REPETITION = const(6)
RADIO = const(7)
NEW_KEYS = const(8)


def words(rule):
    """The rule as it is said."""
    return RULES[rule]


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


def rule_after(session, region, airtime_us, fair_use_s):
    """(rule, seconds) that a frame has to wait for after one of that airtime, the longest counts.

    Of the bands it can choose from, the one that has just been used rests. The airtime is that of
    all repetitions, and the rest after the last of them.
    """
    airtime_us //= session.nb_trans
    bands = {band(region, each[0]) for each in session.usable(session.data_rate)}
    share = region.bands[bands.pop()][2] - 1 if len(bands) == 1 else 0
    rests = [(fair_use_s, FAIR_USE)]
    for times, rule in (
        (share, DUTY_CYCLE),
        ((1 << session.max_duty_cycle) - 1, NETWORK_DUTY_CYCLE),
    ):
        rests.append((-(-airtime_us * times // 1000000), rule))
    wait_s, rule = max(rests)
    return (rule, wait_s) if wait_s else (NOTHING, 0)


def free_heap_kb():
    """What the heap still has after a collection."""
    gc.collect()
    return gc.mem_free() // 1024
