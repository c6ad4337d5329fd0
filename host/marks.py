# SPDX-License-Identifier: MIT
"""What a kit makes of a distance: the marks of a bin or a water, the limits of a parking bay."""

from dataclasses import dataclass
from typing import Annotated

_Mm = Annotated[int, 1, 20000]
_FILL, _LEVEL = 5, 6  # wire keys
BAY_KEYS = (8, 12)  # occupied, occupancy


@dataclass(frozen=True)
class Marks:
    """Distances from the sensor: to the floor of an empty bin, to the top of a full one; and how
    high it hangs above the level that counts as 0."""

    empty_mm: _Mm | None = None
    full_mm: _Mm | None = None
    level_mm: _Mm | None = None

    def given(self) -> bool:
        """True when there is any."""
        return any(each is not None for each in self.as_list())

    def as_list(self) -> list[int | None]:
        """As setting 6 has them."""
        return [self.empty_mm, self.full_mm, self.level_mm]

    def keys(self) -> set[int]:
        """The wire keys that follow from them."""
        bin_keys = set() if self.empty_mm is None else {_FILL}
        return bin_keys if self.level_mm is None else bin_keys | {_LEVEL}

    def problem(self) -> tuple[str, str] | None:
        """(what is wrong, what to do): an empty bin is deeper than a full one."""
        if (self.empty_mm is None) != (self.full_mm is None):
            return "one mark of a bin alone says nothing", "write both empty_mm and full_mm"
        if self.empty_mm is None or self.full_mm is None or self.empty_mm > self.full_mm:
            return None
        problem = f"empty at {self.empty_mm} mm is not below full at {self.full_mm} mm"
        return problem, "make empty_mm the larger one"


@dataclass(frozen=True)
class Bay:
    """A parking bay: taken below a distance, free again above that and a hysteresis."""

    below_mm: _Mm
    hysteresis_mm: _Mm
    look_s: Annotated[int, 10, 3600]  # also between two readings
