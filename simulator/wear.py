# SPDX-License-Identifier: MIT
"""What a board's flash has been through."""

from dataclasses import dataclass, field


@dataclass
class Wear:
    """Erases and programmed pieces of each flash block."""

    erases: dict[int, int] = field(default_factory=dict)
    programs: int = 0
