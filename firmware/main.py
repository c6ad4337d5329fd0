# SPDX-License-Identifier: MIT
"""Boot, one node, run; ends only at the prompt of service mode."""

import gc

gc.threshold(16384)  # collect before the heap is full of holes: a file's buffer needs 1 kB in one

import node  # noqa: E402

node.run()
