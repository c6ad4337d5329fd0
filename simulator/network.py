# SPDX-License-Identifier: MIT
"""A small LoRaWAN network server for tests and for a desk: Class A, 1.0.4.

It is told each uplink with the time of its end, and answers what a gateway should send and when.
It does no I/O and reads no clock. Sections are of TS001-1.0.4.
"""

import random
from collections.abc import Iterable
from datetime import UTC, datetime

from host import maccommands
from host.lorawan import DataFrame, JoinAccept, JoinRequest, LorawanError, Session, parse
from host.maccommands import MacCommand
from simulator import plan
from simulator.adr import Adr
from simulator.device import Acknowledged, Device
from simulator.link import FHDR_AND_PORT, CounterSeen, Link
from simulator.outbox import MAC_TRIES, Message, Outbox, cut
from simulator.reception import Downlink, Reception, Verdict
from simulator.regions import EU868, Region

__all__ = ["Device", "Downlink", "Network", "Verdict"]

_JOIN_ACCEPT_DELAY1_S = 5
_RECEIVE_DELAY1_S = 1
_COPIES_US = 200_000  # copies of one uplink from several gateways come within this
_GPS_EPOCH = datetime(1980, 1, 6, tzinfo=UTC)
_LEAP_S = 18  # GPS is ahead of UTC by this since 2017
_MAX_PAYLOAD = 242


