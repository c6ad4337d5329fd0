# SPDX-License-Identifier: MIT
"""IN865-867 (RP002-1.0.4 2.10)."""

from lora.region import ADR_ACK, DYNAMIC_MASKS, SF12_TO_SF7, Region

REGION = Region(
    name="IN865",
    fixed=None,
    channels=((865062500, 0, 5), (865402500, 0, 5), (865985000, 0, 5)),
    channel_count=16,
    downlinks=None,
    join_data_rates=b"\x05\x05\x04\x04\x03\x03\x02\x02\x01\x01\x00\x00",
    data_rates=SF12_TO_SF7,
    downlink_data_rates=(0, 5),
    cf_list_data_rates=(0, 5),
    max_mac_payload=(b"\x3b\x3b\x3b\x7b\xfa\xfa",),
    # offsets 6 and 7 raise the data rate, to 5 at most: there is no DR6
    rx1_data_rates=(
        b"\x00\x00\x00\x00\x00\x00\x01\x02",
        b"\x01\x00\x00\x00\x00\x00\x02\x03",
        b"\x02\x01\x00\x00\x00\x00\x03\x04",
        b"\x03\x02\x01\x00\x00\x00\x04\x05",
        b"\x04\x03\x02\x01\x00\x00\x05\x05",
        b"\x05\x04\x03\x02\x01\x00\x05\x05",
    ),
    rx2=(866550000, 2),
    dwell=None,
    dwell_dr=0,
    bands=((865000000, 867000000, 1),),
    max_eirp_dbm=30,
    tx_power_steps=10,
    adr_ack=ADR_ACK,
    mask_controls=DYNAMIC_MASKS,
)
