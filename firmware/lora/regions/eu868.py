# SPDX-License-Identifier: MIT
"""EU863-870 (RP002-1.0.4 2.4)."""

from lora.region import ADR_ACK, DYNAMIC_MASKS, SF12_TO_SF7, Region

REGION = Region(
    name="EU868",
    fixed=None,
    channels=((868100000, 0, 5), (868300000, 0, 5), (868500000, 0, 5)),
    channel_count=16,
    downlinks=None,
    join_data_rates=b"\x05\x05\x04\x04\x03\x03\x02\x02\x01\x01\x00\x00",
    data_rates=SF12_TO_SF7 + ((7, 250000),),
    downlink_data_rates=(0, 6),
    cf_list_data_rates=(0, 5),
    max_mac_payload=(b"\x3b\x3b\x3b\x7b\xfa\xfa\xfa",),
    rx1_data_rates=(
        b"\x00\x00\x00\x00\x00\x00",
        b"\x01\x00\x00\x00\x00\x00",
        b"\x02\x01\x00\x00\x00\x00",
        b"\x03\x02\x01\x00\x00\x00",
        b"\x04\x03\x02\x01\x00\x00",
        b"\x05\x04\x03\x02\x01\x00",
        b"\x06\x05\x04\x03\x02\x01",
    ),
    rx2=(869525000, 0),
    dwell=None,
    dwell_dr=0,
    # ETSI EN 300 220-2 bands K L M N P R; between them is no place
    bands=(
        (863000000, 865000000, 1000),
        (865000000, 868000000, 100),
        (868000000, 868600000, 100),
        (868700000, 869200000, 1000),
        (869400000, 869650000, 10),
        (869700000, 870000000, 100),
    ),
    max_eirp_dbm=16,
    tx_power_steps=7,
    adr_ack=ADR_ACK,
    mask_controls=DYNAMIC_MASKS,
)
