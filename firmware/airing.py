# SPDX-License-Identifier: MIT
"""For how long CO2 stayed above that of fresh air: the room needs airing, or calibration is due."""

from micropython import const

from uplink import CALIBRATION_DUE, FLAGS, NEEDS_AIRING

_CO2 = const(1)  # the wire key
_FRESH_PPM = const(500)
_WEEK_S = const(604800)
_PERIODS = const(3)  # of self-calibration, a week each, without the fresh air that it needs
_DRIFT_S = const(15552000)  # 180 days since a calibration, without self-calibration
_LEAST_PPM = const(350)  # outdoors it is 425; a good sensor is no more than 61 off
_SAVE_S = const(14400)  # what a power cut may cost, at six records a day
_RECORD = "airing"
# of the record, in s of uptime: its start and when it was written; when the air was fresh, when
# the sensor was calibrated; 1: three weeks without fresh air since
_START = const(0)
_SAVED = const(1)
_FRESH = const(2)
_CALIBRATED = const(3)
_ASTRAY = const(4)


class Airing:
    """Adds its two flags to the values of a round.

    Time without power or without a value counts for nothing. `number` is that of this start: a
    wake from deep sleep goes on in its uptime.
    """

    def __init__(self, store, number, power, sensors):
        self._store, self._power = store, power
        now_s = power.now_s()
        self._row = row = store.load(_RECORD) or [number, now_s - _SAVE_S, now_s, now_s, 0]
        if row[_START] != number:
            row[_FRESH] += now_s - row[_SAVED]
            row[_CALIBRATED] += now_s - row[_SAVED]
            row[_START], row[_SAVED] = number, now_s
        self._seen_s, self._kept_s = row[_SAVED], row[_FRESH]  # kept: as flash has it
        # a sensor that loses its supply between two rounds calibrates nothing
        own = [each.get("self_calibration", 1) for each in sensors if _CO2 in each["keys"]]
        self._own = 0 if power.saves else max(own or [1])

    def look(self, values, self_calibration):
        """Take the CO2 of a round and set what follows in its flags.

        `self_calibration`: setting 9, None where nobody has set it.
        """
        row, now_s, co2_ppm = self._row, self._power.now_s(), values.get(_CO2)
        if co2_ppm is None:
            row[_FRESH] = min(row[_FRESH] + now_s - self._seen_s, now_s)
        elif co2_ppm <= _FRESH_PPM:
            row[_FRESH] = now_s
        self._seen_s = now_s
        flags, stale_s = 0, now_s - row[_FRESH]
        if stale_s >= _WEEK_S:
            flags = NEEDS_AIRING
        due = row[_ASTRAY] or (co2_ppm is not None and co2_ppm < _LEAST_PPM)
        if not (self._own if self_calibration is None else self_calibration):
            due = due or now_s - row[_CALIBRATED] >= _DRIFT_S
        elif stale_s >= _PERIODS * _WEEK_S:
            # it took stale air for fresh: only a forced calibration tells where it is now
            due = row[_ASTRAY] = 1
        if due:
            flags |= CALIBRATION_DUE
        if flags:
            values[FLAGS] = values.get(FLAGS, 0) | flags
        if max(now_s - row[_SAVED], row[_FRESH] - self._kept_s) >= _SAVE_S:
            self._save(now_s)

    def calibrated(self):
        """A forced calibration is done: the sensor is right again, as the air was fresh."""
        now_s = self._power.now_s()
        self._row[_FRESH] = self._row[_CALIBRATED] = now_s
        self._row[_ASTRAY] = 0
        self._save(now_s)

    def _save(self, now_s):
        self._row[_SAVED], self._kept_s = now_s, self._row[_FRESH]
        self._store.save(_RECORD, self._row)
