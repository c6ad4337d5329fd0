# SPDX-License-Identifier: MIT
"""Why the node started, and how often: written by the node itself, as RP2040 cannot tell."""

import io
import machine
import sys
from micropython import const

POWER_ON = const(1)
WATCHDOG = const(2)
CRASH = const(3)
LINK_LOST = const(4)
ASKED = const(5)
CONFIG_LOST = const(6)
SAFE_MODE = const(7)

SETTLED_S = const(600)  # uptime that ends a row of quick failures
_QUICK = const(3)  # so many failures in a row lead to safe mode
_LINE = const(100)  # characters of a crash that are kept
_TRACE = const(400)

# of the record "start"; a life is None once it has lasted, else the quick failures before it
_NUMBER = const(0)
_REASON = const(1)
_CRASHES = const(2)
_LIFE = const(3)


class Start:
    """The running number of this start, its reason, the crashes so far, the quick failures before.

    `row()` is all of it: a wake from deep sleep is no new start.
    """

    def __init__(self, number, reason, crashes, failures):
        self.number, self.reason, self.crashes, self.failures = number, reason, crashes, failures

    def row(self):
        """The arguments that make it again."""
        return [self.number, self.reason, self.crashes, self.failures]

    @property
    def safe(self):
        """True when this start is to be in safe mode."""
        return self.failures is not None and self.failures >= _QUICK

    @property
    def held(self):
        """True when safe mode has failed too: it begins with a long wait, to spare the flash."""
        return self.failures is not None and self.failures > _QUICK

    def settle(self, store):
        """It has lasted: the next failure is not one of a row."""
        record = store.load("start") or {}
        record[_LIFE] = self.failures = None
        store.save("start", record)


def begin(store, powered, bitten):
    """Count a start in flash and return it; the chip knows if the power was off, or the dog bit.

    A prompt is left in many ways, the plug among them: it counts as asked for unless it was that.
    """
    record = store.load("start") or {}
    number, reason = record.get(_NUMBER, 0) + 1, record.get(_REASON)
    if powered and reason == ASKED:
        reason = None
    reason = reason or (WATCHDOG if bitten else POWER_ON)
    failures = _failures(reason, record.get(_LIFE))
    crashes = record.get(_CRASHES, 0)
    store.save("start", {_NUMBER: number, _REASON: None, _CRASHES: crashes, _LIFE: failures})
    return Start(number, SAFE_MODE if failures >= _QUICK else reason, crashes, failures)


def _failures(reason, life):
    """The quick failures in a row up to now; safe mode that ends by itself is on probation."""
    if reason == SAFE_MODE:
        return _QUICK - 1
    if reason not in (WATCHDOG, CRASH) or life is None:
        return 0
    return min(life + 1, _QUICK + 1)


def expect(store, reason):
    """Write what the next start is for, unless it stands there; False: nothing ever started."""
    record = store.load("start")
    if record is None:
        return False
    if record.get(_REASON) != reason:
        record[_REASON] = reason
        store.save("start", record)
    return True


def again(store, reason):
    """Write why, then reset: the next start knows."""
    try:
        record = store.load("start") or {}
        record[_REASON] = reason
        if reason == CRASH:
            record[_CRASHES] = record.get(_CRASHES, 0) + 1
        store.save("start", record)
    finally:
        machine.reset()


def crashed(store, error, began, uptime_s):
    """Keep what went wrong for the host, the same thing only once, and start again."""
    try:
        text = io.StringIO()
        sys.print_exception(error, text)
        trace = text.getvalue().strip()
        last = trace.split("\n")[-1][:_LINE]
        before = store.load("crash")
        if before is None or before.get("error") != last:
            crash = {"start": began.number, "uptime_s": uptime_s, "error": last}
            crash["trace"] = trace[-_TRACE:]
            store.save("crash", crash)
    finally:
        again(store, CRASH)
