# SPDX-License-Identifier: MIT
"""Why a node did not join or fell silent, from what both ends of a run have kept."""
