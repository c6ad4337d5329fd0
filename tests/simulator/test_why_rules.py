# SPDX-License-Identifier: MIT
"""Each rule on evidence that it is for, and on the same with one thing as it should be."""

import ast
import re
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from simulator.why.evidence import Answer, Evidence, Exchange, Hearing, Line, Node, Window, in_a_row
from simulator.why.verdicts import judge

S = 1_000_000
ROOT = Path(__file__).parent.parent.parent
HZ, RX2_HZ = 868_100_000, 869_525_000
MONDAY = datetime.fromisoformat("2026-11-23T07:00:00+01:00")
GATEWAY = "0710710000000000"
ROWS = 36  # readings of a well node, one in ten minutes


class Bench:
    """A run of six hours with one node that has nothing wrong, until a test changes it."""

    def __init__(self):
        self.node = Node("n", starts=[(0, "power")], has_log=True)
        self.evidence = Evidence(MONDAY, ROWS * 600 * S, {GATEWAY: "town-hall"}, {"n": self.node})
        self.say(0, "node071 n start 1 reason 1")
        self.say(8, "joined after 1 tries")
        self.node.exchanges = [self.join(4)] + [
            self.data(at, 44 + 600 * at, HZ + 200_000 * (at % 3)) for at in range(ROWS)
        ]
        for at in range(ROWS):
            self.read(at, {1: 500 + 30 * (at % 7) + at, 2: 180 + 2 * at, 3: 40 + at % 9})

    def say(self, uptime_s, text, life=0, start_us=0):
        line = Line(start_us + uptime_s * S, life, uptime_s, text)
        self.node.log.append(line)
        self.node.log.sort(key=lambda each: each.time_us)
        return line

    def read(self, at, values):
        self.say(44 + 600 * at, f"reading {values}")

    def join(self, at_s, nonce=0, delay_us=5 * S):
        phy = bytes(17) + nonce.to_bytes(2, "little") + bytes(4)
        found = self.exchange(at_s * S, True, HZ, phy)
        return self.answered(found, delay_us)

    def data(self, f_cnt, at_s, freq_hz=HZ):
        phy = b"\x40" + bytes(5) + f_cnt.to_bytes(2, "little") + bytes(16)
        found = self.exchange(at_s * S, False, freq_hz, phy)
        found.windows = [
            self.window(found.end_us + S, freq_hz, 7, "timeout"),
            self.window(found.end_us + 2 * S, RX2_HZ, 12, "timeout"),
        ]
        return found

    def exchange(self, start_us, joining, freq_hz, phy):
        found = Exchange(start_us, start_us + 61_000, joining, freq_hz, 7)
        found.heard.append(Hearing(GATEWAY, 9.0, phy))
        return found

    def window(self, at_us, freq_hz, sf, outcome):
        """As the firmware opens it: 16 ms before its time, and long enough."""
        early_us, open_us = 16_000, 33_000 if sf == 7 else 229_000
        return Window(at_us - early_us, at_us - early_us + open_us, freq_hz, sf, outcome)

    def answered(self, exchange, delay_us=S):
        """It is answered in RX1, and hears it."""
        at_us = exchange.end_us + delay_us
        exchange.answer = Answer(at_us, GATEWAY, exchange.freq_hz, 7, True)
        window = self.window(at_us, exchange.freq_hz, 7, "packet")
        exchange.windows = [replace(window, closed_us=at_us + 46_000)]
        return exchange

    def unanswered(self, rows, off_us=0, second_us=0, outcome="timeout", **answer):
        """They are answered and hear nothing: windows are off by so much."""
        for each in rows:
            delay_us = (5 if each.joining else 1) * S
            self.answered(each, delay_us)
            each.answer = replace(each.answer, **answer)
            first = self.window(each.end_us + delay_us + off_us, each.freq_hz, 7, outcome)
            second = self.window(each.end_us + delay_us + S + second_us, RX2_HZ, 12, "timeout")
            each.windows = [first, second]

    def refuse(self, rows, why):
        for each in rows:
            each.refused = why

    def lose(self, rows, why):
        for each in rows:
            each.heard, each.missed, each.windows = [], [(GATEWAY, why)], []

    @property
    def data_rows(self):
        return self.node.data

    def joins_only(self, count=6):
        """It never got further than join-requests."""
        tries = [self.join(20 * number + 4, number) for number in range(count)]
        self.node.exchanges = tries
        return tries

    def rule(self):
        first = judge(self.node, self.evidence).first
        return first.rule if first else None


