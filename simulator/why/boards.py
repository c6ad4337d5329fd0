# SPDX-License-Identifier: MIT
"""Rules about the board itself: its power, its starts, its radio, its clock, what it waits for."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise
from statistics import fmean

from simulator.why.evidence import Evidence, Line, Node, hours
from simulator.why.findings import Finding

_S = 1_000_000
_REASON = re.compile(r"node071 \S+ start (\d+) reason (\d+)")
_WAITS = re.compile(r"waits (\d+) s: ")
_WATCHDOG, _CRASH, _SAFE_MODE = 2, 3, 7
_WORDS = {_WATCHDOG: "watchdog", _CRASH: "crash", _SAFE_MODE: "safe mode"}
_TRACE_LINES = 12
_BLINKS = 3  # so many short losses of power are no chance
_RESTS = ("the battery is spent", "service mode", "safe mode")  # after it nothing need come
_WRONG_PPM = 1000  # a crystal is wrong by 50 at most
_AGREE_PPM, _IN_A_ROW = 300, 3
_SPREAD_S = 2  # of gaps that are one interval: a log has whole seconds
_PACED_PPM = 60_000  # a gap further off is no interval
_LONG_WAIT_S = 60
_SILENT = 3  # readings that wait


def no_start(node: Node, evidence: Evidence) -> Finding | None:
    """A board that never ran."""
    if node.starts or node.log:
        return None
    return Finding(
        "no-start",
        0,
        "the board never started",
        ("there is no start in events.jsonl, and its log is empty",),
        "has it power, and our firmware? see node071 doctor",
    )


def no_config(node: Node, evidence: Evidence) -> Finding | None:
    """A board without an identity: it says so, and sends nothing."""
    found = node.lines("not provisioned")
    if not found:
        return None
    return Finding(
        "no-config",
        found[0].time_us,
        "the board has no config: it stays off the air",
        (f"its log says: {found[0].text}", f"{len(node.exchanges)} transmissions in the run"),
        "node071 provision: the ledger gives it its identity back",
    )


def power(node: Node, evidence: Evidence) -> Finding | None:
    """A start by power in the middle of the run: how long was there no sign of life before?"""
    signs_us, losses = node.signs_us(), []
    for at_us, why in node.starts[1:]:
        if why == "power":
            before_us = max((each for each in signs_us if each < at_us), default=at_us)
            losses.append((at_us - before_us > node.interval_s() * _S, before_us, at_us))
    if not losses:
        return None
    long, before_us, at_us = next((each for each in losses if each[0]), losses[0])
    often = f"{len(losses)} times, the first" if len(losses) > 1 else "once,"
    return Finding(
        "power",
        before_us if long else at_us,
        f"the board lost its power, and came back at {evidence.clock(at_us)}",
        (
            f"last sign of life {evidence.clock(before_us)}, then a start with the reason power-on "
            f"{hours(at_us - before_us)} later",
            f"{often} at {evidence.clock(losses[0][2])}",
        ),
        "see to its supply: plug, cable, the socket that somebody else needs",
        slight=not long and len(losses) < _BLINKS,
    )


def no_life(node: Node, evidence: Evidence) -> Finding | None:
    """Nothing of it any more until the run's end, neither from its log nor from its radio."""
    signs_us = node.signs_us()
    if not signs_us or (node.log and node.log[-1].text.startswith(_RESTS)):
        return None
    silent_us = evidence.end_us - signs_us[-1]
    if silent_us <= node.patience_us():
        return None
    return Finding(
        "no-life",
        signs_us[-1],
        f"no sign of life since {evidence.clock(signs_us[-1])}: no power, or it hangs",
        (
            f"neither its log nor its radio, for {hours(silent_us)}, at an interval of "
            f"{hours(node.interval_s() * _S)}",
        ),
        "go there: is its lamp on? plug it in again, then read its console: node071 monitor",
    )


def battery(node: Node, evidence: Evidence) -> Finding | None:
    """A battery that the node itself calls spent."""
    found = node.lines("the battery is spent")
    if not found:
        return None
    return Finding(
        "battery",
        found[0].time_us,
        "the battery is spent: the node waits for another",
        (f"{len(found)} times in its log from {evidence.clock(found[0].time_us)} on",),
        "change the battery",
    )


