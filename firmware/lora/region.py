# SPDX-License-Identifier: MIT
"""What a regional plan is made of (RP002-1.0.4); each region is a row of numbers in lora/regions.

A plan is dynamic (sixteen channels, which the network defines beyond the first two or three) or
fixed (64 channels of 125 kHz and 8 of 500 kHz, which the network only switches on and off).
"""

from collections import namedtuple

from micropython import const

# fixed: the module with the code of a fixed plan, None for a dynamic one
# channels: dynamic: the defaults (freq_hz, min_dr, max_dr), read-only, joins use them; fixed:
#   groups (first_hz, step_hz, count, min_dr, max_dr) | channel_count: at most
# downlinks: fixed: (first_hz, step_hz, count) of RX1, taken in turn; None: on the uplink's channel
# join_data_rates: in the order of trying, then round again
# data_rates: (sf, bw_hz) by DR, None where there is none or it is not built
# downlink_data_rates: (lowest, highest) | cf_list_data_rates: (min, max) of channels in a CFList
# max_mac_payload: M by DR, no repeater, without and with the dwell time; 0: not to be used
# rx1_data_rates: a row by uplink DR, a byte by RX1DROffset | rx2: (freq_hz, data rate)
# dwell: None, or (uplink, downlink) before TXParamSetupReq | dwell_dr: lowest RX1 DR under it
# bands: (low_hz, high_hz, n): 1/n of the time, 1 for no limit; outside of them nothing is allowed
# tx_power_steps: highest TXPower, 2 dB each below max_eirp_dbm | adr_ack: (LIMIT, DELAY)
# mask_controls by ChMaskCntl: None (RFU) or (channels kept, switched on, ChMask's shift and bits)
Region = namedtuple(
    "Region",
    "name fixed channels channel_count downlinks join_data_rates data_rates downlink_data_rates"
    " cf_list_data_rates max_mac_payload rx1_data_rates rx2 dwell dwell_dr bands max_eirp_dbm"
    " tx_power_steps adr_ack mask_controls",
)

BANKS = const(-1)  # in place of the channels kept: a bit of ChMask switches eight channels and one
ADR_ACK = (64, 32)
# DR0 to DR5 of most regions; FSK and LR-FHSS are built in none
SF12_TO_SF7 = ((12, 125000), (11, 125000), (10, 125000), (9, 125000), (8, 125000), (7, 125000))
DYNAMIC_MASKS = ((0, 0, 0, 0xFFFF), None, None, None, None, None, (0, 0xFFFF, 0, 0), None)


def find(name):
    """Return the region of that name, such as "EU868" or "AS923-2". ImportError: there is none."""
    file, _, group = name.lower().partition("-")
    module = __import__("lora.regions." + file, None, None, ("REGION",))
    return module.group(int(group)) if group else module.REGION


def band(region, freq_hz):
    """Return the index of the band that holds a frequency, or None."""
    for index, (low_hz, high_hz, _) in enumerate(region.bands):
        if low_hz <= freq_hz <= high_hz:
            return index
    return None


def downlink_rate(region, data_rate):
    """True for a data rate at which the device can listen."""
    lowest, highest = region.downlink_data_rates
    return lowest <= data_rate <= highest and region.data_rates[data_rate] is not None
