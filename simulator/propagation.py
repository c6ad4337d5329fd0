# SPDX-License-Identifier: MIT
"""How much of a signal is lost on its way, by models that were measured or published."""

from dataclasses import dataclass
from math import log10

_NOISE_DBM_HZ = -174.0
_NOISE_FIGURE_DB = 6.0


@dataclass(frozen=True)
class PathLoss:
    """Log-distance: `loss_db` at `reference_km`, `decade_db` more for ten times the distance.

    `shadowing_db` is the standard deviation from path to path, `gain_db` that of both antennas.
    """

    reference_km: float
    loss_db: float
    decade_db: float
    shadowing_db: float
    gain_db: float

    def received_db(self, distance_km: float) -> float:
        """What arrives, in dB above what was sent; shadowing comes on top."""
        return self.gain_db - self.loss_db - self.decade_db * log10(distance_km / self.reference_km)


def _hata_suburban(freq_mhz: float, base_m: float, mobile_m: float) -> PathLoss:
    """Okumura-Hata, suburban: base 30 to 200 m high, mobile 1 to 10 m, 1 to 20 km."""
    f, b = log10(freq_mhz), log10(base_m)
    mobile_db = (1.1 * f - 0.7) * mobile_m - (1.56 * f - 0.8)
    urban_db = 69.55 + 26.16 * f - 13.82 * b - mobile_db
    suburban_db = urban_db - 2 * log10(freq_mhz / 28) ** 2 - 5.4
    return PathLoss(1.0, suburban_db, 44.9 - 6.55 * b, 6.0, 0.0)


_DIPOLES_DBI = 2 * 2.15
MODELS = {
    # Oulu at 868 MHz (Petäjäjärvi and others 2015), between two dipoles. Shadowing 7.8 dB.
    "oulu": PathLoss(1.0, 128.95, 23.2, 7.8, _DIPOLES_DBI),
    # Bor and others 2016, as built-up as a site gets; their sigma.
    "built-up": PathLoss(0.04, 127.41, 20.8, 3.57, 0.0),
    "suburban": _hata_suburban(868.0, 30.0, 1.5),
}


def noise_floor_dbm(bw_hz: int) -> float:
    """Thermal noise in a bandwidth plus the receiver's noise figure."""
    return _NOISE_DBM_HZ + 10 * log10(bw_hz) + _NOISE_FIGURE_DB
