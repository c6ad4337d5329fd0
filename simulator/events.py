# SPDX-License-Identifier: MIT
"""What the network does in a scenario at given times: MAC commands and application downlinks."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Any

import cbor2

from host import files, maccommands
from host.decode import SETTINGS
from host.errors import meant
from simulator.device import Device
from simulator.network import Network

KEYS: dict[str, Any] = {
    "kind": str,
    "node": str,
    "at_h": Annotated[float, 0, 100000],
    "every_h": Annotated[float, 0.001, 100000],
    "hex": str,
    "commands": list,
    "f_port": int,
    "payload": str,
    "settings": dict,
    "confirmed": bool,
}
NEEDED = ("kind", "node", "at_h")
_COMMON = {"kind", "node", "at_h", "every_h"}
# What each kind may have besides, and which of it says what is sent: one of these groups.
_KINDS: dict[str, tuple[set[str], tuple[tuple[str, ...], ...]]] = {
    "mac-command": (set(), (("hex",), ("commands",))),
    "downlink": ({"confirmed"}, (("f_port", "payload"), ("settings",))),
}


class EventError(ValueError):
    """A mistake in an event: the key that has it, and what to do."""

    def __init__(self, key: str, problem: str, step: str):
        super().__init__(problem)
        self.key, self.step = key, step


@dataclass(frozen=True)
class EventPlan:
    """From `at_h` on, every `every_h` or once: `commands` (CID first), or else a payload."""

    node: str
    at_h: float
    every_h: float | None = None
    commands: bytes = b""
    f_port: int = SETTINGS
    payload: bytes = b""
    confirmed: bool = False

    def apply(self, network: Network, device: Device) -> None:
        """Queue it for the device's next uplink."""
        if self.commands:
            network.queue_mac(device, [self.commands])
        else:
            network.queue(device, self.f_port, self.payload, self.confirmed)


def plan(values: Mapping[str, Any]) -> EventPlan:
    """Take one table [[event]], its keys and types checked. EventError names the key at fault."""
    _check_kind(values)
    sent = {key: values[key] for key in ("node", "at_h", "every_h", "confirmed") if key in values}
    if values["kind"] == "mac-command":
        return EventPlan(**sent, commands=_commands(values))
    if "settings" in values:
        return EventPlan(**sent, payload=_settings(values["settings"]))
    f_port, payload = values["f_port"], _bytes("payload", values["payload"])
    if not 0 <= f_port <= 224 or len(payload) > 242:
        problem = f"{len(payload)} bytes for FPort {f_port}"
        raise EventError("f_port", problem, "FPort 1 to 224 and 242 bytes at most")
    return EventPlan(**sent, f_port=f_port, payload=payload)


def _check_kind(values: Mapping[str, Any]) -> None:
    if values["kind"] not in _KINDS:
        problem = f"unknown event '{values['kind']}'"
        raise EventError("kind", problem, meant(values["kind"], _KINDS))
    more, groups = _KINDS[values["kind"]]
    given = set(values) - _COMMON - more
    if given not in [set(group) for group in groups]:
        step = "give " + ", or ".join(" and ".join(group) for group in groups)
        raise EventError("kind", f"an event '{values['kind']}' needs something to send", step)


def _bytes(key: str, text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise EventError(key, f"'{key}' is not hexadecimal", "two digits a byte") from error


def _commands(values: Mapping[str, Any]) -> bytes:
    """The commands as a network sends them, CID first."""
    if "hex" in values:
        stream = _bytes("hex", values["hex"])
        _, problem = maccommands.parse(stream, downlink=True)
        if problem is not None or not stream:
            raise EventError("hex", f"no MAC commands: {problem}", "CID first in each")
        return stream
    if not values["commands"]:
        raise EventError("commands", "no command in 'commands'", "or leave the event out")
    return b"".join(_command(each) for each in values["commands"])


def _command(table: Any) -> bytes:
    """One command of its name and fields; those left out are 0."""
    step = 'for example { name = "RXTimingSetupReq", delay = 5 }'
    if not isinstance(table, dict) or not isinstance(table.get("name"), str):
        raise EventError("commands", "a command is not a table with a name", step)
    fields = {key: value for key, value in table.items() if key != "name"}
    if not all(isinstance(value, int) for value in fields.values()):
        raise EventError("commands", f"{table['name']}: fields are whole numbers", step)
    try:
        stream = maccommands.build(table["name"], **fields)
    except ValueError as error:
        raise EventError("commands", f"{table['name']}: {error}", step) from error
    sent, _ = maccommands.parse(stream, downlink=True)
    if [each.name for each in sent] != [table["name"]]:
        raise EventError("commands", f"a network does not send {table['name']}", step)
    return stream


def _settings(values: Mapping[str, Any]) -> bytes:
    """Settings by name and in natural units, as they travel on FPort 2."""
    rows = {row[1]: (row[0], 10 if row[2].startswith("0.1 ") else 1) for row in _table()}
    wire: dict[int, Any] = {}
    for name, value in values.items():
        if name not in rows:
            raise EventError("settings", f"unknown setting '{name}'", meant(name, rows))
        key, steps = rows[name]
        parts = value if isinstance(value, list) else [value]
        if not all(isinstance(each, int | float) and isfinite(each) for each in parts):
            raise EventError("settings", f"'{name}' is not a number", "correct that line")
        numbers = [round(each * steps) for each in parts]
        wire[key] = numbers if isinstance(value, list) else numbers[0]
    return cbor2.dumps(wire, canonical=True)


def _table() -> Any:
    return files.readings().SETTINGS
