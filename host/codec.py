# SPDX-License-Identifier: MIT
"""The payload formatter of networks: codec.js filled with the tables of firmware/readings.py."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from host import files, vectors
from host.decode import READINGS, SETTINGS, STATUS

# (kind of golden vector, its name): they are shown as examples, and tried as such.
_UPLINKS = (
    ("readings", "a class"),
    ("readings", "newest first"),
    ("readings", "the first after a restart, with a silent sensor"),
    ("readings", "the clock was lost since"),
    ("readings", "nothing but keys to come"),
    ("answers", "out of range"),
    ("status", "all that a node says"),
)
_DOWNLINKS = ("an interval", "marks, one of them kept", "two actions", "the light")
_PORTS = {"readings": READINGS, "answers": SETTINGS, "status": STATUS}
_ACTIONS = ("restart", "status", "calibrate_co2")  # of the settings; each needs a sequence
_WARNING = "key {} is unknown: is this codec older than the node?"


def javascript() -> str:
    """The whole file, for The Things Stack and for ChirpStack."""
    template = Path(__file__).with_name("codec.js").read_text(encoding="utf-8")
    filled = template.replace("/* TABLES */", _tables())
    return filled.replace("/* EXAMPLES */", f"var examples = {_lines(_examples())};")


def _tables() -> str:
    tables = files.readings()
    words = {"FLAGS": enumerate(tables.FLAGS), "RULES": enumerate(tables.RULES)}
    words |= {name: getattr(tables, name) for name in ("RESTARTS", "SETTING_CODES")}
    return "\n\n".join(
        (
            _keyed("QUANTITIES", tables.QUANTITIES),
            _keyed("STATUS", tables.STATUS),
            f"var SETTINGS = {_lines(map(_setting, tables.SETTINGS))};",
            _keyed("ANSWER", ((0, "sequence"), (1, "result"), (2, "at_fault"))),
            f"var ACTIONS = {json.dumps(_ACTIONS)};",
            *(f"var {name} = {_object(rows)};" for name, rows in words.items()),
        )
    )


def _keyed(name: str, rows: Iterable[tuple[Any, ...]]) -> str:
    """Rows of (key, name, unit, steps per unit) by key; those without a unit are whole numbers."""
    found = []
    for key, *row in rows:
        unit, steps = row[1:3] if len(row) > 1 else ("", 1)
        said = f" // {unit}" if unit else ""
        found.append(f'  "{key}": {json.dumps({"name": row[0], "steps": steps})},{said}')
    return "\n".join([f"var {name} = {{", *found, "};"])


def _setting(row: tuple[int, str, str, int, int]) -> dict[str, Any]:
    key, name, unit, lowest, highest = row
    found = {"key": key, "name": name, "steps": 10 if unit.startswith("0.1 ") else 1}
    found |= {"lowest": lowest, "highest": highest}
    found["unit"] = "" if unit == "action" else unit.removeprefix("0.1 ")
    parts = files.readings().SETTING_PARTS.get(key)
    return found | ({"parts": parts} if parts else {})


def _object(rows: Iterable[tuple[int, str]]) -> str:
    inside = ",\n".join(f'  "{code}": {json.dumps(word)}' for code, word in rows)
    return f"{{\n{inside}\n}}"


def _lines(rows: Iterable[Any]) -> str:
    """An array, a row a line."""
    inside = ",\n".join(f"  {json.dumps(row)}" for row in rows)
    return f"[\n{inside}\n]"


def _examples() -> list[dict[str, Any]]:
    """Golden vectors in the form of TS013, each with a description, an input and an output."""
    golden = json.loads(vectors.as_json())
    rows = {(kind, row["name"]): row for kind in golden for row in golden[kind]}
    found = []
    for kind, name in _UPLINKS:
        row = rows[kind, name]
        frame = {"fPort": _PORTS[kind], "bytes": list(bytes.fromhex(row["payload"]))}
        found.append(_example("uplink", name, frame, uplink_output(row["decoded"])))
    for name in _DOWNLINKS:
        row = rows["settings", name]
        frame = {"fPort": SETTINGS, "bytes": list(bytes.fromhex(row["payload"]))}
        data = {"data": row["decoded"]["settings"]}
        found.append(_example("downlink-encode", name, data, frame))
        found.append(_example("downlink-decode", name, frame, data))
    return found


def _example(kind: str, description: str, given: Any, output: Any) -> dict[str, Any]:
    return {"type": kind, "description": description, "input": given, "output": output}


def uplink_output(decoded: dict[str, Any]) -> dict[str, Any]:
    """What decodeUplink gives for that which decode.decode_payload gives."""
    if decoded["readings"]:
        data = decoded["readings"][0] | {"older": decoded["readings"][1:]}
    else:
        data = {name: decoded[name] for name in ("answer", "status") if name in decoded}
    warnings = [_WARNING.format(key) for key in decoded["unknown"]]
    return {"data": data} | ({"warnings": warnings} if warnings else {})
