# SPDX-License-Identifier: MIT
"""Reads a run's folder: capture.jsonl, events.jsonl and the nodes' logs, and nothing else of it."""

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from host import captures
from host.errors import HostError
from host.lorawan import time_on_air_us
from simulator.why.evidence import USUAL_HZ, Answer, Evidence, Exchange, Hearing, Line, Node, Window

_LINE = re.compile(r"^ *(\d+) (.*)$")
_START = re.compile(r"node071 \S+ start \d+ reason \d+")
_MATCH_US = 100  # capture and events round in different places
_REPEATED = "counter"  # begins what a network says of a counter that it has seen


def read(folder: Path) -> Evidence:
    """What a run's folder tells. HostError: it is none, or a file of it is missing."""
    for name in ("events.jsonl", "capture.jsonl"):
        if not folder.joinpath(name).is_file():
            cause = f"there is no {name} in {folder}"
            raise HostError(cause, "name a folder that node071 simulate --out made")
    found = Evidence(datetime(1970, 1, 1, tzinfo=UTC), 0, {}, {})
    reader = _Reader(found)
    for number, text in enumerate(_lines(folder / "events.jsonl"), 1):
        reader.take(number, text)
    if not reader.began:
        cause = f"events.jsonl in {folder} does not say when the run began"
        raise HostError(cause, "an older node071 made it: run the scenario again with --out")
    _read_capture(folder / "capture.jsonl", found)
    for path in sorted(folder.glob("*.log")):
        node = found.nodes.setdefault(path.stem, Node(path.stem))
        node.has_log = True
        _read_log(path, node)
        if node.log:
            found.end_us = max(found.end_us, 0 if reader.ended else node.log[-1].time_us)
    if not found.nodes:
        cause = f"the run in {folder} has no node, and why explains nodes alone"
        raise HostError(cause, "what became of a crowd is in its summary.json")
    return found


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace") as file:
        yield from (text for text in file if text.strip())


class _Reader:
    """Takes the events one by one; each belongs to the last transmission of its node."""

    def __init__(self, evidence: Evidence):
        self.evidence, self.began, self.ended = evidence, False, False
        self._takes: dict[str, Callable[[Node, Exchange | None, dict[str, Any]], None]] = {
            "join-request": self._sent,
            "uplink": self._sent,
            "started": self._started,
            "not heard": self._missed,
            "refused": self._refused,
            "answer": self._answer,
            "downlink not sent": self._not_sent,
            "downlink held": self._held,
            "window": self._window,
            "reported": self._reported,
        }

    def take(self, number: int, text: str) -> None:
        """One line of events.jsonl; one that cannot be read is named and passed over."""
        try:
            event = json.loads(text)
            self._event(event)
        except (ValueError, ArithmeticError, KeyError, TypeError, AttributeError):
            why = "cut short" if not text.endswith("\n") else "not an event"
            self.evidence.remarks.append(f"events.jsonl, line {number}: {why}; passed over")

    def _event(self, event: dict[str, Any]) -> None:
        kind, name, evidence = event["event"], event["node"], self.evidence
        evidence.end_us = max(evidence.end_us, event["t_us"])
        if kind == "begin":
            self.began = True
            evidence.start = datetime.fromisoformat(event["start"])
            evidence.gateways = dict(event["gateways"])
        elif kind == "end":
            self.ended = True
        elif name:
            node = evidence.nodes.setdefault(name, Node(name))
            last = node.exchanges[-1] if node.exchanges else None
            if kind in self._takes:
                self._takes[kind](node, last, event)

    def _sent(self, node: Node, last: Exchange | None, event: dict[str, Any]) -> None:
        start_us, sf = event["t_us"], event["sf"]
        airtime_us = time_on_air_us(event["size"], sf, event.get("bw_hz", USUAL_HZ))
        joining = event["event"] == "join-request"
        node.exchanges.append(
            Exchange(start_us, start_us + airtime_us, joining, event["freq_hz"], sf)
        )

    def _started(self, node: Node, last: Exchange | None, event: dict[str, Any]) -> None:
        node.starts.append((event["t_us"], event["cause"]))

    def _missed(self, node: Node, last: Exchange | None, event: dict[str, Any]) -> None:
        if last is not None:
            last.missed.append((event["gateway"], event["cause"]))

    def _refused(self, node: Node, last: Exchange | None, event: dict[str, Any]) -> None:
        if last is not None and event["cause"] != "duplicate":
            last.refused = event["cause"]

    def _answer(self, node: Node, last: Exchange | None, event: dict[str, Any]) -> None:
        if last is not None:
            place = event["freq_hz"], event["sf"], True, event.get("bw_hz", USUAL_HZ)
            last.answer = Answer(event["at_us"], event["gateway"], *place)

    def _not_sent(self, node: Node, last: Exchange | None, event: dict[str, Any]) -> None:
        if last is not None:
            last.not_sent = event["cause"]

    def _held(self, node: Node, last: Exchange | None, event: dict[str, Any]) -> None:
        if last is not None:
            last.held = event["cause"]

    def _window(self, node: Node, last: Exchange | None, event: dict[str, Any]) -> None:
        if last is not None:
            place = event["freq_hz"], event["sf"], event["cause"], event.get("bw_hz", USUAL_HZ)
            last.windows.append(Window(event["opened_us"], event["t_us"], *place))

    def _reported(self, node: Node, last: Exchange | None, event: dict[str, Any]) -> None:
        node.told.append((event["t_us"], event["more"]))


