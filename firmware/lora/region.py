# SPDX-License-Identifier: MIT
"""Regional parameters (RP002-1.0.4) as tables; a region is a row of numbers and no code."""

from collections import namedtuple

# channels: default (freq_hz, min_dr, max_dr), read-only, joins use them | channel_count: at most
# join_data_rates: in the order of trying | cf_list_data_rates: (min, max) of channels in a CFList
# data_rates: (sf, bw_hz) by DR | max_mac_payload: M by DR, no repeater
# rx1_data_rates: a row by uplink DR, a byte by RX1DROffset | rx2: (freq_hz, data rate)
# bands: (low_hz, high_hz, n): 1/n of the time, 1 for no limit; outside of them nothing is allowed
# tx_power_steps: highest TXPower, 2 dB each below max_eirp_dbm | adr_ack: (LIMIT, DELAY)
# mask_controls by ChMaskCntl: None (RFU) or (channels kept, switched on, ChMask's shift and bits)
Region = namedtuple(
    "Region",
    "name channels channel_count join_data_rates cf_list_data_rates data_rates max_mac_payload"
    " rx1_data_rates rx2 bands max_eirp_dbm tx_power_steps adr_ack mask_controls",
)

EU868 = Region(
    "EU868",
    ((868100000, 0, 5), (868300000, 0, 5), (868500000, 0, 5)),
    16,
    b"\x05\x04\x03\x02\x01\x00",
    (0, 5),
    # DR7 (FSK) and DR8 up (LR-FHSS) are not built
    ((12, 125000), (11, 125000), (10, 125000), (9, 125000), (8, 125000), (7, 125000), (7, 250000)),
    b"\x3b\x3b\x3b\x7b\xfa\xfa\xfa",
    (
        b"\x00\x00\x00\x00\x00\x00",
        b"\x01\x00\x00\x00\x00\x00",
        b"\x02\x01\x00\x00\x00\x00",
        b"\x03\x02\x01\x00\x00\x00",
        b"\x04\x03\x02\x01\x00\x00",
        b"\x05\x04\x03\x02\x01\x00",
        b"\x06\x05\x04\x03\x02\x01",
    ),
    (869525000, 0),
    # ETSI EN 300 220-2 bands K L M N P R; between them is no place
    (
        (863000000, 865000000, 1000),
        (865000000, 868000000, 100),
        (868000000, 868600000, 100),
        (868700000, 869200000, 1000),
        (869400000, 869650000, 10),
        (869700000, 870000000, 100),
    ),
    16,
    7,
    (64, 32),
    ((0, 0, 0, 0xFFFF), None, None, None, None, None, (0, 0xFFFF, 0, 0), None),
)

REGIONS = {EU868.name: EU868}


def band(region, freq_hz):
    """Return the index of the band that holds a frequency, or None."""
    for index, (low_hz, high_hz, _) in enumerate(region.bands):
        if low_hz <= freq_hz <= high_hz:
            return index
    return None
