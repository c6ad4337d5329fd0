# SPDX-License-Identifier: MIT
"""Rules about uplinks: whom they reached, what became of them there, what the network said."""

import re
from collections import Counter
from collections.abc import Iterable

from simulator.why.evidence import Evidence, Exchange, Node, in_a_row
from simulator.why.findings import Finding

_IN_A_ROW = 3
_FLOOR_DB = {7: -7.5, 8: -10.0, 9: -12.5, 10: -15.0, 11: -17.5, 12: -20.0}
# The best that became of an uplink at any gateway counts.
_RANK = ("too weak", "no gateway channel", "gateway off", "gateway was sending",
         "all demodulators busy", "collision")  # fmt: skip
_CHANNEL_SHARE, _WEAK_SHARE, _BUSY_SHARE, _STEP_SHARE = 0.1, 0.2, 0.5, 0.2
_BUSY_LEAST, _JAMMED_LEAST = 4, 3
_JAMMED_SHARE, _JAMMED_TIMES, _JAMMED_ROW = 0.25, 3, 8
_FIND_IT = "find what sends there (a field strength meter, or the gateway's spectral scan)"


def gateway_off(node: Node, evidence: Evidence) -> Finding | None:
    """Uplinks that meet a gateway without power or line."""
    found = _row(node.exchanges, "gateway off", 2)
    if not found:
        return None
    names = {evidence.gateway(eui) for each in found for eui, why in each.missed if "off" in why}
    back = _after(node, found)
    return Finding(
        "gateway-off",
        found[0].start_us,
        f"gateway {' and '.join(sorted(names))} was off, and no other heard the node",
        (
            f"{len(found)} transmissions in a row, the first {evidence.clock(found[0].start_us)}, "
            f"the last {evidence.clock(found[-1].start_us)}",
            f"heard again {evidence.clock(back.start_us)}" if back else "not heard again",
        ),
        "see to the gateway's power and its line to the network",
    )


def no_channel(node: Node, evidence: Evidence) -> Finding | None:
    """Uplinks on channels that no gateway listens to."""
    # a node that has not joined tries all channels of its region, and needs one that is heard
    heard = any(each.heard for each in node.exchanges)
    rows = node.data if heard else node.exchanges
    found = [each for each in rows if _lost_by(each) == "no gateway channel"]
    if len(found) < _IN_A_ROW or len(found) < _CHANNEL_SHARE * len(rows):
        return None
    channels = ", ".join(sorted({each.channel for each in found}))
    return Finding(
        "no-channel",
        found[0].start_us,
        f"the node sends on {channels}, where no gateway listens",
        (f"{len(found)} transmissions from {evidence.clock(found[0].start_us)} on",),
        "give node and gateways the same region and channel plan",
    )


def weak(node: Node, evidence: Evidence) -> Finding | None:
    """Uplinks that arrive too weak, for a node that never joined or for a good part of its data."""
    rows = _telling(node)
    found = [each for each in rows if _lost_by(each) == "too weak"]
    if len(found) < _IN_A_ROW or len(found) < _WEAK_SHARE * len(rows):
        return None
    # what arrived tells the best of them, and the worst of what was lost by how much
    worst = min(_snr_db(each) for each in found)
    heard = [hearing.snr_db for each in rows for hearing in each.heard]
    needs = ", ".join(f"SF{sf} needs {_FLOOR_DB[sf]:g} dB" for sf in sorted({e.sf for e in found}))
    return Finding(
        "too-weak",
        found[0].start_us,
        f"too weak at every gateway: {len(found)} of {len(rows)} transmissions lost, SNR down to "
        f"{worst:.1f} dB",
        (
            f"the first {evidence.clock(found[0].start_us)} on SF{found[0].sf}: {_whys(found[0])}",
            needs,
            f"of those heard the SNR was {min(heard):.1f} to {max(heard):.1f} dB"
            if heard
            else "no gateway ever heard it",
        ),
        "move the node or its antenna, set up a gateway that is nearer, or let the network's ADR "
        "lower the data rate",
    )


def jammed(node: Node, evidence: Evidence) -> Finding | None:
    """A channel on which much of the node's is buried by no node of the run, and others are not.

    Or everything that it sends for a while.
    """
    return _one_channel(node, evidence) or _all_channels(node, evidence)


def _one_channel(node: Node, evidence: Evidence) -> Finding | None:
    channels = sorted({each.channel for each in node.exchanges})
    lost = {channel: _buried(node, evidence, channel) for channel in channels}
    channel = max(channels, key=lambda each: len(lost[each]), default="")
    found = lost.get(channel, [])
    if len(found) < _JAMMED_LEAST:
        return None
    since_us, until_us = found[0].start_us, found[-1].start_us
    tried = [each for each in node.exchanges if since_us <= each.start_us <= until_us]
    there = [each for each in tried if each.channel == channel]
    others = [each for each in tried if each.channel != channel]
    elsewhere = sum(since_us <= e.start_us <= until_us for c in channels if c != channel
                    for e in lost[c])  # fmt: skip
    share = len(found) / max(len(there), 1)
    if share < _JAMMED_SHARE or elsewhere > len(others) * share / _JAMMED_TIMES:
        return None
    return Finding(
        "jammed",
        since_us,
        f"something that is no node of the run is on {channel}: {len(found)} of {len(there)} "
        "transmissions buried there",
        (
            f"from {evidence.clock(since_us)} to {evidence.clock(until_us)}",
            f"meanwhile {elsewhere} of {len(others)} on other channels were buried so",
        ),
        f"{_FIND_IT}, or take the channel out of the plan",
    )


