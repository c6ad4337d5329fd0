# SPDX-License-Identifier: MIT
"""What a provisioned node does for ever: look, keep a reading on time, report, listen, obey."""

from micropython import const

import hardware
import settings
import start
import uplink
from backlog import Backlog
from delivery import stretched_s
from lora import airtime
from reporter import Reporter
from sensors import Sensors
from settings import Settings

_LOOK_MS = const(30000)  # how often the light follows the sensor
_SETTLE_MS = const(30000)  # from the start of the sensors to the first reading
_BLINK_MS = const(500)
_USUAL_FRAME = const(24)  # bytes of PHYPayload that the stretched interval reckons with


class Cycle:
    """The sensors, the light and the reporter of one node, each at its time."""

    def __init__(self, config, store, power, began, log):
        self._store, self._power, self._log = store, power, log
        self._settings = Settings(store, config)
        self._backlog = Backlog()
        self._sensors = Sensors(config["sensors"], hardware.buses(config), power, log)
        self._light = hardware.traffic_light(config)
        self._battery = hardware.battery(config)
        self._reporter = Reporter(
            config, store, power, began, self._settings, self._backlog, self._battery, log
        )
        self._start_number = began.number
        self._restart = began.reason  # goes with the first reading
        self._look_ms = self._reading_ms = 0

    def run(self):
        """Work for ever. OSError: the radio does not answer."""
        self._reporter.begin()
        self._sensors.start(self._settings)
        self._apply_light()
        self._look_ms = self._power.now_ms() + self._sensors.first_ms()
        self._reading_ms = self._power.now_ms() + _SETTLE_MS
        while True:
            self._idle_until(min(self._look_ms, self._reporter.due_ms))
            if self._power.now_ms() >= self._look_ms:
                self._look()
            if self._power.now_ms() >= self._reporter.due_ms:
                self._obey(self._reporter.report())

    def _idle_until(self, deadline_ms):
        """Wait; a red light blinks meanwhile."""
        while self._light is not None and self._light.blinking:
            now_ms = self._power.now_ms()
            if now_ms >= deadline_ms:
                return
            self._power.wait_until(min(deadline_ms, now_ms + _BLINK_MS))
            self._light.tick()
        self._power.wait_until(deadline_ms)

    def _look(self):
        """Measure for the light; when it is time, keep what was measured as a reading."""
        self._look_ms = max(self._look_ms + _LOOK_MS, self._power.now_ms())
        values = self._sensors.measure()
        if self._light is not None:
            if 1 in values:
                self._light.show(values[1])
            else:
                self._light.off()
        if self._power.now_ms() >= self._reading_ms:
            self._keep(values)

    def _keep(self, values):
        interval_s = stretched_s(
            self._settings[settings.INTERVAL],
            airtime.time_on_air_us(_USUAL_FRAME, *self._reporter.data_rate()),
            self._settings[settings.BUDGET] * 1000000,
        )
        self._reading_ms = max(self._reading_ms + interval_s * 1000, self._power.now_ms())
        if self._sensors.faults:
            values[uplink.FAULTS] = self._sensors.faults
        if self._restart:
            values[uplink.RESTART], self._restart = self._restart, 0
        self._backlog.add(self._start_number, self._power.now_s(), values)
        self._log("reading", values)
        self._reporter.due_ms = min(self._reporter.due_ms, self._power.now_ms())

    def _obey(self, payload):
        """Carry out what came on FPort 2, and have it answered."""
        if payload is None:
            return
        before = dict(self._settings.values)
        answer, actions = self._settings.handle(payload, self._sensors.has)
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
            return settings.DONE
        except (OSError, ValueError) as error:
            self._log("calibration failed:", error)
            return settings.FAILED

    def _apply(self, before):
        """Let changed settings take effect where they are used."""
        self._apply_light()
        self._reporter.apply_settings()
        for key in (settings.ALTITUDE, settings.OFFSET, settings.SELF_CALIBRATION):
            if self._settings.values.get(key) != before.get(key):
                self._sensors.start(self._settings)
                self._look_ms = self._power.now_ms() + self._sensors.first_ms()
                break
        earliest_ms = self._power.now_ms() + self._settings[settings.INTERVAL] * 1000
        self._reading_ms = min(self._reading_ms, earliest_ms)

    def _apply_light(self):
        if self._light is not None:
            self._light.orange_ppm, self._light.red_ppm = self._settings[settings.LIGHT]
