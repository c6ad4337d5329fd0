# SPDX-License-Identifier: MIT
"""Which of two packets that meet on one channel is lost."""

from collections.abc import Mapping
from dataclasses import dataclass

# Demodulation floor by spreading factor (SX1301 and SX1276 data sheets), dB of SNR.
SNR_FLOOR_DB = {7: -7.5, 8: -10.0, 9: -12.5, 10: -15.0, 11: -17.5, 12: -20.0}
_FIRST_SF = min(SNR_FLOOR_DB)


@dataclass(frozen=True)
class Isolation:
    """By how many dB a packet has to be the stronger one: wanted SF7 to SF12, interferer SF7 to 12.

    `clean_symbols` of a preamble, its last ones, have to be clean (Bor and others 2016: 5);
    None: the whole packet has to be.
    """

    rows: tuple[tuple[float, ...], ...]
    clean_symbols: int | None = 5

    def needed_db(self, wanted_sf: int, interferer_sf: int) -> float:
        """The least signal-to-interference ratio with which the wanted packet survives."""
        return self.rows[wanted_sf - _FIRST_SF][interferer_sf - _FIRST_SF]

    def critical_us(self, sf: int, bw_hz: int, preamble_symbols: int) -> int:
        """Us from the start of a packet that may be lost without harm."""
        if self.clean_symbols is None:
            return 0
        free = max(preamble_symbols - self.clean_symbols, 0)
        return free * (1_000_000 << sf) // bw_hz

    def buries(
        self, wanted_sf: int, clean_from_us: int, other_sf: int, other_end_us: int, above_db: float
    ) -> bool:
        """Whether a packet is lost to another that it is `above_db` stronger than.

        It has to be clean from `clean_from_us` on, the end of its `critical_us`.
        """
        return other_end_us > clean_from_us and above_db < self.needed_db(wanted_sf, other_sf)


def _orthogonal(capture_db: float, clean_symbols: int | None = 5) -> Isolation:
    """Spreading factors that do not disturb each other at all."""
    spreads = range(len(SNR_FLOOR_DB))
    never = float("-inf")
    rows = tuple(
        tuple(capture_db if row == column else never for column in spreads) for row in spreads
    )
    return Isolation(rows, clean_symbols)


ISOLATIONS: Mapping[str, Isolation] = {
    # Measured (Croce and others 2018).
    "croce": Isolation(
        (
            (1, -8, -9, -9, -9, -9),
            (-11, 1, -11, -12, -13, -13),
            (-15, -13, 1, -13, -14, -15),
            (-19, -18, -17, 1, -17, -18),
            (-22, -22, -21, -20, 1, -20),
            (-25, -25, -25, -24, -23, 1),
        )
    ),
    # Simulated (Goursaud and Gorce 2015).
    "goursaud": Isolation(
        (
            (6, -16, -18, -19, -19, -20),
            (-24, 6, -20, -22, -22, -22),
            (-27, -27, 6, -23, -25, -25),
            (-30, -30, -30, 6, -26, -28),
            (-33, -33, -33, -33, 6, -29),
            (-36, -36, -36, -36, -36, 6),
        )
    ),
    # 6 dB of capture (Bor and others 2016).
    "orthogonal": _orthogonal(6.0),
    # The ALOHA of textbooks: whatever meets is lost.
    "aloha": _orthogonal(float("inf"), None),
}
