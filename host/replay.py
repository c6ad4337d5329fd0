# SPDX-License-Identifier: MIT
"""Reads a capture back: its frames, and what they say with the keys of its devices."""

import json
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from host import decode
from host.errors import HostError
from host.lorawan import DataFrame, JoinRequest, LorawanError, Session, next_counter, parse


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


@dataclass
class Line:
    """A line of a capture that could not be read."""

    number: int
    problem: str


@dataclass(frozen=True)
class Row:
    """One reading of a replayed frame, as a live run has it."""

    time: datetime
    name: str
    dev_eui: str
    f_cnt: int
    sf: int
    rssi_dbm: float
    snr_db: float
    values: dict[str, Any]


def uplinks(path: Path, foreign: list[Line]) -> Iterator[Uplink]:
    """Yield the uplinks of a capture; lines that are none of ours go to `foreign`."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, text in enumerate(file, 1):
            if not text.strip():
                continue
            try:
                values = json.loads(text)
                if "rxpk" in values:
                    yield _uplink(values)
                elif "txpk" not in values:
                    foreign.append(Line(number, "neither rxpk nor txpk"))
            except (ValueError, KeyError, TypeError, Base64Error) as error:
                reason = "cut short" if not text.endswith("\n") else f"{error}"
                foreign.append(Line(number, reason))


def _uplink(values: dict[str, Any]) -> Uplink:
    packet = values["rxpk"]
    sf, bw = packet["datr"].removeprefix("SF").split("BW")
    return Uplink(
        datetime.fromisoformat(values["time"]),
        str(values["gateway"]),
        b64decode(packet["data"], validate=True),
        round(float(packet["freq"]) * 1e6),
        int(sf),
        int(bw) * 1000,
        float(packet["rssi"]),
        float(packet["lsnr"]),
    )


def load_devices(capture: Path, devices: Path | None) -> list[dict[str, Any]]:
    """The devices of a run with their keys. HostError: the file is not there or not theirs."""
    path = devices or capture.with_name("devices.json")
    if not path.is_file():
        raise HostError(f"{path} does not exist", "name the keys with --devices FILE")
    try:
        nodes = json.loads(path.read_text())["nodes"]
        for node in nodes:
            bytes.fromhex(node["dev_eui"])
        return list(nodes)
    except (ValueError, KeyError, TypeError) as error:
        raise HostError(
            f"{path.name} is no devices.json: {error}", "keep the file of the run"
        ) from error


class Reader:
    """Opens the frames of known sessions, each counter once."""

    def __init__(self, devices: list[dict[str, Any]]):
        self._sessions = [
            (device, Session(int(each["dev_addr"], 16), bytes.fromhex(each["nwk_skey"]),
                             bytes.fromhex(each["app_skey"])))
            for device in devices
            for each in device["sessions"]
        ]  # fmt: skip
        self._last: dict[int, int] = {}  # index of the session -> its last counter
        self.counts = {"frames": 0, "decoded": 0, "joins": 0, "unknown": 0, "repeated": 0}

    def rows(self, uplink: Uplink) -> list[Row]:
        """The readings of one frame; [] for anything else, which is counted."""
        self.counts["frames"] += 1
        try:
            frame = parse(uplink.phy)
        except LorawanError:
            self.counts["unknown"] += 1
            return []
        if isinstance(frame, JoinRequest):
            self.counts["joins"] += 1
            return []
        return self._open(frame, uplink)

    def _open(self, frame: DataFrame, uplink: Uplink) -> list[Row]:
        for index, (device, session) in enumerate(self._sessions):
            last = self._last.get(index, -1)
            if session.dev_addr != frame.dev_addr:
                continue
            if (
                last >= 0
                and last & 0xFFFF == frame.f_cnt
                and session.mic_ok(uplink.phy, frame, last)
            ):
                self.counts["repeated"] += 1
                return []
            f_cnt = next_counter(last, frame.f_cnt)
            if session.mic_ok(uplink.phy, frame, f_cnt):
                self._last[index] = f_cnt
                return self._decode(device, session.decrypt(frame, f_cnt), f_cnt, uplink)
        self.counts["unknown"] += 1
        return []

    def _decode(
        self, device: dict[str, Any], frame: DataFrame, f_cnt: int, uplink: Uplink
    ) -> list[Row]:
        if frame.f_port != decode.READINGS:
            return []
        self.counts["decoded"] += 1
        found = decode.decode_payload(frame.frm_payload)["readings"]
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
