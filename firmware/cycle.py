# SPDX-License-Identifier: MIT
"""What a provisioned node does for ever: look, keep a reading on time, report, listen, obey."""

from micropython import const

import settings
import start
import uplink
from backlog import Backlog
from led import Led, light
from passing import passing
from power import random_below
from reporter import Reporter
from sensors import Sensors
from settings import Settings

_LOOK_MS = const(30000)  # how often the light follows the sensor
_SETTLE_MS = const(30000)  # from the start of the sensors to the first reading
_BLINK_MS = const(500)
_LAMP_MS = const(1000)  # how often the lamp is looked at; the shortest that it shines
_NEVER_MS = const(3600000)
_SPENT_MS = const(3600000)  # the rest of a battery, until it is looked at again
_WORK_MS = const(180000)  # how late a look may be: sensors with their tries, two exchanges


class Cycle:
    """The sensors, the light and the reporter of one node, each at its time.

    On a battery it measures only for its readings, and sleeps between them as deep as it can.
    `kept` is what it left before a deep sleep, None after a start.
    """

    def __init__(self, config, store, power, began, log, kept=None):
        self._store, self._power, self._log = store, power, log
        self._began = began
        backlog, reporter, marks, times = kept or (None, None, None, None)
        self._settings = Settings(store, config)
        self._backlog = Backlog(kept=backlog)
        hardware = passing("hardware")
        self._lamp = hardware.lamp(config)
        buses, supply = hardware.buses(config, self._lamp), hardware.sensor_power(config)
        self._sensors = Sensors(config["sensors"], buses, power, log, supply)
        self._sensors.each("restore", store)
        self._airing = None
        if self._sensors.has(1):
            from airing import Airing

            self._airing = Airing(store, began.number, power, config["sensors"])
        bay = config.get("bay")
        self._marks = None
        if self._sensors.has(4):  # a distance
            from marks import Marks

            self._marks = Marks(bay, marks)
        self._every_ms = None if power.saves else _LOOK_MS  # None: only for readings
        if bay:
            self._every_ms = bay["look_s"] * 1000
        self._light = None if power.saves else hardware.traffic_light(config)
        self._led = Led(light(config.get("led")))
        self._battery = hardware.battery(config)
        self._reporter = Reporter(
            config, store, power, began, self._settings, self._backlog, self._battery, log, reporter
        )
        self._reporter.tell(lambda sending: self._sensors.each("sending", sending))
        self._sensing = False
        self._restart = began.reason  # goes with the first reading
        self._look_ms = self._reading_ms = 0
        self._blink_ms = self._led_ms = 0
        self._woken = times is not None
        if times is not None:
            self._look_ms, self._reading_ms, self._restart = times

    def run(self):
        """Work for ever, or until deep sleep."""
        self._reporter.begin()
        self._apply_light()
        self._apply_lamp()
        if not self._woken and not self._spent():
            self._sense()
            self._reading_ms = self._power.now_ms() + _SETTLE_MS
            self._look_ms = self._power.now_ms() + self._sensors.first_ms()
        self._expect_look()
        while True:
            self._turn()

    def _expect_look(self):
        """The watchdog starves when no look comes near its time, whatever else goes on."""
        self._power.progress(self._look_ms - self._power.now_ms() + _WORK_MS)

    def _turn(self):
        """Wait for what is next and do it."""
        power, reporter = self._power, self._reporter
        until_ms = min(self._look_ms, reporter.due_ms)
        self._led.code = reporter.trouble()
        if power.saves:
            self._sleep_until(until_ms)
        else:
            self._idle_until(until_ms)
        if self._spent():
            return
        if power.now_ms() >= self._look_ms:
            self._look()
        if power.now_ms() >= reporter.due_ms:
            self._obey(reporter.report())
        if self._began.failures is not None and power.now_s() >= start.SETTLED_S:
            self._began.settle(self._store)

    def _spent(self):
        """True when the battery has too little for anything: all waits for another hour."""
        if not self._power.saves or self._battery is None or not self._battery.spent():
            return False
        until_ms = self._power.now_ms() + _SPENT_MS
        self._look_ms = max(self._look_ms, until_ms)
        self._reading_ms = max(self._reading_ms, until_ms)
        self._reporter.due_ms = max(self._reporter.due_ms, until_ms)
        self._log("the battery is spent: waits an hour")
        self._expect_look()
        return True

    def _sparing(self):
        """2 while the battery is low: it measures half as often, and says why; else 1."""
        return 2 if self._battery is not None and self._battery.low() else 1

    def _idle_until(self, deadline_ms):
        """Wait; meanwhile a red light blinks, the LED when there is something to say, the lamp."""
        while True:
            now_ms = self._power.now_ms()
            if now_ms >= deadline_ms:
                return
            until_ms = deadline_ms
            if self._light is not None and self._light.blinking:
                if now_ms >= self._blink_ms:
                    self._light.tick()
                    self._blink_ms = now_ms + _BLINK_MS
                until_ms = min(until_ms, self._blink_ms)
            if self._led.busy:
                if now_ms >= self._led_ms:
                    self._led_ms = now_ms + self._led.tick(deadline_ms - now_ms)
                until_ms = min(until_ms, self._led_ms)
            self._power.wait_until(min(until_ms, now_ms + self._lamp_step_ms()))

    def _sleep_until(self, deadline_ms):
        """Sleep on a battery; what the LED has to say it says once before."""
        power = self._power
        self._led.show(deadline_ms - power.now_ms(), power.wait_ms)
        reporter = self._reporter.record() if power.pays_deep_sleep(deadline_ms) else None
        if reporter is not None:
            times = [self._look_ms, self._reading_ms, self._restart]
            marks = self._marks.record() if self._marks else None
            kept = [self._backlog.record(), reporter, marks, times]
            power.deep_sleep_until(deadline_ms, [self._began.row(), kept])
        while power.now_ms() < deadline_ms:
            power.idle_until(min(deadline_ms, power.now_ms() + self._lamp_step_ms()))

    def _lamp_step_ms(self):
        """Put the lamp out when its time is over; returns until when it has to be looked at."""
        if self._lamp is None:
            return _NEVER_MS
        return min(self._lamp.left_ms() or _LAMP_MS, _LAMP_MS)

    def _sense(self):
        """Start the sensors with the settings that concern them."""
        self._sensors.start(self._settings)
        self._sensing = True

    def _look(self):
        """Measure for the light; when it is time, keep what was measured as a reading."""
        if not self._sensing:
            self._sense()
            self._power.wait_until(self._power.now_ms() + self._sensors.first_ms())
        values = self._sensors.measure()
        if self._marks:
            self._marks.look(values)
        if self._airing is not None:
            self._airing.look(values, self._settings.values.get(settings.SELF_CALIBRATION))
        if self._light is not None:
            if 1 in values:
                self._light.show(values[1])
            else:
                self._light.off()
        if self._power.now_ms() >= self._reading_ms:
            self._keep(values)
        next_ms = self._reading_ms
        if self._every_ms is not None:
            next_ms = self._look_ms + self._every_ms * self._sparing()
        self._look_ms = max(next_ms, self._power.now_ms())
        self._expect_look()

    def _keep(self, values):
        sparing = self._sparing()
        if sparing > 1:
            values[uplink.BATTERY] = self._battery.read_cv()
        interval_ms = self._reporter.interval_s() * 1000 * sparing
        if self._restart:
            # The first interval after any start is shorter at random: nodes that started
            # together go on apart. By a third at most, or a reading could come within 30 s of
            # another, half of the shortest interval, and be taken for a part of it.
            interval_ms -= random_below(interval_ms // 3)
            self._look_ms += random_below(self._every_ms or 1)
        self._reading_ms = max(self._reading_ms + interval_ms, self._power.now_ms())
        faults = self._sensors.faults
        if self._marks:
            faults |= self._marks.add(values, self._settings[settings.MARKS])
        if faults:
            values[uplink.FAULTS] = faults
        if self._restart:
            values[uplink.RESTART], self._restart = self._restart, 0
        self._sensors.each("keep", self._store)  # first: a total never goes back
        self._backlog.add(self._began.number, self._power.now_s(), values)
        self._log("reading", values)
        self._reporter.due_ms = min(self._reporter.due_ms, self._power.now_ms())

    def _obey(self, payload):
        """Carry out what came on FPort 2, and have it answered."""
        if payload is None:
            return
        before = dict(self._settings.values)
        answer, actions = self._settings.handle(payload, self._sensors.takes)
        if answer is None:
            return
        self._reporter.answer(answer)
        if self._settings.values != before:
            self._apply(before)
        if settings.STATUS in actions:
            self._reporter.wants_status = True
        if settings.CALIBRATE in actions:
            self._reporter.report()  # says that it is busy before it takes its minutes
            self._reporter.answer(self._settings.result(self._calibrate(actions)))
        if settings.RESTART in actions:
            self._reporter.report()
            start.again(self._store, start.ASKED)

    def _calibrate(self, actions):
        try:
            self._sensors.calibrate_co2(actions[settings.CALIBRATE])
            self._airing.calibrated()
            return settings.DONE
        except (OSError, ValueError) as error:
            self._log("calibration failed:", error)
            return settings.FAILED

    def _apply(self, before):
        """Let changed settings take effect where they are used."""
        self._apply_light()
        if self._settings.values.get(settings.LAMP) != before.get(settings.LAMP):
            self._apply_lamp()
        self._reporter.apply_settings()
        for key in (settings.ALTITUDE, settings.OFFSET, settings.SELF_CALIBRATION):
            if self._settings.values.get(key) != before.get(key):
                self._sense()
                self._look_ms = self._power.now_ms() + self._sensors.first_ms()
                break
        earliest_ms = self._power.now_ms() + self._settings[settings.INTERVAL] * 1000
        self._reading_ms = min(self._reading_ms, earliest_ms)
        if self._power.saves:
            self._look_ms = min(self._look_ms, self._reading_ms)

    def _apply_light(self):
        if self._light is not None:
            self._light.orange_ppm, self._light.red_ppm = self._settings[settings.LIGHT]

    def _apply_lamp(self):
        if self._lamp is not None:
            self._lamp.set(self._settings[settings.LAMP])
