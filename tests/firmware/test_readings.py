# SPDX-License-Identifier: MIT
"""The table of quantities against the page that decides: once on the air, a key never changes."""

import readings
import settings

# key, name, unit, steps per unit
DESIGN = (
    (0, "age", "s", 1),
    (1, "co2", "ppm", 1),
    (2, "temperature", "degC", 10),
    (3, "humidity", "%", 1),
    (4, "distance", "mm", 1),
    (5, "fill", "%", 1),
    (6, "level", "mm", 1),
    (7, "count", "", 1),
    (8, "occupied", "", 1),
    (9, "battery", "V", 100),
    (10, "pressure", "hPa", 10),
    (11, "count_back", "", 1),
    (12, "occupancy", "%", 1),
    (13, "temperature_2", "degC", 10),
    (-1, "faults", "", 1),
    (-2, "restart", "", 1),
    (-3, "number", "", 1),
    (-4, "flags", "", 1),
)
SIGNED = ("temperature", "level", "temperature_2")
STATUS = (
    "firmware_version config_digest uptime restart readings_waiting readings_dropped waits_for "
    "waits battery last_rssi last_snr free_heap crashes join_tries"
)


def test_every_wire_key_of_the_design_is_there_in_order_of_priority():
    assert tuple([row[:4] for row in readings.QUANTITIES]) == DESIGN


def test_keys_and_names_are_given_once():
    for column in (0, 1):
        found = [row[column] for row in readings.QUANTITIES]
        assert len(set(found)) == len(found)


def test_no_private_key_is_assigned():
    assert all([row[0] < 24 for row in readings.QUANTITIES])


def test_the_ranges_are_in_wire_units_and_only_three_quantities_go_below_zero():
    for row in readings.QUANTITIES:
        lowest, highest = row[4:]
        assert lowest < highest
        assert (lowest < 0) == (row[1] in SIGNED), row
    ranges = {row[1]: row[4:] for row in readings.QUANTITIES}
    assert ranges["co2"] == (0, 40000) and ranges["number"] == (0, 65535)
    assert ranges["count"] == ranges["count_back"] == (0, 65535)
    assert ranges["restart"][1] == len(readings.RESTARTS)
    assert ranges["flags"][1] == (1 << len(readings.FLAGS)) - 1


def test_restarts_flags_and_codes_have_the_numbers_of_the_design():
    assert [number for number, _ in readings.RESTARTS] == [1, 2, 3, 4, 5, 6, 7]
    assert readings.RESTARTS[0][1] == "power-on" and readings.RESTARTS[6][1] == "safe mode"
    assert readings.FLAGS[0] == "warming" and readings.FLAGS[4] == "calibration due"
    assert [number for number, _ in readings.SETTING_CODES] == [0, 1, 2, 3, 4, 5]


def test_the_settings_have_the_keys_that_the_firmware_acts_on():
    assert [row[0] for row in readings.SETTINGS] == list(range(13))
    names = {row[0]: row[1] for row in readings.SETTINGS}
    for key, name in (
        (settings.SEQUENCE, "sequence"),
        (settings.INTERVAL, "interval"),
        (settings.RESTART, "restart"),
        (settings.STATUS, "status"),
        (settings.LAMP, "lamp"),
        (settings.CALIBRATE, "calibrate_co2"),
        (settings.MARKS, "marks"),
        (settings.ALTITUDE, "altitude"),
        (settings.OFFSET, "temperature_offset"),
        (settings.SELF_CALIBRATION, "self_calibration"),
        (settings.BUDGET, "airtime_budget"),
        (settings.LIGHT, "light"),
        (settings.PROOF, "proof_interval"),
    ):
        assert names[key] == name


def test_the_status_has_14_keys_in_order():
    assert [row[0] for row in readings.STATUS] == list(range(14))
    assert [row[1] for row in readings.STATUS] == STATUS.split()
