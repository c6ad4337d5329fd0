# SPDX-License-Identifier: MIT
"""Settings that come over the air on FPort 2: all or nothing, persisted, answered."""

from micropython import const

import cbor
from passing import passing

SEQUENCE, INTERVAL, RESTART, STATUS, LAMP, CALIBRATE = 0, 1, 2, 3, 4, 5
MARKS, ALTITUDE, OFFSET, SELF_CALIBRATION, BUDGET, LIGHT, PROOF = 6, 7, 8, 9, 10, 11, 12
DONE, UNKNOWN, RANGE, NO_SENSOR, BUSY, FAILED = 0, 1, 2, 3, 4, 5
_BY_PIR = const(2)  # of LAMP: 0 off, 1 on
ACTIONS = (RESTART, STATUS, CALIBRATE)


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

    def handle(self, payload, takes):
        """Check and keep a command; returns (answer or None, actions as {key: value}).

        `takes(k)`: a sensor of this node can do setting k. A sequence seen last is answered and
        not done.
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
        code, key = passing("ranges").check(self, command, sequence, takes)
        actions = {}
        if code == DONE:
            actions = {each: command.pop(each) for each in ACTIONS if each in command}
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
                value = self.marks(value)
            self._changed[key] = self.values[key] = value

    def marks(self, changes):
        """The marks with these changes; null keeps."""
        old = self.values[MARKS]
        return [old[i] if mark is None else mark for i, mark in enumerate(changes)]


def _answer(sequence, code, key):
    answer = {1: code}
    if sequence is not None:
        answer[SEQUENCE] = sequence
    if key is not None:
        answer[2] = key
    return cbor.encode(answer)