class Registered:
    """A device with its links, oldest first, and what waits for it."""

    def __init__(self, device: Device):
        self.device = device
        self.links: list[Link] = []
        self.current: Link | None = None  # the newest that was used
        self.dev_nonce = -1
        self.join_nonce = 0
        self.outbox = Outbox()


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
        region: Region = EU868,
        adr: bool = False,
        start: datetime = datetime(2026, 1, 5, 8, tzinfo=UTC),
        net_id: int = 0x000013,
        rx1_delay_s: int = 1,
        rx1_dr_offset: int = 0,
        rx2_data_rate: int | None = None,
        downlink_window: int = 1,
        channels_hz: tuple[int, ...] = (),
    ):
        """`start` is the UTC at 0 us; channels_hz go out in the CFList of a join-accept.

        rx2_data_rate None: the region's own.
        """
        if net_id >> 21 or downlink_window not in (1, 2) or not 1 <= rx1_delay_s <= 15:
            raise ValueError("need a NetID of type 0, window 1 or 2, and a delay of 1 to 15 s")
        rx2_data_rate = region.rx2_data_rate if rx2_data_rate is None else rx2_data_rate
        offsets = len(region.rx1_rates[0])
        if not 0 <= rx1_dr_offset < offsets or rx2_data_rate not in region.downlink_rates:
            raise ValueError(
                f"need an RX1DROffset of 0 to {offsets - 1} and an RX2 data rate of {region.name}"
            )
        self.region, self._adr = region, adr
        self._rng, self._net_id, self._window = rng, net_id, downlink_window
        self._rx = (rx1_delay_s, rx1_dr_offset, rx2_data_rate)
        self._cf_list = plan.cf_list(region, channels_hz)
        self._joining = Acknowledged(region, _JOIN_ACCEPT_DELAY1_S, 0, region.rx2_data_rate)
        self._gps_us = round((start - _GPS_EPOCH).total_seconds() + _LEAP_S) * 1_000_000
        self._registered: dict[bytes, Registered] = {}
        self._links: dict[int, list[tuple[Registered, Link]]] = {}
        self._receptions: dict[bytes, Reception] = {}  # of the last 200 ms, by PHYPayload
        self.duplicates = 0
        for device in devices:
            self.register(device)

    def register(self, device: Device) -> None:
        """Take a device in, with the sessions that it has."""
        entry = self._registered[device.dev_eui] = Registered(device)
        for session in device.sessions:
            self._link(entry, session)

    def accept_session(self, device: Device, session: Session) -> None:
        """Take in a session by personalisation: its device listens where the region says."""
        device.sessions.append(session)
        state = Acknowledged(self.region, _RECEIVE_DELAY1_S, 0, self.region.rx2_data_rate)
        self._link(self._registered[device.dev_eui], session, state)

    def registered(self, dev_eui: bytes) -> Registered:
        """What is known of a device. KeyError: it was never registered."""
        return self._registered[dev_eui]

    def forget(self, entry: Registered) -> None:
        """Lose the sessions of a device, as a server does that comes back from an old backup."""
        for dev_addr, links in list(self._links.items()):
            self._links[dev_addr] = [each for each in links if each[0] is not entry]

    def link(self, device: Device) -> Link:
        """The session that a device used last. LookupError: it used none."""
        link = self._registered[device.dev_eui].current
        if link is None:
            raise LookupError(f"{device.name} has not been heard")
        return link

    def queue(self, device: Device, f_port: int, payload: bytes, confirmed: bool = False) -> None:
        """Have a payload sent after an uplink, in its turn. ValueError: it fits no frame."""
        if not 0 <= f_port <= 224 or len(payload) > _MAX_PAYLOAD:
            raise ValueError(f"{len(payload)} bytes for FPort {f_port}")
        outbox = self._registered[device.dev_eui].outbox
        outbox.messages.append(Message(f_port, payload, confirmed))

    def queue_mac(self, device: Device, commands: Iterable[bytes], tries: int = MAC_TRIES) -> None:
        """Have MAC commands sent after the next uplinks, again while they are not answered.

        LinkADRReq in a row stay together. ValueError: these are no commands of a network.
        """
        stream = b"".join(commands)
        blocks, problem = cut(stream, tries)
        if problem is not None:
            raise ValueError(f"{stream.hex()}: {problem}")
        self._registered[device.dev_eui].outbox.blocks.extend(blocks)

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
        data_rate = self.region.uplink_rate(sf, bw_hz)
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
            reception.copy(snr_db, gateway)
            return Verdict(False, "duplicate", reception.device)
        reception = Reception(time_us, freq_hz, data_rate, sf, [(snr_db, gateway)])
        self._receptions[phy] = reception
        try:
            frame = parse(phy)
            if isinstance(frame, JoinRequest):
                return self._join(frame, reception)
            return self._data(phy, frame, reception)
        except LorawanError as error:
            return Verdict(False, error.reason, reception.device)

    def _join(self, request: JoinRequest, reception: Reception) -> Verdict:
        entry = self._registered.get(request.dev_eui)
        if entry is None or entry.device.dev_eui != request.dev_eui:  # somebody mistyped it
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
        downlink = self._downlink(reception, self._joining, accept.build(device.app_key))
        return Verdict(True, "", device, kind="join", downlink=downlink)

    def _accept(self, join_nonce: int, dev_addr: int) -> JoinAccept:
        delay_s, rx1_dr_offset, rx2_data_rate = self._rx
        dl_settings = rx1_dr_offset << 4 | rx2_data_rate
        return JoinAccept(join_nonce, self._net_id, dev_addr, dl_settings, delay_s, self._cf_list)

    def _known(self, entry: Registered, dev_nonce: int) -> Link | None:
        """The link that this very join opened when it was heard the first time."""
        for link in entry.links:
            accept = self._accept(link.number, link.session.dev_addr)
            if link.number > entry.join_nonce and link.session == accept.session(
                entry.device.app_key, dev_nonce
            ):
                return link
        return None

    def _new(self, entry: Registered, dev_nonce: int) -> Link:
        while True:  # NwkID of a type 0 NetID, then 25 bits of our own
            dev_addr = (self._net_id & 0x3F) << 25 | self._rng.getrandbits(25)
            if dev_addr not in self._links:
                break
        accept = self._accept(len(entry.links) + 1, dev_addr)
        session = accept.session(entry.device.app_key, dev_nonce)
        entry.device.sessions.append(session)
        return self._link(entry, session)

    def _link(self, entry: Registered, session: Session, state: Acknowledged | None = None) -> Link:
        if state is None:
            state = Acknowledged(self.region, *self._rx)
            state.plan.take_cf_list(self._cf_list)
        adr = Adr(self.region, state, self._adr)
        link = Link(session, len(entry.links) + 1, state, adr, entry.outbox)
        entry.links.append(link)
        self._links.setdefault(session.dev_addr, []).append((entry, link))
        return link

    def _data(self, phy: bytes, frame: DataFrame, reception: Reception) -> Verdict:
        if frame.downlink:
            raise LorawanError("a downlink")
        problem = LorawanError(f"unknown DevAddr {frame.dev_addr:08x}")
        for entry, link in self._links.get(frame.dev_addr, ()):
            try:
                f_cnt = link.count(phy, frame)
            except CounterSeen as seen:
                reception.device, downlink = entry.device, None
                if phy == link.last_phy:
                    link.lost()
                    plain = link.session.decrypt(frame, seen.f_cnt)
                    downlink = self._answer(link, plain, _commands(plain), reception)
                return Verdict(
                    False, seen.reason, entry.device, seen.f_cnt, kind="data", downlink=downlink
                )
            except LorawanError as error:
                problem = error
            else:
                plain = link.session.decrypt(frame, f_cnt)
                return self._take(phy, plain, entry, link, reception)
        raise problem

    def _take(
        self, phy: bytes, plain: DataFrame, entry: Registered, link: Link, reception: Reception
    ) -> Verdict:
        reception.device, reception.link = entry.device, link
        if entry.current is not None and link.number < entry.current.number:
            raise LorawanError("a session from before the last join")
        if entry.current is not None and link is not entry.current:
            entry.current.lost()
        entry.current, entry.join_nonce = link, max(link.number, entry.join_nonce)
        link.f_cnt_up, link.last_phy, commands = plain.f_cnt, phy, _commands(plain)
        snr_db, _ = reception.copies[0]
        acked = link.hear(plain, commands, reception.data_rate, snr_db)
        downlink = self._answer(link, plain, commands, reception)
        return Verdict(
            True,
            "",
            entry.device,
            plain.f_cnt,
            plain.f_port,
            plain.frm_payload,
            "data",
            acked,
            downlink,
            reception.held,
        )

    def _answer(
        self, link: Link, uplink: DataFrame, commands: list[MacCommand], reception: Reception
    ) -> Downlink | None:
        names = {each.name for each in commands}
        answers = reception.link_check() if "LinkCheckReq" in names else b""
        if "DeviceTimeReq" in names:
            answers += self._device_time(reception.time_us)
        window = link.state.window(self._window, reception.freq_hz, reception.data_rate)
        longest = link.state.longest_down(window.data_rate)
        plain = link.reply(uplink, answers, reception.data_rate, longest)
        if link.held:
            room = longest - FHDR_AND_PORT
            reception.held = (
                f"DR{window.data_rate} carries {room} bytes, the frame needs {link.held}"
            )
        if plain is None:
            return None
        reception.link, reception.plain = link, plain
        return self._downlink(reception, link.state, link.session.seal(plain))

    def _downlink(self, reception: Reception, state: Acknowledged, phy: bytes) -> Downlink:
        window = state.window(self._window, reception.freq_hz, reception.data_rate)
        reception.downlink = Downlink(
            reception.time_us + window.delay_us,
            window.freq_hz,
            *self.region.downlink_rates[window.data_rate],
            phy,
            self.region.power_dbm(window.freq_hz),
            reception.best_gateway(),
        )
        return reception.downlink

    def _device_time(self, time_us: int) -> bytes:
        """Return the DeviceTimeAns: the GPS time at the end of the uplink (5.9)."""
        seconds, rest_us = divmod(self._gps_us + time_us, 1_000_000)
        frac_256 = rest_us * 256 // 1_000_000
        return maccommands.build("DeviceTimeAns", gps_seconds=seconds, frac_256=frac_256)


def _commands(plain: DataFrame) -> list[MacCommand]:
    """The MAC commands of an uplink; an unknown one ends them (5)."""
    stream = plain.frm_payload if plain.f_port == 0 else plain.f_opts
    return maccommands.parse(stream, downlink=False)[0]
