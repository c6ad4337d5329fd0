# SPDX-License-Identifier: MIT
"""US902-928 (RP002-1.0.4 2.5)."""

from lora import fixed
from lora.region import ADR_ACK, Region

REGION = Region(
    name="US915",
    fixed=fixed,
    channels=((902300000, 200000, 64, 0, 3), (903000000, 1600000, 8, 4, 4)),
    channel_count=72,
    downlinks=(923300000, 600000, 8),
    join_data_rates=b"\x00\x04",
    data_rates=((10, 125000), (9, 125000), (8, 125000), (7, 125000), (8, 500000), None, None, None)
    + fixed.WIDE,
    downlink_data_rates=(8, 13),
    cf_list_data_rates=None,
    max_mac_payload=(b"\x13\x3d\x85\xfa\xfa\x00\x00\x00\x3d\x89\xfa\xfa\xfa\xfa",),
    rx1_data_rates=(
        b"\x0a\x09\x08\x08",
        b"\x0b\x0a\x09\x08",
        b"\x0c\x0b\x0a\x09",
        b"\x0d\x0c\x0b\x0a",
        b"\x0d\x0d\x0c\x0b",
    ),
    rx2=(923300000, 8),
    dwell=None,  # 400 ms always: max_mac_payload keeps to it
    dwell_dr=0,
    bands=((902000000, 928000000, 1),),
    max_eirp_dbm=32,  # 30 dBm conducted and an antenna of 2 dBi
    tx_power_steps=14,
    adr_ack=ADR_ACK,
    mask_controls=fixed.masks(),
)
