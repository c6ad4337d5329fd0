# SPDX-License-Identifier: MIT
"""A gateway: hears what is strong enough, passes it on, sends what the network gives it."""

from base64 import b64encode
from collections.abc import Callable
from typing import Any

from host import lorawan
from simulator.air import Signal, Station, Transmission
from simulator.clock import Clock
from simulator.concentrator import Concentrator
from simulator.interference import SNR_FLOOR_DB
from simulator.network import Network, Verdict

_CHANNEL_STD = 8  # the number of the one that takes a single spreading factor
_RADIO = 0  # one, wide enough for all channels
_SYNC_WORD = 0x34
_CODING_RATE = 5
_PREAMBLE_SYMBOLS = 8
_TMST_BITS = 0xFFFFFFFF

Heard = Callable[["Gateway", Signal], None]
Missed = Callable[["Gateway", Transmission, str], None]


def gateway_eui(number: int, own: str = "") -> str:
    """The EUI of a scenario's gateway: its own, or one by its place; 16 hexadecimal digits."""
    return own.lower() or f"{0x0710710000000000 + number:016x}"


class Gateway:
    """Eight demodulators, half duplex. `heard` and `missed` are told at the end of each packet.

    `channels`: (frequency, bandwidth), in Hz, of those that it listens to, by their number.
    """

    def __init__(
        self,
        eui: str,
        station: Station,
        clock: Clock,
        channels: tuple[tuple[int, int], ...],
        heard: Heard,
        missed: Missed,
    ):
        self.eui, self.station, self._clock, self._channels = eui, station, clock, channels
        self._heard, self._missed = heard, missed
        self.concentrator = Concentrator()
        station.listener = self

    def arrive(self, signal: Signal) -> None:
        """A packet starts: lock on to it, or know why not."""
        packet = signal.transmission
        if packet.iq_inverted or packet.sync_word != _SYNC_WORD:
            return  # another gateway's downlink, or no LoRaWAN: not for us, and no loss
        cause = self._refuses(signal) or self.concentrator.lock(packet.start_us, packet.end_us)
        if cause:
            self._clock.call_at(packet.end_us, self._missed, self, packet, cause)
        else:
            self._clock.call_at(packet.end_us, self._ends, signal)

    @property
    def off(self) -> bool:
        """Whether it has no power, or no line to the network."""
        return self.concentrator.off

    @off.setter
    def off(self, off: bool) -> None:
        self.concentrator.catch_up(self._clock.now_us)
        self.concentrator.off = off

    def _refuses(self, signal: Signal) -> str:
        packet = signal.transmission
        if self.off:
            return "gateway off"
        if self.channel_hz(packet) is None:
            return f"no gateway channel at {packet.freq_hz / 1e6:.1f} MHz"
        if packet.sf not in SNR_FLOOR_DB or signal.snr_db < SNR_FLOOR_DB[packet.sf]:
            return f"too weak: SNR {signal.snr_db:.1f} dB"
        return ""

    def _ends(self, signal: Signal) -> None:
        packet = signal.transmission
        cause = self.concentrator.lost(packet.start_us, packet.end_us)
        if cause or not signal.clean:
            self._missed(self, packet, cause or "collision")
        else:
            self._heard(self, signal)

    def channel_hz(self, packet: Transmission) -> int | None:
        """The centre of the channel that a packet came on; no crystal is exact (DS 4.1.5)."""
        number = self._channel(packet)
        return None if number is None else self._channels[number][0]

    def _channel(self, packet: Transmission) -> int | None:
        for number, (freq_hz, bw_hz) in enumerate(self._channels):
            if bw_hz == packet.bw_hz and abs(freq_hz - packet.freq_hz) * 4 <= bw_hz:
                return number
        return None

    def pass_on(self, signal: Signal, network: Network) -> Verdict:
        """Give an uplink that ends now to our own network."""
        packet = signal.transmission
        return network.uplink(
            self._clock.now_us,
            packet.payload,
            self.channel_hz(packet) or packet.freq_hz,
            packet.sf,
            packet.bw_hz,
            signal.rssi_dbm,
            signal.snr_db,
            self.eui,
        )

    def rxpk(self, signal: Signal) -> dict[str, Any]:
        """A packet that was heard, in the words of the Semtech packet forwarder."""
        packet = signal.transmission
        channel = self._channel(packet) if packet.bw_hz == 125_000 else _CHANNEL_STD
        return {
            "tmst": packet.end_us & _TMST_BITS,
            "freq": round((self.channel_hz(packet) or packet.freq_hz) / 1e6, 6),
            "chan": channel,
            "rfch": _RADIO,
            "stat": 1,
            "modu": "LORA",
            "datr": f"SF{packet.sf}BW{packet.bw_hz // 1000}",
            "codr": f"4/{packet.cr}",
            "rssi": round(signal.rssi_dbm),
            "lsnr": round(signal.snr_db, 1),
            "size": len(packet.payload),
            "data": b64encode(packet.payload).decode(),
        }

    def txpk(self, packet: Transmission) -> dict[str, Any]:
        """A downlink in the same words."""
        return {
            "imme": False,
            "tmst": packet.start_us & _TMST_BITS,
            "freq": round(packet.freq_hz / 1e6, 6),
            "rfch": _RADIO,
            "powe": round(packet.power_dbm),
            "modu": "LORA",
            "datr": f"SF{packet.sf}BW{packet.bw_hz // 1000}",
            "codr": f"4/{packet.cr}",
            "ipol": packet.iq_inverted,
            "ncrc": not packet.crc_on,
            "size": len(packet.payload),
            "data": b64encode(packet.payload).decode(),
        }

    def downlink(
        self,
        freq_hz: int,
        sf: int,
        bw_hz: int,
        phy: bytes,
        power_dbm: float,
        *,
        cr: int = _CODING_RATE,
        preamble_symbols: int = _PREAMBLE_SYMBOLS,
        crc_on: bool = False,
        iq_inverted: bool = True,
    ) -> Transmission:
        """The transmission that starts now for a downlink: inverted, without a CRC."""
        now_us = self._clock.now_us
        airtime_us = lorawan.time_on_air_us(len(phy), sf, bw_hz, cr, preamble_symbols, crc=crc_on)
        return Transmission(
            now_us,
            now_us + airtime_us,
            freq_hz,
            sf,
            bw_hz,
            cr,
            preamble_symbols,
            crc_on,
            False,
            iq_inverted,
            _SYNC_WORD,
            power_dbm,
            phy,
            self.eui,
        )

    def send(self, packet: Transmission) -> str:
        """Put a downlink on the air; nothing is heard meanwhile. Returns why not, "" if it went."""
        concentrator = self.concentrator
        concentrator.catch_up(packet.start_us)
        if concentrator.off:
            return "gateway off"
        if concentrator.sending(packet.start_us):
            return "gateway was sending"
        concentrator.send(packet.start_us, packet.end_us)
        self.station.transmit(packet)
        return ""
