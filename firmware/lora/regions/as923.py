# SPDX-License-Identifier: MIT
"""AS923-1 to AS923-4 (RP002-1.0.4 2.9): four groups of countries, the same numbers moved down."""

from lora.region import ADR_ACK, DYNAMIC_MASKS, SF12_TO_SF7, Region

_GROUP_OFFSET_HZ = (0, -1800000, -6600000, -5900000)


def group(number):
    """Return the region of a group, 1 to 4."""
    offset_hz = _GROUP_OFFSET_HZ[number - 1]
    return Region(
        name="AS923-{}".format(number),
        fixed=None,
        channels=((923200000 + offset_hz, 0, 5), (923400000 + offset_hz, 0, 5)),
        channel_count=16,
        downlinks=None,
        join_data_rates=b"\x05\x05\x04\x04\x03\x03\x02\x02",
        data_rates=SF12_TO_SF7 + ((7, 250000),),
        downlink_data_rates=(0, 6),
        cf_list_data_rates=(0, 5),
        max_mac_payload=(b"\x3b\x3b\x7b\x7b\xfa\xfa\xfa", b"\x00\x00\x13\x3d\x85\xfa\xfa"),
        # offsets 6 and 7 raise the data rate, here to 6 at most: DR7 (FSK) is not built
        rx1_data_rates=(
            b"\x00\x00\x00\x00\x00\x00\x01\x02",
            b"\x01\x00\x00\x00\x00\x00\x02\x03",
            b"\x02\x01\x00\x00\x00\x00\x03\x04",
            b"\x03\x02\x01\x00\x00\x00\x04\x05",
            b"\x04\x03\x02\x01\x00\x00\x05\x06",
            b"\x05\x04\x03\x02\x01\x00\x06\x06",
            b"\x06\x05\x04\x03\x02\x01\x06\x06",
        ),
        rx2=(923200000 + offset_hz, 2),
        dwell=(1, 0),
        dwell_dr=2,
        bands=((915000000, 928000000, 100),),
        max_eirp_dbm=16,
        tx_power_steps=7,
        adr_ack=ADR_ACK,
        mask_controls=DYNAMIC_MASKS,
    )


REGION = group(1)
