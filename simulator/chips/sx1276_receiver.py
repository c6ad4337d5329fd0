# SPDX-License-Identifier: MIT
"""What an SX1276 that listens can hear, and when it knows."""

from simulator.air import Signal, Transmission
from simulator.chips import sx1276_registers as reg
from simulator.clock import Event

# Bor and others 2016, "LoRa for the Internet of Things": the last five symbols of the preamble.
_DETECT_SYMBOLS = 5
_HEADER_SYMBOLS = 8  # the first block of every packet holds the header (DS 4.1.1.6)


class Receiver:
    """A receiver that is ready: its settings, and the signal that it has locked on."""

    def __init__(self, modem: reg.Modem, ready_us: int, fifo_at: int):
        self.modem, self.fifo_at = modem, fifo_at
        self.signal: Signal | None = None
        self.timeout: Event | None = None
        self._ready_us = ready_us

    def hears(self, signal: Signal) -> bool:
        """Whether the demodulator can make anything of a signal.

        A foreign sync word counts as never detected, though a chip would see its preamble.
        """
        sent, modem = signal.transmission, self.modem
        return (
            abs(sent.freq_hz - modem.freq_hz) * 4 <= modem.bw_hz  # DS 4.1.5
            and (sent.sf, sent.bw_hz) == (modem.sf, modem.bw_hz)
            and sent.iq_inverted == modem.rx_inverted
            and sent.sync_word == modem.sync_word
            and signal.snr_db >= reg.SNR_FLOOR_DB[modem.sf]
        )

    def detects_us(self, sent: Transmission) -> int | None:
        """When enough preamble has been heard, None when too little of it is left."""
        detected_us = max(self._ready_us, sent.start_us) + self.modem.symbols_us(_DETECT_SYMBOLS)
        ends_us = sent.start_us + self.modem.symbols_us(sent.preamble_symbols)
        return detected_us if detected_us <= ends_us else None

    def header_us(self, sent: Transmission) -> int:
        """From the start of a transmission to the end of its header."""
        return self.modem.symbols_us(4 * (sent.preamble_symbols + _HEADER_SYMBOLS) + 17, 4)
