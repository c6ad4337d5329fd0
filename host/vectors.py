# SPDX-License-Identifier: MIT
"""Golden vectors: payloads and what they say, for every decoder and for the firmware.

Here a payload is written from its wire values and its meaning beside it, without host/decode.py.
"""

import json
from collections.abc import Iterator
from typing import Any

import cbor2

from host import files

Map = dict[int, Any]
_AIR = {1: 612, 2: 213, 3: 45}
_DECODED_AIR = {"co2": 612, "temperature": 21.3, "humidity": 45}
_WORDED = ("age", "faults", "restart", "number", "flags")

# (name, readings on the wire, newest first, what they say, unknown keys)
_READINGS: list[tuple[str, list[Map], list[dict[str, Any]], dict[str, Any]]] = [
    ("a class", [_AIR], [{"age_s": 0, **_DECODED_AIR}], {}),
    ("from 25.6 degC on a byte more", [_AIR | {2: 256}],
     [{"age_s": 0, **_DECODED_AIR, "temperature": 25.6}], {}),
    ("frost", [{2: -1}, {0: 600, 2: -213}],
     [{"age_s": 0, "temperature": -0.1}, {"age_s": 600, "temperature": -21.3}], {}),
    ("an age of 10 s", [{0: 10, 1: 612}], [{"age_s": 10, "co2": 612}], {}),
    ("the clock was lost since", [{0: None, -3: 65535, **_AIR}],
     [{"age_s": None, "number": 65535, **_DECODED_AIR}], {}),
    ("newest first", [{1: 3}, {0: 600, 1: 2}, {0: 1200, 1: 1}],
     [{"age_s": 0, "co2": 3}, {"age_s": 600, "co2": 2}, {"age_s": 1200, "co2": 1}], {}),
    ("the first after a restart, with a silent sensor", [{3: 45, -1: 3, -2: 1}],
     [{"age_s": 0, "humidity": 45, "faults": ["co2", "temperature"], "restart": "power-on"}], {}),
    ("a fault of a key that has no name", [{-1: 1 << 19}],
     [{"age_s": 0, "faults": ["key 20"]}], {}),
    ("two flags", [{1: 1300, -4: 0b10010}],
     [{"age_s": 0, "co2": 1300, "flags": ["needs airing", "calibration due"]}], {}),
    ("keys to come, of any type", [_AIR | {20: 1, 64: [1, 2], 65: "text", 66: b"\x01\xff"},
                                   {0: 600, 1: 2, 64: 9}],
     [{"age_s": 0, **_DECODED_AIR}, {"age_s": 600, "co2": 2}],
     {"20": 1, "64": [1, 2], "65": "text", "66": "01ff"}),
    ("nothing but keys to come", [{64: 1}], [{"age_s": 0}], {"64": 1}),
]  # fmt: skip

# (name, bytes that a frame may have, the reading, its age, its parts in frames of their own)
_SPLITS: list[tuple[str, int, Map, int | None, list[Map]]] = [
    ("faults and restart go first", 12, {1: 612, 2: 213, 3: 45, 9: 371, -1: 2, -2: 1}, 700,
     [{0: 700, -1: 2, -2: 1}, {0: 700, 1: 612, 2: 213}, {0: 700, 3: 45, 9: 371}]),
    ("each part of a lost clock has the number", 11, _AIR, None,
     [{0: None, -3: 7, 1: 612}, {0: None, -3: 7, 2: 213, 3: 45}]),
    ("the least payload of US915", 11, _AIR | {9: 371}, 0, [_AIR, {9: 371}]),
]  # fmt: skip

# (name, settings on the wire, what they say, unknown keys)
_SETTINGS: list[tuple[str, Map, dict[str, Any], dict[str, Any]]] = [
    ("an interval", {0: 5, 1: 900}, {"sequence": 5, "interval": 900}, {}),
    ("without a sequence", {1: 900}, {"interval": 900}, {}),
    ("two actions", {0: 6, 2: 1, 3: 1}, {"sequence": 6, "restart": 1, "status": 1}, {}),
    ("marks, one of them kept", {0: 7, 6: [2000, 300, None]},
     {"sequence": 7, "marks": [2000, 300, None]}, {}),
    ("the light", {0: 8, 11: [900, 1400]}, {"sequence": 8, "light": [900, 1400]}, {}),
    ("a key to come", {0: 9, 1: 900, 99: 1}, {"sequence": 9, "interval": 900}, {"99": 1}),
]  # fmt: skip

# (name, settings, their result when it comes later, the answer, what it says); CO2 sensors only
_ANSWERS: list[tuple[str, Map, int | None, Map, tuple[int | None, str, str | None]]] = [
    ("done", {0: 5, 1: 900}, None, {0: 5, 1: 0}, (5, "done", None)),
    ("done, and no sequence", {1: 900}, None, {1: 0}, (None, "done", None)),
    ("unknown key", {0: 5, 1: 900, 99: 1}, None, {0: 5, 1: 1, 2: 99}, (5, "unknown key", "key 99")),
    ("out of range", {0: 65535, 1: 59}, None, {0: 65535, 1: 2, 2: 1}, (65535, "range", "interval")),
    ("an action lacks its sequence", {2: 1}, None, {1: 2, 2: 0}, (None, "range", "sequence")),
    ("no such sensor", {0: 5, 6: [9, 1, 5]}, None, {0: 5, 1: 3, 2: 6},
     (5, "no such sensor", "marks")),
    ("busy", {0: 5, 5: 420}, None, {0: 5, 1: 4}, (5, "busy", None)),
    ("failed", {0: 5, 5: 420}, 5, {0: 5, 1: 5}, (5, "failed", None)),
]  # fmt: skip

