# SPDX-License-Identifier: MIT
"""Why a node started, how often it failed quickly, and when that ends in safe mode."""

import ramdisk
import start
from store import Store


def begin(store, bitten=False, powered=False):
    return start.begin(store, powered, bitten)


def fail(store):
    """Do what `again` does before its reset."""
    assert start.expect(store, start.CRASH)


def fresh():
    return Store(ramdisk.fresh() + "/state")


def test_starts_are_counted_and_the_chips_own_reason_is_taken():
    store = fresh()
    assert begin(store, powered=True).row() == [1, start.POWER_ON, 0, 0]
    assert begin(store, bitten=True).row() == [2, start.WATCHDOG, 0, 1]
    assert begin(Store("/ram/state")).row() == [3, start.POWER_ON, 0, 0]


def test_a_reason_that_was_written_wins_over_the_chips_and_counts_once():
    store = fresh()
    begin(store)
    for reason in (start.CRASH, start.LINK_LOST, start.ASKED):
        start.expect(store, reason)
        assert begin(store, bitten=True).reason == reason  # RP2040 calls every reset a bite
    assert begin(store, bitten=True).reason == start.WATCHDOG


def test_a_prompt_that_ends_with_the_plug_is_a_power_on():
    store = fresh()
    begin(store)
    start.expect(store, start.ASKED)
    assert begin(store, powered=True).reason == start.POWER_ON
    start.expect(store, start.LINK_LOST)
    assert begin(store, powered=True).reason == start.LINK_LOST


def test_what_is_expected_already_is_not_written_again():
    store = fresh()
    assert not start.expect(store, start.CONFIG_LOST)  # nothing ever ran here: nothing is lost
    begin(store)
    assert start.expect(store, start.CONFIG_LOST)
    before = ramdisk.contents("/ram/state")
    assert start.expect(store, start.CONFIG_LOST)
    assert ramdisk.contents("/ram/state") == before


def test_three_quick_failures_in_a_row_lead_to_safe_mode_and_a_fourth_is_held():
    store = fresh()
    begun = [begin(store)]
    for crashes in (True, False, True, False, True):
        if crashes:
            fail(store)
        begun.append(begin(store, bitten=not crashes))
    assert [each.safe for each in begun] == [False, False, False, True, True, True]
    assert [each.held for each in begun] == [False, False, False, False, True, True]
    assert [each.reason for each in begun] == [1, 3, 2, 7, 7, 7]


def test_a_failure_after_ten_minutes_begins_no_row():
    store = fresh()
    for _ in range(2):
        begin(store)
        fail(store)
    lived = begin(store)
    lived.settle(store)
    assert lived.row() == [3, start.CRASH, 0, None]
    fail(store)
    assert begin(store).failures == 0
    for _ in range(2):
        fail(store)
        assert not begin(store).safe
    fail(store)
    assert begin(store).safe


def test_a_restart_that_was_asked_for_ends_the_row_and_safe_mode_itself_is_on_probation():
    for reason, failures in ((start.ASKED, 0), (start.LINK_LOST, 0), (start.SAFE_MODE, 2)):
        store = fresh()
        for _ in range(3):
            begin(store)
            fail(store)
        assert begin(store).safe
        start.expect(store, reason)
        began = begin(store)
        assert (began.safe, began.reason, began.failures) == (False, reason, failures)
    fail(store)
    assert begin(store).safe
