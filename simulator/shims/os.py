# SPDX-License-Identifier: MIT
"""`os` of the unix port, with the board's random numbers: they come from the run's seed."""

from uos import *  # noqa: F403

_state = [0]


def seed(value):
    """Start the stream; the host gives each start of each board its own."""
    _state[0] = (value ^ 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF or 1


def urandom(count):
    """xorshift64*: even enough for jitter and keys of a virtual board."""
    state, out = _state[0], bytearray(count)
    for index in range(count):
        state ^= state >> 12
        state = (state ^ (state << 25)) & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 27
        out[index] = (state * 0x2545F4914F6CDD1D >> 56) & 0xFF
    _state[0] = state
    return bytes(out)
