# SPDX-License-Identifier: MIT
"""Keeps a run while it goes on: the air as JSON Lines and as a LoRaTap pcap, and events."""

import json
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from simulator.air import Signal, Transmission

_PCAP_HEAD = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 270)
_LORATAP = struct.Struct(">BBHI7BQIBBHBBH")  # version 1, 35 bytes
_CRC_OK, _NO_CRC, _IQ_INVERTED = 1 << 3, 1 << 5, 1 << 1
_RSSI_OFFSET_DBM = 139
_NOT_KNOWN = 255
_STEP_HZ = 125000


class Capture:
    """The files of one run in a directory; every line is whole once it is written."""

    def __init__(self, directory: Path, start: datetime):
        self._start = start
        self._air: IO[str] = (directory / "capture.jsonl").open("w")
        self._events: IO[str] = (directory / "events.jsonl").open("w")
        self._pcap: IO[bytes] = (directory / "capture.pcap").open("wb")
        self._pcap.write(_PCAP_HEAD)

    def utc(self, time_us: int) -> str:
        """A moment of the run as the packet forwarder writes it."""
        moment = self._start + timedelta(microseconds=time_us)
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def heard(self, time_us: int, gateway: str, rxpk: dict[str, Any], signal: Signal) -> None:
        """An uplink at a gateway; the time is the end of its reception."""
        self._line(self._air, {"time": self.utc(time_us), "gateway": gateway, "rxpk": rxpk})
        self._packet(time_us, gateway, signal.transmission, signal)

    def sent(self, time_us: int, gateway: str, txpk: dict[str, Any], packet: Transmission) -> None:
        """A downlink from a gateway; the time is its start."""
        self._line(self._air, {"time": self.utc(time_us), "gateway": gateway, "txpk": txpk})
        self._packet(time_us, gateway, packet, None)

    def event(self, time_us: int, node: str, event: str, cause: str = "", **more: Any) -> None:
        """Something that happened, and why."""
        self._line(
            self._events, {"t_us": time_us, "node": node, "event": event, "cause": cause, **more}
        )

    def close(self) -> None:
        """End the files."""
        for file in (self._air, self._events, self._pcap):
            file.close()

    def _line(self, file: IO[str], value: dict[str, Any]) -> None:
        file.write(json.dumps(value, separators=(",", ":")) + "\n")
        file.flush()

    def _packet(
        self, time_us: int, gateway: str, packet: Transmission, signal: Signal | None
    ) -> None:
        """One LoRaTap packet: header version 1, then the PHYPayload."""
        rssi = _NOT_KNOWN if signal is None else _packet_rssi(signal)
        snr = 0 if signal is None else round(signal.snr_db * 4) & 0xFF
        flags = (_CRC_OK if packet.crc_on else _NO_CRC) | (_IQ_INVERTED * packet.iq_inverted)
        head = _LORATAP.pack(
            1, 0, _LORATAP.size, packet.freq_hz, packet.bw_hz // _STEP_HZ, packet.sf, rssi,
            _NOT_KNOWN, _NOT_KNOWN, snr, packet.sync_word, int(gateway, 16),
            time_us & 0xFFFFFFFF, flags, packet.cr, 0, 0, 0, 0,
        )  # fmt: skip
        data = head + packet.payload
        at = int(self._start.timestamp() * 1_000_000) + time_us
        seconds, rest_us = divmod(at, 1_000_000)
        self._pcap.write(struct.pack("<IIII", seconds, rest_us, len(data), len(data)) + data)
        self._pcap.flush()


def _packet_rssi(signal: Signal) -> int:
    """LoRaTap: -139 + value, the value in quarters while the SNR is negative."""
    above = signal.rssi_dbm + _RSSI_OFFSET_DBM
    return min(max(round(above if signal.snr_db >= 0 else above * 4), 0), 254)
