# SPDX-License-Identifier: MIT
"""The SX1276 family's LoRa modem: sends one packet, listens in one window, knows no LoRaWAN.

Section numbers are those of the SX1276/77/78/79 data sheet (DS) and its errata note.
"""

import time
from micropython import const

_REG_FIFO = const(0x00)
_REG_OP_MODE = const(0x01)  # LongRangeMode 7 | Mode 2-0
_REG_FRF = const(0x06)  # 3 bytes, in steps of 32 MHz / 2^19
_REG_PA_CONFIG = const(0x09)  # PaSelect 7 | MaxPower 6-4 | OutputPower 3-0
_REG_OCP = const(0x0B)  # OcpOn 5 | OcpTrim 4-0
_REG_LNA = const(0x0C)  # LnaGain 7-5 | LnaBoostHf 1-0
_REG_FIFO_ADDR_PTR = const(0x0D)  # then TxBase, RxBase, RxCurrent, IrqFlagsMask, IrqFlags
_REG_FIFO_RX_CURRENT = const(0x10)
_REG_IRQ_FLAGS = const(0x12)  # write 1 to clear
_REG_MODEM_CONFIG_1 = const(0x1D)  # Bw 7-4 | CodingRate 3-1 | ImplicitHeaderModeOn 0
_REG_MODEM_CONFIG_2 = const(0x1E)  # SF 7-4 | RxPayloadCrcOn 2 | SymbTimeout 9-8; its LSB follows
_REG_PREAMBLE = const(0x20)  # 2 bytes
_REG_PAYLOAD_LENGTH = const(0x22)
_REG_MODEM_CONFIG_3 = const(0x26)  # LowDataRateOptimize 3 | AgcAutoOn 2
_REG_IF_FREQ = const(0x2F)  # 2 bytes, errata 2.3
_REG_DETECT_OPTIMIZE = const(0x31)  # AutomaticIFOn 7 | DetectionOptimize 2-0
_REG_INVERT_IQ = const(0x33)  # RX 6 | TX 0, which is set for normal, unlike DS table 41
_REG_HIGH_BW_OPTIMIZE_1 = const(0x36)  # errata 2.1
_REG_DETECTION_THRESHOLD = const(0x37)
_REG_SYNC_WORD = const(0x39)
_REG_HIGH_BW_OPTIMIZE_2 = const(0x3A)  # errata 2.1
_REG_INVERT_IQ_2 = const(0x3B)
_REG_DIO_MAPPING_1 = const(0x40)  # DIO0 7-6
_REG_VERSION = const(0x42)
_REG_TCXO = const(0x4B)  # TcxoInputOn 4
_REG_PA_DAC = const(0x4D)

_LORA_SLEEP = const(0x80)
_LORA_STANDBY = const(0x81)
_LORA_TX = const(0x83)
_LORA_RX_SINGLE = const(0x86)
_DIO0_RX_DONE = const(0x00)
_DIO0_TX_DONE = const(0x40)
_PA_BOOST = const(0x80)
_PA_DAC_DEFAULT = const(0x84)
_PA_DAC_20DBM = const(0x87)
_OCP_100MA = const(0x2B)  # the reset value: 45 + 5 * 11 mA
_OCP_240MA = const(0x3B)  # -30 + 10 * 27 mA
_LNA_BOOST = const(0x23)  # G1; 150 % LNA current
_CRC_ON = const(0x04)  # for the uplink; a received header says by itself
_CODING_RATE_4_5 = const(0x02)
_AGC_ON = const(0x04)
_LDRO_ON = const(0x08)
_SYNC_WORD_LORAWAN = const(0x34)

_TCXO_INPUT = const(0x19)

_CHIP_VERSION = const(0x12)
_RESET_LOW_MS = const(1)  # DS 7.2.2: 100 us at least
_RESET_MS = const(5)
_OSCILLATOR_US = const(500)  # TS_OSC is 250 typically (DS 2.5.2); before it the FIFO is shut
_DEFAULT_DBM = const(14)
_HF_RSSI_DBM = const(-157)  # DS 5.5.5
_LONGEST = const(255)
_BANDWIDTHS = {125000: 0x70, 250000: 0x80, 500000: 0x90}


