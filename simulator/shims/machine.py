# SPDX-License-Identifier: MIT
"""`machine` as each chip family has it: argument ranges, keywords and limits included."""

import struct

import _uart
import _wire
from _pin import Pin, check_line, connected, give, rp2040
from _rtc import RTC
from _uart import UART  # noqa: F401

PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5
_RP2040_LIGHTSLEEP_MAX_MS = 4294967
_RP2040_WDT_MAX_MS = 8388
_ESP32_WDT_MIN_MS = 1000
_ESP32_ADC = (0, 2, 4, 12, 13, 14, 15, 25, 26, 27, 32, 33, 34, 35, 36, 37, 38, 39)
_ADC_MV = 3300
_ESP32_ADC_OFFSET_MV = 142  # at 11 dB, ADC1: ESP-IDF's line fitting of a chip with Vref 1.1 V
# The register counts 2^20 - 1 cycles of 80 MHz: i2c_set_timeout, and ESP-IDF issue 2551.
_ESP32_I2C_MAX_US = 13107
_EIO, _ENODEV, _ETIMEDOUT = 5, 19, 110
_PSM_WDSEL, _ROSC = 0x40010008, 1  # RP2040 2.13.5


def narrow():
    """Take away what this family's `machine` lacks, once the host has said which it is."""
    if rp2040():
        for name in ("HARD_RESET", "DEEPSLEEP_RESET", "SOFT_RESET"):
            del globals()[name]
        del ADC.ATTN_11DB, ADC.read_uv, RTC.memory
    else:
        del globals()["bootloader"]


