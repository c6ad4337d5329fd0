# SPDX-License-Identifier: MIT
"""How well a node is heard where it hangs: asked over the air by the node itself, and judged."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from host.errors import HostError
from host.port import PortError
from host.visit import Visit

GOOD_DB, POOR_DB, GATEWAYS = 10, 5, 2  # of margin; so many gateways make up for little of it
_TRIES = 6  # of a join: once through its data rates
_PATIENT_S = 200  # the rest of the air after the slowest frame is 150 s
_STEP_S = 40.0  # of one transmission with its windows
_SCRIPT = """try:
    import linkcheck
    linkcheck.check({})
except ImportError:
    print('{{"old": true}}')
"""
_UPDATE = "bring its firmware up to date: node071 flash --board NAME"
_WHERE = "hang the node or its antenna higher, upright, away from metal, then check again"
ADVICE = {
    "good": "it can hang here",
    "poor": f"it works now, but rain or leaves may be too much: {_WHERE}",
    "bad": _WHERE,
    "not joined": "is it registered on the network, with the keys of this node, and is a gateway "
    f"near? Then {_WHERE}",
}


@dataclass(frozen=True)
class Answer:
    """What one check brought; without an answer all but `sf` is None. RSSI and SNR are ours."""

    sf: int
    margin_db: int | None
    gateways: int | None
    rssi_dbm: int | None
    snr_db: float | None

    def shown(self) -> str:
        """For a person."""
        if self.margin_db is None:
            return f"SF{self.sf}: no answer"
        return (
            f"SF{self.sf}: {self.margin_db} dB to spare at {self.gateways} "
            f"gateway{'s'[: self.gateways != 1]}; the answer came with "
            f"{self.rssi_dbm} dBm, SNR {self.snr_db} dB"
        )


@dataclass(frozen=True)
class Verdict:
    """All checks of one visit."""

    answers: list[Answer]
    message: bool = False  # of the network came along, and was not obeyed

    @property
    def word(self) -> str:
        """One of ADVICE; "not joined": there is no session to ask with."""
        if not self.answers:
            return "not joined"
        margins = [each.margin_db for each in self.answers if each.margin_db is not None]
        if 5 * len(margins) < 4 * len(self.answers):  # 4 of 5 have to come through
            return "poor" if margins and min(margins) >= POOR_DB else "bad"
        gateways = max(each.gateways or 0 for each in self.answers)
        if min(margins) >= GOOD_DB or gateways >= GATEWAYS:
            return "good"
        return "poor" if min(margins) >= POOR_DB else "bad"

    def public(self) -> dict[str, Any]:
        """For --json."""
        return {
            "verdict": self.word,
            "next": ADVICE[self.word],
            "answers": [vars(each) for each in self.answers],
            "message_lost": self.message,
        }


def check(
    visit: Visit,
    count: int,
    say: Callable[[str], None],
    now_s: Callable[[], float] = time.time,
    wait: Callable[[float], None] = time.sleep,
) -> Verdict:
    """Have the node at the prompt join if it must, and ask `count` times; `say` gets each step.

    HostError: it is no node, its radio is silent, or the airtime of the day is used up.
    """
    if not visit.facts.firmware or not visit.facts.config:
        raise HostError("this board is no node yet", "make it one: node071 setup")
    answers: list[Answer] = []
    message, tries = False, 0
    while len(answers) < count and tries < _TRIES:
        row = _step(visit, int(now_s()))
        if "wait_s" in row:
            if row["rule"] == "fair use" and answers:
                say(f"the airtime of the day is used up, again in {duration(row['wait_s'])}")
                break
            wait_s = _bearable_s(row)
            if wait_s > 1:
                say(f"waits {wait_s} s: {row['rule']}")
            wait(wait_s)
        elif "joined" in row:
            tries = _joined(row, tries, say)
        else:
            message = message or row["message"]
            answers.append(_answer(row))
            say(f"check {len(answers)} of {count}: {answers[-1].shown()}")
    return Verdict(answers, message)


def _step(visit: Visit, now_s: int) -> dict[str, Any]:
    """One transmission at most. HostError: what keeps the node from it."""
    lines = visit.port.run(_SCRIPT.format(now_s), _STEP_S).splitlines()
    try:
        row = json.loads(next(line for line in lines if line.startswith("{")))
        if not row.keys() & {"old", "radio", "wait_s", "joined", "margin_db"}:
            raise ValueError
    except (StopIteration, ValueError, AttributeError) as error:
        raise PortError(
            f"the answer of the board on {visit.port.name} was garbled", "run this again"
        ) from error
    if "old" in row:
        raise HostError("the firmware of this node knows no link check", _UPDATE)
    if "radio" in row:
        raise HostError(
            f"the radio of the node does not answer: {row['radio']}",
            "check its wires and its power: node071 boards show NAME",
        )
    return dict(row)


def _bearable_s(row: dict[str, Any]) -> int:
    """The seconds to wait. HostError: too long for somebody who stands there."""
    wait_s: int = row["wait_s"]
    if row["rule"] == "new keys":
        raise HostError(
            "all join numbers of this node's keys are used up",
            "give it new keys: node071 provision --new-keys, and register it again",
        )
    if row["rule"] == "fair use":
        raise HostError(
            "the airtime of the day for link checks is used up", f"again in {duration(wait_s)}"
        )
    if wait_s > _PATIENT_S:
        raise HostError(
            f"the node has to wait for {duration(wait_s)}: {row['rule']}", "run this again then"
        )
    return wait_s


def _joined(row: dict[str, Any], tries: int, say: Callable[[str], None]) -> int:
    """The tries of a join so far, 0 once it is answered. HostError: it never will be."""
    if row["joined"]:
        say("joined the network")
        return 0
    if row["anew"]:
        raise HostError(
            "the network has registered this node anew, and refuses its keys",
            "node071 provision --new-keys, then register it with them",
        )
    say(f"join try {tries + 1} of {_TRIES} was not answered")
    return tries + 1


def _answer(row: dict[str, Any]) -> Answer:
    snr_db = None if row["snr_qdb"] is None else row["snr_qdb"] / 4
    return Answer(row["sf"], row["margin_db"], row["gateways"], row["rssi_dbm"], snr_db)


def duration(seconds: int) -> str:
    """A wait in words, such as "2 h 5 min"."""
    minutes = -(-seconds // 60)
    if seconds < 100:
        return f"{seconds} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
