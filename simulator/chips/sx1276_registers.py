# SPDX-License-Identifier: MIT
"""What the SX1276's registers mean in LoRa mode: addresses, reset values, fields and formulas.

Section and table numbers are those of the SX1276/77/78/79 data sheet (DS).
"""

from dataclasses import dataclass
from math import log10

FIFO, OP_MODE = 0x00, 0x01
FRF_MSB, FRF_MID, FRF_LSB = 0x06, 0x07, 0x08
PA_CONFIG, PA_RAMP = 0x09, 0x0A
FIFO_ADDR_PTR, FIFO_TX_BASE, FIFO_RX_BASE, FIFO_RX_CURRENT = 0x0D, 0x0E, 0x0F, 0x10
IRQ_MASK, IRQ_FLAGS = 0x11, 0x12
RX_NB_BYTES, RX_HEADER_CNT, RX_PACKET_CNT, MODEM_STAT = 0x13, 0x14, 0x16, 0x18
PKT_SNR, PKT_RSSI, RSSI, HOP_CHANNEL = 0x19, 0x1A, 0x1B, 0x1C
MODEM_CONFIG_1, MODEM_CONFIG_2, SYMB_TIMEOUT = 0x1D, 0x1E, 0x1F
PREAMBLE_MSB, PREAMBLE_LSB, PAYLOAD_LENGTH, MAX_PAYLOAD_LENGTH = 0x20, 0x21, 0x22, 0x23
FIFO_RX_BYTE, MODEM_CONFIG_3 = 0x25, 0x26
DETECT_OPTIMIZE, INVERT_IQ, DETECTION_THRESHOLD, SYNC_WORD = 0x31, 0x33, 0x37, 0x39
DIO_MAPPING_1, DIO_MAPPING_2, VERSION, PA_DAC = 0x40, 0x41, 0x42, 0x4D

# DS table 41. 33, 3B and 31 as read from real chips (blog.devmobile.co.nz 2021-07-27; lora-rs
# lora-phy reset table): the data sheet prints 26 for 33. 2F, 36 and 3A differ between sources.
RESET = {
    OP_MODE: 0x09, FRF_MSB: 0x6C, FRF_MID: 0x80, PA_CONFIG: 0x4F, PA_RAMP: 0x09, 0x0B: 0x2B,
    0x0C: 0x20, FIFO_TX_BASE: 0x80, MODEM_STAT: 0x10, MODEM_CONFIG_1: 0x72, MODEM_CONFIG_2: 0x70,
    SYMB_TIMEOUT: 0x64, PREAMBLE_LSB: 0x08, PAYLOAD_LENGTH: 0x01, MAX_PAYLOAD_LENGTH: 0xFF,
    0x2F: 0x20, DETECT_OPTIMIZE: 0xC3, INVERT_IQ: 0x27, 0x36: 0x03, DETECTION_THRESHOLD: 0x0A,
    SYNC_WORD: 0x12, 0x3A: 0x20, 0x3B: 0x1D, VERSION: 0x12, 0x4B: 0x09, PA_DAC: 0x84,
}  # fmt: skip
READ_ONLY = {FIFO_RX_CURRENT, *range(RX_NB_BYTES, HOP_CHANNEL + 1), FIFO_RX_BYTE}
READ_ONLY |= {0x28, 0x29, 0x2A, 0x2C, VERSION}
FSK_PAGE = range(0x0D, 0x40)  # hold other registers while LongRangeMode is 0 (DS 6)

SLEEP, STANDBY, FSTX, TX, FSRX, RX_CONTINUOUS, RX_SINGLE, CAD = range(8)
RECEIVING = (RX_CONTINUOUS, RX_SINGLE)
LONG_RANGE, SHARED_FSK = 0x80, 0x40

RX_TIMEOUT, RX_DONE, PAYLOAD_CRC_ERROR, VALID_HEADER = 0x80, 0x40, 0x20, 0x10
TX_DONE, CAD_DONE, FHSS_CHANGE, CAD_DETECTED = 0x08, 0x04, 0x02, 0x01

# What each DIO shows for the four values of its mapping (DS table 18): an IRQ flag or a level.
PLL_LOCK, MODE_READY = 0x100, 0x200
DIO = (
    (RX_DONE, TX_DONE, CAD_DONE, 0),
    (RX_TIMEOUT, FHSS_CHANGE, CAD_DETECTED, 0),
    (FHSS_CHANGE, FHSS_CHANGE, FHSS_CHANGE, 0),
    (CAD_DONE, VALID_HEADER, PAYLOAD_CRC_ERROR, 0),
    (CAD_DETECTED, PLL_LOCK, PLL_LOCK, 0),
    (MODE_READY, 0, 0, 0),
)

TCXO, TCXO_INPUT = 0x4B, 0x10  # RegTcxo's TcxoInputOn
TCXO_START_US = 2000  # of a usual part, until its frequency holds
TS_OSC_US = 250  # DS 2.5.2, typical; it depends on the crystal (DS 4.2.5)
TS_FS_US = 60  # DS 2.5.2, typical
RESET_US, RESET_PULSE_US, POWER_ON_US = 5000, 100, 10000  # DS 7.2.1, 7.2.2
# Receiver start-up by RegModemConfig1's Bw: SX1272 data sheet table 22 (the same core, by receiver
# bandwidth); it ends at 250 kHz.
_TS_RE_US = (791, 601, 407, 313, 215, 169, 119, 71, 63, 63)
_PA_RAMP_US = (3400, 2000, 1000, 500, 250, 125, 100, 62, 50, 40, 31, 25, 20, 15, 12, 10)  # DS 6.4
_BW_DIVIDER = (4096, 3072, 2048, 1536, 1024, 768, 512, 256, 128, 64)  # of the 32 MHz crystal
_CRYSTAL_MHZ, _FRF_BITS = 32, 19
# What the demodulator needs by spreading factor, 6 to 12 (DS table 13).
SNR_FLOOR_DB = {6: -5.0, 7: -7.5, 8: -10.0, 9: -12.5, 10: -15.0, 11: -17.5, 12: -20.0}
_RSSI_OFFSET_DB = 157  # HF port (DS 5.5.5); the LF port's 164 is not modelled
RFO_LOSS_DB = 30  # these modules lead only PA_BOOST to the antenna
_LDRO_FROM_US = 16000  # DS 4.1.1.6: mandated above this symbol time


