# SPDX-License-Identifier: MIT
"""Finds the sessions that the joins of a capture opened, from the AppKeys of the devices."""

from collections.abc import Iterable
from typing import Any

from host.captures import Downlink, Uplink
from host.lorawan import JoinRequest, LorawanError, MType, Session, open_join_accept, parse
from host.node import Node

Devices = list[dict[str, Any]]


def devices(nodes: Iterable[Node]) -> Devices:
    """Nodes of the ledger as a run keeps its devices; a node that joins has no session yet."""
    return [
        {
            "name": node.name,
            "dev_eui": node.dev_eui.hex(),
            "join_eui": node.identity.join_eui.hex(),
            "app_key": node.identity.app_key.hex(),
            "region": node.region,
            "sessions": [_record(node.identity.session)] if node.identity.session else [],
        }
        for node in nodes
    ]


def learn(known: Devices, frames: Iterable[Uplink | Downlink]) -> Devices:
    """The devices with the sessions of their joins: a request, and an accept that answers it."""
    found = [{**device, "sessions": list(device["sessions"])} for device in known]
    by_eui = {device["dev_eui"]: device for device in found}
    asked: dict[str, int] = {}  # DevEUI -> the DevNonce of its last join-request
    for frame in frames:
        if isinstance(frame, Downlink):
            for dev_eui, dev_nonce in asked.items():
                _answer(by_eui[dev_eui], dev_nonce, frame.phy)
        elif (request := _request(frame.phy)) and request.dev_eui.hex() in by_eui:
            device = by_eui[request.dev_eui.hex()]
            if device["app_key"] and request.mic_ok(bytes.fromhex(device["app_key"])):
                asked[device["dev_eui"]] = request.dev_nonce
    return found


def _request(phy: bytes) -> JoinRequest | None:
    try:
        found = parse(phy)
    except LorawanError:
        return None
    return found if isinstance(found, JoinRequest) else None


def _answer(device: dict[str, Any], dev_nonce: int, phy: bytes) -> None:
    if phy[:1] != bytes((MType.JOIN_ACCEPT << 5,)):
        return
    app_key = bytes.fromhex(device["app_key"])
    try:
        session = _record(open_join_accept(phy, app_key).session(app_key, dev_nonce))
    except LorawanError:
        return  # for another device
    if not any(session.items() <= each.items() for each in device["sessions"]):
        device["sessions"].append(session)


def _record(session: Session) -> dict[str, str]:
    return {
        "dev_addr": f"{session.dev_addr:08x}",
        "nwk_skey": session.nwk_skey.hex(),
        "app_skey": session.app_skey.hex(),
    }
