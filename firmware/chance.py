# SPDX-License-Identifier: MIT
"""Chance: what nodes do at random, so that they do not do it all at once, draws from here."""

import os


def random_below(limit):
    """0 to limit - 1 from the chip's random numbers."""
    return int.from_bytes(os.urandom(4), "big") % limit
