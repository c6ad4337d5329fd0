# SPDX-License-Identifier: MIT
"""What a Class A device does with the network's MAC commands, and what it answers (TS001 5).

Answers collect in session.answers, in the order of the requests, up to the 15 bytes of FOpts.
"""

from lora import commands
from lora.region import band
from micropython import const

_ALL = const(7)  # LinkADRAns, RXParamSetupAns: three bits, and nothing changes unless all are set
_KEEP = const(15)
# repeated in every uplink until a Class A downlink comes (TS001 5.4, 5.7, 5.9)
_STICKY = (commands.RX_PARAM_SETUP, commands.RX_TIMING_SETUP, commands.DL_CHANNEL)


def apply(session, region, received, battery, snr_db):
    """Carry out [(cid, payload)] of one downlink; it ends the answers that were sticky till now."""
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
            out.extend([bytes((cid, _link_adr(session, region, block)))] * len(block))
        elif cid == commands.DUTY_CYCLE:
            session.max_duty_cycle = payload[0] & 15
            out.append(bytes((cid,)))
        elif cid == commands.RX_PARAM_SETUP:
            out.append(bytes((cid, _rx_param_setup(session, region, payload))))
        elif cid == commands.DEV_STATUS:
            out.append(bytes((cid, battery, min(max(snr_db, -32), 31) & 0x3F)))
        elif cid == commands.NEW_CHANNEL:
            out.append(bytes((cid, _new_channel(session, region, payload))))
        elif cid == commands.RX_TIMING_SETUP:
            session.rx1_delay_s = payload[0] & 15 or 1
            out.append(bytes((cid,)))
        elif cid == commands.DL_CHANNEL:
            out.append(bytes((cid, _dl_channel(session, region, payload))))
        # TXParamSetupReq is neither done nor answered in regions without it (RP002 2.4.3)
    session.answers = _fit(out)


def sticky(answers):
    """Return those that the next uplink repeats."""
    repeated = [
        bytes((cid,)) + payload for cid, payload in commands.parse(answers, False) if cid in _STICKY
    ]
    return b"".join(repeated)


def _fit(out):
    """Cut at a whole command what FOpts cannot hold."""
    size = 0
    for count, answer in enumerate(out):
        size += len(answer)
        if size > 15:
            return b"".join(out[:count])
    return b"".join(out)


def _freq_hz(payload, at):
    return int.from_bytes(payload[at : at + 3], "little") * 100


def _link_adr(session, region, block):
    """Do a block of LinkADRReq as one (TS001 5.2): masks in order, the rest from the last."""
    mask, status, defined = session.channel_mask, _ALL, session.defined()
    for payload in block:
        control = region.mask_controls[payload[3] >> 4 & 7]
        if control is None:
            status &= ~1
            continue
        keep, on, shift, bits = control
        asked = (int.from_bytes(payload[1:3], "little") & bits) << shift
        if asked & ~defined:
            status &= ~1
        mask = (mask & keep | on) & defined | asked
    data_rate, tx_power, nb_trans = block[-1][0] >> 4, block[-1][0] & 15, block[-1][3] & 15
    data_rate = session.data_rate if data_rate == _KEEP else data_rate
    tx_power = session.tx_power if tx_power == _KEEP else tx_power
    if not mask:
        status &= ~1
    if data_rate >= len(region.data_rates) or not session.usable(data_rate, mask):
        status &= ~2
    if tx_power > region.tx_power_steps:
        status &= ~4
    if status == _ALL:
        session.channel_mask, session.data_rate = mask, data_rate
        session.tx_power, session.nb_trans = tx_power, nb_trans or 1
    return status


def _rx_param_setup(session, region, payload):
    offset, data_rate, freq_hz = payload[0] >> 4 & 7, payload[0] & 15, _freq_hz(payload, 1)
    status = 1 if band(region, freq_hz) is not None else 0
    status |= 2 if data_rate < len(region.data_rates) else 0
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
        keep_usable(session, region)
    return status


def keep_usable(session, region):
    """Leave no session without a channel for its data rate: step down, then to the defaults."""
    while not session.usable(session.data_rate):
        if session.data_rate:
            session.data_rate -= 1
        else:
            session.enable_defaults(region)
            session.data_rate = region.channels[0][1]


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
