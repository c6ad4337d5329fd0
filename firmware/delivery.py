# SPDX-License-Identifier: MIT
"""Proof of delivery and the fair-use budget: when to ask, when the link is lost, what may be sent.

Pure arithmetic on seconds of uptime; the node does the sending.
"""

from micropython import const

_RETRY_S = const(3600)  # a question that stayed unanswered, or a probe of a lost link
_DAY_S = const(86400)
_HOURS = const(24)


class Delivery:
    """Knows when the last Class A downlink came, and whether the link is lost since.

    `unproven_s` is what `unproven_s()` said of a lost link before a restart, 0 of a living one.
    """

    def __init__(self, proof_interval_s, now_s, unproven_s=0):
        self.interval_s = proof_interval_s
        self.lost = unproven_s > 0
        self._start_s = now_s
        self._proof_s = now_s - unproven_s  # join or start count: from here the patience runs
        self._asked_s = None
        self._unanswered = 0

    def record(self):
        """What has to last over deep sleep, through which uptime runs on."""
        return [self.lost, self._start_s, self._proof_s, self._asked_s, self._unanswered]

    def restore(self, record):
        """Be as when `record` was called."""
        self.lost, self._start_s, self._proof_s, self._asked_s, self._unanswered = record

    def joined(self, now_s):
        """A join-accept came: it proves the link, not yet a reading."""
        self.lost, self._proof_s, self._asked_s, self._unanswered = False, now_s, None, 0

    def wants_proof(self, now_s):
        """True when the next frame should ask for an answer."""
        return self.proof_in_s(now_s) == 0

    def proof_in_s(self, now_s):
        """Seconds until a frame should ask for an answer; of a lost link, until its next probe."""
        if self._asked_s is not None:
            return max(self._asked_s + _RETRY_S - now_s, 0)
        return max(self._proof_s + self.interval_s - now_s, 0)

    def asked(self, now_s):
        """A frame that asks has left; True: it was the second without an answer, the link is lost.

        Call `heard` instead when its answer came in the same exchange.
        """
        self._asked_s = now_s
        self._unanswered += 1
        if self._unanswered < 2 or self.lost:
            return False
        self.lost = True
        return True

    @property
    def doubtful(self):
        """True after an unanswered question: what was sent since the last proof may be lost."""
        return self._unanswered > 0

    def heard(self, now_s):
        """A downlink came: the link lives."""
        self.joined(now_s)

    def may_send(self, now_s):
        """A lost link gets one probe an hour, a living one whatever there is."""
        return not self.lost or self.wants_proof(now_s)

    def unproven_s(self, now_s):
        """For how long a lost link has been so, 0 for a living one."""
        return max(now_s - self._proof_s, 1) if self.lost else 0

    def join_again(self, now_s):
        """True after 24 hours without proof."""
        return self.unproven_s(now_s) >= _DAY_S

    def restart(self, now_s):
        """True after another day of joining, and no sooner than a day after the start."""
        return self.join_again(now_s) and (
            now_s - max(self._proof_s + _DAY_S, self._start_s) >= _DAY_S
        )


class Budget:
    """Airtime of the last 24 hours against the network's fair use, counted by the hour."""

    def __init__(self, seconds_a_day):
        self.limit_us = seconds_a_day * 1000000
        self._hours_us = [0] * _HOURS
        self._hour = 0

    def spend(self, airtime_us, now_s):
        """Count a transmission."""
        self._turn(now_s)
        self._hours_us[self._hour % _HOURS] += airtime_us

    def spend_on_joining(self, airtime_us, now_s):
        """Count a join-request, which has limits of its own: half of the budget stays for data."""
        spare_us = self.left_us(now_s) - self.limit_us // 2
        self.spend(min(airtime_us, max(spare_us, 0)), now_s)

    def left_us(self, now_s, day_us=0):
        """What may still be sent now, so that readings that take day_us a day never wait for it."""
        return min(self._ahead_us(now_s, day_us))

    def wait_s(self, airtime_us, now_s, day_us=0):
        """Seconds until a frame of this length may leave; 0: now."""
        hours = 0
        for hour, left_us in enumerate(self._ahead_us(now_s, day_us)):
            if left_us < airtime_us:
                hours = min(hour + 1, _HOURS)
        return hours * 3600 - now_s % 3600 if hours else 0

    def _ahead_us(self, now_s, day_us):
        """Yield what is left now, and in each hour to come if only such readings leave."""
        self._turn(now_s)
        left_us = self.limit_us - sum(self._hours_us)
        for hour in range(_HOURS + 1):
            yield left_us - day_us * hour // _HOURS
            left_us += self._hours_us[(self._hour + 1 + hour) % _HOURS]

    def record(self):
        """What has to last over deep sleep, through which uptime runs on."""
        return [self._hour, self._hours_us]

    def restore(self, record):
        """Be as when `record` was called."""
        self._hour, self._hours_us = record

    def _turn(self, now_s):
        hour = now_s // 3600
        for each in range(max(self._hour + 1, hour - _HOURS + 1), hour + 1):
            self._hours_us[each % _HOURS] = 0
        self._hour = max(self._hour, hour)


def stretched_s(interval_s, airtime_us, budget_us):
    """The interval at which frames of this airtime stay within the budget of a day."""
    return max(interval_s, -(-86400 * airtime_us // budget_us))
