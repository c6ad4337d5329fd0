# SPDX-License-Identifier: MIT
"""Which channel the next uplink takes, and how long the air rules make it wait.

Duty cycle by sub-band (ETSI EN 300 220) and as the network asked: after each transmission a band
rests for airtime * (n - 1), n being 1/duty (RP002 2.4, TS001 5.3).
"""

from lora.region import band
from micropython import const

BAND = const(1)  # rules a node may wait for: the sub-band's share of the air
MAX_DUTY_CYCLE = const(2)  # or DutyCycleReq's

_MASK_BYTES = const(9)  # of 72 channels


class Channels:
    """Picks channels; random(n) gives 0..n-1."""

    def __init__(self, region, random):
        self._region, self._random = region, random
        self._free_at_ms = [0] * (len(region.bands) + 1)  # a time for each band, the last for all
        self._last_hz = 0
        self._joined_on = 0  # mask of a fixed plan's channels that joins have tried

    def pick(self, session, data_rate, now_ms):
        """Return (0, 0, channel), or (ms to wait, rule, None); session None: for a join-request.

        A channel is (freq_hz, min_dr, max_dr, downlink_freq_hz): never the last one again while
        another is free.
        """
        found = self._for_join(data_rate) if session is None else session.usable(data_rate)
        wait_ms, rule = self._wait(found, now_ms)
        if wait_ms:
            return wait_ms, rule, None
        free = [each for each in found if self._band_ms(each[0]) <= now_ms]
        others = [each for each in free if each[0] != self._last_hz] or free
        picked = others[self._random(len(others))]
        self._last_hz = picked[0]
        if session is None and self._region.fixed:
            self._joined_on |= self._region.fixed.mask_of(self._region, picked[0])
        return 0, 0, picked

    def book(self, freq_hz, airtime_us, end_ms, max_duty_cycle):
        """Note a transmission that ends at end_ms; max_duty_cycle is an exponent of 2."""
        index = band(self._region, freq_hz)
        self._rest(index, airtime_us * (self._region.bands[index][2] - 1), end_ms)
        self._rest(-1, airtime_us * ((1 << max_duty_cycle) - 1), end_ms)

    def record(self):
        """Return what has to last over deep sleep, through which now_ms runs on."""
        return [self._free_at_ms, self._last_hz, self._joined_on.to_bytes(_MASK_BYTES, "little")]

    def restore(self, record):
        """Be as when record() was called."""
        self._free_at_ms, self._last_hz = record[0], record[1]
        self._joined_on = int.from_bytes(record[2], "little")

    def _rest(self, index, off_us, end_ms):
        at_ms = end_ms + (off_us + 999) // 1000
        self._free_at_ms[index] = max(self._free_at_ms[index], at_ms)

    def _band_ms(self, freq_hz):
        return self._free_at_ms[band(self._region, freq_hz)]

    def _wait(self, found, now_ms):
        """Return (ms until one of the channels is free, rule): (0, 0) when one is."""
        band_ms = min([self._band_ms(each[0]) for each in found])
        all_ms = self._free_at_ms[-1]
        if max(band_ms, all_ms) <= now_ms:
            return 0, 0
        rule = BAND if band_ms >= all_ms else MAX_DUTY_CYCLE
        return max(band_ms, all_ms) - now_ms, rule

    def _for_join(self, data_rate):
        """The default channels; of a fixed plan those that no join has tried."""
        region = self._region
        if not region.fixed:
            return [each + each[:1] for each in region.channels]
        self._joined_on, found = region.fixed.for_join(region, data_rate, self._joined_on)
        return found
