# SPDX-License-Identifier: MIT
"""One PIR that counts who passes, or two across a path that tell the direction (HC-SR501, AM312).

It counts events, not heads. Of an event nothing is kept but the total: the stamps here are
overwritten by the next one and never leave the node, nor does any uplink wait for an event.
"""

import time
from micropython import const

from uplink import FLAGS, NOISY, WARMING

_KEYS = (7, 11)  # count, count_back
_WARM_UP_MS = const(60000)  # HC-SR501: up to three pulses in its first minute
_AFTER_TX_MS = const(3000)  # an edge by the node's own transmission is high and blocks so long
_DEAD_MS = const(4000)  # AM312: 2 s high, 2 s blocking
_WINDOW_MS = const(2000)  # between two PIRs: 2 m at a walk
_STILL_MS = const(86400000)
_RECORD = "counts"


class Sensor:
    """Counts rising edges in interrupts; `pins` has one PIR or two, and a lamp or None.

    Options, in ms: `dead_ms`, the shortest time between two edges of one PIR; `window_ms` from one
    PIR to the other. Totals are mod 65536 and outlast a restart. No mask holds for the lamp.
    """

    FIRST_MS = 0
    RETRY_MS = 0

    def __init__(self, pins, options):
        self._pins, self._lamp = pins, pins.lamp
        dead_ms = options.get("dead_ms", _DEAD_MS)
        self._least_ms = dead_ms - dead_ms // 32  # two clocks and an interrupt are never exact
        self._window_ms = options.get("window_ms", _WINDOW_MS)
        count = len(pins.eyes)
        self._pairs = count > 1
        self._totals, self._kept = [0] * count, None
        self._started = self._sending = False
        # Ticks come round every 12 days: a stamp says something only while its flag is set.
        self._masked, self._masked_until_ms = False, 0
        self._seen_ms = [time.ticks_ms()] * count  # of the last edge that was let through
        self._deaf = [False] * count  # for the dead time after it
        self._first = [False] * count  # the other PIR may follow
        self._edges = [0] * count  # all of them, since the last reading
        self._stirred = [False] * count  # there was one since the last measurement
        self._still_ms, self._saw = [0] * count, False
        self._asked_ms = self._kept_ago_ms = 0
        self._warms_ms = _WARM_UP_MS

    def restore(self, store):
        """Go on from the totals of the last reading; a power cut costs what came after it."""
        kept = store.load(_RECORD)
        if kept is not None:
            self._totals = (kept + self._totals)[: len(self._totals)]
            self._saw = any(kept)

    def keep(self, store):
        """Have the totals in flash, before the reading that tells them."""
        if self._totals != self._kept:
            self._kept = list(self._totals)
            store.save(_RECORD, self._kept)
        self._kept_ago_ms = 0
        for eye in range(len(self._edges)):
            self._edges[eye] = 0

    def start(self, settings):
        """Watch, and count after the first minute; another start changes nothing."""
        if self._started:
            return
        self._started = True
        self._asked_ms = time.ticks_ms()
        self._mask(_WARM_UP_MS)
        for eye, handler in zip(self._pins.eyes, (self._on_first, self._on_second)):
            eye.irq(handler, trigger=eye.IRQ_RISING, **self._pins.irq_options)

    def sending(self, on):
        """The node's own transmission begins or ends: what it stirs is not counted."""
        self._sending = on
        if not on:
            self._mask(_AFTER_TX_MS)

    def measure(self, values):
        """The totals. OSError: a PIR has been still for a day in a place where some passed."""
        now_ms = time.ticks_ms()
        passed_ms = time.ticks_diff(now_ms, self._asked_ms)
        self._asked_ms = now_ms
        self._kept_ago_ms += passed_ms
        self._warms_ms = max(self._warms_ms - passed_ms, 0)
        self._forget(now_ms)
        for eye, stirred in enumerate(self._stirred):
            self._still_ms[eye] = 0 if stirred else self._still_ms[eye] + passed_ms
            self._saw, self._stirred[eye] = self._saw or stirred, False
        if self._saw and max(self._still_ms) >= _STILL_MS:
            raise OSError("still for a day")
        found = dict(zip(_KEYS, self._totals))
        flags = (WARMING if self._warms_ms else 0) | (NOISY if self._noisy() else 0)
        if flags:
            found[FLAGS] = flags
        return found

    def _mask(self, duration_ms):
        until_ms = time.ticks_add(time.ticks_ms(), duration_ms)
        if not self._masked or time.ticks_diff(until_ms, self._masked_until_ms) > 0:
            self._masked, self._masked_until_ms = True, until_ms

    def _forget(self, now_ms):
        """Drop what is over, before ticks come round to it again."""
        if self._masked and time.ticks_diff(now_ms, self._masked_until_ms) >= 0:
            self._masked = False
        for eye, seen_ms in enumerate(self._seen_ms):
            if time.ticks_diff(now_ms, seen_ms) >= self._least_ms:
                self._deaf[eye] = False
            if time.ticks_diff(now_ms, seen_ms) >= self._window_ms:
                self._first[eye] = False

    def _noisy(self):
        """True with more edges since the last reading than a PIR can give."""
        return max(self._edges) > self._kept_ago_ms // self._least_ms + 2

    # In an interrupt, where nothing may allocate.

    def _on_first(self, pin):
        self._rise(0)

    def _on_second(self, pin):
        self._rise(1)

    def _rise(self, eye):
        now_ms = time.ticks_ms()
        if self._lamp is not None:
            self._lamp.passed(now_ms)
        self._edges[eye] += 1
        self._stirred[eye] = True
        if self._sending:
            return
        if self._masked and time.ticks_diff(now_ms, self._masked_until_ms) < 0:
            return
        if self._deaf[eye] and time.ticks_diff(now_ms, self._seen_ms[eye]) < self._least_ms:
            return
        self._deaf[eye], self._seen_ms[eye] = True, now_ms
        if self._pairs:
            self._pair(eye, 1 - eye, now_ms)
        else:
            self._totals[0] = self._totals[0] + 1 & 0xFFFF

    def _pair(self, eye, other, now_ms):
        """Count in the direction of the one that was first; one alone says nothing."""
        first = self._first[other]
        if first and time.ticks_diff(now_ms, self._seen_ms[other]) < self._window_ms:
            self._first[other] = False
            self._totals[other] = self._totals[other] + 1 & 0xFFFF
        else:
            self._first[eye] = True


class PirPins:
    """One PIR, or two across a path, and the lamp that their interrupts light, None without."""

    def __init__(self, eyes, irq_options, lamp):
        self.eyes, self.irq_options, self.lamp, self.bus = eyes, irq_options, lamp, self
        if lamp is not None:
            lamp.present = self._present

    def _present(self):
        return any(eye() for eye in self.eyes)

    def recover(self):
        """A PIR has nothing to free."""
