# SPDX-License-Identifier: MIT
"""Keeps a run while it goes on: the air as JSON Lines and as a LoRaTap pcap, and events."""

import json
import struct
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

from simulator.air import Signal, Transmission

_PCAP_HEAD = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 270)
_LORATAP = struct.Struct(">BBHI7B")  # version 0, 15 bytes: Wireshark 4.0 knows no other
_RSSI_OFFSET_DBM = 139
_STEP_HZ = 125000


class Capture:
    """The files of one run in a directory; a process that is killed leaves whole lines in them.

    What is on the air is in the order of (time, gateway): it is held until the time has passed.
    """

    def __init__(self, directory: Path, start: datetime):
        self._start = start
        self._air: IO[str] = (directory / "capture.jsonl").open("w")
        self._events: IO[str] = (directory / "events.jsonl").open("w")
        self._pcap: IO[bytes] = (directory / "capture.pcap").open("wb")
        self._pcap.write(_PCAP_HEAD)
        self._pcap.flush()
        self._held: list[tuple[str, str, bytes]] = []  # gateway, line, packet; all of one time
        self._held_us = 0

    def utc(self, time_us: int) -> str:
        """A moment of the run as the packet forwarder writes it."""
        moment = self._start + timedelta(microseconds=time_us)
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def heard(self, time_us: int, gateway: str, rxpk: dict[str, Any], signal: Signal) -> None:
        """An uplink at a gateway; the time is the end of its reception."""
        packet = self._packet(time_us, signal.transmission, signal, rxpk)
        self._hold(time_us, gateway, {"rxpk": rxpk}, packet)

    def sent(self, time_us: int, gateway: str, txpk: dict[str, Any], packet: Transmission) -> None:
        """A downlink from a gateway; the time is its start."""
        self._hold(time_us, gateway, {"txpk": txpk}, self._packet(time_us, packet, None, txpk))

    def event(self, time_us: int, node: str, event: str, cause: str = "", **more: Any) -> None:
        """Something that happened, and why."""
        self._release(time_us)
        value = {"t_us": time_us, "node": node, "event": event, "cause": cause, **more}
        self._events.write(_json(value) + "\n")
        self._events.flush()

    def close(self) -> None:
        """End the files."""
        self._release(self._held_us + 1)
        for file in (self._air, self._events, self._pcap):
            file.close()

    def _hold(self, time_us: int, gateway: str, value: dict[str, Any], packet: bytes) -> None:
        self._release(time_us)
        line = _json({"time": self.utc(time_us), "gateway": gateway, **value})
        self._held.append((gateway, line, packet))
        self._held_us = time_us

    def _release(self, now_us: int) -> None:
        """Write what was held, once its time has passed."""
        if not self._held or now_us <= self._held_us:
            return
        for _, line, packet in sorted(self._held, key=itemgetter(0)):
            self._air.write(line + "\n")
            self._pcap.write(packet)
        self._held.clear()
        self._air.flush()
        self._pcap.flush()

    def _packet(
        self, time_us: int, packet: Transmission, signal: Signal | None, pk: dict[str, Any]
    ) -> bytes:
        """One LoRaTap packet of the pcap: header version 0, then the PHYPayload."""
        rssi = 0 if signal is None else _packet_rssi(signal)
        snr = 0 if signal is None else round(signal.snr_db * 4) & 0xFF
        head = _LORATAP.pack(
            0, 0, _LORATAP.size, round(pk["freq"] * 1e6), packet.bw_hz // _STEP_HZ, packet.sf, rssi,
            0, 0, snr, packet.sync_word,
        )  # fmt: skip
        data = head + packet.payload
        at = int(self._start.timestamp()) * 1_000_000 + self._start.microsecond + time_us
        seconds, rest_us = divmod(at, 1_000_000)
        return struct.pack("<IIII", seconds, rest_us, len(data), len(data)) + data


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))


def _packet_rssi(signal: Signal) -> int:
    """LoRaTap: -139 + value, the value in quarters while the SNR is negative."""
    above = signal.rssi_dbm + _RSSI_OFFSET_DBM
    return min(max(round(above if signal.snr_db >= 0 else above * 4), 0), 255)
