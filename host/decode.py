# SPDX-License-Identifier: MIT
"""What the payloads of a node say: readings (FPort 1), settings (2) and status (3)."""

from bisect import bisect, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from io import BytesIO
from typing import Any

import cbor2

from host import files, maccommands
from host.errors import HostError
from host.lorawan import DataFrame, LorawanError, MType, Session, parse

READINGS, SETTINGS, STATUS = 1, 2, 3
_COUNTER_TURNS = 256  # rounds of the 16-bit counter that are tried when it is not given
TOTALS, _TURN = ("count", "count_back"), 65536  # running totals, and where they begin anew
_MAX_WHOLE = 2**53 - 1  # above it JSON and JavaScript lose digits
LEAST_APART_S = 60  # two readings of a node
_SAME_S = LEAST_APART_S / 2
_NEXT_STEP = "check that the payload is whole, and its FPort"


@cache
def _quantities() -> dict[int, tuple[str, int]]:
    return {row[0]: (row[1], row[3]) for row in files.readings().QUANTITIES}


@cache
def _words(table: str) -> dict[int, str]:
    rows = getattr(files.readings(), table)
    return dict(enumerate(rows)) if isinstance(rows[0], str) else dict(rows)


def decode_payload(
    payload: bytes, f_port: int = READINGS, downlink: bool = False
) -> dict[str, Any]:
    """Decode a decrypted payload to {"readings", "unknown"}, values in natural units.

    FPort 2 adds "answer" (up) or "settings" (down), FPort 3 "status". "unknown" has the keys that
    no table knows, as text, the newest reading's first. HostError: malformed.
    """
    result: dict[str, Any] = {"readings": [], "unknown": {}}
    maps = _maps(payload)
    if f_port == READINGS:
        result["readings"] = [_reading(each, result["unknown"]) for each in maps]
        return result
    if len(maps) != 1:
        raise HostError(f"{len(maps)} CBOR maps on FPort {f_port}, need 1", _NEXT_STEP)
    if f_port == SETTINGS and downlink:
        result["settings"] = _settings(maps[0], result["unknown"])
    elif f_port == SETTINGS:
        result["answer"] = _answer(maps[0], result["unknown"])
    elif f_port == STATUS:
        result["status"] = _status(maps[0], result["unknown"])
    else:
        raise HostError(f"FPort {f_port} is not one of a node", "1 readings, 2 settings, 3 status")
    return result


def decode_phy(
    phy: bytes, nwk_skey: bytes, app_skey: bytes, f_cnt: int | None = None
) -> dict[str, Any]:
    """Open a data frame and decode what it carries: decode_payload's keys and those of the frame.

    f_cnt is the whole counter; without it the first whose MIC is right is taken. Nothing is
    decrypted under a wrong MIC: "mic_ok" is False then, "payload" None. HostError: no data frame.
    """
    try:
        frame = parse(phy)
        if not isinstance(frame, DataFrame):
            raise LorawanError("a join-request carries no readings")
        session = Session(frame.dev_addr, nwk_skey, app_skey)
        counters = _counters(frame.f_cnt, f_cnt)
        whole = next((each for each in counters if session.mic_ok(phy, frame, each)), None)
    except LorawanError as error:
        raise HostError(error.reason, "check that the frame and its keys are whole") from error
    opened = None if whole is None else session.decrypt(frame, whole)
    result = _payload_of(opened)
    result["m_type"] = MType(frame.m_type).name.lower()
    result["dev_addr"] = f"{frame.dev_addr:08x}"
    result["f_cnt"] = frame.f_cnt if whole is None else whole
    result["f_port"] = frame.f_port
    result["f_opts"] = frame.f_opts.hex()
    result["mic_ok"] = opened is not None
    result["payload"] = None if opened is None else opened.frm_payload.hex()
    return result


def _counters(low: int, f_cnt: int | None) -> range:
    if f_cnt is None:
        return range(low, _COUNTER_TURNS << 16, 1 << 16)
    if f_cnt & 0xFFFF != low:
        raise LorawanError(f"the frame carries counter {low}, not {f_cnt & 0xFFFF}")
    return range(f_cnt, f_cnt + 1)


def _payload_of(frame: DataFrame | None) -> dict[str, Any]:
    result: dict[str, Any] = {"readings": [], "unknown": {}}
    if frame is None:
        return result
    if frame.f_port in (READINGS, SETTINGS, STATUS) and frame.frm_payload:
        result = decode_payload(frame.frm_payload, frame.f_port, frame.downlink)
    stream = frame.frm_payload if frame.f_port == 0 else frame.f_opts
    commands, _ = maccommands.parse(stream, frame.downlink)
    result["commands"] = [{"name": each.name, **each.fields} for each in commands]
    return result