CASES = {}


def case(rule, swap=None):
    """A test: the spoiled bench has the rule, and nothing once `swap` has set one thing right."""

    def keep(spoil):
        assert spoil.__name__ not in CASES
        CASES[spoil.__name__] = (rule, spoil, swap)
        return spoil

    return keep


def undo(**changed):
    """Set attributes of the node's exchanges back."""

    def swap(bench):
        for each in bench.node.exchanges:
            for name, value in changed.items():
                setattr(each, name, value)

    return swap


def say_nothing(*beginnings):
    """Take lines out of the log."""

    def swap(bench):
        bench.node.log = [e for e in bench.node.log if not e.text.startswith(beginnings)]

    return swap


def hear_all(bench):
    for number, each in enumerate(bench.node.exchanges):
        phy = (b"\0" if each.joining else b"\x40") + number.to_bytes(3, "big") + bytes(20)
        each.heard, each.missed = [Hearing(GATEWAY, 9.0, phy)], []


def in_time(bench):
    """The windows are as they should be, and bring the answers."""
    for each in bench.node.exchanges:
        if each.answer is not None:
            bench.answered(each, (5 if each.joining else 1) * S)
            each.not_sent = ""


# The board.


@case("no-start", lambda bench: bench.node.starts.append((0, "power")))
def never_started(bench):
    bench.node.starts, bench.node.log, bench.node.exchanges = [], [], []
    bench.evidence.end_us = 60 * S


@case("no-config", say_nothing("not provisioned"))
def no_config(bench):
    bench.node.exchanges = []
    bench.say(1, "not provisioned: no config on this board - next: node071 provision")


def started_again(bench, why, reason, at_s=7000):
    bench.node.starts.append((at_s * S, why))
    bench.say(0, f"node071 n start 2 reason {reason}", 1, at_s * S)


@case("watchdog", say_nothing("node071 n start 2"))
def bitten(bench):
    started_again(bench, "watchdog", 2)


@case("crash", say_nothing("node071 n start 2"))
def crashed(bench):
    bench.say(6995, "OSError: [Errno 5] EIO")
    started_again(bench, "reset", 3)


@case("safe-mode", say_nothing("node071 n start 2"))
def in_safe_mode(bench):
    started_again(bench, "reset", 7)


@case("radio", say_nothing("radio:"))
def radio_silent(bench):
    bench.node.exchanges = []
    for at in range(3):
        bench.say(3 + 60 * at, "radio: RegVersion is 0x00, an SX1276 has 0x12")


def gone(bench, from_row):
    """No sign of life from a reading on."""
    at_us = (44 + 600 * from_row) * S
    bench.node.exchanges = [e for e in bench.node.exchanges if e.start_us < at_us]
    bench.node.log = [e for e in bench.node.log if e.time_us < at_us]


@case("power", lambda bench: bench.node.starts.pop())
def power_lost(bench):
    rest = [e for e in bench.node.log if e.time_us > 17000 * S]
    late = [e for e in bench.node.exchanges if e.start_us > 17000 * S]
    gone(bench, 10)
    bench.node.starts.append((16900 * S, "power"))
    bench.say(0, "node071 n start 2 reason 1", 1, 16900 * S)
    bench.node.log += rest
    bench.node.exchanges += late


@case("no-life", lambda bench: setattr(bench.evidence, "end_us", 6500 * S))
def no_life(bench):
    gone(bench, 10)


@case("battery", say_nothing("the battery"))
def battery_spent(bench):
    bench.say(21500, "the battery is spent: waits an hour")


@case("clock", lambda bench: setattr(bench.evidence, "end_us", 21600 * S))
def clock_fast_by_the_log(bench):
    bench.evidence.end_us = 20000 * S
    bench.node.exchanges = bench.node.exchanges[:33]


def test_the_first_row_that_is_long_enough_is_taken():
    rows = [1, 0, 2, 3, 0, 4, 5, 6]
    assert in_a_row(rows, lambda row: row, 2) == [2, 3]
    assert in_a_row(rows, lambda row: row, 3) == [4, 5, 6]
    assert in_a_row(rows, lambda row: row, 4) == in_a_row([], bool, 1) == []