def _all_channels(node: Node, evidence: Evidence) -> Finding | None:
    rows = [each for each in node.exchanges if not evidence.beside(each, node.name)]
    found = _row(rows, "collision", _JAMMED_ROW)
    if not found:
        return None
    channels = ", ".join(sorted({each.channel for each in found}))
    return Finding(
        "jammed",
        found[0].start_us,
        f"something that is no node of the run is on {channels}: {len(found)} transmissions in a "
        "row buried",
        (f"from {evidence.clock(found[0].start_us)} to {evidence.clock(found[-1].start_us)}",),
        _FIND_IT,
    )


def _buried(node: Node, evidence: Evidence, channel: str) -> list[Exchange]:
    """Its transmissions on a channel that were buried, and not by another node of the run."""
    return [
        each
        for each in node.exchanges
        if each.channel == channel
        and _lost_by(each) == "collision"
        and not evidence.beside(each, node.name)
    ]


def collisions(node: Node, evidence: Evidence) -> Finding | None:
    """Half of its data lost to whoever else is on the channel, or a fifth to nodes of the run.

    Two nodes that send at the same moments on three channels lose up to a third to each other.
    """
    rows = _telling(node)
    found = [each for each in rows if _lost_by(each) == "collision"]
    met = [names for each in found if (names := evidence.beside(each, node.name))]
    in_step = len(met) >= max(_BUSY_LEAST, _STEP_SHARE * len(rows))
    if not in_step and len(found) < max(_BUSY_LEAST, _BUSY_SHARE * len(rows)):
        return None
    most = Counter(name for names in met for name in names).most_common(3)
    with_whom = ", ".join(f"{count} with {name}" for name, count in most)
    return Finding(
        "collisions",
        found[0].start_us,
        f"{len(found)} of {len(rows)} transmissions collided at the gateway",
        (with_whom or "with nodes of other people, or something that is no node",),
        "they send at the same moments: restart one of them, its readings then come at others"
        if in_step and 2 * most[0][1] >= len(met)
        else "fewer nodes at one gateway, a further gateway, or more channels",
    )


def busy(node: Node, evidence: Evidence) -> Finding | None:
    """Gateways that had no receiver free, or were sending."""
    for cause in ("all demodulators busy", "gateway was sending"):
        found = [each for each in node.exchanges if _lost_by(each) == cause]
        if len(found) >= _BUSY_LEAST and len(found) >= _BUSY_SHARE * len(node.exchanges):
            return Finding(
                "gateway-busy",
                found[0].start_us,
                f"{len(found)} of {len(node.exchanges)} transmissions lost: {cause}",
                (f"the first {evidence.clock(found[0].start_us)}: {_whys(found[0])}",),
                "set up a further gateway",
            )
    return None


def out_of_reach(node: Node, evidence: Evidence) -> Finding | None:
    """Uplinks of which no gateway knows anything."""
    found = in_a_row(node.exchanges, lambda each: not each.heard and not each.missed, _IN_A_ROW)
    if not found:
        return None
    return Finding(
        "out-of-reach",
        found[0].start_us,
        f"{len(found)} transmissions of which no gateway noticed anything",
        (f"from {evidence.clock(found[0].start_us)} to {evidence.clock(found[-1].start_us)}",),
        "is a gateway in reach, and does the node's antenna sit?",
    )


_STEPS = (
    (
        "unknown DevEUI",
        "not-registered",
        "the network does not know the node",
        "register its DevEUI there: node071 export",
    ),
    (
        "unknown JoinEUI",
        "join-eui",
        "the network has another JoinEUI for the node",
        "give the network the JoinEUI that the node sends",
    ),
    (
        "DevNonce",
        "dev-nonce",
        "the node counts its joins from the start again",
        "its counters were lost: provision it again with the ledger, or give it new keys",
    ),
    (
        "unknown DevAddr",
        "no-session",
        "the network has no session for the node's DevAddr",
        "let the node join again; a node with a session of its own has to be registered with it",
    ),
    (
        "counter",
        "counter",
        "the node's frame counter started again",
        "its flash was lost: let it join, or reset the frame counters at the network once",
    ),
    (
        "a session from before",
        "old-session",
        "the node uses a session from before its last join",
        "restart the node, so that it joins again",
    ),
    (
        "the MIC is wrong",
        "key",
        "the network has another key for the node",
        "compare the keys: node071 export writes those of the ledger for the network",
    ),
    ("", "refused", "the network refuses the node's frames", "read what the network says of them"),
)