_NODE = {0: "0.1.0", 1: b"\xab\xcd", 2: 170, 3: 2, 4: 3, 5: 0, 6: 2, 7: 95, 8: 371, 9: -107,
         10: -3, 11: 87, 12: 1, 13: 4}  # fmt: skip
_DECODED_NODE = {
    "firmware_version": "0.1.0", "config_digest": "abcd", "uptime": 170, "restart": "watchdog",
    "readings_waiting": 3, "readings_dropped": 0, "waits_for": "fair use", "waits": 95,
    "battery": 3.71, "last_rssi": -107, "last_snr": -3, "free_heap": 87, "crashes": 1,
    "join_tries": 4,
}  # fmt: skip
_ROOM = 51  # DR0 of EU868
# (name, bytes that a frame may have, keys that come); with room, the others are not known
_STATUS = [
    ("all that a node says", _ROOM, range(14)),
    ("without battery", _ROOM, [key for key in range(14) if key != 8]),
    ("as many keys as fit", 26, range(8)),
    ("a byte less, a key less", 25, range(7)),
]


def as_json() -> str:
    """The file: a list for each kind, a row a line; maps are lists of pairs, bytes {"hex": ...}."""
    kinds = {
        "readings": [*_readings(), *_every_quantity()],
        "splits": list(_splits()),
        "settings": [*_settings(), *_every_setting()],
        "answers": list(_answers()),
        "status": list(_status()),
    }
    lists = (f' "{kind}": [\n  {_lines(rows)}\n ]' for kind, rows in kinds.items())
    return "{\n" + ",\n".join(lists) + "\n}\n"


def _lines(rows: list[dict[str, Any]]) -> str:
    return ",\n  ".join(json.dumps(row) for row in rows)


def _row(name: str, maps: list[Map], unknown: dict[str, Any], **said: Any) -> dict[str, Any]:
    return {
        "name": name,
        "wire": [_pairs(each) for each in maps],
        "payload": b"".join(map(encoded, maps)).hex(),
        "decoded": {"readings": [], **said, "unknown": unknown},
    }


def _pairs(values: Map) -> list[list[Any]]:
    return [[key, {"hex": value.hex()} if isinstance(value, bytes) else value]
            for key, value in values.items()]  # fmt: skip


def encoded(values: Map) -> bytes:
    """A map in deterministic encoding (RFC 8949 4.2.1): its keys in the order of their bytes."""
    return cbor2.dumps(dict(sorted(values.items(), key=lambda pair: cbor2.dumps(pair[0]))))


def _readings() -> Iterator[dict[str, Any]]:
    for name, maps, said, unknown in _READINGS:
        yield _row(name, maps, unknown, readings=said)


def _every_quantity() -> Iterator[dict[str, Any]]:
    """The lowest and the highest value of each quantity, each code, each bit."""
    tables = files.readings()
    for key, name, _, steps, *limits in tables.QUANTITIES:
        for value in () if name in _WORDED else limits:
            said = {"age_s": 0, name: value if steps == 1 else value / steps}
            yield _row(f"{name} {said[name]}", [{key: value}], {}, readings=[said])
    for code, word in tables.RESTARTS:
        said = {"age_s": 0, "restart": word}
        yield _row(f"restart: {word}", [{-2: code}], {}, readings=[said])
    for bit, word in enumerate(tables.FLAGS):
        said = {"age_s": 0, "flags": [word]}
        yield _row(f"flag: {word}", [{-4: 1 << bit}], {}, readings=[said])
    for key, name, *_ in tables.QUANTITIES:
        if key > 0:
            said = {"age_s": 0, "faults": [name]}
            yield _row(f"fault: {name}", [{-1: 1 << (key - 1)}], {}, readings=[said])


def _splits() -> Iterator[dict[str, Any]]:
    for name, limit, values, age_s, parts in _SPLITS:
        yield {
            "name": name,
            "limit": limit,
            "number": 7,
            "age_s": age_s,
            "values": _pairs(values),
            "payloads": [encoded(part).hex() for part in parts],
        }


def _settings() -> Iterator[dict[str, Any]]:
    for name, values, said, unknown in _SETTINGS:
        yield _row(name, [values], unknown, settings=said)


def _every_setting() -> Iterator[dict[str, Any]]:
    """The lowest and the highest value of each setting."""
    tables = files.readings()
    for key, name, unit, *limits in tables.SETTINGS:
        for value in dict.fromkeys(limits):
            whole = (
                [value] * len(tables.SETTING_PARTS[key]) if key in tables.SETTING_PARTS else value
            )
            said = value / 10 if unit == "0.1 degC" else whole
            yield _row(f"{name} {said}", [{0: 1} | {key: whole}], {},
                       settings={"sequence": 1} | {name: said})  # fmt: skip


def _answers() -> Iterator[dict[str, Any]]:
    for name, command, later, answer, (sequence, result, at_fault) in _ANSWERS:
        said = {"sequence": sequence, "result": result, "at_fault": at_fault}
        yield {
            "to": encoded(command).hex(),
            "later": later,
            **_row(name, [answer], {}, answer=said),
        }


def _status() -> Iterator[dict[str, Any]]:
    said = dict(zip(_NODE, _DECODED_NODE.items(), strict=True))
    for name, limit, keys in _STATUS:
        wire = {key: _NODE[key] for key in keys}
        known = [key for key in _NODE if key in keys or limit < _ROOM]
        yield {
            "limit": limit,
            "values": _pairs({key: _NODE[key] for key in known}),
            **_row(name, [wire], {}, status=dict(said[key] for key in keys)),
        }
