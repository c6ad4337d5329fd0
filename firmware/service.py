# SPDX-License-Identifier: MIT
"""Service mode: the way in for the host, at the prompt, radio asleep and watchdog unarmed.

After every start the node waits three seconds for Ctrl-C, the service button, or the flag that
`enter()` left in flash. It goes back to work by `leave()`, or 15 minutes after the last start.
"""

import machine
import os
import time
from micropython import const

import start
from passing import passing
from store import Store

_FLAG = "/service"
_WINDOW_MS = const(3000)
_HELD_MS = const(5000)
_SLICE_MS = const(50)
_IDLE_MS = const(900_000)
_timers = []  # the one that runs


def enter():
    """Leave the flag in flash and start again, into service mode."""
    with open(_FLAG, "wb"):
        pass
    start.again(Store(), start.ASKED)


def leave():
    """Go back to work: remove the flag and start again."""
    try:
        os.remove(_FLAG)
    except OSError:
        pass  # it was the button or Ctrl-C
    start.again(Store(), start.ASKED)


def flagged():
    """True while the flag of `enter()` is in flash."""
    try:
        os.stat(_FLAG)
        return True
    except OSError:
        return False


def asked(button):
    """Wait the three seconds; True when service mode is wanted.

    `button()` is true while the service button is held, None where there is none. Ctrl-C raises
    KeyboardInterrupt, which ends main.py at the prompt.
    """
    if flagged():
        return True
    end_ms = time.ticks_add(time.ticks_ms(), _WINDOW_MS)
    while time.ticks_diff(end_ms, time.ticks_ms()) > 0:
        if button is not None and button():
            return True
        time.sleep_ms(_SLICE_MS)
    return False


def held(button):
    """Wait until the service button is let go, five seconds at most; True: it is still held."""
    end_ms = time.ticks_add(time.ticks_ms(), _HELD_MS)
    while button is not None and button():
        if time.ticks_diff(end_ms, time.ticks_ms()) <= 0:
            return True
        time.sleep_ms(_SLICE_MS)
    return False


def guard(idle_ms=_IDLE_MS):
    """Leave service mode by itself after 15 minutes at the prompt, or a time from now.

    A soft reset, with which host programs begin a session, stops timers: boot.py starts it again.
    """
    while _timers:
        _timers.pop().deinit()
    number = passing("hardware").timer_id(Store().load("config") or {})
    timer = machine.Timer(number)
    timer.init(mode=machine.Timer.ONE_SHOT, period=idle_ms, callback=lambda _: leave())
    _timers.append(timer)