def test_another_interval_is_no_other_clock():
    """Set by downlink to 615 s, which is near the 600 s of before."""
    bench = Bench()
    bench.node.log = [e for e in bench.node.log if not e.text.startswith("reading")]
    for at, each in enumerate(bench.data_rows):
        at_s = 44 + (600 * at if at < 20 else 615 * at - 300)
        each.start_us = at_s * S
        bench.say(at_s, f"reading {{1: {500 + 9 * (at % 7)}, 2: {180 + at}, 3: 40}}")
    bench.evidence.end_us = 22000 * S
    assert bench.rule() is None


def test_a_first_interval_that_is_shorter_is_no_other_clock():
    """Power is lost twice, and the second reading of each life comes 18 s early."""
    bench = Bench()
    bench.node.log, bench.node.exchanges, bench.node.starts = [], [bench.join(4)], []
    for life in range(3):
        start_s = 7200 * life
        bench.node.starts.append((start_s * S, "power"))
        for at in range(12):
            uptime_s = 44 + 600 * at - 18 * (at > 0)
            values = {1: 500 + 9 * (at % 7), 2: 180 + at + life, 3: 40}
            bench.say(uptime_s, f"reading {values}", life, start_s * S)
            bench.node.exchanges.append(bench.data(12 * life + at, start_s + uptime_s))
    verdict = judge(bench.node, bench.evidence)
    assert (verdict.first.rule, verdict.later) == ("power", ())


def regular(bench):
    for number, each in enumerate(bench.data_rows):
        each.start_us = (44 + 600 * number) * S


@case("clock", regular)
def clock_by_the_gaps(bench):
    for number, each in enumerate(bench.data_rows):
        each.start_us = 44 * S + number * 603 * S


@case("clock", regular)
def clock_by_the_gaps_where_its_log_counts_to_and_fro(bench):
    """Its readings come as a second ends: some gaps of its log are a second longer or shorter."""
    clock_by_the_gaps(bench)
    bench.node.log = [e for e in bench.node.log if not e.text.startswith("reading")]
    for at in range(ROWS):
        values = {1: 500 + 30 * (at % 7) + at, 2: 180 + 2 * at}
        bench.say(44 + 600 * at + (at % 3 == 1), f"reading {values}")


def sends_on(bench):
    bench.node.exchanges = Bench().node.exchanges


@case("waits", sends_on)
def waits(bench):
    bench.node.exchanges = bench.node.exchanges[:9]
    for at in range(9, 29):
        bench.say(60 + 600 * at, f"waits {18000 - 600 * at} s: duty cycle")


@case("silent", sends_on)
def silent(bench):
    bench.node.exchanges = bench.node.exchanges[:9]


# The way up.

REASONS = {
    "unknown DevEUI 00": "not-registered",
    "unknown JoinEUI 00": "join-eui",
    "the MIC is wrong": "key",
    "DevNonce 5 seen before": "dev-nonce-ahead",
    "something else": "refused",
}


def refused_joins(reason):
    def spoil(bench):
        bench.refuse(bench.joins_only(), reason)
        for each in bench.node.exchanges:
            each.answer, each.windows = None, []

    spoil.__name__ = f"join refused, {reason}"
    return spoil


for _reason, _rule in REASONS.items():
    case(_rule, undo(refused=""))(refused_joins(_reason))


@case("dev-nonce", undo(refused=""))
def nonces_from_the_start(bench):
    again = bench.join(12000, 0)
    again.refused = "DevNonce 0 seen before"
    bench.node.exchanges = sorted([*bench.node.exchanges, again], key=lambda e: e.start_us)


@case("no-session", undo(refused=""))
def session_lost(bench):
    bench.refuse(bench.data_rows[9:], "unknown DevAddr 26000000")


@case("old-session", undo(refused=""))
def session_of_before(bench):
    bench.refuse(bench.data_rows[9:], "a session from before the last join")


@case("counter", undo(repeated=True))
def counter_from_the_start(bench):
    for number, each in enumerate(bench.data_rows[9:]):
        each.heard = bench.data(number, 0).heard
        each.refused = f"counter {number} seen"


@case("counter-ahead", undo(repeated=True))
def counter_behind(bench):
    for number, each in enumerate(bench.data_rows[9:], 9):
        each.refused = f"counter {number} seen"


