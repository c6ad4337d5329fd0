# SPDX-License-Identifier: MIT
"""The toolkit that flashes, provisions, simulates and reads Node071 boards."""
