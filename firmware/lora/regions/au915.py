# SPDX-License-Identifier: MIT
"""AU915-928 (RP002-1.0.4 2.8)."""

from lora import fixed
from lora.region import ADR_ACK, SF12_TO_SF7, Region

REGION = Region(
    name="AU915",
    fixed=fixed,
    channels=((915200000, 200000, 64, 0, 5), (915900000, 1600000, 8, 6, 6)),
    channel_count=72,
    downlinks=(923300000, 600000, 8),
    join_data_rates=b"\x02\x06",
    data_rates=SF12_TO_SF7 + ((8, 500000), None) + fixed.WIDE,
    downlink_data_rates=(8, 13),
    cf_list_data_rates=None,
    max_mac_payload=(
        b"\x3b\x3b\x3b\x7b\xfa\xfa\xfa\x00\x3d\x89\xfa\xfa\xfa\xfa",
        b"\x00\x00\x13\x3d\x85\xfa\xfa\x00\x3d\x89\xfa\xfa\xfa\xfa",
    ),
    rx1_data_rates=(
        b"\x08\x08\x08\x08\x08\x08",
        b"\x09\x08\x08\x08\x08\x08",
        b"\x0a\x09\x08\x08\x08\x08",
        b"\x0b\x0a\x09\x08\x08\x08",
        b"\x0c\x0b\x0a\x09\x08\x08",
        b"\x0d\x0c\x0b\x0a\x09\x08",
        b"\x0d\x0d\x0c\x0b\x0a\x09",
    ),
    rx2=(923300000, 8),
    dwell=(1, 0),
    dwell_dr=0,
    bands=((915000000, 928000000, 1),),
    max_eirp_dbm=30,
    tx_power_steps=14,
    adr_ack=ADR_ACK,
    mask_controls=fixed.masks(),
)
