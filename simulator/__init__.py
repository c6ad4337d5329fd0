# SPDX-License-Identifier: MIT
"""The desktop simulator: the real firmware against register-level chips, in virtual time."""
