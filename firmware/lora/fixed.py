# SPDX-License-Identifier: MIT
"""What a fixed plan has beyond its table: 64 channels of 125 kHz, 8 of 500 kHz, in banks."""

from lora.region import BANKS
from micropython import const

_BANKS = const(8)  # joins take one after the other (TR007 4.2)
_NARROW = const(64)  # channels of 125 kHz
# DR8 to DR13 of the fixed plans
WIDE = ((12, 500000), (11, 500000), (10, 500000), (9, 500000), (8, 500000), (7, 500000))


def masks():
    """The mask_controls of a fixed plan (RP002 2.5.5, 2.8.5)."""
    narrow = (1 << 64) - 1
    banks = [((1 << 72) - 1 & ~(0xFFFF << at), 0, at, 0xFFFF) for at in (0, 16, 32, 48)]
    wide = ((narrow, 0, 64, 0xFF), (BANKS, 0, 0, 0xFF), (0, narrow, 64, 0xFF), (0, 0, 64, 0xFF))
    return tuple(banks) + wide


def channel(region, index):
    """Return (freq_hz, min_dr, max_dr, downlink_freq_hz) of a fixed plan's channel."""
    first_hz, step_hz, count = region.downlinks
    downlink_hz = first_hz + step_hz * (index % count)
    for first_hz, step_hz, count, min_dr, max_dr in region.channels:
        if index < count:
            return first_hz + step_hz * index, min_dr, max_dr, downlink_hz
        index -= count
    return None


def for_join(region, data_rate, tried):
    """Return (mask tried, channels) for a join: those of one bank, none twice in 72 tries."""
    left = _left(region, data_rate, tried)
    if not left:  # begin the group again
        tried &= (1 << _NARROW) - 1 if region.channels[1][3] <= data_rate else -1 << _NARROW
        left = _left(region, data_rate, tried)
    bank = bin(tried & (1 << _NARROW) - 1).count("1") % _BANKS
    in_bank = [index for index in left if index >= _NARROW or index >> 3 == bank]
    return tried, [channel(region, index) for index in in_bank or left]


def _left(region, data_rate, tried):
    """Indices of the channels of a data rate that no join has tried yet."""
    found = []
    for index in range(region.channel_count):
        _, min_dr, max_dr, _ = channel(region, index)
        if min_dr <= data_rate <= max_dr and not tried >> index & 1:
            found.append(index)
    return found


def mask_of(region, freq_hz):
    """Return the bits of the channels on a frequency: one."""
    mask = 0
    for index in range(region.channel_count):
        if channel(region, index)[0] == freq_hz:
            mask |= 1 << index
    return mask
