# SPDX-License-Identifier: MIT
"""A small LoRaWAN network server for tests and for a desk: EU868, Class A, 1.0.4.

It is told each uplink with the time of its end, and answers what a gateway should send and when.
It does no I/O and reads no clock. Sections are of TS001-1.0.4.
"""

import random
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from host import maccommands
from host.lorawan import (
    DataFrame,
    JoinAccept,
    JoinRequest,
    LorawanError,
    Session,
    build_cf_list,
    parse,
)
from simulator.link import (
    DATA_RATES,
    RX1_POWER_DBM,
    RX2_POWER_DBM,
    CounterSeen,
    Downlink,
    Link,
    Message,
    Windows,
)

__all__ = ["Device", "Downlink", "Network", "Verdict"]

SNR_FLOOR_DB = {7: -7.5, 8: -10.0, 9: -12.5, 10: -15.0, 11: -17.5, 12: -20.0}
DEFAULT_CHANNELS_HZ = (868_100_000, 868_300_000, 868_500_000)
_DATA_RATE_OF = {(sf, bw_hz): number for number, (sf, bw_hz, _) in enumerate(DATA_RATES)}
_JOIN_ACCEPT_DELAY_S = 5
_COPIES_US = 200_000  # copies of one uplink from several gateways come within this
_GPS_EPOCH = datetime(1980, 1, 6, tzinfo=UTC)
_LEAP_S = 18  # GPS is ahead of UTC by this since 2017
_MAX_PAYLOAD = 242


@dataclass(eq=False)
class Device:
    """A registered device; sessions are all that it was given, oldest first."""

    name: str
    dev_eui: bytes
    join_eui: bytes
    app_key: bytes
    sessions: list[Session] = field(default_factory=list)

    def record(self) -> dict[str, Any]:
        """Return the entry of devices.json."""
        return {
            "name": self.name,
            "dev_eui": self.dev_eui.hex(),
            "join_eui": self.join_eui.hex(),
            "app_key": self.app_key.hex(),
            "sessions": [
                {
                    "dev_addr": f"{each.dev_addr:08x}",
                    "nwk_skey": each.nwk_skey.hex(),
                    "app_skey": each.app_skey.hex(),
                }
                for each in self.sessions
            ],
        }

    @classmethod
    def restore(cls, record: dict[str, Any]) -> "Device":
        """Make a device of an entry of devices.json. KeyError, ValueError: it is malformed."""
        dev_eui, join_eui, app_key = (
            bytes.fromhex(record[key]) for key in ("dev_eui", "join_eui", "app_key")
        )
        sessions = [
            Session(
                int(each["dev_addr"], 16),
                bytes.fromhex(each["nwk_skey"]),
                bytes.fromhex(each["app_skey"]),
            )
            for each in record["sessions"]
        ]
        return cls(record["name"], dev_eui, join_eui, app_key, sessions)


@dataclass(frozen=True)
class Verdict:
    """What became of one uplink; reason is empty when it was accepted."""

    accepted: bool
    reason: str = ""
    device: Device | None = None
    f_cnt: int | None = None
    f_port: int | None = None
    payload: bytes = b""  # in the clear
    kind: str = ""  # join, data, or empty for what is neither
    downlink: Downlink | None = None


