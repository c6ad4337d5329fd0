# SPDX-License-Identifier: MIT
"""The SX1276 in LoRa mode as SPI, its DIO pins, its reset pin and the air see it.

The FSK modem, frequency hopping, the temperature sensor and the frequency error are not modelled;
channel activity detection always finds the channel free.
"""

from collections.abc import Callable

from simulator.air import Antenna, Signal, Transmission
from simulator.chips import sx1276_registers as reg
from simulator.chips.sx1276_receiver import Receiver, garbled
from simulator.clock import Clock, Event
from simulator.states import States

_CAD_SYMBOLS = 2  # about: DS 4.1.6 gives one symbol of listening and up to one of computing


class SX1276:
    """One chip behind one chip-select; `on_dio(dio, level)` is called at each edge of DIO0..5.

    `transactions` and `bytes_moved` count the SPI traffic since construction.
    """

    def __init__(self, clock: Clock, antenna: Antenna, on_dio: Callable[[int, int], None]):
        self.sender = "sx1276"
        self.silent = False  # no longer soldered on: SPI reads zeros, and nothing happens
        self.on_window: Callable[[int, Receiver], None] = lambda time_us, receiver: None  # closes
        self.registers = bytearray(0x80)
        self.fifo = bytearray(0x100)
        self.transactions = self.bytes_moved = 0
        self._clock, self._antenna, self._on_dio = clock, antenna, on_dio
        self._levels = [0] * len(reg.DIO)
        self._fsk = bytearray(0x80)
        self._selected, self._address = False, -1  # -1: the next byte is an address
        self._in_reset_since_us: int | None = None
        self._states = States("standby", clock.now_us)
        self._tcxo = False  # whether an external oscillator clocks it, and since when that runs
        self._tcxo_on_us: int | None = None
        self._events: list[Event] = []
        self._receiver: Receiver | None = None
        self._reset(reg.POWER_ON_US)

    def _reset(self, wait_us: int) -> None:
        self._cancel()
        self._draw("standby")
        self.registers[:] = bytes(reg.RESET.get(address, 0) for address in range(0x80))
        self.fifo[:] = bytes(0x100)
        self._fsk[:] = bytes(0x80)
        self._answers_us = self._clock.now_us + wait_us
        self._oscillates_us = self._answers_us  # when the crystal runs
        self._locked = self._mode_ready = False
        self._show()

    # Pins.

    def reset(self, level: int) -> None:
        """Drive NRESET; a low pulse of 100 us resets, and the chip answers 5 ms after it."""
        if not level:
            if self._in_reset_since_us is None:
                self._in_reset_since_us = self._clock.now_us
        elif self._in_reset_since_us is not None:
            low_us = self._clock.now_us - self._in_reset_since_us
            self._in_reset_since_us = None
            if low_us >= reg.RESET_PULSE_US:
                self._reset(reg.RESET_US)

    def clock_by_tcxo(self) -> None:
        """Have a TCXO in the place of the crystal; it is off until `power_tcxo(1)`."""
        self._tcxo = True

    def power_tcxo(self, level: int) -> None:
        """Drive the pin that feeds the TCXO."""
        self._tcxo_on_us = self._clock.now_us + reg.TCXO_START_US if level else None

    def _show(self) -> None:
        """Report the edges of the DIO pins."""
        shown = self.registers[reg.IRQ_FLAGS]
        shown |= reg.PLL_LOCK if self._locked else 0
        shown |= reg.MODE_READY if self._mode_ready else 0
        if not self._long_range:
            shown = 0
        mapping = self.registers[reg.DIO_MAPPING_1] << 8 | self.registers[reg.DIO_MAPPING_2]
        for dio, sources in enumerate(reg.DIO):
            level = 1 if shown & sources[mapping >> (14 - 2 * dio) & 3] else 0
            if level != self._levels[dio]:
                self._levels[dio] = level
                self._on_dio(dio, level)

    # SPI.

    def select(self) -> None:
        """NSS goes low: a transaction begins."""
        self._selected, self._address = True, -1
        self.transactions += 1

    def deselect(self) -> None:
        """NSS goes high."""
        self._selected = False

    def transfer(self, mosi: bytes) -> bytes:
        """Clock bytes through; the first of a transaction is the address, bit 7 set to write."""
        if not self._selected:
            return bytes(len(mosi))
        self.bytes_moved += len(mosi)
        if (
            self.silent
            or self._in_reset_since_us is not None
            or self._clock.now_us < self._answers_us
        ):
            return bytes(len(mosi))
        return bytes(self._clock_byte(value) for value in mosi)

    def _clock_byte(self, value: int) -> int:
        if self._address < 0:
            self._address, self._writes = value & 0x7F, bool(value & 0x80)
            return 0
        address = self._address
        if address != reg.FIFO:
            self._address = address + 1 & 0x7F
        if self._writes:
            self._write(address, value)
            return 0
        return self._read(address)

    def _read(self, address: int) -> int:
        if self._on_fsk_page(address):
            return self._fsk[address]
        if address == reg.FIFO:
            return self.fifo[self._next_fifo_address()] if self._fifo_open else 0
        if address == reg.RSSI and self._receiver is not None:
            heard = [each.rssi_dbm for each in self._antenna.signals()]
            return reg.rssi_register(heard, self._receiver.modem.bw_hz)
        return self.registers[address]

    def _write(self, address: int, value: int) -> None:
        if address == reg.FIFO:
            if self._fifo_open:
                self.fifo[self._next_fifo_address()] = value
        elif address == reg.OP_MODE:
            self._set_mode(value)
        elif self._on_fsk_page(address):
            self._fsk[address] = value
        elif address == reg.IRQ_FLAGS:
            self.registers[address] &= ~value
            self._show()
        elif address not in reg.READ_ONLY:
            self.registers[address] = value
            self._show()

    def _next_fifo_address(self) -> int:
        at = self.registers[reg.FIFO_ADDR_PTR]
        self.registers[reg.FIFO_ADDR_PTR] = at + 1 & 0xFF
        return at

    @property
    def _fifo_open(self) -> bool:
        """Not in sleep (DS table 16), which ends when the crystal runs: LoRaMac-node waits 1 ms."""
        return self.mode != reg.SLEEP and self._clock.now_us >= self._oscillates_us

    def _on_fsk_page(self, address: int) -> bool:
        shared = self.registers[reg.OP_MODE] & reg.SHARED_FSK
        return address in reg.FSK_PAGE and (not self._long_range or bool(shared))

    # Modes.

    @property
    def mode(self) -> int:
        """The mode bits of RegOpMode."""
        return self.registers[reg.OP_MODE] & 0x07

    @property
    def _long_range(self) -> bool:
        return bool(self.registers[reg.OP_MODE] & reg.LONG_RANGE)

    @property
    def spurious_reception(self) -> bool:
        """Whether erratum 2.3 is open: automatic IF at a bandwidth under 500 kHz."""
        narrow = self.registers[reg.MODEM_CONFIG_1] >> 4 < 9
        return narrow and bool(self.registers[reg.DETECT_OPTIMIZE] & 0x80)

    def time_by_state_us(self) -> dict[str, int]:
        """Time so far in sleep, standby, fs, rx and the transmitter's rfo, boost, boost+20."""
        return self._states.time_us(self._clock.now_us)

    def _draw(self, state: str) -> None:
        """Note a change of the supply current."""
        self._states.enter(state, self._clock.now_us)

    def _after(self, delay_us: int, callback: Callable[..., None], *arguments: Signal) -> Event:
        """Do something later, unless the mode changes first."""
        event = self._clock.call_at(self._clock.now_us + delay_us, callback, *arguments)
        self._events = [each for each in self._events if each.callback is not None]
        self._events.append(event)
        return event

    def _cancel(self) -> None:
        for event in self._events:
            self._clock.cancel(event)
        self._events.clear()
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            self.on_window(self._clock.now_us, receiver)

    def _set_mode(self, value: int) -> None:
        """Take a write of RegOpMode: LongRangeMode changes only from sleep to sleep (DS 4.1.2)."""
        before, mode = self.registers[reg.OP_MODE], value & 0x07
        if before & 0x07 != reg.SLEEP or mode != reg.SLEEP:
            value = value & ~reg.LONG_RANGE | before & reg.LONG_RANGE
        self.registers[reg.OP_MODE] = value
        if mode != before & 0x07:
            self._enter(before & 0x07)
        self._show()

    def _enter(self, before: int) -> None:
        """Leave a mode for the one in RegOpMode (DS figure 17)."""
        self._cancel()
        synthesizing = self._locked and before in (reg.FSTX, reg.FSRX)
        self._locked = self._mode_ready = False
        if self.mode == reg.SLEEP:
            self._draw("sleep")
            self.fifo[:] = bytes(0x100)
            self.registers[reg.RX_HEADER_CNT : reg.MODEM_STAT] = bytes(4)
            return
        self._draw("standby")
        if before == reg.SLEEP:
            self._oscillates_us = self._clock.now_us + reg.TS_OSC_US
        if self._tcxo:
            if self._tcxo_on_us is None or not self.registers[reg.TCXO] & reg.TCXO_INPUT:
                return  # no clock: nothing ever begins, though the registers answer
            self._oscillates_us = max(self._oscillates_us, self._tcxo_on_us)
        wait_us = max(0, self._oscillates_us - self._clock.now_us)
        if self.mode == reg.STANDBY:
            if wait_us:
                self._after(wait_us, self._ready)
            else:
                self._mode_ready = True
        elif self._long_range:
            self._after(wait_us, self._synthesize if not synthesizing else self._lock)

    def _ready(self) -> None:
        self._mode_ready = True
        self._show()

    def _synthesize(self) -> None:
        self._draw("fs")
        self._after(reg.TS_FS_US, self._lock)

    def _lock(self) -> None:
        self._draw("fs")
        self._locked = True
        if self.mode == reg.TX:
            self._after(reg.tx_start_us(self.registers), self._send)
        elif self.mode in (reg.FSTX, reg.FSRX):
            self._mode_ready = True
        else:
            bw_code = reg.modem(self.registers).bw_code
            self._after(reg.rx_start_us(bw_code), self._listen)
        self._show()

    def _finish(self, flags: int) -> None:
        """Fall back to standby and say why."""
        before = self.mode
        self.registers[reg.OP_MODE] = self.registers[reg.OP_MODE] & ~0x07 | reg.STANDBY
        self._enter(before)
        self._flag(flags)

    def _flag(self, flags: int) -> None:
        """Set IRQ flags; a masked one is not set (DS table 41)."""
        self.registers[reg.IRQ_FLAGS] |= flags & ~self.registers[reg.IRQ_MASK]
        self._show()

    # The air.

    def _send(self) -> None:
        modem, now_us = reg.modem(self.registers), self._clock.now_us
        base, length = self.registers[reg.FIFO_TX_BASE], self.registers[reg.PAYLOAD_LENGTH]
        payload = bytes(self.fifo[base + at & 0xFF] for at in range(length))
        if not modem.ldro_right:
            payload = garbled(payload)  # as a receiver with the right setting would decode it
        self._draw(reg.tx_state(self.registers))
        self._ready()
        airtime_us = modem.airtime_us(length)
        self._after(airtime_us, self._finish_sending)
        self._antenna.transmit(
            Transmission(
                start_us=now_us,
                end_us=now_us + airtime_us,
                freq_hz=modem.freq_hz,
                sf=modem.sf,
                bw_hz=modem.bw_hz,
                cr=modem.cr,
                preamble_symbols=modem.preamble_symbols,
                crc_on=modem.crc_on,
                implicit_header=modem.implicit_header,
                iq_inverted=modem.tx_inverted,
                sync_word=modem.sync_word,
                power_dbm=reg.output_dbm(self.registers),
                payload=payload,
                sender=self.sender,
            )
        )

    def _finish_sending(self) -> None:
        self._finish(reg.TX_DONE)

    def _listen(self) -> None:
        """The receiver is ready: look for a preamble."""
        modem = reg.modem(self.registers)
        self._draw("rx")
        self._ready()
        if self.mode == reg.CAD:
            self._after(modem.symbols_us(_CAD_SYMBOLS), self._finish_cad)
            return
        self._receiver = Receiver(modem, self._clock.now_us, self.registers[reg.FIFO_RX_BASE])
        for signal in self._antenna.signals():
            self.arrive(signal)
        if self.mode == reg.RX_SINGLE:
            window_us = modem.symbols_us(modem.timeout_symbols)
            self._receiver.timeout = self._after(window_us, self._time_out)

    def _finish_cad(self) -> None:
        self._finish(reg.CAD_DONE)

    def _time_out(self) -> None:
        self._finish(reg.RX_TIMEOUT)

    def arrive(self, signal: Signal) -> None:
        """A transmission has begun at the antenna, or was under way when the receiver started."""
        receiver = self._receiver
        if receiver is not None and receiver.hears(signal):
            detected_us = receiver.detects_us(signal.transmission)
            if detected_us is not None:
                self._after(detected_us - self._clock.now_us, self._detect, signal)

    def _detect(self, signal: Signal) -> None:
        receiver, sent = self._receiver, signal.transmission
        if receiver is None or receiver.signal is not None:
            return
        receiver.signal = signal
        self._clock.cancel(receiver.timeout)
        self.registers[reg.MODEM_STAT] = 0x07  # detected, synchronized, ongoing
        header_us = sent.start_us + receiver.header_us(sent)
        self._after(header_us - self._clock.now_us, self._read_header, signal)
        self._after(sent.end_us - self._clock.now_us, self._receive, signal)

    def _read_header(self, signal: Signal) -> None:
        receiver, sent = self._receiver, signal.transmission
        assert receiver is not None
        if sent.implicit_header != receiver.modem.implicit_header or (
            len(sent.payload) > self.registers[reg.MAX_PAYLOAD_LENGTH]
        ):
            # header error: it goes on searching, and in RXSINGLE the timeout is gone (the MCU has
            # to end the window: LoRaMac-node keeps a timer for it)
            receiver.signal, receiver.outcome = None, "header error"
            return
        if not sent.implicit_header:
            self.registers[reg.MODEM_STAT] = (sent.cr - 4) << 5 | 0x0F
            self.registers[reg.HOP_CHANNEL] = 0x40 if sent.crc_on else 0
            self._count(reg.RX_HEADER_CNT)
            self._flag(reg.VALID_HEADER)

    def _receive(self, signal: Signal) -> None:
        receiver, sent = self._receiver, signal.transmission
        if receiver is None or receiver.signal is not signal:
            return
        receiver.signal = None
        good = signal.clean and receiver.modem.ldro_right
        receiver.outcome = "packet" if good else "collision" if not signal.clean else "garbled"
        data, at = sent.payload if good else garbled(sent.payload), receiver.fifo_at
        for offset, value in enumerate(data):
            self.fifo[at + offset & 0xFF] = value
        receiver.fifo_at = at + len(data) & 0xFF
        self.registers[reg.FIFO_RX_CURRENT] = at
        self.registers[reg.FIFO_RX_BYTE] = receiver.fifo_at
        self.registers[reg.RX_NB_BYTES] = len(data)
        self.registers[reg.PKT_SNR] = reg.snr_register(signal.snr_db)
        self.registers[reg.PKT_RSSI] = reg.packet_rssi_register(signal.rssi_dbm, signal.snr_db)
        self.registers[reg.MODEM_STAT] = self.registers[reg.MODEM_STAT] & 0xE0 | 0x10
        flags = reg.RX_DONE
        if not good and sent.crc_on:
            flags |= reg.PAYLOAD_CRC_ERROR
        else:
            self._count(reg.RX_PACKET_CNT)
        if self.mode == reg.RX_SINGLE:
            self._finish(flags)
        else:
            self._flag(flags)

    def _count(self, address: int) -> None:
        """Add one to a 16-bit counter."""
        value = int.from_bytes(self.registers[address : address + 2], "big") + 1
        self.registers[address : address + 2] = (value & 0xFFFF).to_bytes(2, "big")
