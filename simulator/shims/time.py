# SPDX-License-Identifier: MIT
"""`time` as a board has it: virtual, and with ticks that wrap at 2^30."""

import _wire
import struct

_TICKS = 1 << 30
_BELOW_WRAP_US = 5_000_000  # the first wrap of either counter comes five seconds after the start
_BASE_US = _TICKS - _BELOW_WRAP_US
_BASE_MS = _TICKS - _BELOW_WRAP_US // 1000
_DAYS_TO_2000 = 730120
_EPOCH_S = 662774400  # 2021-01-01, what a board without a set clock shows (epoch 2000)


def ticks_ms():
    _wire.spend(_wire.board["ticks_us"])
    return (_BASE_MS + _wire.clock_us() // 1000) & (_TICKS - 1)


def ticks_us():
    _wire.spend(_wire.board["ticks_us"])
    return (_BASE_US + _wire.clock_us()) & (_TICKS - 1)


ticks_cpu = ticks_us


def ticks_diff(end, start):
    return ((end - start + (_TICKS >> 1)) & (_TICKS - 1)) - (_TICKS >> 1)


def ticks_add(ticks, delta):
    if not -(_TICKS >> 1) < delta < _TICKS >> 1:
        raise OverflowError("ticks interval overflow")
    return (ticks + delta) & (_TICKS - 1)


def sleep_ms(ms):
    if ms > 0:
        _wire.sleep(ms * 1000)


def sleep_us(us):
    if us > 0:
        _wire.sleep(us)


def sleep(seconds):
    sleep_us(int(seconds * 1_000_000))


def _since_power_us():
    """ESP32's clock runs on through deep sleep and resets."""
    return _wire.board["clock_began_us"] + _wire.clock_us()


def time():
    return _EPOCH_S + _since_power_us() // 1_000_000


def time_ns():
    return _EPOCH_S * 1_000_000_000 + _since_power_us() * 1000


def gmtime(secs=None):
    from utime import gmtime as real

    return real((time() if secs is None else secs) + 946684800)[:8]


def mktime(when):
    """Seconds since 2000 of a date; March is the first month here, so that leap days come last."""
    year, month, day, hour, minute, second = when[:6]
    if month < 3:
        year, month = year - 1, month + 12
    leaps = year // 4 - year // 100 + year // 400
    days = 365 * year + leaps + (153 * month - 457) // 5 + day - 306 - _DAYS_TO_2000
    return ((days * 24 + hour) * 60 + minute) * 60 + second


def set_us(since_us):
    """What machine.RTC does: from now on it is so many microseconds since 2000."""
    since_us -= _EPOCH_S * 1000000
    _wire.board["clock_began_us"] = since_us - _wire.clock_us()
    _wire.trip(_wire.OP_CLOCK, struct.pack("<q", since_us))


localtime = gmtime
