# SPDX-License-Identifier: MIT
"""Packs readings into frames that fit the present data rate, newest first."""

from micropython import const

import cbor

_AGE = const(0)
BATTERY = const(9)
FAULTS = const(-1)
RESTART = const(-2)
_NUMBER = const(-3)
FLAGS = const(-4)
# The bits of FLAGS, in the order of readings.FLAGS; sensors set them.
WARMING = const(1)
NEEDS_AIRING = const(2)
NOISY = const(4)
UNCOMPENSATED = const(8)
CALIBRATION_DUE = const(16)
_FIRST_PART = (FAULTS, RESTART, FLAGS)
_AGE_SHOWN_S = const(10)


def pack(readings, limit, age_of):
    """Fill a frame of at most `limit` bytes from readings that are to be sent.

    `age_of(reading)` is in seconds, None when the clock was lost since. Returns the payload and
    a list of (number of the reading, keys that are left, [] when it is whole now).
    """
    payload, taken = b"", []
    for reading in readings:
        keys = reading.left or _by_priority(reading.values)
        part, left = _part(reading, keys, limit - len(payload), age_of(reading))
        if part is None or (left and payload):
            break  # a split starts in a frame of its own
        payload += part
        taken.append((reading.number, left))
        if left:
            break
    return payload, taken


def within(limit_s, readings, age_of):
    """Yield the newest readings, up to the first that is older or whose age is not known."""
    for reading in readings:
        age_s = age_of(reading)
        if age_s is None or age_s > limit_s:
            return
        yield reading


def _by_priority(values):
    measured = sorted(key for key in values if key > 0)
    return [key for key in _FIRST_PART if key in values] + measured


def _part(reading, keys, room, age_s):
    """As many keys as fit, in their order: (map encoded, keys left), (None, keys) if none does."""
    part = {}
    if age_s is None:
        part[_AGE], part[_NUMBER] = None, reading.number & 0xFFFF
    elif age_s >= _AGE_SHOWN_S:
        part[_AGE] = age_s
    fitted, taken = None, 0
    for key in keys:
        part[key] = reading.values[key]
        encoded = cbor.encode(part)
        if len(encoded) > room:
            break
        fitted, taken = encoded, taken + 1
    return fitted, keys[taken:]