@dataclass
class _Reception:
    """An uplink with its copies so far, and the answer to it."""

    time_us: int
    freq_hz: int
    data_rate: int
    copies: list[tuple[float, str]]  # SNR, gateway
    device: Device | None = None
    session: Session | None = None
    plain: DataFrame | None = None  # the answer in the clear
    downlink: Downlink | None = None

    def best_gateway(self) -> str:
        return max(self.copies, key=lambda copy: copy[0])[1]

    def refresh(self) -> None:
        """Write the answer anew with what the latest copy tells."""
        if self.downlink is None:
            return
        self.downlink.gateway = self.best_gateway()
        if self.plain is not None and self.session is not None:
            f_opts = self.plain.f_opts
            if f_opts[:1] == b"\x02":  # LinkCheckAns, always the first
                f_opts = self.link_check() + f_opts[3:]
            self.downlink.phy = self.session.seal(replace(self.plain, f_opts=f_opts))

    def link_check(self) -> bytes:
        """Return the LinkCheckAns for the copies so far (5.1)."""
        sf = DATA_RATES[self.data_rate][0]
        margin_db = int(max(snr_db for snr_db, _ in self.copies) - SNR_FLOOR_DB[sf])
        gateways = len({gateway for _, gateway in self.copies})
        margin_db, gateways = min(max(margin_db, 0), 254), min(gateways, 255)
        return maccommands.build("LinkCheckAns", margin=margin_db, gw_cnt=gateways)


class _Registered:
    """A device with its links, oldest first, and what waits for it."""

    def __init__(self, device: Device):
        self.device = device
        self.links: list[Link] = []
        self.current: Link | None = None  # the newest that was used
        self.dev_nonce = -1
        self.join_nonce = 0
        self.messages: deque[Message] = deque()
        self.commands: deque[bytes] = deque()


