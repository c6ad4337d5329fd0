# SPDX-License-Identifier: MIT
"""Why the node started, and how often: written by the node itself, as RP2040 cannot tell."""

import machine
from micropython import const

POWER_ON = const(1)
WATCHDOG = const(2)
CRASH = const(3)
LINK_LOST = const(4)
ASKED = const(5)
CONFIG_LOST = const(6)

_NUMBER, _REASON, _CRASHES = const(0), const(1), const(2)


class Start:
    """The running number of this start, its reason, and the crashes so far; counted in flash."""

    def __init__(self, store):
        record = store.load("start") or {}
        self.number = record.get(_NUMBER, 0) + 1
        self.crashes = record.get(_CRASHES, 0)
        bitten = machine.reset_cause() == machine.WDT_RESET
        self.reason = record.get(_REASON) or (WATCHDOG if bitten else POWER_ON)
        store.save("start", {_NUMBER: self.number, _REASON: None, _CRASHES: self.crashes})


def again(store, reason):
    """Write why, then reset: the next start knows."""
    record = store.load("start") or {}
    record[_REASON] = reason
    if reason == CRASH:
        record[_CRASHES] = record.get(_CRASHES, 0) + 1
    store.save("start", record)
    machine.reset()