@dataclass(frozen=True)
class Modem:
    """How the modem is set: decoded once, when it starts to send or to listen."""

    freq_hz: int
    sf: int
    bw_code: int
    cr: int
    implicit_header: bool
    crc_on: bool
    ldro: bool
    preamble_symbols: int
    sync_word: int
    rx_inverted: bool
    tx_inverted: bool
    timeout_symbols: int

    @property
    def bw_hz(self) -> int:
        """Bandwidth, rounded down where it is no whole number."""
        return _CRYSTAL_MHZ * 1_000_000 // _BW_DIVIDER[self.bw_code]

    @property
    def ldro_right(self) -> bool:
        """Whether LowDataRateOptimize is as the symbol time demands, and so as at the other end."""
        return self.ldro == (self.symbols_us(1) > _LDRO_FROM_US)

    def symbols_us(self, count: int, per: int = 1) -> int:
        """Time of `count / per` symbols, rounded to microseconds."""
        chips = count * _BW_DIVIDER[self.bw_code] << self.sf
        return (chips + _CRYSTAL_MHZ * per // 2) // (_CRYSTAL_MHZ * per)

    def airtime_us(self, length: int) -> int:
        """Time from the first preamble symbol to the last of the payload (DS 4.1.1.7)."""
        bits = 8 * length + 28 - 4 * self.sf
        bits += (16 if self.crc_on else 0) - (20 if self.implicit_header else 0)
        blocks = max(0, -(-bits // (4 * (self.sf - 2 * self.ldro))))
        symbols = 8 + blocks * self.cr
        return self.symbols_us(4 * (self.preamble_symbols + symbols) + 17, 4)


def modem(registers: bytearray) -> Modem:
    """Decode the settings."""
    one, two = registers[MODEM_CONFIG_1], registers[MODEM_CONFIG_2]
    frf = int.from_bytes(registers[FRF_MSB : FRF_LSB + 1], "big")
    return Modem(
        freq_hz=(frf * _CRYSTAL_MHZ * 1_000_000 + (1 << _FRF_BITS - 1)) >> _FRF_BITS,
        sf=min(max(two >> 4, 6), 12),
        bw_code=min(one >> 4, 9),
        cr=min(max((one >> 1) & 7, 1), 4) + 4,
        implicit_header=bool(one & 1),
        crc_on=bool(two & 0x04),
        ldro=bool(registers[MODEM_CONFIG_3] & 0x08),
        preamble_symbols=registers[PREAMBLE_MSB] << 8 | registers[PREAMBLE_LSB],
        sync_word=registers[SYNC_WORD],
        rx_inverted=bool(registers[INVERT_IQ] & 0x40),
        # the bit works the other way round than DS table 41 says: LoRaMac-node sets it for normal
        tx_inverted=not registers[INVERT_IQ] & 0x01,
        timeout_symbols=(two & 3) << 8 | registers[SYMB_TIMEOUT],
    )


def output_dbm(registers: bytearray) -> float:
    """Power that reaches the antenna (DS 3.4.2, 3.4.3)."""
    config = registers[PA_CONFIG]
    output = config & 0x0F
    if config & 0x80:
        return float(output + (5 if boosted(registers) else 2))
    return 10.8 + 0.6 * (config >> 4 & 7) - (15 - output) - RFO_LOSS_DB


def boosted(registers: bytearray) -> bool:
    """Whether RegPaDac asks for the +20 dBm option."""
    return registers[PA_DAC] & 0x07 == 0x07


def tx_state(registers: bytearray) -> str:
    """Name of the supply current while sending."""
    if not registers[PA_CONFIG] & 0x80:
        return "rfo"
    return "boost+20" if boosted(registers) else "boost"


def tx_start_us(registers: bytearray) -> int:
    """Transmitter start-up once the PLL is locked (DS 4.2.5.1, without the FSK bit time)."""
    return 5 + _PA_RAMP_US[registers[PA_RAMP] & 0x0F] * 5 // 4


def rx_start_us(bw_code: int) -> int:
    """Receiver start-up once the PLL is locked."""
    return _TS_RE_US[bw_code]


def snr_register(snr_db: float) -> int:
    """RegPktSnrValue: quarter decibels, two's complement."""
    return min(max(round(snr_db * 4), -128), 127) & 0xFF


def packet_rssi_register(rssi_dbm: float, snr_db: float) -> int:
    """RegPktRssiValue, from which DS 5.5.5's two formulas give back the RSSI."""
    above_db = rssi_dbm + _RSSI_OFFSET_DB
    return _byte(above_db * 15 / 16 if snr_db >= 0 else above_db - snr_db)


def rssi_register(rssi_dbms: list[float], bw_hz: int) -> int:
    """RegRssiValue: what is on the channel, or the noise of a 6 dB receiver."""
    noise_dbm = -174 + 6 + 10 * log10(bw_hz)
    return _byte(max([noise_dbm, *rssi_dbms]) + _RSSI_OFFSET_DB)


def _byte(value: float) -> int:
    return min(max(round(value), 0), 255)