class SPI:
    MSB, LSB = 0, 1

    def __init__(self, id, baudrate=1000000, *, polarity=0, phase=0, bits=8, firstbit=MSB, sck=None,
                 mosi=None, miso=None):  # fmt: skip
        if id not in ((0, 1) if rp2040() else (1, 2)):
            raise ValueError("SPI({}) doesn't exist".format(id))
        if (polarity, phase, bits, firstbit) != (0, 0, 8, SPI.MSB):
            raise ValueError("no chip here speaks that SPI mode")
        for name, pin, line in (("MISO", miso, 0), ("SCK", sck, 2), ("MOSI", mosi, 3)):
            check_line(name, pin, 3, line, 3, id)
        self._id, self._baudrate = id, baudrate
        self._bus = "SPI", id
        self._pins = give(self._bus, sck, mosi, miso)

    def _transfer(self, data):
        if not connected(self._bus, self._pins):
            return bytes(len(data))  # nobody is on the line
        _wire.spend(_wire.board["spi_us"] + 8000000 * len(data) // self._baudrate)
        return _wire.trip(_wire.OP_SPI, bytes((self._id,)) + bytes(data))

    def write(self, data):
        self._transfer(data)

    def write_readinto(self, data, buffer):
        if len(data) != len(buffer):
            raise ValueError("buffers must be the same length")
        buffer[:] = self._transfer(data)

    def readinto(self, buffer, write=0):
        buffer[:] = self._transfer(bytes((write,)) * len(buffer))

    def read(self, count, write=0):
        return bytes(self._transfer(bytes((write,)) * count))

    def deinit(self):
        pass


class _I2cBus:
    """What both kinds of I2C do. The pins name the bus: chips are on them, whoever drives them."""

    def _open(self, bus, scl, sda, freq, timeout_us):
        self._bus, self._freq, self._timeout_us = bus, freq, timeout_us
        self._pins = give(bus, scl, sda)

    def _transfer(self, op, address, count, data=b""):
        _wire.spend(_wire.board["i2c_us"] + 9000000 * (count + 1) // self._freq)
        if not connected(self._bus, self._pins):
            raise OSError(_ETIMEDOUT)
        answer = _wire.trip(op, bytes(self._pins) + bytes((address,)) + data)
        outcome, stretched_us = struct.unpack_from("<BI", answer)
        if outcome == _wire.I2C_HELD or stretched_us > self._timeout_us:
            _wire.spend(self._timeout_us)
            raise OSError(_ETIMEDOUT)
        _wire.spend(stretched_us)
        if outcome == _wire.I2C_NACK:
            raise OSError(self._NACK)
        return memoryview(answer)[5:]

    def writeto(self, addr, data, stop=True):
        self._transfer(_wire.OP_I2C_WRITE, addr, len(data), bytes(data))
        return len(data)

    def readfrom_into(self, addr, buffer, stop=True):
        count = len(buffer)
        buffer[:] = self._transfer(_wire.OP_I2C_READ, addr, count, bytes((count,)))

    def readfrom(self, addr, count, stop=True):
        buffer = bytearray(count)
        self.readfrom_into(addr, buffer)
        return bytes(buffer)

    def scan(self):
        found = []
        for address in range(0x08, 0x78):
            try:
                self.writeto(address, b"")
                found.append(address)
            except OSError:
                pass
        return found


class I2C(_I2cBus):
    def __init__(self, id, *, scl=None, sda=None, freq=400000, timeout=50000):
        if id not in (0, 1):
            raise ValueError("I2C({}) doesn't exist".format(id))
        for name, pin, line in (("SDA", sda, 0), ("SCL", scl, 1)):
            check_line(name, pin, 1, line, 1, id)
        self._NACK = _EIO if rp2040() else _ENODEV
        if not rp2040():
            timeout = min(timeout, _ESP32_I2C_MAX_US)
        self._open(("I2C", id), scl, sda, freq, timeout)


class SoftI2C(_I2cBus):
    _NACK = _ENODEV

    def __init__(self, scl, sda, *, freq=400000, timeout=50000):
        self._open(("SoftI2C", scl._id), scl, sda, freq, timeout)


class ADC:
    ATTN_11DB = 3

    def __init__(self, pin, **options):
        for option in options:
            if rp2040() or option != "atten":
                raise TypeError("extra keyword arguments given")
        self._pin = pin._id if isinstance(pin, Pin) else pin
        if self._pin not in (range(26, 30) if rp2040() else _ESP32_ADC):
            raise ValueError("Pin doesn't have ADC capabilities")

    def _raw(self):
        """12 bits, as both families convert."""
        _wire.spend(_wire.board["adc_us"])
        (level,) = struct.unpack("<H", _wire.trip(_wire.OP_ADC, bytes((self._pin,))))
        if not rp2040():
            level = max(level - _ESP32_ADC_OFFSET_MV * 65535 // _ADC_MV, 0)
        return level >> 4

    def read_u16(self):
        raw = self._raw()
        return raw << 4 | raw >> 8

    def read_uv(self):
        return (self._raw() * _ADC_MV // 4095 + _ESP32_ADC_OFFSET_MV) * 1000


class WDT:
    def __init__(self, id=0, timeout=5000):
        if id != 0:
            raise ValueError("WDT({}) doesn't exist".format(id))
        if rp2040() and not 1 <= timeout <= _RP2040_WDT_MAX_MS:
            raise ValueError("timeout exceeds {}".format(_RP2040_WDT_MAX_MS))
        if not rp2040() and timeout < _ESP32_WDT_MIN_MS:
            raise ValueError("WDT timeout too short")
        self._timeout_us = timeout * 1000
        self.feed()

    def feed(self):
        _wire.spend(_wire.board["pin_us"])
        _wire.bite_us = _wire.now_us + self._timeout_us
        if _wire.board["live"]:  # the host's wall clock has to know, also at the prompt
            _wire.trip(_wire.OP_FEED, struct.pack("<Q", _wire.bite_us))


class _Registers:
    """The one register that the firmware writes by its address."""

    def __init__(self):
        self._wdsel = 0x0001FFFC  # as the watchdog leaves it: all but the two oscillators

    def __getitem__(self, address):
        if not rp2040() or address != _PSM_WDSEL:
            raise ValueError("no register at {:#010x} is modelled".format(address))
        return self._wdsel

    def __setitem__(self, address, value):
        self[address]
        self._wdsel = value


mem32 = _Registers()


class Timer:
    """One-shot timers, as the firmware uses them; they run while the board is at its prompt."""

    ONE_SHOT, PERIODIC = 0, 1

    def __init__(self, id=-1):
        if id not in ((-1,) if rp2040() else (0, 1, 2, 3)):
            raise ValueError("Timer doesn't exist")

    def init(self, *, mode=PERIODIC, period=-1, callback=None):
        if mode != Timer.ONE_SHOT:
            raise ValueError("only one-shot timers are modelled")
        _wire.timers[self] = (_wire.now_us + period * 1000, callback)

    def deinit(self):
        _wire.timers.pop(self, None)


def time_pulse_us(pin, pulse_level, timeout_us=1000000):
    """-2: it never began; -1: it never ended. The loop that looks at the pin has its own grain."""
    request = struct.pack("<BBI", pin._id, pulse_level, timeout_us)
    found_us, passed_us = struct.unpack("<iI", _wire.trip(_wire.OP_PULSE, request))
    _wire.spend(passed_us)
    return found_us if found_us < 0 else found_us - found_us % _wire.board["pulse_us"]


def unique_id():
    return bytes(_wire.board["unique_id"])


def reset_cause():
    return _wire.board["reset_cause"]


def reset():
    _wire.exit_board("reset")


def soft_reset():
    _wire.exit_board("soft_reset")


def deepsleep(time_ms=0):
    """RP2040: a light sleep and then a reset, so its limit holds."""
    if rp2040() and time_ms > _RP2040_LIGHTSLEEP_MAX_MS:
        raise ValueError("sleep too long")
    _wire.exit_board("deepsleep", time_ms * 1000)


def lightsleep(time_ms=0):
    """Ended by an interrupt of a pin, on RP2040 as long as a time is given.

    RP2040: a watchdog that bites meanwhile stops the chip, unless it resets the oscillator.
    """
    if rp2040() and time_ms > _RP2040_LIGHTSLEEP_MAX_MS:
        raise ValueError("sleep too long")
    if rp2040() and not mem32[_PSM_WDSEL] & _ROSC:
        _wire.bitten = "stuck"
    _wire.post(_wire.POST_SLEEP, 0, 1)
    _uart.before_light_sleep()
    _wire.sleep(time_ms * 1000, lightly=rp2040())
    _uart.after_light_sleep()
    _wire.post(_wire.POST_SLEEP, 0, 0)
    _wire.bitten = "watchdog"


def idle():
    _wire.sleep(1000)


def freq():
    return 125000000 if rp2040() else 160000000


def bootloader():
    _wire.exit_board("bootloader")
