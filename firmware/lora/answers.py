# SPDX-License-Identifier: MIT
"""What a Class A device does with the network's MAC commands, and what it answers (TS001 5).

Answers collect in session.answers, in the order of the requests, up to the 15 bytes of FOpts. The
MAC loads this file when commands have come, for as long as it takes to obey.
"""

from lora import commands
from lora.region import BANKS, band, downlink_rate
from micropython import const

_ALL = const(7)  # LinkADRAns, RXParamSetupAns: three bits, and nothing changes unless all are set
_KEEP = const(15)
_MAX_EIRP_DBM = b"\x08\x0a\x0c\x0d\x0e\x10\x12\x14\x15\x18\x1a\x1b\x1d\x1e\x21\x24"


def apply(session, region, received, battery, snr_db, weakest_dbm=0):
    """Carry out [(cid, payload)] of one downlink; it ends the answers that were sticky till now.

    weakest_dbm: the lowest EIRP that the device can send with.
    """
    out = []
    index = 0
    while index < len(received):
        cid, payload = received[index]
        index += 1
        if cid == commands.LINK_ADR:
            block = [payload]
            while index < len(received) and received[index][0] == cid:
                block.append(received[index][1])
                index += 1
            out.extend([bytes((cid, _link_adr(session, region, block, weakest_dbm)))] * len(block))
        elif cid == commands.DUTY_CYCLE:
            session.max_duty_cycle = payload[0] & 15
            out.append(bytes((cid,)))
        elif cid == commands.RX_PARAM_SETUP:
            out.append(bytes((cid, _rx_param_setup(session, region, payload))))
        elif cid == commands.DEV_STATUS:
            out.append(bytes((cid, battery, min(max(snr_db, -32), 31) & 0x3F)))
        elif cid == commands.RX_TIMING_SETUP:
            session.rx1_delay_s = payload[0] & 15 or 1
            out.append(bytes((cid,)))
        elif cid == commands.TX_PARAM_SETUP:
            # neither done nor answered in regions without it (RP002 2.4.3)
            if region.dwell:
                _tx_param_setup(session, region, payload[0])
                out.append(bytes((cid,)))
        elif region.fixed:
            pass  # TS001 5.6, 5.9: not for its channels
        elif cid == commands.NEW_CHANNEL:
            out.append(bytes((cid, _new_channel(session, region, payload))))
        elif cid == commands.DL_CHANNEL:
            out.append(bytes((cid, _dl_channel(session, region, payload))))
    session.answers = commands.fit(out, commands.F_OPTS_MAX)


def _freq_hz(payload, at):
    return int.from_bytes(payload[at : at + 3], "little") * 100


def _link_adr(session, region, block, weakest_dbm):
    """Do a block of LinkADRReq as one (TS001 5.2): masks in order, the rest from the last."""
    mask, status, defined = session.channel_mask, _ALL, session.defined()
    for payload in block:
        control = region.mask_controls[payload[3] >> 4 & 7]
        if control is None:
            status &= ~1
            continue
        keep, on, shift, bits = control
        asked = int.from_bytes(payload[1:3], "little") & bits
        if keep == BANKS:
            keep, asked = 0, _banks(asked)
        asked <<= shift
        if asked & ~defined:
            status &= ~1
        mask = (mask & keep | on) & defined | asked
    data_rate, tx_power, nb_trans = block[-1][0] >> 4, block[-1][0] & 15, block[-1][3] & 15
    data_rate = session.data_rate if data_rate == _KEEP else data_rate
    if tx_power == _KEEP:
        tx_power = session.tx_power
    elif tx_power > region.tx_power_steps or session.max_eirp_dbm - 2 * tx_power < weakest_dbm:
        status &= ~4
    if not mask:
        status &= ~1
    if not session.usable(data_rate, mask):
        status &= ~2
    if status == _ALL:
        session.channel_mask, session.data_rate = mask, data_rate
        session.tx_power, session.nb_trans = tx_power, nb_trans or 1
    return status


def _banks(bits):
    """Return the mask of the banks named by 8 bits: eight channels of 125 kHz, one of 500 kHz."""
    mask = bits << 64
    for bank in range(8):
        if bits >> bank & 1:
            mask |= 0xFF << (8 * bank)
    return mask


def _rx_param_setup(session, region, payload):
    offset, data_rate, freq_hz = payload[0] >> 4 & 7, payload[0] & 15, _freq_hz(payload, 1)
    status = 1 if band(region, freq_hz) is not None else 0
    status |= 2 if downlink_rate(region, data_rate) else 0
    status |= 4 if offset < len(region.rx1_data_rates[0]) else 0
    if status == _ALL:
        session.rx1_dr_offset, session.rx2_data_rate = offset, data_rate
        session.rx2_freq_hz = freq_hz
    return status


def _new_channel(session, region, payload):
    """Bit 0 frequency, bit 1 data rates; the default channels are read-only (RP002 2.4.2)."""
    index, freq_hz = payload[0], _freq_hz(payload, 1)
    min_dr, max_dr = payload[4] & 15, payload[4] >> 4
    free = len(region.channels) <= index < region.channel_count
    if not freq_hz:
        status = 3 if free else 0
    else:
        status = 1 if free and band(region, freq_hz) is not None else 0
        status |= 2 if min_dr <= max_dr < len(region.data_rates) else 0
    if status == 3:
        session.set_channel(index, freq_hz, min_dr, max_dr)
        session.keep_usable()
    return status


def _tx_param_setup(session, region, payload):
    """Downlink dwell bit 5, uplink dwell bit 4, the highest EIRP by its index (TS001 5.8)."""
    session.downlink_dwell, session.uplink_dwell = payload >> 5 & 1, payload >> 4 & 1
    session.max_eirp_dbm = _MAX_EIRP_DBM[payload & 15]
    session.keep_usable()


def _dl_channel(session, region, payload):
    """Bit 0 frequency, bit 1 the uplink channel exists."""
    index, freq_hz = payload[0], _freq_hz(payload, 1)
    status = 1 if band(region, freq_hz) is not None else 0
    channel = session.channels[index] if index < len(session.channels) else None
    if channel:
        status |= 2
        if status == 3:
            session.channels[index] = (channel[0], channel[1], channel[2], freq_hz)
    return status
