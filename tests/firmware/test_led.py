# SPDX-License-Identifier: MIT
"""The LED: a code is so many blinks, then a pause; each change and its time."""

from led import Led


def shown(led, log, ticks):
    """Return what happened: levels, and the ms that each tick asked for."""
    waits = []
    for _ in range(ticks):
        waits.append(led.tick(100000))
    return log, waits


def test_three_blinks_and_a_pause():
    log = []
    led = Led(log.append)
    led.code = 3
    assert led.busy
    assert shown(led, log, 6) == ([1, 0, 1, 0, 1, 0], [300] * 5 + [5000])
    assert shown(led, log, 2) == ([1, 0, 1, 0, 1, 0, 1, 0], [300, 300])


def test_a_code_that_ends_is_shown_to_its_end_and_then_it_is_dark():
    log = []
    led = Led(log.append)
    led.code = 2
    led.tick(100000)
    led.code = 0
    assert led.busy
    assert shown(led, log, 3)[0] == [1, 0, 1, 0] and not led.busy
    assert led.tick(100000) == 5000 and log == [1, 0, 1, 0]


def test_a_code_that_would_be_cut_short_is_not_begun():
    log = []
    led = Led(log.append)
    led.code = 4
    assert led.tick(8 * 300 - 1) == 5000 and log == []
    assert led.tick(8 * 300) == 300 and log == [1]


def test_before_a_sleep_it_is_shown_once_and_ends_dark():
    log = []
    led = Led(log.append)
    led.code = 2
    led.show(1199, log.append)
    assert log == []
    led.show(1200, log.append)
    assert log == [1, 300, 0, 300, 1, 300, 0, 300]


def test_a_board_without_a_led_is_never_busy():
    led = Led(None)
    led.code = 5
    assert not led.busy
    led.show(5000, None)