class Network:
    """The server: `uplink` is all that it hears, the verdict's downlink all that it says.

    Sessions that the devices bring along are taken up again when the joins or the frames which
    belong to them come, so that a capture can be replayed.
    """

    def __init__(
        self,
        devices: Iterable[Device],
        rng: random.Random,
        *,
        start: datetime = datetime(2026, 1, 5, 8, tzinfo=UTC),
        net_id: int = 0x000013,
        rx1_delay_s: int = 1,
        rx1_dr_offset: int = 0,
        rx2_data_rate: int = 0,
        downlink_window: int = 1,
        channels_hz: tuple[int, ...] = (),
    ):
        """`start` is the UTC at 0 us; channels_hz go out in the CFList of a join-accept."""
        if net_id >> 21 or downlink_window not in (1, 2) or not 1 <= rx1_delay_s <= 15:
            raise ValueError("need a NetID of type 0, window 1 or 2, and a delay of 1 to 15 s")
        if not 0 <= rx1_dr_offset <= 5 or not 0 <= rx2_data_rate < len(DATA_RATES):
            raise ValueError("need an RX1DROffset of 0 to 5 and an RX2 data rate of 0 to 6")
        self._rng, self._net_id, self._window = rng, net_id, downlink_window
        self._rx = (rx1_delay_s, rx1_dr_offset, rx2_data_rate)
        self._cf_list = build_cf_list(channels_hz) if channels_hz else b""
        self._channels_hz = DEFAULT_CHANNELS_HZ + channels_hz
        self._gps_us = round((start - _GPS_EPOCH).total_seconds() + _LEAP_S) * 1_000_000
        self._registered: dict[bytes, _Registered] = {}
        self._links: dict[int, list[tuple[_Registered, Link]]] = {}
        self._receptions: dict[bytes, _Reception] = {}  # of the last 200 ms, by PHYPayload
        self.duplicates = 0
        for device in devices:
            self.register(device)

    def register(self, device: Device) -> None:
        """Take a device in, with the sessions that it has."""
        entry = self._registered[device.dev_eui] = _Registered(device)
        for session in device.sessions:
            self._link(entry, session)

    def accept_session(self, device: Device, session: Session) -> None:
        """Take in a session that came about elsewhere, as by personalisation."""
        device.sessions.append(session)
        self._link(self._registered[device.dev_eui], session)

    def queue(self, device: Device, f_port: int, payload: bytes, confirmed: bool = False) -> None:
        """Have a payload sent after an uplink, in its turn. ValueError: it fits no frame."""
        if not 0 <= f_port <= 224 or len(payload) > _MAX_PAYLOAD:
            raise ValueError(f"{len(payload)} bytes for FPort {f_port}")
        self._registered[device.dev_eui].messages.append(Message(f_port, payload, confirmed))

    def queue_mac(self, device: Device, commands: Iterable[bytes]) -> None:
        """Have MAC commands sent in FOpts after the next uplinks, CID first in each."""
        self._registered[device.dev_eui].commands.extend(commands)

    def uplink(
        self,
        time_us: int,
        phy: bytes,
        freq_hz: int,
        sf: int,
        bw_hz: int,
        rssi_dbm: float,
        snr_db: float,
        gateway: str,
    ) -> Verdict:
        """Take an uplink that ended at time_us; the times of successive calls do not go back."""
        data_rate = _DATA_RATE_OF.get((sf, bw_hz))
        if data_rate is None:
            return Verdict(False, f"no data rate has SF{sf} and {bw_hz} Hz")
        while self._receptions:
            oldest = next(iter(self._receptions))
            if time_us - self._receptions[oldest].time_us < _COPIES_US:
                break
            del self._receptions[oldest]
        reception = self._receptions.get(phy)
        if reception is not None:
            self.duplicates += 1
            reception.copies.append((snr_db, gateway))
            reception.refresh()
            return Verdict(False, "duplicate", reception.device)
        reception = _Reception(time_us, freq_hz, data_rate, [(snr_db, gateway)])
        self._receptions[phy] = reception
        try:
            frame = parse(phy)
            if isinstance(frame, JoinRequest):
                return self._join(frame, reception)
            return self._data(phy, frame, reception)
        except LorawanError as error:
            return Verdict(False, error.reason, reception.device)

    def _join(self, request: JoinRequest, reception: _Reception) -> Verdict:
        entry = self._registered.get(request.dev_eui)
        if entry is None:
            raise LorawanError(f"unknown DevEUI {request.dev_eui.hex()}")
        reception.device = device = entry.device
        if request.join_eui != device.join_eui:
            raise LorawanError(f"unknown JoinEUI {request.join_eui.hex()}")
        if not request.mic_ok(device.app_key):
            raise LorawanError("the MIC is wrong")
        if request.dev_nonce <= entry.dev_nonce:  # 6.2.5: a counter
            raise LorawanError(f"DevNonce {request.dev_nonce} seen before")
        entry.dev_nonce = request.dev_nonce
        link = self._known(entry, request.dev_nonce) or self._new(entry, request.dev_nonce)
        entry.join_nonce = link.number
        accept = self._accept(link.number, link.session.dev_addr)
        windows = Windows(_JOIN_ACCEPT_DELAY_S, 0, self._rx[2])
        downlink = self._downlink(reception, windows, accept.build(device.app_key))
        return Verdict(True, "", device, kind="join", downlink=downlink)

    def _accept(self, join_nonce: int, dev_addr: int) -> JoinAccept:
        delay_s, rx1_dr_offset, rx2_data_rate = self._rx
        dl_settings = rx1_dr_offset << 4 | rx2_data_rate
        return JoinAccept(join_nonce, self._net_id, dev_addr, dl_settings, delay_s, self._cf_list)

    def _known(self, entry: _Registered, dev_nonce: int) -> Link | None:
        """The link that this very join opened when it was heard the first time."""
        for link in entry.links:
            accept = self._accept(link.number, link.session.dev_addr)
            if link.number > entry.join_nonce and link.session == accept.session(
                entry.device.app_key, dev_nonce
            ):
                return link
        return None

    def _new(self, entry: _Registered, dev_nonce: int) -> Link:
        while True:  # NwkID of a type 0 NetID, then 25 bits of our own
            dev_addr = (self._net_id & 0x3F) << 25 | self._rng.getrandbits(25)
            if dev_addr not in self._links:
                break
        accept = self._accept(len(entry.links) + 1, dev_addr)
        session = accept.session(entry.device.app_key, dev_nonce)
        entry.device.sessions.append(session)
        return self._link(entry, session)

    def _link(self, entry: _Registered, session: Session) -> Link:
        link = Link(session, len(entry.links) + 1, Windows(*self._rx), self._channels_hz)
        entry.links.append(link)
        self._links.setdefault(session.dev_addr, []).append((entry, link))
        return link

    def _data(self, phy: bytes, frame: DataFrame, reception: _Reception) -> Verdict:
        if frame.downlink:
            raise LorawanError("a downlink")
        problem = LorawanError(f"unknown DevAddr {frame.dev_addr:08x}")
        for entry, link in self._links.get(frame.dev_addr, ()):
            try:
                f_cnt = link.count(phy, frame)
            except CounterSeen as seen:
                return self._seen(phy, frame, seen, entry, link, reception)
            except LorawanError as error:
                problem = error
            else:
                return self._take(phy, frame, f_cnt, entry, link, reception)
        raise problem

    def _seen(
        self,
        phy: bytes,
        frame: DataFrame,
        seen: CounterSeen,
        entry: _Registered,
        link: Link,
        reception: _Reception,
    ) -> Verdict:
        """Refuse a counter; the last confirmed uplink is acknowledged again: the ACK got lost."""
        reception.device, downlink = entry.device, None
        if frame.confirmed and phy == link.last_phy:
            downlink = self._answer(entry, link, frame, [], reception)
        return Verdict(False, seen.reason, entry.device, seen.f_cnt, kind="data", downlink=downlink)

    def _take(
        self,
        phy: bytes,
        frame: DataFrame,
        f_cnt: int,
        entry: _Registered,
        link: Link,
        reception: _Reception,
    ) -> Verdict:
        reception.device = entry.device
        if entry.current is not None and link.number < entry.current.number:
            raise LorawanError("a session from before the last join")
        entry.current, entry.join_nonce = link, max(link.number, entry.join_nonce)
        link.f_cnt_up, link.last_phy = f_cnt, phy
        plain = link.session.decrypt(frame, f_cnt)
        stream = plain.frm_payload if plain.f_port == 0 else plain.f_opts
        commands, _ = maccommands.parse(stream, downlink=False)
        link.hear(commands)
        names = {each.name for each in commands}
        answers = [reception.link_check()] if "LinkCheckReq" in names else []
        if "DeviceTimeReq" in names:
            answers.append(self._device_time(reception.time_us))
        downlink = self._answer(entry, link, plain, answers, reception)
        return Verdict(
            True, "", entry.device, f_cnt, plain.f_port, plain.frm_payload, "data", downlink
        )

    def _answer(
        self,
        entry: _Registered,
        link: Link,
        uplink: DataFrame,
        answers: list[bytes],
        reception: _Reception,
    ) -> Downlink | None:
        _, _, data_rate = link.windows.open(self._window, reception.freq_hz, reception.data_rate)
        longest = DATA_RATES[data_rate][2]
        plain = link.reply(uplink, answers, entry.messages, entry.commands, longest)
        if plain is None:
            return None
        reception.session, reception.plain = link.session, plain
        return self._downlink(reception, link.windows, link.session.seal(plain))

    def _downlink(self, reception: _Reception, windows: Windows, phy: bytes) -> Downlink:
        delay_us, freq_hz, data_rate = windows.open(
            self._window, reception.freq_hz, reception.data_rate
        )
        sf, bw_hz, _ = DATA_RATES[data_rate]
        power_dbm = RX2_POWER_DBM if self._window == 2 else RX1_POWER_DBM
        start_us, gateway = reception.time_us + delay_us, reception.best_gateway()
        reception.downlink = Downlink(start_us, freq_hz, sf, bw_hz, phy, power_dbm, gateway)
        return reception.downlink

    def _device_time(self, time_us: int) -> bytes:
        """Return the DeviceTimeAns: the GPS time at the end of the uplink (5.9)."""
        seconds, rest_us = divmod(self._gps_us + time_us, 1_000_000)
        frac_256 = rest_us * 256 // 1_000_000
        return maccommands.build("DeviceTimeAns", gps_seconds=seconds, frac_256=frac_256)
