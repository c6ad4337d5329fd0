# SPDX-License-Identifier: MIT
"""How long something has been in each of its states."""


class States:
    """The state since `at_us`, and the time in each until then; `known`: they are always told."""

    def __init__(self, state: str, at_us: int, known: tuple[str, ...] = ()):
        self._state, self._since_us = state, at_us
        self._time_us = dict.fromkeys(known, 0)

    def enter(self, state: str, at_us: int) -> None:
        """It is in this state from that time on."""
        self._time_us = self.time_us(at_us)
        self._state, self._since_us = state, at_us

    def time_us(self, at_us: int) -> dict[str, int]:
        """Microseconds in each state up to a time."""
        here_us = self._time_us.get(self._state, 0) + at_us - self._since_us
        return {**self._time_us, self._state: here_us}