@case("no-answer", lambda bench: bench.say(150, "joined after 6 tries"))
def joins_of_which_nothing_is_said(bench):
    bench.joins_only()
    say_nothing("joined after", "reading")(bench)
    for each in bench.node.exchanges:
        each.answer, each.windows = None, []
    for at in range(ROWS):
        bench.say(44 + 600 * at, "waits 600 s: join back-off")


@case("gateway-off", hear_all)
def gateway_off(bench):
    bench.lose(bench.data_rows[9:15], "gateway off")


def test_only_what_is_heard_ends_a_row_of_lost_ones():
    bench = Bench()
    bench.lose(bench.data_rows[9:14], "gateway off")
    bench.lose(bench.data_rows[11:12], "collision")
    first = judge(bench.node, bench.evidence).first
    assert first.rule == "gateway-off" and first.evidence[0].startswith("4 transmissions in a row")
    one = bench.data_rows[12]
    one.heard, one.missed = bench.data_rows[8].heard, []
    first = judge(bench.node, bench.evidence).first
    assert first.rule == "gateway-off" and first.evidence[0].startswith("2 transmissions in a row")


@case("no-channel", hear_all)
def no_channel(bench):
    bench.lose(bench.data_rows[9:15], "no gateway channel at 867.1 MHz")


@case("jammed", lambda bench: bench.lose(bench.data_rows[9:25:2], "collision"))
def jammed(bench):
    bench.lose([e for e in bench.data_rows[9:25] if e.freq_hz == HZ], "collision")


@case("jammed", hear_all)
def jammed_on_all_channels(bench):
    bench.lose(bench.data_rows[9:17], "collision")


@pytest.mark.parametrize(
    ("lost", "rule"), [((5, 6), None), ((0, 5, 11), "jammed"), ((0, 5, 12), None)]
)
def test_a_jammer_takes_three_on_a_channel_and_a_quarter(lost, rule):
    """A quarter of what was sent there from the first that was buried to the last."""
    bench = Bench()
    bench.node.exchanges.append(bench.data(36, 21500, HZ))
    there = [each for each in bench.data_rows if each.freq_hz == HZ]
    bench.lose([there[at] for at in lost], "collision")
    assert (len(there), bench.rule()) == (13, rule)


def test_seven_that_are_buried_in_a_row_are_chance_and_those_of_two_nodes_are_no_jammer():
    bench = Bench()
    bench.lose(bench.data_rows[9:16], "collision")
    assert bench.rule() is None
    bench.lose(bench.data_rows[9:25], "collision")
    assert bench.rule() == "jammed"
    beside(bench, bench.data_rows[9:25])
    assert bench.rule() == "collisions"


def beside(bench, rows):
    """Another node of the run sends at the same moments."""
    other = Node("other", exchanges=[replace(each) for each in rows])
    bench.evidence = replace(bench.evidence, nodes={"n": bench.node, "other": other})


@pytest.mark.parametrize(("lost", "rule"), [(7, None), (8, "collisions")])
def test_a_fifth_that_is_lost_to_a_node_of_the_run_is_no_chance(lost, rule):
    bench = Bench()
    bench.lose(bench.data_rows[2 : 2 + 4 * lost : 4], "collision")
    beside(bench, bench.data_rows)
    verdict = judge(bench.node, bench.evidence)
    assert (verdict.first.rule if verdict.first else None) == rule
    assert rule is None or (
        verdict.first.evidence == ("8 with other",) and "restart one" in verdict.first.next_step
    )


def test_what_nodes_lose_to_each_other_while_they_join_is_chance():
    bench = Bench()
    tries = [bench.exchange((4 + at) * S, True, HZ, bytes(23)) for at in range(14)]
    bench.node.exchanges[:1] = tries
    bench.lose(tries[:13], "collision")
    beside(bench, tries)
    assert bench.rule() is None


def test_a_crowded_gateway_wants_no_restart():
    """A quarter is lost, each time to another node of the run."""
    bench = Bench()
    lost = bench.data_rows[1::4]
    bench.lose(lost, "collision")
    others = {f"n-{at}": Node(f"n-{at}", exchanges=[replace(e)]) for at, e in enumerate(lost)}
    bench.evidence = replace(bench.evidence, nodes={"n": bench.node, **others})
    first = judge(bench.node, bench.evidence).first
    assert first.rule == "collisions" and first.next_step.startswith("fewer nodes")


