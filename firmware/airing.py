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


class Airing:
    """Adds its two flags to the values of a round; times are uptimes in s, or of one before it.

    Time without power or without a value counts for nothing. `number` is that of this start:
    a wake from deep sleep goes on in its uptime.
    """

    def __init__(self, store, number, now_s):
        self._store, self._number = store, number
        row = store.load(_RECORD) or (number, now_s - _SAVE_S, now_s, now_s, 0)
        start, saved_s, fresh_s, calibrated_s, self._astray = row
        shift_s = 0 if start == number else now_s - saved_s
        self._saved_s = self._seen_s = saved_s + shift_s
        self._fresh_s = self._kept_s = fresh_s + shift_s  # kept: as flash has it
        self._calibrated_s = calibrated_s + shift_s

    def look(self, values, now_s, self_calibrates):
        """Take the CO2 of a round and set what follows in its flags."""
        co2_ppm = values.get(_CO2)
        if co2_ppm is None:
            self._fresh_s = min(self._fresh_s + now_s - self._seen_s, now_s)
        elif co2_ppm <= _FRESH_PPM:
            self._fresh_s = now_s
        self._seen_s = now_s
        flags, stale_s = 0, now_s - self._fresh_s
        if stale_s >= _WEEK_S:
            flags = NEEDS_AIRING
        if self_calibrates:
            # it took stale air for fresh: only a forced calibration tells where it is now
            self._astray |= stale_s >= _PERIODS * _WEEK_S
        drifts = not self_calibrates and now_s - self._calibrated_s >= _DRIFT_S
        if self._astray or drifts or (co2_ppm is not None and co2_ppm < _LEAST_PPM):
            flags |= CALIBRATION_DUE
        if flags:
            values[FLAGS] = values.get(FLAGS, 0) | flags
        if max(now_s - self._saved_s, self._fresh_s - self._kept_s) >= _SAVE_S:
            self._save(now_s)

    def calibrated(self, now_s):
        """A forced calibration is done: the sensor is right again, as the air was fresh."""
        self._fresh_s = self._calibrated_s = now_s
        self._astray = 0
        self._save(now_s)

    def _save(self, now_s):
        self._saved_s, self._kept_s = now_s, self._fresh_s
        self._store.save(
            _RECORD, [self._number, now_s, self._fresh_s, self._calibrated_s, self._astray]
        )
