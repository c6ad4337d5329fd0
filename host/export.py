# SPDX-License-Identifier: MIT
"""Nodes as the files with which networks take them in: The Things Stack, ChirpStack."""

import csv
import json
import os
import re
import tempfile
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from host.errors import HostError, typed
from host.node import Node

_VERSION, _PHY_VERSION = "MAC_V1_0_4", "RP002_V1_0_3"
# The Things Stack's plans. EU_863_870 is another one: SF12 in RX2 (lorawan-stack#3104).
_PLANS = {
    "EU868": "EU_863_870_TTN",
    "US915": "US_902_928_FSB_2",
    "AU915": "AU_915_928_FSB_2",
    "IN865": "IN_865_867",
    "AS923-1": "AS_923",
    "AS923-2": "AS_923_2",
    "AS923-3": "AS_923_3",
    "AS923-4": "AS_923_4",
}
_TTS_NAME, _CHIRPSTACK_NAME = 50, 100  # letters that a name may have there


def joining(nodes: Sequence[Node], named: bool = False) -> list[Node]:
    """Those that join. HostError: none does, or one that was `named` does not.

    A session (ABP) has windows and counters that no file of these tells a network.
    """
    found = [node for node in nodes if node.identity.session is None]
    others = [node.name for node in nodes if node.identity.session is not None]
    if others and (named or not found):
        cause = (
            f"{', '.join(others)} cannot be exported: a session of its own (ABP), it never joins"
        )
        show = f"node071 devices show {typed(others[0])} --show-keys"
        step = f"enter it by hand, see {show}; or have it join"
        raise HostError(cause, f"{step}: node071 provision --new-keys --app-key @FILE")
    return found


def notes(nodes: Sequence[Node], path: Path | None = None) -> list[str]:
    """What one should know of an export of these nodes."""
    found = []
    if path is not None:
        found.append(f"{path} holds keys: only the network may have it; delete it afterwards")
    if left_out := [node.name for node in nodes if node.identity.session is not None]:
        found.append(f"left out, as they never join (ABP): {', '.join(left_out)}")
    if retired := [node.name for node in nodes if node.retired_at is not None]:
        found.append(f"retired, and exported as they are named: {', '.join(retired)}")
    if any(not any(node.identity.join_eui) for node in nodes):
        found.append("a JoinEUI of zeros is right for The Things Stack and ChirpStack, not for all")
    return found


def tts_csv(nodes: Iterable[Node]) -> str:
    """The Things Stack CSV: only columns that each row fills (ttscsv.go parses empty ones too)."""
    return _csv(map(_tts_row, nodes), ";")


def tts_json(nodes: Iterable[Node]) -> str:
    """The Things Stack JSON: objects one after the other, no array."""
    return "".join(f"{json.dumps(_tts_object(node))}\n" for node in nodes)


def chirpstack_json(
    nodes: Iterable[Node], application_id: str = "", device_profile_id: str = ""
) -> str:
    """The bodies of POST /api/devices and POST /api/devices/{devEui}/keys, a pair a node."""
    pairs = []
    for node in nodes:
        body = device(node) | {
            "applicationId": application_id,
            "deviceProfileId": device_profile_id,
        }
        keys = {"devEui": body["devEui"], "nwkKey": node.identity.app_key.hex()}
        pairs.append({"device": body, "deviceKeys": keys})
    return json.dumps(pairs, indent=1) + "\n"


def chirpstack_csv(nodes: Iterable[Node]) -> str:
    """The same for people and scripts: ChirpStack itself takes no CSV."""
    rows = []
    for node in nodes:
        body = device(node)
        rows.append(
            {
                "dev_eui": body["devEui"],
                "name": body["name"],
                "description": body["description"],
                "join_eui": body["joinEui"],
                "nwk_key": node.identity.app_key.hex(),
            }
        )
    return _csv(rows, ",")


def device(node: Node) -> dict[str, Any]:
    """A node as ChirpStack's API has a device, without its application and device profile."""
    return {
        "devEui": node.dev_eui.hex(),
        "joinEui": node.identity.join_eui.hex(),
        "name": _name(node, _CHIRPSTACK_NAME),
        "description": _description(node),
        "tags": _tags(node),
    }


def file_stem(name: str) -> str:
    """A name as it may be part of a file's name."""
    return re.sub(r"[^\w.-]+", "_", name).strip("._")[:100] or "node"


def write(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all. HostError: no directory."""
    if not path.parent.is_dir():
        raise HostError(f"there is no directory {path.parent}", "make it first")
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # it is 0600
    try:
        with open(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(handle)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _tts_row(node: Node) -> dict[str, str]:
    identity = node.identity
    return {
        "id": _tts_id(node),
        "dev_eui": identity.dev_eui.hex().upper(),
        "join_eui": identity.join_eui.hex().upper(),
        "name": _name(node, _TTS_NAME),
        "frequency_plan_id": _plan(node),
        "lorawan_version": _VERSION,
        "lorawan_phy_version": _PHY_VERSION,
        "app_key": identity.app_key.hex().upper(),
    }


def _tts_object(node: Node) -> dict[str, Any]:
    row = _tts_row(node)
    return {
        "ids": {
            "device_id": row["id"],
            "dev_eui": row["dev_eui"],
            "join_eui": row["join_eui"],
        },
        "name": row["name"],
        "description": _description(node),
        "attributes": _tags(node),
        "lorawan_version": row["lorawan_version"],
        "lorawan_phy_version": row["lorawan_phy_version"],
        "frequency_plan_id": row["frequency_plan_id"],
        "supports_join": True,
        "supports_class_c": False,
        "root_keys": {"app_key": {"key": row["app_key"]}},
    }


def _tts_id(node: Node) -> str:
    """The id that The Things Stack gives by itself: it stays when a node gets another name."""
    return f"eui-{node.dev_eui.hex()}"


def _plan(node: Node) -> str:
    if node.region not in _PLANS:
        cause = f"'{node.name}': no plan of The Things Stack is known for region {node.region}"
        raise HostError(cause, f"known: {', '.join(_PLANS)}")
    return _PLANS[node.region]


def _name(node: Node, most: int) -> str:
    return " ".join(node.name.split())[:most]


def _description(node: Node) -> str:
    place = f", {node.place}" if node.place else ""
    return f"Node071 {node.kit} on {node.board}{place}"


def _tags(node: Node) -> dict[str, str]:
    tags = {"board": node.board, "kit": node.kit, "place": node.place}
    return {name: value for name, value in tags.items() if value}


def _csv(rows: Iterable[dict[str, str]], delimiter: str) -> str:
    rows, target = list(rows), StringIO()
    writer = csv.DictWriter(target, list(rows[0]), delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return target.getvalue()
