# SPDX-License-Identifier: MIT
"""How long a LoRa transmission takes (AN1200.13, SX1276 DS 4.1.1.7)."""


def time_on_air_us(length, sf, bw_hz, cr=5, preamble=8, crc=True, explicit=True, ldro=None):
    """Return us for length bytes of PHYPayload.

    cr 5..8 is the 4/5..4/8 denominator; ldro None switches it on above 16 ms a symbol.
    """
    if ldro is None:
        ldro = (1 << sf) * 1000 > 16 * bw_hz
    bits = 8 * length - 4 * sf + 28 + (16 if crc else 0) - (0 if explicit else 20)
    per_block = 4 * (sf - (2 if ldro else 0))
    symbols = 8 + max((bits + per_block - 1) // per_block, 0) * cr
    quarters = 4 * (preamble + symbols) + 17  # the preamble ends with 4.25 symbols
    return ((quarters << sf) * 250000 + bw_hz // 2) // bw_hz
