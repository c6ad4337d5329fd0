# SPDX-License-Identifier: MIT
"""Runs before main.py and at each soft reset: finishes an update, lets service mode end."""

import os

try:
    os.stat("/update/plan.json")
except OSError:
    pass  # nothing is under way
else:
    import update

    update.finish()

import service  # it may be a new one

if service.flagged():
    service.guard()
