# SPDX-License-Identifier: MIT
"""Readings that wait in flash, on a real LittleFS."""

import gc

import ramdisk
from backlog import Backlog


def filled(count, root=None):
    root = root or ramdisk.fresh() + "/readings"
    backlog = Backlog(root)
    for index in range(count):
        backlog.add(1, 600 * index, {1: 400 + index})
    return root, backlog


def numbers(backlog):
    return [reading.number for reading in backlog.unsent()]


def test_readings_come_newest_first_and_survive_a_restart():
    root, _ = filled(10)
    again = Backlog(root)
    assert numbers(again) == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    first = list(again.unsent())[-1]
    assert first == (0, 1, 0, {1: 400}, None)
    assert again.starts() == {1}
    assert again.has_unsent() and not Backlog(ramdisk.fresh()).has_unsent()


def test_what_was_sent_goes_only_with_a_proof():
    root, backlog = filled(10)
    for number in range(9):
        backlog.took(number, [])
    assert numbers(backlog) == [9] and len(backlog) == 10
    assert len(Backlog(root)) == 10
    backlog.proven()
    assert numbers(backlog) == [9] and len(backlog) == 1
    # the eight of the first file are gone; the second file is written with its next reading
    assert numbers(Backlog(root)) == [9, 8]
    backlog.add(1, 0, {1: 1})
    assert numbers(Backlog(root)) == [10, 9]


def test_a_proof_of_nothing_writes_nothing():
    _, backlog = filled(10)
    for number in range(10):
        backlog.took(number, [])
    assert not backlog.has_unsent()
    backlog.proven()
    backlog.add(1, 0, {1: 1})
    assert backlog.has_unsent()
    before = ramdisk.writes[0]
    assert before
    backlog.proven()
    backlog.took(10, [])
    assert ramdisk.writes[0] == before
    backlog.proven()
    before = ramdisk.writes[0]
    backlog.proven()  # the newest file is empty, and stays
    assert ramdisk.writes[0] == before


def test_a_split_reading_keeps_what_is_left():
    _, backlog = filled(1)
    backlog.took(0, [3])
    assert next(backlog.unsent()).left == [3]
    backlog.proven()
    assert len(backlog) == 1
    backlog.took(0, [])
    assert backlog.record()[3] == {}
    backlog.proven()
    assert len(backlog) == 0


def test_numbers_go_on_after_everything_was_proven():
    for count in (3, 8, 9, 16):
        root, backlog = filled(count)
        for number in range(count):
            backlog.took(number, [])
        backlog.proven()
        assert len(Backlog(root)) == 0
        assert Backlog(root).add(2, 0, {1: 500}) >= count
        assert backlog.add(1, 0, {1: 500}) == count


def test_a_lost_link_sends_everything_again():
    _, backlog = filled(4)
    for number in range(3):
        backlog.took(number, [])
    backlog.took(3, [2])
    backlog.unsend()
    assert numbers(backlog) == [3, 2, 1, 0] and next(backlog.unsent()).left is None


def test_the_oldest_give_way_and_are_counted():
    root = ramdisk.fresh() + "/readings"
    backlog = Backlog(root, files=5)
    for number in range(40):
        backlog.add(1, number, {1: 400})
    assert backlog.dropped == 0 and len(backlog) == 40
    backlog.add(1, 0, {1: 1})
    assert backlog.dropped == 8 and numbers(backlog)[-1] == 8
    assert numbers(Backlog(root)) == numbers(backlog)
    for number in range(41, 49):
        backlog.add(1, number, {1: 400})
    assert backlog.dropped == 16


def test_a_long_backlog_takes_no_more_memory_than_a_short_one():
    # 10 files more: their bits, and a few places in a table
    _, backlog = filled(16)
    gc.collect()
    before = gc.mem_alloc()
    for number in range(16, 96):
        backlog.add(1, 600 * number, {1: 400, 2: 210, 3: 45})
    gc.collect()
    assert gc.mem_alloc() - before < 1200, gc.mem_alloc() - before
    assert backlog.has_unsent() and len(backlog) == 96


def test_a_file_that_is_no_list_of_readings_is_passed_over():
    for content in (b"\x81\x83\x00", b"", b"\x81\x01"):
        root, _ = filled(10)
        with open(root + "/0", "wb") as file:
            file.write(content)
        assert numbers(Backlog(root)) == [9, 8]
        assert Backlog(root).add(1, 0, {}) == 10
