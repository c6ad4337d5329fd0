# SPDX-License-Identifier: MIT
"""Reads a capture line by line: of the simulator, or the log of a packet forwarder."""

import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

_LOGGED = re.compile(r"^.*\bJSON (?:up|down): ")  # a packet forwarder's log, or a journal of it
_TMST = 1 << 32
_NO_PACKET = "not a LoRa packet of the packet forwarder"
_STRANGE = (ValueError, TypeError, ArithmeticError, AttributeError, RecursionError, LookupError)


@dataclass(frozen=True)
class Uplink:
    """One uplink of a capture: when it ended, where and how it was heard."""

    time: datetime
    gateway: str
    phy: bytes
    freq_hz: int
    sf: int
    bw_hz: int
    rssi_dbm: float
    snr_db: float


@dataclass(frozen=True)
class Downlink:
    """What a gateway was given to send."""

    time: datetime
    gateway: str
    phy: bytes


@dataclass
class Line:
    """A line of a capture that could not be read."""

    number: int
    problem: str


def uplinks(path: Path, foreign: list[Line]) -> Iterator[Uplink]:
    """Yield the uplinks among them."""
    return (frame for frame in frames(path, foreign) if isinstance(frame, Uplink))


def frames(path: Path, foreign: list[Line]) -> Iterator[Uplink | Downlink]:
    """Yield the frames of a capture or a log; lines that are none of ours go to `foreign`."""
    reader = _Lines()
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, text in enumerate(file, 1):
            if not text.strip():
                continue
            try:
                for packet in reader.packets(text):
                    problem, frame = _guarded(packet)
                    if frame is not None:
                        yield frame
                    elif problem:
                        foreign.append(Line(number, problem))
            except json.JSONDecodeError:
                foreign.append(Line(number, "not JSON" if text.endswith("\n") else "cut short"))
            except _STRANGE:
                foreign.append(Line(number, _NO_PACKET))


def _guarded(read: Callable[[], Uplink | Downlink | str]) -> tuple[str, Uplink | Downlink | None]:
    """(problem, frame) of one packet of a line: the others of the line are read all the same."""
    try:
        found = read()
    except KeyError as error:
        return f"{error} is missing", None
    except _STRANGE:
        return _NO_PACKET, None
    return (found, None) if isinstance(found, str) else ("", found)


class _Lines:
    """Reads line after line, and knows what time it is in them.

    A gateway without GPS gives its packets no time: then it is that of the last stat, and tmst
    counts on from there; before the first of them it is 1970.
    """

    def __init__(self) -> None:
        self._time, self._tmst = datetime(1970, 1, 1, tzinfo=UTC), -1

    def packets(self, text: str) -> Iterator[Callable[[], Uplink | Downlink | str]]:
        """What reads each packet of a line: to a frame, or to why it is none."""
        values = json.loads(_LOGGED.sub("", text))
        if "stat" in values:
            self._take_stat(values["stat"])
        if "rxpk" in values:
            found = values["rxpk"]
            for packet in found if isinstance(found, list) else [found]:
                yield partial(self._uplink, values, packet)
        if "txpk" in values:
            yield partial(self._downlink, values, values["txpk"])
        if not {"stat", "rxpk", "txpk"} & set(values):
            yield lambda: "neither rxpk nor txpk"

    def _take_stat(self, stat: dict[str, Any]) -> None:
        with suppress(KeyError, ValueError, TypeError):
            time = datetime.strptime(stat["time"], "%Y-%m-%d %H:%M:%S GMT").replace(tzinfo=UTC)
            if time > self._time:
                self._time, self._tmst = time, -1

    def _when(self, values: dict[str, Any], packet: dict[str, Any]) -> datetime:
        text, tmst = values.get("time", packet.get("time")), packet.get("tmst", -1)
        if text is not None:
            self._time = _moment(text)
        elif (passed_us := (packet["tmst"] - self._tmst) % _TMST) and self._tmst >= 0:
            self._time += timedelta(microseconds=passed_us - _TMST * (passed_us > _TMST // 2))
        self._tmst = int(tmst)
        return self._time

    def _uplink(self, values: dict[str, Any], packet: dict[str, Any]) -> Uplink | str:
        time = self._when(values, packet)
        if packet.get("stat", 1) != 1:
            return "a packet with a wrong CRC"
        sf, bw = packet["datr"].removeprefix("SF").split("BW")
        rssi_dbm, snr_db = float(packet["rssi"]), float(packet["lsnr"])
        if not isfinite(rssi_dbm) or not isfinite(snr_db):
            raise ValueError("not a strength")
        return Uplink(
            time,
            str(values.get("gateway", "")),
            _bytes(packet["data"]),
            round(float(packet["freq"]) * 1e6),
            int(sf),
            int(bw) * 1000,
            rssi_dbm,
            snr_db,
        )

    def _downlink(self, values: dict[str, Any], packet: dict[str, Any]) -> Downlink | str:
        if packet.get("data") is None:
            return ""  # what it was is not kept, and nothing here needs it
        time = _moment(values["time"]) if "time" in values else self._time
        return Downlink(time, str(values.get("gateway", "")), _bytes(packet["data"]))


def _moment(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _bytes(text: str) -> bytes:
    """Base64; some packet forwarders leave its padding out."""
    return b64decode(text + "=" * (-len(text) % 4), validate=True)
