# SPDX-License-Identifier: MIT
"""Models of chips as the bus sees them, each with constants of its own."""