class _Tags(dict[int, Any]):
    """Takes every tag for what it is: no payload gets a date, a pattern or a huge number made."""

    def __missing__(self, tag: int) -> Any:
        return lambda value, immutable: cbor2.CBORTag(tag, value)


def _maps(payload: bytes) -> list[dict[int, Any]]:
    """Split a CBOR sequence (RFC 8742) of maps with integer keys."""
    stream, maps = BytesIO(payload), []
    decoder = cbor2.CBORDecoder(
        stream, semantic_decoders=_Tags(), allow_indefinite=False, allow_duplicate_keys=False
    )
    try:
        while stream.tell() < len(payload):
            maps.append(decoder.decode())
    except cbor2.CBORError as error:
        raise HostError(f"no CBOR after byte {stream.tell()}: {error}", _NEXT_STEP) from error
    for each in maps:
        if type(each) is not dict or not all(map(_whole, each)):
            raise HostError("an item is not a CBOR map with integer keys", _NEXT_STEP)
    if not maps:
        raise HostError("the payload is empty", _NEXT_STEP)
    return maps


def _reading(values: dict[int, Any], unknown: dict[str, Any]) -> dict[str, Any]:
    quantities = _quantities()
    reading: dict[str, Any] = {"age_s": 0}
    for key, value in values.items():
        if key not in quantities:
            unknown.setdefault(str(key), _plain(value))
            continue
        name, steps = quantities[key]
        if name == "age":
            reading["age_s"] = None if value is None else _number(name, value, 1)
        elif name in _NAMED:
            reading[name] = _NAMED[name](_number(name, value, 1))
        else:
            reading[name] = _number(name, value, steps)
    return reading


def _whole(value: Any) -> bool:
    return type(value) is int and abs(value) <= _MAX_WHOLE


def _number(name: str, value: Any, steps: int) -> Any:
    if not _whole(value):
        raise HostError(f"{name} is {_plain(value)!r}, not a whole number", _NEXT_STEP)
    return value if steps == 1 else value / steps


def _bits(mask: int) -> Iterator[int]:
    if mask < 0:
        raise HostError(f"{mask} is no bit mask", _NEXT_STEP)
    return (bit for bit in range(mask.bit_length()) if mask >> bit & 1)


def _faults(mask: int) -> list[str]:
    names = _quantities()
    return [names[bit + 1][0] if bit + 1 in names else f"key {bit + 1}" for bit in _bits(mask)]


def _flags(mask: int) -> list[str]:
    return [_words("FLAGS").get(bit, f"bit {bit}") for bit in _bits(mask)]


def _restart(code: int) -> str:
    return _words("RESTARTS").get(code, f"code {code}")


_NAMED = {"faults": _faults, "flags": _flags, "restart": _restart}


_STATUS_TYPES = {"firmware_version": str, "config_digest": bytes}


def _table(name: str) -> Any:
    return getattr(files.readings(), name)


def _settings(values: dict[int, Any], unknown: dict[str, Any]) -> dict[str, Any]:
    known = {row[0]: (row[1], 10 if row[2].startswith("0.1 ") else 1) for row in _table("SETTINGS")}
    settings: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            unknown[str(key)] = _plain(value)
            continue
        name, steps = known[key]
        parts = _table("SETTING_PARTS").get(key)
        settings[name] = _parts(name, value, parts) if parts else _number(name, value, steps)
    return settings


def _parts(name: str, value: Any, parts: tuple[str, ...]) -> list[int | None]:
    if type(value) is not list or len(value) != len(parts):
        raise HostError(f"{name} is not [{', '.join(parts)}]", _NEXT_STEP)
    return [None if part is None else _number(name, part, 1) for part in value]


def _answer(values: dict[int, Any], unknown: dict[str, Any]) -> dict[str, Any]:
    unknown.update({str(key): _plain(values[key]) for key in values if key not in (0, 1, 2)})
    names = {row[0]: row[1] for row in _table("SETTINGS")}
    code = _number("the code of the answer", values.get(1), 1)
    fault = None if 2 not in values else _number("the key at fault", values[2], 1)
    return {
        "sequence": None if 0 not in values else _number("sequence", values[0], 1),
        "result": _words("SETTING_CODES").get(code, f"code {code}"),
        "at_fault": None if fault is None else names.get(fault, f"key {fault}"),
    }


