# SPDX-License-Identifier: MIT
"""The bytes on the air as documents: tables for people and CDDL, from firmware/readings.py."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from host import codec, files, vectors

NOTES = {
    "age": "when the frame was built; left out under 10 s; null: the clock was lost since",
    "distance": "after filtering",
    "fill": "of the bin, from the distance and the marks for empty and full",
    "level": "of the water, against its mark",
    "count": "events in all; after 65535 comes 0",
    "occupied": "0 or 1, now",
    "count_back": "as `count`, in the other direction",
    "occupancy": "of the interval",
    "temperature_2": "of the water, or inside the box",
    "faults": "bit k-1: key k is configured and had no good value; left out when 0",
    "restart": "why the node started: in its first frame only",
    "number": "running number of the reading: only beside a null age",
    "flags": "bits, see below; left out when 0",
}
SETTING_NOTES = {
    "sequence": "any number; an action needs a new one",
    "interval": "between two readings",
    "lamp": "0 off, 1 on, 2 when somebody passes",
    "status": "the node sends its status",
    "restart": "the node starts anew",
    "calibrate_co2": "the air that is at the sensor now",
    "marks": "null keeps the old one",
    "altitude": "above the sea",
    "temperature_offset": "what the sensor is warmer than the room",
    "self_calibration": "0 off, 1 on",
    "airtime_budget": "what the node may use of the air",
    "light": "from where on; red not under orange",
    "proof_interval": "how often the node asks for an answer",
}
STATUS_NOTES = {
    "config_digest": "2 bytes that differ when the config does",
    "restart": "as in readings",
    "readings_dropped": "the memory was full",
    "waits_for": "the rule that it waits for, see below",
    "waits": "for how long still",
    "last_rssi": "of the last downlink",
    "last_snr": "of the last downlink",
    "join_tries": "that the last join took",
}
# What a status value is, when it is not a whole number from 0.
STATUS_TYPES = {
    "firmware_version": "text",
    "config_digest": "bytes .size 2",
    "restart": "restart-code",
    "waits_for": "rule",
    "last_rssi": "int",
    "last_snr": "int",
}


def documents() -> dict[str, str]:
    """Each document that is made from the tables: its text by its path in the checkout."""
    pages = [files.root() / "docs" / name for name in ("frames.md", "leds.md")]
    return {
        **{f"docs/{page.name}": filled(page.read_text(encoding="utf-8")) for page in pages},
        "docs/frames.cddl": cddl(),
        "docs/codec.js": codec.javascript(),
        "tests/vectors/readings.json": vectors.as_json(),
    }


def filled(page: str) -> str:
    """The page with each table renewed that stands between <!-- table: NAME --> and <!-- end -->.

    KeyError: there is no such table.
    """
    return re.sub(
        r"(<!-- table: (\w+) -->\n).*?(?=<!-- end -->)",
        lambda found: f"{found[1]}{TABLES[found[2]]()}",
        page,
        flags=re.DOTALL,
    )


def _table(head: str, rows: Iterable[Iterable[Any]]) -> str:
    lines = [f"| {head} |", "|---" * (head.count("|") + 1) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows), ""])


def _step(unit: str, steps: int) -> str:
    """One step of a wire value: "0.1 degC" for 10 steps to the degree."""
    return unit if steps == 1 else f"{1 / steps:g} {unit}"


def _quantities() -> str:
    rows = (
        (key, f"`{name}`", _step(unit, steps), f"{lowest} to {highest}", NOTES.get(name, ""))
        for key, name, unit, steps, lowest, highest in files.readings().QUANTITIES
    )
    return _table("key | name | one step is | on the wire | note", rows)


def _settings() -> str:
    rows = (
        (key, f"`{name}`", _setting_value(key, unit), _allowed(*row), SETTING_NOTES.get(name, ""))
        for key, name, unit, *row in files.readings().SETTINGS
    )
    return _table("key | name | value | allowed | note", rows)


def _setting_value(key: int, unit: str) -> str:
    parts = files.readings().SETTING_PARTS.get(key)
    return f"[{', '.join(parts)}] in {unit}" if parts else unit


def _allowed(lowest: int, highest: int) -> str:
    return str(lowest) if lowest == highest else f"{lowest} to {highest}"


def _status() -> str:
    rows = (
        (key, f"`{name}`", _step(unit, steps), STATUS_NOTES.get(name, ""))
        for key, name, unit, steps in files.readings().STATUS
    )
    return _table("key | name | one step is | note", rows)


def _words(table: str, head: str) -> Callable[[], str]:
    def drawn() -> str:
        rows = getattr(files.readings(), table)
        return _table(head, enumerate(rows) if isinstance(rows[0], str) else rows)

    return drawn


TABLES: dict[str, Callable[[], str]] = {
    "quantities": _quantities,
    "restarts": _words("RESTARTS", "code | why it started"),
    "flags": _words("FLAGS", "bit | meaning"),
    "settings": _settings,
    "codes": _words("SETTING_CODES", "code | meaning"),
    "status": _status,
    "rules": _words("RULES", "rule | it waits for"),
    "leds": lambda: _table("blinks | name | what it means | what to do", files.readings().LEDS),
}

_CDDL = """\
; What a Node071 node sends and takes, in CDDL (RFC 8610); made by `make docs`, docs/frames.md has
; the words. A payload of FPort 1 is a CBOR sequence of readings, newest first.

readings = bytes .cborseq [+ reading]  ; FPort 1 up

reading = {{
{readings}
  * int => any  ; keys to come
}}

settings = {{  ; FPort 2 down
{settings}
}}

answer = {{  ; FPort 2 up
  ? 0: uint,  ; the sequence
  1: 0..{last_code},  ; the code
  ? 2: int,  ; the key at fault
  * int => any
}}

status = {{  ; FPort 3 up
{status}
  * int => any
}}

restart-code = 1..{last_restart}
rule = 0..{last_rule}
"""


def cddl() -> str:
    """The CDDL of all payloads."""
    tables = files.readings()
    return _CDDL.format(
        readings="\n".join(_reading_line(*row) for row in tables.QUANTITIES),
        settings="\n".join(_setting_line(*row) for row in tables.SETTINGS),
        status="\n".join(_status_line(*row) for row in tables.STATUS),
        last_code=tables.SETTING_CODES[-1][0],
        last_restart=tables.RESTARTS[-1][0],
        last_rule=len(tables.RULES) - 1,
    )


def _reading_line(key: int, name: str, unit: str, steps: int, lowest: int, highest: int) -> str:
    null = " / null" if name == "age" else ""
    return f"  ? {key}: {lowest}..{highest}{null},  ; {_named(name, _step(unit, steps))}"


def _setting_line(key: int, name: str, unit: str, lowest: int, highest: int) -> str:
    value = str(lowest) if lowest == highest else f"{lowest}..{highest}"
    if parts := files.readings().SETTING_PARTS.get(key):
        null = " / null" if name == "marks" else ""
        value = f"[{', '.join(f'{part}: {value}{null}' for part in parts)}]"
    return f"  ? {key}: {value},  ; {_named(name, unit)}"


def _status_line(key: int, name: str, unit: str, steps: int) -> str:
    return f"  ? {key}: {STATUS_TYPES.get(name, 'uint')},  ; {_named(name, _step(unit, steps))}"


def _named(name: str, unit: str) -> str:
    return f"{name}, {unit}" if unit else name


def main() -> None:
    """Write the documents of a checkout anew."""
    for path, text in documents().items():
        Path(files.root(), path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
