# SPDX-License-Identifier: MIT
"""Joining: when to try, each try with a DevNonce that is in flash before it leaves."""

from passing import passing
from power import random_below
from store import Counter


class Joining:
    """The tries of one MAC; `keys_used_up` and `registered_anew` tell why there is no hope."""

    def __init__(self, store, mac, log):
        self._store, self._mac, self._log = store, mac, log
        self._backoff = None  # loaded for the first try, gone with a join
        self._since_s = 0  # the uptime from which the back-off counts
        self.prepared = False  # a join-request has its nonce and waits for the air
        self.tries = 0  # of the last join
        self.keys_used_up = self.registered_anew = False
        join_nonce = store.load("join_nonce")
        mac.last_join_nonce = -1 if join_nonce is None else join_nonce

    def wait_s(self, now_s):
        """Seconds until the back-off allows the next try, 0: now, or it is prepared."""
        if self.prepared:
            return 0
        return self._next_try(now_s)[0] - (now_s - self._since_s)

    def prepare(self, now_s):
        """Prepare a join-request, unless one is; False: all DevNonces of these keys are used."""
        if self.prepared:
            return True
        try:
            dev_nonce = Counter(self._store, "dev_nonce").next()
        except OverflowError:
            self.keys_used_up = True
            return False
        data_rate = self._next_try(now_s)[1]
        self._backoff.tried(now_s - self._since_s)
        self._store.save("joins", self._backoff.record())
        self._mac.join(dev_nonce, data_rate)
        self.prepared = True
        return True

    def end(self):
        """The exchange is over; True: joined, and the session waits to be stored."""
        self.prepared, tries = False, self._backoff.tries
        if self._mac.stale_join:
            self.registered_anew = True
            self._log("join-accept with an old JoinNonce: registered anew? new keys are needed")
        if not self._mac.joined:
            self._log("join try", tries, "was not answered")
            return False
        self._log("joined after", tries, "tries")
        self.registered_anew = False
        self.tries = tries
        self._store.save("join_nonce", self._mac.last_join_nonce)
        self._store.save("joins", self._new_backoff().record())
        self._backoff, self._since_s = None, 0
        return True

    def _next_try(self, now_s):
        if self._backoff is None:
            self._backoff = self._new_backoff()
            tried = self._store.load("joins")
            if tried is not None:
                self._backoff.restore(tried)
        return self._backoff.next_try(now_s - self._since_s)

    def _new_backoff(self):
        return passing("lora.backoff").JoinBackoff(self._mac.region, random_below)

    @property
    def tries_now(self):
        """The tries of a join under way, or those that the last one took."""
        return (self._backoff.tries if self._backoff else 0) or self.tries

    def record(self, now_s):
        """What has to last over deep sleep, through which uptime runs on."""
        tried = None
        if self._backoff is not None:
            self._next_try(now_s)  # its record is of the last call
            tried = self._backoff.record()
        return [now_s, tried, self.tries, self.keys_used_up, self.registered_anew]

    def resume(self, record):
        """Go on as when `record` was called."""
        now_s, tried, self.tries, self.keys_used_up, self.registered_anew = record
        if tried is not None:
            self._since_s, self._backoff = now_s, self._new_backoff()
            self._backoff.restore(tried, True)