def restarts(node: Node, evidence: Evidence) -> Finding | None:
    """Starts that nobody asked for: by the watchdog, after a crash, in safe mode."""
    found: list[tuple[Line, int]] = []
    for line in node.log:
        matched = _REASON.fullmatch(line.text)
        if matched and int(matched[2]) in _WORDS:
            found.append((line, int(matched[2])))
    if not found:
        return None
    first, reason = found[0]
    error, where = _trace(node, first) if reason == _CRASH else ("", "")
    before = [each for each in node.log[: node.log.index(first)] if each.life < first.life]
    counts = {word: sum(reason == each for _, each in found) for reason, word in _WORDS.items()}
    return Finding(
        _WORDS[reason].replace(" ", "-"),
        first.time_us,
        f"the board restarted by itself {len(found)} times: "
        + ", ".join(f"{word} {count}" for word, count in counts.items() if count)
        + (f": {error}" if error else ""),
        (
            f"from {evidence.clock(first.time_us)} to {evidence.clock(found[-1][0].time_us)}",
            *([where] if where else []),
            *([f"its log before the first of them: {before[-1].text}"] if before else []),
        ),
        "node071 flash brings the firmware of this toolkit; if it has that, report the crash"
        if reason == _CRASH
        else "a bus that hangs or a supply that sags comes first: check wires and supply",
    )


def _trace(node: Node, start: Line) -> tuple[str, str]:
    """(error, place) of the traceback before a start."""
    at = node.log.index(start)
    rows = [each.text for each in reversed(node.log[max(at - _TRACE_LINES, 0) : at])]
    error = next((each for each in rows if re.match(r"\w*(Error|Exception)\b", each)), "")
    return error, next((each for each in rows if each.startswith("File")), "")


def radio(node: Node, evidence: Evidence) -> Finding | None:
    """A radio that does not answer, by the node's own word."""
    found = node.lines("radio:")
    if len(found) < 2 and not (found and not node.exchanges):
        return None
    sent = [each for each in node.exchanges if each.start_us > found[0].time_us + _S]
    return Finding(
        "radio",
        found[0].time_us,
        f"the radio does not answer: {found[0].text.removeprefix('radio: ')}",
        (
            f"{len(found)} times in the node's log from {evidence.clock(found[0].time_us)} on",
            f"{len(sent)} transmissions on the air since",
        ),
        "check the wires and the supply of the radio: node071 boards show NAME has the pins",
    )


def clock(node: Node, evidence: Evidence) -> Finding | None:
    """A board whose own seconds are not those of the run."""
    found = _agreed(node)
    if found is not None:
        since_us, ppm, _ = found
        return Finding(
            "clock",
            since_us,
            f"clock error: the board's clock is {'slow' if ppm > 0 else 'fast'} by about "
            f"{abs(ppm):,.0f} ppm",
            pace(node),
            "replace the board or its crystal",
        )
    last = node.log[-1] if node.log else None
    if last is None or last.life != len(node.starts) - 1:
        return None
    ahead_us = last.time_us - evidence.end_us
    ppm = ahead_us * 1e6 / max(evidence.end_us - node.starts[-1][0], 1)
    if ppm < _WRONG_PPM or ahead_us < 2 * _S:
        return None
    return Finding(
        "clock",
        node.starts[-1][0],
        f"clock error: the board's clock is fast by {ppm // 100 * 100:,.0f} ppm or more",
        (
            f"its log ends {ahead_us / 1e6:.0f} s after the run did",
            f"{len(node.exchanges)} transmissions in the run",
        ),
        "replace the board or its crystal",
    )


def pace(node: Node) -> tuple[str, ...]:
    """How the time of its log compares with that of the run, where both tell the same."""
    found = _agreed(node)
    if found is not None:
        _, ppm, interval_s = found
        gap_s = interval_s * (1 + ppm / 1e6)
        return (f"its uplinks come every {gap_s:.2f} s, by its own log every {interval_s} s",)
    closed = [each for each in node.exchanges if each.joining and each.windows]
    lines = node.lines("join try", "joined after")
    if len(closed) != len(lines) or len(lines) < _IN_A_ROW:
        return ()
    passed_us = closed[-1].windows[-1].closed_us - closed[0].windows[-1].closed_us
    said_s = lines[-1].uptime_s - lines[0].uptime_s
    return (f"its log counts {said_s} s where {passed_us / 1e6:.0f} s passed",)


