# SPDX-License-Identifier: MIT
"""Boot, one node, run; ends only at the prompt of service mode."""

import node

node.run()
