# SPDX-License-Identifier: MIT
"""What a rule comes to: a cause, what was seen of it at both ends, and what to do."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from simulator.why.evidence import Evidence, Node


@dataclass(frozen=True)
class Finding:
    """One cause of one node: `rule` names it for programs, `since_us` is when it began to show.

    A `slight` one explains little by itself: any other is named before it.
    """

    rule: str
    since_us: int
    cause: str
    evidence: tuple[str, ...]
    next_step: str
    slight: bool = False


Rule = Callable[[Node, Evidence], Finding | None]


@dataclass(frozen=True)
class Verdict:
    """One node explained: its first cause, what came later, and what is worth knowing besides."""

    node: str
    first: Finding | None
    later: tuple[Finding, ...] = ()
    facts: tuple[str, ...] = field(default=())

    def record(self, evidence: Evidence) -> dict[str, Any]:
        """The verdict for a program."""
        first = self.first
        return {
            "node": self.node,
            "verdict": first.cause if first else NOTHING,
            "rule": first.rule if first else None,
            "since": _time(first, evidence) if first else None,
            "evidence": list(first.evidence) if first else [],
            "next": first.next_step if first else "",
            "later": [
                {"rule": each.rule, "cause": each.cause, "since": _time(each, evidence)}
                for each in self.later
            ],
            "facts": list(self.facts),
        }


NOTHING = "nothing wrong"


def _time(finding: Finding, evidence: Evidence) -> str:
    return evidence.local(finding.since_us).isoformat(timespec="seconds")