def _read_capture(path: Path, evidence: Evidence) -> None:
    """Give each transmission the gateways that heard it, and each answer whether it was sent."""
    foreign: list[captures.Line] = []
    ends: dict[tuple[int, int], list[Exchange]] = {}
    for node in evidence.nodes.values():
        for each in node.exchanges:
            ends.setdefault((each.end_us // _MATCH_US, each.sf), []).append(each)
    sent: set[tuple[str, int]] = set()
    for frame in captures.frames(path, foreign):
        time_us = (frame.time - evidence.start) // timedelta(microseconds=1)
        if isinstance(frame, captures.Downlink):
            sent.add((frame.gateway, time_us))
            continue
        for at in range(-1, 2):
            for each in ends.get((time_us // _MATCH_US + at, frame.sf), ()):
                if _is(each, frame, time_us):
                    each.heard.append(Hearing(frame.gateway, frame.snr_db, frame.phy))
    for node in evidence.nodes.values():
        _settle(node, sent)
    evidence.remarks += [
        f"capture.jsonl, line {each.number}: {each.problem}; passed over" for each in foreign
    ]


def _is(exchange: Exchange, frame: captures.Uplink, time_us: int) -> bool:
    """Whether a gateway heard this one: of two that ended together one may have been buried."""
    return (
        abs(exchange.end_us - time_us) <= _MATCH_US
        and abs(exchange.freq_hz - frame.freq_hz) * 4 <= frame.bw_hz
        and exchange.joining == (frame.phy[:1] == b"\0")
        and frame.gateway not in [gateway for gateway, _ in exchange.missed]
    )


def _settle(node: Node, sent: set[tuple[str, int]]) -> None:
    seen: set[bytes] = set()
    for each in node.exchanges:
        phys = {hearing.phy for hearing in each.heard}
        each.repeated = bool(phys & seen) and each.refused.startswith(_REPEATED)
        seen |= phys
        planned = each.answer
        if planned is not None and each.not_sent:
            each.answer = replace(planned, sent=False)
        elif planned is not None and (planned.gateway, planned.at_us) not in sent:
            # a copy that came later may have chosen another gateway
            went = next((eui for eui, at_us in sent if at_us == planned.at_us), None)
            each.answer = replace(planned, gateway=went or planned.gateway, sent=went is not None)


def _read_log(path: Path, node: Node) -> None:
    """The lines of a log with their times; the starts in it follow those of the events."""
    lives: list[list[tuple[int, str]]] = [[]]
    uptime_s = 0
    for text in _lines(path):
        matched = _LINE.match(text.rstrip())
        words = matched[2] if matched else text.strip()
        if matched:
            uptime_s = int(matched[1])
            if _START.fullmatch(words) and lives[-1]:
                lives.append([])
        lives[-1].append((uptime_s, words))
    begins_us = [time_us for time_us, _ in node.starts] or [0]
    number = 0
    for life in lives:
        for uptime_s, words in life:
            start_us = begins_us[min(number, len(begins_us) - 1)]
            node.log.append(Line(start_us + uptime_s * 1_000_000, number, uptime_s, words))
        number = _next_start(begins_us, number, life)


def _next_start(begins_us: list[int], number: int, life: list[tuple[int, str]]) -> int:
    """The start that the next life of a log belongs to: the first that its own can have ended at.

    One that ended before it could say anything has no life in the log.
    """
    if not life:
        return number + 1
    last_us = begins_us[min(number, len(begins_us) - 1)] + life[-1][0] * 1_000_000
    return max(number + 1, bisect_right(begins_us, last_us))
