# SPDX-License-Identifier: MIT
"""`time` as a board has it: virtual, and with ticks that wrap at 2^30."""

import _wire

_TICKS = 1 << 30
_BELOW_WRAP_US = 5_000_000  # the first wrap of either counter comes five seconds after the start
_BASE_US = _TICKS - _BELOW_WRAP_US
_BASE_MS = _TICKS - _BELOW_WRAP_US // 1000
_EPOCH_S = 662688000  # 2021-01-01, what a board without a set clock shows (epoch 2000)


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


localtime = gmtime
