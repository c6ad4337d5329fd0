# SPDX-License-Identifier: MIT
"""Rules about answers: what the network sent, and where and when the node listened for it."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from simulator.why import boards
from simulator.why.evidence import USUAL_HZ, Answer, Evidence, Exchange, Node, Window, in_a_row
from simulator.why.findings import Finding

_IN_A_ROW = 2  # answers lost for the same reason; one is chance
_NOT_SENT = 3
_PREAMBLE, _DETECTED = 8, 5  # symbols of a preamble, and what of it a receiver needs
_WHOLE_US = 400_000  # off by more is a setting: no clock is that wrong
_SAME_HZ = 30_000
_LATE, _EARLY, _ELSEWHERE, _DELAY, _DEAF = "late", "early", "elsewhere", "delay", "deaf"
_NEVER_CHANCE = {_LATE, _EARLY, _ELSEWHERE, _DELAY}


@dataclass(frozen=True)
class Miss:
    """An answer that did not arrive: how, by which window, and by how much."""

    how: str  # one of those above, or how the window ended
    exchange: Exchange
    answer: Answer
    window: Window | None = None
    off_us: int = 0  # from the answer's start to the opening of the window, or its end


def clock(node: Node, evidence: Evidence) -> Finding | None:
    """Windows that open late or close early, the more the longer the delay: the clock."""
    found = _row(node, (_LATE, _EARLY))
    if not found or not _grows(node, found):
        return None
    miss = found[0]
    delay_us = miss.answer.at_us - miss.exchange.end_us
    ppm = abs(miss.off_us) * 1e6 // delay_us // 100 * 100
    slow = miss.how == _LATE
    way = "slow" if slow else "fast"
    return Finding(
        "clock",
        miss.exchange.start_us,
        f"{_said(miss)}: clock error, {way} by {ppm:,.0f} ppm or more",
        (*_told(found, evidence), _of_delay(miss, delay_us), *boards.pace(node)),
        "replace the board or its crystal; a clock that is known to be bad can be given room with "
        "a larger clock_error_ppm",
    )


def held_up(node: Node, evidence: Evidence) -> Finding | None:
    """Windows that open late by the same time whatever the delay: the board does other things."""
    found = _row(node, (_LATE, _EARLY))
    if not found or _grows(node, found):
        return None
    miss = found[0]
    return Finding(
        "held-up",
        miss.exchange.start_us,
        f"{_said(miss)}: the board is held up",
        (
            *_told(found, evidence),
            "the second window is off by about as much as the first, "
            f"{_off(_second(miss)):.0f} ms: not the clock",
        ),
        "look for what keeps the processor busy before a window, or give the board a larger "
        "latency_ms",
    )


def delay(node: Node, evidence: Evidence) -> Finding | None:
    """The node listens whole seconds beside the answer: a setting that both ends have otherwise."""
    found = _row(node, (_DELAY,))
    if not found:
        return None
    miss = found[0]
    sent_s = (miss.answer.at_us - miss.exchange.end_us) / 1e6
    listens = " and ".join(
        f"{round((each.opened_us - miss.exchange.end_us) / 1e6)}" for each in miss.exchange.windows
    )
    return Finding(
        "rx-delay",
        miss.exchange.start_us,
        f"{_kind(miss)} sent {sent_s:g} s after the uplink, the node listens after {listens} s: "
        "another RX1 delay at the network",
        _told(found, evidence),
        "set the network's RX1 delay to what the node has: 5 s for joins, and for data what the "
        "join-accept said, 1 s if nothing did",
    )


def elsewhere(node: Node, evidence: Evidence) -> Finding | None:
    """The node listens in time, on another frequency or spreading factor."""
    found = _row(node, (_ELSEWHERE,))
    if not found:
        return None
    miss, window = found[0], found[0].window
    assert window is not None
    return Finding(
        "rx-settings",
        miss.exchange.start_us,
        f"{_kind(miss)} sent on {_place(miss.answer)}, the node listened on {_place(window)}: "
        "other receive settings at the network",
        _told(found, evidence),
        "set RX2 frequency, RX2 data rate and RX1DROffset of the device at the network to those of "
        "its region, or let it join again",
    )


def weak(node: Node, evidence: Evidence) -> Finding | None:
    """Answers that arrive too weak, where uplinks come through."""
    found = _row(node, ("too weak",))
    if not found:
        return None
    return Finding(
        "downlink-weak",
        found[0].exchange.start_us,
        f"{_kind(found[0])} sent, and it reaches the node {found[0].how}",
        _told(found, evidence),
        "move the node or its antenna, or give it a gateway that is nearer",
    )


def collided(node: Node, evidence: Evidence) -> Finding | None:
    """Answers that something else buries at the node."""
    found = _row(node, ("collision",))
    if not found:
        return None
    return Finding(
        "downlink-collision",
        found[0].exchange.start_us,
        f"{_kind(found[0])} sent, and buried at the node by another signal on "
        f"{found[0].answer.freq_hz / 1e6:.1f} MHz",
        _told(found, evidence),
        "look for what else sends there at that time; another receive window or channel avoids it",
    )


def dropped(node: Node, evidence: Evidence) -> Finding | None:
    """Join-accepts that are received and not believed."""
    tries = [each for each in node.exchanges if each.joining and each.answer and each.received]
    rows = [each for each in tries if _still_joining(node, each)]
    stale = node.lines("join-accept with an old JoinNonce")
    if stale:
        return Finding(
            "join-nonce",
            stale[0].time_us,
            "join-accept received with an old JoinNonce: the device was registered anew at the "
            "network, with the keys that it had",
            (f"{evidence.clock(stale[0].time_us)}: the node's log says: {stale[0].text}",),
            "give the node new keys: node071 provision --new-keys, and register it with them",
        )
    if len(rows) < _IN_A_ROW:
        return None
    return Finding(
        "accept-dropped",
        rows[0].start_us,
        f"{len(rows)} join-accepts received and dropped: their MIC is not of the node's AppKey",
        tuple(
            f"{evidence.clock(each.start_us)}: the window closed with a packet, and the node asked "
            "again"
            for each in rows[:3]
        ),
        "compare the AppKey of the node with the network's",
    )


def deaf(node: Node, evidence: Evidence) -> Finding | None:
    """Answers for which the node opened no window, or closed it at once."""
    found = _row(node, (_DEAF, "closed", "header error", "garbled", "timeout"))
    if not found:
        return None
    return Finding(
        "no-reception",
        found[0].exchange.start_us,
        f"{_kind(found[0])} sent, and the node heard nothing of it: {_outcome(found[0])}",
        _told(found, evidence),
        "read the node's log at that time; is the radio's DIO0 wired, and does its antenna sit?",
    )


def not_sent(node: Node, evidence: Evidence) -> Finding | None:
    """Answers that no gateway put on the air, several in a row."""
    answered = [each for each in node.exchanges if each.answer is not None]
    found = in_a_row(answered, lambda each: each.not_sent, _NOT_SENT)
    if not found:
        return None
    gateway = evidence.gateway(found[0].answer.gateway) if found[0].answer else ""
    return Finding(
        "answer-not-sent",
        found[0].start_us,
        f"the network answered, and {gateway} did not send it: {found[0].not_sent}",
        tuple(f"{evidence.clock(each.end_us)}: {each.not_sent}" for each in found[:3]),
        "more gateways, or fewer answers at one time",
    )


def too_long(node: Node, evidence: Evidence) -> Finding | None:
    """What waits for the node fits no frame at the data rate that it has."""
    found = [each for each in node.exchanges if each.held]
    if len(found) < _IN_A_ROW:
        return None
    return Finding(
        "too-long",
        found[0].end_us,
        f"a downlink waits for the node and holds up all behind it: {found[0].held}",
        (
            f"{len(found)} times from {evidence.clock(found[0].end_us)} to "
            f"{evidence.clock(found[-1].end_us)}",
            f"the node's uplinks came at SF{found[0].sf}",
        ),
        "take it out of the network's queue and send it in shorter parts",
    )


RULES = (clock, held_up, delay, elsewhere, weak, collided, dropped, not_sent, deaf, too_long)


# What became of each answer.


def _misses(node: Node) -> Iterator[Miss | None]:
    """Of each answer that was sent: how it was missed, None for one that arrived."""
    for each in node.exchanges:
        if each.answer is not None and each.answer.sent:
            yield None if each.received else _miss(each, each.answer)


def _row(node: Node, hows: tuple[str, ...]) -> list[Miss]:
    """The first answers in a row that were missed so; one is enough if none ever arrived."""
    every = list(_misses(node))
    needed = 1 if None not in every or set(hows) <= _NEVER_CHANCE else _IN_A_ROW
    found = in_a_row(every, lambda miss: miss is not None and miss.how.startswith(hows), needed)
    return [miss for miss in found if miss is not None]


def _miss(exchange: Exchange, answer: Answer) -> Miss:
    if not exchange.windows:
        return Miss(_DEAF, exchange, answer)
    there = [each for each in exchange.windows if _in_time(each, answer)]
    for window in there:
        if _same_place(window, answer):
            return Miss(window.outcome, exchange, answer, window)
    if there:
        return Miss(_ELSEWHERE, exchange, answer, there[0])
    window = min(exchange.windows, key=lambda each: abs(_beside_us(each, answer)))
    off_us = _beside_us(window, answer)
    if abs(off_us) > _WHOLE_US:
        return Miss(_DELAY, exchange, answer, window, off_us)
    return Miss(_LATE if off_us > 0 else _EARLY, exchange, answer, window, off_us)


def _in_time(window: Window, answer: Answer) -> bool:
    """Whether enough of the preamble was sent while the window was open, were it its own."""
    symbol_us = 1_000_000 * (1 << window.sf) // window.bw_hz
    latest_us = answer.at_us + (_PREAMBLE - _DETECTED) * symbol_us
    return (
        window.opened_us <= latest_us and window.closed_us >= answer.at_us + _DETECTED * symbol_us
    )


def _beside_us(window: Window, answer: Answer) -> int:
    """How late a window opened for an answer, or (less than 0) how early it closed."""
    if window.opened_us > answer.at_us:
        return window.opened_us - answer.at_us
    return min(window.closed_us - answer.at_us, 0)


def _same_place(window: Window, answer: Answer) -> bool:
    same_rate = (window.sf, window.bw_hz) == (answer.sf, answer.bw_hz)
    return same_rate and abs(window.freq_hz - answer.freq_hz) < _SAME_HZ


def _grows(node: Node, found: list[Miss]) -> bool:
    """Whether the second window of the exchanges is further off than the first, as by a clock."""
    apart_us = [
        miss.exchange.windows[1].opened_us - miss.exchange.windows[0].opened_us - 1_000_000
        for miss in found
        if len(miss.exchange.windows) > 1
    ]
    if not apart_us:
        return True
    miss = found[0]
    delay_s = (miss.answer.at_us - miss.exchange.end_us) / 1e6
    return abs(median(apart_us)) * delay_s > abs(miss.off_us) / 2


def _still_joining(node: Node, exchange: Exchange) -> bool:
    """Whether the node went on with a join-request as if nothing had come."""
    at = node.exchanges.index(exchange)
    return any(each.joining for each in node.exchanges[at + 1 : at + 2])


# How it is said.


def _kind(miss: Miss) -> str:
    return "join-accept" if miss.exchange.joining else "answer"


def _said(miss: Miss) -> str:
    sent_ms = _sent_ms(miss)
    rx = 1 if miss.window is miss.exchange.windows[0] else 2
    verb = "opened" if miss.how == _LATE else "closed"
    side = "late" if miss.how == _LATE else "early"
    return (
        f"{_kind(miss)} sent in RX{rx} at {sent_ms:+.1f} ms, window {verb} "
        f"{abs(miss.off_us) / 1000:.0f} ms {side}"
    )


def _sent_ms(miss: Miss) -> float:
    """How far the network was off the whole second."""
    after_us = miss.answer.at_us - miss.exchange.end_us
    return (after_us - round(after_us / 1e6) * 1_000_000) / 1000


def _of_delay(miss: Miss, delay_us: int) -> str:
    return (
        f"{abs(miss.off_us) / 1000:.0f} ms in {delay_us / 1e6:g} s, and more in the second window"
    )


def _second(miss: Miss) -> int:
    windows = miss.exchange.windows
    apart_us = windows[1].opened_us - windows[0].opened_us - 1_000_000 if len(windows) > 1 else 0
    return miss.off_us + apart_us


def _off(off_us: int) -> float:
    return abs(off_us) / 1000


def _place(part: Answer | Window) -> str:
    wide = "" if part.bw_hz == USUAL_HZ else f"BW{part.bw_hz // 1000}"
    return f"{part.freq_hz / 1e6:.3f} MHz SF{part.sf}{wide}"


def _outcome(miss: Miss) -> str:
    if miss.how == _DEAF or miss.window is None:
        return "it opened no window"
    return "its window timed out" if miss.how == "timeout" else f"its window ended: {miss.how}"


def _told(found: list[Miss], evidence: Evidence) -> tuple[str, ...]:
    """The first of the answers that were missed so, from both ends."""
    lines = []
    for miss in found[:2]:
        delay_s = (miss.answer.at_us - miss.exchange.end_us) / 1e6
        end_us = miss.exchange.end_us
        windows = ", ".join(
            f"{(each.opened_us - end_us) / 1e6:.3f} to {(each.closed_us - end_us) / 1e6:.3f} s on "
            f"{_place(each)} ({each.outcome})"
            for each in miss.exchange.windows
        )
        lines.append(
            f"{evidence.clock(miss.exchange.end_us)}: {evidence.gateway(miss.answer.gateway)} sent "
            f"{delay_s:.3f} s after the uplink on {_place(miss.answer)}; the node listened "
            f"{windows or 'not at all'}"
        )
    if len(found) > 2:
        lines.append(f"{len(found)} such in a row")
    return tuple(lines)
