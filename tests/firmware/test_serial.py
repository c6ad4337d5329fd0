# SPDX-License-Identifier: MIT
"""What the drivers on a UART do with its bytes: forget the old ones, wait for the new ones."""

from drivers import serial
from uart import Clock, Line
from vectors import refuses


def made(*steps):
    clock = Clock(serial)
    return clock, Line(clock, *steps)


def whole(data):
    return data[:4] if len(data) >= 4 else None


def test_what_has_come_in_is_forgotten():
    clock, line = made()
    line.comes(0, "ff07a1a7" * 100)
    line.comes(30, "01")
    serial.empty(line)
    assert clock.now_ms == 0 and line.any() == 0
    clock.sleep_ms(30)
    assert line.read(9) == b"\x01"  # it came later


def test_a_frame_is_taken_as_soon_as_it_is_whole():
    clock, line = made()
    line.comes(50, "ff07a1")
    line.comes(130, "a7")
    line.comes(230, "ff07a1a7")
    assert serial.await_frame(line, whole, 300) == bytes.fromhex("ff07a1a7")
    assert 130 <= clock.now_ms < 160


def test_silence_is_one_error_and_noise_another():
    clock, line = made()
    assert refuses(OSError, serial.await_frame, line, whole, 300)
    assert 300 <= clock.now_ms < 330
    line.comes(clock.now_ms + 100, "ff07")
    assert refuses(ValueError, serial.await_frame, line, whole, 300)
    assert 600 <= clock.now_ms < 660


def test_a_question_is_not_answered_by_what_came_before_it():
    clock, line = made("> 0102", "<100 05060708")
    line.comes(0, "01020304")
    assert serial.ask(line, b"\x01\x02", whole, 300) == bytes.fromhex("05060708")
    assert 100 <= clock.now_ms < 130 and line.over()


def test_an_answer_that_comes_too_late_is_not_waited_for_and_forgotten():
    clock, line = made("> 01", "<400 01020304", "> 02", "<100 05060708")
    assert refuses(OSError, serial.ask, line, b"\x01", whole, 300)
    clock.sleep_ms(1000)
    assert serial.ask(line, b"\x02", whole, 300) == bytes.fromhex("05060708")
    assert line.over()