@case("too-weak", hear_all)
def too_weak(bench):
    bench.lose(bench.data_rows[::3], "too weak: SNR -9.1 dB")


@case("collisions", hear_all)
def collisions(bench):
    bench.lose(bench.data_rows[4::2] + bench.data_rows[5::4], "collision")


@case("gateway-busy", hear_all)
def gateway_busy(bench):
    bench.lose(bench.data_rows[4:], "all demodulators busy")


@case("out-of-reach", hear_all)
def out_of_reach(bench):
    for each in bench.data_rows[9:]:
        each.heard = []


# The way down.


@case("clock", in_time)
def windows_late_and_later(bench):
    bench.unanswered(bench.node.exchanges[:1], 60_000, 72_000)


@case("clock", in_time)
def windows_early_and_earlier(bench):
    bench.unanswered(bench.data_rows[9:12], -60_000, -120_000)


@case("held-up", in_time)
def windows_late_by_the_same(bench):
    bench.unanswered(bench.node.exchanges[:1], 60_000, 60_000)


@case("rx-delay", in_time)
def windows_seconds_apart(bench):
    rows = bench.data_rows[9:10]
    bench.unanswered(rows)
    for each in rows:
        each.answer = replace(each.answer, at_us=each.answer.at_us + 2 * S)


@case("rx-settings", in_time)
def another_spreading_factor(bench):
    bench.unanswered(bench.data_rows[9:10], sf=9)


@case("rx-settings", in_time)
def another_frequency(bench):
    bench.unanswered(bench.data_rows[9:10], freq_hz=HZ + 2_000_000)


@case("downlink-weak", in_time)
def answers_too_weak(bench):
    bench.unanswered(bench.data_rows[9:11], outcome="too weak: SNR -8.0 dB")


def test_an_answer_that_is_too_weak_is_said_with_its_snr():
    bench = Bench()
    answers_too_weak(bench)
    cause = judge(bench.node, bench.evidence).first.cause
    assert cause == "answer sent, and it reaches the node too weak: SNR -8.0 dB"


@case("downlink-collision", in_time)
def answers_buried(bench):
    bench.unanswered(bench.data_rows[9:11], outcome="collision")


@case("no-reception", in_time)
def answers_unnoticed(bench):
    bench.unanswered(bench.data_rows[9:11])


@case("answer-not-sent", in_time)
def answers_not_sent(bench):
    for each in bench.data_rows[9:12]:
        bench.answered(each)
        each.answer, each.not_sent = replace(each.answer, sent=False), "gateway was sending"
        each.windows = []


@case("join-nonce", say_nothing("join-accept"))
def old_join_nonce(bench):
    bench.say(9, "join-accept with an old JoinNonce: registered anew? new keys are needed")


@case("accept-dropped", lambda bench: bench.node.exchanges.__delitem__(slice(1, None)))
def accepts_dropped(bench):
    bench.joins_only()


@case("too-long", undo(held=""))
def too_long(bench):
    for each in bench.data_rows[9:12]:
        each.held = "DR0 carries 51 bytes, the frame needs 60"


# What is measured.


def failing(bench, problem, rows):
    """A sensor that fails from 7000 s on, look after look, in so many readings."""
    bench.say(7000, "sensor faults 0b111")
    for look in range(20 * rows):
        bench.say(7000 + 30 * look, f"sensor scd4x fails: {problem}")
    late = [e for e in bench.node.log if e.text.startswith("reading") and e.uptime_s > 7000]
    for line in late[:rows]:
        bench.node.log[bench.node.log.index(line)] = replace(line, text="reading {-1: 7}")


@case("sensor-silent", say_nothing("sensor faults"))
def sensor_silent(bench):
    failing(bench, "[Errno 5] EIO", 3)
    bench.say(8810, "sensor faults 0b0")


@case("sensor-silent", say_nothing("sensor faults"))
def sensor_silent_between_two_readings(bench):
    failing(bench, "[Errno 5] EIO", 1)
    bench.say(7610, "sensor faults 0b0")


@case("sensor-frozen", say_nothing("sensor faults"))
def sensor_frozen(bench):
    failing(bench, "frozen", ROWS - 12)