def _agreed(node: Node) -> tuple[int, float, int] | None:
    """(since in us, ppm, interval in s) of the first gaps between uplinks, all wrong alike."""
    readings = node.lines("reading")
    gaps_s = [after.uptime_s - before.uptime_s for before, after in pairwise(readings)]
    times_us = [each.time_us for each in readings]
    rows = []
    for before, after in pairwise(node.data):
        at = bisect_left(times_us, before.start_us)
        around = gaps_s[max(at - 2, 0) : at + 2]  # the interval may have been set anew
        steady = around and min(around) > 0 and max(around) - min(around) <= _SPREAD_S
        if steady and not after.repeated:
            interval_s = round(fmean(around))
            ratio = (after.start_us - before.start_us) / (interval_s * _S)
            rows.append((before.start_us, (ratio - 1) * 1e6, interval_s))
    for at in range(len(rows) - _IN_A_ROW + 1):
        ppms = [ppm for _, ppm, _ in rows[at : at + _IN_A_ROW]]
        wrong = all(_WRONG_PPM < abs(ppm) < _PACED_PPM for ppm in ppms)
        if wrong and max(ppms) - min(ppms) < _AGREE_PPM:
            return rows[at]
    return None


def waits(node: Node, evidence: Evidence) -> Finding | None:
    """A silence for which the node itself says what it waits for."""
    for before_us, after_us in _silences(node, evidence):
        said = [
            (int(found[1]), each)
            for each in node.log
            if before_us <= each.time_us < after_us and (found := _WAITS.match(each.text))
        ]
        wait_s, line = max(said, key=lambda row: row[0], default=(0, None))
        if line is not None and wait_s >= _LONG_WAIT_S:
            rule = line.text.partition(": ")[2]
            return Finding(
                "waits",
                before_us,
                f"the node waits for {_RULES.get(rule, rule)}, {wait_s} s",
                (
                    f"nothing sent from {evidence.clock(before_us)} to {evidence.clock(after_us)}",
                    f"its log at {evidence.clock(line.time_us)}: {line.text}",
                ),
                _STEPS.get(rule, "it goes on by itself"),
            )
    return None


def silent(node: Node, evidence: Evidence) -> Finding | None:
    """A silence that nothing explains: better said than passed over."""
    for before_us, after_us in _silences(node, evidence):
        lines = [each for each in node.log if before_us <= each.time_us < after_us]
        last = f"the last line of its log then: {lines[-1].text}" if lines else "no line of its log"
        return Finding(
            "silent",
            before_us,
            f"nothing sent for {hours(after_us - before_us)}, and nothing says why",
            (f"from {evidence.clock(before_us)} to {evidence.clock(after_us)}; {last}",),
            "read its log of that time; if it says nothing, please report it with the run",
        )
    return None


def _silences(node: Node, evidence: Evidence) -> Iterator[tuple[int, int]]:
    """The times in which nothing was sent, and several readings were there to be sent."""
    times = [0, *(each.start_us for each in node.exchanges), evidence.end_us]
    readings_us = [each.time_us for each in node.lines("reading")]
    for before_us, after_us in pairwise(times):
        waiting = bisect_left(readings_us, after_us) - bisect_left(readings_us, before_us)
        if waiting > _SILENT:
            yield before_us, after_us


_RULES = {
    "duty cycle": "the duty cycle of its band",
    "fair use": "its fair-use budget of airtime",
    "join back-off": "the back-off after joins that failed",
    "no answer": "its next question, as none was answered",
    "network's duty cycle": "the duty cycle that the network gave it",
}
_STEPS = {
    "duty cycle": "it goes on by itself; a longer interval or a higher data rate ends the waiting",
    "fair use": "a nearer gateway gives a higher data rate, and with it more frames for the same "
    "airtime; or a larger airtime_budget on a network of your own",
    "join back-off": "it goes on by itself: see why the joins before it failed",
    "no answer": "it asks once an hour: see why the network does not answer",
    "network's duty cycle": "take the DutyCycleReq back at the network",
    "new keys": "all DevNonces of its keys are used: node071 provision --new-keys",
}
RULES = (no_start, no_config, restarts, radio, power, no_life, battery, clock)
