# SPDX-License-Identifier: MIT
"""Safe mode: radio and settings only, a status frame an hour; what failed is left alone."""

from micropython import const

import led
import settings
import start
from passing import passing
from reporter import Reporter
from settings import Settings

_STATUS_S = const(3600)
_STAY_S = const(21600)  # then it tries the whole again
_WORK_MS = const(180000)  # one turn without its wait


class NoBacklog:
    """In place of the readings, which may be what fails."""

    dropped = 0

    def __len__(self):
        return 0

    def has_unsent(self):
        """Nothing waits."""
        return False

    def unsent(self):
        """Nothing goes on the air."""
        return ()

    def starts(self):
        """What is in flash may be from any of them."""
        return range(1 << 30)

    def proven(self):
        """What went before safe mode stays as it is."""

    unsend = proven


class SafeMode:
    """The reporter alone; `kept` is what it left before a deep sleep."""

    def __init__(self, config, store, power, began, log, kept=None):
        self._store, self._power, self._began = store, power, began
        self._settings = Settings(store, config)
        self._led = led.Led(led.light(config.get("led")))
        self._led.code = led.SAFE_MODE
        reporter, times = kept or (None, (0, power.now_s() + _STAY_S))
        self._status_s, self._end_s = times
        self._reporter = Reporter(
            config,
            store,
            power,
            began,
            self._settings,
            NoBacklog(),
            passing("hardware").battery(config),
            log,
            reporter,
        )
        if kept is None:
            log("safe mode until", self._end_s, "s, or a restart by FPort 2")

    def run(self):
        """Report until the time is over, then start again as a whole."""
        self._reporter.begin()
        while self._power.now_s() < self._end_s:
            self._turn()
        start.again(self._store, start.SAFE_MODE)

    def _turn(self):
        power, reporter = self._power, self._reporter
        if power.now_s() >= self._status_s:
            self._status_s = power.now_s() + _STATUS_S
            reporter.wants_status = True
            reporter.due_ms = min(reporter.due_ms, power.now_ms())
        until_ms = min(reporter.due_ms, self._status_s * 1000, self._end_s * 1000)
        power.progress(until_ms - power.now_ms() + _WORK_MS)
        self._idle_until(until_ms)
        if power.now_ms() >= reporter.due_ms:
            self._obey(reporter.report())

    def _idle_until(self, deadline_ms):
        power = self._power
        reporter = self._reporter.record() if power.pays_deep_sleep(deadline_ms) else None
        if reporter is not None:
            kept = [reporter, [self._status_s, self._end_s]]
            power.deep_sleep_until(deadline_ms, [self._began.row(), kept])
        while not power.saves and power.now_ms() < deadline_ms and self._led.busy:
            now_ms = power.now_ms()
            next_ms = now_ms + self._led.tick(deadline_ms - now_ms)
            power.wait_until(min(next_ms, deadline_ms))
        power.idle_until(deadline_ms)

    def _obey(self, payload):
        """Settings are kept and answered as ever; nothing here needs a sensor."""
        if payload is None:
            return
        answer, actions = self._settings.handle(payload, lambda setting: False)
        if answer is None:
            return
        self._reporter.answer(answer)
        self._reporter.apply_settings()
        if settings.STATUS in actions:
            self._reporter.wants_status = True
        if settings.RESTART in actions:
            self._reporter.report()
            start.again(self._store, start.ASKED)