def test_one_look_that_fails_is_no_cause():
    """A car moves under the sensor, or a battery node meets no echo once."""
    bench = Bench()
    bench.say(7000, "sensor a02yyuw fails: 4 bad shots, the last: no echo")
    bench.say(7000, "sensor faults 0b111")
    bench.say(7400, "sensor faults 0b0")
    assert bench.rule() is None


def measured(bench, values):
    """Other readings: `values(number)`."""
    bench.node.log = [e for e in bench.node.log if not e.text.startswith("reading")]
    for at in range(ROWS):
        bench.read(at, values(at))


@case("sensor-frozen", lambda bench: measured(bench, lambda at: {1: 600 + at % 3 * 9, 2: 100 + at}))
def co2_without_noise(bench):
    measured(bench, lambda at: {1: 600, 2: 100 + at})


@case("sensor-frozen", lambda bench: measured(bench, lambda at: {4: 900 + at % 4 * 3, 2: 100 + at}))
def distance_without_noise(bench):
    measured(bench, lambda at: {4: 900 + at // 4 if at > 9 else 700 + 9 * at, 2: 100 + at})


@case("uncounted", lambda bench: measured(bench, lambda at: {7: 12 * at}))
def uncounted(bench):
    measured(bench, lambda at: {7: 12 * min(at, 12)})


def air(at):
    return {1: 600 + at % 3 * 9, 2: 200, 3: 44}


@case("still", lambda bench: measured(bench, lambda at: air(at) | {2: 200 + at}))
def still(bench):
    measured(bench, lambda at: air(at) if at > 8 else air(at) | {1: 500 + 40 * at, 2: 150 + at})


def test_a_board_that_begins_twice_at_the_first_moment_lost_its_power_in_between():
    bench = Bench()
    bench.node.starts.append((0, "power"))
    assert bench.rule() == "power"


@pytest.mark.parametrize("text", ["waits 1{ s: duty cycle", "sensor faults 0b1x"])
def test_a_line_of_a_log_that_is_no_whole_one_is_none(text):
    bench = Bench()
    del bench.node.exchanges[9:20]
    bench.say(7000, text)
    assert bench.rule() == "silent"


def test_what_was_missed_for_a_reason_that_is_no_whole_one():
    bench = Bench()
    bench.lose(bench.data_rows[::3], "too weak: SNR -9.x1 dB")
    assert bench.rule() == "too-weak"


def test_a_class_that_stands_still_on_a_saturday_is_no_cause():
    bench = Bench()
    still(bench)
    assert bench.rule() == "still"
    bench.evidence.start = MONDAY + timedelta(days=5)
    assert bench.rule() is None


def test_restarts_are_counted_by_their_reason():
    bench = Bench()
    for reason, at_s in ((2, 7000), (3, 7300), (2, 7600)):
        bench.say(at_s, f"node071 n start 2 reason {reason}", life=1)
    first = judge(bench.node, bench.evidence).first
    assert first.cause == "the board restarted by itself 3 times: watchdog 2, crash 1"


def test_a_short_wait_explains_no_long_silence():
    bench = Bench()
    del bench.node.exchanges[9:20]
    bench.say(7000, "waits 59 s: duty cycle")
    assert bench.rule() == "silent"
    bench.say(7100, "waits 60 s: duty cycle")
    assert bench.rule() == "waits"


def test_nothing_is_wrong_with_the_bench():
    assert Bench().rule() is None


@pytest.mark.parametrize("name", CASES)
def test_a_rule_finds_its_cause_and_not_without_it(name):
    rule, spoil, swap = CASES[name]
    bench = Bench()
    spoil(bench)
    first = judge(bench.node, bench.evidence).first
    assert first is not None and first.rule == rule
    assert first.cause and first.next_step and all(first.evidence)
    assert 0 <= first.since_us <= bench.evidence.end_us
    swap(bench)
    assert bench.rule() in {None, "silent"} - {rule}  # what is left may be a silence


def named_in_code():
    """The first argument of each Finding that is a word."""
    for path in ROOT.joinpath("simulator/why").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            called = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding"
            if called and isinstance(node.args[0], ast.Constant):
                yield node.args[0].value


def test_every_rule_has_a_case_and_a_row_in_the_table():
    tested = Counter(rule for rule, _, _ in CASES.values())
    assert set(named_in_code()) <= set(tested)
    page = ROOT.joinpath("docs/why.md").read_text()
    assert set(re.findall(r"^\| `([a-z-]+)` \|", page, re.M)) == set(tested)
