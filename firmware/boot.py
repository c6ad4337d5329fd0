# SPDX-License-Identifier: MIT
"""Runs before main.py and at each soft reset: a service session must end by itself."""

import service

if service.flagged():
    service.guard()
