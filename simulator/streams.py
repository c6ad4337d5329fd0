# SPDX-License-Identifier: MIT
"""Chance for arrays of things: one stream a name, the same for the same seed."""

import hashlib

import numpy as np


def generator(seed: int, name: str) -> np.random.Generator:
    """A stream that depends on the seed and the name, and on nothing else."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))
