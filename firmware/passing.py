# SPDX-License-Identifier: MIT
"""Modules for one use: read from flash when they are needed, and gone with their last reference."""

import sys


def passing(name):
    """Import a module that nobody keeps, neither by name nor in its package, and return it."""
    package, _, leaf = name.rpartition(".")
    module = __import__(name, None, None, (leaf,))
    del sys.modules[name]
    if package:
        delattr(sys.modules[package], leaf)
    return module