class SX127x:
    """One radio; `flag` is set and `stamp_us` taken by the interrupt of DIO0, at TxDone or RxDone.

    `rssi_dbm` and `snr_qdb` (quarter dB) belong to the last packet that was read. Pins are called
    with a level; `irq_options` go to `dio0.irq`; `tcxo`: a powered one is the clock. DIO1 is not
    needed: timeouts are polled.
    """

    RX_TIMEOUT = 0x80  # irq_flags()
    RX_DONE = 0x40
    PAYLOAD_CRC_ERROR = 0x20
    VALID_HEADER = 0x10
    TX_DONE = 0x08

    def __init__(self, spi, cs, reset, dio0, irq_options, tcxo=False):
        self._spi, self._cs, self._reset, self._tcxo = spi, cs, reset, tcxo
        self._dio0, self._irq_options = dio0, irq_options
        self._buffer = bytearray(1 + _LONGEST)  # address and data
        self._view = memoryview(self._buffer)
        self._written = {}  # first register of a group: the values that the chip holds
        self._flags = 0
        self.flag = False
        self.stamp_us = 0
        self.rssi_dbm = self.snr_qdb = 0

    def begin(self):
        """Reset, set up for LoRaWAN's physical layer and sleep. OSError: another chip, or none."""
        self._reset(0)
        time.sleep_ms(_RESET_LOW_MS)
        self._reset(1)
        time.sleep_ms(_RESET_MS)
        version = self._read(_REG_VERSION, 1)[0]
        if version != _CHIP_VERSION:
            raise OSError("RegVersion is {:#04x}, an SX1276 has 0x12".format(version))
        self._write(_REG_OP_MODE, 0)  # LongRangeMode changes only in sleep (DS 4.1.2)
        self._write(_REG_OP_MODE, _LORA_SLEEP)
        self._written.clear()
        if self._tcxo:
            self._write(_REG_TCXO, _TCXO_INPUT)
        self._write(_REG_LNA, _LNA_BOOST)
        self._write(_REG_FIFO_ADDR_PTR, 0, 0, 0)
        self._write(_REG_PREAMBLE, 0, 8)
        self._write(_REG_DETECTION_THRESHOLD, 0x0A)  # SF7 to SF12
        self._write(_REG_SYNC_WORD, _SYNC_WORD_LORAWAN)
        self.set_tx_power(_DEFAULT_DBM)
        self._set_modem(7, 125000, 8)
        self._dio0.irq(self._on_dio0, trigger=self._dio0.IRQ_RISING, **self._irq_options)

    def _on_dio0(self, pin):
        self.stamp_us = time.ticks_us()
        self.flag = True

    def set_tx_power(self, dbm):
        """Set PA_BOOST to 2..17 or 20 dBm (DS 3.4.2, 3.4.3)."""
        if not (2 <= dbm <= 17 or dbm == 20):
            raise ValueError("tx power {} dBm".format(dbm))
        boosted = dbm == 20
        self._update(_REG_PA_DAC, _PA_DAC_20DBM if boosted else _PA_DAC_DEFAULT)
        self._update(_REG_OCP, _OCP_240MA if boosted else _OCP_100MA)
        self._update(_REG_PA_CONFIG, _PA_BOOST | (dbm - (5 if boosted else 2)))

    def transmit(self, phy, length, freq_hz, sf, bw_hz, power_dbm):
        """Send the first `length` bytes of phy; returns `ticks_us` at the start."""
        if not 1 <= length <= _LONGEST:
            raise ValueError("{} bytes".format(length))
        _check(sf, bw_hz)
        self._write(_REG_OP_MODE, _LORA_STANDBY)
        awake_us = time.ticks_us()
        self.set_tx_power(power_dbm)
        self._set_frequency(freq_hz)
        self._set_modem(sf, bw_hz, None)
        self._set_iq(0x27, 0x1D)
        # pointer and both bases 0, RxCurrent is read-only, no IRQ masked, all flags cleared
        self._write(_REG_FIFO_ADDR_PTR, 0, 0, 0, 0, 0, 0xFF)
        self._write(_REG_PAYLOAD_LENGTH, length)
        self._expect(_DIO0_TX_DONE)
        self._buffer[0] = 0x80 | _REG_FIFO
        self._buffer[1 : 1 + length] = memoryview(phy)[:length]
        while time.ticks_diff(time.ticks_us(), awake_us) < _OSCILLATOR_US:
            pass
        self._send(1 + length)
        self._write(_REG_OP_MODE, _LORA_TX)
        return time.ticks_us()

    def listen(self, freq_hz, sf, bw_hz, symbols):
        """Open one window for a downlink: 4 to 1023 symbols in which a preamble must be found."""
        if not 4 <= symbols <= 1023:
            raise ValueError("{} symbols".format(symbols))
        _check(sf, bw_hz)
        self._set_frequency(freq_hz)
        self._set_modem(sf, bw_hz, symbols)
        self._set_iq(0x67, 0x19)
        self._write(_REG_IRQ_FLAGS, 0xFF)
        self._expect(_DIO0_RX_DONE)
        self._write(_REG_OP_MODE, _LORA_RX_SINGLE)

    def irq_flags(self):
        """Read RegIrqFlags, unless it is known already that the operation is over."""
        if not self._flags & (self.RX_TIMEOUT | self.RX_DONE | self.TX_DONE):
            self._flags = self._read(_REG_IRQ_FLAGS, 1)[0]
        return self._flags

    def read(self, buffer):
        """Copy the received packet into buffer; returns its length, 0 for none or a bad CRC.

        ValueError: the packet is longer than the buffer.
        """
        status = self._read(_REG_FIFO_RX_CURRENT, 11)  # 0x10 to 0x1A
        start, flags, length, snr, rssi = status[0], status[2], status[3], status[9], status[10]
        if not flags & self.RX_DONE or flags & self.PAYLOAD_CRC_ERROR:
            return 0
        if length > len(buffer):
            raise ValueError("{} bytes into a buffer of {}".format(length, len(buffer)))
        self.snr_qdb = snr - 256 if snr & 0x80 else snr
        # DS 5.5.5, rounded: 16/15 of the register, or below the noise the register and the SNR
        above_db = rssi + (self.snr_qdb + 2) // 4 if snr & 0x80 else (rssi * 32 + 15) // 30
        self.rssi_dbm = _HF_RSSI_DBM + above_db
        self._write(_REG_FIFO_ADDR_PTR, start)
        buffer[:length] = self._read(_REG_FIFO, length)
        return length

    def sleep(self):
        """Sleep; the FIFO is lost, the registers are kept."""
        self._write(_REG_OP_MODE, _LORA_SLEEP)

    def standby(self):
        """Keep the oscillator running and the FIFO open."""
        self._write(_REG_OP_MODE, _LORA_STANDBY)

    def _set_frequency(self, freq_hz):
        frf = ((freq_hz << 19) + 16000000) // 32000000
        self._update(_REG_FRF, frf >> 16, frf >> 8 & 0xFF, frf & 0xFF)

    def _set_modem(self, sf, bw_hz, symbols):
        """Bandwidth, spreading factor and symbol timeout (None: keep what stands there)."""
        if self._update(_REG_MODEM_CONFIG_1, _BANDWIDTHS[bw_hz] | _CODING_RATE_4_5):
            self._apply_errata(bw_hz == 500000)
        high, low = self._written.get(_REG_MODEM_CONFIG_2, (0, 0))
        if symbols is not None:
            high, low = symbols >> 8, symbols & 0xFF
        self._update(_REG_MODEM_CONFIG_2, sf << 4 | _CRC_ON | high & 0x03, low)
        slow = (1 << sf) * 1000 > 16 * bw_hz  # over 16 ms a symbol (DS 4.1.1.6)
        self._update(_REG_MODEM_CONFIG_3, _AGC_ON | (_LDRO_ON if slow else 0))

    def _apply_errata(self, wide):
        """Errata 2.1 (862 to 1020 MHz) and 2.3; the chip changes some of these by itself."""
        if wide:
            self._write(_REG_DETECT_OPTIMIZE, 0xC3)
            self._write(_REG_HIGH_BW_OPTIMIZE_1, 0x02)
            self._write(_REG_HIGH_BW_OPTIMIZE_2, 0x64)
        else:
            self._write(_REG_DETECT_OPTIMIZE, 0x43)  # no automatic IF
            self._write(_REG_IF_FREQ, 0x40, 0x00)
            self._write(_REG_HIGH_BW_OPTIMIZE_1, 0x03)

    def _set_iq(self, first, second):
        self._update(_REG_INVERT_IQ, first)
        self._update(_REG_INVERT_IQ_2, second)

    def _expect(self, mapping):
        """Point DIO0 at the end of what begins now; the chip's flags have been cleared."""
        self._update(_REG_DIO_MAPPING_1, mapping)
        self._flags = 0
        self.flag = False

    # The bus: one buffer, one transfer a chip-select.

    def _update(self, register, *values):
        """Write a group of registers if the chip holds something else; returns whether it did."""
        if self._written.get(register) == values:
            return False
        self._write(register, *values)
        self._written[register] = values
        return True

    def _write(self, register, *values):
        self._buffer[0] = 0x80 | register
        for index, value in enumerate(values):
            self._buffer[1 + index] = value
        self._send(1 + len(values))

    def _send(self, count):
        self._cs(0)
        self._spi.write(self._view[:count])
        self._cs(1)

    def _read(self, register, count):
        """Read registers or the FIFO; the result is a view that the next transfer overwrites."""
        self._buffer[0] = register
        view = self._view[: 1 + count]
        self._cs(0)
        self._spi.write_readinto(view, view)  # may be one buffer (MicroPython machine.SPI)
        self._cs(1)
        return view[1:]


def _check(sf, bw_hz):
    if not 7 <= sf <= 12 or bw_hz not in _BANDWIDTHS:
        raise ValueError("SF{} at {} Hz".format(sf, bw_hz))
