# SPDX-License-Identifier: MIT
"""What `machine.time_pulse_us` measures at the echo pin of a sensor."""

import struct

from simulator.devices import PulseDevice

_ASKED, _FOUND = struct.Struct("<BBI"), struct.Struct("<iI")
_NEVER_BEGAN, _NEVER_ENDED = -2, -1


def serve(devices: dict[int, PulseDevice], request: bytes, now_us: int, clock_ppm: int) -> bytes:
    """Answer a board: what it measures by its own clock, and how long it takes, us."""
    pin, level, timeout_us = _ASKED.unpack(request)
    found_us, passed_us = _timed(devices.get(pin), level, timeout_us, now_us)
    if found_us > 0:
        found_us += found_us * clock_ppm // 1_000_000
    return _FOUND.pack(found_us, passed_us)


def _timed(device: PulseDevice | None, level: int, timeout_us: int, now_us: int) -> tuple[int, int]:
    """(length or a negative code, time that passes), as extmod/machine_pulse.c goes about it."""
    now_level, change_us = device.echo(now_us) if device else (0, None)
    begin_us = now_us
    if now_level != level:
        if device is None or change_us is None or change_us - now_us >= timeout_us:
            return _NEVER_BEGAN, timeout_us
        begin_us = change_us
        _, change_us = device.echo(begin_us)
    if change_us is None or change_us - begin_us >= timeout_us:
        return _NEVER_ENDED, begin_us + timeout_us - now_us
    return change_us - begin_us, change_us - now_us
