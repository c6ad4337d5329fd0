# SPDX-License-Identifier: MIT
"""What is kept of both ends of the link, so that it can be explained: nothing of what causes it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from simulator.air import Transmission
from simulator.chips.sx1276_receiver import Receiver
from simulator.fleet import Node
from simulator.network import Downlink

Note = Callable[..., None]  # (time_us, node, event, cause, **more)
_USUAL_HZ = 125_000
_TOLD = ("faults", "flags", "restart", "age_s")


def watch(node: Node, note: Note) -> None:
    """Have the starts of a node's board noted, and how each receive window of its radio ended."""
    name = node.plan.name

    def started(why: str) -> None:
        if why != "deepsleep":  # a wake is no start
            note(node.board.starts[-1][0], name, "started", why)

    def closed(time_us: int, receiver: Receiver) -> None:
        note(time_us, name, "window", receiver.ended(time_us), **window(receiver))

    node.board.on_start, node.radio.on_window = started, closed


def window(receiver: Receiver) -> dict[str, int]:
    """When a receive window opened, and for what."""
    modem = receiver.modem
    return {"opened_us": receiver.ready_us, **_place(modem.freq_hz, modem.sf, modem.bw_hz)}


def uplink(packet: Transmission) -> dict[str, int]:
    """Where a node sends, and how much."""
    place = _place(packet.freq_hz, packet.sf, packet.bw_hz)
    return {**place, "size": len(packet.payload)}


def answer(downlink: Downlink) -> dict[str, Any]:
    """When and how the network means to answer."""
    return {
        "at_us": downlink.time_us,
        "gateway": downlink.gateway,
        **_place(downlink.freq_hz, downlink.sf, downlink.bw_hz),
    }


def _place(freq_hz: int, sf: int, bw_hz: int) -> dict[str, int]:
    """A channel and a data rate; the bandwidth only where it is not 125 kHz."""
    found = {"freq_hz": freq_hz, "sf": sf}
    return found if bw_hz == _USUAL_HZ else found | {"bw_hz": bw_hz}


def told(readings: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """What the newest reading says of the node itself, None when it says nothing."""
    for values in readings:
        found = {name: values[name] for name in _TOLD if values.get(name)}
        return found if set(found) - {"age_s"} else None
    return None
