# SPDX-License-Identifier: MIT
"""Virtual time: the order of events, and what the clock shows meanwhile."""

import pytest

from simulator.clock import Clock


class Log:
    """A clock, and what ran at which time."""

    def __init__(self):
        self.clock, self.ran = Clock(), []

    def note(self, name):
        self.ran.append((self.clock.now_us, name))

    def at(self, time_us, name):
        return self.clock.call_at(time_us, self.note, name)


@pytest.fixture
def log():
    return Log()


def test_events_run_in_the_order_of_time_and_the_clock_is_there_before_they_do(log):
    for time_us, name in ((30, "c"), (10, "a"), (20, "b")):
        log.at(time_us, name)
    log.clock.run_until(25)
    assert log.ran == [(10, "a"), (20, "b")] and log.clock.now_us == 25
    log.clock.run_until(30)  # what is due at the end still runs
    assert log.ran[2:] == [(30, "c")] and log.clock.next_us() is None


def test_a_tie_runs_in_the_order_of_scheduling(log):
    for name in "dbca":
        log.at(10, name)
    log.clock.run_until(10)
    assert [name for _, name in log.ran] == list("dbca")


def test_what_others_put_there_comes_after_its_own_and_in_the_order_of_names(log):
    for name in ("b", "a", "b"):
        log.clock.post(10, name, log.note, f"of {name}")
    log.at(10, "own")
    log.clock.post(9, "c", log.note, "earlier")
    assert log.clock.next_key() == (9, "c")
    log.clock.step()
    assert log.clock.next_key() == (10, "")
    log.clock.run_until(10)
    assert [name for _, name in log.ran] == ["earlier", "own", "of a", "of b", "of b"]
    assert log.clock.next_key() is None
    with pytest.raises(ValueError, match="9 us is in the past"):
        log.clock.post(9, "a", log.note, "late")


def test_an_event_may_schedule_another_for_the_same_moment(log):
    log.clock.call_at(10, log.at, 10, "second")
    log.at(10, "first")
    log.clock.run_until(10)
    assert log.ran == [(10, "first"), (10, "second")]


def test_the_past_is_refused(log):
    log.clock.run_until(100)
    log.at(100, "now")
    with pytest.raises(ValueError, match="99 us is in the past, it is 100 us"):
        log.at(99, "late")
    log.clock.run_until(100)
    assert log.ran == [(100, "now")]


def test_time_never_runs_back(log):
    log.clock.run_until(100)
    log.clock.run_until(50)
    assert log.clock.now_us == 100


def test_what_was_cancelled_does_not_run_and_is_not_next(log):
    first, _, last = log.at(10, "a"), log.at(20, "b"), log.at(30, "c")
    log.clock.cancel(first)
    log.clock.step()
    assert log.ran == [(20, "b")]
    assert log.clock.next_us() == 30
    log.clock.cancel(last)
    assert log.clock.next_us() is None
    log.clock.run_until(40)
    assert log.ran == [(20, "b")]


def test_cancelling_nothing_or_what_has_run_is_fine(log):
    event = log.at(10, "a")
    log.clock.run_until(10)
    log.clock.cancel(event)
    log.clock.cancel(None)
    assert log.ran == [(10, "a")]


def test_an_event_can_cancel_one_of_its_own_moment(log):
    log.clock.call_at(10, lambda: log.clock.cancel(other))
    other = log.at(10, "other")
    log.clock.run_until(20)
    assert log.ran == []


def test_a_step_runs_the_next_event_alone(log):
    log.at(10, "a")
    log.at(10, "b")
    log.clock.step()
    assert log.ran == [(10, "a")] and log.clock.now_us == 10
    log.clock.step()
    with pytest.raises(IndexError):
        log.clock.step()


def test_what_fails_leaves_the_others_due(log):
    log.clock.call_at(10, lambda: {}["missing"])
    log.at(10, "other")
    with pytest.raises(KeyError):
        log.clock.run_until(20)
    assert log.clock.now_us == 10
    log.clock.run_until(20)
    assert log.ran == [(10, "other")]
