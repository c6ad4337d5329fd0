# SPDX-License-Identifier: MIT
"""Whether a command of FPort 2 can be done: its keys, their ranges, the sensors that they need.

Loaded for one command: it and the table in readings.py take 9 kB.
"""

import settings
from passing import passing

_FOR_SENSORS = (
    settings.CALIBRATE,
    settings.MARKS,
    settings.ALTITUDE,
    settings.OFFSET,
    settings.SELF_CALIBRATION,
)


def check(values, command, sequence, takes):
    """Return (code, key at fault) for a command against the settings that are there now."""
    if sequence is not None and not _fits(sequence, 0, 65535):
        return settings.RANGE, settings.SEQUENCE
    table = passing("readings")
    rows = {row[0]: row for row in table.SETTINGS}
    for key, value in command.items():
        if key not in rows or key == settings.SEQUENCE:
            return settings.UNKNOWN, key
        if not _valid(key, value, rows[key], table.SETTING_PARTS.get(key)):
            return settings.RANGE, key
        if key == settings.MARKS and not _ordered(values.marks(value)):
            return settings.RANGE, key
        if key in settings.ACTIONS and sequence is None:
            return settings.RANGE, settings.SEQUENCE
        lacks_lamp = key == settings.LAMP and settings.LAMP not in values.values
        if lacks_lamp or (key in _FOR_SENSORS and not takes(key)):
            return settings.NO_SENSOR, key
    return settings.DONE, None


def _valid(key, value, row, parts):
    _, _, _, lowest, highest = row
    if parts is None:
        return _fits(value, lowest, highest)
    if not isinstance(value, list) or len(value) != len(parts):
        return False
    light = key == settings.LIGHT
    if light and not (_fits(value[0], 0, 65535) and _fits(value[1], value[0], 65535)):
        return False
    may_lack = key == settings.MARKS
    return all((may_lack and part is None) or _fits(part, lowest, highest) for part in value)


def _ordered(marks):
    """False when the floor of an empty bin would be nearer than a full one."""
    empty_mm, full_mm, _ = marks
    return empty_mm is None or full_mm is None or empty_mm >= full_mm


def _fits(value, lowest, highest):
    return isinstance(value, int) and lowest <= value <= highest  # True is no int here
