# SPDX-License-Identifier: MIT
"""What a distance means: how full a bin is, how high water stands, whether a bay is taken."""

from micropython import const

_DISTANCE = const(4)  # wire keys
_FILL = const(5)
_LEVEL = const(6)
_OCCUPIED = const(8)
_OCCUPANCY = const(12)
_JUMP_PCT = const(20)  # a rise by more has to be seen twice among three readings
_SEEN = const(3)
_AGREEING = const(2)


class Marks:
    """Adds to the values of a round what follows from its distance (wire keys 5, 6, 8 and 12).

    `bay` has below_mm, nearer than which it is taken, and hysteresis_mm to be free again; None for
    no bay. `kept` is what `record()` gave before a deep sleep.
    """

    def __init__(self, bay, kept=None):
        self._bay = bay
        self._fill_pct, self._seen_pct, self._taken, self._looks, self._taken_looks = kept or (
            None, [], False, 0, 0,
        )  # fmt: skip

    def record(self):
        """What has to last over deep sleep."""
        return [self._fill_pct, self._seen_pct, self._taken, self._looks, self._taken_looks]

    def look(self, values):
        """Note whether the bay is taken, also between two readings."""
        distance_mm = values.get(_DISTANCE)
        if self._bay is None or distance_mm is None:
            return
        limit_mm = self._bay["below_mm"] + (self._bay["hysteresis_mm"] if self._taken else 0)
        self._taken = distance_mm < limit_mm
        self._looks += 1
        self._taken_looks += self._taken
        values[_OCCUPIED] = 1 if self._taken else 0

    def add(self, values, marks_mm):
        """Add to a reading; returns the fault bits of what had to be there and is not.

        `marks_mm`: setting 6, [empty, full, level], None where there is no such mark.
        """
        empty_mm, full_mm, level_mm = marks_mm
        distance_mm, wanted = values.get(_DISTANCE), []
        if empty_mm is not None and full_mm is not None and empty_mm > full_mm:
            wanted.append(_FILL)
            if distance_mm is not None:
                values[_FILL] = self._confirmed(fill_pct(distance_mm, empty_mm, full_mm))
        if level_mm is not None:
            wanted.append(_LEVEL)
            if distance_mm is not None:
                values[_LEVEL] = level_mm - distance_mm
        if self._bay is not None:
            wanted += [_OCCUPIED, _OCCUPANCY]
            if self._looks:
                values[_OCCUPANCY] = share_pct(self._taken_looks, self._looks)
            self._looks = self._taken_looks = 0
        return sum([1 << (key - 1) for key in wanted if key not in values])

    def _confirmed(self, now_pct):
        """A drop at once; a steep rise when two of the last three readings say so."""
        self._seen_pct = (self._seen_pct + [now_pct])[-_SEEN:]
        before_pct = self._fill_pct
        if before_pct is not None and now_pct - before_pct > _JUMP_PCT:
            high = [each for each in self._seen_pct if each - before_pct > _JUMP_PCT]
            if len(high) < _AGREEING:
                return before_pct
        self._fill_pct = now_pct
        return now_pct


def fill_pct(distance_mm, empty_mm, full_mm):
    """0 at the empty mark and beyond, 100 at the full mark and nearer."""
    return min(max(share_pct(empty_mm - distance_mm, empty_mm - full_mm), 0), 100)


def share_pct(part, whole):
    """A share, rounded to whole percent."""
    return (200 * part + whole) // (2 * whole)
