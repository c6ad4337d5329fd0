# SPDX-License-Identifier: MIT
"""What a network server wants sent: the txpk of a PULL_RESP, read and checked."""

from base64 import b64decode
from dataclasses import dataclass
from math import isfinite
from typing import Any

from host import lorawan

_TMST_BITS = 0xFFFFFFFF
_SPREADING_FACTORS, _BANDWIDTHS_KHZ = range(7, 13), (125, 250, 500)
_CODING_RATES = {"4/5": 5, "4/6": 6, "4/7": 7, "4/8": 8}
_PREAMBLES = range(6, 0x10000)
_SIZES = range(1, 256)


@dataclass(frozen=True)
class Downlink:
    """A packet to be sent; `start_us` is of the gateway's clock, None: at once, or `by_gps`."""

    start_us: int | None
    by_gps: bool
    freq_hz: int
    sf: int
    bw_hz: int
    cr: int
    preamble_symbols: int
    crc_on: bool
    iq_inverted: bool
    power_dbm: int
    phy: bytes

    def airtime_us(self) -> int:
        """How long it is on the air."""
        return lorawan.time_on_air_us(
            len(self.phy), self.sf, self.bw_hz, self.cr, self.preamble_symbols, crc=self.crc_on
        )


def read(txpk: dict[str, Any], now_us: int) -> Downlink:
    """The downlink of a txpk. ValueError, TypeError, KeyError, AttributeError, OverflowError: it
    is none that a gateway can send by LoRa."""
    if txpk["modu"] != "LORA":
        raise ValueError("not LoRa")
    sf, bw = txpk["datr"].removeprefix("SF").split("BW")
    freq_hz = float(txpk["freq"]) * 1e6
    if not isfinite(freq_hz) or int(bw) not in _BANDWIDTHS_KHZ:
        raise ValueError("no such frequency or bandwidth")
    start_us, by_gps = _when(txpk, now_us)
    return Downlink(
        start_us,
        by_gps,
        round(freq_hz),
        _one_of(_SPREADING_FACTORS, int(sf)),
        int(bw) * 1000,
        _CODING_RATES[txpk["codr"]],
        _one_of(_PREAMBLES, txpk.get("prea", 8)),
        not _flag(txpk.get("ncrc", False)),
        _flag(txpk.get("ipol", False)),
        _one_of(range(-128, 128), txpk.get("powe", 14)),
        _payload(txpk["data"]),
    )


def _when(txpk: dict[str, Any], now_us: int) -> tuple[int | None, bool]:
    """(time on the clock, by GPS): `tmst` is the nearest moment with these 32 bits."""
    if _flag(txpk.get("imme", False)):
        return None, False
    if "tmst" not in txpk and "tmms" in txpk:
        return None, True
    ahead_us = (_one_of(range(_TMST_BITS + 1), txpk["tmst"]) - now_us) & _TMST_BITS
    return now_us + ahead_us - (ahead_us >> 31 << 32), False


def _payload(text: str) -> bytes:
    """What is in base64, with its padding or without (encoders vary)."""
    bare = text.rstrip("=")
    phy = b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    _one_of(_SIZES, len(phy))
    return phy


def _one_of(allowed: range, value: Any) -> int:
    if type(value) is not int or value not in allowed:
        raise ValueError(f"not in {allowed}")
    return value


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError("neither true nor false")
    return value