def _status(values: dict[int, Any], unknown: dict[str, Any]) -> dict[str, Any]:
    known = {row[0]: (row[1], row[3]) for row in _table("STATUS")}
    status: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            unknown[str(key)] = _plain(value)
            continue
        name, steps = known[key]
        if name == "restart":
            status[name] = _restart(_number(name, value, 1))
        elif name == "waits_for":
            status[name] = _words("RULES").get(_number(name, value, 1), f"rule {value}")
        elif name in _STATUS_TYPES:
            if type(value) is not _STATUS_TYPES[name]:
                raise HostError(f"{name} is {_plain(value)!r}", _NEXT_STEP)
            status[name] = _plain(value)
        else:
            status[name] = _number(name, value, steps)
    return status


def _plain(value: Any) -> Any:
    """A value that JSON can carry: bytes become hex, what is odd becomes text."""
    if isinstance(value, list):
        return [_scalar(each) for each in value]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if value is None or type(value) in (int, bool, str):
        return value
    return value.hex() if isinstance(value, bytes) else repr(value)


@dataclass
class Measured:
    """One reading of one node, whole as far as its parts came; time_s None: its clock was lost."""

    node: str
    time_s: float | None
    arrival_s: float
    values: dict[str, Any] = field(default_factory=dict)


class Deduplicator:
    """Joins the parts of split readings and drops what came twice, by measured time or number."""

    def __init__(self, interval_s: float):
        self._near_s = interval_s / 2
        self._timed: dict[str, list[tuple[float, int]]] = {}
        self._numbered: dict[tuple[str, int], int] = {}
        self.rows: list[Measured] = []  # in the order of arrival

    def add(self, node: str, arrival_s: float, reading: dict[str, Any]) -> bool:
        """Take a reading of decode_payload; True when it told anything that was not known."""
        values = {key: value for key, value in reading.items() if key != "age_s"}
        age_s, number = reading["age_s"], reading.get("number")
        time_s = None if age_s is None else arrival_s - age_s
        row = self._find(node, time_s, number)
        if row is None:
            self._remember(node, time_s, number)
            self.rows.append(Measured(node, time_s, arrival_s, values))
            return True
        new = values.keys() - row.values.keys()
        row.values.update({key: values[key] for key in values if key in new})
        return bool(new)

    def _find(self, node: str, time_s: float | None, number: int | None) -> Measured | None:
        if time_s is None:
            index = None if number is None else self._numbered.get((node, number))
            return None if index is None else self.rows[index]
        times = self._timed.get(node, [])
        place = bisect(times, (time_s, 0))
        gaps = [
            (abs(time_s - known_s), row) for known_s, row in times[max(place - 1, 0) : place + 1]
        ]
        gap_s, index = min(gaps, default=(self._near_s, 0))
        return self.rows[index] if gap_s < self._near_s else None

    def _remember(self, node: str, time_s: float | None, number: int | None) -> None:
        if time_s is not None:
            insort(self._timed.setdefault(node, []), (time_s, len(self.rows)))
        elif number is not None:
            self._numbered[node, number] = len(self.rows)


class Counts:
    """Adds to running totals what they grew by since the reading before, node by node.

    Totals are mod 65536, so a difference is right as long as fewer passed in between. It is left
    out for a node's first reading and for one whose clock was lost.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], list[tuple[float, int]]] = {}

    def add(self, node: str, arrival_s: float, readings: list[dict[str, Any]]) -> None:
        """Take what decode_payload has of a frame: `count` gets a `count_difference`, and so on."""
        for reading in sorted(readings, key=lambda each: -(each["age_s"] or 0)):
            for name in TOTALS:
                if name in reading and reading["age_s"] is not None:
                    self._add(node, name, arrival_s - reading["age_s"], reading)

    def _add(self, node: str, name: str, time_s: float, reading: dict[str, Any]) -> None:
        known, total = self._known.setdefault((node, name), []), reading[name]
        place = bisect(known, (time_s - _SAME_S, 0))
        if place:
            reading[f"{name}_difference"] = (total - known[place - 1][1]) % _TURN
        if place == len(known) or known[place][0] > time_s + _SAME_S:  # not one that came again
            known.insert(place, (time_s, total))


def measured_at(arrival: datetime, reading: dict[str, Any]) -> datetime:
    """When a reading was taken: its arrival less its age, or the arrival when that is unknown."""
    return arrival - timedelta(seconds=reading.get("age_s") or 0)


def names(keys: list[int]) -> list[str]:
    """The names of wire keys."""
    return [_quantities()[key][0] for key in keys]


def lines(result: dict[str, Any]) -> list[str]:
    """A decoded payload or frame as lines for a person."""
    found = [
        f"{key}: {value}" for key, value in result.items() if key not in ("readings", "unknown")
    ]
    for reading in result["readings"]:
        found.append("  ".join(f"{name} {value}" for name, value in reading.items()))
    if result["unknown"]:
        found.append(f"unknown keys: {result['unknown']}")
    return found