_AHEAD = {  # the same where the node never was so far
    "dev-nonce": (
        "dev-nonce-ahead",
        "the network is ahead of the node's counter of joins",
        "it joins once it has counted so far, a nonce a try; sooner with new keys: "
        "node071 provision --new-keys",
    ),
    "counter": (
        "counter-ahead",
        "the network is ahead of the node's frame counter",
        "reset the frame counters of the device at the network, or let the node join again",
    ),
}


def refused(node: Node, evidence: Evidence) -> Finding | None:
    """Uplinks that are heard and refused; each reason has its own step."""
    found = [each for each in node.exchanges if each.refused and each.heard and not each.taken]
    if not found:
        return None
    first = found[0]
    start, rule, words, step = next(row for row in _STEPS if first.refused.startswith(row[0]))
    same = [each for each in found if each.refused.startswith(start)]
    what = "join-request" if first.joining else "frame"
    if rule in _AHEAD and not _began_again(node, first):
        rule, words, step = _AHEAD[rule]
    if rule == "key":
        words += " (its AppKey)" if first.joining else " (its NwkSKey)"
    hearing = first.heard[0]
    return Finding(
        rule,
        first.start_us,
        f"{what} refused: {first.refused}: {words}",
        (
            f"{evidence.clock(first.end_us)}: {evidence.gateway(hearing.gateway)} heard it with an "
            f"SNR of {hearing.snr_db:.1f} dB, {_number(first)}",
            f"{len(same)} refused so, the last {evidence.clock(same[-1].end_us)}",
        ),
        step,
    )


def unanswered(node: Node, evidence: Evidence) -> Finding | None:
    """Join-requests that were heard, of which the network says nothing and sends nothing."""
    tries = [each for each in node.exchanges if each.joining]
    found = [each for each in tries if each.heard and not each.refused and each.answer is None]
    if node.joined_us is not None or len(found) < _IN_A_ROW:
        return None
    return Finding(
        "no-answer",
        found[0].start_us,
        f"{len(found)} of {len(tries)} join-requests heard, and the network answered none of them",
        (
            f"the first {evidence.clock(found[0].end_us)}, by "
            f"{evidence.gateway(found[0].heard[0].gateway)}, the last "
            f"{evidence.clock(found[-1].end_us)}",
        ),
        "read what the network server says of the DevEUI: is it registered there, with this "
        "JoinEUI and AppKey, and the gateway too?",
    )


RULES = (refused, gateway_off, no_channel, jammed, weak, collisions, busy, out_of_reach)


def _telling(node: Node) -> list[Exchange]:
    """Its data, as nodes that start together may well meet while they join; all if it never did."""
    joined = node.joined_us is not None or any(each.taken for each in node.data)
    return node.data if joined else node.exchanges


def collided_share(node: Node) -> tuple[int, int]:
    """How many of its transmissions were lost to collisions, of how many."""
    return sum(_lost_by(each) == "collision" for each in node.exchanges), len(node.exchanges)


def _lost_by(exchange: Exchange) -> str:
    """Why no gateway heard it, "" for one that was heard or of which nothing is known."""
    if exchange.heard or not exchange.missed:
        return ""
    whys = [_kind(why) for _, why in exchange.missed]
    return max(whys, key=lambda why: _RANK.index(why) if why in _RANK else len(_RANK))


def _kind(why: str) -> str:
    return next((each for each in _RANK if why.startswith(each)), why)


def _row(rows: Iterable[Exchange], cause: str, least: int) -> list[Exchange]:
    """The first transmissions that were lost to a cause, `least` or more and none heard between."""
    telling = [each for each in rows if each.heard or _lost_by(each) == cause]
    return in_a_row(telling, lambda each: not each.heard, least)


def _after(node: Node, row: list[Exchange]) -> Exchange | None:
    last_us = row[-1].start_us
    return next((each for each in node.exchanges if each.heard and each.start_us > last_us), None)


def _snr_db(exchange: Exchange) -> float:
    """The best SNR that a gateway had of one that it could not hear."""
    found = [
        float(each) for _, why in exchange.missed for each in re.findall(r"SNR (-?\d+\.\d) dB", why)
    ]
    return max(found, default=0.0)


def _whys(exchange: Exchange) -> str:
    return ", ".join(sorted({why for _, why in exchange.missed}))


def _began_again(node: Node, exchange: Exchange) -> bool:
    """Whether the node had counted as far as this before."""
    counts = [
        _count(each)
        for each in node.exchanges
        if each.heard and each.joining == exchange.joining and each.start_us < exchange.start_us
    ]
    return bool(counts) and _count(exchange) <= max(counts)


def _count(exchange: Exchange) -> int:
    """The DevNonce or the FCnt of a frame that was heard, which it carries in the clear."""
    at = 17 if exchange.joining else 6
    return int.from_bytes(exchange.heard[0].phy[at : at + 2], "little")


def _number(exchange: Exchange) -> str:
    return f"{'DevNonce' if exchange.joining else 'FCnt'} {_count(exchange)}"
