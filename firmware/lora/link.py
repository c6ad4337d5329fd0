# SPDX-License-Identifier: MIT
"""Carries what the MAC decides to the radio, and opens the receive windows on time."""

import gc
import time
from micropython import const

from lora import airtime, mac

_MARGIN_US = const(1000)  # TX start to the first symbol, and the step of a wait
_LOST_TX_MS = const(100)  # no TxDone so long after its time: the radio is not there
_DETECT_SYMBOLS = const(6)  # preamble that must fit behind the window's time
_HEADER_SYMBOLS = const(21)  # preamble and header
_CLOSED_MS = const(2)  # the receiver starts, and its timeout becomes a flag
_POLL_MS = const(20)
_LONGEST = const(255)
_WEAKEST_DBM = const(2)  # PA_BOOST gives 2 to 17 dBm, or 20
_STRONGEST_DBM = const(17)
_BOOSTED_DBM = const(20)


class Link:
    """One exchange at a time: a transmission and its windows."""

    def __init__(self, radio, power, latency_ms, clock_error_ppm, antenna_gain_db):
        self._radio, self._power, self._gain_db = radio, power, antenna_gain_db
        self.weakest_dbm = _WEAKEST_DBM + antenna_gain_db  # EIRP
        self._latency_us, self._error_ppm = latency_ms * 1000, clock_error_ppm
        self._buffer = bytearray(_LONGEST)
        self._sent_us = 0  # ticks_us at the end of the last transmission
        self._sent_error_us = 0  # how far a reckoned end may be off
        self.rssi_dbm = self.snr_qdb = 0  # of the last frame that was heard
        self.on_air = None  # told True when a transmission begins, False when it has ended

    def exchange(self, machine):
        """Run the MAC until it is done or has to wait; returns that last action.

        OSError: the radio does not answer.
        """
        event, data = mac.START, None
        while True:
            action = machine.step(event, self._power.now_ms(), data)
            if action.kind == mac.TRANSMIT:
                self._announce(True)
                try:
                    self._transmit(action)
                finally:
                    self._announce(False)
                event, data = mac.SENT, None
            elif action.kind == mac.LISTEN:
                data = self._listen(action)
                event = mac.SILENT if data is None else mac.HEARD
                machine.snr_db = self.snr_qdb // 4
            else:
                return action

    def sent_ago_s(self):
        """Seconds since the end of the last transmission, asked within the exchange."""
        return time.ticks_diff(time.ticks_us(), self._sent_us) // 1000000

    def _announce(self, sending):
        if self.on_air is not None:
            self.on_air(sending)

    def _transmit(self, action):
        radio, length = self._radio, len(action.phy)
        gc.collect()  # not in the windows
        start_us = radio.transmit(
            action.phy,
            length,
            action.freq_hz,
            action.sf,
            action.bw_hz,
            self._conducted_dbm(action.power_dbm),
        )
        airtime_us = airtime.time_on_air_us(length, action.sf, action.bw_hz)
        end_us = time.ticks_add(start_us, airtime_us + _MARGIN_US)
        self._power.wait_until_us(end_us)
        self._power.wait_until(self._power.now_ms() + _LOST_TX_MS, radio, 1)
        if not radio.flag and not radio.irq_flags() & radio.TX_DONE:
            radio.sleep()
            raise OSError("the radio did not end its transmission")
        self._note_end(start_us, end_us, airtime_us)
        radio.sleep()
        gc.collect()  # the first window is a second away at least

    def _conducted_dbm(self, eirp_dbm):
        """What the amplifier has to give for an EIRP, as near below as it can."""
        dbm = eirp_dbm - self._gain_db
        if dbm >= _BOOSTED_DBM:
            return _BOOSTED_DBM
        return min(max(dbm, _WEAKEST_DBM), _STRONGEST_DBM)

    def _note_end(self, start_us, end_us, airtime_us):
        """Take the earlier of the interrupt's stamp and the reckoned end.

        Neither is before the true end, and both may be late: the stamp by the latency, the reckoned
        end by the clock's error. The windows open earlier by what the end may have been before it.
        """
        radio = self._radio
        prompt = radio.flag and time.ticks_diff(radio.stamp_us, end_us) < 0
        self._sent_us = radio.stamp_us if prompt else end_us
        earliest_us = airtime_us - self._error_ppm * airtime_us // 1000000
        self._sent_error_us = max(time.ticks_diff(self._sent_us, start_us) - earliest_us, 0)

    def _listen(self, action):
        """Open one window; the frame that was heard, None when nothing was."""
        radio, symbol_us = self._radio, (1000000 << action.sf) // action.bw_hz
        error_us = self._error_ppm * action.delay_ms // 1000 + self._sent_error_us
        early_us = error_us + self._latency_us + _MARGIN_US
        symbols = (early_us + error_us + symbol_us - 1) // symbol_us + _DETECT_SYMBOLS
        opens_us = time.ticks_add(self._sent_us, action.delay_ms * 1000 - early_us)
        self._power.wait_until_us(opens_us)
        radio.listen(action.freq_hz, action.sf, action.bw_hz, symbols)
        open_us = symbols * symbol_us
        closes_ms = self._power.now_ms() + (open_us + open_us * self._error_ppm // 1000000) // 1000
        if not self._power.wait_until(closes_ms + _CLOSED_MS, radio):
            self._follow(closes_ms, action.sf, action.bw_hz, symbol_us)
        length = radio.read(self._buffer) if radio.irq_flags() & radio.RX_DONE else 0
        radio.sleep()
        if not length:
            return None
        self.rssi_dbm, self.snr_qdb = radio.rssi_dbm, radio.snr_qdb
        return bytes(memoryview(self._buffer)[:length])

    def _follow(self, closes_ms, sf, bw_hz, symbol_us):
        """The window is over: wait on while a packet comes in, and no longer than it can last.

        What looked like a preamble and has no header was noise; in RXSINGLE the modem would search
        for ever (errata: no timeout once it has detected).
        """
        radio = self._radio
        header_ms = closes_ms + _HEADER_SYMBOLS * symbol_us // 1000
        last_ms = closes_ms + airtime.time_on_air_us(_LONGEST, sf, bw_hz, crc=False) // 1000
        while not radio.irq_flags() & (radio.RX_TIMEOUT | radio.RX_DONE):
            now_ms = self._power.now_ms()
            if now_ms >= header_ms and not radio.irq_flags() & radio.VALID_HEADER:
                return
            if now_ms >= last_ms or self._power.wait_until(now_ms + _POLL_MS, radio):
                return
