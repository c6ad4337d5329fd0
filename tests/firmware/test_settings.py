# SPDX-License-Identifier: MIT
"""Settings on FPort 2: all or nothing, persisted, answered, actions not done twice."""

import cbor
import ramdisk
import settings
from settings import Settings
from store import Store

CONFIG = {"interval_s": 600, "light": {"orange_ppm": 800, "red_ppm": 1200}}


def made(root=None):
    return Settings(Store((root or ramdisk.fresh()) + "/state"), CONFIG)


def has_air(setting):
    return setting in (settings.CALIBRATE, settings.ALTITUDE, settings.OFFSET, 9)


def handle(values, command, takes=has_air):
    answer, actions = values.handle(cbor.encode(command), takes)
    return cbor.decode(answer), actions


def test_an_interval_is_kept_and_answered():
    root = ramdisk.fresh()
    values = made(root)
    answer, actions = values.handle(bytes.fromhex("a2000501190384"), has_air)
    assert answer.hex() == "a200050100" and actions == {}
    assert values[settings.INTERVAL] == 900
    assert made(root)[settings.INTERVAL] == 900


def test_one_wrong_key_changes_nothing():
    for command, code, at_fault in (
        ({0: 1, 1: 900, 99: 1}, settings.UNKNOWN, 99),
        ({0: 1, 1: 900, 10: 0}, settings.RANGE, 10),
        ({0: 1, 1: 59}, settings.RANGE, 1),
        ({0: 1, 1: True}, settings.RANGE, 1),
        ({0: 1, 9: True}, settings.RANGE, 9),  # which is no 1
        ({0: 1, 11: [800, 1200, 1300]}, settings.RANGE, 11),
        ({0: 1, 1: 900, 6: [2000, 300, None]}, settings.NO_SENSOR, 6),
        ({1: 900, 2: 1}, settings.RANGE, 0),
        ({0: 1, 11: [1200, 800]}, settings.RANGE, 11),
        ({0: 1, 11: [800]}, settings.RANGE, 11),
        ({0: 70000, 1: 900}, settings.RANGE, 0),
    ):
        values = made()
        answer, actions = handle(values, command)
        assert answer[1] == code and answer[2] == at_fault, (command, answer)
        assert values[settings.INTERVAL] == 600 and actions == {}


def test_what_no_sensor_of_the_node_can_do_is_refused_and_nothing_is_kept():
    def has_no_altitude(setting):
        return setting != settings.ALTITUDE

    root = ramdisk.fresh()
    answer, _ = handle(made(root), {0: 1, 1: 900, 7: 120}, has_no_altitude)
    assert answer == {0: 1, 1: settings.NO_SENSOR, 2: settings.ALTITUDE}
    assert settings.ALTITUDE not in made(root).values and made(root)[settings.INTERVAL] == 600
    assert handle(made(root), {0: 2, 7: 120})[0] == {0: 2, 1: settings.DONE}
    assert made(root)[settings.ALTITUDE] == 120


def test_what_is_no_cbor_map_gets_no_answer():
    for payload in (b"", b"\xff", b"\x01", b"\xa1\x00", b"\x80"):
        assert made().handle(payload, has_air) == (None, {})


def test_an_action_is_done_once_however_often_it_comes():
    root = ramdisk.fresh()
    answer, actions = handle(made(root), {0: 9, 2: 1})
    assert answer == {0: 9, 1: settings.DONE} and actions == {2: 1}
    again = made(root)  # the restart that it asked for
    assert handle(again, {0: 9, 2: 1}) == ({0: 9, 1: settings.DONE}, {})
    assert handle(again, {0: 10, 2: 1})[1] == {2: 1}


def test_a_calibration_answers_busy_and_then_its_result():
    root = ramdisk.fresh()
    values = made(root)
    assert handle(values, {0: 3, 5: 420}) == ({0: 3, 1: settings.BUSY}, {5: 420})
    assert cbor.decode(values.result(settings.DONE)) == {0: 3, 1: settings.DONE}
    assert handle(made(root), {0: 3, 5: 420}) == ({0: 3, 1: settings.DONE}, {})


def test_a_null_mark_keeps_the_old_one():
    values = made()
    handle(values, {6: [2000, 300, None]}, lambda setting: True)
    handle(values, {6: [None, 350, None]}, lambda setting: True)
    assert values[settings.MARKS] == [2000, 350, None]


def test_only_a_node_with_a_lamp_takes_the_lamp_s_setting():
    def has_count(setting):
        return False

    answer, _ = handle(made(), {0: 1, 4: 1}, has_count)
    assert answer == {0: 1, 1: settings.NO_SENSOR, 2: 4}
    root = ramdisk.fresh()
    config = CONFIG | {"lamp": {"pin": 19, "hold_s": 30}}
    values = Settings(Store(root + "/state"), config)
    assert values[settings.LAMP] == 2  # by PIR, until it is told otherwise
    answer, _ = handle(values, {0: 1, 4: 1}, has_count)
    assert answer == {0: 1, 1: settings.DONE}
    assert Settings(Store(root + "/state"), config)[settings.LAMP] == 1
    answer, _ = handle(values, {0: 2, 4: 3}, has_count)
    assert answer == {0: 2, 1: settings.RANGE, 2: 4} and values[settings.LAMP] == 1


def test_marks_start_as_the_kit_has_them():
    config = dict(CONFIG, marks=[1200, 350, None])
    values = Settings(Store(ramdisk.fresh() + "/state"), config)
    assert values[settings.MARKS] == [1200, 350, None]
    assert made()[settings.MARKS] == [None, None, None]
    handle(values, {6: [1300, None, None]}, lambda setting: True)
    assert values[settings.MARKS] == [1300, 350, None]


def test_an_empty_bin_is_no_shallower_than_a_full_one():
    config = dict(CONFIG, marks=[1200, 350, None])
    values = Settings(Store(ramdisk.fresh() + "/state"), config)
    refused = ([349, None, None], [None, 1201, None], [399, 400, None], [100, 200, 300])
    for sequence, marks in enumerate(refused):
        answer, _ = handle(values, {0: sequence, 1: 900, 6: marks}, lambda setting: True)
        assert answer == {0: sequence, 1: settings.RANGE, 2: 6}, marks
        assert values[settings.MARKS] == [1200, 350, None] and values[settings.INTERVAL] == 600
    handle(values, {6: [350, None, 20]}, lambda setting: True)
    assert values[settings.MARKS] == [350, 350, 20]
