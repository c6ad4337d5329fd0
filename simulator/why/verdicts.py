# SPDX-License-Identifier: MIT
"""Explains a run: for each node the first cause, by all rules in their order."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from host.errors import WrongUse, meant
from simulator.why import boards, downlinks, sensors, uplinks
from simulator.why.evidence import Evidence, Node
from simulator.why.findings import NOTHING, Finding, Rule, Verdict
from simulator.why.reading import read

# Of causes that show at one moment the first of these is named.
RULES: tuple[Rule, ...] = (*boards.RULES, *uplinks.RULES, *downlinks.RULES, *sensors.RULES)
# Asked in their order, and only when no other has found anything.
LAST: tuple[Rule, ...] = (uplinks.unanswered, boards.waits, boards.silent)


def explain(folder: Path, name: str | None = None) -> tuple[Evidence, list[Verdict]]:
    """The verdicts on all nodes of a run, or on one.

    HostError: the folder is none of a run. WrongUse: the run has no node of that name.
    """
    evidence = read(folder)
    if name is not None and name not in evidence.nodes:
        step = meant(name, evidence.nodes, f"it has: {', '.join(evidence.nodes)}")
        raise WrongUse(f"no node '{name}' in {folder}", step)
    chosen = [node for node in evidence.nodes.values() if name in (None, node.name)]
    return evidence, [judge(node, evidence) for node in chosen]


def told(folder: Path, name: str | None = None) -> tuple[dict[str, Any], list[str]]:
    """The same for a program, and as lines for a person; what could not be read is in both."""
    evidence, found = explain(folder, name)
    blocks = [lines(each, evidence) for each in found]
    record = {"nodes": [each.record(evidence) for each in found], "remarks": evidence.remarks}
    return record, [line for block in blocks for line in block] + evidence.remarks


def judge(node: Node, evidence: Evidence) -> Verdict:
    """The verdict on one node."""
    found = _found(RULES, node, evidence)
    for rule in LAST:
        found = found or _found((rule,), node, evidence)
    first = found[0] if found else None
    return Verdict(node.name, first, tuple(found[1:]), tuple(_facts(node, evidence)))


def _found(rules: tuple[Rule, ...], node: Node, evidence: Evidence) -> list[Finding]:
    """All findings, first things first; the same cause is told once."""
    rows = [each for each in (rule(node, evidence) for rule in rules) if each is not None]
    found: dict[str, Finding] = {}
    for each in sorted(rows, key=lambda each: (each.slight, each.since_us)):
        found.setdefault(each.rule, each)
    return list(found.values())


def _facts(node: Node, evidence: Evidence) -> Iterator[str]:
    """What is worth knowing of any node."""
    data, joins = node.data, [each for each in node.exchanges if each.joining]
    if joins:
        at_us = node.joined_us
        joined = f"joined {evidence.clock(at_us)}" if at_us is not None else "never joined"
        yield f"{joined}, {len(joins)} join-requests"
    yield f"{sum(each.taken for each in data)} of {len(data)} uplinks heard and taken"
    lost, sent = uplinks.collided_share(node)
    if lost:
        yield f"{lost} of {sent} transmissions collided"


def lines(verdict: Verdict, evidence: Evidence) -> list[str]:
    """A verdict as a person reads it."""
    first = verdict.first
    if first is None:
        return [f"{verdict.node}: {NOTHING}", *(f"  {fact}" for fact in verdict.facts)]
    found = [f"{verdict.node}: {first.cause}", f"  since {evidence.clock(first.since_us)}"]
    found += [f"  {each}" for each in first.evidence]
    found += [f"  next: {first.next_step}"]
    found += [f"  also, {evidence.clock(each.since_us)}: {each.cause}" for each in verdict.later]
    return found + [f"  {fact}" for fact in verdict.facts]
