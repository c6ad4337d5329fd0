# SPDX-License-Identifier: MIT
"""Duty cycle: when the air is free again, by sub-band (ETSI EN 300 220) and as the network asked.

After each transmission its band rests for airtime * (n - 1), n being 1/duty (RP002 2.4, TS001 5.3).
"""

from lora.region import band
from micropython import const

BAND = const(1)  # rules a node may wait for: the sub-band's share of the air
MAX_DUTY_CYCLE = const(2)  # or DutyCycleReq's


class Duty:
    """free_at_ms: a time for each band of the region, and the last for all of them."""

    def __init__(self, region):
        self._region = region
        self.free_at_ms = [0] * (len(region.bands) + 1)

    def book(self, freq_hz, airtime_us, end_ms, max_duty_cycle):
        """Note a transmission that ends at end_ms; max_duty_cycle is an exponent of 2."""
        index = band(self._region, freq_hz)
        self._rest(index, airtime_us * (self._region.bands[index][2] - 1), end_ms)
        self._rest(-1, airtime_us * ((1 << max_duty_cycle) - 1), end_ms)

    def _rest(self, index, off_us, end_ms):
        self.free_at_ms[index] = max(self.free_at_ms[index], end_ms + (off_us + 999) // 1000)

    def wait(self, channels, now_ms):
        """Return (ms until one of the channels is free, rule): (0, 0) when one is."""
        band_ms = min([self.free_at_ms[band(self._region, channel[0])] for channel in channels])
        all_ms = self.free_at_ms[-1]
        if max(band_ms, all_ms) <= now_ms:
            return 0, 0
        rule = BAND if band_ms >= all_ms else MAX_DUTY_CYCLE
        return max(band_ms, all_ms) - now_ms, rule

    def is_free(self, freq_hz, now_ms):
        return self.free_at_ms[band(self._region, freq_hz)] <= now_ms
