# SPDX-License-Identifier: MIT
"""Opens the frames of a capture with the keys of its devices."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from host import decode
from host.captures import Uplink
from host.errors import HostError, WrongUse, meant
from host.lorawan import DataFrame, JoinRequest, LorawanError, Session, next_counter, parse
from host.rows import Row

_BYTES = {"dev_eui": 8, "join_eui": 8, "app_key": 16, "nwk_skey": 16, "app_skey": 16, "dev_addr": 4}


def quantities(row: Row) -> set[str]:
    """What a reading has, and what it had to have."""
    return {*row.values, *row.values.get("faults", ())}


def load_devices(capture: Path, devices: Path | None) -> list[dict[str, Any]]:
    """The devices of a run with their keys. HostError: the file is not there or not theirs."""
    path = devices or capture.with_name("devices.json")
    if not path.is_file():
        step = "name the keys with --keys FILE, or --keys ledger"
        raise HostError(f"{path} does not exist", step)
    step = "take the devices.json of the run, as it was kept"
    try:
        nodes = json.loads(path.read_bytes())["nodes"]
    except json.JSONDecodeError as error:
        raise HostError(f"{path.name}, line {error.lineno}: {error.msg}", step) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise HostError(f"{path.name} is no list of nodes with keys", step) from error
    if not isinstance(nodes, list):
        raise HostError(f"{path.name} is no list of nodes with keys", step)
    for number, node in enumerate(nodes, 1):
        if problem := _problem(node):
            raise HostError(f"{path.name}, node {number}: {problem}", step)
        node["dev_eui"] = node["dev_eui"].lower()  # as frames tell it
    return nodes


def _problem(node: Any) -> str:
    """Why an entry is no node with its keys, "" when it is one."""
    if not isinstance(node, dict) or not isinstance(node.get("name"), str):
        return "it has no name"
    if not isinstance(node.get("sessions"), list):
        return "it has no list of sessions"
    if not isinstance(node.get("region", ""), str):
        return "its region is not a text"
    found = [_not_bytes(node, key) for key in ("dev_eui", "join_eui", "app_key")]
    for session in node["sessions"]:
        found += [_not_bytes(session, key) for key in ("dev_addr", "nwk_skey", "app_skey")]
    return next(filter(None, found), "")


def _not_bytes(values: Any, key: str) -> str:
    try:
        fits = len(bytes.fromhex(values[key])) == _BYTES[key]
    except (KeyError, ValueError, TypeError):
        fits = False
    return "" if fits else f"'{key}' is missing or not {_BYTES[key]} bytes of hex"


def of_node(name: str, known: list[dict[str, Any]], uplinks: Iterable[Uplink]) -> list[Uplink]:
    """Those of one node, by its DevEUI or its DevAddrs. WrongUse: there is no such node.

    Another node may have the same DevAddr. The MIC tells, but only to whoever knows the upper half
    of the counter: that is left to where they go.
    """
    device = next((each for each in known if each["name"] == name), None)
    if device is None:
        names = [each["name"] for each in known]
        step = meant(name, names, f"there are: {', '.join(names) or 'none'}")
        raise WrongUse(f"no node '{name}' has keys here", step)
    addresses = {int(each["dev_addr"], 16) for each in device["sessions"]}
    return [each for each in uplinks if _is_of(each.phy, device["dev_eui"], addresses)]


def _is_of(phy: bytes, dev_eui: str, addresses: set[int]) -> bool:
    try:
        frame = parse(phy)
    except LorawanError:
        return False
    if isinstance(frame, JoinRequest):
        return frame.dev_eui.hex() == dev_eui
    return not frame.downlink and frame.dev_addr in addresses


class Reader:
    """Opens the frames of known sessions, each once, and counts what became of the others."""

    def __init__(self, devices: list[dict[str, Any]]):
        self._sessions = [
            (device, Session(int(each["dev_addr"], 16), bytes.fromhex(each["nwk_skey"]),
                             bytes.fromhex(each["app_skey"])))
            for device in devices
            for each in device["sessions"]
        ]  # fmt: skip
        self._last: dict[int, int] = {}  # index of the session -> its last counter
        self._seen: set[bytes] = set()
        self._totals = decode.Counts()
        self.counts = dict.fromkeys(
            ("frames", "decoded", "joins", "other", "repeated", "unknown", "unreadable"), 0
        )

    def rows(self, uplink: Uplink) -> list[Row]:
        """The readings of one frame; [] for anything else, which is counted."""
        self.counts["frames"] += 1
        if uplink.phy in self._seen:
            return self._count("repeated")
        try:
            frame = parse(uplink.phy)
        except LorawanError:
            return self._count("unknown")
        if isinstance(frame, JoinRequest):
            self._seen.add(uplink.phy)
            return self._count("joins")
        return self._count("unknown") if frame.downlink else self._open(frame, uplink)

    def _count(self, what: str) -> list[Row]:
        self.counts[what] += 1
        return []

    def _open(self, frame: DataFrame, uplink: Uplink) -> list[Row]:
        for index, (device, session) in enumerate(self._sessions):
            if session.dev_addr != frame.dev_addr:
                continue
            f_cnt = next_counter(self._last.get(index, -1), frame.f_cnt)
            if session.mic_ok(uplink.phy, frame, f_cnt):
                self._last[index] = f_cnt
                self._seen.add(uplink.phy)
                return self._decode(device, session.decrypt(frame, f_cnt), f_cnt, uplink)
        return self._count("unknown")

    def _decode(
        self, device: dict[str, Any], frame: DataFrame, f_cnt: int, uplink: Uplink
    ) -> list[Row]:
        if frame.f_port != decode.READINGS:
            return self._count("other")
        try:
            found = decode.decode_payload(frame.frm_payload)["readings"]
        except HostError:
            return self._count("unreadable")
        self.counts["decoded"] += 1
        self._totals.add(device["name"], uplink.time.timestamp(), found)
        return [
            Row(
                decode.measured_at(uplink.time, values),
                device["name"],
                device["dev_eui"],
                f_cnt,
                uplink.sf,
                uplink.rssi_dbm,
                uplink.snr_db,
                values,
            )
            for values in found
        ]
