# SPDX-License-Identifier: MIT
"""lora.airtime against public calculators and the formula's generated table."""

from lora.airtime import time_on_air_us
from vectors import rows


def test_public_vectors():
    for row in rows("airtime", "airtime"):
        us = time_on_air_us(
            row["phy_payload_len"],
            row["sf"],
            row["bw_hz"],
            int(row["cr"][2]),
            row["preamble"],
            row["crc_on"],
            not row["implicit_header"],
            row["ldro"],
        )
        assert us == row["expected_us"], (us, row)


def test_payload_symbols():
    for row in rows("airtime", "payload_symbols"):
        us = time_on_air_us(
            row["phy_payload_len"],
            row["sf"],
            125000,
            int(row["cr"][2]),
            explicit=not row["implicit_header"],
            ldro=row["ldro"],
        )
        assert us == (49 + 4 * row["payload_symbols"]) * (1 << row["sf"]) * 2, (us, row)


def test_eu868_with_automatic_low_data_rate_optimization():
    for row in rows("airtime", "eu868_generated"):
        us = time_on_air_us(row["phy_payload_len"], row["sf"], row["bw_hz"], crc=row["crc_on"])
        assert us == row["expected_us"], (us, row)


def test_join_request():
    assert time_on_air_us(23, 12, 125000) == 1482752
    assert time_on_air_us(23, 7, 125000) == 61696
    # SF12 at 250 kHz: a symbol takes 16.384 ms
    assert time_on_air_us(23, 12, 250000) == time_on_air_us(23, 12, 250000, ldro=True)
    assert time_on_air_us(23, 11, 250000) == time_on_air_us(23, 11, 250000, ldro=False)
