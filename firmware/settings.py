# SPDX-License-Identifier: MIT
"""Settings that come over the air on FPort 2: all or nothing, persisted, answered."""

import sys

from micropython import const

import cbor
from readings import SETTING_PARTS, SETTINGS

SEQUENCE, INTERVAL, RESTART, STATUS, LAMP, CALIBRATE = const(0), const(1), const(2), const(3), 4, 5
MARKS, ALTITUDE, OFFSET, SELF_CALIBRATION, BUDGET, LIGHT, PROOF = 6, 7, 8, 9, 10, 11, 12
DONE, UNKNOWN, RANGE, NO_SENSOR, BUSY, FAILED = 0, 1, 2, 3, 4, 5
del sys.modules["readings"]  # its other tables are for the host: 7 kB of heap
_BY_PIR = 2  # of LAMP: 0 off, 1 on
_ACTIONS = (RESTART, STATUS, CALIBRATE)
_NEEDS = {CALIBRATE: 1, MARKS: 4, ALTITUDE: 1, OFFSET: 2, SELF_CALIBRATION: 1}


class Settings:
    """The values by key, defaults from the config, changes from flash."""

    def __init__(self, store, config):
        self._store = store
        light = config.get("light") or {}
        self.values = {
            INTERVAL: config["interval_s"],
            BUDGET: config.get("airtime_budget_s", 30),
            LIGHT: [light.get("orange_ppm", 800), light.get("red_ppm", 1200)],
            PROOF: 6,
            MARKS: config.get("marks") or [None] * 3,
        }
        if "lamp" in config:
            self.values[LAMP] = _BY_PIR
        saved = store.load("settings") or {}
        self._changed = saved.get("values", {})
        self._last = saved.get("last")  # [sequence, code, key at fault] of the last command
        self.values.update(self._changed)

    def __getitem__(self, key):
        return self.values[key]

    def handle(self, payload, has_key):
        """Check and keep a command; returns (answer or None, actions as {key: value}).

        `has_key(k)`: a sensor supplies wire key k. A sequence seen last is answered and not done.
        """
        try:
            command = cbor.decode(payload)
        except ValueError:
            return None, {}
        if not isinstance(command, dict):
            return None, {}
        sequence = command.pop(SEQUENCE, None)
        if sequence is not None and self._last and sequence == self._last[0]:
            return _answer(*self._last), {}
        code, key = self._check(command, sequence, has_key)
        actions = {}
        if code == DONE:
            actions = {each: command.pop(each) for each in _ACTIONS if each in command}
            code = BUSY if CALIBRATE in actions else DONE
            self._keep(command)
        self.finish(sequence, code, key)
        return _answer(sequence, code, key), actions

    def finish(self, sequence, code, key=None):
        """Persist how the command of this sequence ended."""
        self._last = [sequence, code, key]
        self._store.save("settings", {"values": self._changed, "last": self._last})

    def result(self, code):
        """The second answer of a calibration, persisted."""
        sequence = self._last[0]
        self.finish(sequence, code)
        return _answer(sequence, code, None)

    def _keep(self, command):
        for key, value in command.items():
            if key == MARKS:
                value = self._marks(value)
            self._changed[key] = self.values[key] = value

    def _marks(self, changes):
        """The marks with these changes; null keeps."""
        old = self.values[MARKS]
        return [old[i] if mark is None else mark for i, mark in enumerate(changes)]

    def _check(self, command, sequence, has_key):
        if sequence is not None and not _fits(sequence, 0, 65535):
            return RANGE, SEQUENCE
        rows = {row[0]: row for row in SETTINGS}
        for key, value in command.items():
            if key not in rows or key == SEQUENCE:
                return UNKNOWN, key
            if not _valid(key, value, rows[key][3], rows[key][4]):
                return RANGE, key
            if key == MARKS and not _ordered(self._marks(value)):
                return RANGE, key
            if key in _ACTIONS and sequence is None:
                return RANGE, SEQUENCE
            lacks_lamp = key == LAMP and LAMP not in self.values
            if lacks_lamp or (key in _NEEDS and not has_key(_NEEDS[key])):
                return NO_SENSOR, key
        return DONE, None


def _valid(key, value, lowest, highest):
    if key not in SETTING_PARTS:
        return _fits(value, lowest, highest)
    if not isinstance(value, list) or len(value) != len(SETTING_PARTS[key]):
        return False
    if key == LIGHT and not (_fits(value[0], 0, 65535) and _fits(value[1], value[0], 65535)):
        return False
    return all((key == MARKS and part is None) or _fits(part, lowest, highest) for part in value)


def _ordered(marks):
    """False when the floor of an empty bin would be nearer than a full one."""
    empty_mm, full_mm, _ = marks
    return empty_mm is None or full_mm is None or empty_mm >= full_mm


def _fits(value, lowest, highest):
    return isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest


def _answer(sequence, code, key):
    answer = {1: code}
    if sequence is not None:
        answer[SEQUENCE] = sequence
    if key is not None:
        answer[2] = key
    return cbor.encode(answer)
