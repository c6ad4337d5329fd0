# SPDX-License-Identifier: MIT
"""What an SX1276 that listens can hear, and when it knows."""

from simulator.air import Signal, Transmission
from simulator.chips import sx1276_registers as reg
from simulator.clock import Event

# Bor and others 2016, "LoRa for the Internet of Things": the last five symbols of the preamble.
_DETECT_SYMBOLS = 5
_HEADER_SYMBOLS = 8  # the first block of every packet holds the header (DS 4.1.1.6)
_GARBLE = 0xA5


class Receiver:
    """A receiver that is ready since `ready_us`: its settings, the signal that it has locked on.

    `outcome` is what came of what it locked on, "" for nothing.
    """

    def __init__(self, modem: reg.Modem, ready_us: int, fifo_at: int):
        self.modem, self.fifo_at = modem, fifo_at
        self.signal: Signal | None = None
        self.timeout: Event | None = None
        self.ready_us, self.outcome = ready_us, ""
        self._weak_db: float | None = None  # of what was too weak to be locked on

    def hears(self, signal: Signal) -> bool:
        """Whether the demodulator can make anything of a signal.

        A foreign sync word counts as never detected, though a chip would see its preamble.
        """
        sent, modem = signal.transmission, self.modem
        fits = (
            abs(sent.freq_hz - modem.freq_hz) * 4 <= modem.bw_hz  # DS 4.1.5
            and (sent.sf, sent.bw_hz) == (modem.sf, modem.bw_hz)
            and sent.iq_inverted == modem.rx_inverted
            and sent.sync_word == modem.sync_word
        )
        strong = signal.snr_db >= reg.SNR_FLOOR_DB[modem.sf]
        if fits and not strong:
            self._weak_db = signal.snr_db
        return fits and strong

    def ended(self, now_us: int) -> str:
        """What came of it, now that it closes: a packet, or why there is none."""
        if self.outcome:
            return self.outcome
        if self._weak_db is not None:
            return f"too weak: SNR {self._weak_db:.1f} dB"
        timed_out = self.timeout is not None and now_us >= self.timeout.time_us
        return "timeout" if timed_out and self.signal is None else "closed"

    def detects_us(self, sent: Transmission) -> int | None:
        """When enough preamble has been heard, None when too little of it is left."""
        detected_us = max(self.ready_us, sent.start_us) + self.modem.symbols_us(_DETECT_SYMBOLS)
        ends_us = sent.start_us + self.modem.symbols_us(sent.preamble_symbols)
        return detected_us if detected_us <= ends_us else None

    def header_us(self, sent: Transmission) -> int:
        """From the start of a transmission to the end of its header."""
        return self.modem.symbols_us(4 * (sent.preamble_symbols + _HEADER_SYMBOLS) + 17, 4)


def garbled(payload: bytes) -> bytes:
    """What is left of a payload that was not received well."""
    return bytes(value ^ _GARBLE for value in payload)
